"""The fake stack behind a real port, and a Flower of one answer, for code that opens connections itself."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import threading
import time
import typing as t
from urllib.parse import unquote

from ansible_collections.taskstack.celery.plugins.module_utils._broker.client import NotFound
from fake_stack import FakeBroker

OVERVIEW = {"rabbitmq_version": "4.0.5", "erlang_version": "27.2", "cluster_name": "rabbit@mq1"}


class Now:
    """The clock of a stack that is asked over a real connection."""

    @property
    def now(self) -> float:
        """The time."""
        return time.monotonic()


class _Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: t.Any) -> None:
        """Say nothing."""

    def answer(self, status: int, body: t.Any = None) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def login(self) -> str:
        return base64.b64decode(self.headers.get("Authorization", "").partition(" ")[2]).decode()


@contextlib.contextmanager
def serve(handler: type[_Quiet]) -> t.Iterator[str]:
    """The address of a server that answers so."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def management(
    broker: FakeBroker, login: str = "watcher:secret", denied: t.Collection[str] = ("nodes",), alarm: str = ""
) -> t.ContextManager[str]:
    """The management API of a broker for one login, which may not do what begins with one of ``denied``."""

    class Handler(_Quiet):
        def handle_call(self) -> None:
            path, _, query = self.path.partition("?")
            parts = [unquote(part) for part in path.split("/")[2:]]
            broker.log.append(f"{self.command} {path}")
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
            if self.login() != login or any(self.path.startswith(f"/api/{start}") for start in denied):
                self.answer(401, {"error": "not_authorised", "reason": "Login failed"})
                return
            try:
                self.answer(*self.find(parts, query, body))
            except NotFound as exc:
                self.answer(404, {"error": "Object Not Found", "reason": str(exc)})

        def find(self, parts: list[str], query: str, body: t.Any) -> tuple[int, t.Any]:
            if parts == ["overview"]:
                return 200, OVERVIEW
            if parts == ["nodes"]:
                return 200, [{"enabled_plugins": ["rabbitmq_management"]}]
            if parts == ["health", "checks", "alarms"]:
                return (503, {"status": "failed", "reason": alarm}) if alarm else (200, {"status": "ok"})
            if self.command == "GET":
                return 200, broker.call("GET", self.path) if query else broker.get(*parts)
            if self.command == "DELETE":
                return 204, broker.delete(*parts)
            return 200, getattr(broker, self.command.lower())(*parts, body=body)

        do_GET = do_PUT = do_POST = do_DELETE = handle_call

    return serve(Handler)


def flower(status: int, login: str = "", seconds: float = 0) -> t.ContextManager[str]:
    """A Flower that lets one login in and has the same answer for all pages, after some time."""

    class Handler(_Quiet):
        def do_GET(self) -> None:
            time.sleep(seconds)
            with contextlib.suppress(ConnectionError):
                self.answer(status if self.login() == login else 401)

    return serve(Handler)

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that speaks HTTP to RabbitMQ's management API. Standard library only: it runs on the managed hosts."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import typing as t
from urllib.parse import quote, urlsplit

from .errors import BrokerError, Denied, NotFound, Refused, Unreachable, bad_answer, no_answer, not_rabbitmq

__all__ = ["Broker", "BrokerError", "Denied", "NotFound", "Refused", "Unreachable", "not_rabbitmq", "path"]


def path(*parts: str) -> str:
    """An API path of already separate parts, each quoted: ``path("queues", "a/b c")`` is ``/api/queues/a%2Fb%20c``."""
    return "/api/" + "/".join(quote(part, safe="") for part in parts)


class Broker:
    """One keep-alive connection to the management API.

    ``params`` are the module parameters of the ``broker`` documentation fragment.
    """

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        """Prepare; nothing is sent before the first call."""
        self.url = (params["management_url"] or "http://127.0.0.1:15672").rstrip("/")
        self.user = params["management_user"]
        try:
            parts = urlsplit(self.url)
            port = parts.port or (15671 if parts.scheme == "https" else 15672)
        except ValueError as exc:
            raise BrokerError(f"management_url must look like http://host:15672, not {self.url!r} ({exc}).") from exc
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BrokerError(f"management_url must look like http://host:15672, not {self.url!r}.")
        if not self.user:
            raise BrokerError(f"{self.url} needs a login. Give management_user and management_password.")
        self._prefix = parts.path
        login = f"{self.user}:{params['management_password']}".encode()
        self._headers = {
            "Authorization": "Basic " + base64.b64encode(login).decode(),
            "Content-Type": "application/json",
        }
        if parts.scheme == "https":
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname, port, timeout=params["timeout"], context=_tls(params)
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, port, timeout=params["timeout"])

    def get(self, *parts: str) -> t.Any:
        """The decoded answer to GET."""
        return self.call("GET", path(*parts))

    def put(self, *parts: str, body: t.Any) -> t.Any:
        """Create or replace."""
        return self.call("PUT", path(*parts), body)

    def post(self, *parts: str, body: t.Any) -> t.Any:
        """Do something that is neither creation nor removal."""
        return self.call("POST", path(*parts), body)

    def delete(self, *parts: str) -> t.Any:
        """Remove."""
        return self.call("DELETE", path(*parts))

    def call(self, method: str, api_path: str, body: t.Any = None) -> t.Any:
        """One request; ``api_path`` is quoted already and may carry a query."""
        payload = None if body is None else json.dumps(body)
        # The server closes idle keep-alive connections, which shows only at the next use: once more, on a fresh one.
        for last_chance in (False, True):
            try:
                self._connection.request(method, self._prefix + api_path, payload, self._headers)
                response = self._connection.getresponse()
                content = response.read()
                break
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as exc:
                self._connection.close()
                if last_chance:
                    raise no_answer(self.url, exc) from exc
            # Names that cannot be encoded for a look-up are a UnicodeError.
            except (OSError, http.client.HTTPException, UnicodeError) as exc:
                self._connection.close()
                raise no_answer(self.url, exc) from exc
        if response.status >= 400:
            raise bad_answer(self.url, self.user, f"{method} {self.url}{api_path}", response.status, content)
        if response.status >= 300:
            raise not_rabbitmq(self.url, f"{response.status} {response.reason}", response.getheader("Location") or "")
        try:
            return json.loads(content) if content else None
        except ValueError as exc:
            raise not_rabbitmq(self.url, response.getheader("Content-Type") or "no JSON") from exc

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _tls(params: t.Mapping[str, t.Any]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=params["ca_file"])
        if params["client_cert"]:
            context.load_cert_chain(params["client_cert"], params["client_key"])
    except OSError as exc:
        files = ", ".join(params[name] for name in ("ca_file", "client_cert", "client_key") if params[name])
        raise BrokerError(f"Cannot use the TLS files {files} ({exc}): they must be readable PEM on this host.") from exc
    if not params["validate_certs"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context

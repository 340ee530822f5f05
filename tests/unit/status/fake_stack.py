"""A broker and workers that behave as RabbitMQ's management API and Celery do, without network and waiting."""

from __future__ import annotations

import base64
import json
import pickle
import typing as t
from dataclasses import dataclass, field
from urllib.parse import unquote

from ansible_collections.taskstack.celery.plugins.module_utils._broker.client import NotFound
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError

TYPES = {"json": "application/json", "pickle": "application/x-python-serialize"}


class Bomb:
    """Unpickling this is what must never happen."""

    def __reduce__(self) -> tuple[t.Any, ...]:
        """Explode."""
        return (_explode, ())


def _explode() -> None:
    raise AssertionError("a pickle was decoded")


@dataclass
class Worker:
    """Takes commands in one serializer, answers in one, after ``delay`` seconds; ``frozen`` never."""

    name: str
    tasks: dict[str, list[t.Any]] = field(default_factory=dict)
    pool: str = "prefork"
    takes: str = "json"
    answers: str = "json"
    delay: float = 0.0
    frozen: bool = False
    revoked: set[str] = field(default_factory=set)
    refused: int = 0
    registered: list[str] = field(default_factory=lambda: ["app.add"])
    together: bool = False  # whether it has `taskstack_inspect`
    heard: list[str] = field(default_factory=list)
    queues: tuple[str, ...] = ("celery",)
    done: int = 3
    uptime: int = 60

    def answer(self, method: str, arguments: dict[str, t.Any]) -> t.Any:
        """As Celery answers a command."""
        self.heard.append(method)
        if method == "taskstack_inspect":
            if not self.together:
                return {"error": "KeyError('taskstack_inspect')"}
            return {command: self.answer(command, {}) for command in arguments["commands"]}
        if method == "ping":
            return {"ok": "pong"}
        if method == "stats":
            implementation = f"celery.concurrency.{'thread' if self.pool == 'threads' else self.pool}:TaskPool"
            pool = {"max-concurrency": 2, "implementation": implementation}
            return {"pid": 7, "pool": pool, "total": {"app.add": self.done}, "uptime": self.uptime, "prefetch_count": 8}
        if method == "registered":
            return self.registered
        if method == "report":
            return {"ok": "software -> celery:5.7.0 (x) kombu:5.7.0 py:3.11.2"}
        if method == "active_queues":
            return [{"name": queue, "routing_key": queue, "exchange": {"name": queue}} for queue in self.queues]
        if method == "revoked":
            return sorted(self.revoked)
        if method == "revoke":
            held = {task["id"] for state in ("active", "reserved", "scheduled") for task in self.tasks.get(state, [])}
            if arguments["terminate"] and not held & set(arguments["task_id"]):
                return {"ok": "terminate: tasks unknown"}
            self.revoked |= set(arguments["task_id"])
            if arguments["terminate"] and self.pool == "gevent":
                return {"error": "NotImplementedError('kill_job')"}
            return {"ok": f"tasks {sorted(arguments['task_id'])} flagged as revoked"}
        return self.tasks.get(method, [])


class Clock:
    """Time passes only when somebody sleeps."""

    def __init__(self) -> None:
        """Start at nought."""
        self.now = 0.0

    def monotonic(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds


class FakeBroker:
    """What the modules see of RabbitMQ: bindings, one reply queue at a time, queues of tasks."""

    url = "http://127.0.0.1:15672"

    def __init__(self, workers: t.Iterable[Worker] = (), clock: Clock | None = None, exchange: str = "celery") -> None:
        """Workers are bound from the start."""
        self.workers, self.clock, self.exchange = list(workers), clock or Clock(), exchange
        self.replies: list[tuple[float, dict[str, t.Any]]] = []
        self.queues: dict[str, dict[str, t.Any]] = {}
        self.reply_queues: set[str] = set()
        self.log: list[str] = []

    def get(self, *parts: str) -> t.Any:
        """Bindings of the control exchange."""
        self.log.append(f"GET {'/'.join(parts)}")
        if parts[0] == "exchanges":
            if not self.workers:
                raise NotFound("no such exchange")
            name = f"{self.exchange}.pidbox"
            assert parts[2] == name
            return [{"destination": f"{worker.name}.{name}"} for worker in self.workers] + [{"destination": "other"}]
        raise NotFound(str(parts))

    def call(self, method: str, path: str) -> t.Any:
        """The list of queues."""
        self.log.append(f"{method} {unquote(path)}")
        assert path.startswith("/api/queues/")
        return [{"name": name, **queue} for name, queue in self.queues.items()]

    def put(self, *parts: str, body: t.Any) -> None:
        """Make a reply queue."""
        assert parts[2].startswith("taskstack.inspect."), "the monitor's login may make no other queue"
        assert body["arguments"]["x-expires"]
        self.reply_queues.add(parts[2])

    def delete(self, *parts: str) -> None:
        """Purge, or remove a reply queue."""
        if parts[-1] == "contents":
            self.queues[parts[2]]["messages_ready"] = 0
        else:
            self.reply_queues.remove(parts[2])

    def post(self, *parts: str, body: t.Any) -> t.Any:
        """Publish, or take messages."""
        if parts[-1] == "publish":
            assert parts[2] == f"{self.exchange}.pidbox"
            return self._publish(body)
        if parts[2] in self.queues:
            return self._take(self.queues[parts[2]], body)
        assert parts[2] in self.reply_queues
        ready = [item for item in self.replies if item[0] <= self.clock.now][: body["count"]]
        self.replies = [item for item in self.replies if item not in ready]
        return [message for _, message in ready]

    def _take(self, queue: dict[str, t.Any], body: dict[str, t.Any]) -> list[dict[str, t.Any]]:
        assert body["ackmode"] == "ack_requeue_false"
        waiting = queue["messages_ready"]
        queue["messages_ready"] = max(0, waiting - body["count"])
        return [{"message_count": waiting - 1, "payload": ""}] if waiting else []

    def _publish(self, body: dict[str, t.Any]) -> dict[str, t.Any]:
        assert None not in body["properties"].values(), "RabbitMQ refuses null"
        payload = base64.b64decode(body["payload"])
        kind = body["properties"]["content_type"]
        for worker in self.workers:
            if worker.frozen:
                continue
            if kind != TYPES[worker.takes]:
                worker.refused += 1
                continue
            command = json.loads(payload) if worker.takes == "json" else pickle.loads(payload)
            if worker.name in (command["destination"] or [worker.name]):
                self._reply(worker, command)
        return {"routed": True}

    def _reply(self, worker: Worker, command: dict[str, t.Any]) -> None:
        said: dict[str, t.Any] = {worker.name: worker.answer(command["method"], command["arguments"])}
        unsafe = worker.answers == "pickle"
        payload = pickle.dumps({**said, "bomb": Bomb()}) if unsafe else json.dumps(said).encode()
        message = {
            "properties": {"content_type": TYPES[worker.answers], "headers": {"ticket": command["ticket"]}},
            "payload": base64.b64encode(payload).decode(),
            "payload_encoding": "base64",
        }
        self.replies.append((self.clock.now + worker.delay, message))


class Unasked(FakeBroker):
    """Nothing may be done through this one."""

    def post(self, *parts: str, body: t.Any) -> t.Any:
        """Refuse."""
        raise TaskstackError("this was not to be done")

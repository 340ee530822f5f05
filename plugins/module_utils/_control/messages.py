# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of Celery's remote control, written without Celery. Pure: bytes in, bytes out.

An application may refuse JSON commands (``accept_content``) and may answer in another serializer (``task_serializer``).
Commands can therefore be written in each of Celery's serializers. Answers are only ever read from JSON: unpickling runs
whatever the sender wrote, and this code runs as root.
"""

from __future__ import annotations

import base64
import json
import pickle
import struct
import typing as t
from dataclasses import dataclass

#: All questions in one, for workers that have `taskstack_inspect` loaded.
TOGETHER = "taskstack_inspect"
SERIALIZERS = ("json", "pickle", "yaml", "msgpack")


@dataclass(frozen=True)
class Question:
    """One command as sent; every answer carries its ticket."""

    method: str
    ticket: str
    serializer: str = "json"
    worker: str | None = None  # the only one who is asked, so that the answer need not name it
    arguments: t.Mapping[str, t.Any] | None = None
    workers: tuple[str, ...] = ()  # those who are asked; none: all

    @property
    def methods(self) -> list[str]:
        """What an answer tells: of questions that are put together, more than one thing."""
        return list((self.arguments or {})["commands"]) if self.method == TOGETHER else [self.method]

    def message(self, reply_queue: str, seconds: float | None) -> dict[str, t.Any]:
        """The body of ``POST .../publish``. After ``seconds`` the broker drops what nobody has fetched."""
        payload, content_type, encoding = encode(
            {
                "method": self.method,
                "arguments": dict(self.arguments or {}),
                "destination": [self.worker] if self.worker else list(self.workers) or None,
                "pattern": None,
                "matcher": None,
                "ticket": self.ticket,
                "reply_to": {"exchange": "", "routing_key": reply_queue},
            },
            self.serializer,
        )
        properties = {"content_type": content_type, "content_encoding": encoding, "delivery_mode": 1}
        if seconds is not None:
            properties["expiration"] = str(int(seconds * 1000))
        return {
            "routing_key": "",
            "payload": base64.b64encode(payload).decode(),
            "payload_encoding": "base64",
            "properties": properties,
        }


@dataclass(frozen=True)
class Reply:
    """One answer. ``worker`` is None when the answer cannot be read and the question was for all."""

    method: str
    worker: str | None
    answer: t.Any = None
    unread: bytes = b""
    serializer: str = "json"  # that of the question


def decode(raw: t.Mapping[str, t.Any], questions: t.Mapping[str, Question]) -> list[Reply]:
    """The replies in one message of ``POST /api/queues/.../get``; none if it answers no question of ours."""
    properties = raw.get("properties") or {}
    question = questions.get((properties.get("headers") or {}).get("ticket", ""))
    if question is None:
        return []
    payload = raw["payload"].encode() if raw["payload_encoding"] == "string" else base64.b64decode(raw["payload"])
    if properties.get("content_type") == "application/json":
        try:
            body = json.loads(payload)
        except ValueError:
            body = None
        if isinstance(body, dict):
            return [reply for worker, answer in body.items() for reply in _read(question, worker, answer)]
    # A worker that does not know the question repeats its name.
    methods = [TOGETHER] if question.method == TOGETHER and TOGETHER.encode() in payload else question.methods
    return [Reply(method, question.worker, None, payload, question.serializer) for method in methods]


def _read(question: Question, worker: str, answer: t.Any) -> list[Reply]:
    """Questions that were put together are answered together, unless the worker knows them only one by one."""
    together = question.method == TOGETHER and isinstance(answer, dict) and answer.keys() >= set(question.methods)
    methods = question.methods if together else [question.method]
    return [
        Reply(method, worker, answer[method] if together else answer, b"", question.serializer) for method in methods
    ]


def encode(value: t.Any, serializer: str) -> tuple[bytes, str, str]:
    """Payload, content type and content encoding as kombu writes them."""
    if serializer == "pickle":
        return pickle.dumps(value, protocol=2), "application/x-python-serialize", "binary"
    if serializer == "msgpack":
        return _msgpack(value), "application/x-msgpack", "binary"
    # JSON is YAML too, so the YAML worker reads it as well.
    return json.dumps(value).encode(), "application/x-yaml" if serializer == "yaml" else "application/json", "utf-8"


def _msgpack(value: t.Any) -> bytes:
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode()
        return b"\xdb" + struct.pack(">I", len(text)) + text
    if isinstance(value, dict):
        pairs = b"".join(_msgpack(key) + _msgpack(item) for key, item in value.items())
        return b"\xdf" + struct.pack(">I", len(value)) + pairs
    return b"\xdd" + struct.pack(">I", len(value)) + b"".join(_msgpack(item) for item in value)

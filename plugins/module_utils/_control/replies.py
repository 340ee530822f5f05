# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the answers of live workers mean together: who is silent, who holds which task. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._tasks import LIVE
from .messages import Reply


@dataclass(frozen=True)
class Inspection:
    """Who is bound to the control exchange, and every answer in the order of arrival."""

    known: list[str]
    methods: tuple[str, ...]
    replies: list[Reply] = field(default_factory=list)

    def answers(self) -> dict[str, dict[str, t.Any]]:
        """What could be read, by worker and method; a worker whose answers could not is there with none."""
        found: dict[str, dict[str, t.Any]] = {}
        for reply in self.replies:
            if reply.worker is not None:
                found.setdefault(reply.worker, {}).update({} if reply.unread else {reply.method: reply.answer})
        return found

    def unread(self, *methods: str) -> list[bytes]:
        """Answers in a serializer that is not decoded."""
        return [reply.unread for reply in self.replies if reply.unread and reply.method in methods]

    def silent(self) -> list[str]:
        """Known workers that have not answered everything."""
        answered = {(reply.worker, reply.method) for reply in self.replies if not reply.unread}
        readable = {reply.worker for reply in self.replies if reply.worker and not reply.unread}
        named = {reply.worker for reply in self.replies if reply.worker} - readable
        # Unread answers do not tell whose they are, only how many there are.
        unread = [reply.method for reply in self.replies if reply.unread and reply.worker is None]
        whole = bool(named) and all(unread.count(method) >= len(named) for method in self.methods)
        return [
            worker
            for worker in self.known
            if not (worker in named and whole) and not all((worker, method) in answered for method in self.methods)
        ]


@dataclass(frozen=True)
class Holdings:
    """The tasks that live workers run or keep for later."""

    ids: frozenset[str]
    silent: list[str]
    unread: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, inspection: Inspection) -> Holdings:
        """Read them from the answers to active, reserved and scheduled."""
        tasks = [task for reply in inspection.replies if isinstance(reply.answer, list) for task in reply.answer]
        # A task with an eta is wrapped together with its time.
        ids = {(task.get("request") or task).get("id") for task in tasks}
        unread = inspection.unread(*LIVE)
        return cls(frozenset(ids - {None}), inspection.silent(), tuple(unread))

    def holds(self, task_id: str) -> bool:
        """Whether a live worker has the task. In an answer that must not be decoded, the bytes of the id say so."""
        return task_id in self.ids or any(task_id.encode() in answer for answer in self.unread)

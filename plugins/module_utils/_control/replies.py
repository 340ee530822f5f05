# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the answers of live workers mean together: who is silent, who holds which task. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

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

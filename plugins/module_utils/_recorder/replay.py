# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides which recorded messages are sent again. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatchcase

from .lost import Look, Record

#: What an operator calls the states of kept messages.
STATES = {
    "OPEN": "lost",
    "UNSENT": "lost",
    "FAILURE": "failed",
    "REJECTED": "failed",
    "REVOKED": "revoked",
    "REFUSED": "refused",
}
#: What the publisher answers, as a reason.
REASONS = {
    "held": "a live worker holds the task",
    "gone": "it ended, or was resubmitted by somebody else, in this moment",
    "damaged": "its file is damaged; nothing was sent",
    "unroutable": "no queue takes it: its exchange or queue is gone; it is kept",
    "rejected": "the broker refused it, perhaps because the queue is full; it is kept",
}


#: What Celery's delayed delivery puts before a routing key.
_DELAY = re.compile(r"^(?:[01]\.)+")


@dataclass(frozen=True)
class Wish:
    """Which messages the operator wants; an empty filter lets everything pass."""

    states: t.Sequence[str] = ("lost",)
    tasks: t.Sequence[str] = ()
    queues: t.Sequence[str] = ()
    ids: t.Sequence[str] = ()
    older_than: float | None = None
    newer_than: float | None = None
    limit: int | None = None

    def wants(self, record: Record, now: float) -> bool:
        """Whether a message passes the filters; the limit is not one of them."""
        age = now - record.time
        return (
            STATES[record.state] in self.states
            and (not self.tasks or any(fnmatchcase(record.task, pattern) for pattern in self.tasks))
            and (not self.queues or bool({record.queue, _DELAY.sub("", record.routing_key)} & {*self.queues}))
            and (not self.ids or record.id in self.ids)
            and (self.older_than is None or age >= self.older_than)
            and (self.newer_than is None or age <= self.newer_than)
        )


@dataclass(frozen=True)
class Plan:
    """What was found, what is sent, and why the rest is not."""

    found: list[Record] = field(default_factory=list)
    send: list[Record] = field(default_factory=list)
    skipped: list[tuple[Record, str]] = field(default_factory=list)
    #: By the run of a message that is sent: earlier copies of it, which go with it.
    copies: dict[str, list[Record]] = field(default_factory=dict)
    #: Messages whose task has ended after all: nobody needs them any more.
    drop: list[Record] = field(default_factory=list)


def plan(seen: Look, held: t.Container[str], wish: Wish, now: float) -> Plan:
    """Sort the messages that nobody here works on; ``held`` are the identifiers of tasks in hand anywhere."""
    result = Plan([record for record in seen.gone if wish.wants(record, now)])
    for record in result.found:
        if record.run in seen.over:
            result.skipped.append((record, f"the task has ended after all: {seen.over[record.run]}"))
            result.drop.append(record)
        elif record.run in seen.copies:
            result.skipped.append((record, "the broker delivered it again, and the later copy counts"))
        elif record.id in held:
            result.skipped.append((record, REASONS["held"]))
        elif wish.limit is not None and len(result.send) >= wish.limit:
            result.skipped.append((record, f"over the limit of {wish.limit}"))
        else:
            result.send.append(record)
            result.copies[record.run] = [copy for copy in seen.gone if seen.copies.get(copy.run) == record.run]
    return result


def job(planned: Plan) -> dict[str, t.Any]:
    """What the publisher has to do for it."""
    send = [
        (record.folder, record.file, record.id, [(copy.folder, copy.file) for copy in planned.copies[record.run]])
        for record in planned.send
    ]
    return {"send": send, "drop": [(record.folder, record.file) for record in planned.drop]}


def carried_out(planned: Plan, answers: t.Mapping[str, str]) -> Plan:
    """The plan as the publisher says that it went."""
    result = Plan(planned.found, [], list(planned.skipped))
    for record in planned.send:
        answer = answers.get(record.file, "gone")
        if answer == "published":
            result.send.append(record)
        else:
            result.skipped.append((record, REASONS.get(answer, answer)))
    return result


def summary(result: Plan) -> dict[str, t.Any]:
    """What the module returns. Never the arguments of a task."""
    return {
        "changed": bool(result.send),
        "found": [_about(record) for record in result.found],
        "resubmitted": [_about(record) for record in result.send],
        "skipped": [dict(_about(record), reason=reason) for record, reason in result.skipped],
        "diff": {
            "before": _lines(result.found),
            "after": _lines([record for record in result.found if record not in result.send]),
        },
    }


def _about(record: Record) -> dict[str, t.Any]:
    taken = datetime.fromtimestamp(record.time, timezone.utc).isoformat(timespec="seconds")
    about = {"id": record.id, "name": record.task, "state": STATES[record.state], "queue": record.routing_key}
    return {**about, "worker": record.node, "taken": taken}


def _lines(records: list[Record]) -> str:
    return "".join(f"{STATES[record.state]} {record.task} {record.id}\n" for record in records)

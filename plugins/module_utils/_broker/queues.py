# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queues as the management API tells of them, and what a purge of them would do. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._errors import TaskstackError
from .client import Broker, path

# The result backends rpc and amqp name a client's or a task's queue by its id.
RESULTS = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
COLUMNS = "name,type,state,consumers,message_stats.deliver_get,members,online"


@dataclass(frozen=True)
class Queue:
    """One queue of tasks. ``consumers`` is None as long as the broker has no statistics of a new queue."""

    name: str
    waiting: int
    unacknowledged: int
    consumers: int | None = None
    kind: str = "classic"
    state: str = "running"
    #: How many messages were ever delivered from it, as far as the statistics have got.
    delivered: int | None = None
    #: The nodes of a quorum queue that should have a copy, and those that have one now.
    members: tuple[str, ...] = ()
    online: tuple[str, ...] = ()

    @classmethod
    def read(cls, raw: t.Mapping[str, t.Any], statistics: t.Mapping[str, t.Any]) -> Queue:
        """From the exact counters and from the statistics, which are some seconds old."""
        stats = statistics.get("message_stats") or {}
        return cls(
            raw["name"],
            raw.get("messages_ready") or 0,
            raw.get("messages_unacknowledged") or 0,
            statistics.get("consumers"),
            raw.get("type") or "classic",
            raw.get("state") or "running",
            stats.get("deliver_get"),
            tuple(statistics.get("members") or ()),
            tuple(statistics.get("online") or ()),
        )

    def row(self) -> dict[str, t.Any]:
        """As modules return it."""
        return {
            "name": self.name,
            "waiting": self.waiting,
            "unacknowledged": self.unacknowledged,
            "consumers": self.consumers,
            "type": self.kind,
            "state": self.state,
            "offline": sorted(set(self.members) - set(self.online)) if self.kind == "quorum" else [],
        }


def of_tasks(name: str, exchange: str) -> bool:
    """Whether the queue holds tasks, and not the private talk of workers, monitors and result backends."""
    private = ("celeryev.", "taskstack.", "amq.gen-")
    talk = name.startswith(private) or name.endswith((f".{exchange}.pidbox", f".reply.{exchange}.pidbox"))
    return not talk and not RESULTS.fullmatch(name)


def fetch(broker: Broker, vhost: str, exchange: str) -> list[Queue]:
    """All queues of tasks. Never looks into one: each look counts as a delivery, and quorum queues drop at a limit."""
    # Without statistics the counters are exact; with them they are up to five seconds old.
    exact = broker.call("GET", f"{path('queues', vhost)}?disable_stats=true&enable_queue_totals=true")
    rows = broker.call("GET", f"{path('queues', vhost)}?columns={COLUMNS}")
    statistics = {row["name"]: row for row in rows}
    found = [Queue.read(raw, statistics.get(raw["name"], {})) for raw in exact if of_tasks(raw["name"], exchange)]
    return sorted(found, key=lambda queue: queue.name)


def pick(found: t.Iterable[Queue], names: t.Iterable[str]) -> list[Queue]:
    """The named queues in the order asked for; with an unknown name nothing is done to the known ones either."""
    by_name = {queue.name: queue for queue in found}
    wanted = list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in by_name]
    if unknown:
        raise TaskstackError(
            f"No such queue: {', '.join(unknown)}. Nothing was done. Queues here: {', '.join(by_name) or 'none'}."
        )
    return [by_name[name] for name in wanted]


def purge(broker: Broker, vhost: str, queues: t.Iterable[Queue]) -> dict[str, int]:
    """Empty the queues; how many messages each held."""
    counts = {}
    for queue in queues:
        # A purge does not say how many it removed. Taking the first message away tells how many follow it.
        body = {"count": 1, "ackmode": "ack_requeue_false", "encoding": "base64", "truncate": 1}
        first = broker.post("queues", vhost, queue.name, "get", body=body)
        broker.delete("queues", vhost, queue.name, "contents")
        counts[queue.name] = first[0]["message_count"] + 1 if first else 0
    return counts


def outcome(queues: t.Iterable[Queue], counts: t.Mapping[str, int] | None) -> dict[str, t.Any]:
    """The result of a purge, or without ``counts`` of one that would be: what waited, and what stays with workers."""
    rows: list[dict[str, t.Any]] = [
        {"name": queue.name, "waiting": count, "purged": count, "left": queue.unacknowledged}
        for queue in queues
        for count in [queue.waiting if counts is None else counts[queue.name]]
    ]
    total, left = sum(row["purged"] for row in rows), sum(row["left"] for row in rows)
    verb = "would be" if counts is None else "were"
    message = f"{total} task(s) {verb} thrown away from {', '.join(row['name'] for row in rows)}."
    if left:
        message += f" {left} task(s) that workers have fetched, eta tasks among them, {verb} left alone."
    before = "".join(f"{row['name']}: {row['waiting']} waiting, {row['left']} unacknowledged\n" for row in rows)
    after = "".join(f"{row['name']}: 0 waiting, {row['left']} unacknowledged\n" for row in rows)
    return {"changed": total > 0, "queues": rows, "msg": message, "diff": {"before": before, "after": after}}

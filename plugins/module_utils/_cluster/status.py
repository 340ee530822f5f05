# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a RabbitMQ cluster, and what may be done in it. Pure: no broker, no clock."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

# More replicas than this cost writes and make nothing safer; it is also what RabbitMQ itself gives a new queue.
REPLICAS = 3


@dataclass(frozen=True)
class Status:
    """The cluster as one node sees it."""

    known: frozenset[str]
    running: frozenset[str]
    partitioned: frozenset[str]
    draining: frozenset[str]
    alarms: tuple[str, ...]

    @classmethod
    def from_json(cls, raw: dict[str, t.Any]) -> Status:
        """What C(rabbitmqctl cluster_status) answers."""
        known = frozenset(raw.get("disk_nodes", [])) | frozenset(raw.get("ram_nodes", []))
        maintenance = raw.get("maintenance_status") or {}
        draining = frozenset(node for node, state in maintenance.items() if str(state).startswith("marked"))
        alarms = tuple(sorted({_alarm(alarm) for alarm in raw.get("alarms", [])}))
        # A node that could not start again after a network cut is still called running, yet listens to nobody.
        running = frozenset(node for node in raw.get("running_nodes", []) if raw.get("listeners", {}).get(node))
        return cls(known, running, frozenset(raw.get("partitions") or {}), draining, alarms)


@dataclass(frozen=True)
class Queue:
    """A queue and where its copies are; a classic queue has one copy and no members."""

    vhost: str
    name: str
    kind: str
    members: frozenset[str]
    online: frozenset[str]

    @classmethod
    def from_json(cls, raw: dict[str, t.Any]) -> Queue:
        """What the broker answers, which writes no members as an empty string."""
        copies = _nodes(raw, "members"), _nodes(raw, "online")
        return cls(raw["vhost"], raw["name"], raw.get("type") or "classic", *copies)

    @property
    def replicated(self) -> bool:
        """Whether other nodes can take it over."""
        return self.kind in ("quorum", "stream")

    @property
    def label(self) -> str:
        """How people call it."""
        return f"{self.vhost}:{self.name}"


def _nodes(raw: dict[str, t.Any], key: str) -> frozenset[str]:
    return frozenset(raw.get(key) or [])


def _alarm(raw: t.Any) -> str:
    return f"{raw.get('type', raw)} on {raw.get('node', 'a node')}" if isinstance(raw, dict) else str(raw)


def absent(status: Status, members: list[str]) -> list[str]:
    """Members that do not run."""
    return sorted(set(members) - status.running)


def unlisted(status: Status, members: list[str]) -> list[str]:
    """Nodes that the cluster knows and the inventory does not."""
    return sorted(status.known - set(members))


def cut_off(status: Status) -> list[str]:
    """Nodes that believe in a cluster of their own. RabbitMQ forgets that belief only when it starts."""
    cure = "once the network is whole, restart RabbitMQ on the smaller side"
    return [f"{name} is cut off from others ({cure})" for name in sorted(status.partitioned)]


def lagging(queues: list[Queue], nodes: t.AbstractSet[str]) -> list[str]:
    """Replicated queues that miss a copy on one of these nodes."""
    return sorted(queue.label for queue in queues if queue.replicated and (queue.members - queue.online) & nodes)


def short(queues: list[Queue], node: str, members: list[str]) -> list[Queue]:
    """Quorum queues that should get a copy on that node: they have fewer than they could have."""
    wanted = min(REPLICAS, len(members))
    return [q for q in queues if q.kind == "quorum" and node not in q.members and len(q.members) < wanted]


def stop_problems(status: Status, queues: list[Queue], members: list[str], node: str) -> list[str]:
    """Why that node must not stop now. Stopping it leaves a majority of every queue when there is no reason."""
    others = [member for member in members if member != node]
    found = [f"{name} does not run" for name in absent(status, others)] or _no_majority(status, node)
    found += [f"{name} is in maintenance" for name in sorted(status.draining & set(others))]
    found += cut_off(status)
    found += [f"alarm: {alarm}" for alarm in status.alarms]
    # During maintenance its own copies sleep: a run that was interrupted after the handing over goes on.
    awake = frozenset().union(*(queue.members for queue in queues)) - (status.draining & {node})
    return found + [f"queue {label} waits for a copy" for label in lagging(queues, awake)]


def _no_majority(status: Status, node: str) -> list[str]:
    """Nodes that are gone and not forgotten count too: without a majority of all, those that run would stop."""
    left, known = len(status.running - {node}), len(status.known)
    cure = "let the cluster forget those that are gone: rabbitmq_forget"
    return [] if 2 * left > known or known == 1 else [f"only {left} of {known} known nodes would run ({cure})"]


def settled(status: Status, members: list[str], node: str) -> bool:
    """Whether the cluster is whole and this node takes clients, as far as its status shows."""
    whole = set(members) <= status.known and status.known <= status.running
    return whole and not status.partitioned and node not in status.draining


def astray(mine: Status, theirs: Status | None, node: str) -> bool:
    """Whether the node runs a cluster of its own beside that of the others."""
    return theirs is not None and mine.known == {node} and bool(theirs.known - {node})

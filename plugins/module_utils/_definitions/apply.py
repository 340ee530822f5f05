# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry a plan out with as few requests as possible."""

from __future__ import annotations

import contextlib
import itertools
import json
import typing as t

from .._broker.client import Broker, BrokerError, NotFound, path
from .._errors import TaskstackError
from .document import Entry, body, cleared, entries
from .objects import KINDS, Key, State, from_export
from .plan import Change

# Small enough that one request stays far below the timeout: a virtual host alone takes the broker some 50 ms.
_BATCH = 100
# Seconds after which the count of a quorum queue is surely newer than our look: the broker refreshes it every 5.
_FRESH = 6


def read(broker: Broker, wanted: State) -> tuple[State, str]:
    """What the broker holds, and its version."""
    export = broker.get("definitions")
    current = from_export(export)
    # RabbitMQ before 3.11 exports nothing but the names of virtual hosts: ask once more, and only when it matters.
    if any(wanted["vhosts"].values()) and "metadata" not in export["vhosts"][0]:
        current["vhosts"] = from_export({"vhosts": broker.get("vhosts")})["vhosts"]
    return current, str(export["rabbitmq_version"])


def messages(broker: Broker, changes: list[Change], wait: t.Callable[[int], None] | None) -> dict[Key, int]:
    """The messages in the queues that are to be removed; without ``wait`` as far as they are known now."""
    gone = [change for change in changes if change.kind == "queues" and change.after is None]
    if wait and not all(is_classic(change) for change in gone):
        wait(_FRESH)
    counts: dict[Key, int] = {}
    for vhost in {change.key[0] for change in gone}:
        # Without statistics but with totals: counted now for classic queues, not some seconds ago.
        for queue in broker.call("GET", path("queues", vhost) + "?disable_stats=true&enable_queue_totals=true"):
            counts[(vhost, queue["name"])] = queue.get("messages", 0)
    return counts


def carry_out(broker: Broker, changes: list[Change], current: State, force: bool) -> None:
    """Create and update in batches, then remove."""
    done = 0
    try:
        for key in cleared(changes):
            broker.delete("topic-permissions", *key)
        for batch in _batches(entries(changes, current)):
            broker.post("definitions", body=body(batch))
            done += len(batch)
        for change in changes:
            done += _one_by_one(broker, change, force)
    except BrokerError as exc:
        if not done:
            raise
        raise TaskstackError(
            f"{exc} {done} of {len(changes)} changes had been made before that; the next run goes on from there."
        ) from exc


def _batches(objects: t.Iterator[Entry]) -> t.Iterator[list[Entry]]:
    while True:
        batch = list(itertools.islice(objects, _BATCH))
        if not batch:
            return
        yield batch


def _one_by_one(broker: Broker, change: Change, force: bool) -> int:
    """What an import cannot say. Returns how many changes that made."""
    if change.after is not None:
        if change.kind != "user_limits":
            return 0
        broker.put("user-limits", *change.key, body=change.after)
    elif change.kind != "topic_permissions":
        # Not found: somebody was faster, and it is gone, which is what was asked for.
        with contextlib.suppress(NotFound):
            _remove(broker, change, force)
    return 1


def _remove(broker: Broker, change: Change, force: bool) -> None:
    part = dict(zip(KINDS[change.kind].key, change.key))
    if change.kind == "bindings":
        _remove_binding(broker, part)
    elif change.kind == "parameters":
        broker.delete("parameters", part["component"], part["vhost"], part["name"])
    elif change.kind == "queues" and not force and is_classic(change):
        # Between our look and this request a message may have come: the broker itself decides.
        broker.call("DELETE", path("queues", *change.key) + "?if-empty=true")
    else:
        broker.delete(change.kind.replace("_", "-"), *change.key)


def is_classic(change: Change) -> bool:
    """Whether the queue is of the one type for which the broker knows "delete if empty"."""
    return bool((change.before or {})["arguments"].get("x-queue-type", "classic") == "classic")


def _remove_binding(broker: Broker, part: t.Mapping[str, str]) -> None:
    ends = (part["vhost"], "e", part["source"], part["destination_type"][0], part["destination"])
    for found in broker.get("bindings", *ends):
        if found["routing_key"] == part["routing_key"] and found["arguments"] == json.loads(part["arguments"]):
            broker.delete("bindings", *ends, found["properties_key"])

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a broker's definitions belongs in a backup, and what restoring one would change. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._broker.queues import of_tasks

Item = t.Mapping[str, t.Any]
Definitions = t.Mapping[str, t.Any]
# What tells one object from another, in the order in which the broker needs them.
IDENTITY = {
    "global_parameters": ("name",),
    "vhosts": ("name",),
    "users": ("name",),
    "permissions": ("user", "vhost"),
    "topic_permissions": ("user", "vhost", "exchange"),
    "parameters": ("vhost", "component", "name"),
    "policies": ("vhost", "name"),
    "queues": ("vhost", "name"),
    "exchanges": ("vhost", "name"),
    "bindings": ("vhost", "source", "destination_type", "destination", "routing_key", "arguments"),
}
# An import leaves such an object as it is when it is there already.
FIXED = ("queues", "exchanges")


def plan(saved: Definitions, now: Definitions | None = None) -> dict[str, t.Any]:
    """What to import of saved definitions, by what that changes on a broker that holds ``now``.

    Returns ``definitions``, what to import; ``left_out``, what clients declare again by themselves; ``changes``, names
    of what is missing or differs, by kind; ``fixed``, names of queues and exchanges that cannot be changed; ``lines``,
    all of that for a person.
    """
    wanted = {**saved, **_without_private(saved)}
    changes: dict[str, list[str]] = {}
    fixed: list[str] = []
    for kind in IDENTITY:
        there = {_identity(kind, item): item for item in (now or {}).get(kind) or []}
        for item in wanted.get(kind) or []:
            found = there.get(_identity(kind, item))
            if found is not None and _same(found, item):
                continue
            if found is not None and kind in FIXED:
                fixed.append(f"{kind[:-1]} {_name(kind, item)}")
            else:
                changes.setdefault(kind, []).append(_name(kind, item))
    left_out = {kind: len(saved.get(kind) or []) - len(wanted.get(kind) or []) for kind in ("queues", "bindings")}
    lines = _lines(left_out, changes, fixed)
    return {"definitions": wanted, "left_out": left_out, "changes": changes, "fixed": fixed, "lines": lines}


def _lines(left_out: dict[str, int], changes: dict[str, list[str]], fixed: list[str]) -> list[str]:
    lines = [f"{kind} that are missing or differ: {', '.join(sorted(names))}" for kind, names in changes.items()]
    if any(left_out.values()):
        lines.append(
            f"Left out, since their owners declare them again: {left_out['queues']} private queues of workers and "
            f"clients, {left_out['bindings']} bindings of such queues."
        )
    if fixed:
        lines.append(
            f"Not changed, since they exist with other properties: {', '.join(fixed)}. "
            "Delete them when they are empty, then restore again."
        )
    return lines if changes else [*lines, "Nothing is missing or differs that could be restored."]


def refusal(said: str) -> str:
    """Why the broker refused an import, in a sentence."""
    missing = re.findall(r"resource,<<\"(.*?)\">>,(\w+),\s*<<\"(.*?)\">>", said)
    if missing:
        listed = ", ".join(f"{kind} {name} in vhost {vhost}" for vhost, kind, name in missing)
        return f"The broker refused the definitions, since they refer to what they do not hold: {listed}."
    if "deprecated" in said or "feature" in said.lower():
        return f"This release of RabbitMQ refuses something that the backup holds: {_one_line(said)}."
    return f"The broker refused the definitions: {_one_line(said)}. Does it run, and is its release the same or later?"


def _without_private(saved: Definitions) -> dict[str, list[Item]]:
    """The queues that hold tasks, and the bindings whose two ends are there.

    Workers, Flower and clients that wait for results have queues of their own: exclusive, not durable, or deleted with
    their last consumer. An export leaves out the exclusive ones and keeps their bindings, which no import accepts.
    """
    queues = [queue for queue in saved.get("queues") or [] if not _private(queue)]
    ends = {("queue", queue["vhost"], queue["name"]) for queue in queues}
    ends |= {("exchange", exchange["vhost"], exchange["name"]) for exchange in saved.get("exchanges") or []}

    def there(kind: str, vhost: str, name: str) -> bool:
        builtin = kind == "exchange" and (name == "" or name.startswith("amq."))
        return builtin or (kind, vhost, name) in ends

    bindings = [
        binding
        for binding in saved.get("bindings") or []
        if there("exchange", binding["vhost"], binding["source"])
        and there(binding["destination_type"], binding["vhost"], binding["destination"])
    ]
    return {kind: items for kind, items in (("queues", queues), ("bindings", bindings)) if kind in saved}


def _private(queue: Item) -> bool:
    transient = not queue.get("durable", True) or queue.get("auto_delete") or queue.get("exclusive")
    # The control exchange may have any name here.
    return bool(transient) or queue["name"].endswith(".pidbox") or not of_tasks(queue["name"], "celery")


def _identity(kind: str, item: Item) -> tuple[str, ...]:
    return tuple(repr(item.get(key)) for key in IDENTITY[kind])


def _name(kind: str, item: Item) -> str:
    if kind == "bindings":
        return f"{item['source']} -> {item['destination']}"
    return str(item.get("name") or item.get("user"))


def _same(found: Item, wanted: Item) -> bool:
    """Whether the broker holds what is wanted; a later release of RabbitMQ shows more of an object."""
    return all(_value(found, key) == _value(wanted, key) for key in wanted)


def _value(item: Item, key: str) -> t.Any:
    value = item.get(key)
    if key == "arguments":
        # Shown since RabbitMQ 3.13, also of a queue that was declared without a type.
        return {name: each for name, each in (value or {}).items() if (name, each) != ("x-queue-type", "classic")}
    if key == "metadata":
        return {name: each for name, each in (value or {}).items() if name in ("description", "tags")}
    return value


def _one_line(said: str) -> str:
    return " ".join(said.split())[:400].rstrip(".")

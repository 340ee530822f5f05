# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The import document that a plan amounts to. Pure: what it is sent with is in ``_definitions/apply``."""

from __future__ import annotations

import json
import typing as t

from .objects import KINDS, Fields, Key, State
from .plan import Change

# A list of the import document, and one entry of it.
Entry = tuple[str, Fields]


def entries(changes: list[Change], current: State) -> t.Iterator[Entry]:
    """What is created or updated, in the order in which the broker can take it."""
    limits: dict[str, Fields] = {}
    for change in changes:
        if change.after is None or change.kind == "user_limits":
            continue
        if change.kind == "vhost_limits":
            limits.setdefault(change.key[0], {})[change.key[1]] = change.after["value"]
        else:
            yield _entry(change.kind, change.key, change.after)
    yield from _limits(limits, current)
    yield from _restored(changes, current)


def body(batch: t.Iterable[Entry]) -> dict[str, list[Fields]]:
    """The document of one request."""
    document: dict[str, list[Fields]] = {}
    for name, entry in batch:
        document.setdefault(name, []).append(entry)
    return document


def cleared(changes: list[Change]) -> list[tuple[str, str]]:
    """Virtual host and user of topic permissions that go: the broker takes those of all exchanges at once."""
    gone = [change.key for change in changes if change.kind == "topic_permissions" and change.after is None]
    return sorted({(vhost, user) for vhost, user, _exchange in gone})


def _limits(limits: dict[str, Fields], current: State) -> t.Iterator[Entry]:
    # The limits of a virtual host are one parameter: those that stay have to be sent along.
    for vhost, changed in limits.items():
        kept = {key[1]: fields["value"] for key, fields in current["vhost_limits"].items() if key[0] == vhost}
        yield (
            "parameters",
            {"component": "vhost-limits", "name": "limits", "vhost": vhost, "value": {**kept, **changed}},
        )


def _restored(changes: list[Change], current: State) -> t.Iterator[Entry]:
    gone = cleared(changes)
    touched = {change.key for change in changes if change.kind == "topic_permissions"}
    for key, fields in current["topic_permissions"].items():
        if key[:2] in gone and key not in touched:
            yield _entry("topic_permissions", key, fields)


def _entry(kind: str, key: Key, fields: Fields) -> Entry:
    entry = {**dict(zip(KINDS[kind].key, key)), **fields}
    if kind == "users":
        # As text, which every release takes; before 3.9 nothing else was.
        entry["tags"] = ",".join(entry.get("tags", []))
    elif kind == "vhosts":
        entry["metadata"] = dict(fields)
    elif kind == "bindings":
        entry["arguments"] = json.loads(entry["arguments"])
    elif kind == "operator_policies":
        return "parameters", {"component": "operator_policy", "name": key[1], "vhost": key[0], "value": fields}
    return kind, entry

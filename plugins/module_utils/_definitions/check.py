# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reason not to carry out a plan, found before anything changes."""

from __future__ import annotations

import re
import typing as t

from .objects import KINDS, Fields, Key, State, duplicates, label
from .passwords import is_hash
from .plan import Change
from .policy_keys import wrong_value


def problems(
    params: t.Mapping[str, t.Any], current: State, wanted: State, changes: list[Change], version: str
) -> list[str]:
    """All of them at once, as sentences."""
    found = [
        *duplicates(params),
        *_queue_types(wanted, version),
        *_users(current, wanted),
        *_patterns(wanted),
        *_policies(wanted),
        *_missing(current, wanted),
    ]
    for change in changes:
        if change.after is None and change.kind == "vhosts" and not params["force"]:
            inside = sum(key[0] == change.key[0] for key in current["queues"])
            if inside:
                found.append(f"Virtual host {change.name} still has {inside} queues: remove those first, or say force.")
        elif change.before is not None and change.after is not None and KINDS[change.kind].fixed:
            found.append(_other(change))
    return found


def full_queues(changes: list[Change], messages: t.Mapping[Key, int]) -> list[str]:
    """Queues that would be deleted with messages in them."""
    return [
        f"Queue {change.name} still has {messages[change.key]} messages and is not deleted: "
        "let its consumers empty it, purge it, or say force to lose them."
        for change in changes
        if change.kind == "queues" and change.after is None and messages.get(change.key)
    ]


def _other(change: Change) -> str:
    before, after = change.before or {}, change.after or {}
    parts = [
        f"{field} {before.get(field)!r} instead of {after[field]!r}"
        for field in sorted(after)
        if before.get(field) != after[field]
    ]
    noun = "Queue" if change.kind == "queues" else "Exchange"
    return (
        f"{noun} {change.name} exists with {' and '.join(parts)}, which cannot be altered: "
        "ask for what it has, take another name, or delete it once it is empty and run again. "
        "Limits, times to live and dead-lettering are better set by a policy, which can be changed at any time."
    )


def _queue_types(wanted: State, version: str) -> t.Iterator[str]:
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < (3, 11):
        for key, fields in wanted["vhosts"].items():
            if "default_queue_type" in fields:
                yield (
                    f"Virtual host {key[0]}: default_queue_type needs RabbitMQ 3.11 or later, not {version}. "
                    "Name the type in the arguments of each queue instead."
                )


def _users(current: State, wanted: State) -> t.Iterator[str]:
    for key, fields in wanted["users"].items():
        stored = fields.get("password_hash")
        if "password" not in fields and stored is None and key not in current["users"]:
            yield f"User {key[0]} does not exist yet: give a password, or a password_hash (empty: no password will do)."
        if fields.get("password") == "":
            yield f'User {key[0]}: the password is empty. To forbid logins by password, give password_hash: "".'
        if stored and not is_hash(stored, fields.get("hashing_algorithm", "rabbit_password_hashing_sha256")):
            yield f"User {key[0]}: password_hash is not what RabbitMQ stores, base64 of 4 bytes of salt and the hash."


def _patterns(wanted: State) -> t.Iterator[str]:
    for kind in ("permissions", "topic_permissions", "policies", "operator_policies"):
        for key, fields in wanted[kind].items():
            for field in ("configure", "write", "read", "pattern"):
                try:
                    re.compile(fields.get(field, ""))
                except re.error as exc:
                    yield f"{kind}: {label(kind, key)}: {field} {fields[field]!r} is not a regular expression ({exc})."


def _policies(wanted: State) -> t.Iterator[str]:
    for kind in ("policies", "operator_policies"):
        for key, fields in wanted[kind].items():
            if not fields["definition"]:
                yield f"{kind}: {label(kind, key)} has an empty definition: say at least one thing it sets."
            for name, value in fields["definition"].items():
                wrong = wrong_value(name, value)
                if wrong:
                    yield f"{kind}: {label(kind, key)}: {name} must be {wrong}, not {value!r}."


def _missing(current: State, wanted: State) -> t.Iterator[str]:
    known = {kind: current[kind].keys() | wanted[kind].keys() for kind in KINDS}
    for kind, objects in wanted.items():
        for key in objects:
            part = dict(zip(KINDS[kind].key, key))
            for name in _unknown(kind, part, known):
                yield f"{kind}: {label(kind, key)} needs {name}, which is neither on the broker nor listed."


def _unknown(kind: str, part: Fields, known: dict[str, set[Key]]) -> t.Iterator[str]:
    if KINDS[kind].in_vhost and (part["vhost"],) not in known["vhosts"]:
        yield f"virtual host {part['vhost']!r}"
        return
    if "user" in part and (part["user"],) not in known["users"]:
        yield f"user {part['user']!r}"
    ends = []
    if kind == "bindings":
        ends = [("exchanges", part["source"]), (part["destination_type"] + "s", part["destination"])]
    for kind_of_end, name in ends:
        if (part["vhost"], name) not in known[kind_of_end] and not name.startswith("amq."):
            yield f"{kind_of_end[:-1]} {name!r}"

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to change on the broker: pure, and the only source of check mode, diff and writes."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .objects import KINDS, Fields, Key, Kind, State, label
from .passwords import matches

# The broker's own; clients and the cluster rely on them.
_OWN_GLOBAL_PARAMETERS = {"internal_cluster_id", "cluster_name", "cluster_tags"}


@dataclass(frozen=True)
class Change:
    """One object that is created (no ``before``), updated, or removed (no ``after``)."""

    kind: str
    key: Key
    before: Fields | None
    after: Fields | None

    @property
    def action(self) -> str:
        """In one word, for the result."""
        if self.after is None:
            return "removed"
        return "created" if self.before is None else "changed"

    @property
    def name(self) -> str:
        """For people."""
        return label(self.kind, self.key)


@dataclass(frozen=True)
class Scope:
    """Where ``state=exact`` may remove what is not listed."""

    kinds: frozenset[str]
    vhosts: frozenset[str]
    names: t.Pattern[str]
    # The user the module is logged in as: never removed, nor its permissions.
    login: str

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> Scope:
        """Nothing at all, unless the state is exact."""
        scope = params["scope"] if params["state"] == "exact" else {}
        return cls(
            frozenset(scope.get("kinds") or []),
            frozenset(scope.get("vhosts") or []),
            re.compile(scope.get("names") or ""),
            params["management_user"],
        )

    def covers(self, kind: Kind, key: Key, fields: Fields) -> bool:
        """Whether the object may go when it is not listed."""
        part = dict(zip(kind.key, key))
        return (
            kind.name in self.kinds
            and (not kind.in_vhost or part["vhost"] in self.vhosts)
            and bool(self.names.search(part[kind.named]))
            and not self._is_protected(kind, part, fields)
        )

    def _is_protected(self, kind: Kind, part: t.Mapping[str, str], fields: Fields) -> bool:
        if kind.name == "global_parameters":
            return part["name"] in _OWN_GLOBAL_PARAMETERS
        # Transient queues and exchanges belong to the clients that declared them.
        login = part["name"] if kind.name == "users" else part.get("user")
        return login == self.login or not fields.get("durable", True)


def plan(current: State, wanted: State, scope: Scope) -> list[Change]:
    """The changes in the order of ``KINDS``, created and updated before removed."""
    changes = []
    for name, objects in wanted.items():
        for key, fields in objects.items():
            before = current[name].get(key)
            if before is None:
                changes.append(Change(name, key, None, fields))
            elif not same(name, before, fields):
                changes.append(Change(name, key, before, {**_without_password(name, before, fields), **fields}))
    gone = [
        Change(name, key, fields, None)
        for name, kind in reversed(KINDS.items())
        for key, fields in current[name].items()
        if key not in wanted[name] and scope.covers(kind, key, fields)
    ]
    return changes + _without_parts(gone)


def same(kind: str, have: Fields, want: Fields) -> bool:
    """Whether everything that is asked for is so already."""
    if kind == "users":
        return _same_password(have, want) and want.get("tags", have["tags"]) == have["tags"]
    if kind == "queues":
        # A queue gets its virtual host's default type written into its arguments when it names none itself.
        have = {**have, "arguments": _typed_like(have["arguments"], want["arguments"])}
    return all(have.get(field) == value for field, value in want.items())


def _same_password(have: Fields, want: Fields) -> bool:
    algorithm = have.get("hashing_algorithm", "")
    if "password" in want:
        return matches(want["password"], have.get("password_hash", ""), algorithm)
    if "password_hash" in want:
        same_way = want["password_hash"] == "" or want.get("hashing_algorithm", algorithm) == algorithm
        return same_way and bool(want["password_hash"] == have.get("password_hash"))
    return True


def _without_password(kind: str, before: Fields, fields: Fields) -> Fields:
    if kind != "users" or not fields.keys() & {"password", "password_hash"}:
        return before
    return {key: value for key, value in before.items() if key not in ("password_hash", "hashing_algorithm")}


def _typed_like(have: Fields, want: Fields) -> Fields:
    if "x-queue-type" in want:
        return {"x-queue-type": "classic", **have}
    return {key: value for key, value in have.items() if key != "x-queue-type"}


def _without_parts(gone: list[Change]) -> list[Change]:
    """What disappears by itself with its virtual host, user, queue or exchange is not removed one by one."""
    whole: set[tuple[str, Key]] = {(change.kind, change.key) for change in gone}

    def goes_along(change: Change) -> bool:
        part = dict(zip(KINDS[change.kind].key, change.key))
        owners: set[tuple[str, Key]] = {("vhosts", (part.get("vhost", ""),)), ("users", (part.get("user", ""),))}
        if change.kind == "bindings":
            ends = ("exchanges" if part["destination_type"] == "exchange" else "queues", part["destination"])
            owners |= {("exchanges", (part["vhost"], part["source"])), (ends[0], (part["vhost"], ends[1]))}
        return bool(owners & whole)

    return [change for change in gone if not goes_along(change)]

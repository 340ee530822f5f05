# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Broker objects as plain values: one table of kinds, read from the broker's export and from module parameters."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

Key = tuple[str, ...]
Fields = dict[str, t.Any]
State = dict[str, dict[Key, Fields]]


@dataclass(frozen=True)
class Kind:
    """What identifies an object of this kind, and what can differ about it."""

    name: str
    key: tuple[str, ...]
    fields: tuple[str, ...]
    # The part of the key that a scope's `names` looks at.
    named: str = "name"
    # Queues and exchanges cannot be altered, only deleted and made anew.
    fixed: bool = False

    @property
    def in_vhost(self) -> bool:
        """Whether such objects live inside a virtual host."""
        return self.name != "vhosts" and "vhost" in self.key

    def key_of(self, raw: t.Mapping[str, t.Any]) -> Key:
        """The identity of an object in the broker's or the module's words."""
        return tuple(raw[part] if part != "arguments" else canonical(raw[part]) for part in self.key)


_POLICY = ("pattern", "apply-to", "priority", "definition")
# In the order in which they are created; removal goes backwards.
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("vhosts", ("name",), ("description", "tags", "default_queue_type")),
        Kind("users", ("name",), ("password_hash", "hashing_algorithm", "tags")),
        Kind("permissions", ("vhost", "user"), ("configure", "write", "read"), named="user"),
        Kind("topic_permissions", ("vhost", "user", "exchange"), ("write", "read"), named="user"),
        Kind("user_limits", ("user", "limit"), ("value",), named="user"),
        Kind("vhost_limits", ("vhost", "limit"), ("value",), named="vhost"),
        Kind("global_parameters", ("name",), ("value",)),
        Kind("parameters", ("vhost", "component", "name"), ("value",)),
        Kind("operator_policies", ("vhost", "name"), _POLICY),
        Kind("policies", ("vhost", "name"), _POLICY),
        Kind("exchanges", ("vhost", "name"), ("type", "durable", "auto_delete", "internal", "arguments"), fixed=True),
        Kind("queues", ("vhost", "name"), ("durable", "auto_delete", "arguments"), fixed=True),
        Kind(
            "bindings",
            ("vhost", "source", "destination_type", "destination", "routing_key", "arguments"),
            (),
            named="destination",
        ),
    )
}


def canonical(value: t.Any) -> str:
    """One text per value, so that it can be part of a key."""
    return json.dumps(value, sort_keys=True)


def from_export(export: t.Mapping[str, t.Any]) -> State:
    """The answer to ``GET /api/definitions``."""
    state: State = {name: {} for name in KINDS}
    for name in KINDS.keys() - {"vhosts", "users", "parameters"}:
        for raw in export.get(name, []):
            _put(state, name, raw)
    for raw in export.get("vhosts", []):
        _put(state, "vhosts", {**raw.get("metadata", {}), **raw})
    for raw in export.get("users", []):
        # RabbitMQ before 3.9 wrote the tags as one text.
        tags = raw["tags"] if isinstance(raw["tags"], list) else [tag for tag in raw["tags"].split(",") if tag]
        _put(state, "users", {**raw, "tags": sorted(tags)})
        for limit, value in dict(raw.get("limits") or {}).items():
            _put(state, "user_limits", {"user": raw["name"], "limit": limit, "value": value})
    # Operator policies and limits of virtual hosts are exported as parameters of a component of their own.
    for raw in export.get("parameters", []):
        if raw["component"] == "operator_policy":
            _put(state, "operator_policies", {"vhost": raw["vhost"], "name": raw["name"], **raw["value"]})
        elif raw["component"] == "vhost-limits":
            for limit, value in dict(raw["value"]).items():  # Once all are lifted, RabbitMQ writes an empty list.
                _put(state, "vhost_limits", {"vhost": raw["vhost"], "limit": limit, "value": value})
        else:
            _put(state, "parameters", raw)
    return state


def from_params(params: t.Mapping[str, t.Any]) -> State:
    """The module's parameters; a field that is left out stays as the broker has it."""
    state: State = {name: {} for name in KINDS}
    for name in KINDS:
        for raw in params.get(name) or []:
            for item in _limits(name, raw) if name.endswith("_limits") else [raw]:
                _put(state, name, _wanted(name, item))
    return state


def label(kind: str, key: Key) -> str:
    """How a person finds the object: ``catmaid/celery``."""
    if kind == "bindings":
        vhost, source, _type, destination, routing_key, arguments = key
        extra = "" if arguments == "{}" else f" {arguments}"
        return f"{vhost}/{source} -> {destination} ({routing_key or 'no key'}{extra})"
    return "/".join(key)


def duplicates(params: t.Mapping[str, t.Any]) -> list[str]:
    """Objects that are listed twice: which of the two should win is not for us to guess."""
    found = []
    for name, kind in KINDS.items():
        seen: set[Key] = set()
        for raw in params.get(name) or []:
            for item in _limits(name, raw) if name.endswith("_limits") else [raw]:
                key = kind.key_of(_wanted(name, item))
                if key in seen:
                    found.append(f"{name}: {label(name, key)} is listed twice.")
                seen.add(key)
    return found


def _limits(name: str, raw: t.Mapping[str, t.Any]) -> list[Fields]:
    owner = "vhost" if name == "vhost_limits" else "user"
    return [
        {owner: raw[owner], "limit": option.replace("_", "-"), "value": value}
        for option, value in raw.items()
        if option != owner and value is not None
    ]


def _wanted(name: str, raw: t.Mapping[str, t.Any]) -> Fields:
    fields = {key.replace("apply_to", "apply-to"): value for key, value in raw.items() if value is not None}
    if "tags" in fields:
        fields["tags"] = sorted(fields["tags"])
    # Transient ones vanish with the broker: they are for clients to declare, not for an inventory.
    return {**fields, "durable": True} if name in ("queues", "exchanges") else fields


def _put(state: State, name: str, raw: t.Mapping[str, t.Any]) -> None:
    kind = KINDS[name]
    names = (*kind.fields, "password") if name == "users" else kind.fields
    state[name][kind.key_of(raw)] = {field: raw[field] for field in names if field in raw}

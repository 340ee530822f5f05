# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show a plan: the result's list of changes and Ansible's diff, without a secret in either."""

from __future__ import annotations

import re
import typing as t

from .objects import Fields
from .plan import Change

_LOGIN = re.compile(r"(?<=://)([^/@\s:]*):([^@\s]*)@")


def summary(changes: list[Change]) -> list[dict[str, str]]:
    """One line per object."""
    return [{"kind": change.kind, "name": change.name, "action": change.action} for change in changes]


def diff(changes: list[Change]) -> dict[str, t.Any]:
    """Only what differs, by kind and name."""
    sides: dict[str, dict[str, t.Any]] = {"before": {}, "after": {}}
    for change in changes:
        for side, fields in (("before", change.before), ("after", change.after)):
            if fields is not None:
                sides[side].setdefault(change.kind, {})[change.name] = _shown(change, fields, side)
    return sides


def url_passwords(value: t.Any) -> set[str]:
    """Passwords in addresses anywhere inside a value: shovels and federation upstreams carry them."""
    if isinstance(value, str):
        return {match.group(2) for match in _LOGIN.finditer(value)} - {""}
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return set().union(*(url_passwords(part) for part in parts))


def _shown(change: Change, fields: Fields, side: str) -> Fields:
    if change.kind != "users":
        return t.cast(Fields, _masked(fields))
    shown = {key: value for key, value in fields.items() if key == "tags"}
    if change.after is not None and not _keeps_password(change):
        shown["password"] = "another one" if side == "before" else "as given"
    return shown


def _keeps_password(change: Change) -> bool:
    before, after = change.before or {}, change.after or {}
    return "password" not in after and before.get("password_hash") == after.get("password_hash")


def _masked(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return _LOGIN.sub(r"\1:***@", value)
    if isinstance(value, dict):
        return {key: _masked(part) for key, part in value.items()}
    return [_masked(part) for part in value] if isinstance(value, list) else value

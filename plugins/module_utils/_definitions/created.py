# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual hosts and logins on the stack's list of created things, and logins that are no longer wanted. Pure."""

from __future__ import annotations

import typing as t

from .._files import created as files_created
from .objects import State
from .plan import Change

_KINDS = {"vhosts": "vhost", "users": "login"}


def entries(
    changes: t.Iterable[Change], wanted: State, purposes: t.Mapping[str, str], adopts: bool
) -> list[files_created.Entry]:
    """What the changes create. With ``adopts`` also the logins with a purpose that are there already."""
    created = [(change.kind, change.key) for change in changes if change.action == "created"]
    kept = [("users", key) for key in wanted["users"] if adopts and key[0] in purposes]
    return [
        files_created.entry(_KINDS[kind], key[0], part=purposes.get(key[0], "") if kind == "users" else "")
        for kind, key in dict.fromkeys(created + kept)
        if kind in _KINDS
    ]


def retired(
    listed: t.Iterable[files_created.Entry], current: State, wanted: State, purposes: t.Mapping[str, str], login: str
) -> list[Change]:
    """The logins that an earlier run created for a purpose that has another login now."""
    served = set(purposes.values())
    old = [(item["name"],) for item in listed if item["kind"] == "login" and item.get("part") in served]
    gone = [key for key in old if key in current["users"] and key not in wanted["users"] and key[0] != login]
    return [Change("users", key, current["users"][key], None) for key in gone]

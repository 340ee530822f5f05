# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module ``files`` will do on this host: looked at once, then read by check mode, diff and the real run."""

from __future__ import annotations

import grp
import pwd
import stat
import typing as t
from dataclasses import dataclass

from ansible_collections.taskstack.celery.plugins.module_utils import (
    _access,
    _created,
    _created_files,
    _disk,
    _empty,
    _layout,
)
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError, about


@dataclass(frozen=True)
class Plan:
    """The changes; the directories that go when they are empty; what the stack's list gains and loses."""

    changes: list[_layout.Change]
    empty: list[_layout.Change]
    created: list[_created.Entry]
    forgotten: set[_created.Key]


def make(params: dict[str, t.Any], check_mode: bool, lists: str) -> Plan:
    """Look at what is there and compare. Everything that is refused is refused here, before anything changes."""
    items, wanted, seen = _wanted(params, check_mode)
    _refuse_unwritable(items, seen)
    listed = {_created.key(entry): entry for entry in _created.entries(params.get("stack"), lists)}
    unwanted = _created_files.unwanted(listed.values(), params.get("parts") or [], items)
    changes = _layout.plan(wanted, seen)
    absent = [*params["absent"], *_created_files.exclusive(items)]
    gone = [*map(_disk.facts, absent), *_disk.drafts(node.path for node in wanted)]
    changes += [_layout.Change(found, None) for found in gone if found]
    for entry in unwanted:
        change = _created_files.obsolete(entry, _disk.look(entry["name"], through=entry["kind"] == "block"))
        changes += [change] if change else []
    going = [change.path for change in changes if not change.wanted]
    empty = _empty.plan(params.get("absent_when_empty") or [], going)
    for change in changes + empty:
        _disk.refuse_foreign_links(change)
    forgotten = {_created.key(entry) for entry in unwanted} | {("file", path) for path in going}
    return Plan(changes, empty, _created_files.entries(items, changes, listed), forgotten)


def carry_out(plan: Plan, stack: str | None, lists: str) -> None:
    """Note what is going to be created, change everything, then forget what has gone."""
    if stack:
        _created.note(stack, plan.created, lists)
    for change in plan.changes:
        with about(change.path):
            _disk.apply(change)
    _empty.remove(plan.empty)
    if stack:
        _created.forget(stack, plan.forgotten, lists)


Looked = tuple[list[dict[str, t.Any]], list[_layout.Node], dict[str, _layout.Node]]


def _wanted(params: dict[str, t.Any], check_mode: bool) -> Looked:
    items, wanted, seen = [], [], {}
    for item in _layout.entries(params):
        found = _disk.look(item["path"])
        if found:
            seen[item["path"]] = found
        elif item.get("block") == "":
            # There is nothing to take the lines out of.
            continue
        elif item.get("block") is not None and not check_mode:
            raise TaskstackError(f"{item['path']} is not there to put lines into. Is the application installed?")
        if found and item.get("secret") and item.get("block") and (found.mode or 0) & stat.S_IROTH:
            raise TaskstackError(
                f"{item['path']} gets a password, and everybody may read it. "
                f"Give it to a group of all who need it, then: chmod o-r {item['path']}"
            )
        owner = _disk.number(item["owner"], lambda name: pwd.getpwnam(name).pw_uid, check_mode)
        group = _disk.number(item["group"], lambda name: grp.getgrnam(name).gr_gid, check_mode)
        items.append(item)
        wanted.append(_layout.node(item, found, owner, group))
    return items, wanted, seen


def _refuse_unwritable(items: list[dict[str, t.Any]], seen: t.Container[str]) -> None:
    kept: dict[tuple[str, str], list[str]] = {}
    for item in items:
        if item.get("keep") and item.get("writable_by") and item["path"] in seen:
            kept.setdefault((item["writable_by"], item["group"]), []).append(item["path"])
    for (user, group), paths in kept.items():
        _access.refuse(paths, user, group)

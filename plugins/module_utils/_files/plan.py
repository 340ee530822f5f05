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

from .._errors import TaskstackError, about
from . import access, created_files, disk, layout
from . import created as files_created
from . import empty as files_empty


@dataclass(frozen=True)
class Plan:
    """The changes; the directories that go when they are empty; what the stack's list gains and loses."""

    changes: list[layout.Change]
    empty: list[layout.Change]
    created: list[files_created.Entry]
    forgotten: set[files_created.Key]


def make(params: dict[str, t.Any], check_mode: bool, lists: str) -> Plan:
    """Look at what is there and compare. Everything that is refused is refused here, before anything changes."""
    items, wanted, seen = _wanted(params, check_mode)
    _refuse_unwritable(items, seen)
    listed = {files_created.key(entry): entry for entry in files_created.entries(params.get("stack"), lists)}
    unwanted = created_files.unwanted(listed.values(), params.get("parts") or [], items)
    changes = layout.plan(wanted, seen)
    absent = [*params["absent"], *created_files.exclusive(items)]
    gone = [*map(disk.facts, absent), *disk.drafts(node.path for node in wanted)]
    changes += [layout.Change(found, None) for found in gone if found]
    for entry in unwanted:
        change = created_files.obsolete(entry, disk.look(entry["name"], through=entry["kind"] == "block"))
        changes += [change] if change else []
    going = [change.path for change in changes if not change.wanted]
    empty = files_empty.plan(params.get("absent_when_empty") or [], going)
    for change in changes + empty:
        disk.refuse_foreign_links(change)
    forgotten = {files_created.key(entry) for entry in unwanted} | {("file", path) for path in going}
    return Plan(changes, empty, created_files.entries(items, changes, listed), forgotten)


def carry_out(plan: Plan, stack: str | None, lists: str) -> None:
    """Note what is going to be created, change everything, then forget what has gone."""
    if stack:
        files_created.note(stack, plan.created, lists)
    for change in plan.changes:
        with about(change.path):
            disk.apply(change)
    files_empty.remove(plan.empty)
    if stack:
        files_created.forget(stack, plan.forgotten, lists)


Looked = tuple[list[dict[str, t.Any]], list[layout.Node], dict[str, layout.Node]]


def _wanted(params: dict[str, t.Any], check_mode: bool) -> Looked:
    items, wanted, seen = [], [], {}
    for item in layout.entries(params):
        found = disk.look(item["path"])
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
        owner = disk.number(item["owner"], lambda name: pwd.getpwnam(name).pw_uid, check_mode)
        group = disk.number(item["group"], lambda name: grp.getgrnam(name).gr_gid, check_mode)
        items.append(item)
        wanted.append(layout.node(item, found, owner, group))
    return items, wanted, seen


def _refuse_unwritable(items: list[dict[str, t.Any]], seen: t.Container[str]) -> None:
    kept: dict[tuple[str, str], list[str]] = {}
    for item in items:
        if item.get("keep") and item.get("writable_by") and item["path"] in seen:
            kept.setdefault((item["writable_by"], item["group"]), []).append(item["path"])
    for (user, group), paths in kept.items():
        access.refuse(paths, user, group)

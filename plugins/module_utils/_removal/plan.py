# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the removal of a stack deletes from a host, and what it leaves, with the reason. Pure: a ``Host`` looks.

Three sources, in this order: paths that carry the stack's name in directories of this collection; the list of created
things; and for a host that was deployed before there were lists, what only this collection can have created.
"""

from __future__ import annotations

import os
import shlex
import typing as t

from .._files import created
from .._paths import own_files
from . import unlisted
from .model import VERSIONS, Host, Plan, Stack

SHARED = ("/etc/taskstack", "/usr/local/lib/taskstack", "/opt/taskstack", "/var/lib/taskstack", "/var/log/taskstack")


def own_paths(name: str) -> list[str]:
    """The paths that nobody but this collection uses."""
    return [*own_files(name), *(f"{folder}/{name}" for folder in SHARED[1:])]


def plan(stack: Stack, listed: dict[str, t.Any] | None, host: Host) -> Plan:
    """Read the list; where there is none, or one that was begun later, be cautious."""
    named = own_paths(stack.name)
    found = Plan(absent=list(named))
    entries = listed["entries"] if listed else []
    trees = [item["name"] for item in entries if item.get("part") == "application"]
    for item in entries:
        above = [*named, *SHARED, *(tree for tree in trees if tree != item["name"])]
        own = item.get("part") != "data" and _inside(item["name"], above)
        if item.get("part") == "rabbitmq":
            found.broker_files += [item["name"]] if item["kind"] == "file" else []
        elif not own:
            _PATHS.get(item["kind"], _nothing)(found, item, stack, host)
    complete = bool(listed and listed["complete"])
    if not complete:
        unlisted.unlisted(found, stack, {created.key(item) for item in entries}, host)
    found.absent = [path for tree in found.absent for path in _without(tree, _kept(entries, stack, host), host)]
    found.empty = sorted(set(found.empty) - set(found.absent), key=lambda path: -path.count("/"))
    if stack.accounts:
        unlisted.accounts(found, stack, entries, host, complete)
    return found


def _inside(path: str, folders: t.Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def _nothing(_found: Plan, _item: created.Entry, _stack: Stack, _host: Host) -> None:
    """Accounts and groups come last; what the broker holds goes there."""


def _file(found: Plan, item: created.Entry, _stack: Stack, host: Host) -> None:
    path = item["name"]
    if not host.exists(path):
        return
    if item.get("sha256") in (None, host.digest(path)):
        found.absent.append(path)
    else:
        found.left.append(
            f"{path} stays: it was changed after it had been created. Delete it with: rm {shlex.quote(path)}"
        )


def _block(found: Plan, item: created.Entry, stack: Stack, _host: Host) -> None:
    found.blocks.append({"path": item["name"], "marker": item.get("marker", stack.name)})


def _virtualenv(found: Plan, item: created.Entry, _stack: Stack, host: Host) -> None:
    found.absent += [item["name"] + end for end in VERSIONS if host.exists(item["name"] + end)]


def _directory(found: Plan, item: created.Entry, stack: Stack, host: Host) -> None:
    path = item["name"]
    if item.get("part") == "application" or (item.get("part") == "data" and stack.data):
        found.absent += [path] if host.exists(path) else []
        return
    if item.get("part") == "data" and host.children(path):
        found.left.append(
            f"{path} stays with the files in it, which tasks wrote. Delete it with: rm -r {shlex.quote(path)}, or with "
            "-e remove_data=true."
        )
    found.absent += [path + "/__pycache__"] if host.exists(path + "/__pycache__") else []
    found.empty.append(path)


_PATHS: dict[str, t.Callable[[Plan, created.Entry, Stack, Host], None]] = {
    "file": _file,
    "block": _block,
    "virtualenv": _virtualenv,
    "directory": _directory,
}


def _kept(entries: list[created.Entry], stack: Stack, host: Host) -> list[str]:
    """Directories with files that tasks wrote: they stay also where the directory above them goes."""
    data = [item["name"] for item in entries if item["kind"] == "directory" and item.get("part") == "data"]
    return [] if stack.data else [path for path in data if host.children(path)]


def _without(tree: str, kept: list[str], host: Host) -> t.Iterator[str]:
    if tree in kept:
        return
    if not any(_inside(path, [tree]) for path in kept):
        yield tree
        return
    for name in host.children(tree):
        yield from _without(os.path.join(tree, name), kept, host)

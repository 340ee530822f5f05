# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of what a stack has created on this host. Its removal deletes what is on the list, and nothing else.

One file per stack, in a directory of root. An entry is written before the thing is created: a run that is killed in
between leaves an entry too many, which harms nothing, and never a thing that nobody knows about.
"""

from __future__ import annotations

import hashlib
import json
import os
import typing as t

from .._errors import TaskstackError, about
from . import disk

FORMAT = 1
DIRECTORY = "/var/lib/taskstack/.created"
#: The list of what all stacks of a host share: packages. No stack can have this name.
HOST = ".host"
#: Where a stack has these files, it was deployed before.
DEPLOYED = "/etc/taskstack"

Entry = dict[str, str]
Key = tuple[str, str]


def entry(kind: str, name: str, **more: str) -> Entry:
    """One created thing: its kind, its name or path, and what else matters, as far as it is not empty."""
    return {"kind": kind, "name": name, **{key: value for key, value in more.items() if value}}


def key(item: t.Mapping[str, str]) -> Key:
    """What identifies an entry."""
    return item["kind"], item["name"]


def digest(content: bytes) -> str:
    """By which a file is recognised as the one that was written."""
    return hashlib.sha256(content).hexdigest()


def read(stack: str, directory: str = DIRECTORY) -> dict[str, t.Any] | None:
    """The list of a stack: ``entries``, and ``complete``, whether it was begun before anything was deployed.

    None where there is no list: nothing was deployed, or by an edition that wrote none.
    """
    path = os.path.join(directory, f"{stack}.json")
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        usable = found["format"] == FORMAT
        entries = [{**item, "kind": item["kind"], "name": item["name"]} for item in found["entries"]]
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as exc:
        raise TaskstackError(f"{path} is damaged. Restore it, or move it away: then removal is cautious.") from exc
    if not usable:
        raise TaskstackError(f"{path} was written by a newer release of this collection. Install that one here.")
    return {"entries": entries, "complete": bool(found.get("complete"))}


def is_complete(stack: str, directory: str = DIRECTORY, deployed: str = DEPLOYED) -> bool:
    """Whether the list is, or would be, begun before anything of the stack was deployed."""
    found = read(stack, directory)
    return bool(found["complete"]) if found else not _is_deployed(stack, deployed)


def entries(stack: str | None, directory: str = DIRECTORY) -> list[Entry]:
    """What is on the list of a stack; nothing without a stack or a list."""
    found = read(stack, directory) if stack else None
    return list(found["entries"]) if found else []


def merged(before: dict[str, t.Any] | None, new: t.Iterable[Entry], complete: bool) -> dict[str, t.Any]:
    """The list with more entries; one that is on it already gets the new fields."""
    found = {key(item): item for item in (before or {"entries": []})["entries"]}
    for item in new:
        found[key(item)] = {**found.get(key(item), {}), **item}
    return {"entries": list(found.values()), "complete": before["complete"] if before else complete}


def note(stack: str, new: t.Iterable[Entry], directory: str = DIRECTORY, deployed: str = DEPLOYED) -> bool:
    """Write entries to the list before their things are created; whether that changes the list."""
    before = read(stack, directory)
    after = merged(before, new, not _is_deployed(stack, deployed))
    return after != before and write(stack, after, directory)


def forget(stack: str, gone: t.Collection[Key], directory: str = DIRECTORY) -> None:
    """Take entries off the list once their things have been deleted."""
    before = read(stack, directory)
    if before and any(key(item) in gone for item in before["entries"]):
        write(stack, {**before, "entries": [item for item in before["entries"] if key(item) not in gone]}, directory)


def write(stack: str, content: dict[str, t.Any], directory: str = DIRECTORY) -> bool:
    """Replace the list at once; it is on the disk when this returns."""
    disk.ensure_directory(os.path.dirname(directory), 0o755)
    disk.ensure_directory(directory, 0o700)
    path = os.path.join(directory, f"{stack}.json")
    with about(path):
        disk.write(path, json.dumps({"format": FORMAT, "stack": stack, **content}, indent=1).encode(), 0o600)
    return True


def parents(path: str, exists: t.Callable[[str], bool] = os.path.lexists) -> list[str]:
    """The directories above ``path`` that are missing, the topmost first."""
    found, folder = [], os.path.dirname(path.rstrip("/"))
    while folder and not exists(folder):
        found.append(folder)
        folder = os.path.dirname(folder)
    return found[::-1]


def _is_deployed(stack: str, deployed: str) -> bool:
    try:
        names = os.listdir(deployed)
    except FileNotFoundError:
        return False
    ends = (".json", ".env")
    return any(name.endswith(ends) and (stack == HOST or name in (stack + ends[0], stack + ends[1])) for name in names)

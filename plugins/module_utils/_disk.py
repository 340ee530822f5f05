# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that looks at files and changes them; what is to change is planned in ``_layout``."""

from __future__ import annotations

import os
import stat
import tempfile
import typing as t
from shutil import rmtree

from ansible_collections.taskstack.celery.plugins.module_utils import _layout
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError


def number(name: str, ids: t.Callable[[str], int], check_mode: bool) -> int:
    """The number of an account or group; in check mode one that is yet to be made has an impossible one."""
    try:
        return int(name) if name.isdigit() else ids(name)
    except KeyError as exc:
        if check_mode:
            return -2
        raise TaskstackError(f"There is no account or group {name} on this host. Create it first.") from exc


def look(path: str) -> _layout.Node | None:
    """What is at ``path``, its content included."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    content = None
    if not stat.S_ISDIR(found.st_mode):
        with open(path, "rb") as file:
            content = file.read()
    return _layout.Node(path, found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode), content)


def refuse_foreign_links(path: str, trusted: t.Collection[int] = (0,)) -> None:
    """Root follows no link that somebody else could have laid: it would give away what the link points to."""
    parts = path.strip("/").split("/")
    for end in range(1, len(parts) + 1):
        step = "/" + "/".join(parts[:end])
        if os.path.islink(step) and os.lstat(step).st_uid not in trusted:
            raise TaskstackError(
                f"{step} is a symbolic link that belongs to user id {os.lstat(step).st_uid}. "
                "Put a directory there, or make the link root's own."
            )


def apply(change: _layout.Change) -> None:
    """Carry out one change; a file is replaced at once, never seen half written."""
    new, old = change.wanted, change.seen
    if new is None:
        if old is not None:
            rmtree(old.path) if old.content is None else os.unlink(old.path)
        return
    if new.content is None:
        if old is None:
            os.makedirs(new.path, 0o755)
        _own(os.open(new.path, os.O_RDONLY | os.O_DIRECTORY), new, new)
        return
    os.makedirs(os.path.dirname(new.path), 0o755, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=".taskstack-", dir=os.path.dirname(new.path))
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(new.content)
        _own(handle, new, old or new)
        os.replace(draft, new.path)
    except OSError:
        os.unlink(draft)
        raise


def _own(handle: int, node: _layout.Node, kept: _layout.Node) -> None:
    """Owner and mode, those of ``kept`` where none is asked for. Owner first: that clears bits of the mode."""
    try:
        owner, group, mode = ((b if a is None else a) for a, b in zip(node.whose, kept.whose))
        os.fchown(handle, -1 if owner is None else owner, -1 if group is None else group)
        if mode is not None:
            os.fchmod(handle, mode)
    finally:
        os.close(handle)

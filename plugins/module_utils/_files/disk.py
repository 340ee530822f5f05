# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at files and directories and changes them, by descriptors; ``layout`` plans the changes."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import time
import typing as t

from .._errors import TaskstackError
from . import layout, remove_tree
from . import paths as files_paths

_DRAFT = re.compile(r"\.taskstack-(?:(\d+)-[0-9a-f]{8}|[a-z0-9_]{8})\Z")
_DRAFT_SECONDS = 3600


def number(name: str, ids: t.Callable[[str], int], check_mode: bool) -> int:
    """The number of an account or group; in check mode one that is yet to be made has an impossible one."""
    try:
        return int(name) if name.isdigit() else ids(name)
    except KeyError as exc:
        if check_mode:
            return -2
        raise TaskstackError(f"There is no account or group {name} on this host. Create it first.") from exc


def look(path: str, through: bool = True) -> layout.Node | None:
    """What is at ``path``, the content of a file included; what the owners of links on the way may see, no more.

    Not ``through``: a link at the end is what is looked at.
    """
    return _look(path, through, as_owner=True, content=True)


def facts(path: str) -> layout.Node | None:
    """What is at ``path`` itself, without its content."""
    return _look(path, through=False)


def refuse_foreign_links(change: layout.Change) -> None:
    """Refuse, in check mode too, what ``apply`` would refuse to go through."""
    with contextlib.suppress(FileNotFoundError), files_paths.Location(change.path, through=change.wanted is not None):
        pass


def drafts(paths: t.Iterable[str]) -> list[layout.Node | None]:
    """The copies that interrupted runs have left beside these files: of processes that ended, or an hour old."""
    found: list[layout.Node | None] = []
    for directory in dict.fromkeys(map(os.path.dirname, paths)):
        # Whatever is wrong with the directory has been said of the file in it.
        with contextlib.suppress(OSError, TaskstackError):
            for name in filter(_DRAFT.match, files_paths.names(directory)):
                path = os.path.join(directory, name)
                found += [facts(path)] if _abandoned(path) else []
    return found


def apply(change: layout.Change) -> None:
    """Carry out one change; a file is replaced at once, never seen half written."""
    new, old = change.wanted, change.seen
    with files_paths.Location(change.path, create=new is not None, through=new is not None) as location:
        if old is not None:
            _still_there(location, old)
        if new is None:
            remove_tree.remove(location.name, location.parent)
        elif new.content is None:
            _directory(location, new, old)
        else:
            _replace(location, new, old or new)


def remove_if_empty(change: layout.Change) -> None:
    """Remove a directory that nothing was put into meanwhile."""
    with contextlib.suppress(FileNotFoundError), files_paths.Location(change.path, through=False) as location:
        if change.seen:
            _still_there(location, change.seen)
        try:
            os.rmdir(location.name, dir_fd=location.parent)
        except OSError as exc:
            if exc.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def ensure_directory(path: str, mode: int) -> None:
    """Create a directory where there is none."""
    if facts(path) is None:
        apply(layout.Change(None, layout.Node(path, None, None, mode)))


def write(path: str, content: bytes, mode: int) -> None:
    """Replace a file at once: whoever reads it sees the old content or the new."""
    with files_paths.Location(path) as location:
        new = layout.Node(path, None, None, mode, content)
        _replace(location, new, new)
    for left in drafts([path]):
        apply(layout.Change(left, None))


def _look(path: str, through: bool, as_owner: bool = False, content: bool = False) -> layout.Node | None:
    try:
        with files_paths.Location(path, through=through, as_owner=as_owner) as location:
            found, text = location.lstat(), None
            if found and content and stat.S_ISREG(found.st_mode):
                found, text = location.read()
    except FileNotFoundError:
        return None
    if found is None:
        return None
    whose = (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))
    return layout.Node(path, *whose, text, kind=files_paths.kind(found), identity=found)


def _still_there(location: files_paths.Location, old: layout.Node) -> None:
    now = location.lstat()
    if old.identity and not (now and files_paths.same(now, old.identity)):
        raise TaskstackError(f"{old.path} was replaced by somebody else meanwhile. Run this again.")


def _directory(location: files_paths.Location, new: layout.Node, old: layout.Node | None) -> None:
    if old is None:
        files_paths.make_directory(location.name, location.parent)
    handle = files_paths.open_directory(location.name, location.parent)
    try:
        found = os.fstat(handle)
        if old and old.identity and not files_paths.same(found, old.identity):
            raise TaskstackError(f"{new.path} was replaced by somebody else meanwhile. Run this again.")
        # Who can change the directory above may have put something of root's there that is in it.
        own = (location.owners() | {new.owner}) - {0} if old else set()
        if not location.closed and found.st_uid not in own and os.listdir(handle):
            raise TaskstackError(
                f"{new.path} belongs to user id {found.st_uid} and is not empty, in a directory that other accounts "
                "can change, who could have moved it there. Change its owner and mode yourself, or move it away."
            )
        _own(handle, new, new)
    finally:
        os.close(handle)


def _replace(location: files_paths.Location, new: layout.Node, kept: layout.Node) -> None:
    draft = f".taskstack-{os.getpid()}-{secrets.token_hex(4)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(draft, flags, 0o600, dir_fd=location.parent)
    try:
        with open(handle, "wb") as file:
            file.write(new.content or b"")
            file.flush()
            _own(handle, new, kept, 0o7777 if location.closed else 0o1777)
            os.fsync(handle)
        os.replace(draft, location.name, src_dir_fd=location.parent, dst_dir_fd=location.parent)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=location.parent)
        raise


def _own(handle: int, node: layout.Node, kept: layout.Node, bits: int = 0o7777) -> None:
    """Owner and mode, those of ``kept`` where none is asked for. Owner first: that clears bits of the mode."""
    owner, group = ((b if a is None else a) for a, b in zip(node.whose[:2], kept.whose[:2]))
    os.fchown(handle, -1 if owner is None else owner, -1 if group is None else group)
    mode = node.mode if node.mode is not None or kept.mode is None else kept.mode & bits
    if mode is not None:
        os.fchmod(handle, mode)


def _abandoned(path: str) -> bool:
    match = _DRAFT.match(os.path.basename(path))
    if match and match[1]:
        return not os.path.exists(f"/proc/{match[1]}") and os.path.isdir("/proc/self")
    return time.time() - os.lstat(path).st_mtime > _DRAFT_SECONDS

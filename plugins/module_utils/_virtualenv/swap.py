# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new virtualenv beside the old one, which takes its place by a rename, and the way back.

Everything inside a virtualenv is done as its owner; root renames and removes, relative to the open directory above.
Beside the virtualenv lie ``.next`` (being built), ``.previous`` (the one before) and ``.failed`` (one that was taken
back). ``STAMP.previous`` is there between the swap and the proof that the new one works.
"""

from __future__ import annotations

import os
import typing as t

from .._errors import TaskstackError
from .._files import disk, layout, paths
from . import contents

# Programs of a virtualenv carry its path. Python 2.7 runs this as well.
_RELOCATE = """
import os, sys
old, new = [path.encode(sys.getfilesystemencoding()) for path in sys.argv[1:]]
folder = os.path.join(old, b"bin")
for name in os.listdir(folder):
    path = os.path.join(folder, name)
    if os.path.isfile(path) and not os.path.islink(path):
        with open(path, "rb") as file:
            text = file.read()
        if old in text and b"\\0" not in text:
            with open(path, "wb") as file:
                file.write(text.replace(old, new))
"""


def interrupted(path: str, stamp: str) -> bool:
    """Whether a run ended between the swap and the proof, or between the two renames of a swap."""
    return _is(f"{stamp}.previous") or (not _is(path) and _is(f"{path}.previous"))


def recover(path: str, stamp: str) -> None:
    """Take back what an interrupted run has not finished: it has not shown that the new packages work."""
    if not _is(path) and _is(f"{path}.previous"):
        _rename(f"{path}.previous", path)
    take_back(path, stamp, f"{path}.next")


def take_back(path: str, stamp: str, rejected: str) -> bool:
    """Put the virtualenv before the swap in its place again, and keep the new one as ``rejected``."""
    if not _is(f"{stamp}.previous"):
        return False
    if _is(f"{path}.previous"):
        _remove(rejected)
        if _is(path):
            _rename(path, rejected)
        _rename(f"{path}.previous", path)
    _rename(f"{stamp}.previous", stamp)
    return True


def copy(path: str, user: str) -> None:
    """``PATH.next``, a copy made by the virtualenv's owner."""
    account = contents.account(user)
    _refuse_link(path)
    cure = contents.foreign(path, user)
    if cure:
        raise TaskstackError(cure)
    _remove(f"{path}.next")
    disk.apply(layout.Change(None, layout.Node(f"{path}.next", account.pw_uid, account.pw_gid, 0o755)))
    command = ["cp", "--archive", "--reflink=auto", f"{path}/.", f"{path}.next"]
    contents.as_user(command, user, f"Copying {path}", "Is there space, and may its owner read all of it?")


def build(path: str, python: str, user: str) -> None:
    """``PATH.next``, empty."""
    _refuse_link(path)
    _remove(f"{path}.next")
    contents.make(f"{path}.next", python, user)


def swap(path: str, user: str, stamp: str | None = None) -> None:
    """Let ``PATH.next`` take the place of ``PATH``; with ``stamp`` this is to be proven, and can be taken back."""
    command = [f"{path}.next/bin/python", "-c", _RELOCATE, f"{path}.next", path]
    contents.as_user(command, user, f"Changing the paths in {path}.next", "Look at its directory bin.")
    for left in (f"{path}.previous", f"{path}.failed"):
        _remove(left)
    if stamp:
        seen = disk.look(stamp)
        content = (seen.content if seen else None) or b""
        disk.write(f"{stamp}.previous", content, 0o600)
    if _is(path):
        _rename(path, f"{path}.previous")
    _rename(f"{path}.next", path)


def upgrade(params: t.Mapping[str, t.Any], plan: contents.Plan, what: tuple[t.Any, ...]) -> None:
    """Install into a copy (with another Python into a new virtualenv), and swap."""
    path, user = params["path"], params["user"]
    if plan.rebuild:
        build(path, params["python"], user)
    else:
        copy(path, user)
    contents.install(f"{path}.next", user, *what)
    swap(path, user, params["stamp"])
    if plan.rebuild:
        _note_python(params["stamp"], params["python"])


def _note_python(stamp: str, python: str) -> None:
    """The rest of the stamp is written when the processes restart."""
    seen = disk.look(stamp)
    lines = ((seen.content if seen else None) or b"").decode().splitlines(keepends=True)
    rest = "".join(line for line in lines if not line.startswith("python "))
    disk.write(stamp, f"{rest}python {python}\n".encode(), 0o600)


def _is(path: str) -> bool:
    return disk.facts(path) is not None


def _refuse_link(path: str) -> None:
    found = disk.facts(path)
    if found and found.kind != "directory":
        raise TaskstackError(f"{path} is a {found.kind}. Set taskstack_venv to the directory that it leads to.")


def _remove(path: str) -> None:
    found = disk.facts(path)
    if found:
        disk.apply(layout.Change(found, None))


def _rename(old: str, new: str) -> None:
    """Both names are in one directory."""
    with paths.Location(old, through=False) as location:
        os.rename(location.name, os.path.basename(new), src_dir_fd=location.parent, dst_dir_fd=location.parent)

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove a file, or a directory with all that is in it, by descriptors: no link is followed, no depth is too much."""

from __future__ import annotations

import os
import secrets
import stat

from .._errors import TaskstackError
from . import paths

# Each level holds a descriptor; what is deeper is moved up.
_DEEP = 64


def remove(name: str, parent: int) -> None:
    """Remove what has this name in the open directory ``parent``."""
    if not _is_directory(name, parent):
        os.unlink(name, dir_fd=parent)
        return
    top = paths.open_directory(name, parent)
    try:
        if os.fstat(top).st_dev != os.fstat(parent).st_dev:
            raise _mounted(name)
        while _empty(top, top, 0):
            pass
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=parent)


def _empty(directory: int, top: int, depth: int) -> bool:
    """Remove what is in a directory; True when some of it was moved up to ``top`` instead."""
    moved = False
    for name in os.listdir(directory):
        if not _is_directory(name, directory):
            os.unlink(name, dir_fd=directory)
        elif depth == _DEEP:
            os.rename(name, f".taskstack-{secrets.token_hex(8)}", src_dir_fd=directory, dst_dir_fd=top)
            moved = True
        else:
            inner = paths.open_directory(name, directory)
            try:
                if os.fstat(inner).st_dev != os.fstat(top).st_dev:
                    raise _mounted(name)
                moved = _empty(inner, top, depth + 1) or moved
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=directory)
    return moved


def _is_directory(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _mounted(name: str) -> TaskstackError:
    return TaskstackError(f"Another file system is mounted at {name}. Unmount it first, so that nothing of it is lost.")

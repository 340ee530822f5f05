# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can change a directory, and who may read a file, judged from their owner, group and mode."""

from __future__ import annotations

import functools
import os
import pwd
import stat

#: Root, and the account that this process runs as: what these have put somewhere may be followed.
TRUSTED = frozenset((0, os.geteuid()))


def only_roots(directory: os.stat_result) -> bool:
    """Whether nobody else can create, rename or remove anything in the directory."""
    return directory.st_uid in TRUSTED and not directory.st_mode & 0o022


def fixed(directory: os.stat_result, entry: os.stat_result) -> bool:
    """Whether an entry stays where it is although others can write in its directory, as in /tmp."""
    return directory.st_uid in TRUSTED and bool(directory.st_mode & stat.S_ISVTX) and entry.st_uid in TRUSTED


def may(found: os.stat_result, uid: int | None, bit: int) -> bool:
    """Whether the account (None: any account) may read (4) or enter (1) what was found."""
    if uid is not None and found.st_uid == uid:
        return True
    if uid is not None and found.st_gid in _groups(uid):
        return bool(found.st_mode & bit << 3)
    return bool(found.st_mode & bit)


def placed(directory: os.stat_result, file: os.stat_result) -> bool:
    """Whether those who can put a file into the directory, perhaps as a hard link, may also read it."""
    owner = None if directory.st_uid in TRUSTED else directory.st_uid
    of_group = file.st_gid == directory.st_gid != 0 and bool(file.st_mode & stat.S_IRGRP)
    return of_group or may(file, owner, 4)


@functools.cache
def hard_links_are_protected() -> bool:
    """Whether the kernel lets accounts link only to what they may read and write, as it does by default."""
    try:
        with open("/proc/sys/fs/protected_hardlinks", encoding="ascii") as file:
            return file.read().strip() == "1"
    except OSError:
        return False


@functools.cache
def _groups(uid: int) -> frozenset[int]:
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return frozenset()
    return frozenset(os.getgrouplist(account.pw_name, account.pw_gid))

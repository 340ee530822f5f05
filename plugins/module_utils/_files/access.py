# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an account can write in directories that were there before, which keep their owner and mode."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
import subprocess
import typing as t

from .._errors import TaskstackError

# Asked of the kernel as that account, so that groups and access control lists count.
_ASK = 'for path; do [ -w "$path" ] && [ -x "$path" ] || printf "%s\\0" "$path"; done'


def unwritable(paths: list[str], user: str, group: str) -> list[str]:
    """Those of ``paths`` in which the account cannot write; none for an account that does not exist yet."""
    identity = _identity(user, group)
    if not paths or identity is None:
        return []
    ask = ["/bin/sh", "-c", _ASK, "sh", *paths]
    done = subprocess.run(ask, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=True, **identity)
    return os.fsdecode(done.stdout).split("\0")[:-1]


def _identity(user: str, group: str) -> dict[str, t.Any] | None:
    try:
        account, gid = pwd.getpwnam(user), grp.getgrnam(group).gr_gid
    except KeyError:
        return None
    if account.pw_uid == os.geteuid():
        return {}
    return {"user": account.pw_uid, "group": gid, "extra_groups": os.getgrouplist(user, account.pw_gid)}


def refuse(paths: list[str], user: str, group: str) -> None:
    """End with the commands that give the account access, when it lacks that."""
    wrong = unwritable(paths, user, group)
    if not wrong:
        return
    seen = "; ".join(f"{path} ({_whose(path)})" for path in wrong)
    quoted = " ".join(map(shlex.quote, wrong))
    raise TaskstackError(
        f"Account {user} cannot write in {seen}. These directories were there before, so their owner and mode stay as "
        f"they are. Give the account access, for example: setfacl -R -m u:{user}:rwX -m d:u:{user}:rwX {quoted} "
        f"(package acl), or: chgrp -R {group} {quoted} && chmod -R g+rwX {quoted}"
    )


def _whose(path: str) -> str:
    found = os.stat(path)
    return f"owner {found.st_uid}, group {found.st_gid}, mode {stat.S_IMODE(found.st_mode):04o}"

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a removal has to know of the host: files, accounts, and what an account still owns."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import stat
import subprocess

from .._errors import TaskstackError
from .._files import created

# Files there belong to running programs, or go by themselves.
_PASSING = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp")
# File systems of other machines are not searched: that may take hours.
_REMOTE = re.compile(r"^(nfs|cifs|smb|ceph|gluster|lustre|afs|9p|fuse\.(sshfs|s3|rclone))")


class Host:
    """This host. Nothing here follows a symbolic link at the end of a path."""

    def __init__(self, roots: list[str] | None = None, passing: tuple[str, ...] = _PASSING) -> None:
        """Where an account's files are looked for, and what does not count."""
        self._roots, self._passing = roots, passing

    def exists(self, path: str) -> bool:
        """Whether something is at the path."""
        return os.path.lexists(path)

    def children(self, path: str) -> list[str]:
        """The names in a directory; none where there is no directory."""
        if os.path.islink(path) or not os.path.isdir(path):
            return []
        return sorted(os.listdir(path))

    def digest(self, path: str) -> str:
        """The content of a regular file, by which the list of created things recognises it."""
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            return created.digest(file.read()) if stat.S_ISREG(os.fstat(handle).st_mode) else ""

    def owner(self, path: str) -> int:
        """The user id of the owner."""
        return os.lstat(path).st_uid

    def home(self, account: str) -> str | None:
        """The home of an account."""
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(account).pw_dir
        return None

    def uid(self, account: str) -> int | None:
        """The user id of an account; None when it does not exist."""
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(account).pw_uid
        return None

    def members(self, group: str) -> list[str]:
        """The accounts that belong to a group, also those whose own group it is."""
        with contextlib.suppress(KeyError):
            found = grp.getgrnam(group)
            own = [account.pw_name for account in pwd.getpwall() if account.pw_gid == found.gr_gid]
            return sorted({*own, *found.gr_mem})
        return []

    def used_by(self, account: str, going: list[str]) -> str:
        """In words, the first file that the account owns outside of what goes anyway; empty when there is none."""
        ignored = [f"{path}/*" if name else path for path in (*self._passing, *going) for name in (0, 1)]
        tests = [part for path in ignored for part in ("-path", _quoted(path), "-o")]
        where = ["-xdev", "(", *tests[:-1], ")", "-prune", "-o", "-user", account, "-print", "-quit"]
        find = ["find", *(self._roots or _roots()), *where]
        done = subprocess.run(find, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        # 1: something vanished meanwhile.
        if done.returncode > 1:
            raise TaskstackError(f"Cannot look for files of account {account}: {os.fsdecode(done.stderr)[-300:]}")
        first = os.fsdecode(done.stdout).rstrip("\n")
        return f"it owns {first}" if first else ""


def _quoted(path: str) -> str:
    star = "*" if path.endswith("/*") else ""
    return re.sub(r"([\\*?\[\]])", r"\\\1", path[: len(path) - len(star)]) + star


def _roots() -> list[str]:
    """Where local file systems are mounted, without those on which nothing lasts."""
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
        rows = [line.split() for line in file]
    found = {row[1].encode().decode("unicode_escape") for row in rows if not _REMOTE.match(row[2])}
    passing = ("/proc", "/sys", "/dev", "/run")
    return sorted(path for path in found if os.path.isdir(path) and not path.startswith(passing))

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open what lies below directories that other accounts can change, without being led anywhere else by them.

A path is walked once, directory by directory, each opened relative to the one before and never through a link of
somebody else. Whoever swaps a directory for a link meanwhile changes nothing for the descriptors that are open.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass

from .._errors import TaskstackError
from . import permissions

#: Nothing that a deployment reads is larger.
LIMIT = 16 * 1024 * 1024
_LINKS = 40
_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True)
class Step:
    """An open directory: ``reached`` by names that only root can change, ``closed`` when its own are such names too."""

    handle: int
    found: os.stat_result
    reached: bool
    closed: bool

    @classmethod
    def open(cls, name: str, above: Step | None = None) -> Step:
        """The directory ``name``; an error when it is a link or something else."""
        handle = os.open(name, _DIRECTORY, dir_fd=above.handle if above else None)
        found = os.fstat(handle)
        reached = above is None or above.closed or (above.reached and permissions.fixed(above.found, found))
        return cls(handle, found, reached, reached and permissions.only_roots(found))


class Location:
    """The last name of a path and the open directory that it is in: all further work is relative to that."""

    def __init__(self, path: str, create: bool = False, through: bool = True, as_owner: bool = False) -> None:
        """Walk to ``path``. FileNotFoundError when a directory is missing and they are not to be created.

        ``through``: a link at the end is followed as well, like those on the way.
        ``as_owner``: links of others are followed to what those others may read, for reading alone.
        """
        self.path, self._create, self._as_owner = path, create, as_owner
        self._linkers: list[int | None] = []
        self._steps = [Step.open("/")]
        try:
            self.name = self._walk(through)
        except BaseException as exc:
            self.close()
            if isinstance(exc, OSError) and exc.errno:
                raise OSError(exc.errno, exc.strerror, path) from exc
            raise

    def __enter__(self) -> Location:
        return self

    def __exit__(self, _kind: object, error: object, _trace: object) -> None:
        self.close()
        # Relative to a descriptor, the operating system names no path.
        if isinstance(error, OSError):
            error.filename, error.filename2 = self.path, None

    def close(self) -> None:
        """Close what is open."""
        while self._steps:
            os.close(self._steps.pop().handle)

    @property
    def parent(self) -> int:
        """The directory's descriptor, for ``dir_fd``."""
        return self._steps[-1].handle

    @property
    def closed(self) -> bool:
        """Whether nobody but root can change what this path leads to."""
        return self._steps[-1].closed

    def owners(self) -> set[int]:
        """The accounts, other than root's, that own a directory on the way."""
        return {step.found.st_uid for step in self._steps} - permissions.TRUSTED

    def lstat(self) -> os.stat_result | None:
        """What is there, a link not followed."""
        return _lstat(self.name, self.parent)

    def open_file(self) -> int:
        """A descriptor of the file, opened without waiting; only what those may read who could have put it there."""
        planned = self.lstat()
        if planned is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.path)
        if not stat.S_ISREG(planned.st_mode):
            raise TaskstackError(f"{self.path} should be a file, but is a {kind(planned)}. Move it away.")
        handle = os.open(self.name, _FILE, dir_fd=self.parent)
        try:
            found = os.fstat(handle)
            if not same(planned, found):
                raise TaskstackError(f"{self.path} changed while it was read. Run this again.")
            single = max(planned.st_nlink, found.st_nlink) == 1 and permissions.hard_links_are_protected()
            shown = self.closed or single or permissions.placed(self._steps[-1].found, found)
            if not shown or not all(permissions.may(found, who, 4) for who in self._linkers):
                raise TaskstackError(
                    f"{self.path} belongs to user id {found.st_uid}, and whoever can change its directory may not "
                    "read it. Move it away, or give it to the account that owns the directory."
                )
        except BaseException:
            os.close(handle)
            raise
        return handle

    def read(self, limit: int = LIMIT) -> tuple[os.stat_result, bytes]:
        """The file's facts and its content, at most ``limit`` bytes."""
        with open(self.open_file(), "rb") as file:
            found = os.fstat(file.fileno())
            content = b"" if found.st_size > limit else file.read(limit + 1)
        if max(found.st_size, len(content)) > limit:
            raise TaskstackError(f"{self.path} is larger than {limit} bytes. Move it away.")
        return found, content

    def _walk(self, through: bool) -> str:
        todo, links = _names(self.path), 0
        while True:
            name, here = todo.pop(), self._steps[-1]
            if name == "..":
                if len(self._steps) > 1:
                    os.close(self._steps.pop().handle)
                if todo:
                    continue
                name, here = ".", self._steps[-1]
            found = _lstat(name, here.handle)
            if found and stat.S_ISLNK(found.st_mode) and (todo or through):
                links += 1
                if links > _LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                self._judge(name, here, found)
                target = os.readlink(name, dir_fd=here.handle)
                while target.startswith("/") and len(self._steps) > 1:
                    os.close(self._steps.pop().handle)
                todo += _names(target)
                continue
            if not todo:
                return name
            if found is None and self._create:
                make_directory(name, here.handle)
            self._steps.append(Step.open(name, here))
            if not all(permissions.may(self._steps[-1].found, who, 1) for who in self._linkers):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def _judge(self, name: str, here: Step, link: os.stat_result) -> None:
        """Root follows no link that somebody else could have put there: it would give away what the link leads to."""
        if here.closed and link.st_uid in permissions.TRUSTED:
            return
        who = next((uid for uid in (link.st_uid, here.found.st_uid) if uid not in permissions.TRUSTED), None)
        if not self._as_owner:
            raise TaskstackError(
                f"{name} in {self.path} is a symbolic link that "
                + (f"user id {who}" if who is not None else "other accounts")
                + " could have put there. Put a directory or file there, or use the path that it leads to."
            )
        self._linkers.append(who)


def read(path: str, limit: int = LIMIT, as_owner: bool = False) -> bytes:
    """The content of a regular file of at most ``limit`` bytes; never waits, and follows links of root alone.

    With ``as_owner`` also links of others, to what those others may read themselves.
    """
    with Location(path, as_owner=as_owner) as location:
        return location.read(limit)[1]


def names(path: str, as_owner: bool = False) -> list[str]:
    """The names in a directory."""
    with Location(path, as_owner=as_owner) as location:
        handle = open_directory(location.name, location.parent)
        try:
            return os.listdir(handle)
        finally:
            os.close(handle)


def open_directory(name: str, parent: int) -> int:
    """A descriptor of a directory, to list or change it."""
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)


def make_directory(name: str, parent: int) -> None:
    """A directory with mode 0755, whatever umask says."""
    before = os.umask(0o022)
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        # Somebody else was faster; whether it is a directory will be seen when it is opened.
        return
    finally:
        os.umask(before)


def same(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether both are of one file."""
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def kind(found: os.stat_result) -> str:
    """What it is, in a word."""
    kinds = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "directory"), (stat.S_ISLNK, "symbolic link"))
    others = ((stat.S_ISFIFO, "named pipe"), (stat.S_ISSOCK, "socket"))
    return next((word for test, word in (*kinds, *others) if test(found.st_mode)), "device")


def _lstat(name: str, parent: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _names(path: str) -> list[str]:
    """The names of a path, the first one last; ``.`` for the root directory."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")] or ["."]

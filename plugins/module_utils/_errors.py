# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that a person reads. Everything below ``main()`` raises; ``main()`` makes one sentence of it."""

from __future__ import annotations

import contextlib
import errno
import re
import typing as t


class TaskstackError(Exception):
    """What was tried, what came back, and what to do next, in one sentence or a few."""


# What a module may end with. Anything else is a bug, and its traceback belongs into the report of it.
FAILURES = (TaskstackError, OSError)

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
# C0 without tab and line feed, DEL and C1, and what changes the direction of writing.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FULL = "The disk is full: free some space there and run this again."
_CURES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: "The file system is read-only: remount it writable and run this again.",
    errno.EACCES: "Run this as root (become: true).",
    errno.EPERM: "Run this as root (become: true).",
}


def plain(text: str) -> str:
    """A string of foreign origin without what could act on a terminal: control characters are shown, not sent."""
    text = _ESCAPES.sub("", text.replace("\r\n", "\n"))
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def sentence(exc: BaseException) -> str:
    """What ``main()`` hands to ``fail_json`` for one of FAILURES."""
    if not isinstance(exc, OSError):
        return plain(str(exc))
    reason = exc.strerror or str(exc) or type(exc).__name__
    what = f"Cannot use {exc.filename} ({reason})." if exc.filename else f"The operating system refused: {reason}."
    return plain(f"{what} {_CURES.get(exc.errno or 0, '')}".rstrip())


@contextlib.contextmanager
def about(path: str) -> t.Iterator[None]:
    """Give errors of the operating system the path that they are about, which writing to an open file does not."""
    try:
        yield
    except OSError as exc:
        exc.filename = exc.filename or path
        raise

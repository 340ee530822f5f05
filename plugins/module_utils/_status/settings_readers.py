# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the application, such as a web server, that started before its settings changed and use the old ones."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

#: Seconds by which the start of a process and the time of a file may differ without a meaning.
TOLERANCE = 2.0


@dataclass(frozen=True)
class Reader:
    """A process that runs code of the application's virtualenv."""

    pid: int
    parent: int
    started: float
    argv: tuple[str, ...]


def outdated(readers: t.Iterable[Reader], changed: float, venv: str) -> list[dict[str, t.Any]]:
    """The processes that started before the change, without Celery's and without children: ``pid`` and ``name``."""
    by_pid = {reader.pid: reader for reader in readers}
    celery = {pid for pid, reader in by_pid.items() if _is_celery(reader.argv, venv)}

    def supervised(pid: int) -> bool:
        return pid in celery or (pid in by_pid and supervised(by_pid[pid].parent))

    old = {pid for pid, one in by_pid.items() if one.started < changed - TOLERANCE and not supervised(pid)}
    roots = sorted(pid for pid in old if by_pid[pid].parent not in old)
    return [{"pid": pid, "name": _name(by_pid[pid].argv)} for pid in roots]


def _is_celery(argv: t.Sequence[str], venv: str) -> bool:
    return bool(argv) and (argv[0].startswith("[celery") or f"{venv}/bin/celery" in argv[:2])


def _name(argv: t.Sequence[str]) -> str:
    """The program: with an interpreter, what it runs."""
    words = [os.path.basename(word) for word in argv[:2] if not word.startswith("-")]
    return words[1] if len(words) > 1 and words[0].startswith("python") else words[0] if words else "?"


def look(settings_file: str | None, venv: str, root: str = "/proc") -> list[dict[str, t.Any]]:
    """The outdated processes of this host; none where no settings file is managed, or it is not there."""
    try:
        changed = os.stat(settings_file).st_mtime if settings_file else None
    except OSError:
        changed = None
    return outdated(_readers(venv, root), changed, venv) if changed is not None else []


def _readers(venv: str, root: str) -> t.Iterator[Reader]:
    with open(f"{root}/stat", encoding="ascii") as stream:
        boot = next((float(line.split()[1]) for line in stream if line.startswith("btime ")), 0.0)
    ticks = os.sysconf("SC_CLK_TCK")
    for pid in filter(str.isdigit, os.listdir(root)):
        try:
            with open(f"{root}/{pid}/cmdline", "rb") as stream_of_words:
                argv = stream_of_words.read().decode("utf-8", "replace").rstrip("\0").split("\0")
            # A web server with an embedded interpreter has nothing of the application in its command line.
            if not any(word.startswith(f"{venv}/bin/") for word in argv[:2]) and not _maps(f"{root}/{pid}/maps", venv):
                continue
            with open(f"{root}/{pid}/stat", "rb") as stream_of_fields:
                fields = stream_of_fields.read().rpartition(b")")[2].split()
        except OSError:
            continue
        yield Reader(int(pid), int(fields[1]), boot + int(fields[19]) / ticks, tuple(argv))


def _maps(path: str, venv: str) -> bool:
    """Whether a process has a library of the virtualenv in its memory."""
    with open(path, "rb") as stream:
        return f" {venv}/lib".encode() in stream.read()

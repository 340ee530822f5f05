# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the messages that the recorder keeps (``taskstack_records.py`` wrote them), and never changes them.

docs/recorder.md says what lies where.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import typing as t
import zlib
from dataclasses import dataclass

#: How a message in ``failed`` ended, by the end of its file's name.
KEPT = ("FAILURE", "REJECTED", "REVOKED", "REFUSED", "UNSENT")


@dataclass(frozen=True)
class Record:
    """One kept message: where it lies, and what is known without its content."""

    folder: str
    file: str
    state: str
    run: str
    id: str
    retries: int
    task: str
    time: float
    node: str
    pid: int
    born: str | None
    exchange: str
    routing_key: str
    redelivered: bool
    held: bool

    @classmethod
    def load(cls, directory: str, folder: str, file: str) -> Record:
        """Read the first line of a message file; ValueError when the file is not whole, OSError when it has gone."""
        path = os.path.join(directory, folder, file)
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            line = stream.readline()
            if file.endswith(".slot") and not line.strip(b"\0"):
                raise FileNotFoundError(file)
            head = json.loads(line)
            body = stream.read(head["length"])
            if len(body) != head["length"] or zlib.crc32(body) != head["checksum"]:
                raise ValueError("The checksum does not match.")
            held = file.endswith(".slot") and _locked(stream)
        texts = {name: str(head[name] or "") for name in ("run", "id", "task", "node", "exchange", "routing_key")}
        # open/<run>, failed/<run>.<state>, sending/<batch>/<number>.<run>[.<state>]
        end = file.rpartition(".")[2]
        state = end if end in KEPT else "OPEN"
        return cls(
            folder=folder,
            file=file,
            state=state,
            retries=int(head["retries"]),
            time=float(head["time"]),
            pid=int(head["pid"]),
            born=head["born"],
            redelivered=bool(head["redelivered"]),
            held=held,
            **texts,
        )

    def running(self) -> bool:
        """Whether the worker still has its hands on the message, or the task's process lives on without it."""
        if self.held:
            return True
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            return False
        return fields[0] not in (b"Z", b"X") and self.born == f"{_boot()}:{fields[19].decode()}"


def _locked(stream: t.BinaryIO) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


@functools.cache
def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id") as stream:
        return stream.read(8)


def kept(directory: str, folder: str) -> tuple[list[Record], list[str]]:
    """The messages in a folder, oldest first, and the names of the damaged files."""
    records, damaged = [], []
    for file in names(directory, folder):
        try:
            records.append(Record.load(directory, folder, file))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError):
            damaged.append(file)
    return sorted(records, key=lambda record: record.time), damaged


def names(directory: str, folder: str) -> list[str]:
    """The files of a folder; none where there is no such folder."""
    try:
        return os.listdir(os.path.join(directory, folder))
    except OSError:
        return []

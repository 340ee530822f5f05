# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides by the history how the tasks of kept messages have ended, and which are lost."""

from __future__ import annotations

import io
import json
import os
import typing as t
from dataclasses import replace

from ansible_collections.taskstack.celery.plugins.module_utils._records import Record, kept, names

#: Ends after which a message is kept.
BAD = ("FAILURE", "REJECTED", "REVOKED", "UNSENT")
#: Nobody knows that the task has ended; or it wanted another attempt, which the broker did not get.
LOST = ("OPEN", "UNSENT")
#: Enough bytes for one line of the history.
LINE_BYTES = 300


def history(directory: str, tail: int | None = None) -> t.Iterator[tuple[str, list[t.Any]]]:
    """Node and line, newest hour first; with ``tail`` only about so many of the newest lines.

    A damaged line is left out.
    """
    count, hour = 0, ""
    for file in sorted(names(directory, "history"), reverse=True):
        if tail is not None and count >= tail and not file.startswith(hour):
            return
        hour, node = file.rpartition(".")[0].partition(".")[::2]
        try:
            with open(os.open(os.path.join(directory, "history", file), os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
                if tail is not None and os.fstat(stream.fileno()).st_size > tail * LINE_BYTES:
                    stream.seek(-tail * LINE_BYTES, io.SEEK_END)
                    stream.readline()
                for line in stream:
                    fields = _fields(line)
                    if fields:
                        count += 1
                        yield node, fields
        except OSError:
            continue


def _fields(line: bytes) -> list[t.Any] | None:
    """A line of the history: state, identifier, retries, name, beginning, end, run. None when it is damaged."""
    try:
        fields = json.loads(line)
        state, task_id, retries, _name, _began, ended, _run = fields
        whole = isinstance(state, str) and isinstance(task_id, str) and retries >= 0 and ended >= 0
    except (ValueError, TypeError):
        return None
    return fields if whole else None


def verdicts(records: list[Record], directory: str, own: bool = False) -> dict[str, str]:
    """By run: how the task of a message that nobody works on has ended after all; those without a verdict have not.

    The end is noted by the process that ran the task, perhaps before the main one notes the message. A message that the
    broker delivered again, or an attempt that was followed by the next, has the same identifier and a later end.
    """
    wanted: dict[str, list[Record]] = {}
    for record in records:
        wanted.setdefault(record.id, []).append(record)
    found: dict[str, str] = {}
    for _node, (state, task_id, retries, _name, _began, ended, run) in history(directory) if wanted else ():
        for record in wanted.get(task_id, ()) if state != "RESUBMITTED" else ():
            own_end = run == record.run and record.state == "OPEN"
            later = not own and run != record.run and ended > record.time and _covers(state, retries, record)
            if own_end or later:
                # A success of any copy settles it; where its own process and the main one differ, the worse is true.
                best = "SUCCESS" if later else "FAILURE"
                found[record.run] = best if best in (state, found.get(record.run)) else state
    return found


def _covers(state: str, retries: int, record: Record) -> bool:
    return retries >= record.retries and (record.state == "OPEN" or state == "SUCCESS")


def gone(directory: str) -> list[Record]:
    """The messages that no process of this host works on: those of dead processes, and those that ended badly.

    What a dead worker left is here as if the next one had already sorted it out.
    """
    failed = kept(directory, "failed")[0]
    known = {record.run for record in failed}
    dead = [record for record in kept(directory, "open")[0] if not record.running() and record.run not in known]
    ends = {run: state for run, state in verdicts(dead, directory, own=True).items() if state in BAD}
    return [replace(record, state=ends.get(record.run, record.state)) for record in dead] + failed


def lost(directory: str) -> list[Record]:
    """The messages whose task has not ended and which nobody works on, oldest first."""
    dead = [record for record in gone(directory) if record.state in LOST]
    over = verdicts(dead, directory)
    return [record for record in dead if record.run not in over]

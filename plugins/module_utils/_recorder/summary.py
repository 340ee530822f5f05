# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts from the recorder's directory: the last tasks, and what is wrong with it."""

from __future__ import annotations

import os
import pwd
import time
import typing as t

from .._tasks import newest_first, when
from . import lost

#: How a task ended, in the words of ``status``; any other state is just written small.
STATES = {"SUCCESS": "succeeded", "FAILURE": "failed", "RETRY": "retried", "UNSENT": "lost"}
#: Seconds after which messages on their way belong to a resubmit that was interrupted.
SENDING_SECONDS = 120
Problem = dict[str, t.Any]


def facts(
    directory: str, nodes: t.Sequence[str] = (), user: str | None = None, limit: int = 1000
) -> tuple[list[dict[str, t.Any]], list[Problem]]:
    """The last tasks and what keeps tasks on this host from being safe, from one look at the directory.

    ``nodes`` are the workers of this host that should record, ``user`` is their account.
    """
    try:
        found = lost.look(directory)
        return tasks(directory, limit, found), problems(directory, nodes, user, found)
    except lost.Newer as exc:
        return [], [{"kind": "recorder_newer", "reason": str(exc)}]


def tasks(directory: str, limit: int = 1000, found: lost.Look | None = None) -> list[dict[str, t.Any]]:
    """The last tasks, newest first: ``id``, ``name``, ``state``, ``received``, ``started``, ``ended`` and ``worker``.

    Times are seconds, or None. ``state`` is one of ``running``, ``lost``, ``succeeded``, ``failed``, ``revoked``,
    ``expired``, ``retried``, ``ignored``, ``rejected``, ``refused`` (thrown away by the worker) or ``resubmitted``.
    """
    found = found or lost.look(directory)
    seen: dict[str, dict[str, t.Any]] = {}
    for record in found.lost():
        _newest(seen, record.id, record.task, "lost", record.time, None, record.node)
    running = {record.run: record for record in found.running}
    for node, (state, task_id, _retries, name, began, ended, run) in lost.history(directory, limit):
        _newest(seen, task_id, name, STATES.get(state, state.lower()), began, ended, node)
        # Its worker has not erased the message yet.
        running.pop(run, None)
    for record in running.values():
        _newest(seen, record.id, record.task, "running", record.time, None, record.node)
    return newest_first(seen.values())[:limit]


def _newest(found: dict[str, dict[str, t.Any]], task_id: str, name: str, state: str, *rest: t.Any) -> None:
    began, ended, worker = rest
    task = {"id": task_id, "name": name, "state": state, "received": ended if began is None else began}
    task.update(started=began, ended=ended, worker=worker)
    if task_id not in found or when(found[task_id]) < when(task):
        found[task_id] = task


def problems(
    directory: str, nodes: t.Sequence[str] = (), user: str | None = None, found: lost.Look | None = None
) -> list[Problem]:
    """What keeps tasks on this host from being safe: ``kind`` and facts, for ``_status/sentences``."""
    try:
        space = os.statvfs(directory)
    except OSError as exc:
        return [{"kind": "recorder_unreadable", "reason": exc.strerror}]
    found = found or lost.look(directory)
    result: list[Problem] = []
    if space.f_flag & os.ST_RDONLY:
        result.append({"kind": "recorder_read_only"})
    elif space.f_bavail == 0 or (space.f_files and space.f_favail == 0):
        result.append({"kind": "recorder_full"})
    result += _foreign_folders(directory, user)
    for node in lost.names(directory, lost.TROUBLE):
        result += _complaints(node, lost.read_note(directory, node) or {})
    result += [{"kind": "recorder_silent", "node": node} for node in nodes if not _records(directory, node)]
    if found.damaged:
        folder, file = found.damaged[0]
        result.append({"kind": "records_damaged", "count": len(found.damaged), "first": f"{folder}/{file}"})
    if left := _interrupted(directory):
        result.append({"kind": "records_sending", "count": left})
    if count := len(found.lost()):
        result.append({"kind": "tasks_lost", "count": count})
    return result


def _records(directory: str, node: str) -> bool:
    """Whether a worker that runs has noted that it records."""
    note = lost.read_note(directory, lost.file_name(node)) or {}
    pid, born = note.get("pid"), note.get("born")
    return isinstance(pid, int) and lost.alive(pid, born)


def _foreign_folders(directory: str, user: str | None) -> t.Iterator[Problem]:
    """Folders into which the workers' account cannot write."""
    try:
        owner = None if user is None else pwd.getpwnam(user).pw_uid
    except KeyError:
        return
    for folder in ("", *lost.FOLDERS) if owner is not None else ():
        try:
            info = os.lstat(os.path.join(directory, folder))
        except OSError:
            continue
        if info.st_uid != owner or info.st_mode & 0o700 != 0o700:
            yield {"kind": "recorder_owner", "folder": folder or ".", "user": user}
            return


def _interrupted(directory: str) -> int:
    """How many messages are left of a resubmit that was interrupted."""
    left = 0
    for batch in lost.names(directory, lost.SENDING):
        try:
            changed = os.lstat(os.path.join(directory, lost.SENDING, batch)).st_mtime
        except OSError:
            continue
        if changed < time.time() - SENDING_SECONDS:
            left += len(lost.names(directory, os.path.join(lost.SENDING, batch)))
    return left


def _complaints(node: str, note: dict[str, t.Any]) -> t.Iterator[Problem]:
    numbers = {key: note.get(key) for key in ("unrecorded", "removed", "excess", "first", "last")}
    count, removed, excess, first, last = (value if _number(value) else 0 for value in numbers.values())
    if count:
        reason = str(note.get("reason") or "unknown")[:200]
        yield {"kind": "tasks_unrecorded", "node": node, "count": count, "reason": reason, "first": first, "last": last}
    if removed:
        yield {"kind": "records_removed_early", "node": node, "bytes": removed}
    if excess:
        yield {"kind": "recorder_over_limit", "node": node, "bytes": excess}


def _number(value: t.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < lost.LATEST * 1e6

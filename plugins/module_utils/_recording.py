# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person wants to know of the recorder's directory: the last tasks, and what is wrong with it."""

from __future__ import annotations

import json
import os
import typing as t
from datetime import datetime, timezone

from ansible_collections.taskstack.celery.plugins.module_utils import _records, _verdicts

#: How a task ended, in the words of ``status``; any other state is just written small.
STATES = {"SUCCESS": "succeeded", "FAILURE": "failed", "RETRY": "retried", "UNSENT": "lost"}


def tasks(directory: str, limit: int = 1000) -> list[dict[str, t.Any]]:
    """The last tasks, newest first: ``id``, ``name``, ``state``, ``received``, ``started``, ``ended`` and ``worker``.

    Times are seconds, or None. ``state`` is one of ``running``, ``lost``, ``succeeded``, ``failed``, ``revoked``,
    ``expired``, ``retried``, ``ignored``, ``rejected``, ``refused`` (thrown away by the worker) or ``resubmitted``.
    """
    found: dict[str, dict[str, t.Any]] = {}
    for record in _verdicts.lost(directory):
        _newest(found, record.id, record.task, "lost", record.time, None, record.node)
    running = {record.run: record for record in _records.kept(directory, "open")[0] if record.running()}
    for node, (state, task_id, _retries, name, began, ended, run) in _verdicts.history(directory, limit):
        began = began if isinstance(began, (int, float)) else None
        _newest(found, task_id, name, STATES.get(state, state.lower()), began, ended, node)
        # Its worker has not erased the message yet.
        running.pop(run, None)
    for record in running.values():
        _newest(found, record.id, record.task, "running", record.time, None, record.node)
    return sorted(found.values(), key=_when, reverse=True)[:limit]


def _newest(found: dict[str, dict[str, t.Any]], task_id: str, name: str, state: str, *rest: t.Any) -> None:
    began, ended, worker = rest
    task = {"id": task_id, "name": name, "state": state, "received": ended if began is None else began}
    task.update(started=began, ended=ended, worker=worker)
    if task_id not in found or _when(found[task_id]) < _when(task):
        found[task_id] = task


def _when(task: dict[str, t.Any]) -> float:
    return float(task["ended"] or task["received"] or 0)


def problems(directory: str) -> list[str]:
    """What keeps tasks on this host from being safe, and what to do, in sentences."""
    try:
        space = os.statvfs(directory)
    except OSError as exc:
        return [
            f"The recorder's directory {directory} cannot be read ({exc.strerror}): no taken task is safe. "
            "Have the workers been restarted since the recorder was switched on?"
        ]
    found, danger = [], "tasks that are taken now would be lost with their worker"
    if space.f_flag & os.ST_RDONLY:
        found.append(f"The recorder's directory {directory} is read-only: {danger}. Remount it writable.")
    elif space.f_bavail == 0 or (space.f_files and space.f_favail == 0):
        found.append(f"The disk of the recorder's directory {directory} is full: {danger}. Make room.")
    for node, note in _notes(directory):
        found += _complaints(directory, node, note)
    damaged = [f"{folder}/{file}" for folder in ("open", "failed") for file in _records.kept(directory, folder)[1]]
    if damaged:
        found.append(
            f"{len(damaged)} message file(s) in {directory} are damaged, the first is {damaged[0]}. One that was cut "
            "short was never acknowledged, so the broker still has its message. Remove them when you have looked."
        )
    lost = len(_verdicts.lost(directory))
    if lost:
        found.append(
            f"{lost} task(s) are lost: taken, but never ended, or the broker did not get their next attempt. "
            "Mend it with: ansible-playbook taskstack.celery.resubmit"
        )
    return found


def _notes(directory: str) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    for node in _records.names(directory, "trouble"):
        try:
            with open(os.open(os.path.join(directory, "trouble", node), os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
                yield node, dict(json.loads(stream.read()))
        except (OSError, ValueError, TypeError):
            continue


def _complaints(directory: str, node: str, note: dict[str, t.Any]) -> t.Iterator[str]:
    if note.get("unrecorded"):
        first, last = (datetime.fromtimestamp(note[name], timezone.utc) for name in ("first", "last"))
        yield (
            f"Worker {node} took {note['unrecorded']} task(s) without recording them ({note['reason']}) between "
            f"{first:%Y-%m-%d %H:%M:%S} and {last:%Y-%m-%d %H:%M:%S} UTC: if it was killed then, they are lost. "
            f"Check the disk and the owner of {directory}."
        )
    if note.get("removed"):
        yield (
            f"{directory} had reached worker_recorder_max_bytes: {note['removed']} bytes of ended tasks were removed "
            "early. Raise the limit, or keep ended tasks for less time."
        )
    if note.get("excess"):
        yield (
            f"{directory} is {note['excess']} bytes above worker_recorder_max_bytes with tasks that have not ended. "
            "Resubmit lost tasks, or raise the limit."
        )

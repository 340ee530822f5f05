# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts from the recorder's directory: the last tasks, and what is wrong with it."""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils import _records, _verdicts
from ansible_collections.taskstack.celery.plugins.module_utils._tasks import newest_first, when

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
    return newest_first(found.values())[:limit]


def _newest(found: dict[str, dict[str, t.Any]], task_id: str, name: str, state: str, *rest: t.Any) -> None:
    began, ended, worker = rest
    task = {"id": task_id, "name": name, "state": state, "received": ended if began is None else began}
    task.update(started=began, ended=ended, worker=worker)
    if task_id not in found or when(found[task_id]) < when(task):
        found[task_id] = task


def problems(directory: str) -> list[dict[str, t.Any]]:
    """What keeps tasks on this host from being safe: ``kind`` and facts, for ``_sentences``."""
    try:
        space = os.statvfs(directory)
    except OSError as exc:
        return [{"kind": "recorder_unreadable", "reason": exc.strerror}]
    found: list[dict[str, t.Any]] = []
    if space.f_flag & os.ST_RDONLY:
        found.append({"kind": "recorder_read_only"})
    elif space.f_bavail == 0 or (space.f_files and space.f_favail == 0):
        found.append({"kind": "recorder_full"})
    for node, note in _notes(directory):
        found += _complaints(node, note)
    damaged = [f"{folder}/{file}" for folder in ("open", "failed") for file in _records.kept(directory, folder)[1]]
    if damaged:
        found.append({"kind": "records_damaged", "count": len(damaged), "first": damaged[0]})
    lost = len(_verdicts.lost(directory))
    return [*found, {"kind": "tasks_lost", "count": lost}] if lost else found


def _notes(directory: str) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    for node in _records.names(directory, "trouble"):
        try:
            with open(os.open(os.path.join(directory, "trouble", node), os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
                yield node, dict(json.loads(stream.read()))
        except (OSError, ValueError, TypeError):
            continue


def _complaints(node: str, note: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    if note.get("unrecorded"):
        facts = {key: note[key] for key in ("reason", "first", "last")}
        yield {"kind": "tasks_unrecorded", "node": node, "count": note["unrecorded"], **facts}
    if note.get("removed"):
        yield {"kind": "records_removed_early", "node": node, "bytes": note["removed"]}
    if note.get("excess"):
        yield {"kind": "recorder_over_limit", "node": node, "bytes": note["excess"]}

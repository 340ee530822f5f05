# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What beat wrote about itself (``taskstack_heartbeat.py``), and what is wrong with it and with the schedule."""

from __future__ import annotations

import json
import math
import os
import stat
import typing as t

#: Seconds that beat may be late before it counts as stuck: a slow send, a busy machine.
GRACE = 40
LARGEST, ENTRIES, LONGEST = 1 << 20, 500, 200
#: How a task ended that beat should not have sent like this.
BAD = {"refused": "schedule_refused", "failed": "schedule_failed"}
Report = t.Mapping[str, t.Any]
Heartbeat = dict[str, t.Any]


def path(name: str) -> str:
    """Where beat of a stack writes it: root's directory, in which one of the application's user is."""
    return f"/var/lib/taskstack/{name}/beat/heartbeat.json"


def read(file: str, now: float) -> Heartbeat | None:
    """``pid``, ``ticked``, ``late`` (seconds since it should have written again), ``scheduler`` and ``entries``.

    None where there is none, or nothing that can be understood: the application's user may write whatever it likes.
    """
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        try:
            told = json.loads(stream.read(LARGEST))
            return {
                "pid": int(told["pid"]),
                "ticked": _number(told["ticked"]),
                "late": now - _number(told["next"]),
                "scheduler": str(told.get("scheduler"))[:LONGEST],
                "entries": [_entry(entry) for entry in told["entries"][:ENTRIES]],
            }
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, OSError):
            return None


def _entry(told: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    sent = [(_number(when), str(task_id)[:LONGEST]) for when, task_id in told["sent"][:3]]
    return {
        "entry": str(told["name"])[:LONGEST],
        "task": str(told["task"])[:LONGEST],
        "schedule": str(told["schedule"])[:LONGEST],
        "sent": sent[0][0] if sent else None,
        "ids": [task_id for _when, task_id in sent],
        "error": str(told["error"])[:LONGEST] if told.get("error") else None,
        "failed": _number(told["failed"]) if told.get("failed") else None,
    }


def _number(value: t.Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def schedule(report: Report) -> list[dict[str, t.Any]]:
    """The entries of the beats that run, with what became of the last task of each, as far as it is recorded."""
    ended = {task["id"]: task for task in report["tasks"]}
    rows = []
    for view in report["seen"]:
        for entry in (_living(view) or {}).get("entries", ()):
            last = next((ended[task_id] for task_id in entry["ids"] if task_id in ended), None)
            rows.append({**entry, "state": last["state"] if last else None, "ended": last["ended"] if last else None})
    return sorted(rows, key=lambda row: str(row["entry"]))


def problems(report: Report) -> t.Iterator[dict[str, t.Any]]:
    """Of a report, also a merged one, with its ``schedule``; for each entry the cause alone."""
    for view in report["seen"]:
        heartbeat = _living(view)
        if heartbeat and heartbeat["late"] > GRACE and not view["beat"]["frozen"]:
            about = {"subject": view["host"], "program": f"{report['name']}-beat", "pid": heartbeat["pid"]}
            supervisor = view["stack"]["supervisor"]
            yield {"kind": "beat_not_ticking", **about, "late": heartbeat["late"], "supervisor": supervisor}
    known = _known(report["workers"])
    for row in report["schedule"]:
        about = {"subject": row["entry"], "task": row["task"]}
        if row["error"]:
            yield {"kind": "schedule_unsent", **about, "error": row["error"], "when": row["failed"]}
        elif known is not None and row["task"] not in known and not row["task"].startswith("celery."):
            yield {"kind": "schedule_unknown_task", **about}
        elif row["state"] in BAD:
            yield {"kind": BAD[row["state"]], **about, "when": row["ended"]}


def _living(view: t.Mapping[str, t.Any]) -> Heartbeat | None:
    """The heartbeat of a beat that still runs, not one that an earlier process left."""
    heartbeat: Heartbeat | None = view["beat"].get("heartbeat")
    return heartbeat if heartbeat and heartbeat["pid"] in view["beat"]["pids"] else None


def _known(workers: t.Sequence[t.Mapping[str, t.Any]]) -> set[str] | None:
    """The tasks that any worker knows; None while a worker that might know more has not said so."""
    wanted = [worker for worker in workers if worker["state"] != "stopped"]
    if not wanted or any(worker["registered"] is None or not worker["readable"] for worker in wanted):
        return None
    return {task for worker in wanted for task in worker["registered"]}

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report from facts: of one host here, of several in ``plugin_utils/_report/merge.py``. Pure.

Both end in ``finish``.

The rule of the house: no answer is ``silent`` or ``unknown``, never ``down``.
"""

from __future__ import annotations

import typing as t

from .._control import worker as control_worker
from .._tasks import LIVE, newest_first
from . import expected, heartbeat, movement, problems, sentences, unknown
from .facts import Facts

#: A solo worker whose task has run so many seconds is no longer taken for busy; its own time limit wins.
OVERDUE = 3600
Report = dict[str, t.Any]


def fold(facts: Facts, recent: int = 100) -> Report:
    """The report of one host. The order of replies, and replies that come twice, make no difference."""
    workers = connected_workers(facts)
    answers = facts.inspection.answers() if facts.inspection else {}
    view = {
        "host": facts.host,
        "stack": facts.stack,
        "broker": {
            "state": facts.broker["state"],
            "detail": facts.broker.get("detail"),
            "member": facts.host in facts.stack["broker_hosts"],
        },
        "asked": facts.inspection is not None,
        "queued": facts.queues is not None,
        "nodes": facts.nodes,
        "recorder": facts.recorder,
        "beat": facts.beat,
        "processes": facts.processes,
        "outdated": {"settings_file": facts.settings_file, "processes": facts.outdated},
        "unread_lack": _unread_lack(facts),
    }
    report = {
        "name": facts.name,
        "host": facts.host,
        "hosts": [facts.host],
        "merged": False,
        "time": facts.now,
        "deadline": facts.deadline,
        "broker": facts.broker,
        "queues": [_queue(queue.row(), facts, answers) for queue in facts.queues or []],
        "workers": workers,
        "flower": facts.flower,
        "beat": {key: facts.beat[key] for key in ("state", "host", "pids")},
        "tasks": fold_tasks(workers, facts.tasks, recent),
        "seen": [view],
        "unasked": {},
    }
    return finish(report)


def finish(report: Report) -> Report:
    """The report with what follows from its facts: states of workers, what is unknown, and what is wrong."""
    stack = expected.together(report["seen"])
    workers = expected.compare(report["workers"], stack, any(view["asked"] for view in report["seen"]))
    _at_work(workers, stack, report)
    report = {**report, "workers": workers, "celery": celery(report["broker"], workers), "stack": stack}
    report["unknown"], report["schedule"] = unknown.areas(report), heartbeat.schedule(report)
    findings = [{**problem, "problem": sentences.sentence(problem)} for problem in problems.problems(report)]
    return {
        **report,
        "findings": findings,
        "problems": list(dict.fromkeys(finding["problem"] for finding in findings)),
        "healthy": not findings and not report["unknown"],
    }


def celery(broker: t.Mapping[str, t.Any], workers: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """One word for all workers. ``down`` says that the broker knows of none, not that somebody kept silent."""
    wanted = [worker for worker in workers if worker["state"] != "stopped"]
    states = [worker["state"] for worker in wanted]
    up, busy = sum(bool(worker["answers"]) for worker in wanted), states.count("busy")
    if broker["state"] != "running" or "unknown" in states:
        state = "unknown"
    elif up or busy:
        state = "up"
    else:
        state = "silent" if any(worker["connected"] for worker in wanted) else "down"
    return {"state": state, "up": up, "busy": busy, "workers": len(states)}


def connected_workers(facts: Facts) -> list[dict[str, t.Any]]:
    """One row for each worker that is connected to the broker."""
    answers = facts.inspection.answers() if facts.inspection else {}
    known = set(facts.inspection.known) if facts.inspection else set()
    rows = []
    # An answer proves that a worker lives, even when it was not yet connected at the moment of asking.
    for node in sorted(known | answers.keys()):
        row: dict[str, t.Any] = {"node": node, "connected": True, "answers": node in answers}
        row.update(control_worker.read(node, answers.get(node, {}), facts.now))
        row["readable"] = bool(answers.get(node)) if node in answers else None
        rows.append(row)
    return rows


def _unread_lack(facts: Facts) -> list[str]:
    """Expected tasks that are missing in at least one answer of those that must not be decoded."""
    unread = facts.inspection.unread("registered") if facts.inspection else []
    return [name for name in facts.stack["tasks"] if not all(name.encode() in answer for answer in unread)]


def _queue(row: dict[str, t.Any], facts: Facts, answers: movement.Answers) -> dict[str, t.Any]:
    """The statistics of the broker know a consumer some seconds later than the consumer itself."""
    known = movement.consumers_of(row["name"], answers)
    if known:
        row["consumers"] = max(row["consumers"] or 0, len(known))
    return {**row, "stuck": facts.moving.get(row["name"]) is False}


def _at_work(workers: list[dict[str, t.Any]], stack: expected.Stack, report: Report) -> None:
    """A solo worker that has a task cannot answer, and may lose its connection: the recorder of its host knows."""
    limits = {worker["node"]: worker.get("time_limit") for worker in stack["workers"]}
    running = {task["worker"]: task for task in report["tasks"] if task["state"] == "running"}
    for worker in workers:
        task = running.get(worker["node"])
        if worker["pool"] == "solo" and worker["state"] in ("silent", "missing") and task:
            worker["task_age"] = max(0.0, report["time"] - float(task["received"] or report["time"]))
            if worker["task_age"] <= (limits.get(worker["node"]) or OVERDUE):
                worker["state"] = "busy"


def fold_tasks(
    workers: t.Iterable[t.Mapping[str, t.Any]], recorded: t.Iterable[t.Mapping[str, t.Any]], recent: int
) -> list[dict[str, t.Any]]:
    """Tasks in workers' hands, the longest running first, then those that ended, the newest first."""
    live = {task["id"]: task for worker in workers for state in LIVE for task in worker[state] or []}
    ended = []
    for task in recorded:
        if task["id"] in live:
            live[task["id"]] = {**live[task["id"]], "received": task.get("received")}
        else:
            ended.append({"queue": None, "runtime": _runtime(task), "eta": None, **task})
    first = sorted(
        live.values(), key=lambda task: (LIVE.index(task["state"]), task["started"] or 1e18, str(task["id"]))
    )
    return [{"received": None, "ended": None, **task} for task in first] + newest_first(ended)[:recent]


def _runtime(task: t.Mapping[str, t.Any]) -> float | None:
    if task.get("started") and task.get("ended"):
        return round(max(0.0, float(task["ended"] - task["started"])), 1)
    return None

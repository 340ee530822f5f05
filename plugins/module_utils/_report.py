# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folds all that was found into one report. Pure: values in, values out, so every case can be tested.

The rule of the house: no answer is ``silent`` or ``unknown``, never ``down``.
"""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils import _problems, _workers
from ansible_collections.taskstack.celery.plugins.module_utils._facts import Facts

LIVE = ("active", "reserved", "scheduled")


def fold(facts: Facts, recent: int = 100) -> dict[str, t.Any]:
    """The report. The order of replies, and replies that come twice, make no difference."""
    workers = fold_workers(facts)
    report: dict[str, t.Any] = {
        "name": facts.name,
        "host": facts.host,
        "time": facts.now,
        "broker": facts.broker,
        "celery": celery(facts.broker, workers),
        "queues": [queue.row() for queue in facts.queues or []],
        "workers": workers,
        "flower": facts.flower,
        "beat": facts.beat,
        "tasks": fold_tasks(workers, facts.tasks, recent),
    }
    return conclude(report, _problems.find(facts, report))


def conclude(report: dict[str, t.Any], findings: list[dict[str, str]]) -> dict[str, t.Any]:
    """The report with what is wrong with it."""
    return {
        **report,
        "findings": findings,
        "problems": [finding["problem"] for finding in findings],
        "healthy": not findings,
    }


def celery(broker: t.Mapping[str, t.Any], workers: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """One word for all workers. ``down`` says that the broker knows of none, not that somebody kept silent."""
    states = [worker["state"] for worker in workers]
    if broker["state"] != "running" or "unknown" in states:
        state = "unknown"
    elif "up" in states:
        state = "up"
    else:
        state = "silent" if "silent" in states else "down"
    return {"state": state, "up": states.count("up"), "workers": len(states)}


def fold_workers(facts: Facts) -> list[dict[str, t.Any]]:
    """One row for each worker that is connected or should be."""
    expected = {str(worker["node"]): worker for worker in facts.expected_workers}
    answers = facts.inspection.answers() if facts.inspection else {}
    known = set(facts.inspection.known) if facts.inspection else set()
    rows = []
    # An answer proves that a worker lives, even when it was not yet connected at the moment of asking.
    for node in sorted(known | expected.keys() | answers.keys()):
        wanted = expected.get(node, {})
        state = _state(node, facts, known, answers.keys())
        row: dict[str, t.Any] = {"node": node, "state": state, "expected": node in expected}
        row.update(_workers.read(node, answers.get(node, {}), facts.now))
        row["readable"] = bool(answers.get(node)) if row["state"] == "up" else None
        for key in ("pool", "concurrency", "queues"):
            row[key] = wanted.get(key) if row[key] is None else row[key]
        rows.append(row)
    return rows


def _state(node: str, facts: Facts, known: set[str], answered: t.Collection[str]) -> str:
    if node in answered:
        return "up"
    if facts.inspection is None:
        return "unknown"
    return "silent" if node in known else "missing"


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
    ended.sort(key=lambda task: task.get("ended") or task.get("started") or task.get("received") or 0, reverse=True)
    return [{"received": None, "ended": None, **task} for task in first] + ended[:recent]


def _runtime(task: t.Mapping[str, t.Any]) -> float | None:
    if task.get("started") and task.get("ended"):
        return round(max(0.0, float(task["ended"] - task["started"])), 1)
    return None

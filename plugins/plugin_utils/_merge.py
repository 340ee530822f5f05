# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folds the reports of several hosts into one: each host sees something that the others do not. Pure."""

from __future__ import annotations

import typing as t

Report = dict[str, t.Any]
# The best view of a service wins: a host that cannot reach it knows less than one that can.
VIEWS = ("running", "up", "denied", "down", "unknown")
LIVE = ("active", "reserved", "scheduled")


def merge(results: t.Mapping[str, t.Any], recent: int = 100) -> Report:
    """One report from what the module ``status`` returned on each host; None for a host that could not be asked."""
    reports = {host: result for host, result in results.items() if result and "broker" in result}
    if not reports:
        return _nothing(results)
    best = min(reports, key=lambda host: (_view(reports[host]["broker"]), -reports[host]["celery"]["up"]))
    flower = min(reports, key=lambda host: _view(reports[host]["flower"]))
    findings = [finding for finding in reports[best]["findings"] if finding["area"] not in ("tasks", "flower", "beat")]
    findings += _silent_hosts(results)
    findings += [finding for finding in reports[flower]["findings"] if finding["area"] == "flower"]
    for host, report in reports.items():
        prefix = f"{host}: " if len(results) > 1 else ""
        findings += [
            {**finding, "problem": prefix + finding["problem"]}
            for finding in report["findings"]
            if finding["area"] in ("tasks", "beat")
        ]
    beat, doubled = _beat(reports)
    findings += doubled
    excused = tuple(f"Worker {node} is connected but" for node in _busy_solos(reports[best], reports.values()))
    findings = [finding for finding in findings if not finding["problem"].startswith(excused)]
    return {
        **{key: reports[best][key] for key in ("name", "time", "broker", "celery", "queues", "workers")},
        "host": best,
        "hosts": sorted(results),
        "flower": reports[flower]["flower"],
        "beat": beat,
        "tasks": _tasks(reports[best], reports.values(), recent),
        "findings": findings,
        "problems": [finding["problem"] for finding in findings],
        "healthy": not findings,
    }


def _view(service: t.Mapping[str, t.Any]) -> int:
    return VIEWS.index(service["state"])


def _nothing(results: t.Mapping[str, t.Any]) -> Report:
    findings = _silent_hosts(results) or [{"area": "hosts", "problem": "No host was asked. Is the inventory empty?"}]
    unknown = {"state": "unknown", "detail": None}
    return {
        "name": "", "host": "", "hosts": sorted(results), "time": 0.0, "broker": unknown, "flower": unknown,
        "celery": {"state": "unknown", "up": 0, "workers": 0}, "beat": unknown, "queues": [], "workers": [],
        "tasks": [], "findings": findings, "problems": [finding["problem"] for finding in findings], "healthy": False,
    }  # fmt: skip


def _silent_hosts(results: t.Mapping[str, t.Any]) -> list[dict[str, str]]:
    return [
        {"area": "hosts", "problem": f"{host} could not be asked: {(result or {}).get('msg') or 'no answer'}"}
        for host, result in results.items()
        if not result or "broker" not in result
    ]


def _beat(reports: t.Mapping[str, Report]) -> tuple[Report, list[dict[str, str]]]:
    running = {host: report["beat"]["pids"] for host, report in reports.items() if report["beat"]["pids"]}
    states = [report["beat"]["state"] for report in reports.values()]
    beat = {
        "state": next((state for state in ("up", "down") if state in states), "unknown"),
        "host": next((report["beat"]["host"] for report in reports.values() if report["beat"]["host"]), None),
        "pids": [pid for pids in running.values() for pid in pids],
        "hosts": sorted(running),
        "problem": None,
    }
    if len(running) < 2:
        return beat, []
    problem = f"Beats run on {' and '.join(sorted(running))}: scheduled tasks are sent twice. Keep only one."
    return beat, [{"area": "beat", "problem": problem}]


def _busy_solos(best: Report, reports: t.Iterable[Report]) -> list[str]:
    """Solo workers that cannot answer during a task; the recorder of their own host knows that they have one."""
    running = {task["worker"] for report in reports for task in report["tasks"] if task["state"] == "running"}
    silent = [worker for worker in best["workers"] if worker["state"] == "silent" and worker["pool"] == "solo"]
    return [worker["node"] for worker in silent if worker["node"] in running]


def _tasks(best: Report, reports: t.Iterable[Report], recent: int) -> list[Report]:
    live = [task for task in best["tasks"] if task["state"] in LIVE]
    seen = {task["id"] for task in live}
    rest: dict[str, Report] = {}
    for report in reports:
        for task in report["tasks"]:
            known = rest.get(task["id"])
            ended = task["state"] not in LIVE and task["id"] not in seen
            if ended and (known is None or _when(known) < _when(task)):
                rest[task["id"]] = task
    return live + sorted(rest.values(), key=_when, reverse=True)[:recent]


def _when(task: t.Mapping[str, t.Any]) -> float:
    return float(task.get("ended") or task.get("started") or task.get("received") or 0)

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folds the reports of several hosts into one: each host sees something that the others do not. Pure.

Only facts are merged. What is wrong follows from the whole, in ``report.finish``, as on a single host.
"""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._status.report import finish
from ansible_collections.taskstack.celery.plugins.module_utils._tasks import LIVE, newest_first, when

Report = dict[str, t.Any]
# The best view of a service wins: a host that cannot reach it knows less than one that can.
VIEWS = ("running", "up", "frozen", "denied", "down", "unknown")
#: What every host of a stack sees alike, so that one view of it is enough.
BEST = ("name", "time", "deadline", "broker", "queues")


def merge(results: t.Mapping[str, t.Any], recent: int = 100) -> Report:
    """One report from what the module ``status`` returned on each host; None for a host that could not be asked."""
    reports = {host: result for host, result in results.items() if result and "seen" in result}
    unasked = {
        host: (result or {}).get("msg") or "no answer" for host, result in results.items() if host not in reports
    }
    common = {"hosts": sorted(results), "merged": True, "unasked": unasked}
    if not reports:
        return finish({**_nothing(), **common})
    best = min(reports, key=lambda host: (_view(reports[host]["broker"]), -reports[host]["celery"]["up"]))
    flower = min(reports, key=lambda host: _view(reports[host]["flower"]))
    merged = {
        **{key: reports[best][key] for key in BEST},
        **common,
        "host": best,
        "workers": [worker for worker in reports[best]["workers"] if worker["connected"]],
        "flower": {
            **reports[flower]["flower"],
            "wanted": any(report["flower"].get("wanted") for report in reports.values()),
        },
        "beat": _beat(reports),
        "tasks": _tasks(reports[best], reports.values(), recent),
        # The inventory's name of a host, where its description does not know it.
        "seen": [{**view, "host": host} for host, report in reports.items() for view in report["seen"]],
    }
    return finish(merged)


def _view(service: t.Mapping[str, t.Any]) -> int:
    return VIEWS.index(service["state"])


def _nothing() -> Report:
    unknown = {"state": "unknown", "detail": None}
    return {
        "name": "", "host": "", "time": 0.0, "deadline": 0.0, "broker": unknown, "flower": unknown, "queues": [],
        "beat": {"state": "unknown", "host": None, "pids": []}, "workers": [], "tasks": [], "seen": [],
    }  # fmt: skip


def _beat(reports: t.Mapping[str, Report]) -> Report:
    running = {host: report["beat"]["pids"] for host, report in reports.items() if report["beat"]["pids"]}
    states = [report["beat"]["state"] for report in reports.values()]
    return {
        "state": next((state for state in VIEWS if state in states), "unknown"),
        "host": next((report["beat"]["host"] for report in reports.values() if report["beat"]["host"]), None),
        "pids": [pid for pids in running.values() for pid in pids],
        "hosts": sorted(running),
    }


def _tasks(best: Report, reports: t.Iterable[Report], recent: int) -> list[Report]:
    live = [task for task in best["tasks"] if task["state"] in LIVE]
    seen = {task["id"] for task in live}
    rest: dict[str, Report] = {}
    for report in reports:
        for task in report["tasks"]:
            known = rest.get(task["id"])
            ended = task["state"] not in LIVE and task["id"] not in seen
            if ended and (known is None or when(known) < when(task)):
                rest[task["id"]] = task
    return live + newest_first(rest.values())[:recent]

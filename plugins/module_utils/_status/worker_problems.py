# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with workers, as data. Pure."""

from __future__ import annotations

import typing as t

from . import unknown
from .expected import host_of

Report = t.Mapping[str, t.Any]
Found = t.Iterator[dict[str, t.Any]]


def workers(report: Report) -> Found:
    """The problems of workers; a worker has at most one that says why it does nothing."""
    planned = [worker["state"] == "stopped" for worker in report["workers"]]
    if report["celery"]["state"] == "down" and not (planned and all(planned)):
        yield {"kind": "celery_down", "subject": None}
    wanted = {worker["node"]: worker for worker in report["stack"]["workers"]}
    processes = {node: found for view in report["seen"] for node, found in view["processes"].items()}
    alarm = bool(report["broker"].get("alarms"))
    for worker in report["workers"]:
        node = worker["node"]
        about = {"subject": node, **_place(report, wanted.get(node), node), "process": processes.get(node)}
        if worker["state"] == "unexpected":
            yield {"kind": "worker_unexpected", **about, "queues": worker["queues"] or []}
        elif (processes.get(node) or {}).get("frozen"):
            yield {"kind": "worker_frozen", **about}
        elif worker["state"] == "missing":
            yield {"kind": "worker_missing", **about, "waiting": _alone(report, worker)}
        elif worker["state"] == "silent" and not alarm:
            yield from _silent(report, worker, about)
        elif (processes.get(node) or {}).get("frozen_children"):
            yield {"kind": "pool_frozen", **about}
        elif worker["answers"] and worker["readable"]:
            yield from _answering(report, worker, wanted.get(node, {}), about)
    yield from _unregistered(report, processes, {worker["node"] for worker in report["workers"]})
    for lack in sorted({tuple(view["unread_lack"]) for view in report["seen"] if view["unread_lack"]}):
        yield {"kind": "some_worker_lacks_tasks", "subject": None, "tasks": list(lack)}


def _silent(report: Report, worker: Report, about: Report) -> Found:
    if worker.get("task_age"):
        yield {"kind": "worker_overdue", **about, "age": worker["task_age"]}
    elif not (unknown.maybe_busy(worker) and worker["node"] in unknown.unseen_recorders(report)):
        yield {"kind": "worker_silent", **about, "deadline": report["deadline"], "solo": worker["pool"] == "solo"}


def _answering(report: Report, worker: Report, wanted: Report, about: Report) -> Found:
    lacking = sorted(set(report["stack"]["tasks"]) - set(worker["registered"] or []))
    if lacking and worker["registered"] is not None:
        yield {"kind": "worker_lacks_tasks", **about, "tasks": lacking}
    given = [] if wanted.get("queues_assumed") else wanted.get("queues") or []
    cancelled = sorted(set(given) - set(worker["queues"] or []))
    if not given and worker["queues"] == []:
        cancelled = ["any queue"]
    if cancelled and worker["queues"] is not None and wanted.get("state") != "stopped":
        yield {"kind": "queue_cancelled", **about, "queues": cancelled}


def _unregistered(report: Report, processes: t.Mapping[str, t.Any], told: set[str]) -> Found:
    """Worker processes on a host that the deployment does not know and the broker does not see."""
    if report["stack"]["strict"]:
        for node in sorted(processes.keys() - told):
            about = {"subject": node, **_place(report, None, node), "process": processes[node]}
            yield {"kind": "worker_unexpected", **about, "queues": []}


def _place(report: Report, wanted: Report | None, node: str) -> dict[str, t.Any]:
    """Where a worker runs and how it is called there."""
    return {
        "host": host_of(wanted or {"node": node}),
        "program": f"{report['name']}-{node.partition('@')[0]}" if report["name"] else None,
        "supervisor": (wanted or {}).get("supervisor") or report["stack"]["supervisor"],
    }


def _alone(report: Report, worker: Report) -> dict[str, int]:
    """What waits in the queues that nobody but this worker should consume."""
    return {
        queue["name"]: queue["waiting"]
        for queue in report["queues"]
        if queue["waiting"] and not queue["consumers"] and queue["name"] in (worker["queues"] or [])
    }

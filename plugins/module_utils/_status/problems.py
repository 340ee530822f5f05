# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong, as data: one pure function over a report, of one host or merged. The sentences are in ``sentences``.

A problem has ``area``, ``kind``, ``subject`` and the facts that its sentence needs. ``where`` is the host that it was
seen on, when several were asked.
"""

from __future__ import annotations

import typing as t

from . import heartbeat, unknown
from .incompatibilities import versions
from .queue_problems import queues
from .worker_problems import workers

Report = t.Mapping[str, t.Any]
Problem = dict[str, t.Any]
Found = t.Iterator[Problem]
#: For how many seconds a task that a worker refused is told.
LATELY = 3600


def problems(report: Report) -> list[Problem]:
    """All problems with their area, the most fundamental first. A cause is told, and not what follows from it.

    ``also`` names the further areas that are not in order because of it.
    """
    finders = {
        "hosts": _hosts, "broker": _broker, "workers": workers, "queues": queues, "tasks": _tasks, "flower": _flower,
        "beat": _beat, "versions": versions,
    }  # fmt: skip
    found = [{"area": area, **problem} for area, finder in finders.items() for problem in finder(report)]
    found += _unseen(report, found)
    return [{**problem, "also": _also(report, problem)} for problem in found]


def _also(report: Report, problem: Problem) -> list[str]:
    """The areas whose own problems are not told because this one is their cause."""
    if problem["kind"] == "broker_alarm":
        return ["workers", "queues"]
    stalled = any(row["waiting"] and (row["consumers"] == 0 or row["stuck"]) for row in report["queues"])
    return ["queues"] if problem["area"] == "workers" and stalled else []


def _hosts(report: Report) -> Found:
    if not report["hosts"]:
        yield {"kind": "no_host", "subject": None}
    for host, reason in report["unasked"].items():
        yield {"kind": "host_unasked", "subject": host, "reason": reason}


def _unseen(report: Report, found: t.Sequence[Problem]) -> Found:
    """When all hosts were asked, what is still unknown is a problem, unless its cause is one already."""
    told = {problem["area"] for problem in found}
    told |= set(unknown.THROUGH_BROKER) if "broker" in told else set()
    if report["merged"] and "hosts" not in told:
        for area in report["unknown"]:
            if area not in told and area != "versions" and not unknown.on_windows_only(report, area):
                yield {"area": area, "kind": "unseen", "subject": area, "expected": _where(report, area)}


def _where(report: Report, area: str) -> str | None:
    """Where the thing that nobody saw should be."""
    if area == "beat":
        return str(report["stack"]["beat"])
    if area == "tasks":
        return ", ".join(unknown.unseen_recorders(report))
    return ", ".join(unknown.unseen_members(report)) or None if area == "broker" else None


def _broker(report: Report) -> Found:
    broker = report["broker"]
    # A host that was told no address of the broker is not expected to see it.
    if broker.get("detail"):
        yield {"kind": "broker_unreachable", "subject": broker.get("url"), "detail": broker["detail"]}
    for alarm in broker.get("alarms") or []:
        yield {"kind": "broker_alarm", "subject": alarm}
    if broker.get("statistics") is False:
        yield {"kind": "broker_statistics_off", "subject": broker.get("url")}
    members = {view["host"]: view["broker"] for view in report["seen"] if view["broker"]["member"]}
    running = sum(member["state"] == "running" for member in members.values())
    for host, member in members.items():
        if running and member["state"] in ("down", "unknown"):
            total = len(report["stack"]["broker_hosts"])
            yield {"kind": "broker_member_down", "subject": host, "up": running, "total": total}


def _tasks(report: Report) -> Found:
    running = {worker["node"] for worker in report["workers"] if worker["state"] in ("up", "busy", "silent")}
    for view in report["seen"]:
        for problem in (view["recorder"] or {}).get("problems", ()):
            if problem["kind"] == "recorder_silent" and problem["node"] not in running:
                continue  # the worker itself is what is missing
            where = {"where": view["host"] if report["merged"] and len(report["hosts"]) > 1 else None}
            yield {"subject": problem.get("node"), "directory": view["recorder"]["directory"], **problem, **where}
    refused: dict[tuple[str, str], list[t.Any]] = {}
    for task in report["tasks"]:
        if task["state"] == "refused" and (task["ended"] or 0) > report["time"] - LATELY:
            refused.setdefault((task["worker"], task["name"]), []).append(task["ended"])
    for (node, name), times in refused.items():
        yield {"kind": "tasks_refused", "subject": node, "task": name, "count": len(times), "last": max(times)}
    for view in report["seen"]:
        if view["outdated"]["processes"]:
            yield {"kind": "settings_outdated", "subject": view["host"], **view["outdated"]}


def _flower(report: Report) -> Found:
    flower = report["flower"]
    if flower["state"] in ("down", "denied") or (flower["state"] == "unknown" and flower.get("detail")):
        kind = {"down": "flower_down", "denied": "flower_denied", "unknown": "flower_unreachable"}[flower["state"]]
        yield {"kind": kind, "subject": flower["url"], "detail": flower["detail"]}


def _beat(report: Report) -> Found:
    views = [view for view in report["seen"] if view["stack"]["described"]]
    running = {view["host"]: view["beat"]["pids"] for view in views if view["beat"]["pids"]}
    pids = [pid for found in running.values() for pid in found]
    common = {"program": f"{report['name']}-beat", "expected": report["stack"]["beat"]}
    if len(pids) > 1:
        yield {"kind": "beats_doubled", "subject": ", ".join(sorted(running)), "pids": pids, **common}
    for view in views:
        beat = view["beat"]
        about = {**common, "subject": view["host"], "supervisor": view["stack"]["supervisor"], "pids": beat["pids"]}
        if beat["frozen"]:
            yield {"kind": "beat_frozen", **about, "frozen": beat["frozen"]}
        if beat["here"] and not beat["pids"]:
            yield {"kind": "beat_down", **about}
        elif beat["pids"] and not beat["here"] and len(pids) == 1:
            yield {"kind": "beat_unexpected", **about}
    yield from heartbeat.problems(report)

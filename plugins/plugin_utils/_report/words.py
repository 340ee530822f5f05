# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a report is put into words, for the terminal and for the page alike. Pure."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

Report = t.Mapping[str, t.Any]
MARKS = {
    "running": "good", "up": "good", "succeeded": "good", "active": "busy", "reserved": "calm", "scheduled": "calm",
    "busy": "busy", "stopped": "calm", "stopping": "calm", "unexpected": "odd", "frozen": "bad",
    "silent": "odd", "unknown": "odd", "lost": "bad", "failed": "bad", "missing": "bad", "down": "bad",
    "denied": "bad",
}  # fmt: skip


def mark(state: str) -> str:
    """Whether a state is ``good``, ``busy``, ``odd``, ``bad``, or nothing to look at (``calm``)."""
    return MARKS.get(state, "calm")


def verdict(report: Report) -> str:
    """The whole report in three words; what could not be looked at is not healthy."""
    count = len(report["problems"])
    if count:
        return f"{count} problem{'s' * (count > 1)}"
    return "healthy" if report["healthy"] else f"unknown: {', '.join(report['unknown'])}"


def rating(report: Report) -> str:
    """The mark of the verdict."""
    return "bad" if report["problems"] else "good" if report["healthy"] else "odd"


def services(report: Report) -> list[tuple[str, str, str]]:
    """Name, state and one line for each service."""
    broker, celery, beat, flower = (report[key] for key in ("broker", "celery", "beat", "flower"))
    rows = [("Broker", broker["state"], _broker(broker)), ("Celery", celery["state"], _celery(celery))]
    rows.append(("Beat", beat["state"], _beat(beat)))
    if flower.get("wanted") or flower["state"] != "unknown":
        rows.append(("Flower", flower["state"], flower.get("url") or "on another host's loopback"))
    return rows


def _broker(broker: Report) -> str:
    alarms = broker.get("alarms")
    parts = [
        f"RabbitMQ {broker['version']}" if broker.get("version") else "",
        f"Erlang {broker['erlang']}" if broker.get("erlang") else "",
        "alarm!" if alarms else "no alarm" if alarms == [] else "",
    ]
    return ", ".join(part for part in parts if part) or str(broker.get("url") or "not visible from here")


def _celery(celery: Report) -> str:
    if celery["state"] == "unknown":
        return "nobody can ask the workers"
    busy = f", {celery['busy']} busy" if celery.get("busy") else ""
    return f"{celery['up']} of {celery['workers']} workers answer{busy}" if celery["workers"] else "no worker"


def _beat(beat: Report) -> str:
    pids = beat.get("pids") or []
    where = beat.get("host") or ", ".join(beat.get("hosts") or [])
    if beat["state"] == "unknown":
        return f"runs on {where}, which was not asked" if where else "none in the inventory"
    return (f"on {where}" if where else "") + (f", pid {', '.join(map(str, pids))}" if pids else "")


def moment(seconds: float | None) -> str:
    """A time of day with its date, in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S") if seconds else ""


def duration(seconds: float | None) -> str:
    """How long, in the two units that matter: ``4.2 s``, ``3 min 20 s``, ``2 d 4 h``."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    for size, unit, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = int(seconds % size) // below
            return f"{int(seconds) // size} {unit}" + (f" {rest} {small}" if rest else "")
    return ""


def held(worker: Report, state: str) -> str:
    """How many tasks of a kind a worker has; empty when it did not say."""
    return "" if worker[state] is None else str(len(worker[state]))


def pool(worker: Report) -> str:
    """``prefork 4``."""
    return " ".join(str(part) for part in (worker.get("pool"), worker.get("concurrency")) if part is not None)


def since(task: Report) -> str:
    """When something last happened to a task, or when it is due."""
    if task["state"] == "scheduled" and task.get("eta"):
        return "due " + str(task["eta"]).replace("T", " ")[:16]
    return moment(task.get("ended") or task.get("started") or task.get("received"))

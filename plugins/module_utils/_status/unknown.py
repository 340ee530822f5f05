# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report does not know although it should: areas, and what to do about a required one. Pure."""

from __future__ import annotations

import typing as t

from .._errors import TaskstackError
from .expected import host_of

#: The words for ``require``, the most fundamental first.
AREAS = ("broker", "workers", "queues", "tasks", "flower", "beat", "versions")
#: What else a look at the workers tells.
THROUGH_BROKER = ("workers", "queues", "versions")
Report = t.Mapping[str, t.Any]


def areas(report: Report) -> list[str]:
    """The areas of which something that should be there could not be looked at."""
    workers = _workers(report)
    found = {
        "broker": report["broker"]["state"] == "unknown" or bool(unseen_members(report)),
        "workers": workers,
        "queues": not any(view["queued"] for view in report["seen"]),
        "tasks": bool(unseen_recorders(report)),
        "flower": bool(report["flower"].get("wanted")) and report["flower"]["state"] == "unknown",
        "beat": bool(report["stack"]["beat"]) and report["beat"]["state"] == "unknown",
        "versions": workers,
    }
    return [area for area in AREAS if found[area]]


def _workers(report: Report) -> bool:
    """Nobody could ask them, or one is silent that may be busy and whose recorder was not looked at."""
    unsure = {worker["node"] for worker in report["workers"] if worker["state"] == "silent" and maybe_busy(worker)}
    return report["celery"]["state"] == "unknown" or bool(unsure & set(unseen_recorders(report)))


def maybe_busy(worker: Report) -> bool:
    """A solo worker cannot answer while it has a task."""
    return bool(worker["pool"] == "solo")


def unseen_recorders(report: Report) -> list[str]:
    """The workers that record their tasks on a host whose recorder nobody could look at."""
    seen = {node for view in report["seen"] if view["recorder"] for node in view["nodes"]}
    recorded = [worker for worker in report["stack"]["workers"] if worker.get("recorder")]
    return [
        worker["node"] for worker in recorded if worker["node"] not in seen and host_of(worker) not in report["unasked"]
    ]


def unseen_members(report: Report) -> list[str]:
    """The broker's nodes that did not report themselves; a host that could not be asked is a problem of its own."""
    hosts = report["stack"]["broker_hosts"]
    seen = {view["host"] for view in report["seen"] if view["broker"]["member"]}
    return [host for host in hosts if host not in seen and host not in report["unasked"]] if len(hosts) > 1 else []


def on_windows_only(report: Report, area: str) -> bool:
    """Whether what is unknown of an area is on Windows hosts, whose recorders and processes nobody can ask."""
    rows = {worker["node"]: worker for worker in report["stack"]["workers"] if worker.get("supervisor") == "windows"}
    if area == "beat":
        return report["stack"]["beat"] in {host_of(worker) for worker in rows.values()}
    if area == "workers" and report["celery"]["state"] == "unknown":
        return False
    return area in ("tasks", "workers") and set(unseen_recorders(report)) <= rows.keys()


def failures(report: Report, required: t.Iterable[str]) -> list[str]:
    """Why the required areas are not in order: their problems, or that nobody could look. None when they are."""
    wanted = set(required)
    if not wanted:
        return []
    blind = [area for area in AREAS if area in wanted and (area in report["unknown"] or not _looked(report, area))]
    causes = wanted | {"hosts"} | ({"broker"} if set(blind) & set(THROUGH_BROKER) else set())
    found = [item["problem"] for item in report["findings"] if causes & {item["area"], *item.get("also", ())}]
    # With its cause in sight an unknown area needs no sentence of its own.
    told = {finding["area"] for finding in report["findings"]}
    told |= set(THROUGH_BROKER) if "broker" in told else set()
    left = [area for area in blind if area not in told and "hosts" not in told]
    if left:
        found.append(
            f"Nobody could look at {', '.join(left)} from {', '.join(report['hosts']) or 'here'}, so it is unknown. "
            "Ask the whole stack with playbooks/status.yml, or a host that can see it."
        )
    return list(dict.fromkeys(found))


def _looked(report: Report, area: str) -> bool:
    """Whether an area was looked at at all; without a description there is nothing that says what should be there."""
    if report["stack"]["described"] or area in ("broker", *THROUGH_BROKER):
        return True
    if area == "tasks":
        return any(view["recorder"] for view in report["seen"])
    return bool(report[area]["state"] != "unknown")


def required(words: t.Any) -> list[str]:
    """The areas of a list or of a comma-separated string; an unknown word is an error with the known ones."""
    listed = words.split(",") if isinstance(words, str) else list(words or [])
    wanted = [str(word).strip() for word in listed if str(word).strip()]
    strange = [word for word in wanted if word not in AREAS]
    if strange:
        raise TaskstackError(f"Cannot require {', '.join(strange)}: the areas are {', '.join(AREAS)}.")
    return wanted

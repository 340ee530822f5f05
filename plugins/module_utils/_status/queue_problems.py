# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with queues, as data. Pure."""

from __future__ import annotations

import typing as t

Report = t.Mapping[str, t.Any]
Found = t.Iterator[dict[str, t.Any]]


def queues(report: Report) -> Found:
    """The problems of queues; what follows from a missing worker or an alarm of the broker is told there."""
    for queue in report["queues"]:
        about = {"subject": queue["name"], "waiting": queue["waiting"]}
        if queue["state"] not in ("running", "idle", "flow"):
            yield {"kind": "queue_unavailable", **about, "state": queue["state"]}
        elif queue["offline"]:
            yield {"kind": "queue_degraded", **about, "offline": queue["offline"]}
        if queue["waiting"] and queue["consumers"] == 0:
            yield from _unconsumed(report, queue, about)
        elif queue["stuck"] and not report["broker"].get("alarms"):
            yield from _stuck(report, queue, about)


def _unconsumed(report: Report, queue: Report, about: Report) -> Found:
    wanted = {worker["node"]: worker for worker in report["stack"]["workers"]}
    given = [row for row in report["workers"] if queue["name"] in (wanted.get(row["node"], {}).get("queues") or [])]
    stopped = [row["node"] for row in given if row["state"] in ("stopped", "stopping")]
    # A worker of this queue that is missing, silent or has cancelled it has a sentence of its own.
    if len(stopped) == len(given):
        yield {"kind": "queue_unconsumed", **about, "stopped": stopped}


def _stuck(report: Report, queue: Report, about: Report) -> Found:
    consumers = [row for row in report["workers"] if row["answers"] and queue["name"] in (row["queues"] or [])]
    frozen = {node for view in report["seen"] for node, found in view["processes"].items() if found["frozen_children"]}
    if consumers and all(row["node"] in frozen for row in consumers):
        return
    held = {row["node"]: len(row["scheduled"] or []) for row in consumers}
    if consumers and all(_filled(row, held[row["node"]]) for row in consumers):
        due = [task["eta"] for row in consumers for task in row["scheduled"] or [] if task.get("eta")]
        yield {"kind": "queue_held_by_schedule", **about, "workers": held, "due": min(due, default=None)}
    else:
        yield {"kind": "queue_stuck", **about, "workers": sorted(held)}


def _filled(worker: Report, held: int) -> bool:
    """Whether scheduled tasks fill what a worker fetches ahead; it has raised its prefetch count by one for each."""
    return bool(worker["prefetch"]) and 2 * held >= worker["prefetch"] and not worker["renews_consumers"]

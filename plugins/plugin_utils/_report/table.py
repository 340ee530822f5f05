# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for the terminal: 100 columns, plain characters, problems first. Pure."""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._tasks import LIVE

from . import words

Rows = t.Sequence[t.Sequence[str]]


def render(report: t.Mapping[str, t.Any], width: int = 100, tasks: int = 10) -> str:
    """The report as text no wider than ``width``; of each kind of task the first ``tasks``."""
    head = f"Stack {report['name']}" if report["name"] else "Stack"
    title = f"{head}: {words.verdict(report)}".ljust(width - 24)
    lines = [title + f"{words.moment(report['time'])} UTC".rjust(24), "=" * width]
    for problem in report["problems"]:
        lines += textwrap.wrap(problem, width, initial_indent="! ", subsequent_indent="  ", break_on_hyphens=False)
    if report["problems"] and report["unknown"]:
        lines.append(f"? Unknown: {', '.join(report['unknown'])}")
    lines += _section("SERVICE", ("STATE", ""), words.services(report), width)
    most = max([queue["waiting"] for queue in report["queues"]] or [0])
    lines += _section(
        "QUEUE", ("WAITING", "UNACKED", "CONSUMERS", ""), [_queue(queue, most) for queue in report["queues"]], width
    )
    heads = ("STATE", "POOL", "ACTIVE", "RESERVED", "SCHEDULED", "QUEUES")
    lines += _section("WORKER", heads, [_worker(worker) for worker in report["workers"]], width)
    held = [task for task in report["tasks"] if task["state"] in LIVE]
    lines += _tasks("TASK IN HAND", "ID", held, width, tasks)
    lines += _tasks("RECENT TASK", "WHEN", [task for task in report["tasks"] if task not in held], width, tasks)
    return "\n".join(line.rstrip() for line in lines)


def _queue(queue: t.Mapping[str, t.Any], most: int) -> list[str]:
    consumers = "?" if queue["consumers"] is None else str(queue["consumers"])
    drawn = "#" * -(-20 * queue["waiting"] // most) if most else ""
    return [queue["name"], str(queue["waiting"]), str(queue["unacknowledged"]), consumers, drawn]


def _worker(worker: t.Mapping[str, t.Any]) -> list[str]:
    held = [words.held(worker, state) for state in LIVE]
    return [worker["node"], worker["state"], words.pool(worker), *held, ", ".join(worker["queues"] or [])]


def _tasks(head: str, last: str, found: list[t.Any], width: int, limit: int) -> list[str]:
    rows = [
        [
            str(task["name"] or task["id"]),
            task["state"],
            task["worker"] or "",
            words.since(task) if task["state"] == "scheduled" else words.duration(task["runtime"]),
            str(task["id"]) if last == "ID" else words.since(task),
        ]
        for task in found[:limit]
    ]
    lines = _section(head, ("STATE", "WORKER", "RUNTIME", last), rows, width)
    return [*lines, f"... and {len(found) - limit} more"] if len(found) > limit else lines


def _section(head: str, heads: tuple[str, ...], rows: Rows, width: int) -> list[str]:
    """A table whose widest column gives way, but never the ids: they are there to be copied. Nothing without rows."""
    if not rows:
        return []
    table = [(head, *heads), *rows]
    sizes = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    soft = range(len(sizes) - (heads[-1] == "ID"))
    while sum(sizes) + 2 * (len(sizes) - 1) > width:
        sizes[max(soft, key=sizes.__getitem__)] -= 1
    numeric = [all(row[column].isdigit() or row[column] in ("", "?") for row in rows) for column in range(len(sizes))]
    return ["", *("  ".join(_cell(*cell) for cell in zip(row, sizes, numeric)) for row in table)]


def _cell(text: str, size: int, numeric: bool) -> str:
    # Names differ at their end: app.tasks.export, crop@host.
    cut = text if len(text) <= size else "~" + text[1 - size :]
    return cut.rjust(size) if numeric else cut.ljust(size)

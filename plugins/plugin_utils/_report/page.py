# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as one HTML page that needs nothing else: no network, no files. Pure.

Numbers stand in ``data-`` attributes too, for tests and for scripts of others.
"""

from __future__ import annotations

import typing as t
from html import escape

from ansible_collections.taskstack.celery.plugins.module_utils._tasks import LIVE

from . import words
from .html import Row, document, pill, table

TASK_HEADS = ("Task", "State", "Worker", "Queue", "Runtime", "When")
Report = t.Mapping[str, t.Any]


def render(report: Report, refresh: int = 0, tasks: int = 100) -> str:
    """The page. With ``refresh`` browsers load it again after so many seconds."""
    name = f"Stack {report['name']}" if report["name"] else "Task stack"
    verdict = words.verdict(report)
    held = [task for task in report["tasks"] if task["state"] in LIVE]
    recent = [task for task in report["tasks"] if task["state"] not in LIVE]
    body = [
        f"<header><h1>{escape(name)}</h1>{pill(verdict, words.rating(report))}"
        f'<p>{words.moment(report["time"])} UTC, <span id="age" data-time="{report["time"]}" data-refresh="{refresh}">'
        "</span></p></header>",
        _problems(report["problems"]),
        _unknown(report),
        _services(report),
        table("queues", "Queues", ("Queue", "Waiting", "", "Unacknowledged", "Consumers"), _queues(report["queues"])),
        table(
            "workers",
            "Workers",
            ("Worker", "State", "Pool", "Queues", "Active", "Reserved", "Scheduled", "Done", "Up for", "Celery"),
            [_worker(worker) for worker in report["workers"]],
        ),
        table("active", "Tasks in workers' hands", TASK_HEADS, [_task(task) for task in held[:tasks]], len(held)),
        table("recent", "Recent tasks", TASK_HEADS, [_task(task) for task in recent[:tasks]], len(recent)),
        "<footer>Made by taskstack.celery. Times are UTC. Task arguments are left out on purpose.</footer>",
    ]
    return document(f"{verdict} - {name}", "\n".join(part for part in body if part), refresh)


def _problems(problems: t.Sequence[str]) -> str:
    return '<ul id="problems">' + "".join(f"<li>{escape(text)}</li>" for text in problems) + "</ul>" if problems else ""


def _unknown(report: Report) -> str:
    unknown = ", ".join(report["unknown"]) if report["problems"] else ""
    return f'<p id="unknown">{pill("unknown")} {escape(unknown)}</p>' if unknown else ""


def _services(report: Report) -> str:
    waiting = sum(queue["waiting"] for queue in report["queues"])
    busy = sum(len(worker["active"] or []) for worker in report["workers"])
    some = 0 < report["celery"]["up"] < report["celery"]["workers"]
    tiles = [
        _tile(name, pill(state, "odd" if some and name == "Celery" else None), line, state)
        for name, state, line in words.services(report)
    ]
    if report["broker"]["state"] == "running":
        tiles.append(_tile("Waiting", f"<b>{waiting}</b>", f"in {len(report['queues'])} queues", str(waiting)))
        tiles.append(_tile("Running", f"<b>{busy}</b>", f"on {report['celery']['up']} workers", str(busy)))
    return f'<section id="services">{"".join(tiles)}</section>'


def _tile(name: str, main: str, line: str, value: str) -> str:
    attributes = f'class="tile" data-service="{name.lower()}" data-value="{escape(value)}"'
    return f"<article {attributes}><h2>{name}</h2>{main}<p>{escape(line)}</p></article>"


def _queues(queues: t.Sequence[Report]) -> list[Row]:
    most = max([queue["waiting"] for queue in queues] or [0]) or 1
    return [
        (
            f'data-queue="{escape(queue["name"])}" data-waiting="{queue["waiting"]}"',
            [
                escape(queue["name"]),
                str(queue["waiting"]),
                '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
                f'<rect width="{100 * queue["waiting"] / most:.1f}" height="1"/></svg>',
                str(queue["unacknowledged"]),
                "?" if queue["consumers"] is None else str(queue["consumers"]),
            ],
        )
        for queue in queues
    ]


def _worker(worker: Report) -> Row:
    cells = [
        escape(worker["node"]),
        pill(worker["state"]),
        escape(words.pool(worker)),
        escape(", ".join(worker["queues"] or [])),
        *(words.held(worker, state) for state in LIVE),
        "" if worker["done"] is None else str(worker["done"]),
        words.duration(worker["uptime"]),
        escape(worker["celery"] or ""),
    ]
    active = words.held(worker, "active")
    return f'data-worker="{escape(worker["node"])}" data-state="{worker["state"]}" data-active="{active}"', cells


def _task(task: Report) -> Row:
    cells = [
        f"{escape(task['name'] or 'unknown')}<br><code>{escape(str(task['id']))}</code>",
        pill(task["state"]),
        escape(task["worker"] or ""),
        escape(task["queue"] or ""),
        words.duration(task["runtime"]),
        escape(words.since(task)),
    ]
    return f'data-task="{escape(str(task["id"]))}" data-state="{escape(task["state"])}"', cells

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the answers of one worker into what a person wants to know. Pure; any answer may be missing or an error."""

from __future__ import annotations

import re
import typing as t

from .._tasks import LIVE

# The seconds of 30,000 years.
_LARGEST = 1e12
METHODS = ("stats", *LIVE, "active_queues", "registered", "report")


def read(node: str, answers: t.Mapping[str, t.Any], now: float) -> dict[str, t.Any]:
    """What the worker told of itself; None where it did not."""
    stats, report = _mapping(answers.get("stats")), str(_mapping(answers.get("report")).get("ok", ""))
    pool, totals = _mapping(stats.get("pool")), _mapping(stats.get("total"))
    queues = [queue for queue in _list(answers.get("active_queues")) if isinstance(queue, dict)]
    facts = {
        "pool": pool_name(stats),
        "concurrency": _number(pool.get("max-concurrency")),
        "pid": _number(stats.get("pid")),
        "uptime": _number(stats.get("uptime")),
        "prefetch": _number(stats.get("prefetch_count")),
        "done": sum(count for count in totals.values() if isinstance(count, int)) if stats else None,
        "celery": _version(r"\bcelery:([\d.]+\w*)", report),
        "python": _version(r"\bpy:([\d.]+\w*)", report),
        "kombu": _version(r"\bkombu:([\d.]+\w*)", report),
        # Whether it takes other tasks while scheduled ones fill its prefetch: files/taskstack_prefetch.py.
        "renews_consumers": "taskstack_prefetch" in report if report else None,
        "topics": sorted(str(queue.get("name")) for queue in queues if _exchange(queue).get("type") == "topic"),
        "queues": sorted(str(queue.get("name")) for queue in queues) if "active_queues" in answers else None,
        # "app.add [rate_limit=10/m]" is a task's name with its settings.
        "registered": sorted({str(name).split(" ", 1)[0] for name in _list(answers.get("registered"))})
        if "registered" in answers
        else None,
    }
    for state in LIVE:
        raw = [task for task in _list(answers.get(state)) if isinstance(task, dict)]
        facts[state] = [read_task(task, state, node, queues, now) for task in raw] if state in answers else None
    return facts


def read_task(
    raw: t.Mapping[str, t.Any], state: str, node: str, queues: list[dict[str, t.Any]], now: float
) -> dict[str, t.Any]:
    """One task in a worker's hands. Its arguments stay out: they may be personal data, and pages are passed on."""
    request = _mapping(raw.get("request")) or raw
    started = _number(request.get("time_start"))
    # Before a task is accepted, and on old workers, this is not a time of day.
    started = started if started and started > 1e9 else None
    return {
        "id": _text(request.get("id")),
        "name": _text(request.get("name") or request.get("type")),
        "state": state,
        "worker": node,
        "queue": _queue(_mapping(request.get("delivery_info")), queues),
        "started": started,
        # Two machines' clocks: a task that started in the future has just started.
        "runtime": None if started is None or state != "active" else round(max(0.0, now - started), 1),
        "eta": _text(raw.get("eta")),
    }


def pool_name(stats: t.Mapping[str, t.Any]) -> str | None:
    """The word for ``--pool``. Celery before 5.3 does not say it, but each pool tells different things."""
    pool = _mapping(stats.get("pool"))
    named = str(pool.get("implementation", "")).partition(":")[0].rpartition(".")[2]
    if named:
        return "threads" if named == "thread" else named
    if "writes" in pool:
        return "prefork"
    if "threads" in pool:
        return "threads"
    if "free-threads" in pool:
        return "eventlet"
    if stats.get("pid") is not None and pool.get("processes") == [stats["pid"]]:
        return "solo"
    return None


def _exchange(queue: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    return _mapping(queue.get("exchange"))


def _queue(delivery: t.Mapping[str, t.Any], queues: list[dict[str, t.Any]]) -> str | None:
    key = delivery.get("routing_key")
    for queue in queues:
        exchange = _exchange(queue).get("name")
        if queue.get("routing_key") == key and exchange in (delivery.get("exchange"), None):
            return str(queue.get("name"))
    return _text(queues[0].get("name") if len(queues) == 1 else key)


def _version(pattern: str, report: str) -> str | None:
    found = re.search(pattern, report)
    return found.group(1) if found else None


def _number(value: t.Any) -> t.Any:
    """A number that a table or a page can show. What a worker answers is the application's."""
    return value if isinstance(value, (int, float)) and 0 <= value < _LARGEST else None


def _text(value: t.Any) -> str | None:
    return None if value is None else str(value)


def _mapping(value: t.Any) -> t.Mapping[str, t.Any]:
    return value if isinstance(value, dict) else {}


def _list(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else []

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that are right one by one and wrong together, of one process."""

from __future__ import annotations

import typing as t

from .celery_options import default_pool

# Arguments that the definition itself decides; a second one would win silently.
OURS = {
    "-A": "taskstack_app",
    "--app": "taskstack_app",
    "-n": "name and hostname",
    "--hostname": "name and hostname",
    "-c": "concurrency",
    "--concurrency": "concurrency",
    "-Q": "queues",
    "--queues": "queues",
    "-X": "exclude_queues",
    "--exclude-queues": "exclude_queues",
    "-P": "pool",
    "--pool": "pool",
    "-l": "log_level",
    "--loglevel": "log_level",
    "-f": "the supervisor's log",
    "--logfile": "the supervisor's log",
    "--pidfile": "the supervisor, which needs no pidfile",
    "-D": "the supervisor, which needs its program in the foreground",
    "--detach": "the supervisor, which needs its program in the foreground",
    "--uid": "taskstack_user",
    "--gid": "taskstack_group",
}
# They would be seen by everyone who may list processes.
SECRET = {
    "-b": "taskstack_broker_password",
    "--broker": "taskstack_broker_password",
    "--result-backend": "taskstack_result_backend",
    "--basic-auth": "flower_password",
    "--broker-api": "flower_password",
    "--cookie-secret": "flower_cookie_secret",
}


def problems(kind: str, entry: dict[str, t.Any], supervisor: str, number: int = 0) -> list[str]:
    """One sentence per contradiction in the options of one process, which are each valid by themselves."""
    label = kind if kind != "worker" else f"worker_nodes: {entry.get('name', f'entry {number + 1}')}"
    found = [f"{label}: {sentence}" for sentence in _extra_args(kind, entry, supervisor)]
    if kind == "worker":
        found += [f"{label}: {sentence}" for sentence in _worker(entry, supervisor)]
    return found


def flags(arguments: t.Iterable[str]) -> list[str]:
    """The option part of each argument: `--queues=a` and `-Qa` are `--queues` and `-Q`."""
    return [
        text.split("=", 1)[0].replace("_", "-") if text.startswith("--") else text[:2]
        for text in arguments
        if text.startswith("-") and text != "--"
    ]


def embeds_beat(entry: dict[str, t.Any]) -> bool:
    """Whether this worker would run a beat of its own."""
    extra = entry.get("extra_args")
    given = flags(text for text in extra if isinstance(text, str)) if isinstance(extra, (list, tuple)) else []
    return "-B" in given or "--beat" in given


def _extra_args(kind: str, entry: dict[str, t.Any], supervisor: str) -> t.Iterator[str]:
    for flag in flags(entry.get("extra_args", [])):
        if flag in SECRET:
            yield f"extra_args must not hold {flag}, which everyone on the host could read. Use {SECRET[flag]}."
        elif flag in OURS and kind != "flower":
            yield f"extra_args must not hold {flag}, which is decided by {OURS[flag]}."
    if kind == "worker" and supervisor == "windows" and embeds_beat(entry):
        yield "extra_args must not hold -B: on Windows no worker can run beat. Put a host into group beat."


def _worker(entry: dict[str, t.Any], supervisor: str) -> t.Iterator[str]:
    pool = entry.get("pool", default_pool(supervisor))
    concurrency = entry.get("concurrency")
    if "name" not in entry:
        yield "name is missing. Give each node a name, which becomes <name>@<host>."
    elif entry["name"] in ("beat", "flower"):
        yield f"name must not be {entry['name']}, which names the program of {entry['name']} itself. Choose another."
    if pool == "solo" and (concurrency or 1) > 1:
        yield f"pool solo runs one task at a time, not concurrency {concurrency}. Set it to 1, or list more nodes."
    if supervisor == "windows" and pool == "prefork":
        yield "pool prefork does not work on Windows. Use solo (one task at a time) or threads."
    if "autoscale" in entry:
        scale = entry["autoscale"]
        if scale["min"] > scale["max"]:
            yield f"autoscale has min {scale['min']} above max {scale['max']}. Swap them."
        elif scale["max"] < 1:
            yield "autoscale has max 0, so no task would ever run. Set max to 1 or more."
        if concurrency is not None:
            yield "autoscale and concurrency exclude each other. Keep one."
        if pool in ("solo", "threads"):
            yield f"autoscale has no effect with pool {pool}. Remove it, or use prefork, gevent or eventlet."
    for option in ("max_tasks_per_child", "max_memory_per_child", "soft_time_limit"):
        if option in entry and pool != "prefork":
            yield f"{option} has no effect with pool {pool}. Remove it, or use pool prefork."
    if "time_limit" in entry and pool in ("solo", "threads"):
        yield f"time_limit has no effect with pool {pool}. Remove it, or use prefork, gevent or eventlet."
    if entry.get("soft_time_limit", 0) > entry.get("time_limit", float("inf")):
        yield "soft_time_limit is above time_limit, so it would never come first. Lower it."
    for queue in sorted(set(entry.get("queues", [])) & set(entry.get("exclude_queues", []))):
        yield f"queue {queue} is in queues and in exclude_queues. Remove it from one."
    if entry.get("soft_shutdown_timeout", 0) >= entry.get("stop_timeout", 600):
        yield "soft_shutdown_timeout must be shorter than stop_timeout, when the worker is killed. Raise stop_timeout."

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a worker, of beat and of Flower: their names in an inventory, and Celery's for them."""

from __future__ import annotations

from .options import Option

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
POOLS = ("prefork", "solo", "threads", "gevent", "eventlet")

# Every program has these.
COMMON = {
    "state": Option("text", choices=("started", "stopped")),
    "log_level": Option("text", "--loglevel", choices=LEVELS),
    "stop_timeout": Option("whole", minimum=0),
    "memory_max": Option("size"),
    "environment": Option("environment"),
    "restart_on": Option("texts"),
    "extra_args": Option("texts"),
}
WORKER = {
    **COMMON,
    "name": Option("name"),
    "hostname": Option("name"),
    "queues": Option("names", "--queues"),
    "exclude_queues": Option("names", "--exclude-queues"),
    "concurrency": Option("whole", "--concurrency", minimum=1),
    "autoscale": Option("range", "--autoscale"),
    "pool": Option("text", "--pool", choices=POOLS),
    "prefetch_multiplier": Option("whole", "--prefetch-multiplier", minimum=0),
    "optimization": Option("text", "-O", choices=("default", "fair")),
    "max_tasks_per_child": Option("whole", "--max-tasks-per-child", minimum=1),
    "max_memory_per_child": Option("whole", "--max-memory-per-child", minimum=1),
    "time_limit": Option("number", "--time-limit", minimum=1),
    "soft_time_limit": Option("number", "--soft-time-limit", minimum=1),
    "soft_shutdown_timeout": Option("number", minimum=0),
    "events": Option("switch", "--events"),
    "gossip": Option("switch", "--without-gossip"),
    "mingle": Option("switch", "--without-mingle"),
    "heartbeat": Option("switch", "--without-heartbeat"),
    "heartbeat_interval": Option("whole", "--heartbeat-interval", minimum=1),
    "statedb": Option("switch"),
    "recorder": Option("switch"),
    "includes": Option("names"),
}
BEAT = {
    **COMMON,
    "schedule_file": Option("text", "--schedule"),
    "scheduler": Option("text", "--scheduler"),
    "max_interval": Option("number", "--max-interval", minimum=1),
}
FLOWER = {
    **COMMON,
    "log_level": Option("text", "--logging", choices=LEVELS),
    "address": Option("text", "--address"),
    "port": Option("whole", "--port", minimum=1),
    "url_prefix": Option("text", "--url-prefix"),
    "persistent": Option("switch"),
    "database": Option("text"),
    "state_save_interval": Option("whole", minimum=0),
    "max_tasks": Option("whole", "--max-tasks", minimum=1),
    "purge_offline_workers": Option("whole", "--purge-offline-workers", minimum=1),
}


def default_pool(supervisor: str) -> str:
    """The pool of a worker whose options name none: Celery's own, prefork, does not work on Windows."""
    return "solo" if supervisor == "windows" else "prefork"

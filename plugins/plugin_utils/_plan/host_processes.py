# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of a host, as module processes and role windows_tasks take them. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._paths import restart_file

from .definitions import Definition, definitions
from .stack import StackHost
from .worker_nodes import worker_nodes


def processes(here: StackHost) -> dict[str, list[Definition]]:
    """The definitions of each kind that is looked after; all mistakes in all of them at once."""
    found: dict[str, list[Definition]] = {}
    wrong = []
    for kind in here.kinds:
        options = _OPTIONS[kind](here) if here.has(kind) else []
        try:
            found[kind] = definitions(options, kind, _stack(here, kind))
        except TaskstackError as exc:
            wrong.append(str(exc))
    if wrong:
        raise TaskstackError(" ".join(wrong))
    return found


def _stack(here: StackHost, kind: str) -> dict[str, t.Any]:
    """What is the same for all processes of a kind."""
    writes = here.get("taskstack_write_paths")
    # A new version of what verifies the broker takes effect only in new processes.
    restart_on = [here.paths.below(here.paths.library, "taskstack_tls.py")] if here.broker.tls else []
    if not here.windows:
        restart_on.append(restart_file(here.name, kind))
    stack: dict[str, t.Any] = {
        "name": here.name,
        "host": here.host,
        "directory": here.directory,
        "user": here.user,
        "group": here.group,
        "supervisor": here.supervisor,
        "write_paths": None if writes is None else [here.paths.state, here.paths.log, *writes],
        "restart_on": restart_on,
    }
    if kind == "flower" and not here.flower_shares:
        # Flower in its own virtualenv has nothing to do with the application's packages.
        stack["places"] = {"packages_file": here.paths.flower_packages_file}
    return stack


def _beat(here: StackHost) -> list[dict[str, t.Any]]:
    if not here.runs_beat:
        return []
    options = {
        "scheduler": here.get("beat_scheduler"),
        "log_level": here.get("beat_log_level"),
        "max_interval": here.get("beat_max_interval"),
        "extra_args": here.get("beat_extra_args"),
    }
    if here.get("beat_schedule"):
        # Our scheduler class reads the file, whatever scheduler does the rest.
        options["environment"] = {"TASKSTACK_BEAT_SCHEDULE": here.paths.schedule}
        options["restart_on"] = [here.paths.schedule]
    return [options]


def _flower(here: StackHost) -> list[dict[str, t.Any]]:
    environment = {"FLOWER_UNAUTHENTICATED_API": "true"} if here.opens_flower else {}
    authorities = here.get("taskstack_broker_ca_file")
    if here.broker.management_verifies and authorities:
        # Its client for the management API takes authorities from the environment only.
        environment["SSL_CERT_FILE"] = authorities
    if here.windows:
        environment["FLOWER_CONF"] = here.paths.flower_configuration
    return [
        {
            "address": here.get("flower_address"),
            "port": here.get("flower_port"),
            "url_prefix": here.get("flower_url_prefix"),
            "persistent": here.get("flower_persistent"),
            "state_save_interval": here.get("flower_save_interval"),
            "max_tasks": here.get("flower_max_tasks"),
            "purge_offline_workers": here.get("flower_purge_offline_workers"),
            "log_level": here.get("flower_log_level"),
            "extra_args": here.get("flower_extra_args"),
            "restart_on": [here.paths.flower_configuration, here.paths.flower_cookie],
            "environment": environment,
        }
    ]


_OPTIONS: dict[str, t.Callable[[StackHost], list[t.Any]]] = {
    "worker": lambda here: worker_nodes(here.given),
    "beat": _beat,
    "flower": _flower,
}

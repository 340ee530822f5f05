# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker nodes of a host with everything that holds for them: the one source for all who need to know. Pure."""

from __future__ import annotations

import typing as t

from .celery_options import LEVELS, default_pool
from .definitions import settle
from .role_defaults import filled, role_defaults
from .variables import Variables, true

#: Those of the role, each with its default.
DEFAULTS = role_defaults("worker")
#: The variables that this file reads.
VARIABLES = (*DEFAULTS, "taskstack_supervisor")
#: Celery's own default. An application may name another one in its settings, which no inventory shows.
DEFAULT_QUEUES = ["celery"]


def worker_nodes(variables: Variables) -> list[t.Any]:
    """Each entry of ``worker_nodes`` over ``worker_defaults`` over the role's variables.

    Values of a wrong type are left out, entries that are no mappings returned as they are: both are refused elsewhere.
    """
    given = filled(variables, "worker")
    common = _common(given)
    settled = [settle(entry, common) if isinstance(entry, dict) else entry for entry in _list(given["worker_nodes"])]
    for node in settled:
        if isinstance(node, dict):
            if given["worker_state"] == "stopped":
                # A host that is drained takes nothing, whatever its nodes say one by one.
                node["state"] = "stopped"
            if variables.get("taskstack_supervisor") == "windows":
                node.setdefault("pool", default_pool("windows"))
    return settled


def mappings(variables: Variables) -> list[dict[str, t.Any]]:
    """The nodes that can be read."""
    return [node for node in worker_nodes(variables) if isinstance(node, dict)]


def queues(node: t.Mapping[str, t.Any]) -> list[str]:
    """What a node consumes; Celery's default queue where it names none."""
    named = [str(queue) for queue in _list(node.get("queues"))]
    return [queue for queue in named or DEFAULT_QUEUES if queue not in _list(node.get("exclude_queues"))]


def consumed(hosts: t.Iterable[Variables]) -> list[str]:
    """The queues that started nodes of these hosts consume."""
    running = (node for variables in hosts for node in mappings(variables) if node.get("state") != "stopped")
    return sorted({queue for node in running for queue in queues(node)})


def _common(given: Variables) -> dict[str, t.Any]:
    """The options of a node that sets none."""
    keeps = true(given["worker_recorder"])
    common: dict[str, t.Any] = {"recorder": keeps, "environment": _recorder(given) if keeps else {}}
    for option, choices in (("state", ("started", "stopped")), ("log_level", LEVELS)):
        if given[f"worker_{option}"] in choices:
            common[option] = given[f"worker_{option}"]
    if (seconds := _number(given["worker_stop_timeout"])) is not None:
        common["stop_timeout"] = seconds
    defaults = given["worker_defaults"]
    return settle(defaults, common) if isinstance(defaults, dict) else common


def _recorder(given: Variables) -> dict[str, t.Any]:
    limits = {name: _number(given[f"worker_recorder_{name}"]) for name in ("keep", "keep_failed", "max_bytes")}
    told = {f"TASKSTACK_RECORDER_{name.upper()}": value for name, value in limits.items() if value is not None}
    return {**told, "TASKSTACK_RECORDER_SYNC": int(true(given["worker_recorder_sync"]))}


def _number(value: t.Any) -> int | None:
    # On the command line (-e) every value is a string.
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _list(value: t.Any) -> list[t.Any]:
    return list(value) if isinstance(value, (list, tuple)) else []

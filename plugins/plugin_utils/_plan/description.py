# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of a stack as one host sees it: docs/contracts.md, "Description file". Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._paths import paths

from . import worker_nodes
from .celery_options import default_pool
from .role_defaults import filled
from .variables import Variables, true

Groups = t.Mapping[str, t.Sequence[str]]
#: What is read of a host's variables.
VARIABLES = (
    *worker_nodes.VARIABLES,
    *("beat_enabled", "beat_schedule"),
    *("flower_address", "flower_port", "flower_url_prefix", "flower_user", "flower_password"),
)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def description(stack: Variables, host: str, hosts: t.Mapping[str, Variables], groups: Groups) -> dict[str, t.Any]:
    """What modules on ``host`` need to know.

    ``stack`` holds what is the same everywhere, ``hosts`` the variables of every host of the groups.
    """
    workers = [row for where in groups.get("worker") or [] for row in _workers(where, hosts[where])]
    beats = [where for where in groups.get("beat") or [] if true(filled(hosts[where], "beat")["beat_enabled"])]
    flowers = list(groups.get("flower") or [])
    here = [row["name"] for row in workers if row["host"] == host]
    here += ["beat"] if host in beats else []
    here += ["flower"] if host in flowers else []
    scheduled = host in beats and hosts[host].get("beat_schedule")
    return {
        **stack,
        "broker": _broker(stack["broker"]),
        "host": host,
        "broker_hosts": list(groups.get("rabbitmq") or []),
        "workers": [{key: value for key, value in row.items() if key != "name"} for row in workers],
        "beat": beats[0] if beats else None,
        "schedule": paths(stack["name"], "supervisord").schedule if scheduled else None,
        "flower": _flower(flowers[0], hosts[flowers[0]], host) if flowers else None,
        "processes": [f"{stack['name']}-{process}" for process in here],
    }


def _broker(broker: Variables) -> dict[str, t.Any]:
    """How this host asks the broker; one that cannot reach it needs no password."""
    return dict(broker) if broker.get("management_url") else {**broker, "management_password": None}


def _workers(host: str, variables: Variables) -> t.Iterator[dict[str, t.Any]]:
    supervisor = variables.get("taskstack_supervisor") or "supervisord"
    for node in worker_nodes.mappings(variables):
        yield {
            "name": node.get("name"),
            "node": f"{node.get('name')}@{node.get('hostname') or host}",
            "host": host,
            "supervisor": supervisor,
            "state": node.get("state", "started"),
            "queues": worker_nodes.queues(node),
            # Then it is the application that says what the worker consumes, and may say something else.
            "queues_assumed": not node.get("queues"),
            "pool": node.get("pool", default_pool(supervisor)),
            "concurrency": node.get("concurrency"),
            "time_limit": node.get("time_limit"),
            "recorder": bool(node.get("recorder")),
        }


def _flower(where: str, variables: Variables, host: str) -> dict[str, t.Any]:
    """How Flower's own host asks it. All others leave it to that host, and have no password to send over a network."""
    given = filled(variables, "flower")
    user, address = given["flower_user"], given["flower_address"]
    if where != host:
        return {"url": None, "user": user, "password": None}
    prefix = (variables.get("flower_url_prefix") or "").strip("/")
    seen_as = LOOPBACK[0] if address in (*LOOPBACK, "0.0.0.0", "::") else where
    url = f"http://{seen_as}:{given['flower_port']}" + (f"/{prefix}" if prefix else "")
    return {"url": url, "user": user, "password": variables.get("flower_password")}

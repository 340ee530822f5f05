# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of a stack as one host sees it: docs/architecture.md, "Description file"."""

from __future__ import annotations

import typing as t

Facts = t.Mapping[str, t.Any]
NODES: list[Facts] = [{"name": "default", "queues": ["celery"]}]
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def description(
    stack: Facts, host: str, nodes: t.Mapping[str, t.Any], beat: list[str], flower: Facts
) -> dict[str, t.Any]:
    """What modules on ``host`` need to know.

    ``stack`` holds what is the same everywhere, ``nodes`` the worker nodes of each host of group worker, ``beat`` the
    hosts of group beat, ``flower`` the variables of each host of group flower.
    """
    name = stack["name"]
    workers = {where: NODES if listed is None else listed for where, listed in nodes.items()}
    here = [node["name"] for node in workers.get(host, [])]
    here += ["beat"] if host in beat else []
    here += ["flower"] if host in flower else []
    recorder = bool(stack.get("recorder"))
    return {
        **stack,
        "workers": [_worker(node, where, recorder) for where, listed in workers.items() for node in listed],
        "beat": beat[0] if beat else None,
        "flower": next((_flower(where, options, host) for where, options in flower.items()), None),
        "processes": [f"{name}-{process}" for process in here],
    }


def _worker(node: Facts, host: str, recorder: bool) -> dict[str, t.Any]:
    return {
        "node": f"{node['name']}@{node.get('hostname') or host}",
        "queues": node.get("queues") or [],
        "pool": node.get("pool") or "prefork",
        "concurrency": node.get("concurrency"),
        "recorder": bool(node.get("recorder", recorder)),
    }


def _flower(where: str, options: Facts, host: str) -> dict[str, t.Any]:
    """How ``host`` reaches Flower; a loopback address only serves its own host."""
    address = options.get("address") or LOOPBACK[0]
    prefix = (options.get("url_prefix") or "").strip("/")
    reachable = where == host or address not in LOOPBACK
    seen_as = LOOPBACK[0] if where == host and address in (*LOOPBACK, "0.0.0.0", "::") else where
    url = f"http://{seen_as}:{options.get('port') or 5555}" + (f"/{prefix}" if prefix else "")
    return {"url": url if reachable else None, "user": options.get("user"), "password": options.get("password")}

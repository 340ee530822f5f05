# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the deployment says should be there: read from the description, compared with what is there. Pure."""

from __future__ import annotations

import typing as t

from .._control import worker as control_worker

Description = t.Mapping[str, t.Any]
Stack = dict[str, t.Any]
#: What describes a worker, for the rows of workers that cannot tell it themselves.
TOLD = ("pool", "concurrency", "queues")


def expectation(description: Description | None, settled: t.Mapping[str, t.Any], at: float) -> Stack:
    """What should be there, as far as one host knows; ``at`` is when its description was written.

    ``workers`` is None where nothing says which workers there should be.
    """
    known = description or {}
    workers = [{"node": node} for node in settled.get("workers") or []]
    if settled.get("workers") is None and description is not None:
        workers = [dict(worker) for worker in known.get("workers") or []]
    return {
        "described": description is not None,
        "at": at,
        "host": known.get("host"),
        "workers": workers,
        "strict": description is not None and settled.get("workers") is None,
        "tasks": list(settled.get("expected_tasks") or known.get("expected_tasks") or []),
        "beat": known.get("beat"),
        "broker_hosts": list(known.get("broker_hosts") or []),
        "supervisor": known.get("supervisor"),
    }


def together(views: t.Sequence[t.Mapping[str, t.Any]]) -> Stack:
    """What should be there, as far as several hosts know.

    A deployment with ``--limit`` describes the stack on some hosts only. The youngest description counts, but each host
    knows best about its own workers: they may be drained, or not deployed yet.
    """
    stacks = [view["stack"] for view in views]
    best = max(stacks, key=lambda stack: (stack["described"], stack["at"]), default=expectation(None, {}, 0.0))
    own = {stack["host"]: stack for stack in stacks if stack["host"]}
    rows = [worker for worker in best["workers"] if host_of(worker) not in own]
    rows += [worker for host, stack in own.items() for worker in stack["workers"] if host_of(worker) == host]
    return {**best, "workers": rows}


def own_nodes(description: Description | None, hostname: str) -> list[str]:
    """The workers that the deployment has on this host."""
    if not description:
        return []
    here, name = description.get("host"), description.get("name")
    mine = [
        worker
        for worker in description.get("workers") or []
        if f"{name}-{worker['node'].partition('@')[0]}" in (description.get("processes") or [])
    ]
    if here:
        return [worker["node"] for worker in mine if host_of(worker) == here]
    # A description of an older edition does not say which host it is about.
    namesakes = [worker["node"] for worker in mine if worker["node"].partition("@")[2] == hostname]
    return namesakes or ([worker["node"] for worker in mine] if len(mine) == len(set(_names(mine))) else [])


def _names(workers: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    return [worker["node"].partition("@")[0] for worker in workers]


def host_of(worker: t.Mapping[str, t.Any]) -> str:
    """The host of a worker in the inventory."""
    return str(worker.get("host") or worker["node"].partition("@")[2])


def compare(rows: t.Iterable[dict[str, t.Any]], stack: Stack, asked: bool) -> list[dict[str, t.Any]]:
    """A row for each worker that is connected or should be, from the ``rows`` of connected ones.

    ``asked`` says whether anybody could ask the broker who is connected.
    """
    expected = {str(worker["node"]): worker for worker in stack["workers"]}
    connected = {row["node"]: row for row in rows}
    found = []
    for node in sorted(connected.keys() | expected.keys()):
        wanted = expected.get(node, {})
        row = dict(connected.get(node) or _blank(node))
        seen = "up" if row["answers"] else "silent" if row["connected"] else "missing" if asked else "unknown"
        row.update(state=seen, expected=node in expected)
        if not row["expected"] and stack["strict"]:
            row["state"] = "unexpected"
        if wanted.get("state") == "stopped" and row["state"] in ("missing", "silent"):
            row["state"] = "stopped" if row["state"] == "missing" else "stopping"
        for key in TOLD:
            row[key] = wanted.get(key) if row.get(key) is None else row[key]
        found.append(row)
    return found


def _blank(node: str) -> dict[str, t.Any]:
    """The row of a worker that nobody sees."""
    return {"node": node, "connected": False, "answers": False, **control_worker.read(node, {}, 0.0), "readable": None}

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong between the hosts of an inventory, each being right by itself. Pure."""

from __future__ import annotations

import difflib
import typing as t

from .._plan.pools import embeds_beat
from .._plan.variables import Variables, true
from .._plan.worker_nodes import mappings as nodes
from .names import stack_name_problems

Facts = t.Mapping[str, Variables]
Groups = t.Mapping[str, "list[str]"]
Found = t.Iterator["tuple[str, str]"]


def between(hosts: list[str], groups: Groups, facts: Facts) -> Found:
    """Each mistake as a host and a sentence."""
    yield from _stack(hosts, facts)
    yield from _beats(groups, facts)
    yield from _twins(groups["worker"], facts)
    yield from _queues(groups, facts)


def _stack(hosts: list[str], facts: Facts) -> Found:
    given = {
        host: facts[host]["taskstack_name"] for host in hosts if isinstance(facts[host].get("taskstack_name"), str)
    }
    for host, name in given.items():
        yield from ((host, sentence) for sentence in stack_name_problems(name))
    if len(set(given.values())) > 1:
        for host in given:
            yield host, "taskstack_name differs between hosts. One inventory is one application: split it into several."


def _beats(ours: Groups, facts: Facts) -> Found:
    beats = [
        host
        for host in ours["beat"]
        if facts[host].get("beat_enabled") in (None, True) or true(facts[host]["beat_enabled"])
    ]
    embedded = [host for host in ours["worker"] for node in nodes(facts[host]) if embeds_beat(node)]
    if len(beats + embedded) > 1:
        cure = "Keep one host in group beat" + (", and take -B out of extra_args in worker_nodes." if embedded else ".")
        for host in beats + embedded:
            yield host, f"beat would run more than once, and every periodic task with it. {cure}"


def _twins(hosts: list[str], facts: Facts) -> Found:
    places: dict[str, list[str]] = {}
    for host in hosts:
        for name in {f"{node.get('name')}@{node.get('hostname', host)}" for node in nodes(facts[host])}:
            places.setdefault(name, []).append(host)
    for name, several in places.items():
        for host in several if len(several) > 1 else ():
            yield host, f"worker_nodes: {name} would run on several hosts. Change name or hostname of one."


def _queues(ours: Groups, facts: Facts) -> Found:
    running = [node for host in ours["worker"] for node in nodes(facts[host]) if node.get("state") != "stopped"]
    if not running or any(not isinstance(node.get("queues"), list) for node in running):
        # A node without queues consumes what the application says, which only the application knows.
        return
    consumed = {str(queue) for node in running for queue in node["queues"]}
    for host in ours["beat"]:
        for entry in _list(facts[host].get("beat_schedule")):
            queue = _mapping(entry).get("queue")
            if isinstance(queue, str) and queue not in consumed:
                yield host, f"beat_schedule: {entry.get('name')}: {_unconsumed(queue, consumed)}"
    for host in ours["worker"]:
        for queue in _list(facts[host].get("taskstack_queues")):
            if isinstance(queue, str) and queue not in consumed:
                yield host, f"taskstack_queues: {_unconsumed(queue, consumed)}"


def _unconsumed(queue: t.Any, consumed: set[str]) -> str:
    close = difflib.get_close_matches(str(queue), consumed, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"nobody consumes queue {queue}. Add it to queues of a node in worker_nodes.{hint}"


def _mapping(value: t.Any) -> dict[str, t.Any]:
    return dict(value) if isinstance(value, dict) else {}


def _list(value: t.Any) -> list[t.Any]:
    return list(value) if isinstance(value, (list, tuple)) else []

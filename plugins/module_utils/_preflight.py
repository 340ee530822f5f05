# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find everything that cannot work in a whole inventory, before any host is changed. Pure."""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils import _schedule
from ansible_collections.taskstack.celery.plugins.module_utils._options import NAME, NAME_RULE
from ansible_collections.taskstack.celery.plugins.module_utils._pools import embeds_beat
from ansible_collections.taskstack.celery.plugins.module_utils._processes import mistakes, settle, where
from ansible_collections.taskstack.celery.plugins.module_utils._variables import Broken, Specs, Variables, wrong_values

ROLES = {
    "rabbitmq": ("rabbitmq",),
    "worker": ("supervisord", "application", "worker", "supervise"),
    "beat": ("supervisord", "application", "beat", "supervise"),
    "flower": ("supervisord", "application", "flower", "supervise"),
}
DEFAULT_NODES: list[dict[str, t.Any]] = [{"name": "default", "queues": ["celery"]}]
Found = t.Iterator["tuple[str, str]"]


def blockers(facts: t.Mapping[str, Variables], groups: t.Mapping[str, t.Sequence[str]], specs: Specs) -> list[str]:
    """One sentence per mistake, each with the variable, the cure and the hosts that it is about.

    ``facts`` holds the variables of every host, ``specs`` the options of every role from its argument_specs.
    """
    ours = {group: [host for host in groups.get(group) or [] if host in facts] for group in ROLES}
    hosts = list(dict.fromkeys(host for members in ours.values() for host in members))
    found: list[tuple[str, str]] = []
    for host in hosts:
        roles = dict.fromkeys(role for group, members in ours.items() if host in members for role in ROLES[group])
        found += (
            (host, sentence) for sentence in wrong_values(facts[host], {r: specs.get(r, {}) for r in roles}, specs)
        )
        found += ((host, sentence) for sentence in _host(host, facts[host], ours))
    for host in ours["worker"]:
        found += ((host, sentence) for sentence in _nodes(facts[host]))
    found += [*_stack(hosts, facts), *_beats(ours, facts), *_twins(ours["worker"], facts), *_queues(ours, facts)]
    by_sentence: dict[str, list[str]] = {}
    for host, sentence in found:
        by_sentence.setdefault(sentence, []).append(host)
    return [f"{_few(dict.fromkeys(about))}: {sentence}" for sentence, about in by_sentence.items()]


def nodes(variables: Variables) -> list[dict[str, t.Any]]:
    """The worker nodes of a host over their defaults, as far as they can be read."""
    listed = variables.get("worker_nodes", DEFAULT_NODES)
    defaults = _mapping(variables.get("worker_defaults"))
    for option in ("stop_timeout", "log_level", "recorder"):
        value = variables.get(f"worker_{option}")
        # On the command line every value is a text; the role makes of it what it is meant to be.
        if value is not None and not isinstance(value, str):
            defaults.setdefault(option, value)
    entries = listed if isinstance(listed, (list, tuple)) else []
    return [settle(entry, defaults) for entry in entries if isinstance(entry, dict)]


def _host(host: str, variables: Variables, ours: t.Mapping[str, list[str]]) -> t.Iterator[str]:
    working = [group for group in ("worker", "beat", "flower") if host in ours[group]]
    if working and not NAME.match(host):
        yield f"the name of a host becomes part of node names: use {NAME_RULE}. Rename it in the inventory."
    if working and not ours["rabbitmq"] and variables.get("taskstack_broker_host") is None:
        yield "taskstack_broker_host is not set, and group rabbitmq has no host. Set it, or put a host into the group."
    if "flower" in working and not variables.get("flower_password") and not _true(variables.get("flower_open_api")):
        yield "flower_password is not set. Set it, best with ansible-vault."
    if "beat" in working and not isinstance(variables.get("beat_schedule", []), Broken):
        yield from _schedule.problems(variables.get("beat_schedule", []))
    windows = variables.get("taskstack_supervisor") == "windows"
    for name in ("taskstack_directory", "taskstack_venv") if working else ():
        path, rule = variables.get(name), r"[A-Za-z]:[\\/]" if windows else "/"
        if isinstance(path, str) and not re.match(rule, path):
            yield f"{name} must be an absolute path, not {path!r}. Write it in full."
    if windows and host in ours["rabbitmq"]:
        yield "taskstack_supervisor windows is for workers, beat and Flower. Put another host into group rabbitmq."


def _nodes(variables: Variables) -> t.Iterator[str]:
    supervisor = variables.get("taskstack_supervisor", "supervisord")
    entries = nodes(variables)
    listed = variables.get("worker_nodes", DEFAULT_NODES)
    for number, entry in enumerate(listed if isinstance(listed, (list, tuple)) else []):
        if not isinstance(entry, dict):
            yield f"worker_nodes: entry {number + 1} must be a mapping of options. Give it a name."
    for number, entry in enumerate(entries):
        yield from mistakes("worker", entry, supervisor, number)
        if entry.get("memory_max") and supervisor == "supervisord":
            label = where("worker", entry, number)
            yield f"{label}: memory_max needs systemd. Set taskstack_supervisor to systemd, or remove it."
    names = [str(entry.get("name")) for entry in entries]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"worker_nodes: {name} is listed twice. Give each node its own name."


def _stack(hosts: list[str], facts: t.Mapping[str, Variables]) -> Found:
    given = {
        host: facts[host]["taskstack_name"] for host in hosts if isinstance(facts[host].get("taskstack_name"), str)
    }
    for host, name in given.items():
        if not NAME.match(name):
            yield host, f"taskstack_name {name!r} cannot name files and programs: use {NAME_RULE}."
    if len(set(given.values())) > 1:
        for host in given:
            yield host, "taskstack_name differs between hosts. One inventory is one application: split it into several."


def _beats(ours: t.Mapping[str, list[str]], facts: t.Mapping[str, Variables]) -> Found:
    beats = [
        host
        for host in ours["beat"]
        if facts[host].get("beat_enabled") in (None, True) or _true(facts[host]["beat_enabled"])
    ]
    embedded = [host for host in ours["worker"] for node in nodes(facts[host]) if embeds_beat(node)]
    if len(beats + embedded) > 1:
        cure = "Keep one host in group beat" + (", and take -B out of extra_args in worker_nodes." if embedded else ".")
        for host in beats + embedded:
            yield host, f"beat would run more than once, and every periodic task with it. {cure}"


def _twins(hosts: list[str], facts: t.Mapping[str, Variables]) -> Found:
    places: dict[str, list[str]] = {}
    for host in hosts:
        for name in {f"{node.get('name')}@{node.get('hostname', host)}" for node in nodes(facts[host])}:
            places.setdefault(name, []).append(host)
    for name, several in places.items():
        for host in several if len(several) > 1 else ():
            yield host, f"worker_nodes: {name} would run on several hosts. Change name or hostname of one."


def _queues(ours: t.Mapping[str, list[str]], facts: t.Mapping[str, Variables]) -> Found:
    running = [node for host in ours["worker"] for node in nodes(facts[host]) if node.get("state") != "stopped"]
    if not running or any(not isinstance(node.get("queues"), list) for node in running):
        # A node without queues consumes what the application says, which only the application knows.
        return
    consumed = {queue for node in running for queue in node["queues"]}
    for host in ours["beat"]:
        for entry in _list(facts[host].get("beat_schedule")):
            queue = _mapping(entry).get("queue")
            if isinstance(queue, str) and queue not in consumed:
                yield host, f"beat_schedule: {entry.get('name')}: {_unconsumed(queue, consumed)}"
    for host in ours["worker"]:
        for queue in _list(facts[host].get("taskstack_queues")):
            if queue not in consumed:
                yield host, f"taskstack_queues: {_unconsumed(queue, consumed)}"


def _unconsumed(queue: t.Any, consumed: set[str]) -> str:
    close = difflib.get_close_matches(str(queue), consumed, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"nobody consumes queue {queue}. Add it to queues of a node in worker_nodes.{hint}"


def _few(hosts: t.Iterable[str]) -> str:
    names = list(hosts)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _true(value: t.Any) -> bool:
    return str(value).lower() in ("true", "yes", "on", "1", "y", "t")


def _mapping(value: t.Any) -> dict[str, t.Any]:
    return dict(value) if isinstance(value, dict) else {}


def _list(value: t.Any) -> list[t.Any]:
    return list(value) if isinstance(value, (list, tuple)) else []

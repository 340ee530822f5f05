# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find everything that cannot work in a whole inventory, before any host is changed. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._supervision.names import NAME, NAME_RULE

from .._plan import definitions
from .._plan import variables as types
from .._plan.variables import Broken, Specs, Variables, true
from .._plan.worker_nodes import worker_nodes
from . import schedule, transport
from . import windows as preflight_windows
from .inventory import between
from .names import group_problems, name_problems, queue_problems

ROLES = {
    "rabbitmq": ("rabbitmq",),
    "worker": ("supervisord", "application", "worker", "supervise", "windows_tasks"),
    "beat": ("supervisord", "application", "beat", "supervise", "windows_tasks"),
    "flower": ("supervisord", "application", "flower", "supervise", "windows_tasks"),
}


def problems(
    facts: t.Mapping[str, Variables],
    groups: t.Mapping[str, t.Sequence[str]],
    specs: Specs,
    missing: t.Sequence[str] = (),
) -> list[str]:
    """One sentence per mistake, each with the variable, the cure and the hosts that it is about.

    ``facts`` holds the variables of every host, ``specs`` the options of every role from its argument_specs,
    ``missing`` the collections for Windows hosts that the control node lacks.
    """
    ours = {group: [host for host in groups.get(group) or [] if host in facts] for group in ROLES}
    hosts = list(dict.fromkeys(host for members in ours.values() for host in members))
    found: list[tuple[str, str]] = []
    for host in hosts:
        roles = dict.fromkeys(role for group, members in ours.items() if host in members for role in ROLES[group])
        found += (
            (host, sentence) for sentence in types.problems(facts[host], {r: specs.get(r, {}) for r in roles}, specs)
        )
        found += ((host, sentence) for sentence in _host(host, facts[host], ours))
        if any(host in ours[group] for group in ("worker", "beat", "flower")):
            brokers = {name: facts[name] for name in ours["rabbitmq"]}
            found += ((host, sentence) for sentence in transport.problems(facts[host], brokers))
        if missing and facts[host].get("taskstack_supervisor") == "windows":
            names = " ".join(missing)
            found.append((host, f"Windows hosts need collections: ansible-galaxy collection install {names}"))
    for host in ours["worker"]:
        found += ((host, sentence) for sentence in _nodes(facts[host]))
    found += between(hosts, ours, facts)
    elsewhere = any(variables.get("taskstack_broker_host") for variables in facts.values())
    by_sentence: dict[str, list[str]] = {}
    for host, sentence in found:
        by_sentence.setdefault(sentence, []).append(host)
    return group_problems(groups, elsewhere) + [
        f"{_few(dict.fromkeys(about))}: {sentence}" for sentence, about in by_sentence.items()
    ]


def _host(host: str, variables: Variables, ours: t.Mapping[str, list[str]]) -> t.Iterator[str]:
    working = [group for group in ("worker", "beat", "flower") if host in ours[group]]
    if working and not NAME.match(host):
        yield f"the name of a host becomes part of node names: use {NAME_RULE}. Rename it in the inventory."
    if working and not ours["rabbitmq"] and variables.get("taskstack_broker_host") is None:
        yield "taskstack_broker_host is not set, and group rabbitmq has no host. Set it, or put a host into the group."
    if "flower" in working and not variables.get("flower_password") and not true(variables.get("flower_open_api")):
        yield "flower_password is not set. Set it, best with ansible-vault."
    if "beat" in working and not isinstance(variables.get("beat_schedule", []), Broken):
        yield from schedule.problems(variables.get("beat_schedule", []))
    windows = variables.get("taskstack_supervisor") == "windows"
    for name in ("taskstack_directory", "taskstack_venv") if working and not windows else ():
        path = variables.get(name)
        if isinstance(path, str) and not path.startswith("/"):
            yield f"{name} must be an absolute path, not {path!r}. Write it in full."
    if working or host in ours["rabbitmq"]:
        yield from name_problems(variables)
    if windows and working:
        yield from preflight_windows.host_problems(variables)
    if windows and host in ours["rabbitmq"]:
        yield "taskstack_supervisor windows is for workers, beat and Flower. Put another host into group rabbitmq."


def _nodes(variables: Variables) -> t.Iterator[str]:
    supervisor = variables.get("taskstack_supervisor", "supervisord")
    listed = worker_nodes(variables)
    entries = [entry for entry in listed if isinstance(entry, dict)]
    for number, entry in enumerate(listed):
        if not isinstance(entry, dict):
            yield f"worker_nodes: entry {number + 1} must be a mapping of options. Give it a name."
    for number, entry in enumerate(entries):
        label = definitions.where("worker", entry, number)
        yield from definitions.problems("worker", entry, supervisor, number)
        yield from queue_problems(f"{label}: queues", entry.get("queues"), variables.get("taskstack_queues"))
        if entry.get("memory_max") and supervisor == "supervisord":
            yield f"{label}: memory_max needs systemd. Set taskstack_supervisor to systemd, or remove it."
    names = [str(entry.get("name")) for entry in entries]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"worker_nodes: {name} is listed twice. Give each node its own name."


def _few(hosts: t.Iterable[str]) -> str:
    names = list(hosts)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

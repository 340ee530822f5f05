# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in an inventory that a shell, a broker or an HTTP header reads, and that these could misunderstand. Pure."""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._supervision.names import (
    STACK_NAME,
    STACK_NAME_RULE,
    VARIABLE,
)

from .._plan.options import shown
from .._plan.variables import Variables, true

GROUPS = ("rabbitmq", "worker", "beat", "flower")
# What people call them, beside what is merely misspelt.
_CALLED = {"broker": "rabbitmq", "brokers": "rabbitmq", "rabbit": "rabbitmq", "celery": "worker", "scheduler": "beat"}
# Debian's rabbitmqctl hands its arguments through a shell between double quotes.
_SHELL = re.compile(r"[$`\"\\\x00-\x1f\x7f]|^-")
# In a queue's name these are what somebody expected to be evaluated or matched; Celery would take them literally.
_QUEUE = re.compile(r"[$`*?\"\\\x00-\x1f\x7f]|^-")


def group_problems(groups: t.Mapping[str, t.Sequence[str]], elsewhere: bool) -> list[str]:
    """Groups under other names than ours, and a stack without a worker. ``elsewhere``: the broker is not in a group."""
    found = []
    for name, hosts in groups.items():
        meant = _meant(name)
        if meant and hosts and not groups.get(meant) and not (elsewhere and meant == "rabbitmq"):
            found.append(f"group {name} means nothing here, and group {meant} has no host. Did you mean group {meant}?")
    if found or groups.get("worker"):
        return found
    serving = [group for group in ("beat", "flower") if groups.get(group)]
    if serving:
        return [f"group worker has no host, and group {serving[0]} has: nobody would run a task. Put a host into it."]
    if not groups.get("rabbitmq"):
        ours = ", ".join(GROUPS)
        return [f"none of the groups {ours} has a host: there is nothing to deploy. Is it the right inventory (-i)?"]
    return []


def _meant(name: str) -> str | None:
    if name in GROUPS:
        return None
    close = difflib.get_close_matches(name.lower(), GROUPS, n=1, cutoff=0.8)
    return _CALLED.get(name.lower()) or (close[0] if close else None)


def name_problems(variables: Variables) -> t.Iterator[str]:
    """What is wrong with the names of one host's variables."""
    yield from _environment(variables.get("taskstack_environment"))
    for option in ("taskstack_broker_vhost", "taskstack_broker_user", "taskstack_monitor_user", "rabbitmq_admin_user"):
        value = variables.get(option)
        if isinstance(value, str) and _SHELL.search(value):
            rule = 'no $, `, ", \\ or control characters, and no - at the beginning'
            yield f"{option}: {shown(value)} cannot be a name: {rule}. Choose another."
    if isinstance(variables.get("taskstack_queues"), (list, tuple)):
        yield from queue_problems("taskstack_queues", variables["taskstack_queues"], variables["taskstack_queues"])
    if not true(variables.get("flower_open_api")):
        yield from _flower(variables)


def stack_name_problems(name: t.Any) -> t.Iterator[str]:
    """What is wrong with the name of the stack; a wrong type is told elsewhere."""
    if isinstance(name, str) and not STACK_NAME.match(name):
        yield f"taskstack_name {name!r} cannot name files and programs: use {STACK_NAME_RULE}."
    elif isinstance(name, str) and name.endswith("-monitor"):
        yield f"taskstack_name {name!r} is the monitoring login of another stack. Choose another."


def queue_problems(label: str, queues: t.Any, known: t.Any = ()) -> t.Iterator[str]:
    """Names that are most likely a mistake, though the broker would take them; ``known``: the application's."""
    for queue in queues if isinstance(queues, (list, tuple)) else ():
        if isinstance(queue, str) and _QUEUE.search(queue):
            rule = "no quotes, $, `, *, ? or \\, and no - at the beginning"
            yield f"{label}: {shown(queue)} cannot be the name of a queue: {rule}. Change it."
        elif (
            isinstance(queue, str) and " " in queue and queue not in (known if isinstance(known, (list, tuple)) else ())
        ):
            cure = "Make two entries of it, or list it in taskstack_queues too if the application calls it so."
            yield f"{label}: {shown(queue)} has a blank in it. {cure}"


def _environment(environment: t.Any) -> t.Iterator[str]:
    for name in environment if isinstance(environment, dict) else ():
        if not isinstance(name, str) or not VARIABLE.match(name):
            rule = "use letters, digits and _, beginning with a letter or _"
            yield f"taskstack_environment: {shown(name)} is no name of an environment variable: {rule}."


def _flower(variables: Variables) -> t.Iterator[str]:
    # Flower compares logins with a function that takes ASCII only, and answers 500 to everybody otherwise.
    for option in ("flower_user", "flower_password"):
        value = variables.get(option)
        if isinstance(value, str) and not (value.isascii() and value.isprintable()):
            yield f"{option} must be printable ASCII of one line for Flower. Change it (a | in YAML adds a line break)."
    if ":" in str(variables.get("flower_user") or ""):
        yield "flower_user must not hold a colon. Change it."

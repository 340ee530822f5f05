# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module ``processes`` does: its options, and its run."""

from __future__ import annotations

import typing as t

from .._clock import Clock
from .._files.read import Digests
from . import plan as sv
from .carry_out import Keeper, Supervisor
from .check import missing, problems, refuse
from .supervisors import elsewhere

PROCESS_ARGS: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "kind": {"type": "str"},
    "argv": {"type": "list", "elements": "str", "required": True},
    "directory": {"type": "path", "default": "/"},
    "user": {"type": "str", "required": True},
    "group": {"type": "str"},
    "environment": {"type": "dict", "default": {}},
    "log": {"type": "path", "required": True},
    "stop_signal": {"type": "str", "default": "TERM", "choices": ["TERM", "INT", "QUIT", "HUP", "USR1", "USR2"]},
    "stop_timeout": {"type": "int", "default": 10},
    "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
    "restart_on": {"type": "list", "elements": "path", "default": []},
    "ready": {"type": "str"},
    "steady_seconds": {"type": "int", "default": 0},
    "broken": {"type": "str"},
    "memory_max": {"type": "str"},
    "write_paths": {"type": "list", "elements": "path"},
}
ARGS: dict[str, dict[str, t.Any]] = {
    "application": {"type": "str", "required": True},
    "kinds": {"type": "list", "elements": "str", "default": ["worker"]},
    "processes": {"type": "list", "elements": "dict", "required": True, "options": PROCESS_ARGS},
    "supervisor": {"type": "str", "choices": ["supervisord", "systemd"], "default": "supervisord"},
    "socket": {"type": "path", "default": "/var/run/supervisor.sock"},
    "config_directory": {"type": "path"},
    "config_suffix": {"type": "str", "default": ".conf"},
    "watch_seconds": {"type": "int", "default": 10},
    "changing": {"type": "list", "elements": "path", "default": []},
}


Results = dict[str, t.Any]


def run(
    params: Results, both: tuple[Supervisor, Supervisor], digests: Digests, clock: Clock, check_mode: bool
) -> Results:
    """Do what is needed, or tell what that would be."""
    supervisor, other = both
    application, kinds = params["application"], params["kinds"]
    only = kinds[0] if len(kinds) == 1 else None
    processes = [{**process, "kind": process.get("kind") or only} for process in params["processes"]]
    refuse(problems(application, kinds, processes))
    owners = {process["name"]: sv.Owner(application, process["kind"]) for process in processes}
    ours = [sv.Owner(application, kind) for kind in kinds]
    found, foreign = supervisor.found(ours, owners)
    refuse([f"{name} exists already and is not managed by this module. Rename one of them." for name in foreign])
    texts = {}
    for process in processes:
        head = sv.head(supervisor.comment, owners[process["name"]], digests.of(process["restart_on"]))
        texts[process["name"]] = supervisor.render(process, head)
    steps = sv.plan({p["name"]: sv.Wanted(texts[p["name"]], p["state"] == "started") for p in processes}, found)
    leaving = elsewhere(other, ours)
    if not check_mode:
        concerned = {step.name for step in steps}
        refuse(missing([process for process in processes if process["name"] in concerned], supervisor.gives_group))
        keeper = Keeper(supervisor, processes, texts, clock, other)
        refuse(keeper.carry_out(steps, params["watch_seconds"], leaving))
        if supervisor.empty() and other.empty():
            digests.forget()
    diff = [part for whose, those in ((other, leaving), (supervisor, steps)) for part in differences(whose, those)]
    done = {past: sv.names(steps, verb) for verb, past in sv.VERBS.items()}
    done["removed"] += [step.name for step in leaving if step.name not in owners]
    moved = [step.name for step in leaving if step.name in owners]
    return {"changed": bool(steps or leaving), "diff": diff, **done, "moved": moved}


def differences(supervisor: Supervisor, steps: t.Iterable[sv.Step]) -> list[dict[str, str]]:
    """The steps in the form that Ansible shows with ``--diff``."""
    headers = ("before_header", "after_header")
    return [{**dict.fromkeys(headers, supervisor.path(s.name)), "before": s.before, "after": s.after} for s in steps]

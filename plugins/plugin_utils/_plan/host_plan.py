# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a host of a stack shall hold: one plan, which check mode, diff and the run all read. Pure."""

from __future__ import annotations

import typing as t

from . import description as plan_description
from .host_files import files, settings
from .host_processes import processes
from .host_virtualenvs import virtualenvs
from .stack import StackHost
from .variables import Variables
from .windows_host import windows_host

_SYSTEM_PACKAGES = ("python3-venv", "logrotate")


def host_plan(here: StackHost, hosts: t.Mapping[str, Variables], facts: Variables) -> dict[str, t.Any]:
    """The plan of one host.

    ``hosts`` holds the variables of this host and of all that run something, ``facts`` what module host_facts has
    found on this one.
    """
    described = _description(here, hosts) if here.does("application") or here.does("description") else None
    by_kind = processes(here)
    plan: dict[str, t.Any] = {
        "supervisor": here.supervisor,
        "description": described,
        "kinds": list(here.kinds),
        "processes": [definition for kind in here.kinds for definition in by_kind[kind]],
        "watch_seconds": here.get("worker_watch_seconds"),
    }
    if here.windows:
        return {**plan, "windows": windows_host(here, described, by_kind)}
    plan |= {
        "base": here.directory,
        "needs": _needs(here, facts),
        **files(here, described),
        "virtualenvs": virtualenvs(here),
        "settings": settings(here),
        "web_services": here.get("application_web_services"),
        "environment_file": here.paths.environment_file,
    }
    return {**plan, "steps": _steps(here.name, plan)}


def _steps(stack: str, plan: Variables) -> list[dict[str, t.Any]]:
    """What module what_if is asked: the modules and options of roles/supervise/tasks/linux.yml."""
    written = ("base", "directories", "files", "private_files", "absent", "parts")
    settings_file = [] if plan["settings"] is None else [plan["settings"]]
    run = ("kinds", "processes", "supervisor", "watch_seconds")
    return [
        {"module": "files", "options": {**{key: plan[key] for key in written}, "stack": stack}},
        {"module": "virtualenv", "options": {"virtualenvs": plan["virtualenvs"], "stack": stack}},
        {"module": "files", "options": {"private_files": settings_file, "parts": ["settings"], "stack": stack}},
        {"module": "processes", "options": {**{key: plan[key] for key in run}, "application": stack}},
    ]


def _description(here: StackHost, hosts: t.Mapping[str, Variables]) -> dict[str, t.Any] | None:
    """What the modules on this host need to know of the stack; None where nobody says what its application is."""
    if not here.get("taskstack_app"):
        return None
    supervisor = here.supervisor
    if here.only == ("description",) and not here.given.get("taskstack_supervisor"):
        # Of a host without processes: what keeps the workers running, for it is they that somebody may have to start.
        workers = here.groups.get("worker") or [here.host]
        supervisor = hosts.get(workers[0], {}).get("taskstack_supervisor") or supervisor
    broker = here.broker
    stack = {
        "name": here.name,
        "app": here.get("taskstack_app"),
        "directory": here.directory,
        "venv": here.venv,
        "user": here.user,
        "group": here.group,
        "supervisor": supervisor,
        "launcher": here.paths.launcher,
        "environment_file": here.paths.environment_file,
        "broker": {
            "management_url": broker.management_url,
            "management_user": broker.monitor,
            "management_password": here.get("taskstack_monitor_password"),
            "ca_file": here.get("taskstack_broker_ca_file"),
            "vhost": broker.vhost,
            "control_exchange": here.get("taskstack_control_exchange") or "celery",
        },
        "expected_tasks": here.get("taskstack_expected_tasks") or [],
        "settings_file": here.get("taskstack_settings_file"),
        "recorder": {
            "directory": here.paths.recorder,
            "keep": here.get("worker_recorder_keep"),
            "keep_failed": here.get("worker_recorder_keep_failed"),
        }
        if here.records
        else None,
    }
    return plan_description.description(stack, here.host, hosts, here.groups)


def _needs(here: StackHost, facts: Variables) -> dict[str, t.Any]:
    """What has to be installed and created before anything can be written; nothing where the host has it all."""
    if not here.does("application"):
        return {}
    packages = [*_SYSTEM_PACKAGES, *here.get("application_system_packages")]
    lacks_packages = bool(set(packages) - set(facts["packages"]))
    accounts = [] if here.user in facts["accounts"] else [here.user]
    groups = [] if here.group in facts["groups"] else [here.group]
    # Creating an account creates a group of its name.
    own_group = here.group == here.user
    if not (lacks_packages or accounts or (groups and not own_group)):
        return {}
    created = here.user == here.name
    return {
        "packages": packages if lacks_packages else [],
        "accounts": accounts,
        "noted_groups": groups,
        "groups": [] if own_group else groups,
        # A group of that name that is there already would otherwise keep useradd from creating the account's own.
        "main_group": None if own_group and groups else here.group,
        "home": f"{here.paths.state}/home" if created else None,
        "shell": "/usr/sbin/nologin" if created else None,
    }

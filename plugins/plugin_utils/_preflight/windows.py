# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Windows would refuse about a list of processes, or silently do differently. Pure: no Ansible, no host."""

from __future__ import annotations

import re
import typing as t

from .._plan.windows import DAY, Definition, Settings, logon

# What a path or a task's name cannot hold, and names that mean devices, with any extension.
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", re.IGNORECASE)
ABSOLUTE = re.compile(r"[A-Za-z]:\\")
TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z")


def problems(definitions: t.Sequence[Definition], settings: Settings) -> list[str]:
    """Everything that Windows would refuse, or silently do differently, as sentences."""
    found = []
    for definition in definitions:
        found += [f"{definition['name']}: {text}" for text in _name(definition["name"])]
        found += [f"{definition['name']}: directory {text}" for text in _path(definition["directory"])]
    return found + settings_problems(settings)


def settings_problems(settings: Settings) -> list[str]:
    """What is wrong with a host's settings, whichever processes it has."""
    found = [f"taskstack_name: {text}" for text in _name(settings["name"])]
    found += [f"taskstack_venv {text}" for text in _path(settings["venv"])]
    found += _times(settings["restart_times"])
    found += _intervals(settings["interval"], settings["duration"], settings["boot_delay"])
    return found + _account(settings)


def host_problems(variables: t.Mapping[str, t.Any]) -> list[str]:
    """The same of the inventory's variables, before there are definitions; what has a wrong type is told elsewhere."""

    def get(name: str, default: t.Any) -> t.Any:
        value = variables.get(name)
        return value if isinstance(value, type(default)) and not isinstance(value, bool) else default

    settings = {
        "name": get("taskstack_name", "shop"),
        "venv": get("taskstack_venv", "C:\\venv"),
        "restart_times": get("windows_tasks_restart_times", []),
        "interval": get("windows_tasks_interval", 900),
        "duration": get("windows_tasks_interval_duration", DAY),
        "boot_delay": get("windows_tasks_boot_delay", 30),
        "account": get("taskstack_windows_account", "SYSTEM"),
        "has_password": variables.get("windows_tasks_password") is not None,
    }
    directory = [f"taskstack_directory {text}" for text in _path(get("taskstack_directory", "C:\\shop"))]
    nodes = [node.get("name") for node in get("worker_nodes", []) if isinstance(node, dict)]
    names = [f"worker_nodes: {text}" for name in nodes if isinstance(name, str) for text in _name(name)]
    return settings_problems(settings) + directory + names


def _name(name: str) -> t.Iterator[str]:
    if bad := sorted(set(FORBIDDEN.findall(name))):
        yield f"Windows forbids {' '.join(map(repr, bad))} in the name of a task or file. Choose another name."
    if DEVICES.match(name):
        yield f"{name} is the name of a device on Windows. Choose another name."
    if name.endswith((" ", ".")):
        yield "Windows drops a blank or full stop at the end of a name. Choose another name."


def _path(path: str) -> t.Iterator[str]:
    if not ABSOLUTE.match(path):
        yield rf"must be an absolute Windows path such as C:\apps\shop, not {path}."
    elif FORBIDDEN.search(path[3:].replace("\\", "")):
        yield f"{path} holds a character that Windows forbids in paths."
    elif "%" in path:
        yield f"{path} holds a %, which cmd.exe takes for a variable. Choose another directory."


def _times(times: t.Sequence[t.Any]) -> list[str]:
    wrong = [value for value in times if not isinstance(value, str) or not TIME.match(value)]
    return [f"windows_tasks_restart_times: {value!r} is no time. Write it in quotes, as '05:55'." for value in wrong]


def _intervals(interval: int, duration: int, boot_delay: int) -> list[str]:
    found = []
    if not 60 <= interval <= DAY:
        found.append(f"windows_tasks_interval must be 60 to {DAY} seconds, not {interval}.")
    if not 60 <= duration <= DAY:
        found.append(f"windows_tasks_interval_duration must be 60 to {DAY} seconds, not {duration}.")
    if interval > duration:
        found.append(f"windows_tasks_interval {interval} is longer than its duration {duration}: it never repeats.")
    if not 0 <= boot_delay <= DAY:
        found.append(f"windows_tasks_boot_delay must be 0 to {DAY} seconds, not {boot_delay}.")
    return found


def _account(settings: Settings) -> list[str]:
    if not settings["account"].strip():
        return ["taskstack_windows_account is empty. Name an account, or leave it out for SYSTEM."]
    needs = logon(settings["account"]) == "password" and not settings["account"].endswith("$")
    if needs and not settings["has_password"]:
        return [
            f"taskstack_windows_account {settings['account']} needs windows_tasks_password to run while nobody is "
            "logged on. A group-managed account, whose name ends with $, needs none."
        ]
    return []

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Process definitions to files and scheduled tasks of a Windows host. Pure: no Ansible, no host."""

from __future__ import annotations

import typing as t

Definition = t.Mapping[str, t.Any]
Settings = t.Mapping[str, t.Any]

BUILT_IN = ("system", "local service", "network service")
# A trigger that repeats every day needs some first day, always the same one, or every run would be a change.
FIRST_DAY = "2026-01-01"
DAY = 86400
AS_DEFINED = ("directory", "environment", "log", "ready", "stop_timeout", "restart_on")
# Where the restart task of a process is told from the process: no name of a process holds a space.
RESTART = " restart"


def logon(account: str) -> str:
    """How a task of this account logs on, whether or not anybody else is."""
    plain = account.lower().removeprefix("nt authority\\")
    return "service_account" if plain in BUILT_IN else "password"


def plan(definitions: t.Sequence[Definition], settings: Settings) -> list[dict[str, t.Any]]:
    """Of each process the configuration, the actions and triggers of its task, and those of a worker's restart task."""
    return [_process(definition, settings) for definition in definitions]


def _process(definition: Definition, settings: Settings) -> dict[str, t.Any]:
    name, root = definition["name"], settings["root"]
    batch = rf"{root}\bin\celery-{name}.bat"
    start = {"path": batch, "arguments": "start", "working_directory": definition["directory"]}
    again = rf"/Run /TN \taskstack\{settings['name']}\{name}"
    return {
        "name": name,
        "batch": batch,
        "started": definition["state"] == "started",
        "configuration_file": rf"{root}\etc\{name}.json",
        "configuration": {
            "name": name,
            "argv": ["-A", settings["app"], *definition["argv"][1:]],
            "run": rf"{root}\run",
            "environment_file": rf"{root}\etc\{settings['name']}.env",
            "log_bytes": settings["log_bytes"],
            "log_keep": settings["log_keep"],
            **{key: definition[key] for key in AS_DEFINED},
        },
        "task": rf"\taskstack\{settings['name']}\{name}",
        "actions": [start],
        "triggers": _triggers(settings),
        "restart_name": name + RESTART,
        # Two actions run one after the other; the second only asks, so that the process always lives in its own task.
        "restart_actions": [
            {"path": batch, "arguments": "stop", "working_directory": definition["directory"]},
            {"path": r"C:\Windows\System32\schtasks.exe", "arguments": again},
        ],
        "restart_triggers": [_daily(time) for time in settings["restart_times"] if definition["kind"] == "worker"],
    }


def _triggers(settings: Settings) -> list[dict[str, t.Any]]:
    boot: dict[str, t.Any] = {"type": "boot", "enabled": True}
    if settings["boot_delay"]:
        boot["delay"] = duration(settings["boot_delay"])
    every = {"interval": duration(settings["interval"]), "duration": duration(settings["duration"])}
    # Not a repetition of the boot trigger: that would begin with the next boot.
    return [boot, {**_daily("00:00"), "repetition": {**every, "stop_at_duration_end": False}}]


def _daily(time: str) -> dict[str, t.Any]:
    return {"type": "daily", "start_boundary": f"{FIRST_DAY}T{time}:00", "enabled": True}


def duration(seconds: int) -> str:
    """Seconds as the Task Scheduler writes them."""
    for letter, size in (("P{}D", DAY), ("PT{}H", 3600), ("PT{}M", 60)):
        if seconds and seconds % size == 0:
            return letter.format(seconds // size)
    return f"PT{seconds}S"


def stale(existing: t.Iterable[str], definitions: t.Sequence[Definition], kind: str, settings: Settings) -> list[str]:
    """Processes of this kind that the host has and the inventory has no longer."""
    kept = {definition["name"] for definition in definitions}
    single = {f"{settings['name']}-beat": "beat", f"{settings['name']}-flower": "flower"}
    processes = {name.removesuffix(RESTART) for name in existing}
    return sorted(name for name in processes - kept if single.get(name, "worker") == kind)

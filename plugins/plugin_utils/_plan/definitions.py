# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the options of workers, beat and Flower into complete process definitions. Pure: no Ansible, no host."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._paths import paths

from . import celery_options as tables
from . import options as option_rules
from . import pools
from .options import Option

Options = dict[str, t.Any]
Definition = dict[str, t.Any]

#: What is loaded into workers, all and those with the recorder; a new version takes effect only in new processes.
LOADED = ("taskstack_prefetch", "taskstack_secrets")
RECORDER = tuple(f"taskstack_recorder.{name}" for name in ("recorder", "records", "lost", "inspect"))
#: Around the scheduler that is wanted: adds the tasks of the inventory and a heartbeat.
BEAT_SCHEDULER = "taskstack_beat:Scheduler"
PLACES = ("launcher", "environment_file", "packages_file", "library", "state", "log")
STOP_TIMEOUT = {"worker": 600, "beat": 10, "flower": 30}


def places(name: str, supervisor: str) -> dict[str, str]:
    """The paths that a caller may replace one by one."""
    usual = paths(name, supervisor)
    return {key: getattr(usual, key) for key in PLACES}


def definitions(entries: t.Sequence[t.Any], kind: str, stack: t.Mapping[str, t.Any]) -> list[Definition]:
    """The process definitions of one kind on one host; every mistake in the options is named at once.

    ``stack`` is what is the same for all: ``name``, ``host``, ``directory``, ``user``, ``supervisor`` and, where they
    differ from what is usual, ``group``, ``places`` (see PLACES), ``restart_on`` and ``write_paths``.
    """
    given = [settle(entry, {}) if isinstance(entry, dict) else entry for entry in entries]
    wrong = [
        found for number, entry in enumerate(given) for found in problems(kind, entry, stack["supervisor"], number)
    ]
    if wrong:
        raise TaskstackError(" ".join(wrong))
    build = _BUILDERS[kind][1]
    here = {**places(stack["name"], stack["supervisor"]), **(stack.get("places") or {})}
    return [_definition(kind, build(entry, stack, here), entry, stack, here) for entry in given]


def settle(entry: Options, defaults: Options) -> Options:
    """An entry over the defaults; null means that the option is not given."""
    merged = {**defaults, **entry}
    common, own = defaults.get("environment"), entry.get("environment")
    if isinstance(common, dict) and isinstance(own, dict):
        merged["environment"] = {**common, **own}
    return {key: value for key, value in merged.items() if value is not None}


def where(kind: str, entry: t.Any, number: int) -> str:
    """How the inventory calls an entry."""
    if kind != "worker":
        return kind
    name = entry.get("name") if isinstance(entry, dict) else None
    return f"worker_nodes: {name}" if isinstance(name, str) else f"worker_nodes: entry {number + 1}"


def problems(kind: str, entry: t.Any, supervisor: str, number: int) -> list[str]:
    """One sentence per mistake in the options of one process."""
    label = where(kind, entry, number)
    return option_rules.problems(entry, _BUILDERS[kind][0], label) or pools.problems(kind, entry, supervisor, number)


def _definition(
    kind: str, built: Definition, entry: Options, stack: t.Mapping[str, t.Any], here: dict[str, str]
) -> Definition:
    name = f"{stack['name']}-{built.pop('suffix', kind)}"
    slash = "\\" if stack["supervisor"] == "windows" else "/"
    watched = [here["environment_file"], here["packages_file"], here["launcher"], *built.pop("restart_on", [])]
    return {
        "name": name,
        "kind": kind,
        "directory": stack["directory"],
        "user": stack["user"],
        "group": stack.get("group") or stack["user"],
        "log": f"{here['log']}{slash}{name}.log",
        "stop_signal": "TERM",
        "stop_timeout": entry.get("stop_timeout", STOP_TIMEOUT[kind]),
        "state": entry.get("state", "started"),
        "memory_max": entry.get("memory_max"),
        "write_paths": stack.get("write_paths"),
        "restart_on": list(dict.fromkeys([*watched, *(stack.get("restart_on") or []), *entry.get("restart_on", [])])),
        **built,
        "environment": {**built.get("environment", {}), **{k: str(v) for k, v in entry.get("environment", {}).items()}},
    }


def _worker(entry: Options, stack: t.Mapping[str, t.Any], here: dict[str, str]) -> Definition:
    slash = "\\" if stack["supervisor"] == "windows" else "/"
    node = f"{entry['name']}@{entry.get('hostname', stack['host'])}"
    options = {"log_level": "INFO", "events": True, **entry}
    if stack["supervisor"] == "windows":
        options.setdefault("pool", tables.default_pool("windows"))
    recorder = options.get("recorder", True)
    includes = [*(RECORDER[:1] if recorder else ()), *LOADED, *options.get("includes", [])]
    argv = [here["launcher"], "worker", "-n", node, *_arguments(options, tables.WORKER), "-I", ",".join(includes)]
    if options.get("statedb", True):
        argv.append(f"--statedb={here['state']}{slash}worker{slash}{entry['name']}.state")
    argv += options.get("extra_args", [])
    if "soft_shutdown_timeout" in options:
        # Celery has this as a setting only; what follows `--` are settings.
        argv += [] if "--" in argv else ["--"]
        argv.append(f"worker.soft_shutdown_timeout={options['soft_shutdown_timeout']}")
    return {
        "suffix": entry["name"],
        "argv": argv,
        "environment": {
            "TASKSTACK_RECORDER_DIRECTORY": f"{here['state']}{slash}recorder",
            "TASKSTACK_RECORDER_NODE": node,
        }
        if recorder
        else {},
        "restart_on": [
            f"{here['library']}{slash}{name.replace('.', slash)}.py" for name in (RECORDER if recorder else ()) + LOADED
        ],
        # Celery's soft shutdown begins with this signal only; TERM would wait for the tasks without an end.
        **({"stop_signal": "QUIT"} if "soft_shutdown_timeout" in options else {}),
        "ready": f"{re.escape(node)} ready\\." if options["log_level"] in ("DEBUG", "INFO") else None,
        "broken": "consumer: Cannot connect to ",
    }


def _beat(entry: Options, stack: t.Mapping[str, t.Any], here: dict[str, str]) -> Definition:
    slash = "\\" if stack["supervisor"] == "windows" else "/"
    state = f"{here['state']}{slash}beat{slash}"
    options = {"log_level": "INFO", "schedule_file": f"{state}schedule", **entry, "scheduler": BEAT_SCHEDULER}
    environment = {"TASKSTACK_BEAT_HEARTBEAT": f"{state}heartbeat.json"}
    if entry.get("scheduler"):
        environment["TASKSTACK_BEAT_BASE"] = entry["scheduler"]
    # A supervisor knows the pid; a pidfile left behind would block the next start.
    argv = [here["launcher"], "beat", "--pidfile=", *_arguments(options, tables.BEAT), *options.get("extra_args", [])]
    ready = r"beat: Starting\.\.\." if options["log_level"] in ("DEBUG", "INFO") else None
    # It says so before it opens its schedule, which may be broken or in a database that is not there.
    return {
        "argv": argv,
        "environment": environment,
        "restart_on": [f"{here['library']}{slash}taskstack_{part}.py" for part in ("beat", "heartbeat")],
        "ready": ready,
        "steady_seconds": 2,
        "broken": "beat: Connection error",
    }


def _flower(entry: Options, stack: t.Mapping[str, t.Any], here: dict[str, str]) -> Definition:
    slash = "\\" if stack["supervisor"] == "windows" else "/"
    options = {"address": "127.0.0.1", "port": 5555, "log_level": "INFO", **entry}
    options["log_level"] = options["log_level"].lower()
    argv = [here["launcher"], "flower", *_arguments(options, tables.FLOWER)]
    if options.get("persistent"):
        database = options.get("database", f"{here['state']}{slash}flower{slash}flower.db")
        # Flower counts this in milliseconds; too small a number fills the disk.
        milliseconds = 1000 * options.get("state_save_interval", 60)
        argv += ["--persistent=True", f"--db={database}", f"--state-save-interval={milliseconds}"]
    argv += options.get("extra_args", [])
    return {"argv": argv, "ready": "Connected to ", "broken": "Failed to capture events"}


def _arguments(options: Options, known: dict[str, Option]) -> list[str]:
    return [text for key, option in known.items() if key in options for text in option.arguments(options[key])]


_BUILDERS: dict[str, tuple[dict[str, Option], t.Callable[..., Definition]]] = {
    "worker": (tables.WORKER, _worker),
    "beat": (tables.BEAT, _beat),
    "flower": (tables.FLOWER, _flower),
}

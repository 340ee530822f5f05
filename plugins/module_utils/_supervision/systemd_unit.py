# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit files of systemd. Pure."""

from __future__ import annotations

import re
import typing as t

# Not among it: private devices (tasks use graphics cards) and a private /tmp (a web application and its tasks hand
# files to each other there).
HARDENING = {
    "NoNewPrivileges": "true",
    "CapabilityBoundingSet": "",
    "RestrictSUIDSGID": "true",
    "ProtectControlGroups": "true",
    "ProtectKernelModules": "true",
    "ProtectKernelTunables": "true",
    "RestrictRealtime": "true",
    "LockPersonality": "true",
}


def unit(process: t.Mapping[str, t.Any], target: str) -> str:
    """The unit file of a process."""
    about = {
        "Description": _plain(process["name"]),
        "PartOf": target,
        # Stopped before what it needs to stop well.
        "After": "network.target rabbitmq-server.service",
        "StartLimitIntervalSec": 0,
    }
    paths = process.get("write_paths")
    service = {
        "Type": "exec",
        "User": _plain(process["user"]),
        **({"Group": _plain(process["group"])} if process.get("group") else {}),
        "WorkingDirectory": _plain(process["directory"]),
        "ExecStart": " ".join(_word(word.replace("$", "$$")) for word in process["argv"]),
        "Restart": "always",
        "RestartSec": 5,
        # A warm stop is the main process's affair; what it leaves behind at the end is killed.
        "KillMode": "mixed",
        "KillSignal": f"SIG{process['stop_signal']}",
        "TimeoutStopSec": process["stop_timeout"],
        "StandardOutput": f"append:{_plain(process['log'])}",
        "StandardError": "inherit",
        **({"MemoryMax": process["memory_max"]} if process.get("memory_max") else {}),
        **HARDENING,
        "ProtectSystem": "full" if paths is None else "strict",
        **({"ReadWritePaths": " ".join(_word(f"-{path}") for path in ["/tmp", "/var/tmp", *paths])} if paths else {}),
    }
    environment = [f"Environment={_word(f'{key}={value}')}\n" for key, value in process["environment"].items()]
    return (
        f"[Unit]\n{_lines(about)}\n[Service]\n{_lines(service)}{''.join(environment)}\n[Install]\nWantedBy={target}\n"
    )


def target(name: str) -> str:
    """The unit file of an application's target: all its programs."""
    about = {"Description": f"All programs of {name[: -len('.target')]}"}
    mark = "# Managed by Ansible: taskstack.celery.processes.\n"
    return f"{mark}[Unit]\n{_lines(about)}\n[Install]\nWantedBy=multi-user.target\n"


def _lines(settings: t.Mapping[str, t.Any]) -> str:
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def _word(text: str) -> str:
    text = _plain(text)
    if re.fullmatch(r"[A-Za-z0-9_@%+=:,./$-]+", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

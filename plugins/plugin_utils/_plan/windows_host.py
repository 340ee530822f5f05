# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Windows host shall hold, as the tasks of role supervise loop over it. Pure."""

from __future__ import annotations

import hashlib
import json
import ntpath
import typing as t

from .host_files import File, environment_file, process_files
from .stack import StackHost
from .texts import nice_json, python_files, text
from .windows import BUILT_IN

_FOLDERS = (
    *("bin", "etc", "lib", r"lib\taskstack_recorder", "log", "run"),
    *(r"state\recorder", r"state\worker", r"state\beat", r"state\flower"),
)


def windows_host(
    here: StackHost, description: t.Mapping[str, t.Any] | None, by_kind: t.Mapping[str, t.Sequence[t.Any]]
) -> dict[str, t.Any]:
    """The plan of a Windows host, beside what is the same everywhere."""
    root, account = here.paths.directory, str(here.get("taskstack_windows_account") or "SYSTEM")
    writable, of_processes = list(here.get("application_writable_directories")), process_files(here)
    return {
        "application": here.does("application"),
        "root": root,
        "account": account,
        "account_is_built_in": account.lower().removeprefix("nt authority\\") in BUILT_IN,
        "directories": [*(rf"{root}\{folder}" for folder in _FOLDERS), here.directory, *writable],
        "writable": [*(rf"{root}\{folder}" for folder in ("log", "run", "state")), *writable],
        "venv": here.venv,
        "python": _python(here),
        "packages": _packages(here),
        "base_python": here.get("application_python"),
        "digests": [
            hashlib.sha256(file["content"].encode("utf-8")).hexdigest() for file in here.get("application_files")
        ],
        "packages_file": here.paths.packages_file,
        "files": _files(here, root, description) if here.does("application") else [],
        "private_files": _private_files(here, of_processes),
        # What is random is written once.
        "random_files": [file["path"] for file in of_processes if "random" in file],
        "settings": _settings(here),
        "kinds": [{"kind": kind, "processes": list(by_kind[kind])} for kind in here.kinds],
    }


def _python(here: StackHost) -> str:
    return rf"{here.venv}\Scripts\python.exe"


def _packages(here: StackHost) -> list[str]:
    """The arguments of pip install; none where there is nothing to install."""
    requirements, packages = here.get("application_requirements"), list(here.get("application_packages"))
    wanted = (["--requirement", requirements] if requirements else []) + packages
    return [*here.get("application_pip_arguments"), *wanted] if wanted else []


def _files(here: StackHost, root: str, description: t.Mapping[str, t.Any] | None) -> list[dict[str, str]]:
    workers = description["workers"] if description else []
    launch = {
        "name": here.name,
        "app": here.get("taskstack_app"),
        "directory": here.directory,
        "environment_file": here.paths.environment_file,
        "nodes": [worker["node"] for worker in workers],
        "recorder": {"directory": here.paths.recorder},
    }
    launcher = text("application", "launcher.bat.j2", name=here.name, root=root, python=_python(here))
    return [
        *(
            {"path": ntpath.normpath(rf"{here.paths.library}\{name}"), "content": content}
            for name, content in python_files().items()
        ),
        {"path": here.paths.description, "content": nice_json(launch)},
        # cmd.exe wants it so.
        {"path": here.paths.launcher, "content": launcher.replace("\n", "\r\n")},
    ]


def _private_files(here: StackHost, of_processes: t.Sequence[File]) -> list[File]:
    found = []
    if here.does("application"):
        found.append(environment_file(here))
        found += [{**file, "path": ntpath.join(here.directory, file["path"])} for file in here.get("application_files")]
    return [{key: file[key] for key in ("path", "content")} for file in (*found, *of_processes) if "content" in file]


def _settings(here: StackHost) -> dict[str, str] | None:
    """One line, so that a line of the settings that sets the same variable is replaced and not contradicted."""
    path = here.get("taskstack_settings_file")
    if not path or not here.does("application"):
        return None
    names = " = ".join(here.get("application_settings_names"))
    return {"path": path, "line": f"{names} = {json.dumps(here.broker.url)}  # managed by Ansible (taskstack.celery)"}

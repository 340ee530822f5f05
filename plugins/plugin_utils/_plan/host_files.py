# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directories and files of a Linux host, as module files takes them. Pure."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._paths import hourly_log_rotation, log_rotation

from .stack import StackHost
from .texts import nice_json, python_files, text, tls_hook

File = dict[str, t.Any]
#: Where the processes keep what they write themselves.
_OWN_FOLDERS = ("home", "recorder", "beat", "flower", "worker")


def files(here: StackHost, description: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """The arguments of module files; without a description the application itself is not written."""
    plan: dict[str, t.Any] = {"directories": [], "files": [], "private_files": [], "absent": _absent(here), "parts": []}
    if here.does("application"):
        plan["directories"] = _directories(here)
        plan["files"] = _public_files(here)
        plan["private_files"] = [environment_file(here)]
        # What an earlier run created for these parts and the inventory does not name any more goes.
        plan["parts"] = ["application_files", *([] if here.get("taskstack_settings_file") else ["settings"])]
    elif description:
        plan["directories"] = [{"paths": ["/etc/taskstack"]}]
    if description:
        content = nice_json(description, sort_keys=False)
        plan["private_files"].append({"path": here.paths.description, "content": content, "mode": "0600"})
    if here.does("application") and here.needs_application:
        plan["private_files"] += [
            {**file, "group": here.group, "part": "application_files"} for file in here.get("application_files")
        ]
    plan["private_files"] += process_files(here)
    return plan


def process_files(here: StackHost) -> list[File]:
    """What beat and Flower read; a schedule may hold anything, also a patient's number, and Flower's has passwords."""
    found: list[File] = []
    if here.has("beat") and here.get("beat_schedule"):
        schedule = nice_json(here.get("beat_schedule"))
        found.append({"path": here.paths.schedule, "group": here.group, "content": schedule})
    if here.has("flower"):
        found += [
            {"path": here.paths.flower_configuration, "group": here.group, "content": _flower_configuration(here)},
            # Made once: every browser would be logged out with a new one.
            {"path": here.paths.flower_cookie, "group": here.group, "random": 32},
        ]
    return found


def _flower_configuration(here: StackHost) -> str:
    """The file that tells Flower what must not be seen in a list of processes."""
    return text(
        "flower",
        "flower.py.j2",
        login=None if here.opens_flower else f"{here.get('flower_user')}:{here.get('flower_password')}",
        broker_api=here.broker.flower_api,
        tls=here.broker.management_verifies,
        cookie=here.paths.flower_cookie,
    )


def _absent(here: StackHost) -> list[str]:
    """What the host has no use for any more: Flower's passwords where it does not run, a schedule without entries."""
    if here.only == ("application",):
        return []
    gone = here.paths
    flower = [gone.flower_configuration, gone.flower_cookie, gone.flower_packages_file, gone.flower_venv]
    if here.only == ("description",):
        runs = any(here.member(kind) for kind in ("worker", "beat", "flower"))
        return [] if runs else [*flower, gone.schedule]
    found = [] if here.has("flower") or here.only else flower
    schedules = here.has("beat") and here.get("beat_schedule")
    return found + ([gone.schedule] if here.does("beat") and not schedules else [])


def _directories(here: StackHost) -> list[File]:
    """Only what the processes must write is theirs: nobody can put a link in the place of a directory of root's."""
    state, library = here.paths.state, here.paths.library
    own = {"owner": here.user, "group": here.group}
    return [
        {"paths": ["/etc/taskstack"]},
        {"paths": [library, f"{library}/taskstack_recorder", f"{library}/tls"], "exclusive": True},
        {"paths": [here.directory], "keep": True, "part": "application"},
        {"paths": [here.paths.log, state], "group": here.group, "mode": "0750"},
        {"paths": [f"{state}/{folder}" for folder in _OWN_FOLDERS], **own, "mode": "0700"},
        # A web server may write there too: what is there keeps owner and mode, and the account must be able to write.
        {
            "paths": list(here.get("application_writable_directories")),
            **own,
            "mode": "0750",
            "keep": True,
            "writable_by": here.user,
            "part": "data",
        },
    ]


def _public_files(here: StackHost) -> list[File]:
    library, rotation = here.paths.library, log_rotation(here.name)
    log_days = here.get("application_log_days")
    return [
        {"path": here.paths.launcher, "content": _launcher(here), "mode": "0755"},
        {"path": rotation, "content": text("application", "logrotate.j2", log=here.paths.log, days=log_days)},
        # The system looks once a day, and a storm of lines fills the disk within that.
        {
            "path": hourly_log_rotation(here.name),
            "content": text("application", "logrotate_hourly.j2", rotation=rotation),
            "mode": "0755",
        },
        *({"path": f"{library}/{name}", "content": content} for name, content in python_files().items()),
        {"path": f"{library}/tls/sitecustomize.py", "content": tls_hook()},
    ]


def _launcher(here: StackHost) -> str:
    return text(
        "application",
        "launcher.sh.j2",
        name=here.name,
        app=str(here.get("taskstack_app")),
        user=here.user,
        group=here.group,
        venv=here.venv,
        directory=here.directory,
        tls=here.broker.tls,
        paths=here.paths,
    )


def environment_file(here: StackHost) -> File:
    """The file with the environment of everything that is run of the application."""
    content = text("application", "environment.j2", environment=here.environment)
    return {"path": here.paths.environment_file, "content": content, "group": here.group}


def settings(here: StackHost) -> File | None:
    """The block in the application's own settings; None where there is none to write."""
    path = here.get("taskstack_settings_file")
    if not (path and here.does("application") and here.needs_application):
        return None
    url = json.dumps(here.broker.url)
    block = [f"{name} = {url}" for name in here.get("application_settings_names")] + _tls_lines(here)
    return {"path": path, "marker": here.name, "part": "settings", "block": "\n".join(block)}


def _tls_lines(here: StackHost) -> list[str]:
    """What sends tasks and is not started by us, a web server above all, verifies the broker in the same way."""
    told = here.broker.tls_environment
    if not told:
        return []
    return [
        "import sys",
        f"sys.path.append({json.dumps(here.paths.library)})",
        "import taskstack_tls",
        f"taskstack_tls.install({json.dumps(told)})",
    ]

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot work about a list of processes: by itself, and on this host."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import typing as t

from .._errors import TaskstackError
from .names import CONTROL, NAME, NAME_RULE, VARIABLE


def refuse(sentences: t.Sequence[str]) -> None:
    """Say everything that is wrong at once."""
    if sentences:
        raise TaskstackError(" ".join(sentences))


def problems(application: str, kinds: t.Sequence[str], processes: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """What is wrong on every host."""
    names = [process["name"] for process in processes]
    labels = [("application", application), *(("kind", kind) for kind in kinds), *(("process", name) for name in names)]
    found = [f"{what} {value!r} is not a name: use {NAME_RULE}." for what, value in labels if not NAME.match(value)]
    twice = sorted({name for name in names if names.count(name) > 1})
    found += [f"{name} is listed twice. Give each process its own name." for name in twice]
    for process in processes:
        name, variables = process["name"], process["environment"]
        texts = [*process["argv"], *map(str, variables.values()), *process["restart_on"]]
        texts += [process["directory"], process["user"], process["log"]]
        if process["kind"] not in kinds:
            found.append(f"{name}: kind must be one of {', '.join(kinds)}, not {process['kind']}.")
        if not process["argv"] or not process["argv"][0].startswith("/"):
            found.append(f"{name}: argv must begin with the absolute path of the program.")
        if not process["log"].startswith("/"):
            found.append(f"{name}: log must be an absolute path.")
        if any(CONTROL.search(text) for text in texts):
            found.append(f"{name}: a definition cannot hold line breaks or other control characters. Take them out.")
        for key in variables:
            if not VARIABLE.match(key):
                found.append(f"{name}: {key!r} cannot be the name of an environment variable.")
        for key in ("ready", "broken"):
            try:
                re.compile(process.get(key) or "")
            except re.error as exc:
                found.append(f"{name}: {key} is not a regular expression ({exc}).")
    return found


def missing(processes: t.Sequence[t.Mapping[str, t.Any]], gives_group: bool) -> list[str]:
    """What this host lacks for the processes to start; an empty group is nothing to look for.

    ``gives_group``: whether the supervisor starts them in their group, or in those that the account has.
    """
    found = []
    for process in processes:
        name = process["name"]
        if not _known(pwd.getpwnam, process["user"]):
            found.append(f"{name}: there is no user {process['user']}. Create the account first.")
        if process.get("group") and not _known(grp.getgrnam, process["group"]):
            found.append(f"{name}: there is no group {process['group']}. Create it first.")
        elif process.get("group") and not gives_group and not _is_in(process["user"], process["group"]):
            found.append(
                f"{name}: account {process['user']} is not in group {process['group']}, so it could not read its "
                f"configuration. Run: usermod --append --groups {process['group']} {process['user']}"
            )
        for directory in (process["directory"], os.path.dirname(process["log"])):
            if not os.path.isdir(directory):
                found.append(f"{name}: there is no directory {directory}. Create it first.")
        if not shutil.which(process["argv"][0]):
            found.append(f"{name}: there is no program {process['argv'][0]}. Install it first.")
    return found


def _is_in(user: str, group: str) -> bool:
    wanted = grp.getgrnam(group).gr_gid
    try:
        return wanted in os.getgrouplist(user, pwd.getpwnam(user).pw_gid)
    except KeyError:
        return True  # there is no such user, which has a sentence of its own


def _known(look_up: t.Callable[[str], t.Any], name: str) -> bool:
    try:
        look_up(name)
    except KeyError:
        return False
    return True

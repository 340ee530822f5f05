# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of supervisord's programs. Pure."""

from __future__ import annotations

import re
import shlex
import typing as t


def program(process: t.Mapping[str, t.Any]) -> str:
    """The file of a process."""
    variables = {"USER": process["user"], "LOGNAME": process["user"]}
    variables.update((key, str(value)) for key, value in process["environment"].items())
    # env keeps every value as it is, which supervisord's own `environment` does not; HOME would be root's.
    command = ["/usr/bin/env", "-u", "HOME", *map("=".join, variables.items()), *process["argv"]]
    settings = {
        "command": " ".join(_quote(word) for word in command),
        "directory": process["directory"],
        "user": process["user"],
        "autostart": str(process["state"] == "started").lower(),
        "autorestart": "true",
        "startsecs": 5,
        # A program that needs something which comes up later is tried again, ever more slowly, for an hour.
        "startretries": 85,
        "stopsignal": process["stop_signal"],
        "stopwaitsecs": process["stop_timeout"],
        # A warm stop is the main process's affair; what it leaves behind at the end is killed.
        "stopasgroup": "false",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": process["log"],
        "stdout_logfile_maxbytes": 0,
    }
    lines = (f"{key}={str(value).replace('%', '%%')}\n" for key, value in settings.items())
    return f"[program:{process['name']}]\n" + "".join(lines)


def _quote(word: str) -> str:
    # In supervisord's files a ';' or '#' after a blank begins a comment, even inside quotes.
    return re.sub(r"(\s)([;#])", r"\1''\2", shlex.quote(word))

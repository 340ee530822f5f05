# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on a host already that matters to a deployment: packages, and whose RabbitMQ and supervisord it has."""

from __future__ import annotations

import json
import os
import re
import typing as t

MARK = "taskstack"
AMQP = 5672


def packages(status: str) -> list[str]:
    """The Debian packages that are installed, from dpkg's own list."""
    found = []
    for paragraph in status.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            found.append(fields.get("Package", ""))
    return sorted(found)


def listening(tables: t.Iterable[str]) -> set[int]:
    """The TCP ports somebody listens on, from /proc/net/tcp and tcp6."""
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if len(row) > 3 and row[3] == "0A"}


def owner(installed: bool, configuration: t.Mapping[str, str]) -> str:
    """``absent``, ``ours`` or ``foreign``: every file that we write carries our mark."""
    if any(MARK in text for text in configuration.values()):
        return "ours"
    return "foreign" if installed else "absent"


def plugins(files: t.Iterable[str]) -> list[str]:
    """The plugins that RabbitMQ ships, from the names of what is in its directory of plugins."""
    shipped = (name for name in files if re.search(r"-[0-9]|\.ez$", name))
    return sorted({re.sub(r"-[0-9][^-]*$|\.ez$", "", name) for name in shipped})


def configurations(environments: bytes) -> list[str]:
    """With which of our configurations a broker was started, from the environments of its processes."""
    words = environments.decode(errors="replace").split("\0")
    return sorted({word.partition("=")[2] for word in words if word.startswith("TASKSTACK_CONFIGURATION=")})


def stack(configuration: str) -> str:
    """The stack that set the broker up, as the broker's configuration says; empty when none says so."""
    found = re.search(r"^# Owner: (.+)$", configuration, re.MULTILINE)
    return found[1].strip() if found else ""


def listeners(configuration: str) -> list[str]:
    """Where the broker listens for AMQP, as its configuration says."""
    return re.findall(r"^listeners\.tcp\.\d+ *= *(\S+)", configuration, re.MULTILINE)


def strangers(configuration: t.Mapping[str, str]) -> list[str]:
    """The files among a supervisor's that are not ours."""
    return sorted(path for path, text in configuration.items() if MARK not in path and MARK not in text)


def stacks(descriptions: t.Mapping[str, str]) -> dict[str, dict[str, t.Any]]:
    """By name: account, beat's host and number of processes as the last deployment described them."""
    found = {}
    for path, text in descriptions.items():
        name = os.path.basename(path).removesuffix(".json")
        try:
            about = json.loads(text)
        except ValueError:
            continue  # a damaged description is told where it is used, and written anew
        # NAME.beat.json is a schedule.
        if "." not in name and isinstance(about, dict):
            processes = len(about.get("processes") or [])
            found[name] = {"user": about.get("user"), "beat": about.get("beat"), "processes": processes}
    return found

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: process definitions to the files and scheduled tasks of a Windows host."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.windows import logon, plan, stale
from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight.windows import problems


def windows_tasks(
    definitions: list[dict[str, t.Any]], kind: str, settings: dict[str, t.Any], existing: list[str] | None = None
) -> dict[str, t.Any]:
    """What cannot work as sentences; when there are none, what to write and what to remove."""
    found = problems(definitions, settings)
    return {
        "problems": found,
        "logon_type": logon(settings["account"]),
        "processes": [] if found else plan(definitions, settings),
        "stale": stale(existing or [], definitions, kind, settings),
    }


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filter's name and function."""
        return {"windows_tasks": windows_tasks}

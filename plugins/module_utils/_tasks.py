# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of every task, whoever tells of it. Pure."""

from __future__ import annotations

import typing as t

#: The states of a task that a worker holds.
LIVE = ("active", "reserved", "scheduled")
Task = t.Mapping[str, t.Any]


def when(task: Task) -> float:
    """The last moment that is known of a task, in seconds since 1970; 0 for none."""
    return float(task.get("ended") or task.get("started") or task.get("received") or 0)


def newest_first(tasks: t.Iterable[t.Any]) -> list[t.Any]:
    """The tasks, those with the latest news first."""
    return sorted(tasks, key=when, reverse=True)

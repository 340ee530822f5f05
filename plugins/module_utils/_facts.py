# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at the stack brings home, before anybody judges it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.taskstack.celery.plugins.module_utils._queues import Queue
from ansible_collections.taskstack.celery.plugins.module_utils._replies import Inspection


@dataclass(frozen=True)
class Facts:
    """All that was found; None where it could not be looked at."""

    now: float
    broker: dict[str, t.Any]
    queues: list[Queue] | None = None
    inspection: Inspection | None = None
    flower: dict[str, t.Any] = field(default_factory=lambda: {"state": "unknown"})
    beat: dict[str, t.Any] = field(default_factory=lambda: {"state": "unknown"})
    tasks: list[dict[str, t.Any]] = field(default_factory=list)
    recorder: list[str] = field(default_factory=list)
    expected_workers: list[dict[str, t.Any]] = field(default_factory=list)
    expected_tasks: list[str] = field(default_factory=list)
    name: str = ""
    host: str = ""
    supervisor: str | None = None
    deadline: float = 3.0

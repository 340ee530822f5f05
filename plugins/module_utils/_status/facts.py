# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at the stack finds, before anybody judges it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._broker.queues import Queue
from .._control.replies import Inspection
from .expected import Stack, expectation

NO_BEAT: dict[str, t.Any] = {"state": "unknown", "host": None, "pids": [], "frozen": [], "here": False}


@dataclass(frozen=True)
class Facts:
    """All that was found; None where it could not be looked at."""

    now: float
    broker: dict[str, t.Any]
    queues: list[Queue] | None = None
    inspection: Inspection | None = None
    #: By queue, whether anything moved between two looks; only queues on which something waited have an entry.
    moving: dict[str, bool] = field(default_factory=dict)
    flower: dict[str, t.Any] = field(default_factory=lambda: {"state": "unknown", "wanted": False})
    beat: dict[str, t.Any] = field(default_factory=lambda: dict(NO_BEAT))
    tasks: list[dict[str, t.Any]] = field(default_factory=list)
    #: ``problems`` of the recorder of this host; None where there is none to look at.
    recorder: dict[str, t.Any] | None = None
    #: The worker processes of this host by node, as ``process_table.workers`` returns them.
    processes: dict[str, dict[str, t.Any]] = field(default_factory=dict)
    #: Processes of the application that have read its settings before they changed.
    outdated: list[dict[str, t.Any]] = field(default_factory=list)
    #: The workers that the deployment has on this host.
    nodes: list[str] = field(default_factory=list)
    stack: Stack = field(default_factory=lambda: expectation(None, {}, 0.0))
    name: str = ""
    settings_file: str | None = None
    host: str = ""
    deadline: float = 3.0

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before a host's plan is made, where no playbook has looked at the whole inventory before. Pure."""

from __future__ import annotations

import typing as t

from .._plan.variables import Variables, true
from .names import name_problems, stack_name_problems
from .schedule import problems as schedule_problems


def problems(given: Variables, only: t.Sequence[str]) -> list[str]:
    """One sentence per mistake in the variables of a host."""
    found = list(stack_name_problems(given.get("taskstack_name")))
    found += name_problems(given) if "application" in only else []
    if "beat" in only:
        found += schedule_problems(given.get("beat_schedule") or [])
    if "flower" in only and not given.get("flower_password") and not true(given.get("flower_open_api") or False):
        found.append(
            "Set flower_password, or flower_open_api to true if everybody who reaches the address may control workers."
        )
    return found

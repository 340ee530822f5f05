# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before a host's plan is made, where no playbook has looked at the whole inventory before. Pure."""

from __future__ import annotations

from .._plan.stack import StackHost
from .names import name_problems, stack_name_problems
from .schedule import problems as schedule_problems


def problems(here: StackHost) -> list[str]:
    """One sentence per mistake in the variables of a host."""
    found = list(stack_name_problems(here.get("taskstack_name")))
    found += name_problems(here.given) if here.does("application") else []
    found += schedule_problems(here.get("beat_schedule")) if here.has("beat") else []
    if here.has("flower") and not here.get("flower_password") and not here.opens_flower:
        found.append(
            "Set flower_password, or flower_open_api to true if everybody who reaches the address may control workers."
        )
    return found

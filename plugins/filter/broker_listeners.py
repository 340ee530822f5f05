# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``broker_listeners``."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.broker_listeners import listeners


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filter of this file."""
        return {"broker_listeners": listeners}

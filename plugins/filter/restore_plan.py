# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of backup.yml and restore.yml: see their documentation."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.plugin_utils._backup import plan, refusal


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """What belongs in a backup and what restoring it changes; why the broker refused to."""
        return {"restore_plan": plan, "restore_refusal": refusal}

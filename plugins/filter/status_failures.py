# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``status_failures``: see its documentation."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._status.unknown import failures


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The one filter of this file."""
        return {"status_failures": failures}

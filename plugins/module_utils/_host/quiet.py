# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module whose parameters stay out of the host's journal."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule


class QuietModule(AnsibleModule):
    """For secrets inside lists and dictionaries: Ansible writes these to the journal, and misses them between quotes.

    The ``no_log`` of a module's own is no help, since that of the task replaces it.
    """

    def __init__(self, **options: t.Any) -> None:
        """Take what Ansible's module takes."""
        AnsibleModule.__init__(self, **options)

    def _log_invocation(self) -> None:
        """Write nothing."""

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one kind of error that a person reads; only ``main()`` turns it into ``fail_json``."""

from __future__ import annotations


class TaskstackError(Exception):
    """What was tried, what came back, and what to do next, in one sentence or a few."""

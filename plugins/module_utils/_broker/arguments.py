# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specifications that several modules share; their documentation is in ``doc_fragments``."""

from __future__ import annotations

import typing as t

BROKER_ARGS: dict[str, dict[str, t.Any]] = {
    "management_url": {"type": "str"},
    "management_user": {"type": "str"},
    "management_password": {"type": "str", "no_log": True},
    "ca_file": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 30},
}

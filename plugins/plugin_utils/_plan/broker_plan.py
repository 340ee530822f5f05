# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a host of the broker shall hold, and the broker itself: one plan. Pure."""

from __future__ import annotations

import typing as t

from .broker_files import certificates, files
from .broker_host import TLS_DIRECTORY, BrokerHost
from .broker_objects import definitions


def broker_plan(here: BrokerHost, ours: bool) -> dict[str, t.Any]:
    """The plan of one host. ``ours``: the broker there is ours to configure; else it only gets the stack's objects."""
    foreign_url = None if ours else here.get("taskstack_management_url")
    return {
        "ours": ours,
        # All broker nodes of a cluster share their objects.
        "makes_objects": here.node == here.members[0],
        "clustered": here.clustered,
        "members": here.members,
        "stack": here.stack or None,
        "vhost": here.vhost,
        "queue_type": here.queue_type,
        "tls_directory": TLS_DIRECTORY,
        "certificates": certificates(here),
        **files(here),
        "management_url": foreign_url or here.management_url,
        "definitions": definitions(here, ours),
    }

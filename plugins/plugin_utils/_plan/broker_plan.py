# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a host of the broker shall hold, and the broker itself: one plan. Pure."""

from __future__ import annotations

import typing as t

from .broker_files import certificates, files
from .broker_host import TLS_DIRECTORY, BrokerHost
from .broker_objects import definitions
from .variables import Variables, true


def broker_plan(here: BrokerHost, ours: bool) -> dict[str, t.Any]:
    """The plan of one host. ``ours``: the broker there is ours to configure; else it only gets the stack's objects."""
    foreign_url = None if ours else here.get("taskstack_management_url")
    plan = {
        "ours": ours,
        # All broker nodes of a cluster share their objects.
        "makes_objects": here.node == here.members[0],
        "packages": ["rabbitmq-server"] if ours and _from_the_distribution(here) else [],
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
    return {**plan, "steps": _steps(here, plan), "acts": ours and _acts(here, plan)}


def _from_the_distribution(here: BrokerHost) -> bool:
    """Whether the host may get its broker together with all that other roles install."""
    absent = here.facts["rabbitmq"] == "absent"
    return absent and here.get("rabbitmq_source") == "distribution" and here.get("rabbitmq_version") is None


def _steps(here: BrokerHost, plan: Variables) -> list[dict[str, t.Any]]:
    """What module what_if is asked: the modules and options of role rabbitmq, of a broker that runs."""
    stack = {"stack": here.stack} if here.stack else {}
    written = {
        "files": [*plan["files"], *(plan["units"] if here.facts["init"] else [])],
        "private_files": plan["private_files"],
        **stack,
    }
    created = {
        "management_url": plan["management_url"],
        "management_user": here.administrator,
        "management_password": here.get("rabbitmq_admin_password"),
        "local_administrator": plan["ours"],
        "state": "exact",
        **plan["definitions"],
        **stack,
    }
    return [
        *([{"module": "files", "options": written}] if plan["ours"] else []),
        # A broker that does not answer is one that has to be started.
        {"module": "rabbitmq_definitions", "options": created, "if_unknown": "changed"},
    ]


def _acts(here: BrokerHost, plan: Variables) -> bool:
    """Whether the role has to look itself: at what it installs, starts or copies, and at a cluster."""
    runs = here.facts["rabbitmq_runs"] and plan["fingerprint"] in here.facts["rabbitmq_configurations"]
    asked = any(true(here.get(name) or False) for name in ("rabbitmq_restart", "rabbitmq_upgrade"))
    several = here.clustered or bool(here.get("rabbitmq_forget"))
    vendor = here.get("rabbitmq_source") == "vendor"
    return not runs or asked or several or vendor or bool(plan["certificates"])

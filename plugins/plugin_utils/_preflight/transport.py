# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes in how processes and broker speak to each other. Pure."""

from __future__ import annotations

import typing as t

from .._plan.variables import Variables, true

#: What is for TLS only.
ALONE = ("taskstack_broker_tls_name", "taskstack_broker_tls_verify", "taskstack_broker_ca_file")


def problems(variables: Variables, brokers: t.Mapping[str, Variables]) -> t.Iterator[str]:
    """One sentence per mistake of a host that connects; ``brokers`` are the variables of group rabbitmq."""
    tls = true(variables.get("taskstack_broker_tls"))
    if not tls:
        yield from (
            f"{name} does nothing, and connections to the broker are not encrypted, while taskstack_broker_tls is "
            "false. Set that to true, or remove this variable."
            for name in ALONE
            if variables.get(name) is not None and not (name.endswith("_ca_file") and _https(variables))
        )
    if any(variables.get(name) for name in ("taskstack_broker_host", "taskstack_broker_hosts", "taskstack_share_host")):
        return
    for host, broker in brokers.items():
        if tls and not broker.get("rabbitmq_tls_certificate_file"):
            yield (
                f"taskstack_broker_tls is true, and the broker on {host} has no certificate. Set "
                "rabbitmq_tls_certificate_file and rabbitmq_tls_key_file for it."
            )
        elif not tls and broker.get("rabbitmq_listeners") == []:
            yield f"The broker on {host} listens with TLS only (rabbitmq_listeners is empty). Set taskstack_broker_tls."


def _https(variables: Variables) -> bool:
    return str(variables.get("taskstack_management_url") or "").startswith("https:")

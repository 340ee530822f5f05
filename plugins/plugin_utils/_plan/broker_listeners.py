# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where RabbitMQ listens for AMQP when the inventory does not set it. Pure."""

from __future__ import annotations

import typing as t

GROUPS = ("rabbitmq", "worker", "beat", "flower")
EVERYWHERE, LOOPBACK = "5672", "127.0.0.1:5672"


def listeners(
    groups: t.Mapping[str, t.Sequence[str]], host: str, elsewhere: bool, present: t.Sequence[str]
) -> list[str]:
    """Loopback where the whole stack is on ``host``, else all addresses.

    ``elsewhere``: clients are told another address than loopback. ``present``: where our configuration has the broker
    listen now. That stays on one host, since clients that no inventory knows may use it.
    """
    hosts = {member for group in GROUPS for member in groups.get(group) or []}
    if hosts != {host} or not groups.get("worker") or elsewhere:
        return [EVERYWHERE]
    return list(present) or [LOOPBACK]

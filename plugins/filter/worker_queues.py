# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``worker_queues``: what the workers of several hosts consume."""

from __future__ import annotations

import typing as t

from ansible.template import accept_lazy_markers
from ansible_collections.taskstack.celery.plugins.plugin_utils._plain import of_hosts
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan import worker_nodes


@accept_lazy_markers
def worker_queues(hostvars: t.Mapping[str, t.Any], hosts: t.Iterable[str]) -> list[str]:
    """The queues that the started nodes of these hosts consume."""
    return worker_nodes.consumed(of_hosts(hostvars, hosts, worker_nodes.VARIABLES).values())


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filter of this file."""
        return {"worker_queues": worker_queues}

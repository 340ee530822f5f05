# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``turns``: which hosts change at the same time, one list after the other."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.template import accept_lazy_markers
from ansible_collections.taskstack.celery.plugins.plugin_utils._plain import of_hosts, plain
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan import turns as plan
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan import worker_nodes


@accept_lazy_markers
def turns(
    predictions: t.Mapping[str, t.Mapping[str, t.Any]],
    hostvars: t.Mapping[str, t.Any],
    workers: t.Sequence[str],
    batch: t.Any,
) -> list[list[str]]:
    """From what module C(processes) predicts on each host, its workers' queues, and the hosts at a time."""
    consumers = of_hosts(hostvars, [host for host in predictions if host in workers], worker_nodes.VARIABLES)
    hosts = [
        plan.Host(
            name,
            changed=bool(found["changed"]),
            interrupts=bool(found["interrupted"]),
            stops_beat=found["beat"] in found["interrupted"],
            starts_beat=found["beat"] in found["started"],
            queues=frozenset(worker_nodes.consumed([consumers[name]]) if name in consumers else ()),
        )
        for name, found in plain(predictions).items()
    ]
    size = plan.batch_size(plain(batch), len(hosts))
    if size is None:
        raise AnsibleFilterError(
            f"site_batch must be a number of hosts or a percentage such as 25%, not {plain(batch)!r}."
        )
    return plan.turns(hosts, size)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filter of this file."""
        return {"turns": turns}

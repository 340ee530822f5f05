# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter ``description``: the content of a host's description file."""

from __future__ import annotations

import typing as t

from ansible.template import accept_lazy_markers
from ansible_collections.taskstack.celery.plugins.plugin_utils._plain import of_hosts, plain
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan import description as plan_description


@accept_lazy_markers
def description(
    stack: t.Mapping[str, t.Any], host: str, hostvars: t.Mapping[str, t.Any], groups: t.Mapping[str, t.Sequence[str]]
) -> dict[str, t.Any]:
    """What this host needs to know of the whole stack."""
    hosts = {each for group in ("worker", "beat", "flower") for each in groups.get(group) or []}
    return plan_description.description(
        plain(stack), host, of_hosts(hostvars, hosts, plan_description.VARIABLES), groups
    )


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The one filter of this file."""
        return {"description": description}

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of the inventory that a deployed host cannot follow by itself. Pure."""

from __future__ import annotations

import typing as t

Mapping = t.Mapping[str, t.Any]


def host_changes(known: Mapping, host: str, stack: Mapping) -> list[str]:
    """One sentence per change, with the way out.

    ``known`` is what host_facts read of earlier deployments, ``stack`` what this one wants: C(name), C(user), C(beats),
    the hosts that the run C(reached), and C(gone), hosts that do not exist any more.
    """
    before = known.get(stack["name"]) or {}
    found = []
    if before.get("processes") and before.get("user") and before["user"] != stack["user"]:
        found.append(
            f"The processes of {stack['name']} on {host} run as {before['user']}, and taskstack_user is now "
            f"{stack['user']}: their records and state would stay the old account's. Send lost tasks again, remove the "
            "stack from its hosts, then deploy it: playbooks/resubmit.yml, remove.yml, site.yml. Or set taskstack_user "
            f"to {before['user']}."
        )
    beat = before.get("beat")
    elsewhere = beat and stack["beats"] and beat not in (*stack["beats"], *stack["reached"], *stack["gone"])
    if elsewhere and set(stack["beats"]) & set(stack["reached"]):
        found.append(
            f"beat of {stack['name']} ran on {beat} when {host} was last deployed, and this run does not reach {beat}: "
            "it would go on there, and every periodic task would be sent twice. Run without --limit, or with that host "
            f"in it. If it is gone for good, add -e beat_gone={beat}."
        )
    return found

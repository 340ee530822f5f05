# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What prevents a deployment on one host, by what host_facts found there. Pure."""

from __future__ import annotations

import typing as t

from .changes import host_changes

Mapping = t.Mapping[str, t.Any]


def host_problems(facts: Mapping, host: str, supervisor: str, share: bool, stack: Mapping) -> list[str]:
    """One sentence per problem, each with its cure.

    ``share``: what others run under supervisord is accepted. ``stack``: what the run wants, see ``_preflight/changes``.
    """
    if supervisor == "windows" or not facts:
        return []
    found = []
    if not facts["packages"]:
        found.append(f"{host} has no dpkg. Hosts have to run Debian or Ubuntu: choose another one.")
    if facts["unresolved"]:
        found.append(
            f"{host} cannot find {', '.join(facts['unresolved'])} by name, where the broker is. Put it into DNS or "
            "/etc/hosts, or set taskstack_broker_host to a name or an address that this host knows."
        )
    if facts["strangers"] and supervisor == "supervisord" and not share:
        found.append(
            f"supervisord already serves something else on {host} ({', '.join(facts['strangers'])}). Set "
            "-e taskstack_share_host=true to add only what is ours and to change nothing else there."
        )
    return found + host_changes(facts["stacks"], host, stack)

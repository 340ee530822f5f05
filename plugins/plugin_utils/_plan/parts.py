# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All processes of a stack on one host, from what its workers, beat and Flower are each to be. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError

from .definitions import Definition, definitions


def all_definitions(parts: t.Iterable[t.Mapping[str, t.Any]], stack: t.Mapping[str, t.Any]) -> list[Definition]:
    """The definitions of every part; all mistakes in all of them at once."""
    found: list[Definition] = []
    wrong: list[str] = []
    for part in parts:
        kind = part["kind"]
        # playbooks/restart.yml writes it: a new content is a reason to restart like any other.
        asked = [] if stack["supervisor"] == "windows" else [f"/etc/taskstack/{stack['name']}.{kind}.restart"]
        here = {**stack, "places": part.get("places"), "restart_on": asked}
        try:
            found += definitions(part["options"], kind, here, part.get("defaults") or {})
        except TaskstackError as exc:
            wrong.append(str(exc))
    if wrong:
        raise TaskstackError(" ".join(wrong))
    return found

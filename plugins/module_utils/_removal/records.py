# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks that exist on this host only, in the recorder's directory: they are lost with it."""

from __future__ import annotations

from .._errors import TaskstackError
from .._recorder import lost

WORDS = {
    "lost": "lost (taken, and never ended)",
    "failed": "failed, revoked or refused and kept",
    "sending": "left by an interrupted resubmit",
    "damaged": "in damaged files",
}


def count(directory: str) -> dict[str, int]:
    """How many there are, by what became of them. Tasks that a worker still works on are not among them."""
    try:
        return lost.counts(directory)
    except lost.Newer as exc:
        raise TaskstackError(f"{directory}: {exc}. Update the collection on the control node.") from exc


def sentence(host: str, counts: dict[str, int]) -> str:
    """What would be deleted on a host, with the way out; empty when there is nothing."""
    found = [f"{number} {WORDS[kind]}" for kind, number in counts.items() if number]
    if not found:
        return ""
    return f"{host} keeps tasks that are nowhere else: {', '.join(found)}."

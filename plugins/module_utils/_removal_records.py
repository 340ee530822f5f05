# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks that exist on this host only, in the recorder's directory: they are lost with it."""

from __future__ import annotations

import os

from ansible_collections.taskstack.celery.plugins.module_utils import _records, _verdicts

WORDS = {
    "lost": "lost (taken, and never ended)",
    "failed": "failed, revoked or refused and kept",
    "sending": "left by an interrupted resubmit",
    "damaged": "in damaged files",
}


def count(directory: str) -> dict[str, int]:
    """How many there are, by what became of them. Tasks that a worker still works on are not among them."""
    sending = os.path.join(directory, "sending")
    batches = [os.path.join(sending, name) for name in _records.names(directory, "sending")]
    damaged = [_records.kept(directory, folder)[1] for folder in ("open", "failed")]
    return {
        "lost": len(_verdicts.lost(directory)),
        "failed": sum(record.state not in _verdicts.LOST for record in _verdicts.gone(directory)),
        "sending": sum(
            len(os.listdir(batch)) for batch in batches if os.path.isdir(batch) and not os.path.islink(batch)
        ),
        "damaged": sum(map(len, damaged)),
    }


def sentence(host: str, counts: dict[str, int]) -> str:
    """What would be deleted on a host, with the way out; empty when there is nothing."""
    found = [f"{number} {WORDS[kind]}" for kind, number in counts.items() if number]
    if not found:
        return ""
    return f"{host} keeps tasks that are nowhere else: {', '.join(found)}."

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the settings of a policy must look like."""

from __future__ import annotations

import typing as t

_NUMBERS = {
    "consumer-timeout",
    "delivery-limit",
    "expires",
    "max-in-memory-bytes",
    "max-in-memory-length",
    "max-length",
    "max-length-bytes",
    "message-ttl",
    "stream-max-segment-size-bytes",
}
_TEXTS = {"alternate-exchange", "dead-letter-exchange", "dead-letter-routing-key", "ha-mode", "max-age"}
_CHOICES = {
    "dead-letter-strategy": ("at-most-once", "at-least-once"),
    "overflow": ("drop-head", "reject-publish", "reject-publish-dlx"),
    "queue-mode": ("default", "lazy"),
}


def wrong_value(name: str, value: t.Any) -> str:
    """What the value must be instead, nothing when it will do."""
    # What plugins add is theirs to judge: the broker refuses it with a sentence of its own.
    if name in _NUMBERS and (not isinstance(value, int) or isinstance(value, bool)):
        return "an integer"
    if name in _TEXTS and not isinstance(value, str):
        return "a text"
    if name in _CHOICES and value not in _CHOICES[name]:
        return "one of " + ", ".join(_CHOICES[name])
    return ""

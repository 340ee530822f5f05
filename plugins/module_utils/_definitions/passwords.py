# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords as RabbitMQ stores them: base64 of four bytes of salt and the hash of salt and password."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

HASHES = {"rabbit_password_hashing_sha256": "sha256", "rabbit_password_hashing_sha512": "sha512"}


def matches(password: str, stored: str, algorithm: str) -> bool:
    """Whether the stored hash is that of the password."""
    if algorithm not in HASHES or not stored:
        return False
    raw = base64.b64decode(stored)
    digest = hashlib.new(HASHES[algorithm], raw[:4] + password.encode()).digest()
    return hmac.compare_digest(raw[4:], digest)


def is_hash(stored: str, algorithm: str) -> bool:
    """Whether the broker could use it."""
    try:
        return len(base64.b64decode(stored, validate=True)) == 4 + hashlib.new(HASHES[algorithm]).digest_size
    except (binascii.Error, KeyError):
        return False

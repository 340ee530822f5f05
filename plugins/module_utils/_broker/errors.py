# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong with the management API, as a person should read it."""

from __future__ import annotations

import html
import json
import ssl
import typing as t

from .._errors import TaskstackError


class BrokerError(TaskstackError):
    """The management API did not do what it was asked."""


class Unreachable(BrokerError):
    """Nothing answered: no port, no name, no trust, or no reply in time."""


class Denied(BrokerError):
    """The broker answered 401 or 403."""


class NotFound(BrokerError):
    """The broker answered 404."""


class Refused(BrokerError):
    """The broker answered any other error; ``reason`` holds its own words."""

    def __init__(self, message: str, reason: str) -> None:
        """Keep the broker's words apart from our sentence."""
        super().__init__(message)
        self.reason = reason


def no_answer(url: str, exc: Exception) -> Unreachable:
    """The connection could not be made, or broke."""
    reason = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    if isinstance(exc, ssl.SSLCertVerificationError):
        reason = exc.verify_message or reason
        cure = "Give the broker's certificate authority as ca_file, and the name in its certificate in management_url."
    else:
        cure = "Is RabbitMQ running, rabbitmq_management enabled and the port open from this host?"
    return Unreachable(f"No answer from {url} ({reason}). {cure}")


def bad_answer(url: str, user: str, request: str, status: int, content: bytes) -> BrokerError:
    """The broker answered, and said no."""
    try:
        answer = json.loads(content)
        reason = words(answer.get("reason") or answer.get("error") or answer)
    except (ValueError, AttributeError):
        reason = content.decode("utf-8", "replace")[:300]
    if status in (401, 403):
        if "administrator" in reason:
            cure = "This needs a user with the tag administrator: rabbitmqctl set_user_tags USER administrator."
        else:
            cure = "Check the password, and that the user has a management tag and rights on the virtual host."
        return Denied(f"{url} refused user {user!r} ({status}: {reason}). {cure}")
    text = f"{request} was answered with {status}: {reason}."
    return NotFound(text) if status == 404 else Refused(text, reason)


def not_rabbitmq(url: str, what: str, location: str = "") -> BrokerError:
    """Another server answered, such as a proxy with its own page."""
    where = f" and sends to {location}" if location else ""
    return BrokerError(
        f"{url} answered {what}{where}, as RabbitMQ's management API never does. "
        "Is a proxy or another service at that address? Correct management_url (taskstack_management_url)."
    )


def words(reason: t.Any) -> str:
    """The broker's reason on one line: it comes as a text, an escaped one, or as Erlang's lists of characters."""
    if isinstance(reason, list):
        if reason and all(isinstance(part, int) for part in reason):
            return "".join(map(chr, reason))
        return ": ".join(words(part) for part in reason)
    return " ".join(html.unescape(str(reason)).replace("\\n", " ").split()).rstrip(".")

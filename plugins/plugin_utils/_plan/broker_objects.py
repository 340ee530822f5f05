# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins, virtual host, policy and queues in the broker, as module rabbitmq_definitions takes them. Pure."""

from __future__ import annotations

import re
import typing as t

from .broker_host import BrokerHost

Objects = dict[str, list[dict[str, t.Any]]]
LISTS = (
    *("vhosts", "users", "permissions", "topic_permissions", "user_limits", "vhost_limits", "global_parameters"),
    *("parameters", "operator_policies", "policies", "exchanges", "queues", "bindings"),
)
_ALL = {"configure": ".*", "write": ".*", "read": ".*"}
# Of Celery itself: answers, events and commands, and its delays, which know themselves where a message goes next.
_MACHINERY = (
    *(r".*[.]pidbox", r"celeryev[.].*", r"celery_delayed_.*", r"taskstack[.]inspect[.].*"),
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
)


def definitions(here: BrokerHost, ours: bool) -> dict[str, t.Any]:
    """The options of module rabbitmq_definitions, apart from how it logs in.

    ``ours``: the broker is ours to configure.
    """
    parts = [
        _administrator(here) if ours else {},
        _GUEST if ours and here.get("rabbitmq_guest") == "local" else {},
        _stack(here) if here.stack else {},
        _poison(here) if here.stack else {},
        here.get("rabbitmq_objects"),
    ]
    removes_guest = ours and here.get("rabbitmq_guest") == "absent"
    names = [re.escape(_policy_name(here)), *(["guest"] if removes_guest else [])]
    return {
        **{kind: _joined(parts, kind) for kind in LISTS},
        # Of what the role makes by choice, what is no longer chosen goes.
        "scope": {
            "kinds": ["policies", *(["users"] if removes_guest else [])],
            "vhosts": [here.vhost],
            "names": f"^({'|'.join(names)})$",
        },
        # An old login for one of these goes. The application's own does not: its workers may use it until they restart.
        "purposes": {
            **({here.administrator: "administrator"} if ours else {}),
            **({here.monitor: "monitor"} if here.stack else {}),
        },
    }


def _joined(parts: t.Iterable[t.Mapping[str, t.Any]], kind: str) -> list[dict[str, t.Any]]:
    """What several parts list, each object once."""
    found: list[dict[str, t.Any]] = []
    for part in parts:
        listed = list(part.get(kind) or [])
        found = [one for one in found if one not in listed] + listed
    return found


_GUEST: Objects = {
    "vhosts": [{"name": "/"}],
    "users": [{"name": "guest", "password": "guest", "tags": ["administrator"]}],
    "permissions": [{"user": "guest", "vhost": "/", **_ALL}],
}


def _administrator(here: BrokerHost) -> Objects:
    password = here.get("rabbitmq_admin_password")
    return {"users": [{"name": here.administrator, "password": password, "tags": ["administrator"]}]}


def _stack(here: BrokerHost) -> Objects:
    control = re.escape(str(here.get("taskstack_control_exchange") or "celery"))
    passwords = here.get("taskstack_broker_password"), here.get("taskstack_monitor_password")
    return {
        "vhosts": [{"name": here.vhost}],
        "users": [
            # With this tag `purge` may do over HTTP what the application may do over AMQP anyway.
            {"name": user, "password": password, "tags": ["management"]}
            for user, password in zip((here.user, here.monitor), passwords)
        ],
        "permissions": [
            {"user": here.user, "vhost": here.vhost, **_ALL},
            # What `status` needs: ask the workers, and read their answers from a queue of its own.
            {
                "user": here.monitor,
                "vhost": here.vhost,
                "configure": r"^taskstack\.inspect\.",
                "read": r"^taskstack\.inspect\.",
                "write": rf"^{control}\.pidbox$",
            },
        ],
    }


def _policy_name(here: BrokerHost) -> str:
    return f"taskstack.{here.stack}"


def _poison(here: BrokerHost) -> Objects:
    """The policy on messages that no worker can work off.

    A queue has one policy: an own one of higher priority wins.
    """
    limit, dead = here.get("rabbitmq_delivery_limit"), here.get("rabbitmq_dead_letter_queue")
    definition: dict[str, t.Any] = {} if limit is None else {"delivery-limit": int(limit)}
    if dead is not None:
        definition |= {"dead-letter-exchange": "", "dead-letter-routing-key": dead}
    if not definition:
        return {}
    queue = {"name": dead, "vhost": here.vhost, "arguments": {"x-queue-type": here.queue_type}}
    return {
        "policies": [
            {
                "name": _policy_name(here),
                "vhost": here.vhost,
                "pattern": task_queues(dead),
                "apply_to": "queues",
                "definition": definition,
            }
        ],
        "queues": [] if dead is None else [queue],
    }


def task_queues(dead: str | None) -> str:
    """A pattern for the queues of the stack that hold tasks, the one for dead letters left out."""
    others = [*_MACHINERY, *([] if dead is None else [re.escape(dead)])]
    return f"^(?!({'|'.join(others)})$)"

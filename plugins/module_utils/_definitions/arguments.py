# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Argument specification of ``rabbitmq_definitions``; its documentation is in the module."""

from __future__ import annotations

import typing as t

from .objects import KINDS
from .passwords import HASHES

Option = dict[str, t.Any]

_TEXT: Option = {"type": "str"}
_NAME: Option = {"type": "str", "required": True}
_NUMBER: Option = {"type": "int"}
_NO: Option = {"type": "bool", "default": False}
_VHOST: Option = {"type": "str", "default": "/"}
_NOTHING: Option = {"type": "str", "default": "^$"}
_WORDS: Option = {"type": "list", "elements": "str"}
_ARGUMENTS: Option = {"type": "dict", "default": {}}
_VALUE: Option = {"type": "raw", "required": True}


def _objects(**options: Option) -> Option:
    return {"type": "list", "elements": "dict", "default": [], "options": options}


def _policies(apply_to: str) -> Option:
    targets = ["all", "queues", "classic_queues", "quorum_queues", "streams", "exchanges"]
    return _objects(
        vhost=_VHOST,
        name=_NAME,
        pattern=_NAME,
        apply_to={"type": "str", "choices": targets, "default": apply_to},
        priority={"type": "int", "default": 0},
        definition={"type": "dict", "required": True},
    )


DEFINITION_ARGS: dict[str, Option] = {
    "state": {"type": "str", "choices": ["present", "exact"], "default": "present"},
    "scope": {
        "type": "dict",
        "options": {
            "kinds": {"type": "list", "elements": "str", "required": True, "choices": list(KINDS)},
            "vhosts": _WORDS,
            "names": _TEXT,
        },
    },
    "force": _NO,
    "local_administrator": _NO,
    "vhosts": _objects(
        name=_NAME,
        description=_TEXT,
        tags=_WORDS,
        default_queue_type={"type": "str", "choices": ["classic", "quorum", "stream"]},
    ),
    "users": {
        **_objects(
            name=_NAME,
            password={"type": "str", "no_log": True},
            password_hash={"type": "str", "no_log": True},
            hashing_algorithm={"type": "str", "choices": list(HASHES)},
            tags=_WORDS,
        ),
        "mutually_exclusive": [["password", "password_hash"]],
    },
    "stack": {"type": "str"},
    "purposes": {"type": "dict", "default": {}},
    "permissions": _objects(vhost=_VHOST, user=_NAME, configure=_NOTHING, write=_NOTHING, read=_NOTHING),
    "topic_permissions": _objects(vhost=_VHOST, user=_NAME, exchange=_NAME, write=_NOTHING, read=_NOTHING),
    "user_limits": _objects(user=_NAME, max_connections=_NUMBER, max_channels=_NUMBER),
    "vhost_limits": _objects(vhost=_NAME, max_connections=_NUMBER, max_queues=_NUMBER),
    "global_parameters": _objects(name=_NAME, value=_VALUE),
    "parameters": _objects(vhost=_VHOST, component=_NAME, name=_NAME, value=_VALUE),
    "operator_policies": _policies("queues"),
    "policies": _policies("all"),
    "exchanges": _objects(
        vhost=_VHOST,
        name=_NAME,
        type={"type": "str", "default": "direct"},
        auto_delete=_NO,
        internal=_NO,
        arguments=_ARGUMENTS,
    ),
    "queues": _objects(vhost=_VHOST, name=_NAME, auto_delete=_NO, arguments=_ARGUMENTS),
    "bindings": _objects(
        vhost=_VHOST,
        source=_NAME,
        destination=_NAME,
        destination_type={"type": "str", "choices": ["queue", "exchange"], "default": "queue"},
        # Not a secret, whatever its name sounds like.
        routing_key={"type": "str", "default": "", "no_log": False},
        arguments=_ARGUMENTS,
    ),
}

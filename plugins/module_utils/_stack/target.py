# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out which stack is meant: from the parameters, else from what the deployment has written down on this host."""

from __future__ import annotations

import glob
import json
import os
import shlex
import typing as t
from urllib.parse import unquote, urlsplit

from .._broker.arguments import BROKER_ARGS
from .._errors import TaskstackError

DIRECTORY = "/etc/taskstack"
STACK_ARGS: dict[str, dict[str, t.Any]] = {
    **BROKER_ARGS,
    "name": {"type": "str"},
    # Without defaults, to know what was left out.
    "vhost": {"type": "str"},
    "control_exchange": {"type": "str"},
    "control_serializer": {"type": "str", "choices": ["auto", "json", "pickle", "yaml", "msgpack"]},
    "deadline": {"type": "float", "default": 3.0},
}
DEFAULTS = {
    "management_url": "http://127.0.0.1:15672",
    "vhost": "/",
    "control_exchange": "celery",
    "control_serializer": "auto",
}


def load(name: str | None, directory: str = DIRECTORY) -> dict[str, t.Any] | None:
    """The description of stack ``name``; of the only one when there is only one; None when there is none.

    ``described_at`` is when it was written.
    """
    # No stack has a dot in its name: NAME.beat.json and its like are other files of stack NAME.
    stacks = [stem for file in sorted(glob.glob(f"{directory}/*.json")) if "." not in (stem := _stem(file))]
    if name is None and len(stacks) > 1:
        raise TaskstackError(f"Several stacks live on this host ({', '.join(stacks)}). Set name to one of them.")
    if name is None and not stacks:
        return None
    file = os.path.join(directory, f"{name or stacks[0]}.json")
    if not os.path.exists(file):
        raise TaskstackError(
            f"Stack {name} is not described in {directory} on this host. Known there: {', '.join(stacks) or 'none'}."
        )
    try:
        with open(file, encoding="utf-8") as stream:
            content, written = json.load(stream), os.fstat(stream.fileno()).st_mtime
    except OSError as exc:
        raise TaskstackError(f"{file} cannot be read ({exc.strerror}). Run this as root.") from exc
    except ValueError as exc:
        raise TaskstackError(f"{file} is damaged ({exc}). Run site.yml again: it writes the file.") from exc
    if not isinstance(content, dict):
        raise TaskstackError(f"{file} is no description of a stack. Run site.yml again: it writes the file.")
    return {**content, "described_at": written}


def _stem(file: str) -> str:
    return os.path.basename(file)[: -len(".json")]


def settle(params: t.Mapping[str, t.Any], description: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """The parameters with what was left out filled in, from the description and then from the defaults.

    ``management_url`` is None where the deployment says that this host cannot reach the broker.
    """
    broker = dict((description or {}).get("broker") or {})
    settled = dict(params)
    for option in ("management_url", "management_user", "management_password", "ca_file", *DEFAULTS):
        if settled.get(option) is None:
            settled[option] = broker.get(option, None if option in broker else DEFAULTS.get(option))
    settled["together"] = [row["node"] for row in (description or {}).get("workers") or [] if row.get("recorder")]
    settled["name"] = (description or {}).get("name") or params.get("name") or ""
    if not settled["management_user"] or (params.get("management_url") and settled["management_password"] is None):
        raise TaskstackError(
            f"No description in {DIRECTORY} on this host has a login of the broker. "
            "Run this on a host of the stack, or give management_url, management_user, management_password and vhost."
        )
    return settled


def reachable(settled: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """The same parameters, if this host can reach the broker at all."""
    if settled["management_url"] is None:
        raise TaskstackError(
            "This host cannot reach the broker's management API. Run it on the broker's host (group rabbitmq), "
            "or give management_url."
        )
    return settled


def application_login(settled: t.Mapping[str, t.Any], description: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """With the application's own login to the broker, which may do more than the one that only watches.

    A login that was given wins. The file is readable for root and the application only.
    """
    login, described = dict(settled), description or {}
    file = described.get("environment_file")
    given = login["management_user"] != (described.get("broker") or {}).get("management_user")
    if given or not file or not os.path.exists(file):
        return login
    try:
        with open(file, encoding="utf-8") as stream:
            lines = dict(word.partition("=")[::2] for word in shlex.split(stream.read(), comments=True))
        url = urlsplit(lines.get("CELERY_BROKER_URL", "").split(";")[0])
    except OSError as exc:
        raise TaskstackError(f"{file} cannot be read ({exc.strerror}). Run this as root.") from exc
    except ValueError as exc:
        # Its own words may hold the password.
        raise TaskstackError(f"{file} is damaged. Run site.yml again: it writes the file.") from exc
    if url.username:
        login.update(management_user=unquote(url.username), management_password=unquote(url.password or ""))
    return login

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the removal of a stack deletes from a broker, what is lost with it, and who else uses the broker. Pure."""

from __future__ import annotations

import shlex
import typing as t
from dataclasses import dataclass

Object = dict[str, t.Any]
# Kinds of an export that somebody may have put into a virtual host that RabbitMQ itself creates.
_IN_VHOST = ("queues", "exchanges", "policies", "parameters")
_COPIED = ("quorum", "stream")


@dataclass(frozen=True)
class Wanted:
    """The names that the inventory gives, and whose broker it is."""

    vhost: str
    login: str
    monitor: str
    administrator: str
    # Whether the configuration of the broker says that this stack set it up.
    owned: bool
    # The name of this broker node when only the node leaves, and the others keep what the cluster holds.
    leaving: str | None = None

    @property
    def logins(self) -> set[str]:
        """All that the stack uses."""
        return {self.login, self.monitor}


def deleted(wanted: Wanted, listed: dict[str, t.Any] | None) -> tuple[list[str], list[str]]:
    """Virtual hosts and logins to delete: those on the list. Without one, all of the stack on its own broker."""
    entries = listed["entries"] if listed else []
    vhosts = {item["name"] for item in entries if item["kind"] == "vhost"}
    logins = {item["name"] for item in entries if item["kind"] == "login"} - {wanted.administrator}
    if wanted.owned and not (listed and listed["complete"]):
        vhosts, logins = vhosts | {wanted.vhost}, logins | wanted.logins
    return sorted(vhosts), sorted(logins)


def others(wanted: Wanted, listed: dict[str, t.Any] | None, export: Object) -> list[str]:
    """What the broker serves apart from this stack: then it stays."""
    vhosts, logins = deleted(wanted, listed)
    ours, own_logins = {*vhosts, wanted.vhost}, {*logins, *wanted.logins, wanted.administrator, "guest"}
    found = [f"virtual host {item['name']}" for item in export.get("vhosts", []) if item["name"] not in {"/", *ours}]
    found += [f"login {item['name']}" for item in export.get("users", []) if item["name"] not in own_logins]
    # What lies in / is the stack's own where that is its virtual host.
    for kind in _IN_VHOST if wanted.vhost != "/" else ():
        objects = [item for item in export.get(kind, []) if item.get("vhost") == "/"]
        found += [f"{kind} in virtual host /: {', '.join(sorted(item['name'] for item in objects))}"] if objects else []
    return found


def left(wanted: Wanted, listed: dict[str, t.Any] | None, export: Object) -> list[str]:
    """Sentences about what of our names stays, because nothing says that the stack created it."""
    if listed and listed["complete"]:
        return []
    vhosts, logins = deleted(wanted, listed)
    kept = [("delete_vhost", item["name"]) for item in export.get("vhosts", []) if item["name"] == wanted.vhost]
    kept += [("delete_user", item["name"]) for item in export.get("users", []) if item["name"] in wanted.logins]
    kept = [(command, name) for command, name in kept if name not in (vhosts if command == "delete_vhost" else logins)]
    if not kept:
        return []
    commands = "; ".join(f"rabbitmqctl {command} {shlex.quote(name)}" for command, name in kept)
    return [f"On the broker, which other applications use, nothing says whether the stack created these: {commands}"]


def waiting(wanted: Wanted, queues: list[Object]) -> int:
    """The messages that go: all of the virtual host, or those of which only the leaving node has a copy."""
    if wanted.leaving:
        queues = [item for item in queues if item.get("node") == wanted.leaving and item.get("type") not in _COPIED]
    return sum(item.get("messages", 0) for item in queues)


def sentence(stack: str, broker: t.Mapping[str, t.Any]) -> str:
    """What is lost with the queues; empty when nothing is."""
    if not broker["answers"]:
        return "The broker does not answer, so nobody can tell how many tasks wait in it."
    count = broker["waiting"]
    return f"{count} tasks wait in the queues of stack {stack}." if count else ""

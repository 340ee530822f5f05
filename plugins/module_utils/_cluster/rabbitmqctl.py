# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RabbitMQ's command line tools on a broker's host as methods. They need no login: they work before any user exists."""

from __future__ import annotations

import json
import os
import re
import typing as t

from .._errors import TaskstackError
from .status import Queue, Status

Run = t.Callable[[list[str]], tuple[int, str, str]]


class Nodes:
    """This node and, over Erlang's own connections, the other ones of the cluster."""

    def __init__(self, run: Run, me: str, database: str) -> None:
        """``run`` runs a command and returns its code, stdout and stderr; ``database`` is this node's directory."""
        self._run, self.me, self._database = run, me, database

    def is_new(self) -> bool:
        """Whether this node has no database yet, or has lost it. Khepri, the later one, has no such file."""
        flags = f"{self._database}-feature_flags"
        if os.path.exists(flags):
            with open(flags, encoding="utf-8") as file:
                if "khepri_db" in file.read():
                    return False
        return not os.path.exists(f"{self._database}/schema.DAT")

    def status(self, node: str) -> Status | None:
        """The cluster as that node sees it; None when it does not answer."""
        code, out, _error = self._call("rabbitmqctl", node, "cluster_status", "--formatter", "json")
        return None if code else Status.from_json(json.loads(out))

    def queues(self, node: str) -> list[Queue]:
        """All queues of all virtual hosts."""
        columns = ("name", "type", "members", "online")
        return [
            Queue.from_json({**row, "type": _kind(row)}) for row in self._of_all_vhosts(node, "list_queues", *columns)
        ]

    def is_halted(self) -> bool:
        """Whether Erlang runs on this node and RabbitMQ in it does not, and is not about to."""
        return self._is("is_running") is False and self._is("is_booting") is False

    def start(self) -> None:
        """Start RabbitMQ where Erlang runs already; what it left half started has to go first."""
        self._must("rabbitmqctl", self.me, "stop_app")
        self._must("rabbitmqctl", self.me, "start_app")

    def flags(self) -> list[dict[str, t.Any]]:
        """All feature flags."""
        return self._rows(self.me, "list_feature_flags", "name", "state")

    def policies(self) -> list[dict[str, t.Any]]:
        """The policies of all virtual hosts."""
        return self._of_all_vhosts(self.me, "list_policies")

    def declared(self) -> list[dict[str, t.Any]]:
        """All queues of all virtual hosts, as their clients declared them."""
        return self._of_all_vhosts(self.me, "list_queues", "name", "durable", "exclusive", "arguments")

    def forget(self, node: str, gone: str) -> None:
        """Let a running node remove a stopped one from the cluster, and its copies from the queues."""
        self._must("rabbitmqctl", node, "forget_cluster_node", gone)

    def drain(self) -> None:
        """Hand leaders over and send clients away, so that they reconnect elsewhere before this node stops."""
        self._must("rabbitmq-upgrade", self.me, "drain")

    def revive(self) -> None:
        """Take clients again."""
        self._must("rabbitmq-upgrade", self.me, "revive")

    def reset(self, other: str, known: bool) -> None:
        """Give up what this node has of its own and join the others, which forget what they knew of it."""
        self._must("rabbitmqctl", self.me, "stop_app")
        if known:
            self.forget(other, self.me)
        self._must("rabbitmqctl", self.me, "reset")
        self._must("rabbitmqctl", self.me, "join_cluster", other)
        self._must("rabbitmqctl", self.me, "start_app")

    def grow(self, queue: Queue) -> None:
        """Give a quorum queue a copy on this node."""
        self._must("rabbitmq-queues", self.me, "add_member", "--vhost", queue.vhost, "--", queue.name, self.me)

    def _is(self, question: str) -> bool | None:
        """The answer to is_running or is_booting; None when nothing answers on this node."""
        code, out, _error = self._call("rabbitmq-diagnostics", self.me, question, "--formatter", "json")
        return None if code else bool(json.loads(out)["result"])

    def _of_all_vhosts(self, node: str, command: str, *columns: str) -> list[dict[str, t.Any]]:
        vhosts = [row["name"] for row in self._rows(node, "list_vhosts", "name")]
        return [
            {**row, "vhost": vhost} for vhost in vhosts for row in self._rows(node, command, "--vhost", vhost, *columns)
        ]

    def _rows(self, node: str, *arguments: str) -> list[dict[str, t.Any]]:
        out = self._must("rabbitmqctl", node, *arguments, "--formatter", "json")
        rows: list[dict[str, t.Any]] = json.loads(out or "[]")
        return rows

    def _must(self, program: str, node: str, *arguments: str) -> str:
        code, out, error = self._call(program, node, *arguments)
        if code:
            said = " ".join((error or out).split())[:600]
            raise TaskstackError(f"{program} {' '.join(arguments)} on {node} failed ({code}): {said}.")
        return out

    def _call(self, program: str, node: str, *arguments: str) -> tuple[int, str, str]:
        return self._run([program, "--quiet", "--timeout", "60", "--node", node, *arguments])


def _kind(row: dict[str, t.Any]) -> str:
    """RabbitMQ 3.10 writes the name of an Erlang module: rabbit_quorum_queue."""
    return re.sub("^rabbit_|_queue$", "", row["type"] or "")

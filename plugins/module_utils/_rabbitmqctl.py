# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that runs the tools of RabbitMQ and Erlang, which need no login and so work before any user exists."""

from __future__ import annotations

import base64
import json
import os
import re
import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._cluster import Queue, Status
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError

Run = t.Callable[[list[str]], tuple[int, str, str]]
# What list_queues asks too, for all virtual hosts with one start of the tool: each takes half a second and more, and
# there may be hundreds of them. Encoded, because a terminal without UTF-8 would spoil names.
QUEUES = """
[#{vhost => Vhost, name => element(4, proplists:get_value(name, Row)), type => proplists:get_value(type, Row),
  members => proplists:get_value(members, Row), online => proplists:get_value(online, Row)}
 || Vhost <- rabbit_vhost:list_names(), Row <- rabbit_amqqueue:info_all(Vhost, [name, type, members, online])]
"""
# What cluster_status asks too, as far as we read it. Where anything is unusual this fails, and cluster_status is asked.
STATUS = """
true = rabbit:is_running(),
Seen = case erlang:function_exported(rabbit_db_cluster, cli_cluster_status, 0) of
  true -> rabbit_db_cluster:cli_cluster_status();
  false -> rabbit_mnesia:status()
end,
Running = proplists:get_value(running_nodes, Seen),
[] = proplists:get_value(partitions, Seen),
[] = lists:append([rpc:call(Node, rabbit, alarms, [], 10000) || Node <- Running]),
State = fun(Node) ->
  case rpc:call(Node, rabbit_maintenance, status_local_read, [Node], 10000) of
    draining -> 'marked for maintenance';
    regular -> 'not under maintenance'
  end
end,
"""
SEEN = """
#{disk_nodes => lists:append([Nodes || {_, Nodes} <- proplists:get_value(nodes, Seen)]), running_nodes => Running,
  listeners => maps:from_list([{Node, length(rabbit_networking:node_listeners(Node))} || Node <- Running]),
  maintenance_status => maps:from_list([{Node, State(Node)} || Node <- Running])}
"""
# Erlang's own tool, part of what every RabbitMQ on Debian needs: a hundredth of the processor time of rabbitmqctl.
# It reads what to evaluate from its input, and the secret that nodes share from the account's home.
QUICKLY = """
printf '%s\\n' "$3" | HOME=/var/lib/rabbitmq timeout 60 runuser -u rabbitmq -- erl_call "$1" "$2" -fetch_stdout -e
"""
POLICIES = """
[#{name => proplists:get_value(name, Row),
   definition => iolist_to_binary(io_lib:format("~p", [proplists:get_value(definition, Row)]))}
 || Row <- rabbit_policy:list()]
"""


class Nodes:
    """This node and, over Erlang's own connections, the other ones of the cluster."""

    def __init__(self, run: Run, me: str, database: str) -> None:
        """``run`` runs a command and gives its code, output and complaints; ``database`` is this node's directory."""
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
        quick = self._quickly(node, SEEN, STATUS)
        if quick is not None:
            return Status.from_json(quick)
        code, out, _error = self._call("rabbitmqctl", node, "cluster_status", "--formatter", "json")
        return None if code else Status.from_json(json.loads(out))

    def queues(self, node: str) -> list[Queue]:
        """All queues of all virtual hosts."""
        rows = self._ask(node, QUEUES)
        return [Queue.from_json({**row, "type": re.sub("^rabbit_|_queue$", "", row["type"] or "")}) for row in rows]

    def is_halted(self) -> bool:
        """Whether Erlang runs on this node and RabbitMQ in it does not, and is not about to."""
        question = "{rabbit:is_running(), rabbit:is_booting()}."
        code, out, _error = self._call("rabbitmqctl", self.me, "eval", question)
        return code == 0 and out.strip() == "{false,false}"

    def start(self) -> None:
        """Start RabbitMQ where Erlang runs already; what it left half started has to go first."""
        self._must("rabbitmqctl", self.me, "stop_app")
        self._must("rabbitmqctl", self.me, "start_app")

    def flags(self) -> list[dict[str, t.Any]]:
        """All feature flags."""
        return self._rows(self.me, "list_feature_flags", "name", "state")

    def policies(self) -> list[dict[str, t.Any]]:
        """The policies of all virtual hosts."""
        return self._ask(self.me, POLICIES)

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
        self._must("rabbitmq-queues", self.me, "add_member", "--vhost", queue.vhost, queue.name, self.me)

    def _ask(self, node: str, expression: str) -> list[dict[str, t.Any]]:
        quick = self._quickly(node, expression)
        if quick is not None:
            return list(quick)
        rows: list[dict[str, t.Any]] = _decoded(self._must("rabbitmqctl", node, "eval", _encoded(expression)))
        return rows

    def _quickly(self, node: str, expression: str, before: str = "") -> t.Any:
        """The same by Erlang's own tool; None where that is missing, cannot connect or says anything else."""
        names = "-name" if "." in node.partition("@")[2] else "-sname"
        code, out, _error = self._run(["sh", "-c", QUICKLY, "sh", names, node, _encoded(expression, before)])
        try:
            return None if code else _decoded(out)
        except (ValueError, IndexError):
            return None

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


def _encoded(expression: str, before: str = "") -> str:
    return " ".join(f'{before} io:format("~s~n", [base64:encode(rabbit_json:encode({expression}))]).'.split())


def _decoded(out: str) -> t.Any:
    return json.loads(base64.b64decode(out.split()[0], validate=True))

"""Nodes of a RabbitMQ cluster that behave, behind the command lines that RabbitMQ's own tools take."""

from __future__ import annotations

import base64
import json
import pathlib
import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._member import Member
from ansible_collections.taskstack.celery.plugins.module_utils._rabbitmqctl import Nodes


@dataclass
class Node:
    """One node: what it knows of others, and how it is."""

    known: set[str]
    state: str = "up"  # up | halted (Erlang runs, RabbitMQ does not) | down
    draining: bool = False


@dataclass
class Queue:
    """A quorum queue, when it has members."""

    name: str
    members: list[str]
    kind: str = "quorum"
    vhost: str = "app"


@dataclass
class Cluster:
    """All nodes, cut off or not."""

    nodes: dict[str, Node]
    queues: list[Queue] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    alarms: list[dict[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    # Whether the hosts have erl_call.
    quick: bool = True

    @classmethod
    def of(cls, *names: str) -> Cluster:
        """A healthy cluster with one queue that has a copy everywhere."""
        return cls({name: Node(set(names)) for name in names}, [Queue("celery", list(names))])

    def run(self, command: list[str]) -> tuple[int, str, str]:
        """What module.run_command does."""
        if command[0] == "sh":
            return self._erl_call(*command[4:])
        assert command[1:5] == ["--quiet", "--timeout", "60", "--node"]
        name, verb, arguments = command[5], command[6], command[7:]
        node = self.nodes.get(name)
        if node is None or node.state == "down" or name in self.cut:
            return 69, "", f"unable to perform an operation on node '{name}'"
        if not verb.startswith(("cluster_status", "eval", "list_")):
            self.calls.append(f"{name} {verb}")
        if node.state != "up" and verb not in ("eval", "stop_app", "start_app", "reset", "join_cluster"):
            return 69, "", "this command requires the 'rabbit' app to be running"
        return getattr(self, f"_{verb}")(name, node, arguments)

    def _erl_call(self, names: str, name: str, expression: str) -> tuple[int, str, str]:
        node = self.nodes.get(name)
        if not self.quick:
            return 127, "", "runuser: failed to execute erl_call: No such file or directory"
        if node is None or node.state == "down" or name in self.cut or ("." in name) != (names == "-name"):
            return 1, "", f"erl_call: failed to connect to node {name}"
        if "disk_nodes" not in expression:
            return self._eval(name, node, [expression])
        if (node.state != "up" and "true = rabbit:is_running()" in expression) or (
            self.alarms and "[] = lists:append([rpc:call(Node, rabbit, alarms" in expression
        ):
            return 0, "{error, \"*** eval: {'EXIT',{{badmatch,false},[{erl_eval,expr,6,[]}]}}\"}", ""
        seen = json.loads(self._cluster_status(name, node, [])[1])
        return 0, self._encoded({key: value for key, value in seen.items() if f"{key} =>" in expression}), ""

    def _eval(self, _name: str, node: Node, arguments: list[str]) -> tuple[int, str, str]:
        if "rabbit_amqqueue:info_all" in arguments[0]:
            return 0, self._encoded(self._rows(node)), ""
        if "rabbit_policy:list" in arguments[0]:
            return 0, self._encoded([]), ""
        return 0, "{true,false}\n" if node.state == "up" else "{false,false}\n", ""

    def _cluster_status(self, name: str, node: Node, _arguments: list[str]) -> tuple[int, str, str]:
        seen = {n for n in node.known if n not in self.cut or n == name}
        answer = {
            "disk_nodes": sorted(node.known),
            # RabbitMQ calls a halted node running, and shows no listener of it.
            "running_nodes": [n for n in seen if n in self.nodes and self.nodes[n].state != "down"],
            "listeners": {n: [{}] if self.nodes[n].state == "up" else [] for n in seen if n in self.nodes},
            "maintenance_status": {
                n: "marked for maintenance" if self.nodes[n].draining else "not under maintenance"
                for n in seen
                if n in self.nodes
            },
            "partitions": {},
            "alarms": self.alarms,
        }
        return 0, json.dumps(answer), ""

    @staticmethod
    def _encoded(rows: t.Any) -> str:
        return base64.b64encode(json.dumps(rows).encode()).decode() + "\nok\n"

    def _rows(self, node: Node) -> list[dict[str, t.Any]]:
        rows = []
        for queue in self.queues:
            # A copy sleeps while its node is in maintenance.
            awake = [m for m in queue.members if self.nodes[m].state == "up" and not self.nodes[m].draining]
            if set(queue.members) & node.known or queue.kind == "classic":
                quorum = queue.kind == "quorum"
                row = {"vhost": queue.vhost, "name": queue.name, "type": f"rabbit_{queue.kind}_queue"}
                rows.append({**row, "members": queue.members if quorum else "", "online": awake if quorum else ""})
        return rows

    def _list_feature_flags(self, *_ignored: object) -> tuple[int, str, str]:
        return 0, json.dumps([{"name": "quorum_queue", "state": "enabled"}]), ""

    def _forget_cluster_node(self, name: str, node: Node, arguments: list[str]) -> tuple[int, str, str]:
        gone = arguments[0]
        running = gone in self.nodes and self.nodes[gone].state == "up" and len(self.nodes[gone].known) > 1
        if running and gone not in self.cut:
            return 70, "", f"Error: RabbitMQ on node {gone} must be stopped"
        for other in node.known - {gone}:
            self.nodes[other].known.discard(gone)
        for queue in self.queues:
            queue.members = [member for member in queue.members if member != gone]
        return 0, "", ""

    def _drain(self, _name: str, node: Node, _arguments: list[str]) -> tuple[int, str, str]:
        node.draining = True
        return 0, "", ""

    def _revive(self, _name: str, node: Node, _arguments: list[str]) -> tuple[int, str, str]:
        node.draining = False
        return 0, "", ""

    def _stop_app(self, _name: str, node: Node, _arguments: list[str]) -> tuple[int, str, str]:
        node.state = "halted"
        return 0, "", ""

    def _start_app(self, _name: str, node: Node, _arguments: list[str]) -> tuple[int, str, str]:
        node.state = "up"
        return 0, "", ""

    def _reset(self, name: str, node: Node, _arguments: list[str]) -> tuple[int, str, str]:
        node.known = {name}
        return 0, "", ""

    def _join_cluster(self, name: str, node: Node, arguments: list[str]) -> tuple[int, str, str]:
        others = self.nodes[arguments[0]].known
        if name in others:
            return 69, "", f"{{:inconsistent_cluster, \"node '{arguments[0]}' thinks it's clustered with '{name}'\"}}"
        for other in others | {name}:
            self.nodes[other].known = others | {name}
        return 0, "", ""

    def _add_member(self, _name: str, _node: Node, arguments: list[str]) -> tuple[int, str, str]:
        vhost, queue_name, member = arguments[1:]
        next(q for q in self.queues if (q.vhost, q.name) == (vhost, queue_name)).members.append(member)
        return 0, "", ""


@dataclass
class Clock:
    """Time passes only in sleep, and then things happen."""

    now: float = 0.0
    events: list[t.Callable[[], None]] = field(default_factory=list)

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the next thing happen."""
        self.now += seconds
        if self.events:
            self.events.pop(0)()


@dataclass
class Stage:
    """A healthy cluster of three, a clock, and a hand on each member."""

    cluster: Cluster
    clock: Clock
    database: pathlib.Path
    node: type[Node] = Node
    queue: type[Queue] = Queue

    def member(self, name: str, check_mode: bool = False, members: t.Sequence[str] = ("a", "b", "c")) -> Member:
        """The member on host ``name``, with a minute's patience."""
        nodes = Nodes(self.cluster.run, name, str(self.database))
        return Member(nodes, list(members), self.clock, 60, check_mode)


@pytest.fixture(params=[True, False], ids=["with erl_call", "without"])
def stage(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Stage:
    """Everything healthy, and a database that has something in it."""
    (tmp_path / "schema.DAT").write_text("x")
    cluster = Cluster.of("a", "b", "c")
    cluster.quick = request.param
    return Stage(cluster, Clock(), tmp_path)

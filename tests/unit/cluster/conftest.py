"""Nodes of a RabbitMQ cluster that behave, behind the command lines that RabbitMQ's own tools take."""

from __future__ import annotations

import json
import pathlib
import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._cluster.member import Member
from ansible_collections.taskstack.celery.plugins.module_utils._cluster.rabbitmqctl import Nodes


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
    catching_up: set[str] = field(default_factory=set)


@dataclass
class Cluster:
    """All nodes, cut off or not."""

    nodes: dict[str, Node]
    queues: list[Queue] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    alarms: list[dict[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, *names: str) -> Cluster:
        """A healthy cluster with one queue that has a copy everywhere."""
        return cls({name: Node(set(names)) for name in names}, [Queue("celery", list(names))])

    def run(self, command: list[str]) -> tuple[int, str, str]:
        """What module.run_command does."""
        assert command[1:5] == ["--quiet", "--timeout", "60", "--node"]
        name, verb, arguments = command[5], command[6], command[7:]
        node = self.nodes.get(name)
        if node is None or node.state == "down" or name in self.cut:
            return 69, "", f"unable to perform an operation on node '{name}'"
        if not verb.startswith(("cluster_status", "is_", "list_")):
            self.calls.append(f"{name} {verb}")
        if node.state != "up" and verb not in (
            "is_running",
            "is_booting",
            "stop_app",
            "start_app",
            "reset",
            "join_cluster",
        ):
            return 69, "", "this command requires the 'rabbit' app to be running"
        return getattr(self, f"_{verb}")(name, node, arguments)

    def _is_running(self, _name: str, node: Node, _arguments: list[str]) -> tuple[int, str, str]:
        return 0, json.dumps({"result": node.state == "up"}), ""

    def _is_booting(self, *_ignored: object) -> tuple[int, str, str]:
        return 0, json.dumps({"result": False}), ""

    def _list_vhosts(self, *_ignored: object) -> tuple[int, str, str]:
        return 0, json.dumps([{"name": vhost} for vhost in sorted({"/", *(q.vhost for q in self.queues)})]), ""

    def _list_queues(self, _name: str, node: Node, arguments: list[str]) -> tuple[int, str, str]:
        assert arguments[0] == "--vhost"
        return 0, json.dumps(self._rows(node, arguments[1])), ""

    def _list_policies(self, *_ignored: object) -> tuple[int, str, str]:
        return 0, "[]", ""

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

    def _rows(self, node: Node, vhost: str) -> list[dict[str, t.Any]]:
        rows = []
        for queue in self.queues:
            # A copy sleeps while its node is in maintenance.
            awake = [m for m in queue.members if self.nodes[m].state == "up" and not self.nodes[m].draining]
            awake = [m for m in awake if m not in queue.catching_up]
            known = set(queue.members) & node.known or queue.kind == "classic"
            if known and queue.vhost == vhost:
                quorum = queue.kind == "quorum"
                row = {"name": queue.name, "type": f"rabbit_{queue.kind}_queue"}
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
        vhost, separator, queue_name, member = arguments[1:]
        assert separator == "--"
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


@pytest.fixture
def stage(tmp_path: pathlib.Path) -> Stage:
    """Everything healthy, and a database that has something in it."""
    (tmp_path / "schema.DAT").write_text("x")
    return Stage(Cluster.of("a", "b", "c"), Clock(), tmp_path)

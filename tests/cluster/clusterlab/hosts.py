"""The hosts of scenario cluster, and what they say of themselves."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import time
import typing as t

ROOT = pathlib.Path(__file__).absolute().parents[3]
SCENARIO = ROOT / "molecule" / "cluster"
BROKERS = ["ts-cluster-mq1", "ts-cluster-mq2", "ts-cluster-mq3"]
WORKERS = ["ts-cluster-w1", "ts-cluster-w2"]


def on(host: str, *command: str, check: bool = True, given: str | None = None) -> str:
    """Run a command on a host."""
    docker = ["docker", "exec", *(["-i"] if given is not None else []), host, *command]
    done = subprocess.run(docker, input=given, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{command} on {host}: {done.stdout}{done.stderr}"
    return done.stdout


def until(what: str, reached: t.Callable[[], t.Any], seconds: int = 240) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, f"Not within {seconds} s: {what}"
        time.sleep(0.5)


def ask(host: str, call: str, node: str = "") -> str:
    """What a function of a node answers, in milliseconds: rabbitmqctl takes half a second of what brokers need."""
    tool = ["env", "HOME=/var/lib/rabbitmq", "runuser", "-u", "rabbitmq", "--", "erl_call"]
    return on(host, *tool, "-sname", node or f"rabbit@{host}", "-a", call, check=False)


def nodes(seen_by: str, which: str = "list_running") -> list[str]:
    """The running nodes of the cluster as one node sees them, or with list_members all; none without an answer."""
    out = ask(seen_by, f"rabbit_nodes {which} []")
    return sorted(re.findall(r"[a-z]+@[a-z0-9-]+", out)) if out.startswith("[") else []


def running(seen_by: str) -> int:
    """How many nodes that node sees running."""
    return len(nodes(seen_by))


def in_maintenance() -> list[str]:
    """The nodes that take no clients."""
    out = on(BROKERS[0], "rabbitmqctl", "--quiet", "cluster_status", "--formatter", "json")
    return [node for node, state in json.loads(out)["maintenance_status"].items() if state != "not under maintenance"]


def beam(host: str) -> str:
    """The broker's process on a host."""
    return on(host, "pgrep", "--uid", "rabbitmq", "beam")


def programs(host: str) -> dict[str, str]:
    """The state of each worker node of a host."""
    names = on(host, "sh", "-c", "cd /etc/systemd/system && ls -d count-*.service").split()
    states = on(host, "systemctl", "is-active", *names, check=False).split()
    return {name.removesuffix(".service"): state for name, state in zip(names, states)}


def queues() -> dict[str, dict[str, t.Any]]:
    """The stack's queues with their copies."""
    columns = ["name", "type", "members", "online", "messages"]
    out = on(BROKERS[0], "rabbitmqctl", "--quiet", "list_queues", "-p", "count", "--formatter", "json", *columns)
    return {row["name"]: row for row in json.loads(out)}

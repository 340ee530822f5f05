"""The hosts of scenario cluster, and what they say of themselves."""

from __future__ import annotations

import json
import pathlib
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
        time.sleep(1)


def status(seen_by: str) -> dict[str, t.Any]:
    """The broker cluster as one node sees it; nothing when it does not answer."""
    out = on(seen_by, "rabbitmqctl", "--quiet", "cluster_status", "--formatter", "json", check=False)
    return json.loads(out) if out.startswith("{") else {}


def running(seen_by: str) -> int:
    """How many nodes that node sees running."""
    return len(status(seen_by).get("running_nodes", []))


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

"""A node of the cluster is down while the others serve: nobody may call that healthy, from no point of view."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t

import pytest
from clusterlab.hosts import BROKERS, ROOT, SCENARIO, WORKERS, nodes, on, queues, until

DOWN = BROKERS[2]
MEMBERS = [f"rabbit@{host}" for host in BROKERS]


@pytest.fixture
def one_is_down() -> t.Iterator[None]:
    on(DOWN, "systemctl", "stop", "rabbitmq-server")
    yield
    on(DOWN, "systemctl", "start", "rabbitmq-server")
    until("all nodes run", lambda: nodes(BROKERS[0]) == MEMBERS)
    kept = "each queue has all its copies"
    until(kept, lambda: all(len(queue["online"]) == 3 for queue in queues().values() if queue["type"] == "quorum"))


def ansible(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Ansible's with the inventory of the scenario."""
    known = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **environment}
    full = [*command, "-i", str(SCENARIO / "inventory")]
    return subprocess.run(full, cwd=ROOT, env=known, capture_output=True, text=True, check=False)


def seen_from(host: str) -> dict[str, t.Any]:
    """What the module sees there."""
    done = ansible("ansible", host, "-m", "taskstack.celery.status", ANSIBLE_CALLBACK_RESULT_FORMAT="json")
    found: dict[str, t.Any] = json.loads(done.stdout.partition(" => ")[2])
    return found


def test_a_broker_node_that_is_down_is_a_problem_or_unknown_from_every_host(one_is_down: None) -> None:
    here, beside, behind = (seen_from(host) for host in (DOWN, BROKERS[0], WORKERS[0]))
    assert not here["healthy"] and here["broker"]["state"] == "down"
    assert not beside["healthy"] and (beside["problems"] or "broker" in beside["unknown"])
    assert not behind["healthy"] and "broker" in behind["unknown"]
    done = ansible("ansible-playbook", "playbooks/status.yml", "-e", "status_require=broker")
    said = " ".join(done.stdout.split())
    assert (
        done.returncode != 0 and f"RabbitMQ on {DOWN} does not answer there: the cluster runs on 2 of 3 nodes" in said
    )

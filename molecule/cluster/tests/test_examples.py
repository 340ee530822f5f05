"""What only a cluster can run: EXAMPLES of a module, with the names of this one, and status beside the broker."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).absolute().parents[3]


def test_the_examples_of_rabbitmq_member_let_a_node_stop_and_come_back(tmp_path: pathlib.Path) -> None:
    name = "taskstack.celery.rabbitmq_member"
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    options = {"cwd": ROOT, "env": environment, "capture_output": True, "text": True, "check": False}
    shown = subprocess.run(["ansible-doc", "-j", name], **options).stdout
    tasks = yaml.safe_load(json.loads(shown)[name]["examples"].replace("rabbit@mq", "rabbit@ts-cluster-mq"))
    assert [name in task for task in tasks] == [True, True]
    play = [{"hosts": "ts-cluster-mq1", "become": True, "gather_facts": False, "tasks": tasks}]
    (tmp_path / "example.yml").write_text(json.dumps(play))
    command = ["ansible-playbook", "-i", "molecule/cluster/inventory", str(tmp_path / "example.yml")]
    done = subprocess.run(command, **options)
    assert done.returncode == 0, done.stdout + done.stderr


def test_status_without_arguments_tells_of_the_whole_stack_where_there_is_only_the_broker() -> None:
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    command = ["ansible", "ts-cluster-mq2", "-i", "molecule/cluster/inventory", "-m", "taskstack.celery.status"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout.partition(" => ")[2])
    nodes = {f"{node}@ts-cluster-{host}": "up" for node in ("one", "two") for host in ("w1", "w2")}
    assert {worker["node"]: worker["state"] for worker in found["workers"]} == nodes, done.stdout

"""The shipped playbook on a wrong inventory: it stops before the first play that changes anything."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest
import yaml

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())


@pytest.fixture
def said(tmp_path: pathlib.Path) -> str:
    """What ansible-playbook says of two beats, a misspelt option and a missing password."""
    local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "python3"}
    shop = {"taskstack_name": "shop", "taskstack_app": "shop", "taskstack_monitor_password": "x", **local}
    everywhere = {"hosts": {"one": None, "two": None}}
    workers = {**everywhere, "vars": {"worker_nodes": [{"name": "mail", "queus": ["mail"]}]}}
    groups = {"rabbitmq": {"hosts": {"one": None}}, "worker": workers, "beat": everywhere}
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"vars": shop, "children": groups}}))
    variables = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"}
    command = ["ansible-playbook", "-i", str(inventory), "site.yml"]
    path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=ROOT, env={**variables, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    return done.stdout


def test_all_mistakes_are_told_and_no_play_that_changes_anything_begins(said: str) -> None:
    for word in ("beat would run more than once", "Did you mean queues?", "taskstack_broker_password is not set"):
        assert word in " ".join(said.split())
    plays = [line for line in said.splitlines() if line.startswith("PLAY [")]
    assert len(plays) == 1, plays
    assert "changed=0" in said and "changed=1" not in said

"""Playbooks that act through one host, on an inventory in which that host is not."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())
CALLS = {"purge": ["-e", "queues=mail"], "revoke": ["-e", "ids=1f"]}


def play(name: str, folder: pathlib.Path, *arguments: str) -> str:
    """What a playbook says that must fail."""
    inventory = folder / "hosts.yml"
    inventory.write_text("all: {vars: {ansible_connection: local}, children: {worker: {hosts: {w1: }}}}\n")
    command = [pathlib.Path(sys.executable).with_name("ansible-playbook"), "-i", inventory, f"playbooks/{name}.yml"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        [*command, *CALLS[name], *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0, done.stdout
    return " ".join(done.stdout.split())


@pytest.mark.parametrize("name", CALLS)
def test_with_a_broker_elsewhere_a_host_has_to_be_named(name: str, tmp_path: pathlib.Path) -> None:
    said = play(name, tmp_path)
    assert "No host is rabbitmq[0] in this inventory" in said and "-e operate_from=HOST" in said


@pytest.mark.parametrize("name", CALLS)
def test_a_host_that_is_not_in_the_inventory_is_refused(name: str, tmp_path: pathlib.Path) -> None:
    assert "No host is w2 in this inventory" in play(name, tmp_path, "-e", "operate_from=w2")

"""Playbooks that do nothing on Windows hosts say so, and end well."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())
INVENTORY = """
all:
  vars: {taskstack_name: shop, taskstack_supervisor: windows, ansible_connection: local}
  children: {windows: {hosts: {w1: }}, worker: {hosts: {w1: }}, beat: {hosts: {w1: }}, flower: {hosts: {w1: }}}
"""


@pytest.mark.parametrize("name", ["restart", "upgrade", "remove"])
def test_a_playbook_names_the_windows_hosts_on_which_it_does_nothing(name: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    command = [pathlib.Path(sys.executable).with_name("ansible-playbook"), "-i", tmp_path / "hosts.yml"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        [*command, f"playbooks/{name}.yml"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "w1 is a Windows host: this playbook" in done.stdout and "changed=0" in done.stdout

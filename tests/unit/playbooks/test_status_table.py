"""The table of status.yml, for those who have this checkout's ansible.cfg and for those who have none."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())


@pytest.mark.parametrize("settings", ["", "callback_result_format = yaml\n"], ids=["no settings", "yaml"])
def test_the_table_has_one_line_per_row(settings: str, tmp_path: pathlib.Path) -> None:
    config, inventory = tmp_path / "ansible.cfg", tmp_path / "hosts.yml"
    config.write_text(f"[defaults]\ncollections_path = {ROOT / '.ansible/collections'}\n{settings}")
    local = f"{{ansible_connection: local, ansible_become: false, ansible_python_interpreter: {sys.executable}}}"
    inventory.write_text(f"all: {{vars: {local}, children: {{worker: {{hosts: {{one: }}}}}}}}\n")
    command = [pathlib.Path(sys.executable).with_name("ansible-playbook"), "-i", inventory]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(config), "ANSIBLE_NOCOLOR": "1"}
    environment.pop("ANSIBLE_CALLBACK_RESULT_FORMAT", None)
    done = subprocess.run(
        [*command, ROOT / "playbooks/status.yml", "-e", "taskstack_name=nowhere"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    table = done.stdout[done.stdout.index("TASK [Show the report]") :]
    assert "SERVICE" in table and "\\n" not in table.split("TASK [")[1], table

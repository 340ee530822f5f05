"""Playbook runs against fake Windows hosts, as the tests want to see them."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BIN = pathlib.Path(sys.executable).parent
MODULES = [
    *(f"ansible.windows.{name}" for name in ("win_file", "win_acl", "win_acl_inheritance", "win_command")),
    *(f"ansible.windows.{name}" for name in ("win_copy", "win_stat", "win_user_right")),
    *(f"community.windows.{name}" for name in ("win_scheduled_task", "win_scheduled_task_stat", "win_lineinfile")),
]


@dataclasses.dataclass
class Run:
    """One run of ansible-playbook."""

    code: int
    output: str
    report: dict

    def tasks(self) -> t.Iterator[tuple[str, str, dict]]:
        """Name, host and result of every task."""
        for play in self.report["plays"]:
            for task in play["tasks"]:
                for host, result in task["hosts"].items():
                    yield task["task"]["name"], host, result

    def changed(self, host: str) -> list[str]:
        """Names of the tasks that changed something."""
        return [name for name, where, result in self.tasks() if where == host and result.get("changed")]

    def failure(self) -> str:
        """What the failed tasks said."""
        return " ".join(str(result.get("msg")) for _name, _host, result in self.tasks() if result.get("failed"))


class Stage:
    """An inventory of fake hosts and the playbook to run on it."""

    def __init__(self, folder: pathlib.Path, playbook: pathlib.Path, specs: pathlib.Path) -> None:
        """An empty inventory in a folder of its own."""
        self.folder, self.playbook, self.specs = folder, playbook, specs
        self.inventory = folder / "inventory.yml"

    def environment(self) -> dict[str, str]:
        """What ansible-playbook needs to find the fake hosts."""
        return {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_NOCOLOR": "1",
            "PYTHONPATH": str(HERE),
            "WINSIM_SPECS": str(self.specs),
            "LC_ALL": "C.UTF-8",
        }

    def write(self, hosts: dict[str, dict], groups: dict[str, list[str]], variables: dict) -> None:
        """Describe the hosts; each is a fake Windows machine unless it says otherwise."""
        windows = {"ansible_connection": "winsim", "ansible_shell_type": "powershell"}
        listed = {name: {**windows, "winsim_prefix": str(self.prefix(name)), **own} for name, own in hosts.items()}
        children = {group: {"hosts": {name: None for name in names}} for group, names in groups.items()}
        self.inventory.write_text(yaml.safe_dump({"all": {"hosts": listed, "children": children, "vars": variables}}))

    def prefix(self, host: str) -> pathlib.Path:
        """The directory with a fake host's drives."""
        return self.folder / host

    def play(self, *options: str, **variables: t.Any) -> Run:
        """Run the playbook."""
        command = [BIN / "ansible-playbook", "-i", self.inventory, self.playbook, *options, "-e", json.dumps(variables)]
        environment = self.environment()
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        start = done.stdout.find("{\n")
        assert start >= 0, done.stdout + done.stderr
        report = json.JSONDecoder().raw_decode(done.stdout[start:])[0]
        return Run(done.returncode, done.stdout + done.stderr, report)


def write_specs(file: pathlib.Path) -> pathlib.Path:
    """The documentation of the modules in use."""
    command = [BIN / "ansible-doc", "--json", *MODULES]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    file.write_text(done.stdout)
    return file

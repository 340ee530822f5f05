"""One look at the stack from three points of view, in one run of the shipped playbook."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import time
import typing as t
from dataclasses import dataclass

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())
MQ, W1, W2 = HOSTS = ("ts-truth-mq", "ts-truth-w1", "ts-truth-w2")
AREAS = ("broker", "workers", "queues", "tasks", "flower", "beat", "versions")


def inside(host: str, command: str) -> str:
    """What a command prints on a host; it must succeed."""
    argv = ["docker", "exec", host, "bash", "-c", command]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{host}: {command}\n{done.stdout}{done.stderr}"
    return done.stdout


def here(command: str) -> None:
    """Run a command where the tests run."""
    subprocess.run(command, shell=True, check=True, capture_output=True, timeout=120)


@dataclass(frozen=True)
class Look:
    """What one run of the playbook saw: each host for itself, and all of it together."""

    hosts: dict[str, dict[str, t.Any]]
    together: dict[str, t.Any]
    failed: bool
    output: str

    @property
    def kinds(self) -> list[str]:
        """The kinds of the problems of the whole."""
        return sorted({finding["kind"] for finding in self.together["findings"]})

    def views(self) -> dict[str, dict[str, t.Any]]:
        """By point of view: its report. A host that could not be asked has none."""
        return {**{host: found for host, found in self.hosts.items() if "seen" in found}, "all": self.together}


def look(*required: str) -> Look:
    """Run playbooks/status.yml as a monitoring system would."""
    from ansible_collections.taskstack.celery.plugins.plugin_utils._report.merge import merge

    command = ["ansible-playbook", ROOT / "playbooks/status.yml", "--inventory", ROOT / "molecule/truth/inventory"]
    command += ["--extra-vars", json.dumps({"status_require": ", ".join(required)})]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    environment["ANSIBLE_STDOUT_CALLBACK"] = "ansible.posix.json"
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    plays = json.loads(done.stdout[done.stdout.index("{") :])["plays"]
    tasks = [task for play in plays for task in play["tasks"]]
    hosts = next(task["hosts"] for task in tasks if task["task"]["name"] == "Look")
    return Look(hosts, merge(hosts), done.returncode != 0, done.stdout)


def until(condition: t.Callable[[Look], t.Any], seconds: float, *required: str) -> Look:
    """Look until it is so, and return the last look in any case."""
    end = time.monotonic() + seconds
    while not condition(found := look(*required)) and time.monotonic() < end:
        time.sleep(0.5)
    return found


def send(task: str, queue: str, *arguments: t.Any, count: int = 1) -> None:
    """Send tasks as the application does."""
    code = (
        f"from sample_app import app; "
        f"[app.send_task('sample_app.tasks.{task}', {arguments!r}, queue='{queue}') for _ in range({count})]"
    )
    inside(W1, f'celery-sample --run python -c "{code}"')

"""The EXAMPLES of the modules, run against the deployed sample."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import typing as t
from pathlib import Path

import yaml

testinfra_hosts = ["docker://ts-deploy-bare"]

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
# How many examples of each module make sense on the host of the sample.
EXPECTED = {"status": 2, "revoke": 2, "resubmit": 2, "files": 1, "host_facts": 1, "virtualenv": 1}
# What the sample has not: another broker, CRATE, a queue for mail. Scenarios of their own have these.
ELSEWHERE = ("example.org", "/opt/crate/", "mail")


def examples() -> dict[str, list[dict[str, t.Any]]]:
    """The modules' examples that make sense here, as tasks."""
    names = {f"taskstack.celery.{module}": module for module in EXPECTED}
    shown = subprocess.run(["ansible-doc", "-j", *names], cwd=PROJECT, capture_output=True, text=True, check=True)
    tasks = {names[name]: yaml.safe_load(page["examples"]) for name, page in json.loads(shown.stdout).items()}
    return {
        module: [task for task in listed if not any(word in json.dumps(task) for word in ELSEWHERE)]
        for module, listed in tasks.items()
    }


def test_the_examples_run_as_printed(tmp_path: Path) -> None:
    found = examples()
    assert {module: len(tasks) for module, tasks in found.items()} == EXPECTED
    play = {"hosts": "instances", "gather_facts": False, "tasks": list(itertools.chain(*found.values()))}
    (tmp_path / "examples.yml").write_text(json.dumps([play]))
    command = ["ansible-playbook", "-i", "molecule/deploy/inventory", str(tmp_path / "examples.yml")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

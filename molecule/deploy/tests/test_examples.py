"""The EXAMPLES of the modules, run against the deployed sample."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

testinfra_hosts = ["docker://ts-deploy-bare"]

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
# What the sample has not: another broker, CRATE, a queue for mail. Scenarios of their own have these.
ELSEWHERE = ("example.org", "/opt/crate", "mail")


def examples(module: str) -> list[dict[str, t.Any]]:
    """The module's examples that make sense here, as tasks."""
    name = f"taskstack.celery.{module}"
    shown = subprocess.run(["ansible-doc", "-j", name], cwd=PROJECT, capture_output=True, text=True, check=True)
    tasks = yaml.safe_load(json.loads(shown.stdout)[name]["examples"])
    return [task for task in tasks if not any(word in json.dumps(task) for word in ELSEWHERE)]


@pytest.mark.parametrize(("module", "expected"), [("status", 2), ("revoke", 2), ("resubmit", 2)])
def test_the_examples_run_as_printed(module: str, expected: int, tmp_path: Path) -> None:
    tasks = examples(module)
    assert len(tasks) == expected
    play = tmp_path / "examples.yml"
    play.write_text(json.dumps([{"hosts": "instances", "gather_facts": False, "tasks": tasks}]))
    command = ["ansible-playbook", "-i", str(PROJECT / "molecule/deploy/inventory"), str(play)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

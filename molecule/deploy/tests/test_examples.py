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
EXPECTED = {
    **{"status": 2, "purge": 2, "revoke": 2, "resubmit": 2, "processes": 2, "rabbitmq_definitions": 2},
    **{"files": 1, "host_facts": 1, "virtualenv": 1},
}
# What the sample has not: another broker, CRATE. Scenarios of their own have these.
ELSEWHERE = ("example.org", "/opt/crate/")
SEND = "from sample_app.tasks import add; [add.apply_async((1, 2), queue='mail') for _ in range(3)]"


def examples() -> dict[str, list[dict[str, t.Any]]]:
    """The modules' examples that make sense here, as tasks."""
    names = {f"taskstack.celery.{module}": module for module in EXPECTED}
    shown = subprocess.run(["ansible-doc", "-j", *names], cwd=PROJECT, capture_output=True, text=True, check=True)
    tasks = {names[name]: yaml.safe_load(page["examples"]) for name, page in json.loads(shown.stdout).items()}
    return {
        module: [task for task in listed if not any(word in json.dumps(task) for word in ELSEWHERE)]
        for module, listed in tasks.items()
    }


def test_the_examples_run_as_printed(host: t.Any, tmp_path: Path) -> None:
    found = examples()
    assert {module: len(tasks) for module, tasks in found.items()} == EXPECTED
    play = {"hosts": "instances", "gather_facts": False, "tasks": list(itertools.chain(*found.values()))}
    (tmp_path / "examples.yml").write_text(json.dumps([play]))
    admin = host.check_output("cat /root/taskstack/.secrets/rabbitmq_admin_password").split()[0]
    secrets = {"rabbitmq_admin_password": admin, "taskstack_broker_password": "any-pa55word"}
    secrets["vault_crate_password"] = "other-pa55word"
    (tmp_path / "secrets.json").write_text(json.dumps(secrets))
    host.check_output("celery-sample --run python -c %s", SEND)
    host.check_output("mkdir -p /opt/site && touch /opt/site/settings.py")
    command = ["ansible-playbook", "-i", "molecule/deploy/inventory", str(tmp_path / "examples.yml")]
    command += ["--extra-vars", f"@{tmp_path / 'secrets.json'}"]
    try:
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "mail\t0" in host.check_output("rabbitmqctl -q list_queues -p sample name messages")
        assert "^celery$" in host.check_output("rabbitmqctl -q list_policies -p catmaid")
        assert "tiles" not in host.check_output("supervisorctl avail")
    finally:
        host.run("rm -rf /opt/site /srv/uploads /etc/crate.py /etc/crate.password")
        host.run("rabbitmqctl -q delete_queue -p sample mail")
        host.run("rabbitmqctl -q delete_vhost catmaid; rabbitmqctl -q delete_user catmaid")

"""The shipped playbook on a wrong inventory: it stops before the first play that changes anything."""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t

import pytest
import yaml

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())


LOCAL = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "python3"}
SHOP = {
    "taskstack_broker_host": "127.0.0.1",
    "taskstack_name": "shop",
    "taskstack_app": "shop",
    "taskstack_monitor_password": "x",
    **LOCAL,
}


def deploy(folder: pathlib.Path, groups: dict[str, t.Any], *arguments: str, **settings: str) -> str:
    """What ansible-playbook says of an inventory that it must refuse."""
    inventory = folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"vars": SHOP, "children": groups}}))
    variables = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"}
    command = ["ansible-playbook", "-i", str(inventory), "site.yml", *arguments]
    path = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=ROOT, env={**variables, "PATH": path, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0, done.stdout
    return done.stdout


@pytest.fixture
def said(tmp_path: pathlib.Path) -> str:
    """What ansible-playbook says of two beats, a misspelt option and a missing password."""
    everywhere = {"hosts": {"one": None, "two": None}}
    workers = {**everywhere, "vars": {"worker_nodes": [{"name": "mail", "queus": ["mail"]}]}}
    return deploy(tmp_path, {"rabbitmq": {"hosts": {"one": None}}, "worker": workers, "beat": everywhere})


def test_all_mistakes_are_told_and_no_play_that_changes_anything_begins(said: str) -> None:
    for word in ("beat would run more than once", "Did you mean queues?", "taskstack_broker_password is not set"):
        assert word in " ".join(said.split())
    plays = [line for line in said.splitlines() if line.startswith("PLAY [")]
    assert len(plays) == 1, plays
    assert "changed=0" in said and "changed=1" not in said


def test_each_mistake_is_told_once_on_a_line_of_its_own(said: str) -> None:
    result = said[said.index("FAILED!") :]
    lines = [line.strip() for line in result.splitlines()]
    assert sum("beat would run more than once" in line for line in lines) == 1, result
    assert sum(line.startswith("one, two: worker_nodes: mail has an unknown option") for line in lines) == 1, result


def test_a_wrong_schedule_is_told_once(tmp_path: pathlib.Path) -> None:
    here = {"hosts": {"one": None}}
    schedule = [{"name": "nightly", "task": "shop.clean"}]
    said = deploy(tmp_path, {"rabbitmq": here, "worker": here, "beat": {**here, "vars": {"beat_schedule": schedule}}})
    result = said[said.index("FAILED!") :]
    assert result.count("beat_schedule: nightly must say when") == 1, result


def test_an_inventory_without_our_groups_is_refused_and_not_passed_over(tmp_path: pathlib.Path) -> None:
    said = deploy(tmp_path, {"servers": {"hosts": {"one": None}}})
    assert "none of the groups rabbitmq, worker, beat, flower has a host" in " ".join(said.split())


def test_a_missing_collection_is_named_with_the_command_that_installs_it(tmp_path: pathlib.Path) -> None:
    alone = tmp_path / "ansible_collections" / "taskstack"
    alone.mkdir(parents=True)
    (alone / "celery").symlink_to(ROOT)
    windows = {"hosts": {"one": None}, "vars": {"taskstack_supervisor": "windows"}}
    said = deploy(
        tmp_path, {"rabbitmq": {"hosts": {"two": None}}, "worker": windows}, ANSIBLE_COLLECTIONS_PATH=str(tmp_path)
    )
    assert "ansible-galaxy collection install ansible.windows community.windows" in said


def test_without_an_inventory_the_sample_is_not_deployed() -> None:
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    environment["PATH"] = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["ansible-playbook", "site.yml"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0 and "Is it the right inventory (-i)?" in " ".join(done.stdout.split())


def test_a_value_that_needs_facts_of_a_host_outside_of_the_run_is_told_with_the_reason(tmp_path: pathlib.Path) -> None:
    nodes = [{"name": "mail", "concurrency": "{{ ansible_facts.processor_vcpus }}"}]
    workers = {"hosts": {"one": {"worker_nodes": [{"name": "mail"}]}, "two": {"worker_nodes": nodes}}}
    said = deploy(tmp_path, {"rabbitmq": {"hosts": {"one": None}}, "worker": workers}, "--limit", "one")
    sentence = next(
        line for line in said.splitlines() if line.strip().startswith("two: worker_nodes cannot be evaluated")
    )
    assert "processor_vcpus" in sentence and "--limit" in sentence and "fact_caching" in sentence


def test_a_part_that_is_chosen_by_its_tag_is_refused_too(tmp_path: pathlib.Path) -> None:
    here = {"hosts": {"one": None}}
    workers = {**here, "vars": {"worker_nodes": [{"name": "mail", "queus": ["mail"]}]}}
    said = deploy(tmp_path, {"rabbitmq": here, "worker": workers}, "--tags", "rabbitmq_objects")
    assert "Did you mean queues?" in said


def test_a_worker_host_that_cannot_find_the_broker_is_refused_and_the_broker_itself_is_not(
    tmp_path: pathlib.Path,
) -> None:
    workers = {"hosts": {"one": None}, "vars": {"taskstack_broker_host": "no-such-host.invalid"}}
    said = deploy(tmp_path, {"rabbitmq": {"hosts": {"mq1": None}}, "worker": workers})
    assert "one cannot find no-such-host.invalid by name" in said and "mq1 cannot find" not in said

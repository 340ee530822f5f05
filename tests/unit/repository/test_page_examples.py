"""What pages show as YAML is what the collection takes: judged by preflight, and by Ansible itself."""

from __future__ import annotations

import os
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.taskstack.celery.plugins.filter import preflight
from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight.problems import ROLES, problems

ROOT = Path(__file__).resolve().parents[3]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md")]
BLOCK = re.compile(r"^```yaml[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPECS = preflight._specs()
NEEDED = {
    **{"taskstack_name": "shop", "taskstack_app": "shop", "taskstack_broker_password": "x", "flower_password": "x"},
    **{"taskstack_monitor_password": "x", "rabbitmq_admin_password": "x", "rabbitmq_erlang_cookie": "x"},
}


def shown() -> dict[str, t.Any]:
    """All YAML of the pages, by page and number, but the README's inventory, which a test of its own judges."""
    found = {}
    for page in sorted(PAGES):
        for number, text in enumerate(BLOCK.findall(page.read_text()), 1):
            found[f"{page.relative_to(ROOT)}-{number}"] = yaml.safe_load(text)
    return {name: content for name, content in found.items() if "all" not in content}


def variables(content: t.Any) -> tuple[dict[str, t.Any], set[str]]:
    """What an example sets, and the groups that it is for."""
    if isinstance(content, dict):
        return content, {"worker", "rabbitmq"}
    said, groups = {}, set()
    for play in content:
        listed = [role for role in play.get("roles", []) if isinstance(role, dict)]
        for part in (play, *listed):
            said.update(part.get("vars", {}))
        groups.update(group for group in str(play.get("hosts", "")).split(":") if group in ROLES)
    return said, groups


@pytest.mark.parametrize("name", shown())
def test_the_variables_of_an_example_are_ones_that_preflight_takes(name: str) -> None:
    said, groups = variables(shown()[name])
    known = {option for options in SPECS.values() for option in options} | {"supervise_only"}
    assert set(said) <= known
    # A template's value is the reader's.
    plain = {key: value for key, value in said.items() if "{{" not in str(value)}
    facts = {"localhost": {**NEEDED, **plain}}
    members = {group: ["localhost"] for group in groups | {"rabbitmq"}}
    if groups & {"beat", "flower"} and "worker" not in groups:
        # An excerpt for one group belongs to an inventory that has workers, with queues of which nothing is known here.
        facts["elsewhere"] = {**NEEDED, "worker_nodes": [{"name": "any"}]}
        members["worker"] = ["elsewhere"]
    assert problems(facts, members, SPECS) == []


def test_the_examples_that_are_plays_are_ones_that_ansible_takes(tmp_path: Path) -> None:
    listed = [content for content in shown().values() if isinstance(content, list)]
    assert len(listed) >= 7
    plays = [play if "hosts" in play else {"hosts": "all", "tasks": [play]} for content in listed for play in content]
    (tmp_path / "plays.yml").write_text(yaml.safe_dump(plays))
    command = [ROOT / ".venv/bin/ansible-playbook", "--syntax-check", tmp_path / "plays.yml"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


INVENTORIES = [path for path in sorted(ROOT.glob("inventories/*/group_vars/**/main.yml")) if "local" not in path.parts]


@pytest.mark.parametrize("path", INVENTORIES, ids=lambda path: "-".join(path.parts[-4:-1]))
def test_each_value_of_an_example_inventory_has_its_reason_beside_it(path: Path) -> None:
    silent = []
    for paragraph in path.read_text().split("\n\n"):
        said = [line for line in paragraph.splitlines() if line != "---" and "# --" not in line[:4]]
        values = [line for line in said if re.match(r"[a-z]", line) and not re.search(r"_(password|cookie): ", line)]
        silent += values if not any("#" in line for line in said) else []
    assert silent == []


NAMED = re.compile(r"ansible-playbook (?![^\n]*(?:-i |--inventory))[^\n]*\.yml")


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "playbooks").glob("*.yml"))], ids=lambda page: page.name)
def test_a_playbook_that_somebody_is_told_to_run_has_its_inventory_named(page: Path) -> None:
    assert NAMED.findall(page.read_text()) == []

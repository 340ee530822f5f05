"""The pages and the example inventories say what is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import textwrap
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md"), *ROOT.glob("examples/*/*.md")]
)
EXAMPLES = sorted(path.parent for path in ROOT.glob("inventories/*/hosts.yml"))
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts and the site make them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    dead = []
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        path, _, anchor = link.partition("#")
        if "://" in path or path.startswith("mailto:"):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)
    assert not dead


def declared() -> set[str]:
    """Every variable that some role declares."""
    found: set[str] = set()
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values():
            found |= set(entry.get("options", {}))
    return found


def variables(inventory: Path) -> dict[str, t.Any]:
    """What group_vars of an inventory say for all hosts."""
    found: dict[str, t.Any] = {}
    for path in [*inventory.glob("group_vars/all.yml"), *inventory.glob("group_vars/all/*.yml")]:
        found |= yaml.safe_load(path.read_text())
    return found


@pytest.mark.parametrize("inventory", EXAMPLES, ids=relative)
def test_every_variable_of_an_example_inventory_is_one_that_a_role_knows(inventory: Path) -> None:
    said = variables(inventory)
    ours = {
        name
        for name in said
        if re.match(r"(taskstack|application|worker|beat|flower|rabbitmq|windows|supervisord)_", name)
    }
    # Helpers of the inventory itself: used in another value.
    text = "".join(path.read_text() for path in inventory.rglob("*.yml"))
    helpers = {name for name in ours - declared() if len(re.findall(rf"\b{name}\b", text)) > 1}
    assert ours - declared() - helpers == set()


@pytest.mark.parametrize("inventory", EXAMPLES, ids=relative)
def test_every_secret_of_an_example_inventory_is_in_its_vault_example(inventory: Path) -> None:
    used = set(re.findall(r"\bvault_\w+", "".join(path.read_text() for path in inventory.rglob("*.yml"))))
    listed = {name for path in inventory.rglob("vault.yml.example") for name in yaml.safe_load(path.read_text())}
    assert used == listed


def look(tmp_path: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """Have preflight judge an inventory: it fails where the deployment would be refused."""
    problems = "{{ hostvars | taskstack.celery.preflight(groups) }}"
    task = {"name": "Look", "ansible.builtin.assert": {"that": "problems == []", "fail_msg": "{{ problems }}"}}
    play = {"hosts": "localhost", "gather_facts": False, "connection": "local", "vars": {"problems": problems}}
    (tmp_path / "look.yml").write_text(yaml.safe_dump([{**play, "tasks": [task]}]))
    command = [ROOT / ".venv/bin/ansible-playbook", *options, tmp_path / "look.yml"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("inventory", EXAMPLES, ids=relative)
def test_an_example_inventory_with_its_secrets_filled_in_has_nothing_that_preflight_refuses(
    inventory: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "inventories" / inventory.name
    shutil.copytree(inventory, copy)
    # The embedded default takes its application from here.
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for example in copy.rglob("vault.yml.example"):
        secrets = {name: f"secret-{number}" for number, name in enumerate(yaml.safe_load(example.read_text()))}
        example.with_suffix("").write_text(yaml.safe_dump(secrets))
    done = look(tmp_path, "-i", copy)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_page_of_an_application_names_its_inventory() -> None:
    for name in ("openrem", "crate", "arches", "catmaid"):
        assert f"inventories/{name}" in (ROOT / f"docs/{name}.md").read_text()


def test_every_playbook_that_a_page_names_is_there() -> None:
    named = {name for page in PAGES for name in re.findall(r"playbooks/([a-z_]+\.yml)", page.read_text())}
    assert {name for name in named if not (ROOT / "playbooks" / name).exists()} == set()


def test_the_inventory_of_the_readme_is_five_lines_and_with_the_passwords_it_names_it_can_be_deployed(
    tmp_path: Path,
) -> None:
    readme = (ROOT / "README.md").read_text()
    found = re.search(r"^```yaml\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    assert found is not None
    assert len(found[1].splitlines()) == 5
    everything = yaml.safe_load(found[1])["all"]
    assert set(everything["vars"]) <= declared()
    assert {"rabbitmq", "worker"} <= set(everything["children"])
    named = re.search(r"three passwords \(`(\w+)`, `(\w+)`, `(\w+)`\) in `passwords.yml`", readme)
    assert named is not None
    assert "`ansible-playbook -i shop.yml -e @passwords.yml site.yml`" in readme
    (tmp_path / "shop.yml").write_text(found[1])
    (tmp_path / "passwords.yml").write_text(yaml.safe_dump(dict.fromkeys(named.groups(), "pa55word")))
    done = look(tmp_path, "-i", tmp_path / "shop.yml", "-e", f"@{tmp_path / 'passwords.yml'}")
    assert done.returncode == 0, done.stdout + done.stderr
    without = look(tmp_path, "-i", tmp_path / "shop.yml")
    assert without.returncode != 0 and all(name in without.stdout for name in named.groups())


KINDS = re.compile(r"^ *```(\w+)([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"^ *(\. |sudo |git |make |cp |cd |\$EDITOR|ansible|molecule |pip |supervisorctl|systemctl|celery-|\.venv/)",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def typed() -> str:
    """All commands of pages that tests type, as tools/page-commands gives them to these tests."""
    files = [ROOT / "molecule/deploy/converge.yml", *ROOT.glob("tests/apps/test_*.py")]
    lists = [file.read_text().partition("tools/page-commands")[2] for file in files]
    places = [place for text in lists for place in re.findall(r"[\w/]+\.md(?:#[\w? ]+)?", text)]
    assert 'tools/page-commands "docs/$stack.md#Deploy it"' in (ROOT / "tools/app").read_text()
    assert '"docs/{self.name}.md#Restart the web pages"' in (ROOT / "tests/apps/conftest.py").read_text()
    headings = ("Deploy it", "Restart the web pages")
    places += [f"docs/{file.parent.name}.md#{text}" for file in ROOT.glob("tests/apps/*/prepare") for text in headings]
    command = [ROOT / "tools/page-commands", *places]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_command_of_a_page_is_typed_by_a_test_or_says_why_not(page: Path, typed: str) -> None:
    blocks = KINDS.findall(page.read_text())
    assert {kind for kind, _why, _text in blocks} <= {"sh", "text", "yaml", "json", "python", "{toctree}"}
    commands = [textwrap.dedent(text) for kind, _why, text in blocks if kind == "sh"]
    assert [text for text in commands if text not in typed] == []
    silent = [text for kind, why, text in blocks if kind == "text" and COMMAND.search(text) and "(not run" not in why]
    assert silent == []


def test_every_playbook_that_a_page_names_is_run_by_a_test(typed: str) -> None:
    named = {name for page in PAGES for name in re.findall(r"\b([a-z_]+\.yml)\b", page.read_text())}
    playbooks = {path.name for path in ROOT.glob("playbooks/*.yml")}
    tests = [path.read_text() for folder in ("molecule", "tests/windows") for path in (ROOT / folder).rglob("*.py")]
    said = "".join([typed, *tests])
    assert playbooks <= named
    assert {name for name in playbooks if name not in said} == set()

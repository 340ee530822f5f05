"""The passwords of an example inventory, made as the pages of the applications say."""

from __future__ import annotations

import json
import os
import pathlib
import pty
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
APPLICATIONS = ("arches", "catmaid", "crate", "openrem")
# Fills in what is empty, as a person with an editor does.
EDITOR = "#!/bin/sh\nsed -i 's/^\\(vault_.*\\):$/\\1: made-up/' \"$1\"\n"
PASSWORD = "open sesame"


def block(name: str) -> str:
    """What the page of an application tells to type on one's own machine."""
    found = re.search(r"^```text \(not run in one piece.*?\n(.*?)^```$", page(name), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text()


def typed(script: str, folder: pathlib.Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run it on a terminal and give the vault's password whenever it is asked for."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvpe("bash", ["bash", "-euc", script], environment)
    said, asked = "", 0
    while True:
        try:
            said += os.read(terminal, 4096).decode()
        except OSError:
            break
        if said.lower().count("vault password") > asked and said.rstrip(" ").endswith(":"):
            asked = said.lower().count("vault password")
            os.write(terminal, f"{PASSWORD}\n".encode())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


@pytest.mark.parametrize("name", APPLICATIONS)
def test_all_pages_tell_the_same(name: str) -> None:
    assert block(name) == block("crate").replace("inventories/crate", f"inventories/{name}")


def test_the_page_of_crate_leads_to_a_vault_that_only_its_password_opens(checkout: pathlib.Path) -> None:
    (checkout / ".venv").symlink_to(ROOT / ".venv")
    editor = checkout / "editor"
    editor.write_text(EDITOR)
    editor.chmod(0o755)
    lines = block("crate").splitlines()
    end = next(number for number, line in enumerate(lines) if line.startswith("ansible-playbook"))
    environment = {**os.environ, "EDITOR": str(editor), "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    status, said = typed("\n".join(lines[:end]), checkout, environment)
    assert status == 0, said
    vault = checkout / "inventories/crate/group_vars/all/vault.yml"
    assert vault.read_text().startswith("$ANSIBLE_VAULT") and vault.stat().st_mode & 0o077 == 0
    # What the playbook is then given, by the option of the page.
    assert all("--ask-vault-pass" in line for line in lines[end:])
    seen = "ansible-inventory -i inventories/crate --list --ask-vault-pass > seen.json"
    status, said = typed(f". .venv/bin/activate\n{seen}", checkout, environment)
    assert status == 0, said
    host = json.loads((checkout / "seen.json").read_text())["_meta"]["hostvars"]["crate1.example.org"]
    assert host["vault_broker_password"] == host["vault_flower_password"] == "made-up"
    refused = subprocess.run(
        [ROOT / ".venv/bin/ansible-inventory", "-i", "inventories/crate", "--list"],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0 and "made-up" not in refused.stdout

"""Each checker sees a fault that is planted for it: a check that cannot fail is worse than none."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())

# checker: (file to write, its content, the words that prove that this fault was seen)
FAULTS = {
    "yamllint": ("inventories/planted.yml", "---\na:   1\n", "too many spaces after colon"),
    "ansible-lint": (
        "playbooks/planted.yml",
        "---\n- name: Planted\n  hosts: all\n  tasks:\n    - name: Run\n      command: ls\n",
        "fqcn[action-core]",
    ),
    "ruff": ("plugins/module_utils/_planted.py", '"""Planted."""\n\nimport os\n', "F401"),
    "mypy": ("plugins/module_utils/_planted2.py", '"""Planted."""\n\nx: int = "a"\n', "Incompatible types in assign"),
    "vermin": ("roles/application/files/planted.py", "import os\n\nos.replace(\"a\", \"b\")\n", "requires !2, 3.3"),
    "shellcheck": ("tools/planted", "#!/usr/bin/env bash\nrm $1\n", "SC2086"),
    "antsibull-changelog": ("changelogs/fragments/planted.yml", "---\nminor: [x]\n", "invalid section"),
}


def run(checkout: pathlib.Path, tool: str, *options: str) -> subprocess.CompletedProcess[str]:
    """One tool of the copy, with this checkout's environment."""
    environment = {**os.environ, "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"}
    command = [checkout / tool, *options]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_make_lint_sees_one_planted_fault_per_checker(checkout: pathlib.Path) -> None:
    # Only the planted faults count here; the checkers need minutes for what is sound.
    for folder in ("roles", "playbooks", "molecule", "inventories", "tests", "plugins"):
        shutil.rmtree(checkout / folder)
    for file, content, _words in FAULTS.values():
        (checkout / file).parent.mkdir(parents=True, exist_ok=True)
        (checkout / file).write_text(content)
    result = run(checkout, "tools/lint")
    output = result.stdout + result.stderr
    assert result.returncode != 0
    blind = [checker for checker, (_file, _content, words) in FAULTS.items() if words not in output]
    assert blind == [], output[-3000:]
    assert set(FAULTS) == set(output.rsplit("Found something: ", 1)[1].split())


def test_make_sanity_sees_an_undocumented_module(checkout: pathlib.Path) -> None:
    (checkout / "plugins" / "modules").mkdir(exist_ok=True)
    (checkout / "plugins" / "modules" / "planted.py").write_text("def main():\n    pass\n")
    result = run(checkout, "tools/sanity", "--test", "validate-modules")
    assert result.returncode != 0
    assert "missing-documentation" in result.stdout + result.stderr


def test_make_docs_sees_a_dead_link(checkout: pathlib.Path) -> None:
    (checkout / "docs" / "planted.md").write_text("# Planted\n\nSee [nothing](no_such_page.md).\n")
    result = run(checkout, "tools/docs")
    assert result.returncode != 0
    assert "no_such_page" in result.stdout + result.stderr

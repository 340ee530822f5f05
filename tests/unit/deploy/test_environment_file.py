"""The environment file of a stack, which a shell reads."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())
TEMPLATE = ROOT / "roles" / "application" / "templates" / "environment.j2"


def write(folder: pathlib.Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Write the file as the role does."""
    command = [
        pathlib.Path(sys.executable).with_name("ansible"),
        "localhost",
        "--inventory",
        "localhost,",
        "-c",
        "local",
    ]
    module = ["-m", "ansible.builtin.template", "-a", f"src={TEMPLATE} dest={folder / 'shop.env'}"]
    extra = [
        "-e",
        json.dumps({"__application_environment": variables}),
        "-e",
        f"ansible_python_interpreter={sys.executable}",
    ]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run([*command, *module, *extra], env=environment, capture_output=True, text=True, check=False)


def test_a_shell_reads_every_value_as_it_was_given(tmp_path: pathlib.Path) -> None:
    values = {"A": 'it\'s $HOME `id` "x" \\ \nsecond', "B_2": "ü", "_C": ""}
    assert write(tmp_path, values).returncode == 0
    script = "set -a; . ./shop.env; exec python3 -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {name: json.loads(done.stdout)[name] for name in values} == values


@pytest.mark.parametrize("name", ["A$(touch pwned)", "BAD NAME", "lower-case", "A\n", "1A", ""])
def test_a_name_that_could_be_code_is_never_written(name: str, tmp_path: pathlib.Path) -> None:
    done = write(tmp_path, {name: "x"})
    assert done.returncode != 0 and "is no name of an environment variable" in done.stdout + done.stderr
    assert not (tmp_path / "shop.env").exists()

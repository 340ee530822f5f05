"""The environment file of a stack, which a shell reads."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.stack import StackHost
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.texts import text
from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight.plan import problems

STACK = {"taskstack_name": "shop", "taskstack_app": "shop", "taskstack_broker_password": "x"}


def test_a_shell_reads_every_value_as_it_was_given(tmp_path: pathlib.Path) -> None:
    values = {"A": 'it\'s $HOME `id` "x" \\ \nsecond', "B_2": "ü", "_C": ""}
    (tmp_path / "shop.env").write_text(text("application", "environment.j2", environment=values))
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
def test_a_name_that_could_be_code_is_refused_before_anything_is_written(name: str) -> None:
    here = StackHost("w1", {**STACK, "taskstack_environment": {name: "x"}}, {"worker": ["w1"]})
    (sentence,) = problems(here)
    assert "is no name of an environment variable" in sentence

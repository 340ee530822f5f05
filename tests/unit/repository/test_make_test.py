"""`make test` on a machine that cannot run containers: the rest runs, and the end says plainly that not all did."""

from __future__ import annotations

import os
import pathlib
import subprocess

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())


def test_without_a_docker_engine_the_rest_runs_and_make_test_fails_with_the_reason(checkout: pathlib.Path) -> None:
    # The environment of this checkout serves the copy; an engine that is not there is one at a port nobody listens on.
    (checkout / ".venv").symlink_to(ROOT / ".venv")
    (checkout / "tools" / "python-env").write_text("#!/usr/bin/env bash\n")
    environment = {
        **os.environ,
        "DOCKER_HOST": "tcp://127.0.0.1:1",
        "TASKSTACK_DOCKER_WAIT": "1",
        "MAKEFLAGS": "",
    }
    command = ["make", "test", "STATIC=docs", "SCENARIOS=anything"]
    result = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "Documentation" in result.stdout and "FAILED" not in result.stdout
    verdict = result.stderr[result.stderr.index("make test FAILED") :].splitlines()
    assert verdict[1].endswith("The tests in containers need a Docker engine and could not get one; all others ran.")
    assert len(verdict) <= 3  # our sentence, and make's own line below it
    assert "make test passed" not in result.stdout

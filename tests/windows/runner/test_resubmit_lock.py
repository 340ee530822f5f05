"""Two `resubmit` at a time on a Windows host; the logic is the same on this machine."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = next(folder for folder in pathlib.Path(__file__).resolve().parents if (folder / "galaxy.yml").exists())
FOLDERS = [str(ROOT / "roles" / role / "files") for role in ("windows_tasks", "application")]
START = f"import json, sys; sys.path[:0] = {FOLDERS!r}; import taskstack_resubmit; "
#: In place of the publisher, which needs a broker: it says that it is at work, and stays so until its input ends.
SLOW = (
    "taskstack_resubmit.run = lambda job, report: "
    "(print('at work', flush=True), sys.stdin.read(), report('silent', [])); "
)
MAIN = "sys.exit(taskstack_resubmit.main(json.loads(sys.argv[1]), False))"


@pytest.fixture
def resubmit(tmp_path: pathlib.Path):
    description = json.dumps({"app": "shop", "nodes": [], "recorder": {"directory": str(tmp_path / "recorder")}})
    started = []

    def start() -> subprocess.Popen:
        command = [sys.executable, "-c", START + SLOW + MAIN, description]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_second_resubmit_at_the_same_moment_is_refused_and_the_first_goes_on(resubmit) -> None:
    first = resubmit()
    assert first.stdout.readline() == "at work\n"
    second = resubmit()
    out, err = second.communicate(timeout=30)
    assert (out, second.returncode) == ("", 1)
    assert "Another resubmit of this stack is at work on this host" in err
    out, err = first.communicate("", timeout=30)
    assert first.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["resubmitted"] == []


def test_a_resubmit_that_was_killed_does_not_block_the_next(resubmit) -> None:
    first = resubmit()
    assert first.stdout.readline() == "at work\n"
    first.kill()
    first.wait(timeout=30)
    assert resubmit().stdout.readline() == "at work\n"

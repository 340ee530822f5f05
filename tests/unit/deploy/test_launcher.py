"""The launcher of a stack: the application gets neither root nor root's terminal and environment."""

from __future__ import annotations

import json
import os
import pathlib
import pty
import subprocess
import tempfile
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._paths import paths
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.texts import text

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop to another account")
TOLD = """
import json, os, sys
def terminal():
    try:
        return os.stat(os.ttyname(0)).st_rdev
    except OSError:
        return None
def controlling():
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
        return True
    except OSError:
        return False
told = {"uid": os.getuid(), "own": os.getsid(0) != int(sys.argv[1]), "terminal": terminal()}
print("TOLD " + json.dumps({**told, "controlling": controlling(), "environment": dict(os.environ)}))
"""


@pytest.fixture
def launcher() -> t.Iterator[pathlib.Path]:
    """One that everybody may run, of a stack whose account is nobody."""
    with tempfile.TemporaryDirectory() as made:
        # Pytest's own directories are root's alone.
        os.chmod(made, 0o755)
        yield written(pathlib.Path(made))


def written(folder: pathlib.Path) -> pathlib.Path:
    environment = folder / "shop.env"
    environment.write_text("CELERY_BROKER_URL='amqp://'\n")
    environment.chmod(0o644)
    usual = vars(paths("shop", "supervisord"))
    file = folder / "celery-shop"
    where = {**usual, "environment_file": str(environment)}
    content = text(
        "application",
        "launcher.sh.j2",
        **{"name": "shop", "app": "shop", "user": "nobody", "group": "nogroup", "venv": "/nowhere", "directory": "/"},
        tls=False,
        paths=where,
    )
    file.write_text(content)
    file.chmod(0o755)
    return file


def command(launcher: pathlib.Path) -> list[str]:
    return [str(launcher), "--run", "/usr/bin/python3", "-c", TOLD, str(os.getsid(0))]


def told(output: str) -> dict[str, t.Any]:
    return dict(json.loads(output.partition("TOLD ")[2].splitlines()[0]))


def in_a_terminal(words: list[str], capture: pathlib.Path | None = None) -> tuple[str, int]:
    """What the words print in a terminal of their own, or write to a file, and the number of that terminal."""
    said, tell = os.pipe()
    pid, master = pty.fork()
    if pid == 0:
        os.write(tell, str(os.fstat(0).st_rdev).encode())
        if capture:
            os.dup2(os.open(capture, os.O_WRONLY | os.O_CREAT), 1)
        words = [*words[:-1], str(os.getsid(0))]
        os.execv(words[0], words)
    device = int(os.read(said, 64))
    output = b""
    while True:
        try:
            if not (part := os.read(master, 65536)):
                break
        except OSError:
            break
        output += part
    os.waitpid(pid, 0)
    return (capture.read_text() if capture else output.decode()), device


def test_from_roots_terminal_the_application_gets_a_terminal_of_its_own(launcher: pathlib.Path) -> None:
    output, device = in_a_terminal(command(launcher))
    found = told(output)
    assert found["uid"] != 0 and found["own"]
    assert found["terminal"] not in (None, device), "interactive programs need a terminal, and not root's"


def test_in_a_pipe_from_roots_terminal_the_application_has_no_hold_of_it(
    launcher: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    output, _device = in_a_terminal(command(launcher), tmp_path / "output")
    found = told(output)
    assert found["uid"] != 0 and found["own"] and not found["controlling"]
    assert "\r" not in output


def test_roots_environment_stays_with_root(launcher: pathlib.Path) -> None:
    environment = {
        "SSH_AUTH_SOCK": "/root/agent",
        "AWS_SECRET_ACCESS_KEY": "x",
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(
        command(launcher),
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    found = told(done.stdout)["environment"]
    assert not {"SSH_AUTH_SOCK", "AWS_SECRET_ACCESS_KEY"} & set(found)
    assert (found["LANG"], found["CELERY_BROKER_URL"], found["USER"]) == ("C.UTF-8", "amqp://", "nobody")


def test_its_exit_status_is_the_launchers(launcher: pathlib.Path, tmp_path: pathlib.Path) -> None:
    words = [str(launcher), "--run", "/bin/sh", "-c", "exit 7"]
    assert subprocess.run(words, check=False, stdin=subprocess.DEVNULL, start_new_session=True).returncode == 7
    for capture in (None, tmp_path / "output"):
        pid, master = pty.fork()
        if pid == 0:
            if capture:
                os.dup2(os.open(capture, os.O_WRONLY | os.O_CREAT), 1)
            os.execv(words[0], words)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        os.close(master)

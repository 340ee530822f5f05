"""The runner on this machine: its logic is the same on Windows, where tests/windows/wine runs it."""

from __future__ import annotations

import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time

import pytest

ROOT = next(folder for folder in pathlib.Path(__file__).resolve().parents if (folder / "galaxy.yml").exists())
RUNNER = ROOT / "roles" / "windows_tasks" / "files" / "celery_task.py"
# The oldest Python that an application may have, where this machine has it.
PYTHONS = [sys.executable]
if subprocess.run([shutil.which("python2.7") or "false", "-c", ""], capture_output=True, check=False).returncode == 0:
    PYTHONS.append("python2.7")

# Stands in for Celery: ends its task on the first interrupt, as a warm shutdown does, and exits with 1 as Celery does.
CELERY = """
import json, os, signal, sys, time
def main():
    words = sys.argv[1:]
    with open("seen.json", "w") as stream:
        json.dump([words, dict(os.environ)], stream)
    if "crash" in words:
        raise RuntimeError("no such application")
    if "leave" in words:
        sys.exit(4)
    if "late" in words:
        time.sleep(1)
        raise RuntimeError("no such application")
    asked = []
    signal.signal(signal.SIGINT, lambda *_: None if "deaf" in words else asked.append(1))
    print("ready")
    while not asked:
        time.sleep(0.05)
        if "chatty" in words:
            print("x" * 200)
    time.sleep(0.5)
    open("task-ended", "w").close()
    sys.exit(1)
"""


class Program:
    """One configured program in a folder of its own."""

    def __init__(self, folder: pathlib.Path, python: str, *words: str, **changes) -> None:
        self.folder, self.python, self.started = folder, python, []
        for name in ("run", "app", "celery"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "celery" / "__init__.py").touch()
        (folder / "celery" / "__main__.py").write_text(CELERY)
        self.environment_file = folder / "shop.env"
        self.environment_file.write_text("SECRET='one'\n")
        self.log = folder / "shop-mail.log"
        self.file = folder / "shop-mail.json"
        self.configuration = {
            "name": "shop-mail",
            "argv": ["-A", "shop", "worker", *words],
            "directory": str(folder / "app"),
            "environment": {"NODE": "mail"},
            "environment_file": str(self.environment_file),
            "log": str(self.log),
            "log_bytes": 1000000,
            "log_keep": 2,
            "run": str(folder / "run"),
            "stop_timeout": 20,
            "restart_on": [str(self.environment_file)],
            "ready": "re[a]dy",
            **changes,
        }
        self.file.write_text(json.dumps(self.configuration))

    def command(self, *verb: str) -> dict:
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        return {"args": [self.python, str(RUNNER), str(self.file), *verb], "env": environment}

    def call(self, *verb: str) -> tuple[int, str]:
        done = subprocess.run(**self.command(*verb), capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def start(self) -> subprocess.Popen:
        if self.log.exists():
            self.log.unlink()
        process = subprocess.Popen(**self.command("start"), stdin=subprocess.DEVNULL)
        self.started.append(process)
        until(lambda: process.poll() is not None or (self.log.exists() and "ready" in self.log.read_text()))
        return process


def until(question, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


@pytest.fixture(params=PYTHONS, ids=os.path.basename)
def program(request, tmp_path):
    """Makes programs; whatever still runs is ended."""
    made = []

    def make(*words: str, folder: str = "one", **changes) -> Program:
        made.append(Program(tmp_path / folder, request.param, *words, **changes))
        return made[-1]

    yield make
    for process in (process for one in made for process in one.started):
        process.kill()
        process.wait()


def test_status_tells_running_from_stopped_and_names_the_process(program):
    one = program()
    assert one.call("status")[0] == 3
    process = one.start()
    code, answer = one.call("status")
    assert (code, f"running, process {process.pid}, current" in answer) == (0, True)


def test_a_second_start_does_nothing(program):
    one = program()
    process = one.start()
    code, answer = one.call("start")
    assert (code, f"runs already, process {process.pid}" in answer) == (0, True)
    assert process.poll() is None


def test_being_asked_all_the_time_whether_it_runs_does_not_keep_it_from_starting(program):
    one = program()
    asking = "import subprocess, sys\nwhile True: subprocess.call(sys.argv[1:])"
    command = [sys.executable, "-c", asking, *one.command("status")["args"]]
    curious = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    one.started.append(curious)
    for _ in range(3):
        process = one.start()
        assert process.poll() is None
        assert one.call("stop")[0] == 0
        assert process.wait(timeout=20) == 0


def test_a_stop_lets_the_task_end_and_is_no_failure(program):
    one = program()
    process = one.start()
    code, answer = one.call("stop")
    assert (code, "running tasks have ended" in answer) == (0, True)
    assert (process.wait(), (one.folder / "app" / "task-ended").exists()) == (0, True)
    assert "ended with 0" in one.log.read_text()


def test_what_does_not_end_in_time_is_ended_by_force_and_its_sibling_is_not(program):
    deaf, sibling = program("deaf", stop_timeout=1), program(folder="two")
    process, other = deaf.start(), sibling.start()
    code, answer = deaf.call("stop")
    assert (code, f"process {process.pid} is ended by force" in answer) == (0, True)
    assert (process.wait(), other.poll()) == (-signal.SIGKILL, None)


def test_a_pid_file_left_behind_neither_blocks_a_start_nor_harms_the_process_it_names(program):
    one, sibling = program(stop_timeout=1), program(folder="two")
    other = sibling.start()
    (one.folder / "run" / "shop-mail.pid").write_text(f"{other.pid} stale\n")
    assert one.call("stop")[0] == 0
    assert one.start().poll() is None
    assert other.poll() is None


def test_a_killed_process_is_seen_as_stopped_at_once_and_starts_again(program):
    one = program()
    process = one.start()
    process.kill()
    process.wait()
    assert one.call("status")[0] == 3
    assert one.start().poll() is None


def test_settle_stops_only_what_runs_with_older_files(program):
    one = program()
    process = one.start()
    assert "] current" in one.call("settle")[1]
    one.environment_file.write_text("SECRET='two'\n")
    assert "outdated" in one.call("status")[1]
    code, answer = one.call("settle")
    assert (code, "] current" in answer, process.wait()) == (0, False, 0)


def test_wait_ends_as_soon_as_the_log_says_that_it_works(program):
    one = program()
    one.start()
    begun = time.monotonic()
    code, answer = one.call("wait", "30")
    assert (code, "running, process" in answer, time.monotonic() - begun < 15) == (0, True, True)


def test_wait_without_such_a_word_sees_it_stay_up_for_so_many_seconds(program):
    one = program(ready=None)
    one.start()
    begun = time.monotonic()
    code, answer = one.call("wait", "2")
    assert (code, "running, process" in answer, time.monotonic() - begun >= 2) == (0, True, True)


def test_wait_does_not_take_an_earlier_process_of_the_log_for_this_one(program):
    one = program("late")
    one.log.write_text("process 1: celery -A shop worker\nready\n")
    one.started.append(subprocess.Popen(**one.command("start"), stdin=subprocess.DEVNULL))
    code, answer = one.call("wait", "30")
    assert (code, "RuntimeError: no such application" in answer) == (1, True)


def test_wait_shows_the_end_of_the_log_of_what_fails(program):
    one = program("crash")
    assert one.start().wait() == 1
    code, answer = one.call("wait")
    assert (code, "RuntimeError: no such application" in answer) == (1, True)


def test_the_exit_code_of_celery_is_handed_on(program):
    assert program("leave").start().wait() == 4


def test_environment_and_directory_are_the_applications(program):
    one = program()
    secret = "p%a!s^s&w\"o|r'd = $x `y` # z \\ é"
    quoted = "'" + secret.replace("'", "'\\''") + "'"
    assert shlex.split(quoted) == [secret]
    one.environment_file.write_bytes(f"SECRET={quoted}\nPLAIN='1'\n".encode())
    one.start()
    words, seen = json.loads((one.folder / "app" / "seen.json").read_text())
    assert words == ["-A", "shop", "worker"]
    assert (seen["SECRET"], seen["PLAIN"], seen["NODE"]) == (secret, "1", "mail")


def test_with_tls_what_verifies_the_broker_is_imported_before_celery(program):
    one = program()
    code = "import os\nos.environ['VERIFIED'] = os.environ['TASKSTACK_TLS_NAMES']"
    (one.folder / "taskstack_tls.py").write_text(code)
    one.environment_file.write_text("TASKSTACK_TLS_NAMES='mq1=mq1'\n")
    one.start()
    assert json.loads((one.folder / "app" / "seen.json").read_text())[1]["VERIFIED"] == "mq1=mq1"


def test_any_celery_command_runs_in_the_same_environment(program):
    one = program()
    description = one.folder / "shop.json"
    keys = ("directory", "environment_file")
    description.write_text(json.dumps({"app": "shop", **{key: one.configuration[key] for key in keys}}))
    one.file = description
    assert one.call("run", "inspect", "leave", "--x=1")[0] == 4
    words, seen = json.loads((one.folder / "app" / "seen.json").read_text())
    assert (words, seen["SECRET"]) == (["-A", "shop", "inspect", "leave", "--x=1"], "one")


def test_a_log_that_has_become_large_is_set_aside_while_the_process_runs(program):
    one = program("chatty", log_bytes=2000)
    one.start()
    until(lambda: pathlib.Path(f"{one.log}.2").exists())
    assert one.call("status")[0] == 0
    assert not pathlib.Path(f"{one.log}.3").exists()


def test_restart_ends_the_old_process_and_becomes_the_new_one(program):
    one = program()
    process = one.start()
    again = subprocess.Popen(**one.command("restart"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    one.started.append(again)
    assert process.wait() == 0
    until(lambda: f"process {again.pid}: celery" in one.log.read_text())


def test_an_unknown_verb_is_refused_with_the_known_ones(program):
    code, answer = program().call("kill")
    assert (code, "start | stop | restart | status | settle | wait" in answer) == (1, True)

"""The recorder in real workers of every Python, Celery and pool that it promises; see `make versions`."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import lost as reader
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import summary
from pythons import ROOT, interpreter, packages

LOADED = "taskstack_recorder.recorder,taskstack_prefetch,taskstack_secrets"
FILES = ROOT / "roles/application/files"
#: Python, Celery, what else it needs, pools.
OLD = "prefork", "solo", "gevent", "eventlet"
ALL = "prefork", "solo", "threads", "gevent", "eventlet"
VERSIONS: list[tuple[str, str, list[str], tuple[str, ...]]] = [
    ("2.7", "4.2.2", ["gevent", "eventlet"], OLD),
    ("2.7", "4.4.7", [], ("prefork", "solo")),
    ("3.6", "4.2.2", [], ("prefork", "solo")),
    ("3.6", "4.4.7", ["importlib-metadata<5", "typing-extensions<4.2", "zipp<3.7"], ("prefork", "solo", "threads")),
    ("3.7", "5.1.2", ["importlib-metadata<5", "setuptools<66"], ("prefork", "threads")),
    ("3.8", "5.2.7", [], ("prefork", "threads")),
    ("3.9", "5.4.0", [], ("prefork", "threads")),
    ("3.10", "5.5.3", [], ("prefork", "threads")),
    ("3.11", "5.7.0", ["gevent", "eventlet"], ALL),
    ("3.12", "5.6.0", [], ("prefork", "threads")),
    ("3.13", "5.7.0", ["gevent", "eventlet"], ALL),
]


class Worker:
    """A worker with its own folders, and the application to send to it."""

    def __init__(self, python: str, celery: str, more: list[str], pool: str, folder: Path) -> None:
        python_path = interpreter(python)
        installed = packages(python_path, f"{python}-{celery}", [f"celery=={celery}", *more])
        self.python, self.pool, self.log = python_path, pool, folder / "log"
        self.directory, broker = str(folder / "recorder"), folder / "broker"
        broker.mkdir()
        path = os.pathsep.join(str(item) for item in (installed, FILES, Path(__file__).parent))
        told = {"TASKSTACK_RECORDER_DIRECTORY": self.directory, "TASKSTACK_RECORDER_NODE": "w@here"}
        kept = {name: os.environ[name] for name in ("PATH", "HOME")}
        self.environment = {
            **kept,
            **told,
            "PYTHONPATH": path,
            "VERSIONS_BROKER": str(broker),
            "C_FORCE_ROOT": "1",
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *settings: str) -> None:
        told = ["-n", "w@here", "-P", self.pool, "-c", "1", "-l", "INFO", "--without-gossip", "--without-mingle"]
        told += ["--", *settings] if settings else []
        self.log.write_bytes(b"")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [self.python, "-m", "celery", "-A", "versionsapp", "worker", "-I", LOADED, *told],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.until(lambda: b" ready." in self.log.read_bytes())

    def kill(self) -> None:
        """As the machine would: all of it, at once."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def send(self, task: str, name: str) -> None:
        program = [self.python, str(Path(__file__).with_name("versionsapp.py")), task, name]
        subprocess.run(program, env=self.environment, check=True)

    def until(self, condition: t.Callable[[], t.Any], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.log.read_text()[-3000:]
            time.sleep(0.1)

    def states(self) -> dict[str, str]:
        return {task["name"].partition(".")[2]: task["state"] for task in summary.tasks(self.directory)}

    def mentions(self, text: bytes) -> list[str]:
        files = (path for path in Path(self.directory).rglob("*") if path.is_file())
        return [str(path) for path in files if text in path.read_bytes()]


CASES = [(*about[:3], pool) for about in VERSIONS for pool in about[3]]


@pytest.mark.parametrize(
    ("python", "celery", "more", "pool"), CASES, ids=[f"python{case[0]}-celery{case[1]}-{case[3]}" for case in CASES]
)
def test_a_worker_keeps_what_it_took_and_forgets_what_ended_well(
    python: str, celery: str, more: list[str], pool: str, tmp_path: Path
) -> None:
    worker = Worker(python, celery, more, pool, tmp_path)
    try:
        worker.start()
        worker.send("good", "arguments-of-good")
        worker.send("bad", "arguments-of-bad")
        worker.until(lambda: worker.states() == {"good": "succeeded", "bad": "failed"})
        worker.until(lambda: worker.mentions(b"arguments-of-good") == [])
        worker.until(lambda: [Path(path).parent.name for path in worker.mentions(b"arguments-of-bad")] == ["failed"])
        worker.send("nobody", "arguments-of-nobody")
        worker.until(lambda: [path[-8:] for path in worker.mentions(b"arguments-of-nobody")] == [".REFUSED"])
        assert reader.look(worker.directory).lost() == []
        # The second attempt of a task is killed together with its worker.
        worker.send("second", "arguments-of-second")
        worker.until(lambda: [record.retries for record in reader.look(worker.directory).running] == [1])
        assert worker.states()["second"] == "running"
        worker.kill()
        worker.until(lambda: reader.look(worker.directory).lost())
        lost = reader.look(worker.directory).lost()
        assert [(record.task, record.retries) for record in lost] == [("versionsapp.second", 1)]
        # The next worker puts in order what the dead one left, and drops nothing of it.
        worker.start()
        worker.until(lambda: not [name for name in os.listdir(f"{worker.directory}/open") if name.endswith(".slot")])
        assert [record.run for record in reader.look(worker.directory).lost()] == [lost[0].run]
        assert summary.problems(worker.directory)[0] == {"kind": "tasks_lost", "count": 1}
        assert "Cannot record" not in worker.log.read_text()
    finally:
        worker.kill()


@pytest.mark.parametrize(("seconds", "ends"), [(20, {"lasting": "succeeded"}), (0, {"lasting": "lost"})])
def test_a_soft_shutdown_begins_with_its_signal_and_lets_a_task_end(
    seconds: int, ends: dict[str, str], tmp_path: Path
) -> None:
    worker = Worker("3.11", "5.7.0", ["gevent", "eventlet"], "prefork", tmp_path)
    try:
        worker.start(f"worker.soft_shutdown_timeout={seconds}")
        worker.send("lasting", "x")
        worker.until(lambda: worker.states() == {"lasting": "running"})
        assert worker.process
        worker.process.send_signal(signal.SIGQUIT)
        worker.process.wait(30)
        worker.process = None
        assert worker.states() == ends
    finally:
        worker.kill()

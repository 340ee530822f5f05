# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack on this host, as its description file has it, and programs run as its application."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import typing as t

from .._broker import queues
from .._broker.arguments import BROKER_ARGS
from .._broker.client import Broker, path
from .._errors import TaskstackError
from .._recorder.lost import FORMAT
from . import target


class Stack:
    """One stack on this host."""

    def __init__(self, name: str | None, descriptions: str = target.DIRECTORY) -> None:
        """Read the description of the stack ``name``, or of the only one that there is."""
        about = target.load(name, descriptions)
        if about is None:
            raise TaskstackError(
                f"No stack is described in {descriptions} on this host. Run this where one is deployed."
            )
        lacks = sorted({"app", "launcher", "recorder", "workers"} - about.keys())
        if lacks:
            raise TaskstackError(
                f"The description of {about.get('name')} lacks {', '.join(lacks)}. Run site.yml again."
            )
        self.about, self._directory = about, descriptions
        self._lock: int | None = None

    @property
    def directory(self) -> str:
        """Where the recorder writes."""
        if not self.about["recorder"]:
            raise TaskstackError("The recorder of this stack is off (worker_recorder: false), so nothing is kept.")
        return str(self.about["recorder"]["directory"])

    @contextlib.contextmanager
    def locked(self) -> t.Iterator[None]:
        """Keep others from resubmitting here meanwhile; what is started holds the lock on when this is killed."""
        # Where only root can open it: whoever could, might keep the lock.
        path = os.path.join(self._directory, f"{self.about['name']}.resubmit.lock")
        try:
            self._lock = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise TaskstackError(f"Cannot open {path} ({exc.strerror}). Run site.yml again.") from exc
        try:
            self._take()
            yield
        finally:
            os.close(self._lock)
            self._lock = None

    def _take(self) -> None:
        try:
            fcntl.flock(t.cast(int, self._lock), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise TaskstackError("Another resubmit of this stack is at work on this host. Run again after it.") from exc

    def task_queues(self) -> list[str]:
        """The names of all queues of tasks in the stack's virtual host, as the management API tells them."""
        usual = {option: spec.get("default") for option, spec in BROKER_ARGS.items()}
        usual.update(dict.fromkeys(("vhost", "control_exchange")))
        settled = target.reachable(target.settle(usual, self.about))
        rows = Broker(settled).call("GET", f"{path('queues', settled['vhost'])}?disable_stats=true")
        return sorted(row["name"] for row in rows if queues.of_tasks(row["name"], settled["control_exchange"]))

    def publisher(self, job: dict[str, t.Any]) -> dict[str, t.Any]:
        """What the publisher answers to a job, by file or topic."""
        nodes = [worker["node"] for worker in self.about["workers"]]
        job = {"format": FORMAT, "app": self.about["app"], "nodes": nodes, **job}
        done = self.run(["python", "-m", "taskstack_recorder.publisher"], json.dumps(job))
        try:
            answers = dict(json.loads(line) for line in done.stdout.splitlines())
        except (TypeError, ValueError) as exc:
            raise TaskstackError(
                f"{self.about['launcher']} ran something else than the publisher, which said: {done.stdout[:200]!r}. "
                "Run site.yml again, then this."
            ) from exc
        if "done" not in answers:
            sent = sum(answer == "published" for answer in answers.values())
            reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
            raise TaskstackError(
                f"The publisher stopped after {sent} message(s): {reason}. "
                "Nothing is lost, and at most the message that was on its way is sent twice: fix the cause, then run "
                "this again."
            )
        return answers

    def run(self, argv: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program as the application: its user, directory, environment file and virtualenv."""
        try:
            return subprocess.run(
                [self.about["launcher"], "--run", *argv],
                input=text,
                pass_fds=[] if self._lock is None else [self._lock],
                # Whoever interrupts the playbook does not interrupt what has begun.
                start_new_session=True,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as exc:
            raise TaskstackError(f"Cannot run {self.about['launcher']} ({exc.strerror}). Run site.yml again.") from exc

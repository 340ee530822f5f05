"""Shipped playbooks against the scenario's hosts: run, predicted by check mode, or killed on the way."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import time
import typing as t

from clusterlab.hosts import ROOT, SCENARIO

Change = tuple[str, str]
# What an operator has changed in the inventory so far: every later run is told.
SAID: dict[str, t.Any] = {}


class Played:
    """What a playbook said and did."""

    def __init__(self, output: str, code: int) -> None:
        """The whole output is kept for failures."""
        self.output, self.code = output, code

    @property
    def text(self) -> str:
        """Without the line breaks of long messages."""
        return " ".join(self.output.split())

    @property
    def changed(self) -> set[Change]:
        """Each task with each host on which it changed something, or would."""
        found, task = set(), ""
        for line in self.output.splitlines():
            if match := re.match(r"(?:TASK|RUNNING HANDLER) \[(?:.* : )?(.*)\] \*", line):
                task = match[1]
            elif match := re.match(r"changed: \[([^\] ]+)", line):
                found.add((task, match[1]))
        return found


def _begin(name: str, options: tuple[str, ...], variables: dict[str, t.Any], log: t.IO[str]) -> subprocess.Popen[str]:
    command = ["ansible-playbook", "-i", str(SCENARIO / "inventory"), str(ROOT / "playbooks" / name), *options]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    command += ["--extra-vars", json.dumps({**SAID, **variables})]
    # A session of its own: what it started can be killed with it.
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip


def play(name: str, *options: str, code: int = 0, **variables: t.Any) -> Played:
    """Run a playbook to its end, which must be as expected."""
    with open(_log(name), "w+") as log:
        ended = _begin(name, options, variables, log).wait()
        log.seek(0)
        played = Played(log.read(), ended)
    assert (ended == 0) == (code == 0), f"{name} ended with {ended}:\n{played.output[-6000:]}"
    return played


def killed(name: str, *options: str, when: t.Callable[[], t.Any], **variables: t.Any) -> bool:
    """Run a playbook and kill it, with all that it started here, as soon as `when` says so; whether it came to that."""
    with open(_log(name), "w+") as log:
        running = _begin(name, options, variables, log)
        while running.poll() is None and not when():
            time.sleep(0.1)
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
        return running.wait() == -signal.SIGKILL


def task(name: str, which: int | str) -> t.Callable[[], bool]:
    """For `killed`: when the n-th task of that playbook starts, or the one of that name."""

    def begun() -> bool:
        tasks = re.findall(r"^TASK \[(?:.* : )?(.*)\] \*", _log(name).read_text(), re.MULTILINE)
        return which in tasks if isinstance(which, str) else len(tasks) >= which

    return begun


def persist(name: str, *options: str, killed_at: t.Iterable[int | str] = (), **variables: t.Any) -> int:
    """Run a playbook to its end after it was killed when each of these tasks began; how often it came to that."""
    times = sum(killed(name, *options, when=task(name, which), **variables) for which in killed_at)
    play(name, *options, **variables)
    return times


def after(seconds: float) -> t.Callable[[], bool]:
    """For `killed`: when that time is over."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def _log(name: str) -> pathlib.Path:
    folder = ROOT / ".ansible" / "log"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"cluster-{name}.log"

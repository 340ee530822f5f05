#!/usr/bin/env python3
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the recorder costs a worker: the same tasks with and without it, in turns, with a real RabbitMQ.

Claims: at most 3 % at tasks of 10 ms, at most 10 % at tasks that do nothing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HOST = "bench-recorder"
ROOT = Path(__file__).resolve().parent.parent
FILES = ROOT / "roles/application/files"
PYTHON = "/opt/venv/bin/python"
APP = """
import time
from celery import Celery
app = Celery("benchapp", broker="amqp://guest:guest@127.0.0.1//")
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=16)
@app.task
def noop(): pass
@app.task
def nap(): time.sleep(0.01)
@app.task
def stamp(): open("stamps", "a").write("%r\\n" % time.time())
"""
#: Name, task, tasks per run, pairs of runs, goal in percent. Runs are short: a disturbance then hits both of a pair.
CASES = (("10 ms", "nap", 150, 1, 3), ("no-op", "noop", 1000, 6, 10))
#: All that so often, each time with new workers: two that do the same can differ by 6 % for as long as they live.
ROUNDS = 20


def outside() -> None:
    """Make the container, measure inside, remove it."""
    # The recorder's directory on a real file system, as on a real host.
    options = "--volume /var/lib/recorder"
    subprocess.run([ROOT / "tools/host", HOST, "bookworm", "host", "no-init", options], check=True)
    try:
        for command in (
            "apt-get -qq install -y rabbitmq-server python3-venv >/dev/null 2>&1",
            "python3 -m venv /opt/venv && /opt/venv/bin/pip -q install celery==5.7.0",
            "rabbitmq-server -detached; until rabbitmqctl -q await_startup 2>/dev/null; do sleep 0.5; done",
            "mkdir -p /opt/app/taskstack_recorder",
        ):
            subprocess.run(["docker", "exec", HOST, "sh", "-c", command], check=True)
        subprocess.run(["docker", "cp", "-q", __file__, f"{HOST}:/opt/app/"], check=True)
        for source in FILES.glob("taskstack_recorder/*.py"):
            subprocess.run(["docker", "cp", "-qL", source, f"{HOST}:/opt/app/{source.relative_to(FILES)}"], check=True)
        inside = [PYTHON, f"/opt/app/{Path(__file__).name}", "inside"]
        # It has said what it missed.
        sys.exit(subprocess.run(["docker", "exec", "-w", "/opt/app", HOST, *inside], check=False).returncode)
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", HOST], check=True, stdout=subprocess.DEVNULL)


def inside() -> None:
    """Two workers, of which one works at a time: run after run, with the recorder and without."""
    # One process works, one feeds it: more of them on few cores would measure the scheduler.
    Path("benchapp.py").write_text(APP)
    spent: dict[str, dict[bool, list[tuple[float, float]]]] = {case[0]: {True: [], False: []} for case in CASES}
    for number in range(ROUNDS):
        sides = (True, False) if number % 2 else (False, True)
        workers = {side: Worker(side) for side in sides}
        try:
            for name, task, count, pairs, _goal in CASES:
                for worker in workers.values():
                    worker.run(task, count)
                for pair in range(pairs):
                    for side in sides if pair % 2 else reversed(sides):
                        spent[name][side].append(workers[side].run(task, count))
        finally:
            for worker in workers.values():
                worker.stop()
    missed = [told(name, count, goal, spent[name]) > goal for name, _task, count, _pairs, goal in CASES]
    sys.exit(any(missed))


def told(name: str, count: int, goal: int, spent: dict[bool, list[tuple[float, float]]]) -> float:
    """Print what the recorder cost, in percent of time, and return it."""
    costs = sorted((ours[0] / others[0] - 1) * 100 for ours, others in zip(spent[True], spent[False]))
    cost, low, high = statistics.median(costs), costs[len(costs) // 4], costs[-1 - len(costs) // 4]
    rates = {side: count / statistics.median(seconds for seconds, _ in spent[side]) for side in spent}
    busy = {side: statistics.mean(seconds for _, seconds in spent[side]) / count * 1e6 for side in spent}
    print(
        f"{name} tasks: {rates[False]:,.0f}/s without, {rates[True]:,.0f}/s with the recorder: "
        f"{cost:+.1f} % time (goal at most {goal} %), median of {len(costs)} pairs, half of them between "
        f"{low:+.1f} and {high:+.1f} %. The worker's processor time per task: {busy[False]:.0f} and "
        f"{busy[True]:.0f} microseconds. Load {os.getloadavg()[0]:.1f}.",
        flush=True,
    )
    return cost


class Worker:
    """One worker, with the recorder or without."""

    def __init__(self, recorder: bool) -> None:
        """Start it, and wait until it answers."""
        self.node, environment = f"with{'' if recorder else 'out'}@h", dict(os.environ)
        options = ["-n", self.node, "-c", "1", "-Q", "idle", "--without-gossip", "--without-mingle", "-l", "error"]
        if recorder:
            environment.update(TASKSTACK_RECORDER_DIRECTORY="/var/lib/recorder", TASKSTACK_RECORDER_NODE=self.node)
            options += ["-I", "taskstack_recorder.recorder"]
        quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(["/opt/venv/bin/celery", "-A", "benchapp", "worker", *options], **quiet)
        from benchapp import app

        self.app = app
        while not app.control.ping([self.node], timeout=0.5):
            if self.process.poll() is not None:
                raise SystemExit(f"Worker {self.node} did not start.")

    def run(self, task: str, count: int) -> tuple[float, float]:
        """Seconds from the first to the last of so many waiting tasks, and for how many the processor was busy."""
        stamps = Path("stamps")
        stamps.unlink(missing_ok=True)
        with self.app.connection_for_write() as connection, self.app.amqp.producer_pool.acquire(block=True) as producer:
            connection.default_channel.queue_declare("bench", durable=True, auto_delete=False)
            for name in ("stamp", *[task] * count, "stamp"):
                self.app.tasks[f"benchapp.{name}"].apply_async(queue="bench", producer=producer)
        before = self.busy()
        self.app.control.add_consumer("bench", destination=[self.node], reply=True, timeout=5, limit=1)
        while not stamps.exists() or stamps.read_text().count("\n") < 2:
            time.sleep(0.05)
        busy = self.busy() - before
        self.app.control.cancel_consumer("bench", destination=[self.node], reply=True, timeout=5, limit=1)
        first, last = (float(line) for line in stamps.read_text().split())
        return last - first, busy

    def busy(self) -> float:
        """Processor time of the main process and of its child."""
        pids = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=True).stdout
        ticks = 0
        for pid in [str(self.process.pid), *pids.split()]:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Warm."""
        self.process.terminate()
        self.process.wait()


if __name__ == "__main__":
    inside() if sys.argv[1:] else outside()

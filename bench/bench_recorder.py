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
ROUNDS = 7
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
"""


def outside() -> None:
    """Make the container, measure inside, remove it."""
    subprocess.run([ROOT / "tools/host", HOST, "bookworm", "host", "no-init"], check=True)
    try:
        for command in (
            "apt-get -qq install -y rabbitmq-server python3-venv >/dev/null 2>&1",
            "python3 -m venv /opt/venv && /opt/venv/bin/pip -q install celery==5.7.0",
            "rabbitmq-server -detached; until rabbitmqctl -q await_startup 2>/dev/null; do sleep 0.5; done",
            "mkdir /opt/app",
        ):
            subprocess.run(["docker", "exec", HOST, "sh", "-c", command], check=True)
        for source in [*FILES.glob("taskstack_rec*.py"), __file__]:
            subprocess.run(["docker", "cp", "-q", source, f"{HOST}:/opt/app/"], check=True)
        inside = [PYTHON, f"/opt/app/{Path(__file__).name}", "inside"]
        subprocess.run(["docker", "exec", "-w", "/opt/app", HOST, *inside], check=True)
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", HOST], check=True, stdout=subprocess.DEVNULL)


def inside() -> None:
    """Both sides in turns, each in a worker of its own, so that neither has the better half of the machine."""
    Path("benchapp.py").write_text(APP)
    # One process works, one feeds it: more of them on few cores would measure the scheduler.
    for name, task, count, goal in (("10 ms", "nap", 600, 3), ("no-op", "noop", 6000, 10)):
        ratios, rates = [], {True: [], False: []}
        for number in range(ROUNDS):
            seconds = {}
            for recorder in (True, False) if number % 2 else (False, True):
                seconds[recorder] = once(task, count, recorder)
                rates[recorder].append(count / seconds[recorder])
            ratios.append(seconds[True] / seconds[False])
        cost = (statistics.median(ratios) - 1) * 100
        with_it, without = (statistics.median(rates[side]) for side in (True, False))
        spread = f"{(min(ratios) - 1) * 100:+.1f} to {(max(ratios) - 1) * 100:+.1f} %"
        print(
            f"{name} tasks: {without:,.0f}/s without, {with_it:,.0f}/s with the recorder: "
            f"{cost:+.1f} % time, median of {ROUNDS} pairs ({spread}); goal at most {goal} %",
            flush=True,
        )


def once(task: str, count: int, recorder: bool) -> float:
    """Seconds in which one worker empties a queue that was full before it began."""
    from benchapp import app

    environment = dict(os.environ)
    options = ["-n", "bench@h", "-c", "1", "-Q", "idle", "--without-gossip", "--without-mingle", "-l", "error"]
    if recorder:
        environment.update(TASKSTACK_RECORDER_DIRECTORY="/var/lib/recorder", TASKSTACK_RECORDER_NODE="bench@h")
        options += ["-I", "taskstack_recorder"]
    with app.connection_for_write() as connection, app.amqp.producer_pool.acquire(block=True) as producer:
        channel = connection.default_channel
        channel.queue_declare("bench", durable=True, auto_delete=False)
        for _ in range(count):
            app.tasks[f"benchapp.{task}"].apply_async(queue="bench", producer=producer)
        quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        worker = subprocess.Popen(["/opt/venv/bin/celery", "-A", "benchapp", "worker", *options], **quiet)
        try:
            while not app.control.ping(timeout=0.5):
                pass
            start = time.perf_counter()
            app.control.add_consumer("bench", reply=False)
            while channel.queue_declare("bench", passive=True).message_count:
                time.sleep(0.01)
            return time.perf_counter() - start
        finally:
            worker.terminate()
            worker.wait()


if __name__ == "__main__":
    inside() if sys.argv[1:] else outside()

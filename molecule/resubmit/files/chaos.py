# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends many kinds of tasks, kills workers and restarts the broker meanwhile, and counts what ran.

chaos.py send TASKS SEED       with the application's Python: queue the tasks, print how many
chaos.py pools QUEUE...        with the application's Python: to each a good task, a bad one, and one to be killed
chaos.py break TASKS KILLS SEED  as root: kill and restart, then wait until the queue is empty
chaos.py wait TASKS            as root: until the queue is empty
chaos.py count TASKS SEED LOG  compare the log with what was sent
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time

#: How often each kind of a thousand tasks.
KINDS = {"short": 480, "long": 30, "eta": 70, "retry": 80, "chain": 90, "group": 100, "chord": 100, "failing": 50}


def units(tasks, seed):
    """What is sent: (kind, names of the tasks in it, seconds of each)."""
    dice = random.Random(seed)
    for kind, share in KINDS.items():
        size = {"chain": 3, "group": 5, "chord": 5}.get(kind, 1)
        for number in range(share * tasks // 1000 // size):
            seconds = dice.uniform(1, 3) if kind == "long" else dice.uniform(0, 0.25)
            yield kind, [f"{kind}-{number}-{index}" for index in range(size)], round(seconds, 3)


def send(tasks, seed):
    """Queue everything, in an order that the seed decides."""
    import chaosapp as app
    from celery import chain, chord, group

    everything = list(units(tasks, seed))
    random.Random(seed).shuffle(everything)
    for number, (kind, names, seconds) in enumerate(everything):
        if kind in ("short", "long"):
            app.work.delay(names[0], seconds)
        elif kind == "eta":
            app.work.apply_async((names[0], seconds), countdown=2 + number % 20)
        elif kind == "retry":
            app.flaky.delay(names[0])
        elif kind == "failing":
            app.broken.delay(names[0])
        elif kind == "chain":
            chain(app.work.s(names[0], seconds), *[app.step.s(name, seconds) for name in names[1:]]).delay()
        elif kind == "group":
            group(app.work.s(name, seconds) for name in names).delay()
        else:
            chord([app.part.s(name, seconds) for name in names[1:]])(app.step.s(names[0]))
    print(sum(len(names) for _, names, _ in everything))


def pools(*queues):
    """Three tasks each, for workers of different pools; the last is in its second attempt when it is killed."""
    import chaosapp as app

    for queue in queues:
        app.work.apply_async((f"good-{queue}",), queue=queue)
        app.broken.apply_async((f"bad-{queue}",), queue=queue)
        app.flaky.apply_async((f"killed-{queue}", 600), queue=queue)


def workers():
    """By the main process of each worker: its pool."""
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as line, open(f"/proc/{pid}/stat") as stat:
                words = line.read().split("\0")
                if "worker" in words and any("celery" in word for word in words[:3]):
                    parents[int(pid)] = int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
    pools = {pid: [] for pid, parent in parents.items() if parent not in parents}
    for pid, parent in parents.items():
        if parent in pools:
            pools[parent].append(pid)
    return pools


def kill(pids):
    """All of them, at once."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def left():
    """Messages in all queues, waiting or in hand, but not those of the control protocol."""
    command = ["rabbitmqctl", "--quiet", "--no-table-headers", "list_queues", "-p", "chaos", "name", "messages"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    rows = [line.split("\t") for line in answer.splitlines()]
    counts = [int(row[1]) for row in rows if len(row) == 2 and row[0] == "celery" and row[1].isdigit()]
    return sum(counts) if counts else None


def wait(tasks):
    """Until nothing is left, twice."""
    quiet, patience = 0, 180 + tasks / 10
    until = time.monotonic() + patience
    while quiet < 2:
        if time.monotonic() > until:
            sys.exit(f"Still {left()} messages after {patience:.0f} s.")
        quiet = quiet + 1 if left() == 0 else 0
        time.sleep(1)


def destroy(tasks, kills, seed):
    """Kill pools, pool processes and, half-way, the broker; spread over the time that so many tasks take."""
    dice = random.Random(seed)
    done = collections.Counter()
    for number in range(kills):
        time.sleep(dice.uniform(0.5, 2.5) * tasks / kills / 140)
        pools = {main: pool for main, pool in workers().items() if pool}
        if number == kills // 2:
            subprocess.run(["systemctl", "restart", "rabbitmq-server"], check=True)
            done["broker"] += 1
        elif not pools:
            done["nobody"] += 1
        elif dice.random() < 0.5:
            main = dice.choice(sorted(pools))
            kill([main, *pools[main]])
            done["worker"] += 1
        else:
            kill([dice.choice(pools[dice.choice(sorted(pools))])])
            done["child"] += 1
    wait(tasks)
    print(json.dumps(done))


def count(tasks, seed, log):
    """Every task must be in the log; some may be there twice."""
    with open(log) as lines:
        ran = collections.Counter(line.strip() for line in lines)
    sent = [name for _, names, _ in units(tasks, seed) for name in names]
    never = [name for name in sent if name not in ran]
    doubles = sum(ran[name] > 1 for name in sent)
    print(json.dumps({"sent": len(sent), "never": len(never), "missing": never[:20], "doubles": doubles}))


if __name__ == "__main__":
    action, *arguments = sys.argv[1:]
    numbers = [int(argument) if argument.isdigit() else argument for argument in arguments]
    {"send": send, "pools": pools, "break": destroy, "wait": wait, "count": count}[action](*numbers)

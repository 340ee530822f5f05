# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes thousands of lost tasks, and kills the publisher that resubmits them at seeded moments.

manylost.py lose COUNT QUEUE        with the application's Python: as if a worker had died with them
manylost.py kill KILLS SEED         as the application: publisher after publisher, killed, until all is sent
manylost.py drain QUEUE             with the application's Python: take all from the queue and count
"""

from __future__ import annotations

import collections
import json
import os
import random
import subprocess
import sys
import time

DIRECTORY = os.environ.get("MANYLOST", "/var/lib/taskstack/chaos/recorder")


def lose(count, queue):
    """Write what a worker writes for tasks that the application would send."""
    import chaosapp
    from taskstack_recorder import records as writer

    records = writer.Records(DIRECTORY, "gone@host")
    records.prepare()
    with chaosapp.app.connection_for_write() as connection:
        connection.default_channel.queue_declare(queue, durable=True, auto_delete=False)
    for number in range(count):
        task_id, run = f"{number:08}-lost", writer.new_run()
        task = chaosapp.app.amqp.as_task_v2(task_id, "chaosapp.work", args=[task_id])
        common = "", queue, False, "application/json", "utf-8", queue, "chaosapp.work", 0, "gone@host", 2**22, None
        tables = task.headers, {**task.properties, "delivery_mode": 2}
        content = json.dumps(task.body).encode()
        records.put(
            "open",
            run,
            writer.pack((run, task_id, time.time()), writer.describe(common), tables, content),
        )


def job(batch, send=()):
    """What the module tells the publisher."""
    plan = {"app": "chaosapp", "nodes": [], "directory": DIRECTORY, "batch": batch, "send": send, "count": []}
    return json.dumps({**plan, "recover": True, "force": False}).encode()


def left():
    """What is still to be sent, as the module would name it."""
    names = sorted(name for name in os.listdir(f"{DIRECTORY}/open") if not name.endswith(".slot"))
    return [("open", name, name, []) for name in names]


def kill(kills, seed):
    """Each publisher is killed after it has reported so many results, with others on the way."""
    dice, done = random.Random(seed), 0
    publisher = [sys.executable, "-m", "taskstack_recorder.publisher"]
    while left() or os.listdir(f"{DIRECTORY}/sending"):
        # First of all it finishes what the one before had begun.
        process = subprocess.Popen(publisher, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(job(f"b{done}", left()))
        process.stdin.close()
        if done < kills:
            for _ in range(dice.randint(1, 60)):
                process.stdout.readline()
            done += process.poll() is None
            process.kill()
        process.stdout.read()
        process.wait()
    print(json.dumps({"kills": done}))


def drain(queue):
    """Every message once."""
    import chaosapp

    seen = collections.Counter()
    with chaosapp.app.connection_for_read() as connection:
        channel = connection.default_channel
        channel.queue_declare(queue, durable=True, auto_delete=False)
        while message := channel.basic_get(queue, no_ack=True):
            seen[message.headers["id"]] += 1
        channel.queue_delete(queue)
    print(json.dumps({"different": len(seen), "all": sum(seen.values())}))


if __name__ == "__main__":
    action, *arguments = sys.argv[1:]
    numbers = [int(argument) if argument.isdigit() else argument for argument in arguments]
    {"lose": lose, "kill": kill, "drain": drain}[action](*numbers)

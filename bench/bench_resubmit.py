#!/usr/bin/env python3
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast lost tasks are found among a million records, and how fast they are published again.

Claims: a million records within 20 s and 150 MB; 1,000 messages per second, each confirmed before the next. Beside it
stands what one would do otherwise: one message at a time with kombu, waiting for each confirmation.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = "bench-resubmit"
RECORDS, LOST, MESSAGES = 1_000_000, 1000, 10_000
APP = 'from celery import Celery\napp = Celery("benchapp", broker="amqp://guest:guest@127.0.0.1//")\n'
PEER = """
import sys, time
from benchapp import app
from kombu import Producer
with app.connection_for_write(transport_options={"confirm_publish": True}) as connection:
    producer, count = Producer(connection), int(sys.argv[1])
    connection.default_channel.queue_declare("peer", durable=True, auto_delete=False)
    start = time.perf_counter()
    for _ in range(count):
        about = {"content_type": "application/json", "content_encoding": "utf-8"}
        producer.publish(b"[[], {}, {}]", routing_key="peer", mandatory=True, **about)
    print(count / (time.perf_counter() - start))
"""
PUBLISH = """
import os, sys, time
from taskstack_recorder import publisher as p, records as r
from benchapp import app
count = int(sys.argv[1])
records = r.Records("/var/lib/bench", "resubmit"); records.prepare()
for _ in range(count):
    run, common = r.new_run(), ("", "ours", False, "application/json", "utf-8", "ours", "t", 0, "mail@host", 1, None)
    tables = {"id": "1f", "task": "t"}, {"delivery_mode": 2}
    records.put("open", run, r.pack((run, "1f", time.time()), r.describe(common), tables, b"[[], {}, {}]"))
with app.connection_for_write() as connection:
    connection.default_channel.queue_declare("ours", durable=True, auto_delete=False)
    broker, done = p.Amqp(connection), []
    start = time.perf_counter()
    items = [("open", name, []) for name in os.listdir(records.path("open"))]
    p.Batch(records, broker, "b", lambda *result: done.append(result)).send(items)
    rate = count / (time.perf_counter() - start)
assert len(done) == count and {result for _, result in done} == {"published"}
print(rate)
"""


def fold() -> None:
    """In a process of its own, so that its memory can be told."""
    sys.path.insert(0, str(ROOT / ".ansible/collections"))
    from ansible_collections.taskstack.celery.plugins.module_utils._recorder import lost

    start = time.perf_counter()
    found = len(lost.look(sys.argv[2]).lost())
    print(json.dumps([found, time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def make(directory: Path) -> None:
    """A million ended tasks of a day, and a thousand that were lost among them."""
    sys.path.insert(0, str(ROOT / "roles/application/files"))
    from taskstack_recorder import records as writer

    records = writer.Records(str(directory), "mail@host")
    records.prepare()
    each = RECORDS // 24
    for hour in range(24):
        lines = (
            f'["SUCCESS","{hour:08}-0000-4000-8000-{number:012}",0,"app.tasks.mail",'
            f'{number}.25,{number}.5,"{hour:x}-1-{number:x}"]\n'
            for number in range(each + RECORDS % 24 * (not hour))
        )
        records.put("history", f"2026-01-01T{hour:02}.mail@host.log", "".join(lines).encode())
    for number in range(LOST):
        own = f"f-1-{number:x}", f"{number:036}", 1e6
        common = "", "celery", False, None, None, "celery", "app.tasks.mail", 0, "mail@host", 2**22, None
        records.put("open", own[0], writer.pack(own, writer.describe(common), ({}, {}), b"[[], {}, {}]"))


def inside(code: str, *arguments: str) -> float:
    """The number that code prints in the container."""
    command = ["docker", "exec", "-i", "-w", "/opt/app", HOST, "/opt/venv/bin/python", "-", *arguments]
    return float(subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout)


def publish() -> None:
    """Both ways in turns, against one broker."""
    subprocess.run([ROOT / "tools/host", HOST, "bookworm", "host", "no-init"], check=True)
    try:
        for command in (
            "apt-get -qq install -y rabbitmq-server python3-venv >/dev/null 2>&1",
            "python3 -m venv /opt/venv && /opt/venv/bin/pip -q install celery==5.7.0",
            "mkdir -p /opt/app/taskstack_recorder",
            "rabbitmq-server -detached; until rabbitmqctl -q await_startup 2>/dev/null; do sleep 0.5; done",
        ):
            subprocess.run(["docker", "exec", HOST, "sh", "-c", command], check=True)
        files = ROOT / "roles/application/files"
        for source in files.glob("taskstack_recorder/*.py"):
            subprocess.run(["docker", "cp", "-qL", source, f"{HOST}:/opt/app/{source.relative_to(files)}"], check=True)
        write = ["docker", "exec", "-i", HOST, "sh", "-c", "cat > /opt/app/benchapp.py"]
        subprocess.run(write, input=APP, text=True, check=True)
        rounds = [(inside(PUBLISH, str(MESSAGES)), inside(PEER, str(MESSAGES // 10))) for _ in range(3)]
        ours, theirs = (sorted(side)[1] for side in zip(*rounds, strict=True))
        print(
            f"published and confirmed: {ours:,.0f} messages/s (goal 1,000), "
            f"one at a time with kombu {theirs:,.0f}/s: {ours / theirs:.1f} times as fast, median of 3. "
            f"Load {os.getloadavg()[0]:.1f}."
        )
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", HOST], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Fold, then publish."""
    with tempfile.TemporaryDirectory() as directory:
        make(Path(directory))
        command = [sys.executable, __file__, "fold", directory]
        found, seconds, megabytes = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        assert found == LOST
        took = f"{seconds:.1f} s (goal 20), {megabytes:.0f} MB (goal 150)"
        print(f"{found:,} lost among {RECORDS:,} records: {took}. Load {os.getloadavg()[0]:.1f}.", flush=True)
    if os.environ.get("BENCH_FOLD_ONLY") is None:
        publish()


if __name__ == "__main__":
    fold() if sys.argv[1:] else main()

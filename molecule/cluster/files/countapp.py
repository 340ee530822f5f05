# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application that notes every task it runs, and a publisher that notes every task the broker has confirmed.

celery-count --run python -m countapp publish PREFIX PER_SECOND   until /srv/count/ran.stop appears
celery-count --run python -m countapp watch FILE QUEUE...         how many consumers they have, until FILE.stop
celery-count --run python -m countapp poison QUEUE                how often a message that comes back is delivered
celery-count --run python -m countapp strand HOST QUEUE           a message in a queue that only this broker has
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import time

import pytz
from celery import Celery

LOG = os.environ["COUNT_LOG"]
ENVIRONMENT = "/etc/taskstack/count.env"
# There is always a release that an application does not work with.
if pytz.__version__ == "2024.2":
    raise RuntimeError("countapp does not work with pytz 2024.2")
app = Celery("countapp")
app.conf.update(
    task_ignore_result=True, worker_hijack_root_logger=False, broker_connection_max_retries=None, broker_heartbeat=10
)


def note(path: str, name: str) -> None:
    """One line, with a single write."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(handle, f"{name}\n".encode())
    os.close(handle)


@app.task
def count(name: str) -> None:
    """Take a moment, and note it."""
    time.sleep(0.02)
    note(LOG, name)


def connect(host: str = ""):
    """A connection to that broker or the first that answers, with the login that the environment file has now."""
    with open(ENVIRONMENT) as file:
        values = dict(line.split("=", 1) for line in file.read().splitlines() if "=" in line)
    url = shlex.split(values["CELERY_BROKER_URL"])[0]
    url = re.sub("@[^:/]+", f"@{host}", url.split(";")[0]) if host else url
    # A broker that is cut off does not hang up: whoever waits for its confirmation needs a limit.
    limits = {"confirm_publish": True, "read_timeout": 4, "write_timeout": 4}
    connection = app.connection_for_write(url, transport_options=limits, connect_timeout=3)
    return connection.ensure_connection(max_retries=6, interval_start=0.1, interval_step=0.1, interval_max=0.5)


def publish(prefix: str, per_second: int) -> None:
    """Send one task after the other, each until the broker has confirmed it."""
    number, connection, since = 0, None, 0.0
    while not os.path.exists(f"{LOG}.stop"):
        try:
            changed = os.stat(ENVIRONMENT).st_mtime
            if connection is None or changed != since:
                if connection is not None:
                    connection.release()
                connection, since = connect(), changed
                producer = app.amqp.Producer(connection)
            count.apply_async((f"{prefix}-{number}",), producer=producer, retry=False)
        except Exception as exc:  # whatever it is, an unconfirmed task is sent again
            note(f"{LOG}.trouble", f"{time.time():.1f} {type(exc).__name__} {exc}"[:200])
            if connection is not None:
                connection.release()
            connection = None
            time.sleep(0.3)
            continue
        note(f"{LOG}.confirmed", f"{prefix}-{number}")
        number += 1
        time.sleep(1 / per_second)


def watch(path: str, *queues: str) -> None:
    """Ask the broker itself: its statistics lag by seconds."""
    channel = connect().channel()
    while not os.path.exists(f"{path}.stop"):
        counts = [channel.queue_declare(queue, passive=True).consumer_count for queue in queues]
        note(path, " ".join(map(str, counts)))
        time.sleep(0.05)


def put(channel, queue: str, kind: str) -> None:
    """One message in a queue of that type."""
    channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-queue-type": kind})
    message = channel.prepare_message("message", content_encoding="utf-8", properties={"delivery_mode": 2})
    channel.basic_publish(message, "", queue)


def strand(host: str, queue: str) -> None:
    """A classic queue is where its first client is."""
    put(connect(host).channel(), queue, "classic")


def poison(queue: str) -> None:
    """One message, given back again and again until it does not come any more."""
    channel = connect().channel()
    put(channel, queue, "quorum")
    deliveries, since = 0, time.monotonic()
    while time.monotonic() - since < 3:
        message = channel.basic_get(queue)
        if message is None:
            time.sleep(0.02)
            continue
        deliveries, since = deliveries + 1, time.monotonic()
        channel.basic_reject(message.delivery_tag, requeue=True)
    channel.queue_delete(queue)
    print(deliveries)


if __name__ == "__main__":
    commands = {"publish": lambda prefix, rate: publish(prefix, int(rate))}
    {**commands, "watch": watch, "poison": poison, "strand": strand}[sys.argv[1]](*sys.argv[2:])

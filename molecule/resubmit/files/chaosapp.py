# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application that writes down what it does, so that one can count afterwards."""

from __future__ import annotations

import os
import time

from celery import Celery

app = Celery("chaosapp")
app.conf.update(
    broker_connection_retry_on_startup=True,
    # Without confirmations a message that a task sends can vanish before any worker has it; that is not the recorder's.
    broker_transport_options={"confirm_publish": True},
    task_publish_retry_policy={"max_retries": 60, "interval_start": 0.2, "interval_step": 0.2, "interval_max": 1},
    worker_hijack_root_logger=False,
)


def ran(name: str) -> None:
    """Note one run, with a single write."""
    handle = os.open(os.environ["CHAOS_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, f"{name}\n".encode())
    os.close(handle)


@app.task
def work(name: str, seconds: float = 0) -> str:
    """Take some time."""
    time.sleep(seconds)
    ran(name)
    return name


@app.task
def step(before: str, name: str, seconds: float = 0) -> str:
    """A link of a chain, or the end of a chord."""
    return work(name, seconds)


# Celery fails a whole chord as soon as one of its parts loses its process, unless the part goes back to the broker.
@app.task(acks_late=True, reject_on_worker_lost=True)
def part(name: str, seconds: float = 0) -> str:
    """A part of a chord, acknowledged late."""
    return work(name, seconds)


@app.task(bind=True, max_retries=3)
def flaky(self, name: str, seconds: float = 0.1) -> str:
    """Succeed at the second attempt."""
    if self.request.retries < 1:
        raise self.retry(countdown=1)
    return work(name, seconds)


@app.task
def broken(name: str) -> None:
    """Run, and fail."""
    work(name, 0.05)
    raise ValueError("on purpose")

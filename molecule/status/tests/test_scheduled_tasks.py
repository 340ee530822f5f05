"""More scheduled tasks than the prefetch count, on RabbitMQ 4: a worker goes on taking others."""

from __future__ import annotations

import typing as t

import pytest

testinfra_hosts = ["docker://ts-status-stack"]

SCHEDULED = """
import time
from sample_app.tasks import add
later = [add.apply_async((number, 1), countdown=20, queue='{queue}') for number in range(12)]
time.sleep(1)
began = time.monotonic()
add.apply_async((20, 22), queue='{queue}').get(timeout=180)
print(time.monotonic() - began)
assert [one.get(timeout=180) for one in later] == [number + 1 for number in range(12)]
"""


SHARED = """
from sample_app import app
try:
    app.connection().channel().queue_declare('shared', durable=False, auto_delete=True)
except Exception as exc:
    print(exc)
"""


def test_on_a_broker_that_denies_what_rabbitmq_4_3_denies_all_is_well(stack: t.Any, status: t.Any) -> None:
    assert "`transient_nonexcl_queues` is deprecated" in stack.python(SHARED)
    # A denied count for a channel is no error: the broker takes it for one per consumer.
    assert "permit.global_qos = false" in stack.host.file("/etc/rabbitmq/rabbitmq.conf").content_string
    stack.wait_for("a healthy stack", lambda: status()["healthy"])


@pytest.mark.parametrize("queue", ["threaded", "lone"])
def test_a_worker_with_more_scheduled_tasks_than_its_prefetch_takes_the_next_at_once(stack: t.Any, queue: str) -> None:
    assert float(stack.python(SCHEDULED.format(queue=queue))) < 2


def test_so_does_a_worker_of_a_quorum_queue(stack: t.Any) -> None:
    options = "-l INFO -c 1 -Q quorum -I taskstack_prefetch -- task.default_queue_type=quorum"
    stack.host.check_output("sh -c %s", f"celery-sample worker -n quorum@here {options} >/tmp/quorum 2>&1 & echo $!")
    try:
        stack.wait_for("the worker", lambda: " ready." in stack.host.file("/tmp/quorum").content_string)
        assert "quorum" in stack.host.check_output("rabbitmqctl -q -p sample list_queues name type | grep ^quorum")
        assert float(stack.python(SCHEDULED.format(queue="quorum"))) < 2
    finally:
        stack.host.run("pkill -f '[n] quorum@here'")
        stack.host.run("rabbitmqctl -q -p sample delete_queue quorum")

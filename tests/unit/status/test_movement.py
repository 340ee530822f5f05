"""Two looks at queues on which tasks wait: whether anything moves."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._broker.queues import Queue
from ansible_collections.taskstack.celery.plugins.module_utils._status.collect import look
from ansible_collections.taskstack.celery.plugins.module_utils._status.movement import compare, suspects
from fake_stack import FakeBroker, Worker
from http_stack import Now, management
from reports import inspection
from test_look import OPTIONS

BUSY = {"active": [{"id": "1", "name": "x"}]}
WAITS = Queue("celery", 9, 4, 1)


def said(*workers: Worker) -> t.Any:
    return inspection(*workers).answers()


def test_only_a_queue_whose_workers_all_run_nothing_is_looked_at_again() -> None:
    assert suspects([WAITS, Queue("mail", 3, 0, 0)], said(Worker("a@h"))) == ["celery"]
    assert suspects([WAITS], said(Worker("a@h"), Worker("b@h", BUSY))) == []
    assert suspects([WAITS], said(Worker("a@h"), Worker("b@h", BUSY, queues=("mail",)))) == ["celery"]
    assert suspects([Queue("celery", 0, 4, 1)], said(Worker("a@h"))) == []


@pytest.mark.parametrize(
    ("after", "later", "moves"),
    [
        (WAITS, Worker("a@h"), False),
        (Queue("celery", 12, 4, 1), Worker("a@h"), False),
        (Queue("celery", 8, 4, 1), Worker("a@h"), True),
        (Queue("celery", 9, 3, 1), Worker("a@h"), True),
        (Queue("celery", 9, 4, 1, delivered=7), Worker("a@h"), True),
        (WAITS, Worker("a@h", BUSY), True),
        (WAITS, Worker("a@h", done=4), True),
        (WAITS, Worker("a@h", frozen=True), False),
    ],
)
def test_a_queue_moves_when_it_shrinks_or_one_of_its_workers_begins_a_task(
    after: Queue, later: Worker, moves: bool
) -> None:
    heard = {} if later.frozen else said(later)
    assert compare(["celery"], [WAITS], [after], said(Worker("a@h")), heard) == {"celery": moves}


def test_a_worker_that_has_just_started_is_given_time() -> None:
    first = said(Worker("a@h", uptime=5))
    assert compare(["celery"], [WAITS], [WAITS], first, first) == {"celery": True}


@pytest.mark.parametrize(("worker", "moving"), [(Worker("a@h"), {"celery": False}), (Worker("a@h", BUSY), {})])
def test_the_second_look_is_taken_only_where_something_waits_and_nobody_works(
    worker: Worker, moving: dict[str, bool]
) -> None:
    broker = FakeBroker([worker], Now())  # type: ignore[arg-type]
    broker.queues = {"celery": {"messages_ready": 3, "consumers": 1}}
    with management(broker) as url:
        found = look({**OPTIONS, "management_url": url}, None)
    assert found.moving == moving
    asked = [line for line in broker.log if line.startswith("GET /api/") and line.endswith("/bindings/source")]
    assert len(asked) == 1 + len(moving)

"""Folding what was found into a report."""

from __future__ import annotations

import random
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._control import Reply
from ansible_collections.taskstack.celery.plugins.module_utils._facts import Facts
from ansible_collections.taskstack.celery.plugins.module_utils._queues import Queue
from ansible_collections.taskstack.celery.plugins.module_utils._replies import Inspection
from ansible_collections.taskstack.celery.plugins.module_utils._report import fold
from ansible_collections.taskstack.celery.plugins.module_utils._workers import METHODS, pool_name
from fake_stack import Worker
from hypothesis import given, settings
from hypothesis import strategies as st

RUNNING = {"state": "running", "version": "4.0.5", "alarms": [], "detail": None}
NODES = ["crop@h1", "stats@h1", "mail@h2"]


def replies(*workers: Worker) -> list[Reply]:
    return [Reply(method, worker.name, worker.answer(method, {})) for worker in workers for method in METHODS]


def report(**facts: t.Any) -> dict[str, t.Any]:
    return fold(Facts(**{"now": 2e9, "broker": RUNNING, "queues": [], **facts}))


def stack(*workers: Worker, known: list[str] | None = None, **facts: t.Any) -> dict[str, t.Any]:
    names = [worker.name for worker in workers] if known is None else known
    return report(inspection=Inspection(names, METHODS, replies(*workers)), **facts)


def states(found: dict[str, t.Any]) -> dict[str, str]:
    return {worker["node"]: worker["state"] for worker in found["workers"]}


def test_a_stack_in_order_has_no_problems() -> None:
    found = stack(Worker("crop@h1"), expected_workers=[{"node": "crop@h1"}], expected_tasks=["app.add"])
    assert found["problems"] == [] and found["healthy"]
    assert found["celery"] == {"state": "up", "up": 1, "workers": 1}
    worker = found["workers"][0]
    assert (worker["pool"], worker["concurrency"], worker["celery"], worker["done"]) == ("prefork", 2, "5.7.0", 3)


def test_a_worker_that_is_bound_but_says_nothing_is_silent() -> None:
    found = stack(known=["crop@h1"])
    assert states(found) == {"crop@h1": "silent"}
    assert found["celery"]["state"] == "silent"
    assert "has not answered within 3 s" in found["problems"][0]


def test_a_worker_of_the_inventory_that_is_not_bound_is_missing_and_the_sentence_starts_it() -> None:
    found = stack(Worker("a@h"), expected_workers=[{"node": "crop@h1"}], name="catmaid", supervisor="systemd")
    assert states(found)["crop@h1"] == "missing"
    assert "On h1: systemctl start catmaid-crop" in found["problems"][0]


def test_celery_is_down_when_the_broker_knows_of_no_worker() -> None:
    found = stack(known=[])
    assert found["celery"]["state"] == "down"
    assert "Celery is down" in found["problems"][0]


@pytest.mark.parametrize("state", ["down", "denied", "unknown"])
def test_without_the_broker_all_of_celery_is_unknown(state: str) -> None:
    broker = {"state": state, "detail": "No answer from http://mq1:15672.", "version": None}
    found = report(broker=broker, queues=None, expected_workers=[{"node": node} for node in NODES])
    assert found["celery"]["state"] == "unknown"
    assert set(states(found).values()) == {"unknown"}
    assert found["problems"] == ["No answer from http://mq1:15672."]


def test_a_host_that_cannot_see_the_broker_has_no_problem_with_that() -> None:
    assert report(broker={"state": "unknown", "detail": None}, queues=None)["healthy"]


def test_a_solo_worker_that_the_recorder_saw_begin_a_task_may_be_silent() -> None:
    task = {"id": "1", "name": "app.add", "state": "running", "worker": "s@h"}
    solo = [{"node": "s@h", "pool": "solo"}]
    assert stack(known=["s@h"], expected_workers=solo, tasks=[task])["healthy"]
    assert not stack(known=["s@h"], expected_workers=solo)["healthy"]


def test_a_worker_that_lacks_an_expected_task_is_named_with_the_task() -> None:
    found = stack(Worker("crop@h1"), Worker("old@h1", registered=["app.old"]), expected_tasks=["app.add"])
    assert len(found["problems"]) == 1
    assert found["problems"][0].startswith("Worker old@h1 does not know app.add")


def test_a_pickled_registration_is_searched_for_the_name_without_being_decoded() -> None:
    unread = [Reply("ping", "p@h", None, b"pong"), Reply("registered", None, None, b"\x80\x04 app.add .")]
    inspection = Inspection(["p@h"], METHODS, unread)
    assert report(inspection=inspection, expected_tasks=["app.add"])["healthy"]
    found = report(inspection=inspection, expected_tasks=["app.gone"])
    assert "At least one worker does not know app.gone" in found["problems"][0]
    assert found["workers"][0]["state"] == "up" and found["workers"][0]["readable"] is False


def test_waiting_tasks_without_a_consumer_are_a_problem() -> None:
    found = stack(Worker("a@h"), queues=[Queue("mail", 3, 0, 0)])
    assert found["problems"] == [
        "3 task(s) wait in queue mail and no worker consumes it. Give a worker this queue, or purge it."
    ]


def test_a_queue_without_statistics_yet_is_not_said_to_lack_consumers() -> None:
    assert stack(Worker("a@h"), queues=[Queue("mail", 3, 0, None)])["healthy"]


def test_a_queue_that_grows_while_all_workers_idle_means_they_are_stuck() -> None:
    stuck = Queue("mail", 9, 0, 1, growth=1.2)
    assert "The workers are stuck" in stack(Worker("a@h"), queues=[stuck])["problems"][0]
    assert stack(Worker("a@h", {"active": [{"id": "1", "name": "x"}]}), queues=[stuck])["healthy"]
    assert stack(Worker("a@h"), queues=[Queue("mail", 9, 0, 1, growth=1.2, delivery=3.0)])["healthy"]


def test_alarms_flower_beat_and_recorder_each_add_their_sentence() -> None:
    found = stack(
        Worker("a@h"),
        broker={**RUNNING, "alarms": ["memory"]},
        flower={"state": "denied", "detail": "Flower refuses."},
        beat={"state": "up", "problem": "2 beats run."},
        recorder=["1 task(s) were lost. Mend it with: ansible-playbook playbooks/resubmit.yml"],
    )
    assert [finding["area"] for finding in found["findings"]] == ["broker", "tasks", "flower", "beat"]
    assert "playbooks/resubmit.yml" in found["problems"][1]


def test_flower_that_does_not_answer_is_unknown_and_no_problem() -> None:
    assert stack(Worker("a@h"), flower={"state": "unknown", "detail": "No answer"})["healthy"]


@pytest.mark.parametrize(
    ("celery", "rabbitmq", "kind", "words"),
    [
        ("4.4.7", "4.0.5", "quorum", "Celery before 5.5 cannot consume quorum queues"),
        ("5.4.0", "4.3.1", "classic", "denies the shared transient queues"),
        ("5.2.7", "3.10.8", "classic", None),
    ],
)
def test_versions_that_do_not_go_together_are_told(celery: str, rabbitmq: str, kind: str, words: str | None) -> None:
    said = {"stats": {"pid": 1}, "active": [], "report": {"ok": f"software -> celery:{celery} (x) py:3.9"}}
    inspection = Inspection(["a@h"], METHODS, [Reply(method, "a@h", answer) for method, answer in said.items()])
    found = report(
        inspection=inspection, broker={**RUNNING, "version": rabbitmq}, queues=[Queue("q", 0, 0, 1, kind=kind)]
    )
    assert [words in problem for problem in found["problems"]] == ([True] if words else [])


def test_arguments_of_tasks_are_not_in_the_report() -> None:
    task = {"id": "1", "name": "app.letter", "args": ["Jane Doe"], "kwargs": {"born": "1970"}, "time_start": 1.9e9}
    found = stack(Worker("a@h", {"active": [task]}))
    assert "Jane" not in str(found) and "1970" not in str(found)
    assert found["tasks"][0]["runtime"] == 1e8


def test_running_tasks_come_first_and_recorded_ends_follow_the_newest_first() -> None:
    begun = {"young": 1.9e9, "old": 1.8e9}
    live = {"active": [{"id": task, "name": "x", "time_start": start} for task, start in begun.items()]}
    blank = {"name": "x", "worker": "a@h", "received": 1.0}
    recorded = [
        {**blank, "id": "old", "state": "running", "started": 1.8e9, "ended": None},
        {**blank, "id": "e1", "state": "failed", "started": 10.0, "ended": 12.5},
        {**blank, "id": "e2", "state": "succeeded", "started": 20.0, "ended": 21.0},
    ]
    found = stack(Worker("a@h", live), tasks=recorded)
    assert [task["id"] for task in found["tasks"]] == ["old", "young", "e2", "e1"]
    assert found["tasks"][3]["runtime"] == 2.5 and found["tasks"][0]["state"] == "active"


@pytest.mark.parametrize(
    ("stats", "pool"),
    [
        ({"pool": {"implementation": "celery.concurrency.gevent:TaskPool"}}, "gevent"),
        ({"pool": {"implementation": "celery.concurrency.thread:TaskPool"}}, "threads"),
        ({"pool": {"max-concurrency": 2, "writes": {}, "processes": [8, 9]}}, "prefork"),
        ({"pool": {"max-concurrency": 3, "threads": 2}}, "threads"),
        ({"pool": {"max-concurrency": 3, "free-threads": 2, "running-threads": 1}}, "eventlet"),
        ({"pid": 5, "pool": {"max-concurrency": 1, "processes": [5]}}, "solo"),
        ({"error": "odd"}, None),
    ],
)
def test_the_pool_is_known_for_old_and_new_workers(stats: dict[str, t.Any], pool: str | None) -> None:
    assert pool_name(stats) == pool


worker_lists = st.lists(st.sampled_from(NODES), unique=True, min_size=1)


@given(known=worker_lists, lost=st.sets(st.integers(0, 40)), doubled=st.sets(st.integers(0, 40)), seed=st.integers())
def test_no_order_loss_or_doubling_of_replies_makes_silence_down(
    known: list[str], lost: set[int], doubled: set[int], seed: int
) -> None:
    every = replies(*(Worker(node) for node in known))
    kept = [reply for number, reply in enumerate(every) if number not in lost]
    arrived = kept + [reply for number, reply in enumerate(kept) if number in doubled]
    random.Random(seed).shuffle(arrived)
    found = report(inspection=Inspection(known, METHODS, arrived), expected_workers=[{"node": node} for node in known])
    answered = {reply.worker for reply in kept}
    assert states(found) == {node: "up" if node in answered else "silent" for node in known}
    assert found["celery"]["state"] in ("up", "silent")
    assert not any(" down" in problem for problem in found["problems"])
    assert found == report(
        inspection=Inspection(known, METHODS, kept), expected_workers=[{"node": node} for node in known]
    )


words = st.sampled_from(["pool", "total", "name", "id", "request", "delivery_info", "exchange", "time_start", "ok"])
junk = st.recursive(
    st.none() | st.integers(-1, 3) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300)
@given(answers=st.dictionaries(st.sampled_from(METHODS), junk))
def test_whatever_a_worker_answers_the_report_is_made(answers: dict[str, t.Any]) -> None:
    odd = [Reply(method, "a@h", answer) for method, answer in answers.items()]
    found = report(inspection=Inspection(["a@h"], METHODS, odd))
    assert states(found) == {"a@h": "up" if odd else "silent"}

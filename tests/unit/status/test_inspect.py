"""Asking workers through the management API."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._control.inspection import (
    Conversation,
    workers,
)
from fake_stack import Clock, FakeBroker, Worker

METHODS = ("stats", "active", "reserved", "scheduled")
TASK = {"id": "7e57", "name": "app.add", "delivery_info": {"routing_key": "celery"}}


def conversation(*stack: Worker, **options: t.Any) -> tuple[Conversation, FakeBroker]:
    clock = Clock()
    broker = FakeBroker(stack, clock, options.get("exchange", "celery"))
    return Conversation(broker, "v", clock=clock, **options), broker


def test_workers_are_the_queues_bound_to_the_control_exchange() -> None:
    assert workers(FakeBroker([Worker("b@h"), Worker("odd.näme@h")]), "v") == ["b@h", "odd.näme@h"]


def test_a_vhost_where_no_worker_has_ever_been_has_none() -> None:
    assert workers(FakeBroker(), "v") == []


def test_it_returns_as_soon_as_everybody_has_answered() -> None:
    talk, broker = conversation(Worker("a@h"), Worker("b@h", delay=0.1))
    found = talk.ask(METHODS)
    assert found.silent() == []
    assert broker.clock.now < 0.3


def test_a_frozen_worker_is_silent_at_the_deadline() -> None:
    talk, broker = conversation(Worker("a@h"), Worker("z@h", frozen=True), deadline=2.0)
    assert talk.ask(METHODS).silent() == ["z@h"]
    assert 2.0 <= broker.clock.now < 2.2


def test_a_renamed_control_exchange_is_used() -> None:
    talk, _ = conversation(Worker("a@h"), exchange="ours")
    assert talk.ask(METHODS).silent() == []


def test_the_reply_queue_is_removed_even_after_an_error() -> None:
    talk, broker = conversation(Worker("a@h"))
    broker.workers[0].tasks = {"active": [object()]}
    with pytest.raises(TypeError):
        talk.ask(METHODS)
    assert broker.reply_queues == set()


def test_five_hundred_workers_are_asked_in_one_batch() -> None:
    talk, broker = conversation(*(Worker(f"w{number}@h") for number in range(500)))
    assert talk.ask(METHODS).silent() == []
    assert broker.clock.now < 1


def test_a_reply_of_several_megabytes_is_taken() -> None:
    tasks = [{**TASK, "id": f"{number}", "kwargs": {"text": "x" * 1000}} for number in range(3000)]
    talk, _ = conversation(Worker("a@h", {"reserved": tasks}))
    assert len(talk.ask(METHODS).answers()["a@h"]["reserved"]) == 3000


def test_pickled_answers_name_their_worker_without_being_decoded() -> None:
    talk, broker = conversation(Worker("a@h", answers="pickle"), Worker("b@h", answers="pickle"))
    found = talk.ask(METHODS)
    assert found.answers() == {"a@h": {}, "b@h": {}}
    assert found.silent() == []
    assert all(worker.refused == 0 for worker in broker.workers)


def test_workers_that_refuse_json_are_asked_in_pickle() -> None:
    talk, _ = conversation(Worker("a@h", takes="pickle", answers="pickle"))
    assert talk.ask(METHODS).silent() == []


def test_old_and_new_pickle_only_workers_are_both_heard() -> None:
    # Celery 4 takes JSON commands from any application, Celery 5 only what the application accepts.
    talk, _ = conversation(Worker("old@h", answers="pickle"), Worker("new@h", takes="pickle", answers="pickle"))
    assert talk.ask(METHODS).silent() == []


def test_no_worker_is_bothered_with_pickle_while_another_answers_json() -> None:
    talk, broker = conversation(Worker("a@h"), Worker("z@h", frozen=True))
    talk.ask(METHODS)
    assert broker.workers[0].refused == 0


def test_workers_that_can_are_asked_everything_in_one_message() -> None:
    talk, broker = conversation(*(Worker(f"{name}@h", together=True) for name in "ab"), together=["a@h", "b@h"])
    found = talk.ask(METHODS)
    assert found.silent() == [] and found.answers()["a@h"].keys() == set(METHODS)
    assert [worker.heard[:1] for worker in broker.workers] == [["taskstack_inspect"]] * 2
    assert len(talk.questions) == 1


def test_the_others_are_asked_one_by_one_and_nobody_twice() -> None:
    talk, broker = conversation(Worker("a@h", together=True), Worker("b@h"), together=["a@h", "gone@h"])
    assert talk.ask(METHODS).silent() == []
    assert broker.workers[0].heard == ["taskstack_inspect", *METHODS]
    assert broker.workers[1].heard == list(METHODS)


def test_a_worker_that_has_not_been_restarted_since_is_asked_one_by_one() -> None:
    talk, broker = conversation(Worker("a@h", together=True), Worker("old@h"), together=["a@h", "old@h"])
    found = talk.ask(METHODS)
    assert found.silent() == [] and set(METHODS) <= found.answers()["old@h"].keys()
    assert broker.workers[1].heard == ["taskstack_inspect", *METHODS]
    assert broker.workers[0].heard == ["taskstack_inspect", *METHODS], "those that answered are left alone"


@pytest.mark.parametrize("able", [True, False])
def test_pickled_answers_to_all_at_once_are_not_decoded_either(able: bool) -> None:
    stack = [Worker(f"{name}@h", answers="pickle", together=able, registered=["app.add"]) for name in "ab"]
    talk, _ = conversation(*stack, together=["a@h", "b@h"])
    found = talk.ask((*METHODS, "registered"))
    assert found.answers() == {"a@h": {}, "b@h": {}} and found.silent() == []
    assert len(found.unread("registered")) == 2 and all(b"app.add" in said for said in found.unread("registered"))


def test_orders_are_never_put_together() -> None:
    talk, broker = conversation(Worker("a@h", together=True), together=["a@h"])
    talk.ask(["revoke"], {"task_id": ["1"], "terminate": False, "signal": "SIGTERM"})
    assert broker.workers[0].heard == ["revoke"] and broker.workers[0].revoked == {"1"}


def test_a_named_serializer_is_the_only_one_that_is_tried() -> None:
    talk, broker = conversation(Worker("a@h"), serializer="pickle")
    assert talk.ask(METHODS).silent() == ["a@h"]
    assert broker.workers[0].refused == len(METHODS)

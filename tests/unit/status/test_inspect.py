"""Asking workers through the management API."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._inspect import Conversation, holdings, workers
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


def test_a_named_serializer_is_the_only_one_that_is_tried() -> None:
    talk, broker = conversation(Worker("a@h"), serializer="pickle")
    assert talk.ask(METHODS).silent() == ["a@h"]
    assert broker.workers[0].refused == len(METHODS)


def test_holdings_are_all_tasks_in_live_hands() -> None:
    scheduled = {"eta": "2026-01-01T00:00:00", "request": {**TASK, "id": "1a7e"}}
    held = holdings(FakeBroker([Worker("a@h", {"active": [TASK], "scheduled": [scheduled]})]), "v", deadline=0.1)
    assert held.ids == {"7e57", "1a7e"}
    assert held.holds("7e57") and not held.holds("else")


def test_holdings_find_an_id_in_a_pickle_that_is_not_decoded() -> None:
    held = holdings(FakeBroker([Worker("a@h", {"active": [TASK]}, answers="pickle")]), "v", deadline=0.1)
    assert held.holds("7e57") and not held.holds("else")


def test_holdings_name_the_workers_that_do_not_say() -> None:
    assert holdings(FakeBroker([Worker("z@h", frozen=True)]), "v", deadline=0.1).silent == ["z@h"]

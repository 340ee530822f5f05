"""Looking at a stack: everything at once over real connections, and what each failure leaves known."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._status.collect import look
from ansible_collections.taskstack.celery.plugins.module_utils._status.facts import Facts
from fake_stack import FakeBroker, Worker
from http_stack import Now, flower, management

REFUSING = "http://127.0.0.1:9"
OPTIONS = {
    "name": "shop", "vhost": "v", "control_exchange": "celery", "control_serializer": "auto", "deadline": 0.5,
    "timeout": 5, "management_user": "watcher", "management_password": "secret", "ca_file": None, "client_cert": None,
    "client_key": None, "validate_certs": True, "workers": None, "expected_tasks": None, "recorder_directory": None,
    "together": [], "flower_url": None, "flower_user": None, "flower_password": None,
}  # fmt: skip


QUEUES = ("GET /api/queues/v",)


def stack(*workers: Worker) -> FakeBroker:
    broker = FakeBroker(workers, Now())  # type: ignore[arg-type]
    broker.queues = {"mail": {"messages_ready": 3}, "a@h.celery.pidbox": {"messages_ready": 0}}
    return broker


def seen(url: str | None, description: dict[str, t.Any] | None = None, **options: t.Any) -> Facts:
    return look({**OPTIONS, "management_url": url, **options}, description)


def test_broker_queues_workers_and_flower_are_seen_in_one_look() -> None:
    broker = stack(Worker("a@h"), Worker("b@h", delay=0.05))
    with management(broker) as url, flower(200, "admin:x") as page:
        found = seen(url, flower_url=page, flower_user="admin", flower_password="x")
    assert found.broker["state"] == "running" and found.broker["version"] == "4.0.5" and found.broker["alarms"] == []
    assert [(queue.name, queue.waiting) for queue in found.queues or []] == [("mail", 3)]
    assert found.inspection is not None and found.inspection.known == ["a@h", "b@h"]
    assert found.inspection.silent() == []
    assert found.flower["state"] == "up" and found.flower["wanted"]
    assert broker.reply_queues == set()


def test_the_broker_tells_of_itself_while_workers_take_their_time() -> None:
    broker = stack(Worker("a@h", delay=0.4))
    with management(broker) as url:
        found = seen(url, deadline=5)
    assert found.inspection is not None and found.inspection.silent() == []
    fetches = [number for number, request in enumerate(broker.log) if request.endswith("/get")]
    about_itself = [number for number, request in enumerate(broker.log) if request in ("GET /api/overview", *QUEUES)]
    assert about_itself and max(about_itself) < max(fetches)


def test_a_frozen_worker_is_silent_and_all_else_is_known() -> None:
    with management(stack(Worker("a@h"), Worker("z@h", frozen=True))) as url:
        found = seen(url)
    assert found.inspection is not None and found.inspection.silent() == ["z@h"]
    assert found.broker["state"] == "running" and found.queues


def test_a_connection_that_is_refused_says_that_the_broker_is_down() -> None:
    found = seen(REFUSING, flower_url=REFUSING)
    assert (found.broker["state"], found.queues, found.inspection) == ("down", None, None)
    assert "Is RabbitMQ running" in found.broker["detail"]
    assert found.flower["state"] == "down"


def test_a_name_that_nobody_knows_leaves_the_broker_unknown() -> None:
    found = seen("http://nowhere.invalid:15672")
    assert (found.broker["state"], found.inspection) == ("unknown", None)


def test_a_wrong_password_is_denied_and_not_repeated() -> None:
    with management(stack(Worker("a@h"))) as url:
        found = seen(url, management_password="guessed")
    assert (found.broker["state"], found.queues, found.inspection) == ("denied", None, None)
    assert "guessed" not in found.broker["detail"]


@pytest.mark.parametrize("part", ["exchanges", "queues/v/taskstack"])
def test_who_may_not_ask_workers_still_sees_the_broker_and_its_queues(part: str) -> None:
    with management(stack(Worker("a@h")), denied=["nodes", part]) as url:
        found = seen(url)
    assert found.broker["state"] == "running" and found.queues and found.inspection is None
    assert "Check the password" in found.broker["detail"]


def test_who_may_not_see_queues_is_told_so_and_still_hears_the_workers() -> None:
    with management(stack(Worker("a@h")), denied=["nodes", "queues/v?"]) as url:
        found = seen(url)
    assert found.queues is None and "Check the password" in found.broker["detail"]
    assert found.inspection is not None and found.inspection.silent() == []


def test_an_alarm_is_told_in_the_brokers_words() -> None:
    with management(stack(), alarm="There are alarms in effect: memory") as url:
        assert seen(url).broker["alarms"] == ["There are alarms in effect: memory"]


def test_plugins_are_those_that_the_nodes_tell_of() -> None:
    with management(stack(), denied=[]) as url:
        assert seen(url).broker["plugins"] == ["rabbitmq_management"]


def test_a_host_that_cannot_reach_the_broker_asks_nobody() -> None:
    found = seen(None, {"name": "shop", "app": "shop", "venv": "/opt/shop", "workers": [{"node": "a@h"}]})
    assert (found.broker["state"], found.broker["detail"], found.inspection) == ("unknown", None, None)
    assert found.stack["workers"] == [{"node": "a@h"}] and found.stack["strict"]


def test_what_is_given_wins_over_what_is_described() -> None:
    described = {"workers": [{"node": "a@h"}], "expected_tasks": ["app.add"], "name": "shop", "app": "s", "venv": "/v"}
    with flower(200, "admin:right") as page:
        described["flower"] = {"url": REFUSING, "user": "admin", "password": "wrong"}
        found = seen(None, described, workers=["b@h"], flower_url=page, flower_password="right", expected_tasks=["x"])
    assert found.stack["workers"] == [{"node": "b@h"}] and found.stack["tasks"] == ["x"]
    assert not found.stack["strict"]
    assert found.flower["state"] == "up"

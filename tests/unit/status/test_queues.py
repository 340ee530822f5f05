"""Queues of tasks, and purging them."""

from __future__ import annotations

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._broker import queues as broker_queues
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.modules import purge
from fake_stack import FakeBroker, Unasked

WANTED = {"vhost": "v", "control_exchange": "celery"}


def broker(kind: type[FakeBroker] = FakeBroker, **queues: int) -> FakeBroker:
    made = kind()
    made.queues = {name: {"messages_ready": count, "messages_unacknowledged": 2} for name, count in queues.items()}
    return made


@pytest.mark.parametrize(
    "name",
    [
        "crop@h.celery.pidbox",
        "celeryev.3a140d48-7439-449e-9fed-adba9a1cebbc",
        "taskstack.inspect.1",
        "06dec0d5-8859-3972-bf54-affae8d0c063",
        "06dec0d588593972bf54affae8d0c063",
        "b2.reply.celery.pidbox",
    ],
)
def test_queues_of_talk_and_of_results_are_not_queues_of_tasks(name: str) -> None:
    assert not broker_queues.of_tasks(name, "celery")
    assert broker_queues.of_tasks(f"mail {name[:8]}", "celery")


def test_check_mode_predicts_what_the_purge_does_and_does_nothing() -> None:
    predicted = purge.run({**WANTED, "queues": ["mail", "idle"]}, broker(Unasked, mail=3, idle=0), True)
    real = broker(mail=3, idle=0)
    done = purge.run({**WANTED, "queues": ["mail", "idle"]}, real, False)
    assert {**predicted, "msg": ""} == {**done, "msg": ""}
    assert [row["purged"] for row in done["queues"]] == [3, 0] and done["changed"]
    assert real.queues["mail"]["messages_ready"] == 0
    assert "5 task(s) that" not in done["msg"] and "4 task(s) that workers have fetched" in done["msg"]


def test_a_second_purge_changes_nothing() -> None:
    assert not purge.run({**WANTED, "queues": ["mail"]}, broker(mail=0), False)["changed"]


def test_unknown_queue_is_named_and_nothing_is_purged() -> None:
    both = broker(Unasked, mail=3)
    with pytest.raises(TaskstackError, match=r"No such queue: male\. Nothing was done\. Queues here: mail"):
        purge.run({**WANTED, "queues": ["mail", "male"]}, both, False)


def test_the_private_queue_of_a_worker_cannot_be_purged() -> None:
    with pytest.raises(TaskstackError, match="No such queue"):
        purge.run({**WANTED, "queues": ["a@h.celery.pidbox"]}, broker(Unasked, **{"a@h.celery.pidbox": 1}), False)

"""Choosing tasks to revoke, and reading what workers answer."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._control.inspection import Conversation
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.modules import revoke
from fake_stack import Clock, FakeBroker, Worker

NOTHING = dict.fromkeys(("ids", "tasks", "queues", "states", "older_than"))


def task(task_id: str, name: str = "app.export", **more: t.Any) -> dict[str, t.Any]:
    return {"id": task_id, "name": name, "delivery_info": {"routing_key": "celery", "exchange": "celery"}, **more}


def run(*workers: Worker, check_mode: bool = False, **wish: t.Any) -> tuple[dict[str, t.Any], list[str]]:
    clock = Clock()
    broker = FakeBroker(workers, clock)
    settled = {**NOTHING, "terminate": False, "signal": "SIGTERM", "unseen": "refuse", **wish}
    return revoke.run(settled, lambda: Conversation(broker, "v", clock=clock), check_mode)


def chosen(result: dict[str, t.Any]) -> list[tuple[str, str]]:
    return [(row["id"], row["action"]) for row in result["tasks"]]


def test_check_mode_predicts_what_is_done_and_does_nothing() -> None:
    checked, real = (Worker("a@h", {"active": [task("1")], "reserved": [task("2")]}) for _ in range(2))
    predicted, _ = run(checked, check_mode=True, ids=["1", "2"], terminate=True)
    done, wrong = run(real, ids=["1", "2"], terminate=True)
    assert wrong == [] and chosen(predicted) == chosen(done) == [("1", "terminate"), ("2", "revoke")]
    assert predicted["diff"] == done["diff"] and predicted["changed"] and done["changed"]
    assert checked.revoked == set() and real.revoked == {"1", "2"}
    assert "flagged as revoked" in done["answers"]["a@h"]


def test_a_worker_that_holds_none_of_the_tasks_says_so() -> None:
    workers = Worker("a@h", {"active": [task("1")]}), Worker("b@h")
    result, wrong = run(*workers, ids=["1"], terminate=True)
    assert wrong == [] and result["answers"]["b@h"] == "held none of these tasks"


def test_a_second_revoke_changes_nothing() -> None:
    worker = Worker("a@h", {"reserved": [task("1")]})
    assert run(worker, ids=["1"])[0]["changed"]
    result, wrong = run(worker, ids=["1"])
    assert not result["changed"] and wrong == [] and chosen(result) == [("1", "none")]


def test_an_id_that_no_worker_holds_is_refused_by_name_and_nothing_is_revoked() -> None:
    worker = Worker("a@h", {"active": [task("1")]})
    with pytest.raises(TaskstackError, match="No worker holds typo, so nothing was revoked"):
        run(worker, ids=["1", "typo"])
    assert worker.revoked == set()


def test_an_unseen_id_can_be_remembered() -> None:
    worker = Worker("a@h")
    assert run(worker, ids=["waits"], unseen="remember")[0]["changed"]
    assert worker.revoked == {"waits"}


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_a_pool_that_cannot_terminate_is_refused_before_anything_is_done(pool: str) -> None:
    worker = Worker("a@h", {"active": [task("1")]}, pool=pool)
    with pytest.raises(TaskstackError, match=f"1 on a@h .pool {pool}.*Nothing was revoked"):
        run(worker, ids=["1"], terminate=True)
    assert worker.revoked == set()


def test_a_worker_that_answers_with_an_error_makes_it_fail_with_its_words() -> None:
    result, wrong = run(Worker("a@h", {"active": [task("1")]}, pool="gevent"), ids=["1"], terminate=True)
    assert wrong == ["Worker a@h refused: NotImplementedError('kill_job')."]
    assert result["answers"] == {"a@h": "NotImplementedError('kill_job')"}


def test_a_silent_worker_is_named_though_the_others_have_done_it() -> None:
    result, wrong = run(Worker("a@h", {"active": [task("1")]}), Worker("z@h", frozen=True), ids=["1"])
    assert result["answers"]["z@h"] == "no answer"
    assert wrong[0].startswith("z@h did not answer")


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"tasks": ["app.e*"]}, ["new", "old"]),
        ({"tasks": ["app.mail"]}, ["mail"]),
        ({"queues": ["celery"], "states": ["reserved"]}, ["mail"]),
        ({"states": ["active"], "older_than": 3600.0}, ["old"]),
        ({"queues": ["other"]}, []),
    ],
)
def test_tasks_are_chosen_by_what_they_are(wish: dict[str, t.Any], expected: list[str]) -> None:
    now = time.time()
    active = [task("old", time_start=now - 4000), task("new", time_start=now - 5)]
    result, _ = run(Worker("a@h", {"active": active, "reserved": [task("mail", "app.mail")]}), check_mode=True, **wish)
    assert [row["id"] for row in result["tasks"]] == expected


def test_without_any_worker_nobody_can_be_told() -> None:
    with pytest.raises(TaskstackError, match="No worker is connected"):
        run(ids=["1"], unseen="remember")


def test_an_id_in_a_pickled_answer_counts_as_held() -> None:
    worker = Worker("a@h", {"active": [task("7e57")]}, answers="pickle")
    result, wrong = run(worker, ids=["7e57"])
    assert wrong == [] and worker.revoked == {"7e57"} and result["answers"] == {"a@h": "answered, not decoded"}

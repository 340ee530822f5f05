"""One report from the reports of several hosts: facts are merged, then judged as on a single host."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._broker.queues import Queue
from ansible_collections.taskstack.celery.plugins.module_utils._status.unknown import AREAS, failures
from ansible_collections.taskstack.celery.plugins.plugin_utils._report import table
from ansible_collections.taskstack.celery.plugins.plugin_utils._report.merge import merge
from fake_stack import Worker
from reports import NOW, RECORDER, RUNNING, beat, blind, described, kinds, report

NODE = {"node": "a@w", "recorder": True}
STACK = described([NODE])
CLUSTER = described([NODE], broker_hosts=["mq1", "mq2", "mq3"])
SAFE = {"directory": RECORDER, "problems": []}


def mq(*workers: Worker, description: dict[str, t.Any] = STACK, **more: t.Any) -> dict[str, t.Any]:
    """What the broker's host reports."""
    return report(*(workers or (Worker("a@w"),)), **{"description": description, "host": "mq", **more})


def w(description: dict[str, t.Any] = STACK, **more: t.Any) -> dict[str, t.Any]:
    """What the worker's host reports, which does not see the broker."""
    base: dict[str, t.Any] = {"description": description, "host": "w", "nodes": ["a@w"], "recorder": SAFE}
    return blind(**{**base, **more})


def test_the_best_view_of_each_service_wins_and_nothing_is_unknown_together() -> None:
    here = described([NODE], beat="w")
    seen = w(here, flower={"state": "up", "url": "http://127.0.0.1:5555", "wanted": True}, beat=beat(host="w"))
    folded = merge({"w": seen, "mq": mq(description=here, flower={"state": "unknown", "wanted": True})})
    assert (folded["broker"]["state"], folded["flower"]["state"], folded["beat"]["hosts"]) == ("running", "up", ["w"])
    assert folded["healthy"] and folded["host"] == "mq" and failures(folded, AREAS) == []


def test_beats_on_two_hosts_are_a_problem() -> None:
    hosts = {host: mq(host=host, beat=beat(host="a", here=host == "a")) for host in ("a", "b")}
    folded = merge({**hosts, "w": w()})
    assert folded["problems"] == [
        "2 beats run on a and b (pids 7, 7): scheduled tasks are sent 2 times. Keep none: the inventory has no beat.",
    ]


def test_what_each_hosts_recorder_says_is_kept_with_its_host() -> None:
    lost = {"directory": RECORDER, "problems": [{"kind": "tasks_lost", "count": 1}]}
    gone = {"id": "x", "name": "n", "state": "lost", "worker": "a@w", "received": 1.0, "started": None, "ended": None}
    folded = merge({"mq": mq(), "w": w(recorder=lost, tasks=[gone])})
    assert len(folded["problems"]) == 1 and folded["problems"][0].startswith("w: 1 task(s) are lost")
    assert [row["id"] for row in folded["tasks"]] == ["x"]


def test_a_host_that_could_not_be_asked_is_a_problem_for_every_area_and_the_rest_is_told() -> None:
    folded = merge({"mq": mq(), "w": w(), "gone": None, "ill": {"msg": "No description."}})
    assert folded["problems"] == ["gone could not be asked: no answer", "ill could not be asked: No description."]
    assert folded["broker"]["state"] == "running"
    assert all(failures(folded, [area]) == folded["problems"] for area in AREAS)


def test_with_no_host_at_all_everything_is_unknown() -> None:
    assert merge({"gone": None})["broker"]["state"] == "unknown"
    assert "gone could not be asked" in table.render(merge({"gone": None}))
    assert "No host was asked" in table.render(merge({})) and failures(merge({}), ["broker"])


def test_a_solo_worker_is_busy_by_the_record_on_its_own_host() -> None:
    solo = described([{**NODE, "pool": "solo"}])
    task = {"id": "1", "name": "n", "state": "running", "worker": "a@w", "received": NOW - 60}
    task.update(started=None, ended=None)
    silent = report(known=["a@w"], description=solo, host="mq")
    assert merge({"mq": silent, "w": w(solo, tasks=[task])})["healthy"]
    assert kinds(merge({"mq": silent, "w": w(solo)})) == ["worker_silent"]


def test_a_node_of_a_cluster_that_is_down_is_told_although_the_others_run() -> None:
    down = {**RUNNING, "state": "down", "detail": "No answer from http://127.0.0.1:15672 (Connection refused)."}
    hosts = {host: mq(description=CLUSTER, host=host) for host in ("mq1", "mq2")}
    dead = mq(description=CLUSTER, host="mq3", broker=down, queues=None, inspection=None)
    folded = merge({**hosts, "mq3": dead, "w": w(CLUSTER)})
    assert kinds(folded) == ["broker_member_down"]
    assert "RabbitMQ on mq3 does not answer there: the cluster runs on 2 of 3 nodes." in folded["problems"][0]
    assert failures(folded, ["broker"]) == folded["problems"]
    assert merge({**hosts, "mq3": mq(description=CLUSTER, host="mq3"), "w": w(CLUSTER)})["healthy"]


def test_the_youngest_description_says_which_workers_there_should_be() -> None:
    old, new = described([NODE]), described([NODE, {"node": "n@w2", "recorder": True}])
    both = mq(Worker("a@w"), Worker("n@w2"), description=old, at=1.0)
    fresh = blind(description=new, at=2.0, host="w2", nodes=["n@w2"], recorder=SAFE)
    assert kinds(both) == ["worker_unexpected"]
    assert merge({"mq": both, "w": w(old, at=1.0), "w2": fresh})["healthy"]
    gone = mq(Worker("a@w"), description=old, at=1.0)
    assert kinds(merge({"mq": gone, "w": w(old, at=1.0), "w2": fresh})) == ["worker_missing"]


def test_what_no_host_saw_is_a_problem_when_all_were_asked() -> None:
    here = described([NODE], beat="elsewhere")
    folded = merge({"mq": mq(description=here), "w": w(here)})
    assert kinds(folded) == ["unseen"] and "beat, which should run on elsewhere" in folded["problems"][0]
    assert failures(folded, ["beat"]) == folded["problems"] and failures(folded, ["broker", "workers"]) == []
    assert kinds(merge({"mq": mq()})) == ["unseen"], "the recorder of w"


def test_a_busy_solo_worker_on_windows_is_unknown_and_neither_a_problem_nor_healthy() -> None:
    solo = {"node": "s@win", "pool": "solo", "recorder": True, "supervisor": "windows"}
    stack = described([solo], beat="win")
    folded = merge({"mq": report(known=["s@win"], description=stack, host="mq")})
    assert folded["problems"] == [] and not folded["healthy"]
    assert folded["unknown"] == ["workers", "tasks", "beat", "versions"]
    assert failures(folded, ["broker", "queues"]) == []
    assert all(failures(folded, [area]) for area in ("workers", "tasks", "beat"))
    missing = merge({"mq": mq(Worker("x@h"), description=described([solo, {"node": "x@h"}]))})
    assert kinds(missing) == ["worker_missing"] and "celery-shop-s.bat start" in missing["problems"][0]


def test_a_host_knows_best_about_its_own_workers() -> None:
    rows = [{"node": "a@w", "host": "w"}, {"node": "b@w2", "host": "w2"}]
    drained = [rows[0], {**rows[1], "state": "stopped"}]
    seen = mq(description=described(rows, host="mq"), at=3.0)
    w2 = blind(description=described(drained, host="w2"), at=2.0, host="w2", nodes=["b@w2"])
    assert kinds(seen) == ["worker_missing"]
    folded = merge({"mq": seen, "w2": w2})
    assert folded["healthy"] and [worker["state"] for worker in folded["workers"]] == ["up", "stopped"]
    gone = blind(description=described(rows[:1], host="w2"), at=2.0, host="w2")
    assert len(merge({"mq": seen, "w2": gone})["workers"]) == 1


@pytest.mark.parametrize("order", [("mq", "w"), ("w", "mq")])
def test_the_order_of_hosts_makes_no_difference(order: tuple[str, str]) -> None:
    reports = {"mq": mq(queues=[Queue("celery", 3, 0, 0)]), "w": w()}
    assert merge({host: reports[host] for host in order})["problems"] == merge(reports)["problems"]

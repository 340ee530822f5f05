"""The description file: what each host is told about the whole stack."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._description import description

STACK = {"name": "shop", "app": "shop"}
NODES: dict[str, t.Any] = {"w1": [{"name": "mail", "queues": ["mail"], "concurrency": 4}], "w2": None}
FLOWER = {"w1": {"address": None, "port": None, "url_prefix": "/tasks/", "user": "admin", "password": "x"}}


def test_workers_are_those_of_the_whole_inventory_and_processes_those_of_the_host() -> None:
    seen = description(STACK, "w1", NODES, ["w2"], FLOWER)
    assert [worker["node"] for worker in seen["workers"]] == ["mail@w1", "default@w2"]
    told = {"node": "mail@w1", "queues": ["mail"], "pool": "prefork", "concurrency": 4, "recorder": False}
    assert seen["workers"][0] == told
    assert seen["processes"] == ["shop-mail", "shop-flower"]
    assert description(STACK, "w2", NODES, ["w2"], FLOWER)["processes"] == ["shop-default", "shop-beat"]


def test_a_worker_has_the_recorder_unless_the_stack_or_its_node_has_not() -> None:
    nodes = {"w1": [{"name": "mail"}, {"name": "bare", "recorder": False}]}
    stack = {**STACK, "recorder": {"directory": "/var/lib/taskstack/shop/recorder"}}
    assert [worker["recorder"] for worker in description(stack, "w1", nodes, [], {})["workers"]] == [True, False]
    stack = {**STACK, "recorder": None}
    assert [worker["recorder"] for worker in description(stack, "w1", nodes, [], {})["workers"]] == [False, False]


def test_a_flower_on_loopback_has_an_address_on_its_own_host_only() -> None:
    assert description(STACK, "w1", NODES, [], FLOWER)["flower"]["url"] == "http://127.0.0.1:5555/tasks"
    assert description(STACK, "w2", NODES, [], FLOWER)["flower"]["url"] is None


def test_a_flower_that_listens_everywhere_is_reached_by_its_hosts_name() -> None:
    flower = {"w1": {**FLOWER["w1"], "address": "0.0.0.0", "url_prefix": None}}
    assert description(STACK, "w2", NODES, [], flower)["flower"]["url"] == "http://w1:5555"
    assert description(STACK, "w1", NODES, [], flower)["flower"]["url"] == "http://127.0.0.1:5555"


def test_what_the_inventory_does_not_have_is_null() -> None:
    seen = description(STACK, "w1", {}, [], {})
    assert (seen["beat"], seen["flower"], seen["workers"], seen["processes"]) == (None, None, [], [])

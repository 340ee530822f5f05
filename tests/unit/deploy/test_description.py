"""The description file: what each host is told about the whole stack."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.description import description

BROKER = {"management_url": "http://127.0.0.1:15672", "management_user": "watcher", "management_password": "secret"}
STACK = {"name": "shop", "app": "shop", "broker": BROKER}
GROUPS = {"rabbitmq": ["mq"], "worker": ["w1", "w2"], "beat": ["w2"], "flower": ["w1"]}
MAIL = {"name": "mail", "queues": ["mail"], "concurrency": 4, "time_limit": 60}
W1 = {"worker_nodes": [MAIL], "flower_url_prefix": "/tasks/", "flower_password": "x"}
HOSTS: dict[str, dict[str, t.Any]] = {"mq": {}, "w1": W1, "w2": {}}


def described(host: str, changes: dict[str, dict[str, t.Any]] | None = None) -> dict[str, t.Any]:
    hosts = {name: {**variables, **(changes or {}).get(name, {})} for name, variables in HOSTS.items()}
    return description(STACK, host, hosts, GROUPS)


def test_workers_are_those_of_the_whole_inventory_and_processes_those_of_the_host() -> None:
    seen = described("w1")
    assert [worker["node"] for worker in seen["workers"]] == ["mail@w1", "default@w2"]
    told = {"node": "mail@w1", "host": "w1", "supervisor": "supervisord", "state": "started", "queues": ["mail"]}
    told |= {"queues_assumed": False, "pool": "prefork", "concurrency": 4, "time_limit": 60, "recorder": True}
    assert seen["workers"][0] == told
    assert seen["processes"] == ["shop-mail", "shop-flower"]
    assert described("w2")["processes"] == ["shop-default", "shop-beat"]


def test_a_worker_is_described_with_the_defaults_of_its_host() -> None:
    one = described("mq", {"w1": {"worker_nodes": [{"name": "mail"}], "worker_defaults": {"pool": "solo"}}})["workers"][
        0
    ]
    assert (one["pool"], one["queues"], one["queues_assumed"]) == ("solo", ["celery"], True)
    assert described("mq", {"w1": {"worker_nodes": [{"name": "mail"}], "worker_defaults": {"queues": ["m"]}}})[
        "workers"
    ][0]["queues"] == ["m"]


def test_a_worker_on_windows_is_solo_unless_it_says_otherwise() -> None:
    assert described("mq", {"w1": {"taskstack_supervisor": "windows"}})["workers"][0]["pool"] == "solo"


def test_a_worker_that_is_stopped_or_drained_is_described_as_stopped() -> None:
    stopped = {"worker_nodes": [{**MAIL, "state": "stopped"}]}
    assert described("mq", {"w1": stopped})["workers"][0]["state"] == "stopped"
    assert described("mq", {"w1": {"worker_state": "stopped"}})["workers"][0]["state"] == "stopped"


def test_a_worker_has_the_recorder_unless_its_host_or_its_node_has_not() -> None:
    nodes = {"worker_nodes": [{"name": "mail"}, {"name": "bare", "recorder": False}]}
    assert [worker["recorder"] for worker in described("mq", {"w1": nodes})["workers"]] == [True, False, True]
    # On the command line every value is a string.
    assert [w["recorder"] for w in described("mq", {"w1": {"worker_recorder": "false"}})["workers"]] == [False, True]


def test_beat_that_is_switched_off_is_not_expected_anywhere() -> None:
    seen = described("w2", {"w2": {"beat_enabled": False}})
    assert (seen["beat"], seen["processes"]) == (None, ["shop-default"])


def test_only_beats_host_has_a_schedule() -> None:
    schedule = {"w2": {"beat_schedule": [{"name": "clean"}]}}
    assert described("w2", schedule)["schedule"] == "/etc/taskstack/shop.beat.json"
    assert described("w1", schedule)["schedule"] is None
    assert described("w2")["schedule"] is None


def test_only_flowers_own_host_asks_it_and_has_its_password() -> None:
    everywhere = {"w1": {"flower_address": "0.0.0.0"}}
    assert described("w1")["flower"] == {"url": "http://127.0.0.1:5555/tasks", "user": "admin", "password": "x"}
    assert described("w1", everywhere)["flower"]["url"] == "http://127.0.0.1:5555/tasks"
    assert described("w2", everywhere)["flower"] == {"url": None, "user": "admin", "password": None}


def test_a_flower_that_listens_on_one_address_is_reached_by_its_hosts_name() -> None:
    assert described("w1", {"w1": {"flower_address": "10.0.0.5"}})["flower"]["url"] == "http://w1:5555/tasks"


def test_only_a_host_that_can_reach_the_broker_has_the_monitors_password() -> None:
    away = {**STACK, "broker": {**BROKER, "management_url": None}}
    assert description(STACK, "mq", {}, {})["broker"] == BROKER
    assert description(away, "w1", {}, {})["broker"] == {**away["broker"], "management_password": None}


def test_what_the_inventory_does_not_have_is_null() -> None:
    seen = description(STACK, "w1", {}, {})
    assert (seen["beat"], seen["flower"], seen["workers"], seen["processes"]) == (None, None, [], [])

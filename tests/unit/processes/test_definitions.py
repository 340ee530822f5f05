"""Options with plain names become complete definitions."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.definitions import definitions as processes

STACK = {"name": "shop", "host": "w1", "directory": "/opt/shop", "user": "www-data", "supervisor": "supervisord"}


def worker(stack: dict[str, t.Any] | None = None, **options: t.Any) -> dict[str, t.Any]:
    (definition,) = processes([{"name": "mail", **options}], "worker", {**STACK, **(stack or {})})
    return definition


# What somebody writes for a node, and what Celery 4.2 to 5.7 take for it.
ARGUMENTS: list[tuple[dict[str, t.Any], list[str]]] = [
    ({"queues": ["mail", "news"]}, ["--queues=mail,news"]),
    ({"exclude_queues": ["slow"]}, ["--exclude-queues=slow"]),
    ({"concurrency": 4}, ["--concurrency=4"]),
    ({"autoscale": {"min": 1, "max": 4}}, ["--autoscale=4,1"]),
    ({"pool": "threads"}, ["--pool=threads"]),
    ({"prefetch_multiplier": 1}, ["--prefetch-multiplier=1"]),
    ({"optimization": "fair"}, ["-O", "fair"]),
    ({"max_tasks_per_child": 100}, ["--max-tasks-per-child=100"]),
    ({"max_memory_per_child": 200000}, ["--max-memory-per-child=200000"]),
    ({"time_limit": 60.5}, ["--time-limit=60.5"]),
    ({"soft_time_limit": 50}, ["--soft-time-limit=50"]),
    ({"events": True}, ["--events"]),
    ({"gossip": False}, ["--without-gossip"]),
    ({"mingle": False}, ["--without-mingle"]),
    ({"heartbeat": False}, ["--without-heartbeat"]),
    ({"heartbeat_interval": 5}, ["--heartbeat-interval=5"]),
    ({"log_level": "WARNING"}, ["--loglevel=WARNING"]),
    ({"includes": ["shop.more"]}, ["-I", "taskstack_recorder.recorder,taskstack_prefetch,taskstack_secrets,shop.more"]),
    ({"includes": ["shop.more"], "recorder": False}, ["-I", "taskstack_prefetch,taskstack_secrets,shop.more"]),
    ({"hostname": "other"}, ["-n", "mail@other"]),
    ({"extra_args": ["--purge"]}, ["--purge"]),
    ({"soft_shutdown_timeout": 30}, ["--", "worker.soft_shutdown_timeout=30"]),
    (
        {"soft_shutdown_timeout": 30, "extra_args": ["--", "worker.x=1"]},
        ["--", "worker.x=1", "worker.soft_shutdown_timeout=30"],
    ),
]


@pytest.mark.parametrize(("options", "arguments"), ARGUMENTS, ids=str)
def test_an_option_becomes_the_argument_that_celery_takes(options: dict[str, t.Any], arguments: list[str]) -> None:
    argv = worker(**options)["argv"]
    positions = [number for number in range(len(argv)) if argv[number : number + len(arguments)] == arguments]
    assert len(positions) == 1, argv


def test_a_soft_shutdown_is_asked_for_by_the_one_signal_that_begins_it() -> None:
    assert worker(soft_shutdown_timeout=30)["stop_signal"] == "QUIT"
    assert worker()["stop_signal"] == "TERM"


@pytest.mark.parametrize("option", ["gossip", "mingle", "heartbeat", "statedb", "recorder", "events"])
def test_a_switch_that_is_on_already_adds_nothing(option: str) -> None:
    assert worker(**{option: True}) == worker()


def test_null_means_not_given() -> None:
    assert worker(concurrency=None, autoscale=None, environment=None) == worker()


def test_the_definition_of_a_worker_is_complete() -> None:
    assert worker(queues=["mail"], concurrency=2) == {
        "name": "shop-mail",
        "kind": "worker",
        "argv": [
            "/usr/local/bin/celery-shop",
            "worker",
            "-n",
            "mail@w1",
            "--loglevel=INFO",
            "--queues=mail",
            "--concurrency=2",
            "--events",
            "-I",
            "taskstack_recorder.recorder,taskstack_prefetch,taskstack_secrets",
            "--statedb=/var/lib/taskstack/shop/worker/mail.state",
        ],
        "directory": "/opt/shop",
        "user": "www-data",
        "group": "www-data",
        "environment": {
            "TASKSTACK_RECORDER_DIRECTORY": "/var/lib/taskstack/shop/recorder",
            "TASKSTACK_RECORDER_NODE": "mail@w1",
        },
        "log": "/var/log/taskstack/shop/shop-mail.log",
        "stop_signal": "TERM",
        "stop_timeout": 600,
        "state": "started",
        "restart_on": [
            "/etc/taskstack/shop.env",
            "/etc/taskstack/shop.packages",
            "/usr/local/bin/celery-shop",
            "/usr/local/lib/taskstack/shop/taskstack_recorder/recorder.py",
            "/usr/local/lib/taskstack/shop/taskstack_recorder/records.py",
            "/usr/local/lib/taskstack/shop/taskstack_recorder/lost.py",
            "/usr/local/lib/taskstack/shop/taskstack_recorder/inspect.py",
            "/usr/local/lib/taskstack/shop/taskstack_prefetch.py",
            "/usr/local/lib/taskstack/shop/taskstack_secrets.py",
        ],
        "ready": "mail@w1 ready\\.",
        "broken": "consumer: Cannot connect to ",
        "memory_max": None,
        "write_paths": None,
    }


def test_the_log_of_celery_says_when_it_is_ready() -> None:
    line = "[2026-01-01 00:00:00,000: INFO/MainProcess] mail@w1.example.org ready."
    assert re.search(worker({"host": "w1.example.org"})["ready"], line)
    assert worker(log_level="WARNING")["ready"] is None


def test_without_the_recorder_nothing_of_it_is_left() -> None:
    definition = worker(recorder=False)
    assert "taskstack_recorder" not in str(definition)
    assert "TASKSTACK_RECORDER" not in str(definition)


def test_a_worker_on_windows_has_windows_paths_and_a_pool_that_works() -> None:
    definition = worker({"supervisor": "windows", "directory": "C:\\shop"})
    assert definition["argv"][0] == r"C:\ProgramData\taskstack\shop\bin\celery-shop.bat"
    assert "--pool=solo" in definition["argv"]
    assert definition["log"] == r"C:\ProgramData\taskstack\shop\log\shop-mail.log"


def test_single_places_can_differ() -> None:
    definition = worker({"places": {"launcher": "/opt/bin/celery"}})
    assert definition["argv"][0] == "/opt/bin/celery"
    assert definition["log"].startswith("/var/log/taskstack/shop/")


def test_beat_keeps_its_schedule_in_a_place_of_its_own() -> None:
    (definition,) = processes([{"scheduler": "a.b:C", "max_interval": 60}], "beat", STACK)
    assert definition["name"] == "shop-beat"
    assert "--schedule=/var/lib/taskstack/shop/beat/schedule" in definition["argv"]
    # Our class around it: the tasks of the inventory, and a heartbeat.
    assert {"--scheduler=taskstack_beat:Scheduler", "--max-interval=60", "--pidfile="} <= set(definition["argv"])
    assert definition["environment"]["TASKSTACK_BEAT_BASE"] == "a.b:C"


def test_flower_saves_its_history_in_milliseconds() -> None:
    (definition,) = processes([{"persistent": True, "state_save_interval": 60}], "flower", STACK)
    assert "--state-save-interval=60000" in definition["argv"]
    assert "--db=/var/lib/taskstack/shop/flower/flower.db" in definition["argv"]
    assert "--address=127.0.0.1" in definition["argv"]


def test_an_empty_list_is_no_process() -> None:
    assert processes([], "beat", STACK) == []


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(TaskstackError, match=r"(?s)concurrency.*queus.*entry 3"):
        processes([{"name": "a", "concurrency": "4"}, {"name": "b", "queus": 1}, "c"], "worker", STACK)

"""What a host sees beside the broker: Flower, and beats among its processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._status.process_table import (
    Process,
    beats,
    processes,
    workers,
)
from ansible_collections.taskstack.celery.plugins.module_utils._status.surroundings import beat, flower
from http_stack import flower as running_flower

VENV = "/opt/shop/venv"
CELERY = (f"{VENV}/bin/python3", f"{VENV}/bin/celery", "-A", "shop")
BEAT = Process(10, 1, (*CELERY, "beat", "-s", "/var/lib/beat"))
WORKER = Process(20, 1, (*CELERY, "worker", "-n", "mail@h"))
DESCRIBED = {"name": "shop", "app": "shop", "venv": VENV, "beat": "h", "processes": ["shop-mail", "shop-beat"]}


@pytest.mark.parametrize(("status", "state"), [(200, "up"), (302, "up"), (403, "denied"), (500, "down"), (502, "down")])
def test_the_answer_of_flowers_page_says_how_it_is(status: int, state: str) -> None:
    with running_flower(status) as url:
        assert flower(url, None, None, 5)["state"] == state


def test_the_login_decides_whether_people_get_in() -> None:
    with running_flower(200, "admin:right") as url:
        assert flower(url, "admin", "right", 5)["state"] == "up"
        denied = flower(f"{url}/tasks/", "admin", "guessed", 5)
    assert denied["state"] == "denied" and "refuses user 'admin'" in denied["detail"]
    assert "guessed" not in denied["detail"]


def test_a_flower_that_does_not_answer_is_unknown_and_one_that_refuses_is_down() -> None:
    with running_flower(200, seconds=0.6) as url:
        assert flower(url, None, None, 0.1)["state"] == "unknown"
    assert flower(url, None, None, 1)["state"] == "down"
    assert flower("http://nowhere.invalid:5555", None, None, 1)["state"] == "unknown"


def test_without_an_address_nothing_is_known_of_flower() -> None:
    assert flower(None, None, None, 1) == {"state": "unknown", "url": None, "detail": None}


@pytest.mark.parametrize(
    "argv",
    [
        (*CELERY, "beat"),
        (f"{VENV}/bin/celery", "--app=shop", "beat"),
        (*CELERY, "worker", "-B"),
        (*CELERY, "worker", "--beat"),
        ("[celery beat] -A shop beat --loglevel INFO",),
    ],
)
def test_every_way_to_start_a_beat_is_known(argv: tuple[str, ...]) -> None:
    assert [process.pid for process in beats([Process(10, 1, argv), WORKER], "shop", VENV)] == [10]


@pytest.mark.parametrize(
    "argv",
    [
        ("/opt/other/venv/bin/celery", "-A", "shop", "beat"),
        (f"{VENV}/bin/celery", "-A", "other", "beat"),
        (*CELERY, "worker", "-n", "beat@h"),
        ("grep", "-r", "beat", f"{VENV}/bin", "shop"),
        ("tail", "-f", "/var/log/shop-beat.log"),
        ("",),
    ],
)
def test_what_only_looks_like_a_beat_is_none(argv: tuple[str, ...]) -> None:
    assert beats([Process(10, 1, argv)], "shop", VENV) == []


def test_the_pool_of_a_worker_with_a_beat_is_not_counted_again() -> None:
    embedded = (*CELERY, "worker", "-B")
    table = [Process(10, 1, embedded), Process(11, 10, embedded), Process(12, 10, embedded)]
    assert [process.pid for process in beats(table, "shop", VENV)] == [10]


def test_one_beat_where_the_inventory_has_it_is_up() -> None:
    assert beat(DESCRIBED, [BEAT, WORKER]) == {"state": "up", "host": "h", "pids": [10], "frozen": [], "here": True}


@pytest.mark.parametrize(
    ("description", "table", "found"),
    [
        (DESCRIBED, [WORKER], ("down", [], True)),
        (DESCRIBED, [BEAT, Process(30, 1, (*CELERY, "beat"))], ("up", [10, 30], True)),
        ({**DESCRIBED, "processes": ["shop-mail"], "beat": "other"}, [BEAT], ("up", [10], False)),
        ({**DESCRIBED, "processes": ["shop-mail"], "beat": "other"}, [WORKER], ("unknown", [], False)),
        ({**DESCRIBED, "beat": None}, [WORKER], ("unknown", [], False)),
        (None, [BEAT], ("unknown", [], False)),
    ],
)
def test_beat_is_told_as_this_host_sees_it(
    description: dict[str, t.Any] | None, table: list[Process], found: tuple[str, list[int], bool]
) -> None:
    told = beat(description, table)
    assert (told["state"], told["pids"], told["here"]) == found


def test_a_beat_that_a_signal_has_stopped_is_frozen() -> None:
    told = beat(DESCRIBED, [Process(10, 1, BEAT.argv, "T")])
    assert (told["state"], told["frozen"]) == ("frozen", [10])


@pytest.mark.parametrize(
    "argv",
    [
        (*CELERY, "worker", "-n", "mail@h", "-c", "2"),
        (*CELERY, "worker", "--hostname=mail@h"),
        ("[celeryd: mail@h:MainProcess] -active- (-A shop worker -n mail@h)",),
    ],
)
def test_a_worker_is_found_by_its_node_with_its_pool_and_who_of_it_is_frozen(argv: tuple[str, ...]) -> None:
    table = [Process(20, 1, argv), Process(21, 20, argv, "T"), Process(22, 20, argv), BEAT]
    told = {"pid": 20, "frozen": False, "children": 2, "frozen_children": 1}
    assert workers(table, "shop", VENV) == {"mail@h": told}


def test_running_processes_are_listed_with_their_arguments_and_parent() -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "an argument", ""])
    try:
        wanted = (sys.executable, "-c", "import time; time.sleep(60)", "an argument")
        end = time.monotonic() + 10
        # Between fork and exec it still has the arguments of this process.
        while (found := {process.pid: process for process in processes()})[sleeper.pid].argv != wanted:
            assert time.monotonic() < end, found[sleeper.pid]
        assert found[sleeper.pid].parent == os.getpid()
    finally:
        sleeper.kill()
        sleeper.wait()
    assert sleeper.pid not in {process.pid for process in processes()}

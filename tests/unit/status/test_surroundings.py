"""What a host sees beside the broker: Flower, and beats among its processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._surroundings import (
    Process,
    beat,
    beats,
    flower,
    processes,
)
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
    assert denied["state"] == "denied" and "Check flower_password" in denied["detail"]
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
    assert beats([Process(10, 1, argv), WORKER], "shop", VENV) == [10]


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
    assert beats([Process(10, 1, embedded), Process(11, 10, embedded), Process(12, 10, embedded)], "shop", VENV) == [10]


def test_one_beat_where_the_inventory_has_it_is_up() -> None:
    assert beat(DESCRIBED, [BEAT, WORKER]) == {"state": "up", "host": "h", "pids": [10], "problem": None}


@pytest.mark.parametrize(
    ("description", "table", "state", "words"),
    [
        (DESCRIBED, [WORKER], "down", "Start program shop-beat"),
        (DESCRIBED, [BEAT, Process(30, 1, (*CELERY, "beat"))], "up", "2 beats run on this host (pids 10, 30)"),
        ({**DESCRIBED, "processes": ["shop-mail"], "beat": "other"}, [BEAT], "up", "the inventory has it on other"),
        ({**DESCRIBED, "processes": [], "beat": None}, [BEAT], "up", "the inventory has it nowhere"),
    ],
)
def test_too_few_and_too_many_beats_are_problems(
    description: dict[str, t.Any], table: list[Process], state: str, words: str
) -> None:
    found = beat(description, table)
    assert found["state"] == state and words in found["problem"]


def test_a_beat_of_another_host_is_unknown_here_and_no_problem() -> None:
    found = beat({**DESCRIBED, "processes": ["shop-mail"], "beat": "other"}, [WORKER])
    assert (found["state"], found["host"], found["problem"]) == ("unknown", "other", None)
    assert beat(None, [BEAT])["state"] == "unknown"


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

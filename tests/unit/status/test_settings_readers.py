"""Web servers and others that have read the application's settings before they changed."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._status.settings_readers import Reader, look, outdated
from fake_stack import Worker
from reports import report

VENV = "/opt/shop/venv"
PYTHON = f"{VENV}/bin/python"


def names(*readers: Reader) -> list[str]:
    return [found["name"] for found in outdated(readers, 1000.0, VENV)]


def test_a_web_server_that_started_before_the_change_is_named_once_for_all_its_children() -> None:
    master = Reader(10, 1, 500.0, (PYTHON, f"{VENV}/bin/gunicorn", "shop.wsgi"))
    child = Reader(11, 10, 501.0, master.argv)
    assert names(master, child) == ["gunicorn"]


def test_a_web_server_that_started_after_the_change_is_not_named() -> None:
    assert names(Reader(10, 1, 1005.0, (PYTHON, f"{VENV}/bin/gunicorn"))) == []


def test_workers_and_what_their_tasks_start_are_left_to_the_deployment() -> None:
    worker = Reader(20, 1, 500.0, (PYTHON, f"{VENV}/bin/celery", "-A", "shop", "worker"))
    pool = Reader(21, 20, 500.0, ("[celeryd: worker@host:ForkPoolWorker-1]",))
    helper = Reader(22, 21, 600.0, (PYTHON, "/opt/shop/convert.py"))
    assert names(worker, pool, helper) == []


def test_an_embedded_interpreter_is_called_by_its_own_name() -> None:
    assert names(Reader(30, 1, 500.0, ("/usr/sbin/apache2", "-k", "start"))) == ["apache2"]


@pytest.fixture
def running(tmp_path: pathlib.Path) -> t.Iterator[int]:
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").symlink_to(sys.executable)
    process = subprocess.Popen([tmp_path / "venv/bin/python", "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


def test_a_real_process_is_found_when_the_settings_are_newer_than_it(running: int, tmp_path: pathlib.Path) -> None:
    settings = tmp_path / "settings.py"
    settings.touch()
    now = settings.stat().st_mtime
    for moment, found in ((-3600, []), (3600, [running])):
        os.utime(settings, (now + moment, now + moment))
        assert [one["pid"] for one in look(str(settings), str(tmp_path / "venv"))] == found
    assert look(None, str(tmp_path / "venv")) == look(str(tmp_path / "none"), str(tmp_path / "venv")) == []


def test_status_says_what_to_restart() -> None:
    found = report(Worker("a@h"), outdated=[{"pid": 812, "name": "gunicorn"}], settings_file="/opt/shop/settings.py")
    assert found["problems"] == [
        "gunicorn on h (process 812) started before /opt/shop/settings.py changed and uses the old settings: tasks "
        "that it sends may not arrive. Restart it, or add its service to application_web_services."
    ]

"""The table and the page, and one report from several hosts."""

from __future__ import annotations

import re
import typing as t
from html.parser import HTMLParser

import pytest
from ansible_collections.taskstack.celery.plugins.plugin_utils._report import page as report_page
from ansible_collections.taskstack.celery.plugins.plugin_utils._report import table
from ansible_collections.taskstack.celery.plugins.plugin_utils._report import words as report_words
from hypothesis import given
from hypothesis import strategies as st

BLANK = dict.fromkeys(("pool", "concurrency", "queues", "active", "reserved", "scheduled", "done", "uptime", "celery"))
TASK = {"received": 1.0, "started": 1.0, "ended": None, "runtime": 4.5, "eta": None, "queue": "celery"}


def task(task_id: str, state: str, **more: t.Any) -> dict[str, t.Any]:
    return {**TASK, "id": task_id, "name": "app.export", "state": state, "worker": "a@h", **more}


def report(**more: t.Any) -> dict[str, t.Any]:
    base: dict[str, t.Any] = {
        "name": "catmaid", "host": "h", "time": 1.8e9, "findings": [], "problems": [], "unknown": [], "healthy": True,
        "broker": {"state": "running", "version": "4.0.5", "erlang": "27", "alarms": []},
        "celery": {"state": "up", "up": 1, "workers": 1},
        "beat": {"state": "unknown", "host": None, "pids": []},
        "flower": {"state": "unknown", "url": None},
        "queues": [{"name": "celery", "waiting": 3, "unacknowledged": 1, "consumers": 1}],
        "workers": [{**BLANK, "node": "a@h", "state": "up", "active": [task("1", "active")]}],
        "tasks": [task("1", "active")],
    }  # fmt: skip
    return {**base, **more}


def findings(**areas: str) -> dict[str, t.Any]:
    listed = [{"area": area, "problem": problem} for area, problem in areas.items()]
    return {"findings": listed, "problems": list(areas.values()), "healthy": not areas}


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts = 0
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.loads += [value for name, value in attrs if name in ("src", "href") and value and value != "data:,"]
        if tag not in ("meta", "link", "br", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == "rect" or self.open.pop() == tag


def test_problems_come_first_in_table_and_page() -> None:
    ill = report(**findings(queues="3 tasks wait."))
    assert table.render(ill).splitlines()[2] == "! 3 tasks wait."
    page = report_page.render(ill)
    assert page.index("3 tasks wait.") < page.index('id="services"')


def test_the_ids_of_tasks_in_hand_can_be_copied_from_the_table() -> None:
    long = "5100e024-62a9-45f9-be72-24505b900a8b"
    wide = task(long, "active", name="mysite.control.cropping.crop", worker="cropping@host.example.org")
    assert long in table.render(report(tasks=[wide]))


@given(
    st.lists(st.text(max_size=150), max_size=4), st.text(max_size=200), st.text(max_size=200), st.integers(0, 10**12)
)
def test_no_line_of_the_table_is_longer_than_100(problems: list[str], name: str, node: str, waiting: int) -> None:
    queues = [{"name": name, "waiting": waiting, "unacknowledged": 0, "consumers": None}]
    workers = [{**BLANK, "node": node, "state": "silent", "queues": [name] * 9}]
    tasks = [task("1", "active", name=name, worker=node), task("2", "failed", name=name, worker=node)]
    text = table.render(report(problems=problems, queues=queues, workers=workers, tasks=tasks))
    assert max(map(len, text.split("\n"))) <= 100


@given(st.text(), st.text(), st.text())
def test_the_page_is_whole_and_harmless_whatever_names_are_in_it(name: str, node: str, problem: str) -> None:
    hostile = "</script><script>alert(1)</script>" + name
    page = report_page.render(
        report(
            name=hostile,
            problems=[hostile + problem],
            queues=[{"name": hostile, "waiting": 1, "unacknowledged": 0, "consumers": 0}],
            workers=[{**BLANK, "node": hostile + node, "state": "up"}],
            tasks=[task(hostile, "active", name=hostile, worker=hostile)],
        )
    )
    outline = Outline()
    outline.feed(page)
    assert outline.open == [] and outline.scripts == 1 and outline.loads == []


def test_the_page_reloads_only_when_it_is_rewritten() -> None:
    assert 'http-equiv="refresh" content="10"' in report_page.render(report(), 10)
    assert 'http-equiv="refresh"' not in report_page.render(report())


def test_colour_is_never_the_only_sign() -> None:
    page = report_page.render(report(workers=[{**BLANK, "node": "a@h", "state": "silent"}]))
    assert re.search(r'<span class="state odd"><span aria-hidden="true">~</span>silent</span>', page)


def test_durations_read_well() -> None:
    told = [report_words.duration(seconds) for seconds in (4.24, 200, 3600, 187200, None)]
    assert told == ["4.2 s", "3 min 20 s", "1 h", "2 d 4 h", ""]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "healthy"),
        ({"healthy": False, "unknown": ["broker", "workers"]}, "unknown: broker, workers"),
        ({**findings(queues="3 tasks wait."), "unknown": ["beat"]}, "1 problem"),
    ],
)
def test_the_verdict_stands_in_table_and_page(more: dict[str, t.Any], words: str) -> None:
    told = report(**more)
    assert table.render(told).startswith(f"Stack catmaid: {words} ")
    assert words in report_page.render(told)


def test_what_is_unknown_beside_problems_is_told_in_table_and_page() -> None:
    told = report(**{**findings(queues="3 tasks wait."), "unknown": ["tasks", "beat"]})
    assert "? Unknown: tasks, beat" in table.render(told).splitlines()
    assert '<p id="unknown">' in report_page.render(told)


@pytest.mark.parametrize("state", ["busy", "stopped", "stopping", "unexpected", "missing", "silent"])
def test_every_state_of_a_worker_is_in_table_and_page(state: str) -> None:
    told = report(workers=[{**BLANK, "node": "a@h", "state": state}])
    assert re.search(rf"^a@h +{state}", table.render(told), re.MULTILINE)
    assert f"</span>{state}</span>" in report_page.render(told)

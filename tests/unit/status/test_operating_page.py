"""What the page about operating shows is what status, the deployment and resubmit really say."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.taskstack.celery.plugins.module_utils._broker import errors
from ansible_collections.taskstack.celery.plugins.module_utils._broker.queues import Queue
from ansible_collections.taskstack.celery.plugins.module_utils._supervision import watch
from ansible_collections.taskstack.celery.plugins.module_utils._supervision.plan import Health
from ansible_collections.taskstack.celery.plugins.plugin_utils._report import table as report_table
from fake_stack import Worker
from reports import RUNNING, beat, described, report

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/operating.md").read_text()
BLOCKS = re.findall(r"^```text[^\n]*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MAIL = "mail@localhost"
EXPORT = {"id": "0a9e32fc-3666-43d3-8fe8-fb585387c004", "name": "shop.confirm", "time_start": 2e9 - 412}
POOL = {"pid": 4711, "frozen": False, "children": 4, "frozen_children": 4}


def shown(*workers: Worker, known: t.Sequence[str] = (MAIL,), tasks: t.Sequence[str] = (), **facts: t.Any) -> str:
    """The table of status for the stack of the page."""
    stack = described([{"node": MAIL, "queues": ["celery"]}], expected_tasks=list(tasks), beat=facts.pop("where", None))
    return report_table.render(report(*workers, known=list(known), description=stack, **{"host": "localhost", **facts}))


def worker(**more: t.Any) -> Worker:
    return Worker(MAIL, **more)


def no_answer() -> dict[str, t.Any]:
    said = errors.no_answer("http://127.0.0.1:15672", OSError(111, "Connection refused"))
    return {"broker": {"state": "down", "detail": str(said)}, "queues": None, "inspection": None}


def recorder(**problem: t.Any) -> dict[str, t.Any]:
    return {"directory": "/var/lib/taskstack/shop/recorder", "problems": [problem]}


SITUATIONS = {
    "no consumer": lambda: shown(worker(), queues=[Queue("celery", 0, 0, 1), Queue("reports", 3, 0, 0)]),
    "unknown task": lambda: shown(worker(), tasks=["shop.confirm"]),
    "no broker": lambda: shown(**no_answer()),
    "alarm": lambda: shown(worker(), broker={**RUNNING, "alarms": ["There are alarms in effect: memory"]}),
    "worker down": lambda: shown(known=()),
    "worker silent": lambda: shown(),
    "worker frozen": lambda: shown(processes={MAIL: {**POOL, "frozen": True}}),
    "pool frozen": lambda: shown(worker(), processes={MAIL: POOL}),
    "cancelled": lambda: shown(worker(queues=("reports",))),
    "unexpected": lambda: shown(worker(), Worker("old@shop2"), known=(MAIL, "old@shop2")),
    "stuck": lambda: shown(worker(), queues=[Queue("celery", 40, 0, 1)], moving={"celery": False}),
    "beat frozen": lambda: shown(worker(), beat=beat("frozen", pids=[812]), where="localhost"),
    "lost": lambda: shown(worker(), recorder=recorder(kind="tasks_lost", count=2)),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_page_shows_the_sentences_of_status_as_they_are_printed(situation: str) -> None:
    said = re.search(r"^! .*?(?=\n\n|\n\? )", SITUATIONS[situation](), re.MULTILINE | re.DOTALL)
    assert said is not None
    assert said[0] + "\n" in BLOCKS


def test_every_sentence_of_status_on_the_page_is_one_of_these() -> None:
    assert len([block for block in BLOCKS if block.startswith("!")]) == len(SITUATIONS)


def test_the_page_shows_queues_and_tasks_as_status_does() -> None:
    busy = worker(tasks={"active": [EXPORT]})
    printed = shown(busy, queues=[Queue("celery", 480, 8, 1), Queue("reports", 24, 1, 1)])
    tables = [block for block in BLOCKS if block.startswith(("QUEUE", "TASK IN HAND"))]
    assert len(tables) == 2
    assert [table for table in tables if table not in printed + "\n"] == []


def test_the_page_shows_what_a_deployment_says_of_a_worker_that_will_not_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    watched = watch.Watched({"name": "shop-mail", "log": str(log)})
    log.write_text("ModuleNotFoundError: No module named 'shop'\n")
    dead = Health(detail="Exited too quickly (process log may have details)")
    said = watched.report(watched.failure(dead, False)).replace(str(log), "/var/log/taskstack/shop/shop-mail.log")
    assert said + "\n" in BLOCKS


def test_the_page_shows_the_counts_of_resubmit_in_the_playbook_s_words() -> None:
    report = yaml.safe_load((ROOT / "playbooks/resubmit.yml").read_text())[1]["tasks"][0]
    words = " ".join(re.sub(r"\{\{.*?\}\}", "", report["ansible.builtin.debug"]["msg"], flags=re.DOTALL).split())
    assert words.startswith("found, , skipped")
    assert "2 found, 2 sent, 0 skipped\n" in BLOCKS

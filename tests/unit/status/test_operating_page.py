"""What the page about operating shows is what status, the deployment and resubmit really say."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.taskstack.celery.plugins.module_utils import _broker_errors, _watch
from ansible_collections.taskstack.celery.plugins.module_utils._control import Reply
from ansible_collections.taskstack.celery.plugins.module_utils._facts import Facts
from ansible_collections.taskstack.celery.plugins.module_utils._queues import Queue
from ansible_collections.taskstack.celery.plugins.module_utils._replies import Inspection
from ansible_collections.taskstack.celery.plugins.module_utils._report import fold
from ansible_collections.taskstack.celery.plugins.module_utils._supervision import Health
from ansible_collections.taskstack.celery.plugins.module_utils._workers import METHODS
from ansible_collections.taskstack.celery.plugins.plugin_utils import _table
from fake_stack import Worker

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/operating.md").read_text()
BLOCKS = re.findall(r"^```text[^\n]*\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
RUNNING = {"state": "running", "version": "3.10.8", "erlang": "25.2.3", "alarms": [], "detail": None}
MAIL = "mail@localhost"
EXPORT = {"id": "0a9e32fc-3666-43d3-8fe8-fb585387c004", "name": "shop.confirm", "time_start": 2e9 - 412}


def shown(*workers: Worker, known: t.Sequence[str] = (MAIL,), **facts: t.Any) -> str:
    """The table of status for the stack of the page."""
    replies = [Reply(method, worker.name, worker.answer(method, {})) for worker in workers for method in METHODS]
    base: dict[str, t.Any] = {
        **{"now": 2e9, "broker": RUNNING, "queues": [], "name": "shop", "supervisor": "supervisord"},
        **{"expected_workers": [{"node": MAIL, "queues": ["celery"]}]},
        **{"inspection": Inspection(list(known), METHODS, replies)},
    }
    return _table.render(fold(Facts(**{**base, **facts})))


def worker(**more: t.Any) -> Worker:
    return Worker(MAIL, **more)


def no_answer() -> dict[str, t.Any]:
    said = _broker_errors.no_answer("http://127.0.0.1:15672", OSError(111, "Connection refused"))
    return {"broker": {"state": "down", "detail": str(said)}, "queues": None, "inspection": None}


def lost() -> list[str]:
    """The sentence of the recorder, in whose source it is one text."""
    source = (ROOT / "plugins/module_utils/_recording.py").read_text()
    parts = re.search(r'f"\{lost\} (task\(s\) are lost[^"]*)"\s+"([^"]*)"', source)
    assert parts is not None
    return ["2 " + parts[1] + parts[2]]


SITUATIONS = {
    "no consumer": lambda: shown(worker(), queues=[Queue("celery", 0, 0, 1), Queue("reports", 3, 0, 0)]),
    "unknown task": lambda: shown(worker(), expected_tasks=["shop.confirm"]),
    "no broker": lambda: shown(**no_answer()),
    "worker down": lambda: shown(known=()),
    "worker frozen": lambda: shown(),
    "wedged": lambda: shown(worker(), queues=[Queue("celery", 40, 0, 1, growth=1.0)]),
    "lost": lambda: shown(worker(), recorder=lost()),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_page_shows_the_sentences_of_status_as_they_are_printed(situation: str) -> None:
    said = re.search(r"^! .*?(?=\n\n)", SITUATIONS[situation](), re.MULTILINE | re.DOTALL)
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
    watched = _watch.Watched({"name": "shop-mail", "log": str(log)})
    log.write_text("ModuleNotFoundError: No module named 'shop'\n")
    dead = Health(detail="Exited too quickly (process log may have details)")
    said = watched.report(watched.failure(dead, False)).replace(str(log), "/var/log/taskstack/shop/shop-mail.log")
    assert said + "\n" in BLOCKS


def test_the_page_shows_the_counts_of_resubmit_in_the_playbook_s_words() -> None:
    report = yaml.safe_load((ROOT / "playbooks/resubmit.yml").read_text())[1]["tasks"][0]
    words = " ".join(re.sub(r"\{\{.*?\}\}", "", report["ansible.builtin.debug"]["msg"], flags=re.DOTALL).split())
    assert words.startswith("found, , skipped")
    assert "2 found, 2 sent, 0 skipped\n" in BLOCKS

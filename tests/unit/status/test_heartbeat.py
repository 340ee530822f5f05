"""What beat writes about itself is read with care, and told when something is wrong with it or with the schedule."""

from __future__ import annotations

import importlib.util
import json
import os
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._status import heartbeat
from fake_stack import Worker
from reports import NOW, beat, blind, kinds, report

ROOT = next(folder for folder in Path(__file__).parents if (folder / "galaxy.yml").exists())
TOLD = {
    "format": 1,
    "pid": 7,
    "ticked": NOW - 5,
    "next": NOW + 15,
    "scheduler": "celery.beat:PersistentScheduler",
    "entries": [
        {"name": "nightly", "task": "app.add", "schedule": "<crontab>", "sent": [[NOW - 9, "id-2"], [NOW - 99, "id-1"]]}
    ],
}


def entry(**change: t.Any) -> dict[str, t.Any]:
    return {**TOLD["entries"][0], **change}  # type: ignore[index]


def told(folder: Path, **change: t.Any) -> dict[str, t.Any] | None:
    file = folder / "heartbeat.json"
    file.write_text(json.dumps({**TOLD, **change}))
    return heartbeat.read(str(file), NOW)


def judged(folder: Path, *, tasks: t.Sequence[t.Any] = (), workers: t.Any = None, **change: t.Any) -> dict[str, t.Any]:
    found = {**beat(), "heartbeat": told(folder, **change)}
    return report(*(workers or [Worker("a@h")]), beat=found, tasks=list(tasks))


def task(state: str, task_id: str = "id-2") -> dict[str, t.Any]:
    return {"id": task_id, "name": "app.add", "state": state, "received": NOW, "started": NOW, "ended": NOW - 7200,
            "worker": "a@h"}  # fmt: skip


def test_a_beat_that_ticks_and_sends_known_tasks_is_healthy(tmp_path: Path) -> None:
    found = judged(tmp_path, tasks=[task("succeeded")])
    assert found["problems"] == []
    (row,) = found["schedule"]
    assert (row["entry"], row["task"], row["sent"], row["state"]) == ("nightly", "app.add", NOW - 9, "succeeded")


def test_a_beat_that_lives_and_does_not_look_at_its_schedule_is_told(tmp_path: Path) -> None:
    found = judged(tmp_path, next=NOW - 600)
    assert kinds(found) == ["beat_not_ticking"]
    assert "should have looked at its schedule 10 minutes ago" in found["problems"][0]


def test_a_frozen_beat_is_told_once(tmp_path: Path) -> None:
    found = report(Worker("a@h"), beat={**beat("frozen"), "heartbeat": told(tmp_path, next=NOW - 600)})
    assert kinds(found) == ["beat_frozen"]


def test_what_an_earlier_beat_left_says_nothing_about_this_one(tmp_path: Path) -> None:
    found = judged(tmp_path, pid=6, next=NOW - 600)
    assert found["problems"] == [] and found["schedule"] == []


def test_a_scheduled_task_that_no_worker_knows_is_told(tmp_path: Path) -> None:
    found = judged(tmp_path, entries=[entry(task="app.gone"), entry(name="celery", task="celery.backend_cleanup")])
    assert kinds(found) == ["schedule_unknown_task"]
    assert found["problems"][0].startswith("The scheduled task nightly is app.gone, which no worker knows")


@pytest.mark.parametrize("known", [["a@h", "b@h"], []])
def test_as_long_as_a_worker_might_know_the_task_nothing_is_told(tmp_path: Path, known: list[str]) -> None:
    found = {**beat(), "heartbeat": told(tmp_path, entries=[entry(task="app.gone")])}
    told_of = report(*([Worker("a@h")] if known else []), known=known, beat=found) if known else blind(beat=found)
    assert "schedule_unknown_task" not in kinds(told_of)


@pytest.mark.parametrize(("state", "kind"), [("refused", "schedule_refused"), ("failed", "schedule_failed")])
def test_a_scheduled_task_that_ended_badly_is_told(tmp_path: Path, state: str, kind: str) -> None:
    found = judged(tmp_path, tasks=[task(state), task("succeeded", "id-1")])
    assert kinds(found) == [kind]


def test_a_scheduled_task_that_failed_and_then_ended_well_is_not_told(tmp_path: Path) -> None:
    assert judged(tmp_path, tasks=[task("succeeded"), task("failed", "id-1")])["problems"] == []


def test_a_task_that_could_not_be_sent_is_told_with_its_error(tmp_path: Path) -> None:
    found = judged(tmp_path, entries=[entry(error="OperationalError", failed=NOW - 60)])
    assert kinds(found) == ["schedule_unsent"] and "OperationalError" in found["problems"][0]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"null", b"{", b"\xff", b"[" * 100000, b'{"pid": 7}',
        *(json.dumps({**TOLD, **change}).encode() for change in (
            {"pid": "x"}, {"ticked": "soon"}, {"next": float("nan")}, {"next": float("inf")}, {"entries": 5},
            {"entries": [5]}, {"entries": [{"name": "x"}]}, {"entries": [entry(sent=[1])]},
        )),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_no_heartbeat(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "heartbeat.json").write_bytes(content)
    assert heartbeat.read(str(tmp_path / "heartbeat.json"), NOW) is None


def test_neither_a_link_nor_a_pipe_nor_a_device_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(json.dumps(TOLD))
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    assert [heartbeat.read(str(tmp_path / name), NOW) for name in ("link", "pipe", "nothing")] == [None] * 3
    assert heartbeat.read("/dev/zero", NOW) is None


def test_what_is_read_is_bounded(tmp_path: Path) -> None:
    many = told(tmp_path, entries=[entry(name=f"{number:05}" + "x" * 500) for number in range(600)])
    assert many and len(many["entries"]) == 500 and {len(row["entry"]) for row in many["entries"]} == {200}


class Schedule(dict):  # type: ignore[type-arg]
    """What a scheduler of Celery has, as far as the heartbeat asks."""

    @property
    def schedule(self) -> dict[str, t.Any]:
        """Itself."""
        return self


def test_what_beat_writes_is_what_status_reads(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("heartbeat", ROOT / "roles/application/files/taskstack_heartbeat.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    file = tmp_path / "heartbeat.json"
    entries = Schedule(nightly=type("Entry", (), {"name": "nightly", "task": "app.add", "schedule": "at night"})())
    writer = module.Heartbeat(str(file), "celery.beat:Scheduler")
    writer.sent(entries["nightly"], "id-1")
    assert writer.ticked(entries, 300) == 20
    # Written a moment ago: it only asks to be called again soon.
    written = file.stat().st_ino
    assert writer.ticked(entries, 300) == 1 and file.stat().st_ino == written
    found = heartbeat.read(str(file), time.time())
    assert found and found["pid"] == os.getpid() and -20 <= found["late"] <= 0
    assert found["entries"][0]["ids"] == ["id-1"] and not list(tmp_path.glob("*.draft"))


def test_a_heartbeat_that_cannot_be_written_stops_no_beat(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("heartbeat", ROOT / "roles/application/files/taskstack_heartbeat.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    writer = module.Heartbeat(str(tmp_path / "nowhere" / "file"), "x")
    assert writer.ticked(Schedule(), 300) == 20

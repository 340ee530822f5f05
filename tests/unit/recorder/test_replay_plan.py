# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which messages are sent again, and what the module says about it."""

from __future__ import annotations

import contextlib
import itertools
import os

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import lost as reader
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import records as writer
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import replay
from ansible_collections.taskstack.celery.plugins.modules import resubmit
from hypothesis import given
from hypothesis import strategies as st

NOW = 10_000.0
runs = (f"{number:011x}-1-1" for number in itertools.count())


def record(id="1f", state="OPEN", **about):
    folder = "open" if state == "OPEN" else "failed"
    run = next(runs)
    fields = {"retries": 0, "task": "app.work", "time": NOW - 100, "node": "mail@host", "pid": 1, "born": None, **about}
    fields = {"exchange": "", "routing_key": "celery", "queue": fields.get("routing_key", "celery"), **fields}
    fields = {"redelivered": False, "held": False, **fields}
    return reader.Record(folder=folder, file=run, state=state, run=run, id=id, **fields)


def seen(gone, over=(), copies=()):
    found = reader.Look()
    found.gone, found.over, found.copies = gone, dict(over), dict(copies)
    return found


def sent(gone, held=(), **wish):
    return [item.id for item in replay.plan(seen(gone), held, replay.Wish(**wish), NOW).send]


def test_by_default_only_lost_tasks_are_sent():
    states = ["OPEN", "FAILURE", "REVOKED", "REFUSED", "REJECTED"]
    gone = [record(f"{number}f", state) for number, state in enumerate(states, 1)]
    assert sent(gone) == ["1f"]
    assert sent(gone, states=["lost", "failed"]) == ["1f", "2f", "5f"]


def test_every_filter_narrows():
    gone = [
        record("1f", task="app.mail"),
        record("2f", routing_key="slow"),
        record("3f", time=NOW - 1000),
        record("4f", time=NOW - 1),
    ]
    assert sent(gone, tasks=["app.m*"]) == ["1f"]
    assert sent(gone, queues=["slow"]) == ["2f"]
    assert sent(gone, ids=["2f", "4f", "9f"]) == ["2f", "4f"]
    assert sent(gone, older_than=500) == ["3f"]
    assert sent(gone, newer_than=50) == ["4f"]
    assert sent(gone, limit=2) == ["1f", "2f"]


def test_what_is_held_ended_or_delivered_again_is_skipped_with_its_reason():
    first, second, third = record("1f"), record("2f"), record("3f")
    copy = record("3f", redelivered=True, time=NOW)
    found = seen([first, second, third, copy], {first.run: "SUCCESS"}, {third.run: copy.run})
    plan = replay.plan(found, {"2f"}, replay.Wish(), NOW)
    assert (plan.send, plan.copies, plan.drop) == ([copy], {copy.run: [third]}, [first])
    assert [reason for _, reason in plan.skipped] == [
        "the task has ended after all: SUCCESS",
        "a live worker holds the task",
        "the broker delivered it again, and the later copy counts",
    ]


def test_two_tasks_that_share_an_identifier_are_both_sent():
    assert sent([record("nightly"), record("nightly", time=NOW)]) == ["nightly", "nightly"]


@given(
    states=st.lists(st.sampled_from(["OPEN", "FAILURE", "REVOKED", "REFUSED"]), max_size=12),
    wished=st.lists(st.sampled_from(["lost", "failed", "revoked", "refused"])),
    held=st.sets(st.integers(0, 12)),
    limit=st.none() | st.integers(0, 5),
)
def test_whatever_is_found_is_either_sent_or_skipped_and_nothing_else_is(states, wished, held, limit):
    gone = [record(f"{number}", state) for number, state in enumerate(states)]
    plan = replay.plan(seen(gone), {str(number) for number in held}, replay.Wish(states=wished, limit=limit), NOW)
    handled = plan.send + [item for item, _ in plan.skipped]
    assert sorted(handled, key=lambda item: item.run) == plan.found
    assert all(replay.STATES[item.state] in wished for item in plan.found)
    assert not any(item.id in {str(number) for number in held} for item in plan.send)
    assert limit is None or len(plan.send) <= limit


class Stack:
    """A host with a recorder's directory and a broker, as the module sees it."""

    def __init__(self, directory, answers=()):
        self.directory, self.queue = directory, []
        self.about = {"workers": [{"node": "mail@host", "queues": ["celery"]}]}
        self.answers = {"silent": [], "held": {}, **dict(answers)}
        self.records = writer.Records(directory, "resubmit")

    @contextlib.contextmanager
    def locked(self):
        yield

    def publisher(self, job):
        results = {}
        for folder, name, task_id, copies in job["send"]:
            self.queue.append(task_id)
            results[name] = "published"
            for gone in [(folder, name), *copies]:
                self.records.drop(*gone)
        for folder, name in job["drop"]:
            self.records.drop(folder, name)
        return {**self.answers, **results, "done": True}


@pytest.fixture
def stack(records):
    def make(**answers):
        made = Stack(records.directory, answers)
        for number in range(3):
            about = {**record(str(number))._asdict(), "content_type": None, "content_encoding": None}
            own = f"{number}-1-1", about["id"], about["time"]
            common = tuple(about[name] for name in writer.COMMON)
            records.put("open", own[0], writer.pack(own, writer.describe(common), ({}, {}), b"[]"))
        return made

    return make


def run(stack, check=False, **params):
    usual = {"states": ["lost"], "tasks": [], "queues": [], "ids": []}
    usual.update(older_than=None, newer_than=None, limit=None, force=False, command=[])
    return resubmit.run({**usual, **params}, stack, check, NOW)


def test_check_mode_foretells_the_run_and_sends_nothing(stack):
    host = stack(held={"1": "app.work"})
    predicted = run(host, check=True)
    assert host.queue == []
    assert run(host) == predicted
    assert host.queue == ["0", "2"]


def test_a_second_run_finds_nothing(stack):
    host = stack()
    assert len(run(host)["resubmitted"]) == 3
    assert run(host) == replay.summary(replay.Plan())


def test_a_silent_worker_forbids_it_unless_forced(stack):
    host = stack(silent=["mail@host"])
    with pytest.raises(TaskstackError, match="mail@host: connected, but no answer"):
        run(host)
    assert len(run(host, force=True)["resubmitted"]) == 3


def test_a_silent_worker_does_not_matter_where_nothing_that_is_wanted_is_kept(stack):
    host = stack(silent=["mail@host"])
    for name in os.listdir(os.path.join(host.directory, "open")):
        host.records.move("open", name, "failed", f"{name}.REFUSED")
    assert run(host) == replay.summary(replay.Plan())
    with pytest.raises(TaskstackError, match="connected, but no answer"):
        run(host, states=["refused"])


def test_the_result_never_has_arguments(stack):
    assert set(run(stack())["found"][0]) == {"id", "name", "state", "queue", "worker", "taken"}

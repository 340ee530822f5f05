# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an application's own command runs: never while what it would queue may wait or run, or while nobody knows."""

from __future__ import annotations

import contextlib
import types

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.modules import resubmit

NAMED = {"node": "mail@host", "queues": ["mail"], "queues_assumed": False, "state": "started"}
ASSUMED = {"node": "mail@host", "queues": ["celery"], "queues_assumed": True, "state": "started"}


class Host:
    """A host of a stack; its broker holds messages, its live workers consume, its commands print."""

    def __init__(self, *workers, messages=None, live=None, held=None, output="", login=True, silent=()):
        self.about = {"workers": workers}
        self.messages, self.live, self.held = messages or {}, live or {}, held or {}
        self.output, self.login, self.silent, self.commands = output, login, list(silent), []

    @contextlib.contextmanager
    def locked(self):
        yield

    def publisher(self, job):
        answers = {"silent": self.silent, "held": self.held, "done": True}
        if job["count"]:
            queues = {*job["count"], *(queue for names in self.live.values() for queue in names)}
            answers.update(consumed=self.live, waiting={queue: self.messages.get(queue, 0) for queue in queues})
        return answers

    def task_queues(self):
        if not self.login:
            raise TaskstackError("This host cannot reach the broker's management API.")
        return sorted(self.messages)

    def run(self, argv):
        self.commands.append(argv)
        failed = argv[0] == "broken"
        return types.SimpleNamespace(returncode=3 if failed else 0, stdout=self.output, stderr="line\nTraceback")


def run(host, check=False, **params):
    usual = {"command": ["again"], "command_tasks": [], "command_check": [], "command_confirmed": False, "queues": []}
    return resubmit.run({**usual, "force": False, **params}, host, check, 0.0)


def test_a_command_runs_when_nothing_waits_or_runs_and_check_mode_runs_nothing():
    host = Host(NAMED, live={"mail@host": ["mail"]})
    predicted = run(host, check=True)
    assert (predicted["changed"], host.commands) == (True, [])
    assert predicted["command"]["message"] == "the command would run: again"
    done = run(host)
    assert (done["changed"], done["command"]["rc"], host.commands) == (True, 0, [["again"]])
    assert done["command"]["message"] == "the command ran: again"


def test_a_command_does_not_run_while_one_of_its_tasks_runs():
    host = Host(NAMED, live={"mail@host": ["mail"]}, held={"9f": "app.resubmit"})
    result = run(host, command_tasks=["app.resubmit"])
    assert (result["changed"], host.commands) == (False, [])
    assert result["skipped"][0]["reason"] == "what the command would queue may still wait or run"
    assert result["command"]["running"] == {"app.resubmit": 1}
    assert result["command"]["message"] == "the command was not run: again (app.resubmit in hand: 1)"
    assert run(host, command_tasks=["app.other"])["changed"]


@pytest.mark.parametrize(
    ("host", "queues"),
    [
        (Host(NAMED, messages={"mail": 1}, live={"mail@host": ["mail"]}), []),
        (Host(ASSUMED, messages={"settings": 1}, live={"mail@host": ["settings"]}), []),
        (Host(NAMED, messages={"added": 1}, live={"mail@host": ["mail", "added"]}), []),
        (Host(NAMED, messages={"left": 1}, live={"mail@host": ["mail"], "unexpected@host": ["left"]}), []),
        (Host(ASSUMED, messages={"settings": 1}), []),
        (Host(ASSUMED, messages={"settings": 1}, live={"mail@host": []}), []),
        (Host(NAMED, messages={"anywhere": 1}), []),
        (Host(messages={"anywhere": 1}), []),
        (Host(NAMED, messages={"mail": 1}, live={"mail@host": []}), ["other"]),
        (Host(NAMED, messages={"other": 1}, live={"mail@host": ["mail"]}), ["other"]),
    ],
    ids=[
        "named in the inventory",
        "named by the application's settings",
        "added to a live worker",
        "of a worker that no inventory knows",
        "of a worker that is gone and names none",
        "of a worker that was told to consume nothing and names none",
        "any, where a worker is gone",
        "any, without a worker in the inventory",
        "named in the inventory, where the operator gives another",
        "given by the operator",
    ],
)
def test_a_message_in_a_queue_keeps_the_command_from_running(host, queues):
    result = run(host, queues=queues)
    assert (sum(result["command"]["waiting"].values()), host.commands) == (1, [])


def test_without_a_login_unknown_queues_refuse_the_command():
    for worker in (ASSUMED, NAMED, {"node": "old@host", "queues": ["mail"]}):
        host = Host(worker, login=False)
        with pytest.raises(TaskstackError, match=r"Nobody knows which queues .* consume.*management API"):
            run(host)
        assert host.commands == []


def test_a_worker_that_is_stopped_on_purpose_counts_with_its_named_queues_and_needs_no_login():
    assert run(Host({**NAMED, "state": "stopped"}, login=False))["changed"]
    assert not run(Host({**NAMED, "state": "stopped"}, messages={"mail": 1}, login=False))["changed"]


def test_a_count_that_the_broker_refuses_refuses_the_command():
    host = Host(NAMED, messages={"mail": None}, live={"mail@host": ["mail"]})
    with pytest.raises(TaskstackError, match="Cannot count the messages in mail"):
        run(host)
    assert host.commands == []


def test_nothing_to_count_refuses_the_command():
    with pytest.raises(TaskstackError, match="No queue of this stack is known"):
        run(Host())


def test_a_silent_worker_forbids_it_and_forced_all_queues_count():
    host = Host(NAMED, messages={"anywhere": 1}, silent=["mail@host"])
    with pytest.raises(TaskstackError, match="mail@host: connected, but no answer"):
        run(host)
    assert not run(host, force=True)["changed"]


def test_what_the_command_would_touch_is_shown_before_it_runs():
    host = Host(NAMED, live={"mail@host": ["mail"]}, output="Loading settings\nwould: process 8 rows\n")
    predicted = run(host, check=True, command_check=["look"])
    assert (predicted["changed"], host.commands) == (True, [["look"]])
    assert predicted["command"]["message"] == "the command would run: again (process 8 rows)"
    run(host, command_check=["look"])
    assert host.commands[1:] == [["look"], ["again"]]


def test_a_refusal_of_the_check_holds_until_it_is_confirmed():
    host = Host(NAMED, live={"mail@host": ["mail"]}, output="refuse: 1 row has no answer\n")
    for check in (True, False):
        result = run(host, check=check, command_check=["look"])
        reason = "1 row has no answer. Set command_confirmed to run it all the same"
        assert (result["changed"], result["skipped"][0]["reason"]) == (False, reason)
    assert host.commands == [["look"], ["look"]]
    confirmed = run(host, command_check=["look"], command_confirmed=True)
    assert (confirmed["changed"], confirmed["command"]["refuse"]) == (True, ["1 row has no answer"])


def test_a_check_that_fails_or_says_nothing_refuses_the_command():
    host = Host(NAMED, live={"mail@host": ["mail"]}, output="Loading settings\n")
    with pytest.raises(TaskstackError, match="command_check printed no line"):
        run(host, command_check=["look"], command_confirmed=True)
    with pytest.raises(TaskstackError, match=r"broken ended with status 3\."):
        run(host, command_check=["broken"], command_confirmed=True)
    assert host.commands == [["look"], ["broken"]]


def test_a_command_that_fails_shows_its_last_lines():
    with pytest.raises(TaskstackError, match=r"status 3\. Its last lines: line"):
        run(Host(NAMED, live={"mail@host": ["mail"]}), command=["broken"])

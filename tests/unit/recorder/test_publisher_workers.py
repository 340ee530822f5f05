# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the publisher hears from workers that tell all at once, that do not know that question, or that say nothing."""

from __future__ import annotations

import types

from ansible_collections.taskstack.celery.plugins.module_utils._recorder.publisher import TASK_LISTS, Workers


class Stack:
    """Workers, and the broker with a queue for each; every worker that is asked is noted."""

    def __init__(self, together=(), apart=(), silent=()):
        self.together, self.apart, self.connected = together, apart, {*together, *apart, *silent}
        self.asked = []
        self.control = types.SimpleNamespace(
            mailbox=types.SimpleNamespace(namespace="celery"), broadcast=self.broadcast
        )
        self.connection = None

    def exists(self, queue):
        return queue.removesuffix(".celery.pidbox") in self.connected

    def lists(self, node):
        tasks = {"active": [{"id": f"{node}1", "name": "app.add"}], "reserved": []}
        return {**tasks, "scheduled": [{"eta": None, "request": {"id": f"{node}2", "name": "app.add"}}]}

    def broadcast(self, method, arguments, destination, **_options):
        self.asked.append((method, destination))
        replies = []
        # Whoever is there hears what is said to all.
        for node in destination or sorted(self.connected):
            if method == "taskstack_inspect" and node in self.together:
                replies.append({node: self.lists(node)})
            elif method == "taskstack_inspect" and node in self.apart:
                replies.append({node: {"error": "KeyError('taskstack_inspect')"}})
            elif method == "active_queues" and node in {*self.together, *self.apart}:
                replies.append({node: [{"name": f"{node}-2"}, {"name": f"{node}-1"}]})
            elif node in self.apart:
                replies.append({node: self.lists(node)[method]})
        return replies or None


def heard(stack, *nodes):
    return Workers(stack, stack, nodes)


def test_workers_with_the_recorder_are_asked_once():
    stack = Stack(together=["a", "b"])
    workers = heard(stack, "a", "b", "gone")
    assert sorted(workers.held) == ["a1", "a2", "b1", "b2"] and workers.silent == []
    assert stack.asked == [("taskstack_inspect", None)]


def test_a_worker_that_does_not_know_the_question_is_asked_for_each_list():
    stack = Stack(together=["a"], apart=["b"])
    workers = heard(stack, "a", "b")
    assert sorted(workers.held) == ["a1", "a2", "b1", "b2"] and workers.silent == []
    assert stack.asked[1:] == [(method, ["b"]) for method in TASK_LISTS]


def test_a_worker_that_says_nothing_is_silent_and_its_silence_is_waited_for_once():
    stack = Stack(together=["a"], silent=["z"])
    assert heard(stack, "a", "z").silent == ["z"]
    assert stack.asked == [("taskstack_inspect", None), ("taskstack_inspect", ["z"])]


def test_without_a_connected_worker_nobody_is_waited_for():
    stack = Stack()
    assert heard(stack, "a").silent == [] and stack.asked == [("taskstack_inspect", None)]


def test_a_worker_that_no_inventory_knows_is_asked_too():
    stack = Stack(together=["a", "left-behind"])
    assert sorted(heard(stack, "a").held) == ["a1", "a2", "left-behind1", "left-behind2"]


def test_workers_that_answer_tell_the_queues_that_they_consume():
    stack = Stack(together=["a", "left-behind"], apart=["b"], silent=["z"])
    told = heard(stack, "a", "b", "z").consumed()
    assert told == {node: [f"{node}-1", f"{node}-2"] for node in ("a", "b", "left-behind")}
    assert stack.asked[-1] == ("active_queues", ["a", "b", "left-behind"])

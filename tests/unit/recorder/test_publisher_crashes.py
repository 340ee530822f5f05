# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The publisher, killed at every single step that it takes, against a broker that goes on with what it has received."""

from __future__ import annotations

import collections
import os
import random

import pytest
import taskstack_publisher
import taskstack_records
from taskstack_publisher import Batch


class Killed(BaseException):
    """Nothing after it runs, as with ``kill -9``."""


class Server:
    """A broker with queues, which takes what clients sent in their order, whenever it likes."""

    def __init__(self, seed=0):
        self.dice, self.queues = random.Random(seed), {"celery": []}
        self.steps = self.until = 0

    def step(self):
        """Die here, if it is the turn of this step."""
        self.steps += 1
        if self.steps == self.until:
            raise Killed


class Channel:
    """What :class:`taskstack_publisher.Amqp` offers; sent messages arrive late, but in order."""

    def __init__(self, server, allowed=True):
        self.server, self.allowed, self.rejects = server, allowed, False
        self.wire, self.waiting, self.ended = collections.deque(), [], []

    def arrive(self, some=True):
        while self.wire and (not some or self.server.dice.random() < 0.7):
            claim, queue, content = self.wire.popleft()
            routed = queue in self.server.queues
            if claim is None:
                self.server.queues[queue] = [content]
            else:
                self.server.queues[queue].append(content) if routed else None
                self.ended.append((claim, "published" if routed else "unroutable"))

    def routes(self, exchange, routing_key):
        return bool(exchange) or routing_key in self.server.queues

    def open_marker(self, queue):
        self.server.step()
        if self.allowed:
            self.server.queues.setdefault(queue, [])
        return self.allowed

    def close_marker(self, queue):
        self.server.step()
        self.server.queues.pop(queue, None)

    def read_marker(self, queue):
        self.arrive(some=False)
        return self.server.queues.get(queue, [0])[0] if self.server.queues.get(queue) else 0

    def mark(self, queue, number):
        self.server.step()
        self.wire.append((None, queue, number))

    def publish(self, claim, head, body):
        self.server.step()
        self.waiting.append(claim)
        self.wire.append((claim, head["routing_key"], head["id"]))
        self.arrive()

    def settle(self, most, settled):
        self.server.step()
        self.arrive(some=most > 0)
        ended, self.ended = self.ended, []
        for claim, outcome in ended:
            self.waiting.remove(claim)
            settled(claim, outcome)


class Files(taskstack_records.Records):
    """The real files, of a process that can be killed between any two changes."""

    server: Server

    def move(self, *names):
        self.server.step()
        return super().move(*names)

    def drop(self, *names):
        self.server.step()
        return super().drop(*names)

    def append(self, record):
        self.server.step()
        return super().append(record)


COUNT = 12


@pytest.fixture
def lay(tmp_path):
    """Make a directory with lost messages and a broker."""
    made = iter(range(10**6))

    def begin(exchange="", queue="celery", seed=0):
        records = Files(str(tmp_path / str(next(made))), "resubmit")
        records.server = Server(seed)
        records.prepare()
        for number in range(COUNT):
            own = f"{number:03}-0-0", str(number), 1.0
            common = exchange, queue, False, None, None, "t", 0, "mail@host", 1, None
            records.put("open", own[0], taskstack_records.pack(own, common, ({}, {}), b"[]"))
        return records

    return begin


def resubmit(records, allowed=True, batch="b", wire=None):
    """What the module makes the publisher do: finish what was begun, then send all that is there."""
    told = []
    channel = Channel(records.server, allowed)
    if wire is not None:
        # What the killed publisher had sent is still on its way, and arrives.
        channel.wire, wire[:] = collections.deque(wire), []
        channel.arrive(some=False)
        channel.ended.clear()
    channels.append(channel)
    for name in sorted(os.listdir(records.path("sending"))):
        Batch(records, channel, name, lambda *result: told.append(result)).recover()
    items = [("open", name) for name in sorted(os.listdir(records.path("open")))]
    Batch(records, channel, batch, lambda *result: told.append(result)).send(items)
    return told


channels: list[Channel] = []


def left(records):
    return [name for folder in ("open", "sending") for name in os.listdir(records.path(folder))]


def test_all_messages_arrive_once_and_nothing_is_left(lay):
    records = lay()
    resubmit(records)
    assert (records.server.queues, left(records)) == ({"celery": [str(n) for n in range(COUNT)]}, [])
    resubmit(records, batch="c")
    assert len(records.server.queues["celery"]) == COUNT


@pytest.mark.parametrize(("exchange", "allowed"), [("", True), ("topic", True), ("", False)])
def test_killed_at_any_step_it_loses_nothing_and_repeats_one_message_at_most(lay, exchange, allowed):
    once = lay(exchange)
    resubmit(once, allowed)
    assert once.server.steps > 3 * COUNT
    for until in range(1, once.server.steps + 1):
        records = lay(exchange, seed=until)
        records.server.until = until
        with pytest.raises(Killed):
            resubmit(records, allowed)
        wire = list(channels[-1].wire)
        # What the killed one had sent arrives in full, in part or not at all.
        wire = wire[: records.server.dice.randint(0, len(wire))]
        resubmit(records, allowed, "c", wire)
        arrived = collections.Counter(records.server.queues["celery"])
        assert sorted(arrived) == sorted(str(n) for n in range(COUNT)), f"lost, killed at step {until}"
        assert sum(arrived.values()) <= COUNT + 1, f"repeated, killed at step {until}"
        assert left(records) == []


def test_killed_again_and_again_it_loses_nothing_and_repeats_one_message_per_kill_at_most(lay):
    for seed in range(20):
        records, kills = lay(seed=seed), 0
        wire = []
        while left(records):
            records.server.until = records.server.steps + records.server.dice.randint(2, 25)
            try:
                resubmit(records, batch=f"b{kills}", wire=wire)
            except Killed:
                kills += 1
                wire = list(channels[-1].wire)
        arrived = collections.Counter(records.server.queues["celery"])
        assert len(arrived) == COUNT
        assert sum(arrived.values()) <= COUNT + kills


def test_a_message_for_a_queue_that_is_gone_is_reported_and_kept(lay):
    records = lay(queue="gone")
    assert {result for _, result in resubmit(records)} == {"unroutable"}
    assert len(os.listdir(records.path("open"))) == COUNT


def test_a_message_that_finds_no_queue_behind_its_exchange_is_reported_and_kept(lay):
    records = lay("topic", queue="gone")
    assert {result for _, result in resubmit(records)} == {"unroutable"}
    assert len(os.listdir(records.path("open"))) == COUNT


def test_a_damaged_message_is_reported_and_kept(lay):
    records = lay()
    with open(records.path("open", "003-0-0"), "ab") as stream:
        stream.write(b"!")
    assert ("003-0-0", "damaged") in resubmit(records)
    assert os.listdir(records.path("open")) == ["003-0-0"]


def test_a_failed_message_goes_back_among_the_failed(lay):
    records = lay(queue="gone")
    records.move("open", "003-0-0", "failed", "003-0-0.FAILURE")
    channel = Channel(records.server)
    Batch(records, channel, "b", lambda *_: None).send([("failed", "003-0-0.FAILURE")])
    assert os.listdir(records.path("failed")) == ["003-0-0.FAILURE"]


def test_what_has_gone_in_the_meantime_is_not_sent(lay):
    records, told = lay(), []
    Batch(records, Channel(records.server), "b", lambda *result: told.append(result)).send([("open", "999-0-0")])
    assert (told, records.server.queues) == ([("999-0-0", "gone")], {"celery": []})


def test_a_return_is_matched_with_the_message_that_it_is_about():
    amqp = taskstack_publisher.Amqp.__new__(taskstack_publisher.Amqp)
    amqp.waiting, amqp.ended, amqp.returned, amqp.rejects = {}, [], set(), False
    amqp.waiting = {1: ("1.a", "id-a", "q"), 2: ("2.b", "id-b", "gone"), 3: ("3.b", "id-b", "gone")}
    returned = type("Returned", (), {"properties": {"correlation_id": "id-b"}})
    amqp._returned(312, "NO_ROUTE", "", "gone", returned)
    amqp._acked(2, True)
    amqp._nacked(3, False)
    assert amqp.ended == [("1.a", "published"), ("2.b", "unroutable"), ("3.b", "rejected")]

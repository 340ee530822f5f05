# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The publisher, killed at every single step that it takes, against a broker that goes on with what it has received."""

from __future__ import annotations

import collections
import os
import random

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import records as writer
from ansible_collections.taskstack.celery.plugins.module_utils._recorder.publisher import Batch, recover


class Killed(BaseException):
    """Nothing after it runs, as with ``kill -9``."""


class Server:
    """A broker with queues."""

    def __init__(self, seed=0):
        self.dice, self.queues = random.Random(seed), {"celery": []}
        self.steps = self.until = 0

    def step(self):
        """Die here, if it is the turn of this step."""
        self.steps += 1
        if self.steps == self.until:
            raise Killed


class Channel:
    """What :class:`publisher.Amqp` offers; a message that was sent may arrive when its publisher is dead."""

    def __init__(self, server, refused=()):
        self.server, self.refused, self.wire = server, refused, []

    def publish(self, head, body):
        self.server.step()
        self.wire.append((head["routing_key"], head["id"]))
        self.server.step()
        outcome = self.arrive()
        self.server.step()
        return outcome

    def arrive(self):
        queue, task_id = self.wire.pop()
        if task_id in self.refused:
            return "rejected"
        if queue not in self.server.queues:
            return "unroutable"
        self.server.queues[queue].append(task_id)
        return "published"


class Files(writer.Records):
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
            common = exchange, queue, False, None, None, None, "t", 0, "mail@host", 1, None
            records.put("open", own[0], writer.pack(own, writer.describe(common), ({}, {}), b"[]"))
        return records

    return begin


def resubmit(records, batch="b", wire=None, refused=(), copies=()):
    """What the module makes the publisher do: finish what was begun, then send all that is there."""
    told = []
    channel = Channel(records.server, refused)
    if wire and records.server.dice.random() < 0.5:
        # What the killed publisher had sent arrives after its death.
        channel.wire = wire
        channel.arrive()
    channels.append(channel)
    recover(records, channel, lambda *result: told.append(result))
    names = [name for name in sorted(os.listdir(records.path("open"))) if name not in copies]
    items = [("open", name, [("open", copy) for copy in copies]) for name in names]
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


@pytest.mark.parametrize("exchange", ["", "topic"])
def test_killed_at_any_step_it_loses_nothing_and_repeats_one_message_at_most(lay, exchange):
    once = lay(exchange)
    resubmit(once)
    assert once.server.steps > 3 * COUNT
    for until in range(1, once.server.steps + 1):
        records = lay(exchange, seed=until)
        records.server.until = until
        with pytest.raises(Killed):
            resubmit(records)
        resubmit(records, "c", list(channels[-1].wire))
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


def test_a_confirmed_message_is_not_sent_again_though_its_publisher_died_before_it_was_removed(lay):
    records = lay()
    messages = sorted(os.listdir(records.path("open")))
    for name in messages[1:]:
        records.drop("open", name)
    append = records.append
    records.append = lambda record: (append(record), setattr(records.server, "until", records.server.steps + 1))
    with pytest.raises(Killed):
        resubmit(records)
    assert [name.partition(".")[2] for name in os.listdir(records.path("sending", "b"))] == messages[:1]
    records.append = append
    assert [result for _, result in resubmit(records, "c")] == ["published"]
    assert (records.server.queues["celery"], left(records)) == (["0"], [])


def test_killed_at_any_step_a_superseded_copy_is_never_sent_by_itself(lay):
    copies = [f"{number:03}-0-0" for number in range(1, COUNT)]
    for until in range(1, 60):
        records = lay(seed=until)
        records.server.until = until
        try:
            resubmit(records, copies=copies)
        except Killed:
            # The next plan sees what is there: without their message the copies must not be.
            if "000-0-0" in os.listdir(records.path("open")) or os.listdir(records.path("sending")):
                resubmit(records, "c", list(channels[-1].wire), copies=copies)
        assert set(records.server.queues["celery"]) == {"0"}, f"killed at step {until}"
        assert left(records) == [], f"killed at step {until}"


def test_one_message_that_the_broker_refuses_does_not_keep_back_the_others(lay):
    records = lay()
    told = dict(resubmit(records, refused=("3",)))
    assert told.pop("003-0-0") == "rejected"
    assert (set(told.values()), os.listdir(records.path("open"))) == ({"published"}, ["003-0-0"])


def test_what_a_publisher_of_the_version_before_left_is_sent_and_nothing_of_it_is_dropped(lay):
    records = lay()
    os.mkdir(records.path("sending", "old"))
    for number, name in enumerate(sorted(os.listdir(records.path("open"))), 1):
        records.move("open", name, "sending/old", f"{number}.{name}")
    os.unlink(records.path("sending/old", "1.000-0-0"))
    open(records.path("sending/old", "no number"), "w").close()
    resubmit(records)
    assert records.server.queues["celery"] == [str(number) for number in range(1, COUNT)]
    assert os.listdir(records.path("open")) == ["no number"]


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
    Batch(records, channel, "b", lambda *_: None).send([("failed", "003-0-0.FAILURE", [])])
    assert os.listdir(records.path("failed")) == ["003-0-0.FAILURE"]


def test_what_has_gone_in_the_meantime_is_not_sent(lay):
    records, told = lay(), []
    Batch(records, Channel(records.server), "b", lambda *result: told.append(result)).send([("open", "999-0-0", [])])
    assert (told, records.server.queues) == ([("999-0-0", "gone")], {"celery": []})

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scheduled tasks and the prefetch count, on a channel that counts per consumer as RabbitMQ does."""

from __future__ import annotations

import itertools
import types
import typing as t

import pytest
import taskstack_prefetch


class Channel:
    """One queue of messages; a consumer gets as many as its prefetch count was when it began."""

    def __init__(self) -> None:
        self.ready: list[str] = []
        self.consumers: dict[str, tuple[int, t.Any]] = {}
        self.unacknowledged: dict[int, tuple[str, str]] = {}
        self.count, self.numbers, self.fewest = 4, itertools.count(1), 1

    def basic_qos(self, _size: int, count: int, _global: bool) -> None:
        self.count = count

    def basic_consume(self, consumer_tag: str, callback: t.Any) -> None:
        self.consumers[consumer_tag] = (self.count, callback)
        self.deliver()

    def basic_cancel(self, tag: str) -> None:
        del self.consumers[tag]
        self.fewest = min(self.fewest, len(self.consumers))

    def basic_ack(self, number: int) -> None:
        del self.unacknowledged[number]
        self.deliver()

    def basic_reject(self, number: int, requeue: bool) -> None:
        self.ready.append(self.unacknowledged.pop(number)[1])
        self.deliver()

    def publish(self, *kinds: str) -> None:
        self.ready += kinds
        self.deliver()

    def deliver(self) -> None:
        for tag, (count, callback) in list(self.consumers.items()):
            while self.ready and sum(held == tag for held, _ in self.unacknowledged.values()) < count:
                number, kind = next(self.numbers), self.ready.pop(0)
                self.unacknowledged[number] = (tag, kind)
                callback(types.SimpleNamespace(delivery_tag=number, kind=kind))


class Consumer:
    """What Celery makes of it: a task with an ETA raises the prefetch count, all others are its work."""

    def __init__(self, channel: Channel) -> None:
        self.channel, self.qos = channel, self.set_qos
        self._active_tags: dict[str, str] = {}
        self.numbers, self.work, self.scheduled = itertools.count(1), list[int](), list[int]()
        self.celery = QoS(lambda prefetch_count: self.qos(prefetch_count=prefetch_count, apply_global=False))

    def set_qos(self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False) -> None:
        self.channel.basic_qos(prefetch_size, prefetch_count, apply_global)

    def consume(self) -> None:
        if "celery" not in self._active_tags:
            self._active_tags["celery"] = tag = f"tag{next(self.numbers)}"
            self.channel.basic_consume(consumer_tag=tag, callback=self.received)

    def received(self, message: t.Any) -> None:
        (self.scheduled if message.kind == "eta" else self.work).append(message.delivery_tag)
        self.celery.value += message.kind == "eta"

    def loop(self) -> None:
        """What Celery's loop does before it waits for the next message."""
        for _ in range(50):
            if self.celery.prev != self.celery.value:
                self.celery.update()


class QoS:
    """Celery's own."""

    prev: t.Any = None

    def __init__(self, callback: t.Any) -> None:
        self.callback, self.value = callback, 4

    def update(self) -> None:
        count = self.value
        if count != self.prev:
            self.callback(prefetch_count=count)
            self.prev = count


@pytest.fixture
def consumer() -> Consumer:
    made = Consumer(Channel())
    taskstack_prefetch.watch(made.celery, taskstack_prefetch.Window(made, 4))
    made.consume()
    made.loop()
    return made


def test_a_task_is_taken_while_more_scheduled_ones_than_the_prefetch_wait(consumer: Consumer) -> None:
    consumer.channel.publish(*["eta"] * 8, "plain")
    consumer.loop()
    assert (len(consumer.scheduled), len(consumer.work)) == (8, 1)


def test_no_more_work_is_held_than_the_prefetch_allows(consumer: Consumer) -> None:
    consumer.channel.publish(*["eta", "plain"] * 100)
    for _ in range(100):
        consumer.loop()
        assert 0 < len(consumer.work) <= 4
        consumer.channel.basic_ack(consumer.work.pop(0))
    assert len(consumer.scheduled) == 100 and not consumer.channel.ready


def test_the_whole_prefetch_is_there_again_when_the_work_is_done(consumer: Consumer) -> None:
    consumer.channel.publish("eta", "plain", "plain", "plain", "eta", "eta", "eta")
    consumer.loop()
    for number in consumer.work:
        consumer.channel.basic_ack(number)
    consumer.loop()
    consumer.work.clear()
    consumer.channel.publish(*["plain"] * 10)
    assert len(consumer.work) == 4


def test_the_queue_is_never_without_a_consumer(consumer: Consumer) -> None:
    consumer.channel.publish(*["eta"] * 20)
    consumer.loop()
    assert (consumer.channel.fewest, len(consumer.channel.consumers)) == (1, 1)


def test_without_scheduled_tasks_no_consumer_is_replaced(consumer: Consumer) -> None:
    consumer.channel.publish(*["plain"] * 50)
    while consumer.work:
        consumer.loop()
        consumer.channel.basic_ack(consumer.work.pop(0))
    assert set(consumer.channel.consumers) == {"tag1"}


def test_a_rejected_message_counts_no_longer(consumer: Consumer) -> None:
    consumer.channel.publish("plain")
    consumer.channel.basic_reject(consumer.work.pop(), requeue=True)
    assert len(consumer.work) == 1 and len(consumer.celery.window.unacknowledged) == 1


def test_a_count_for_the_whole_channel_is_set_as_celery_sets_it(consumer: Consumer) -> None:
    consumer.qos(prefetch_count=7, apply_global=True)
    consumer.channel.publish(*["eta"] * 4)
    assert consumer.channel.count == 7 and consumer.celery.window.full() == []


@pytest.mark.parametrize(
    ("product", "version", "per_consumer"),
    [
        ("RabbitMQ", "4.0.5", True),
        ("RabbitMQ", "4.3.0-rc.1", True),
        ("RabbitMQ", "10.0", True),
        ("RabbitMQ", "3.13.7", False),
        ("RabbitMQ", None, False),
        ("LavinMQ", "4.1", False),
    ],
)
def test_the_count_is_set_per_consumer_on_rabbitmq_4(product: str, version: str | None, per_consumer: bool) -> None:
    class Transport:
        def qos_semantics_matches_spec(self, connection: t.Any) -> bool:
            return False

    taskstack_prefetch.count_per_consumer(Transport)
    connection = types.SimpleNamespace(server_properties={"product": product, "version": version})
    assert Transport().qos_semantics_matches_spec(connection) is per_consumer

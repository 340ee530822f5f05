# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a worker taking messages while it holds tasks that wait for their time.

Celery raises its prefetch count by one for each task with an ETA or countdown. Where the count is set per consumer,
RabbitMQ applies a new one to new consumers only, so that scheduled tasks fill the prefetch and nothing else is
delivered until they are due. Here a consumer that is full of them is replaced by a new one, on the same channel: what
it has delivered stays with the worker.

It is set per consumer on quorum queues, and from RabbitMQ 4.0 on everywhere: kombu does so from 5.7 on, and here the
older ones do, since RabbitMQ 4.3 takes a count for the whole channel for one per consumer.

Loaded by ``celery -A app worker -I taskstack_prefetch``; for Python 2.7 and Celery 4.2 or later.
"""

from __future__ import absolute_import, unicode_literals

import logging
import re
import threading
from collections import defaultdict

logger = logging.getLogger(__name__)

#: RabbitMQ's largest prefetch count; 0 means that there is no limit.
MOST = 65535


class Window(object):
    """How many messages the broker may still deliver to the consumers of a channel; there is one per queue."""

    def __init__(self, consumer, allowed):
        """``allowed`` is the number of unacknowledged messages that Celery wants at most."""
        self.consumer, self.channel = consumer, consumer.channel
        self.allowed, self.per_consumer = allowed, False
        #: Of consumers, by tag: the prefetch count, and the unacknowledged messages.
        self.limits, self.held = {}, defaultdict(int)
        #: The consumer of each unacknowledged message, by delivery tag.
        self.unacknowledged = {}
        self._lock = threading.Lock()
        self._consume, self._qos = self.channel.basic_consume, consumer.qos
        self.channel.basic_consume, consumer.qos = self.consume, self.qos
        for name in ("basic_ack", "basic_reject"):
            setattr(self.channel, str(name), self._settling(getattr(self.channel, name)))

    def consume(self, *args, **kwargs):
        """Note which consumer a message is delivered to."""
        tag, callback = kwargs["consumer_tag"], kwargs["callback"]

        def deliver(message):
            with self._lock:
                self.unacknowledged[message.delivery_tag] = tag
                self.held[tag] += 1
            return callback(message)

        if self.per_consumer:
            self.limits[tag] = max(1, self.spare())
            self.channel.basic_qos(0, self.limits[tag], False)
        else:
            self.limits[tag] = self.allowed
        return self._consume(*args, **dict(kwargs, callback=deliver))

    def _settling(self, original):
        def settle(delivery_tag, *args, **kwargs):
            with self._lock:
                tag = self.unacknowledged.pop(delivery_tag, None)
                if tag:
                    self.held[tag] -= 1
                    if not self.held[tag]:
                        del self.held[tag]
            return original(delivery_tag, *args, **kwargs)

        return settle

    def qos(self, prefetch_size=0, prefetch_count=0, apply_global=False):
        """Set Celery's new prefetch count, for all consumers or for each."""
        self.allowed, self.per_consumer = prefetch_count or MOST, not apply_global
        if apply_global:
            return self._qos(prefetch_size, prefetch_count, apply_global)
        return self.renew()

    def spare(self):
        """How many messages more Celery wants to have."""
        return self.allowed - len(self.unacknowledged)

    def full(self):
        """The queues whose consumer may get at most half of that."""
        # Asked again and again by Celery's loop.
        if not self.per_consumer:
            return []
        spare = self.spare()
        if spare <= 0:
            return []
        tags = self.consumer._active_tags.items()
        return [name for name, tag in tags if 2 * (self.limits.get(tag, MOST) - self.held.get(tag, 0)) <= spare]

    def renew(self):
        """Replace these consumers. The new one comes first, so that no queue is ever without one."""
        old = [self.consumer._active_tags.pop(name) for name in self.full()]
        if old:
            self.consumer.consume()
        for tag in old:
            self.channel.basic_cancel(tag)
            del self.limits[tag]


class Watched(object):
    """What is added to Celery's prefetch count; its loop sets that again when ``prev`` differs from ``value``."""

    @property
    def prev(self):
        """The count that is in force; None when a consumer has to be replaced for it."""
        return None if self.window.full() else self._prev

    @prev.setter
    def prev(self, value):
        self._prev = value


def single_active(queue):
    """Whether a queue has one active consumer at a time: a new one would wait behind those of other workers."""
    return (queue.queue_arguments or {}).get("x-single-active-consumer")


def watch(qos, window):
    """Let a prefetch count of Celery's ask the window, too."""
    qos.window, qos._prev = window, qos.prev
    qos.__class__ = type(str("PrefetchCount"), (Watched, type(qos)), {})


def attach(consumer):
    """Watch the prefetch of a worker's consumer that has just been started, before it takes the first message."""
    amqp = consumer.connection.transport.driver_name == "py-amqp"
    limited = consumer.qos.value and not any(single_active(queue) for queue in consumer.task_consumer.queues)
    if amqp and limited:
        watch(consumer.qos, Window(consumer.task_consumer, consumer.qos.value))


def count_per_consumer(transport_class):
    """Let Celery set the prefetch count per consumer wherever the broker is RabbitMQ 4."""
    original = transport_class.qos_semantics_matches_spec

    def qos_semantics_matches_spec(self, connection):
        told = connection.server_properties
        four = told.get("product") == "RabbitMQ" and re.match("[4-9]|[1-9][0-9]", told.get("version") or "")
        return bool(four) or original(self, connection)

    transport_class.qos_semantics_matches_spec = qos_semantics_matches_spec


def install():
    """Do so whenever a worker has connected."""
    from celery.worker.consumer.tasks import Tasks
    from kombu.transport.pyamqp import Transport

    count_per_consumer(Transport)
    start = Tasks.start

    def started(self, consumer):
        start(self, consumer)
        try:
            attach(consumer)
        except Exception as exc:
            logger.error("Cannot watch the prefetch count (%r): scheduled tasks may keep others waiting.", exc)

    Tasks.start = started


try:
    install()
except Exception as exc:
    logger.error("Cannot watch the prefetch count (%r): scheduled tasks may keep others waiting.", exc)

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks live workers what they do, through the management API, in one batch. Needs neither Celery nor AMQP.

The workers that live are the queues bound to the control exchange. A worker that does not answer is *silent*: a solo
worker in the middle of a task cannot answer, so silence never means that it is down.
"""

from __future__ import annotations

import contextlib
import time
import typing as t
import uuid

from .._broker.client import Broker, NotFound
from .messages import SERIALIZERS, TOGETHER, Question, Reply, decode
from .replies import Inspection

# Answers are fetched so many at a time: at first, and at most. A worker may answer with a megabyte, and so much of the
# like of those before keeps the memory flat.
FIRST, MOST, BYTES = 20, 100, 1_000_000
# Seconds between two fetches, and for each worker that is still to answer: a fetch costs the broker some time, which
# workers on its host would rather have themselves.
SHORT, EACH, LONG = 0.01, 0.001, 0.1
# With no answer in JSON after this part of the deadline, silent workers may refuse JSON: ask otherwise.
PATIENCE = 0.4


def workers(broker: Broker, vhost: str, exchange: str = "celery") -> list[str]:
    """Names of the workers that are connected now."""
    suffix = f".{exchange}.pidbox"
    try:
        bindings = broker.get("exchanges", vhost, f"{exchange}.pidbox", "bindings", "source")
    except NotFound:  # no worker has ever been here
        return []
    return sorted({row["destination"][: -len(suffix)] for row in bindings if row["destination"].endswith(suffix)})


class Conversation:
    """Questions to the workers of one virtual host."""

    def __init__(
        self,
        broker: Broker,
        vhost: str,
        exchange: str = "celery",
        deadline: float = 3.0,
        serializer: str = "auto",
        clock: t.Any = time,
        together: t.Iterable[str] = (),
    ) -> None:
        """Prepare; ``deadline`` is in seconds, ``serializer`` that of the commands.

        ``together`` are workers that answer all questions in one message, as far as anybody knows.
        """
        self.broker, self.vhost, self.exchange = broker, vhost, exchange
        self.deadline, self.serializer, self.clock = deadline, serializer, clock
        self.queue = f"taskstack.inspect.{uuid.uuid4()}"
        self.questions: dict[str, Question] = {}
        self.count, self.together = FIRST, frozenset(together)

    def ask(self, methods: t.Sequence[str], arguments: t.Mapping[str, t.Any] | None = None) -> Inspection:
        """Put all questions to all workers at once, and return as soon as everybody has answered or at the deadline.

        With ``arguments`` they are orders: then they wait for a worker that does not answer instead of expiring.
        """
        inspection = Inspection(workers(self.broker, self.vhost, self.exchange), tuple(methods))
        if not inspection.known:
            return inspection
        # Durable, because RabbitMQ 4 phases transient shared queues out; it expires even if this process is killed.
        body = {"durable": True, "arguments": {"x-expires": 60000, "x-queue-type": "classic"}}
        self.broker.put("queues", self.vhost, self.queue, body=body)
        try:
            self._converse(inspection, dict(arguments or {}))
        finally:
            with contextlib.suppress(NotFound):
                self.broker.delete("queues", self.vhost, self.queue)
        return inspection

    def _converse(self, inspection: Inspection, arguments: dict[str, t.Any]) -> None:
        start, vain = self.clock.monotonic(), 0
        spoken = {"json" if self.serializer == "auto" else self.serializer}
        self._broadcast(inspection, spoken, arguments)
        others = set(SERIALIZERS) - spoken if self.serializer == "auto" else set()
        called: set[str] = set()
        self.clock.sleep(min(LONG, EACH * len(inspection.known)))
        while inspection.silent() and (waited := self.clock.monotonic() - start) < self.deadline:
            new, more = self._collect()
            inspection.replies.extend(new)
            # An answer that must not be decoded still carries the ticket of its question: ask each worker by name.
            by_name = {reply.serializer for reply in new if reply.unread and not reply.worker}
            if waited > self.deadline * PATIENCE and all(reply.unread for reply in inspection.replies):
                by_name |= others
            self._call(inspection, by_name - called)
            called |= by_name
            understood = {reply.serializer for reply in new} - spoken
            self._broadcast(inspection, understood, arguments)
            self._ask_again(inspection, new)
            spoken |= understood
            if not more and (left := len(inspection.silent())):
                vain = 0 if new else min(vain + 1, 10)
                self.clock.sleep(min(LONG, (SHORT + EACH * left) * 1.3**vain))

    def _broadcast(self, inspection: Inspection, serializers: t.Iterable[str], arguments: dict[str, t.Any]) -> None:
        able = () if arguments else tuple(worker for worker in inspection.known if worker in self.together)
        others = tuple(worker for worker in inspection.known if worker not in able) if able else ()
        for serializer in serializers:
            if able:
                commands = {"commands": list(inspection.methods)}
                self._publish(Question(TOGETHER, str(uuid.uuid4()), serializer, None, commands, able))
            if others or not able:
                self._one_by_one(inspection, serializer, others, arguments)

    def _one_by_one(
        self, inspection: Inspection, serializer: str, workers: tuple[str, ...], arguments: dict[str, t.Any]
    ) -> None:
        for method in inspection.methods:
            self._publish(Question(method, str(uuid.uuid4()), serializer, None, arguments, workers))

    def _ask_again(self, inspection: Inspection, new: list[Reply]) -> None:
        """Workers that have not been restarted since they could answer together do not know the question."""
        unable = [reply for reply in new if reply.method == TOGETHER]
        for serializer in {reply.serializer for reply in unable}:
            named = tuple(reply.worker for reply in unable if reply.worker and reply.serializer == serializer)
            self._one_by_one(inspection, serializer, named, {})

    def _call(self, inspection: Inspection, serializers: t.Iterable[str]) -> None:
        for serializer in serializers:
            for worker in inspection.known:
                self._publish(Question("ping", str(uuid.uuid4()), serializer, worker))

    def _publish(self, question: Question) -> None:
        self.questions[question.ticket] = question
        order = bool(question.arguments) and question.method != TOGETHER
        message = question.message(self.queue, None if order else self.deadline)
        self.broker.post("exchanges", self.vhost, f"{self.exchange}.pidbox", "publish", body=message)

    def _collect(self) -> tuple[list[Reply], bool]:
        """The next answers, and whether there are more already."""
        body = {"count": self.count, "ackmode": "ack_requeue_false", "encoding": "auto"}
        messages = self.broker.post("queues", self.vhost, self.queue, "get", body=body)
        more = len(messages) == self.count
        if messages:
            size = sum(len(message["payload"]) for message in messages) // len(messages)
            self.count = max(1, min(MOST, BYTES // (size + 1)))
        return [reply for message in messages for reply in decode(message, self.questions)], more

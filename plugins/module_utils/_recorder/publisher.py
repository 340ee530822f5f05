# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends recorded messages again, byte for byte, with the application's own Python and as its user.

The module ``resubmit`` runs it: standard input has one JSON job, standard output gets one JSON line per result.
Messages go one at a time. Each is claimed before it is published, by moving its file to ``sending/<batch>``, and is
removed after the broker has confirmed it. So only the one that was on its way when a publisher died may be published
twice, on every type of queue.
"""

from __future__ import absolute_import, unicode_literals

import json
import os
import sys
import time

from .lost import FAILED, FORMAT, KEPT, OPEN, SENDING, SLOT, history, names
from .records import Records, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing as t  # novm

#: Seconds to wait for the broker.
PATIENCE = 60
#: Celery's questions for the tasks that a worker has in hand.
TASK_LISTS = ("active", "reserved", "scheduled")
#: The beginning of a claimed file's name: the message to be sent, and superseded copies, which go with it.
MAIN, COPY = "message.", "copy."


class Batch(object):
    """Some messages, on their way from ``open`` and ``failed`` to the broker."""

    def __init__(self, records, broker, name, report):
        # type: (Records, t.Any, str, t.Callable[[str, t.Any], None]) -> None
        """``broker`` is an :class:`Amqp`, ``report(file, result)`` is told what became of each message."""
        self.records, self.broker, self.name, self.report = records, broker, name, report
        self.folder = os.path.join(SENDING, name)

    def send(self, items):  # type: (t.Sequence[t.Any]) -> None
        """Publish ``[(folder, file, copies)]``; what has gone meanwhile ended, or another resubmit sent it."""
        if not items:
            return
        os.mkdir(self.records.path(self.folder), 0o700)
        for folder, name, copies in items:
            claim = self._claim(MAIN, folder, name)
            if not claim:
                self.report(name, "gone")
                continue
            # Together with the message: alone, the next run would send one of them.
            claims = [self._claim(COPY, *copy) for copy in copies]
            self.report(name, self._send(claim, [copy for copy in claims if copy]))
        os.rmdir(self.records.path(self.folder))

    def _claim(self, kind, folder, name):  # type: (str, str, str) -> str | None
        # A slot becomes a file like any other when its worker is gone.
        claim = kind + (name[: -len(SLOT)] if name.endswith(SLOT) else name)
        return claim if self.records.move(folder, name, self.folder, claim) else None

    def _send(self, claim, copies):  # type: (str, list[str]) -> str
        try:
            head, body = read(self.records.path(self.folder, claim))
            outcome = self.broker.publish(head, body)  # type: str
        except (ValueError, KeyError, TypeError, AttributeError):
            outcome = "damaged"
        if outcome == "published":
            self._done(claim, head, copies)
        else:
            # One that the broker does not take must not keep back those after it.
            self._back(claim)
            for copy in copies:
                self._back(copy)
        return outcome

    def _done(self, claim, head, copies):  # type: (str, dict[str, t.Any], list[str]) -> None
        try:
            state = state_of(claim)
            self.records.append(
                ["RESUBMITTED", head["id"], head["retries"], head["task"], state, time.time(), head["run"]]
            )
        except (ValueError, KeyError, EnvironmentError):
            # A full disk must not send a message twice: the file goes even if that cannot be noted.
            pass
        # The copies last: without their message they are known as done.
        self.records.drop(self.folder, claim)
        for copy in copies:
            self.records.drop(self.folder, copy)

    def _back(self, claim):  # type: (str) -> None
        # A foreign file is shown as a damaged message then.
        name = claim.partition(".")[2] or claim
        self.records.move(self.folder, claim, OPEN if state_of(claim) == "OPEN" else FAILED, name)

    def recover(self, sent):  # type: (set[str]) -> None
        """Finish what a publisher that died had begun; ``sent`` are runs that were noted as confirmed."""
        claims = names(self.records.directory, self.folder)
        doubtful = [claim for claim in claims if not claim.startswith(COPY)]
        done = [claim for claim in doubtful if run_of(claim) in sent]
        for claim in claims:
            if claim in done or (claim.startswith(COPY) and len(done) == len(doubtful)):
                self.records.drop(self.folder, claim)
                self.report(claim, "published")
            else:
                self._back(claim)
                self.report(claim, "returned")
        os.rmdir(self.records.path(self.folder))


def state_of(claim):  # type: (str) -> str
    """How a claimed message ended: the end of its name, OPEN without one."""
    end = claim.rpartition(".")[2]
    return end if end in KEPT else "OPEN"


def run_of(claim):  # type: (str) -> str
    """The run in a claimed file's name: message.<run>[.<state>], by earlier versions <number>.<run>[.<state>]."""
    return claim.partition(".")[2].partition(".")[0]


def recover(records, broker, report):  # type: (Records, t.Any, t.Callable[[str, t.Any], None]) -> None
    """Finish all batches of publishers that died."""
    batches = sorted(names(records.directory, SENDING))
    if batches:
        sent = set(fields[6] for _node, fields in history(records.directory) if fields[0] == "RESUBMITTED")
        for name in batches:
            Batch(records, broker, name, report).recover(sent)


class Amqp(object):
    """The broker, through the AMQP library that the application's own virtualenv has."""

    def __init__(self, connection):  # type: (t.Any) -> None
        """Open a channel that confirms; ``connection`` is a kombu connection of the application."""
        import amqp

        self.message_class = amqp.Message
        if connection.transport_cls != "amqps":
            connection.transport_cls = "pyamqp"
        # Its own waiting for each confirmation does not hear of refusals.
        options = dict(connection.transport_options or {})
        options.pop("confirm_publish", None)
        connection.transport_options = options
        self.connection, self.channel, self.returned = connection, None, False  # type: t.Any, t.Any, bool
        self.answer = None  # type: str | None

    def _open(self):  # type: () -> None
        self.channel = self.connection.channel()
        self.channel.confirm_select()
        self.channel.events["basic_ack"].add(lambda *_: self._answered("published"))
        self.channel.events["basic_nack"].add(lambda *_: self._answered("rejected"))
        self.channel.events["basic_return"].add(self._returned)

    def _answered(self, outcome):  # type: (str) -> None
        self.answer = "unroutable" if self.returned else outcome

    def _returned(self, *_):  # type: (*t.Any) -> None
        # Comes before the answer to the same message.
        self.returned = True

    def waiting_in(self, queue):  # type: (str) -> int | None
        """How many messages wait in a queue now, None where the broker does not tell; the management API lags."""
        # A refusal closes the channel, so it gets one of its own.
        channel = self.connection.channel()
        try:
            count = channel.queue_declare(queue, passive=True).message_count  # type: int
        except self.connection.channel_errors as exc:
            # A queue that does not exist has nothing waiting.
            return 0 if getattr(exc, "code", None) == 404 else None
        channel.close()
        return count

    def exists(self, queue):  # type: (str) -> bool
        """Whether there is such a queue, also one that only another connection may use."""
        try:
            channel = self.connection.channel()
            channel.queue_declare(queue, passive=True)
            channel.close()
        except self.connection.channel_errors as exc:
            return getattr(exc, "code", None) != 404
        return True

    def publish(self, head, body):  # type: (dict[str, t.Any], bytes) -> str
        """Send the identical message and wait for the broker's answer: published, rejected or unroutable."""
        headers = head["headers"]
        if headers.get("compression"):
            from kombu.compression import compress

            body = compress(body, headers["compression"])[0]
        properties = head["properties"]
        for name in ("content_type", "content_encoding"):
            if head[name] is not None:
                properties[name] = head[name]
        message = self.message_class(body, application_headers=headers, **properties)
        exchange, routing_key = head["exchange"] or "", head["routing_key"] or ""
        if self.channel is None:
            self._open()
        self.answer, self.returned = None, False
        try:
            self.channel.basic_publish(message, exchange=exchange, routing_key=routing_key, mandatory=True)
            while self.answer is None:
                self.connection.drain_events(timeout=PATIENCE)
        except self.connection.channel_errors as exc:
            # A refusal closes the channel: no exchange of that name, or a property that this login may not set.
            self.channel = None
            return "unroutable" if getattr(exc, "code", None) == 404 else "rejected"
        return self.answer


class Workers(object):
    """What the live workers have in hand, asked the way the application itself would."""

    def __init__(self, app, broker, nodes):  # type: (t.Any, Amqp, t.Iterable[str]) -> None
        """Ask all that are there, also those that no inventory knows; they have a second after the last answer.

        A node of ``nodes`` is connected if its control queue is there; one that is and does not answer is silent.
        """
        self.app, self.connection = app, broker.connection
        queue = "%s." + app.control.mailbox.namespace + ".pidbox"
        connected = set(node for node in nodes if broker.exists(queue % node))
        self.held, answered = {}, set()  # type: dict[str, t.Any], set[str]
        answers = self._ask("taskstack_inspect", None, 1, commands=TASK_LISTS)
        answers.update(self._ask("taskstack_inspect", connected - set(answers), 3, commands=TASK_LISTS))
        for node, lists in answers.items():
            if all(isinstance(lists.get(method), list) for method in TASK_LISTS):
                answered.add(node)
                for method in TASK_LISTS:
                    self._hold(lists[method])
        # Without the recorder, or not restarted since they could tell all at once.
        others = set(answers) - answered
        for method in TASK_LISTS:
            answers = self._ask(method, others, 3)
            others &= set(node for node, tasks in answers.items() if isinstance(tasks, list))
            for node in others:
                self._hold(answers[node])
        self.there = answered | others
        self.silent = sorted(connected - self.there)

    def consumed(self):  # type: () -> dict[str, list[str]]
        """The queues that each worker which answers consumes now, whatever an inventory says."""
        answers = self._ask("active_queues", self.there, 3)
        return dict(
            (node, sorted(queue["name"] for queue in queues))
            for node, queues in answers.items()
            if isinstance(queues, list)
        )

    def _ask(self, method, nodes, timeout, **arguments):
        # type: (str, set[str] | None, int, **t.Any) -> dict[str, t.Any]
        """What each of the nodes answers, or everybody; without any, the question would take its time for nothing."""
        if nodes is not None and not nodes:
            return {}
        replies = self.app.control.broadcast(
            method,
            arguments=arguments,
            destination=nodes and sorted(nodes),
            reply=True,
            timeout=timeout,
            limit=nodes and len(nodes),
            connection=self.connection,
        )
        return dict(pair for reply in replies or () for pair in reply.items())

    def _hold(self, tasks):  # type: (t.Iterable[t.Any]) -> None
        for task in tasks:
            # A task that waits for its time is wrapped together with it.
            task = task.get("request") or task
            self.held[task["id"]] = task.get("name")


def run(job, report):  # type: (dict[str, t.Any], t.Callable[[str, t.Any], None]) -> None
    """Do a job: finish what was interrupted, report what is in hand and what waits, send what nobody holds."""
    from celery.app.utils import find_app

    if job.get("format", 1) > FORMAT:
        raise ValueError("The job has format %s, later than this publisher. Run site.yml." % job["format"])
    sys.path.insert(0, os.getcwd())
    app = find_app(job["app"])
    with app.connection_for_write() as connection:
        broker, records = Amqp(connection), Records(job["directory"] or "", "resubmit")
        if job["recover"]:
            recover(records, broker, report)
        workers = Workers(app, broker, job["nodes"])
        report("silent", workers.silent)
        report("held", workers.held)
        if job["count"]:
            consumed = workers.consumed()
            report("consumed", consumed)
            queues = set(job["count"]).union(*consumed.values())
            report("waiting", dict((queue, broker.waiting_in(queue)) for queue in sorted(queues)))
        if workers.silent and not job["force"]:
            return
        for folder, name in job.get("drop", ()):
            # Its task has ended after all.
            records.drop(folder, name)
        for item in [item for item in job["send"] if item[2] in workers.held]:
            report(item[1], "held")
        items = [(item[0], item[1], item[3]) for item in job["send"] if item[2] not in workers.held]
        Batch(records, broker, job["batch"], report).send(items)


def main():  # type: () -> None
    """Read the job and keep standard output for the results, since applications print to it."""
    job = json.loads(sys.stdin.read())
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def report(name, result):  # type: (str, t.Any) -> None
        try:
            output.write(json.dumps([name, result]) + "\n")
            output.flush()
        except EnvironmentError:
            # Nobody listens any more; what was begun is finished all the same.
            pass

    run(job, report)
    report("done", True)


if __name__ == "__main__":
    main()

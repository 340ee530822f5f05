# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends recorded messages again, byte for byte, with the application's own Python and as its user.

The module ``resubmit`` runs it: standard input has one JSON job, standard output gets one JSON line per result. A
message is claimed before it is published, by moving its file to ``sending/<batch>/<number>.<name>``, and removed after
the broker has confirmed it. A publisher that dies in between leaves a question: which messages does the broker have?
A queue of one message answers it: after each message its number goes there, on the same channel, whose order the broker
keeps. So only the one after the number in the queue may be published twice.
"""

from __future__ import absolute_import, unicode_literals

import json
import os
import sys
import time

from taskstack_records import FAILED, OPEN, SENDING, Records, read

#: Messages on the way without a confirmation.
WINDOW = 200
#: Seconds to wait for the broker.
PATIENCE = 60
#: Celery's questions for the tasks that a worker has in hand.
TASK_LISTS = ("active", "reserved", "scheduled")


class Batch(object):
    """Some messages, on their way from ``open`` and ``failed`` to the broker."""

    def __init__(self, records, broker, name, report):
        """``broker`` is an :class:`Amqp`, ``report(file, result)`` is told what became of each message."""
        self.records, self.broker, self.name, self.report = records, broker, name, report
        self.folder = os.path.join(SENDING, name)
        self.queue = "taskstack.resubmit." + name
        self.names, self.heads = {}, {}

    def send(self, items):
        """Publish ``[(folder, file)]``; those that have gone in the meantime were done by somebody else."""
        if not items:
            return
        os.mkdir(self.records.path(self.folder), 0o700)
        marked = self.broker.open_marker(self.queue)
        for number, (folder, name) in enumerate(items, 1):
            # A slot becomes a file like any other when its worker is gone.
            claim = "%d.%s" % (number, name[:-5] if name.endswith(".slot") else name)
            self.names[claim] = name
            if not self.records.move(folder, name, self.folder, claim):
                self.report(name, "gone")
                continue
            self._send(number, claim, marked)
        self.broker.settle(0, self._settled)
        self.broker.close_marker(self.queue)
        os.rmdir(self.records.path(self.folder))

    def _send(self, number, claim, marked):
        try:
            head, body = read(self.records.path(self.folder, claim))
        except (ValueError, KeyError):
            self._back(claim, "damaged")
            return
        # Its number says that a message has arrived, not that it found a queue. Only the default exchange can be
        # asked that beforehand, if its queues do not reject: all others go one at a time, without a number.
        alone = not marked or bool(head["exchange"]) or self.broker.rejects
        if alone:
            self.broker.settle(0, self._settled)
        if not self.broker.routes(head["exchange"] or "", head["routing_key"] or ""):
            self._back(claim, "unroutable")
            return
        self.heads[claim] = head
        self.broker.publish(claim, head, body)
        if not alone:
            self.broker.mark(self.queue, number)
        self.broker.settle(0 if alone else WINDOW, self._settled)

    def _settled(self, claim, outcome):
        if outcome == "published":
            self._done(claim)
        else:
            self._back(claim, outcome)

    def _done(self, claim):
        name = claim.partition(".")[2]
        state = name.partition(".")[2] or "OPEN"
        try:
            head = self.heads.pop(claim, None) or read(self.records.path(self.folder, claim))[0]
            task_id, attempt, task, run = (head[name] for name in ("id", "retries", "task", "run"))
            self.records.append(["RESUBMITTED", task_id, attempt, task, state, time.time(), run])
        except (ValueError, KeyError, EnvironmentError):
            # A full disk must not send a message twice: the file goes even if that cannot be noted.
            pass
        self.records.drop(self.folder, claim)
        self.report(self.names.get(claim, name), "published")

    def _back(self, claim, reason):
        name = claim.partition(".")[2]
        self.heads.pop(claim, None)
        self.records.move(self.folder, claim, FAILED if "." in name else OPEN, name)
        self.report(self.names.get(claim, name), reason)

    def recover(self):
        """Finish what a publisher that died had begun: what the broker has is done, the rest goes back."""
        number = self.broker.read_marker(self.queue)
        claims = os.listdir(self.records.path(self.folder))
        for claim in sorted(claims, key=lambda claim: int(claim.partition(".")[0])):
            if int(claim.partition(".")[0]) <= number:
                self._done(claim)
            else:
                self._back(claim, "returned")
        self.broker.close_marker(self.queue)
        os.rmdir(self.records.path(self.folder))


def gather(connection):
    """Let what is written go out together, when somebody waits for an answer: each write costs the broker a packet."""
    transport = connection.transport
    pending, write, read_frame = [], transport._write, transport.read_frame
    # The library would look before each message whether the broker has said something: that is what we wait for later.
    capabilities = dict(connection.client_properties.get("capabilities") or {}, **{str("connection.blocked"): False})
    connection.client_properties = dict(connection.client_properties, capabilities=capabilities)

    def flush():
        if pending:
            data = b"".join(pending)
            del pending[:]
            write(data)

    def later(data):
        # The library writes into the same memory again; of a view of it, Python 2's bytes() makes only its name.
        pending.append(data.tobytes() if isinstance(data, memoryview) else bytes(data))
        if len(pending) > WINDOW:
            flush()

    def read(*args, **kwargs):
        flush()
        return read_frame(*args, **kwargs)

    transport._write, transport.read_frame = later, read


class Amqp(object):
    """The broker, through the AMQP library that the application's own virtualenv has."""

    def __init__(self, connection):
        """Open a channel that confirms; ``connection`` is a kombu connection of the application."""
        import amqp

        self.message_class = amqp.Message
        if connection.transport_cls != "amqps":
            connection.transport_cls = "pyamqp"
        # Its own waiting for each confirmation is what we replace.
        options = dict(connection.transport_options or {})
        options.pop("confirm_publish", None)
        connection.transport_options = options
        self.connection, self.channel, self.asked = connection, connection.channel(), {}
        gather(connection.connection)
        self.channel.confirm_select()
        self.channel.events["basic_ack"].add(self._acked)
        self.channel.events["basic_nack"].add(self._nacked)
        self.channel.events["basic_return"].add(self._returned)
        self.tag, self.waiting, self.ended, self.returned, self.rejects = 0, {}, [], set(), False

    def routes(self, exchange, routing_key):
        """Whether the broker has the exchange, and the queue behind the default one."""
        asked = exchange or "queue " + routing_key
        if asked not in self.asked:
            if exchange:
                known = self._try(lambda channel: channel.exchange_declare(exchange, "direct", passive=True))
            else:
                known = self._try(lambda channel: channel.queue_declare(routing_key, passive=True))
            self.asked[asked] = known
        return self.asked[asked]

    def waiting_in(self, queue):
        """How many messages wait in a queue now; the management API would answer with an older number."""
        found = []
        self._try(lambda channel: found.append(channel.queue_declare(queue, passive=True).message_count))
        return found[0] if found else 0

    def _try(self, action):
        # A refusal closes the channel, so it gets one of its own.
        channel = self.connection.channel()
        try:
            action(channel)
        except self.connection.channel_errors:
            return False
        channel.close()
        return True

    def exists(self, queue):
        """Whether there is such a queue, be it somebody else's alone."""
        try:
            channel = self.connection.channel()
            channel.queue_declare(queue, passive=True)
            channel.close()
        except self.connection.channel_errors as exc:
            return getattr(exc, "code", None) != 404
        return True

    def open_marker(self, queue):
        """Whether the login may have the queue that holds the number of the last message."""
        arguments = {"x-max-length": 1, "x-expires": 7 * 86400000}

        def declare(channel):
            channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments)
            # The broker removes this one with our connection, when it has done all that came over it.
            channel.queue_declare(queue + ".alive", exclusive=True)

        return self._try(declare)

    def close_marker(self, queue):
        """Remove it."""
        self._try(lambda channel: channel.queue_delete(queue))

    def read_marker(self, queue):
        """The number of the last message that the broker has surely seen, 0 if that is not known."""
        found, until = [], time.time() + PATIENCE
        # A dead publisher's last messages may still be on their way into the queues.
        while self.exists(queue + ".alive") and time.time() < until:
            time.sleep(0.05)
        # Not acknowledged, so it stays there for the next one if this one dies as well.
        self._try(lambda channel: found.append(channel.basic_get(queue)))
        return int(found[0].headers["number"]) if found and found[0] else 0

    def mark(self, queue, number):
        """Note that everything before it has arrived; lost when the broker restarts, since messages may be too."""
        message = self.message_class(b"", application_headers={"number": number}, delivery_mode=1)
        self.tag += 1
        self.channel.basic_publish(message, exchange="", routing_key=queue)

    def publish(self, claim, head, body):
        """Send the identical message; it counts as waiting until the broker has answered."""
        headers = head["headers"]
        if headers.get("compression"):
            from kombu.compression import compress

            body = compress(body, headers["compression"])[0]
        properties = head["properties"]
        for name in ("content_type", "content_encoding"):
            if head[name] is not None:
                properties[name] = head[name]
        message = self.message_class(body, application_headers=headers, **properties)
        self.tag += 1
        self.waiting[self.tag] = (claim, properties.get("correlation_id"), head["routing_key"])
        self.channel.basic_publish(
            message, exchange=head["exchange"] or "", routing_key=head["routing_key"] or "", mandatory=True
        )

    def settle(self, most, settled):
        """Wait until at most so many messages are on the way, and hand over what has been answered."""
        if len(self.waiting) > most:
            # Down to half of it, so that the next ones go out together.
            while len(self.waiting) > most // 2:
                self.connection.drain_events(timeout=PATIENCE)
        ended, self.ended = self.ended, []
        for claim, outcome in ended:
            settled(claim, outcome)

    def _acked(self, tag, multiple):
        self._answered(tag, multiple, "published")

    def _nacked(self, tag, multiple):
        self.rejects = True
        self._answered(tag, multiple, "rejected")

    def _answered(self, tag, multiple, outcome):
        for answered in [item for item in self.waiting if item <= tag] if multiple else [tag]:
            if answered in self.waiting:
                claim = self.waiting.pop(answered)[0]
                self.ended.append((claim, "unroutable" if answered in self.returned else outcome))

    def _returned(self, _code, _text, _exchange, routing_key, message):
        # The return says nothing about the tag, but comes before the answer to it, in the order of publishing.
        looked_for = message.properties.get("correlation_id"), routing_key
        for tag in sorted(self.waiting):
            if self.waiting[tag][1:] == looked_for and tag not in self.returned:
                self.returned.add(tag)
                return


class Workers(object):
    """What the live workers have in hand, asked the way the application itself would."""

    def __init__(self, app, broker, nodes):
        """Ask. A node is connected if its control queue is there; one that is and does not answer is silent."""
        self.app, self.connection = app, broker.connection
        queue = "%s." + app.control.mailbox.namespace + ".pidbox"
        connected = set(node for node in nodes if broker.exists(queue % node))
        self.held, answered = {}, set()
        answers = self._ask("taskstack_inspect", connected, commands=TASK_LISTS)
        for node, lists in answers.items():
            if all(isinstance(lists.get(method), list) for method in TASK_LISTS):
                answered.add(node)
                for method in TASK_LISTS:
                    self._hold(lists[method])
        # Without the recorder, or not restarted since they could tell all at once.
        others = set(answers) - answered
        for method in TASK_LISTS:
            answers = self._ask(method, others)
            others &= set(node for node, tasks in answers.items() if isinstance(tasks, list))
            for node in others:
                self._hold(answers[node])
        self.silent = sorted(connected - answered - others)

    def _ask(self, method, nodes, **arguments):
        """What each of the nodes answers; without any, the question would take its whole time for nothing."""
        replies = nodes and self.app.control.broadcast(
            method,
            arguments=arguments,
            destination=sorted(nodes),
            reply=True,
            timeout=3,
            limit=len(nodes),
            connection=self.connection,
        )
        return dict(pair for reply in replies or () for pair in reply.items())

    def _hold(self, tasks):
        for task in tasks:
            # A task that waits for its time is wrapped together with it.
            task = task.get("request") or task
            self.held[task["id"]] = task.get("name")


def run(job, report):
    """Do a job: finish what was interrupted, say what is in hand and what waits, send what nobody holds."""
    from celery.app.utils import find_app

    sys.path.insert(0, os.getcwd())
    app = find_app(job["app"])
    with app.connection_for_write() as connection:
        broker, records = Amqp(connection), Records(job["directory"] or "", "resubmit")
        for name in sorted(os.listdir(records.path(SENDING))) if job["recover"] else ():
            Batch(records, broker, name, report).recover()
        workers = Workers(app, broker, job["nodes"])
        report("silent", workers.silent)
        report("held", workers.held)
        report("waiting", dict((queue, broker.waiting_in(queue)) for queue in job["count"]))
        if workers.silent and not job["force"]:
            return
        for name in [item[1] for item in job["send"] if item[2] in workers.held]:
            report(name, "held")
        items = [item[:2] for item in job["send"] if item[2] not in workers.held]
        Batch(records, broker, job["batch"], report).send(items)


def main():
    """Read the job and keep standard output for the results, since applications print to it."""
    job = json.loads(sys.stdin.read())
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def report(name, result):
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

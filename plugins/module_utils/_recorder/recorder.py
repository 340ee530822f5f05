# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps every message that a Celery worker takes from the broker on disk until its task has ended.

Loaded by ``celery worker -I taskstack_recorder.recorder``; for Python 2.7 and Celery 4.2 or later, and every pool.
A message is the broker's until it is acknowledged, so it is written just before that: only from then on can it be lost.
Nothing in here may ever stop a worker.
"""

from __future__ import absolute_import, unicode_literals

import json
import logging
import os
import threading
import time

from . import inspect
from .lost import BAD, FAILED, FORMAT, NOTE_BYTES, OPEN, TROUBLE, alive, names, read_note
from .records import FORKS_ARE_SEEN, HEADERS, Records, Slots, born, describe, new_run, pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing as t  # novm

    #: Exchange, routing key, redelivered, content type, encoding, consumer's tag, task, attempt, process and its birth.
    Kind = tuple[t.Any, t.Any, bool, t.Any, t.Any, t.Any, t.Any, t.Any, int, t.Optional[str]]

logger = logging.getLogger(__name__)

#: A worker's note about itself has this size from the start, so that it can be written on a full disk.
NOTE_SIZE = 1024
#: Each running task has a descriptor here; with thousands at a time the usual limit would be reached by these alone.
DESCRIPTORS = 8192
#: So many kinds of messages are remembered at a time.
KINDS = 500
#: What Celery 4 adds to the headers of a message that it has received.
REQUEST = frozenset(
    ["args", "correlation_id", "delivery_info", "hostname", "kwargs", "properties", "reply_to", "taskstack_run"]
)
#: What the main process hears in place of a result when a task's process died: nobody knows how far it came.
DEATHS = ("WorkerLostError", "SystemExit", "KeyboardInterrupt", "Terminated")

#: This worker's recorder.
active = None  # type: t.Any


def setting(name, default):  # type: (str, int) -> int
    """A number from the environment."""
    return int(os.environ.get("TASKSTACK_RECORDER_" + name) or default)


class Recorder(object):
    """What Celery's hooks call. Whatever goes wrong with the disk is counted, logged once a minute, and swallowed."""

    def __init__(self, records, keep, keep_failed, max_bytes):  # type: (Records, int, int, int) -> None
        """Open the worker's note; the folders are made here, so that a wrong directory is noticed at the start."""
        self.records, self.limits = records, (keep, keep_failed, max_bytes)
        self.slots = Slots(records)
        self.note = {"unrecorded": 0}  # type: dict[str, t.Any]
        self._note_handle, self._warned = -1, 0
        #: Celery's function that executes tasks, and the consumer that takes their messages.
        self.function = self.consumer = None  # type: t.Any
        #: What messages have in common, in JSON, which is written once for all of a kind.
        self.kinds = {}  # type: dict[Kind, str]
        #: Runs whose message was moved since their process seemed to be gone.
        self.moved = set()  # type: set[str]
        self._lock, self._main = threading.Lock(), os.getpid()
        self.guard(self._open_note)

    def guard(self, action, *arguments):  # type: (t.Callable[..., t.Any], *t.Any) -> t.Any
        """Do it; a failure is noted, and the worker goes on."""
        try:
            return action(*arguments)
        except Exception as exc:
            self.failed(exc, action == self._refuse)

    def _open_note(self):  # type: () -> None
        self.records.prepare()
        path = self.records.path(TROUBLE, self.records.node)
        self._note_handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        self.note.update(earlier_note(os.read(self._note_handle, NOTE_BYTES)))
        # By these `status` knows that this worker records: no note of a process that runs means that it does not.
        self.note.update(format=FORMAT, pid=self._main, born=born(self._main), started=int(time.time()))
        self._write_note()

    def _write_note(self):  # type: () -> None
        # The pool's processes share the handle but not the numbers: they only log.
        if os.getpid() == self._main:
            with self._lock:
                os.lseek(self._note_handle, 0, os.SEEK_SET)
                os.write(self._note_handle, json.dumps(self.note).encode("ascii").ljust(NOTE_SIZE))

    def failed(self, exc, untaken):  # type: (Exception, bool) -> None
        """Note it; a message that could not be kept is counted."""
        # Never the exception's arguments: a path or a value may name a patient.
        number = getattr(exc, "errno", None)
        reason = os.strerror(number) if number else type(exc).__name__
        now = int(time.time())
        self.note.update(unrecorded=self.note["unrecorded"] + untaken, reason=reason, last=now)
        self.note.setdefault("first", now)
        try:
            self._write_note()
        except Exception:
            reason += "; this could not be noted in the directory either"
        if not now - 60 < self._warned <= now:
            self._warned = now
            text = "Cannot record tasks in %s: %s. Tasks run on, but would be lost with this worker."
            logger.error(text, self.records.directory, reason)

    def take(self, request, state):  # type: (t.Any, str) -> None
        """Write the message of a request that is about to be acknowledged: ``open``, or how it ended already."""
        try:
            run, pid = run_of(request), request.worker_pid or os.getpid()
            attempt = request.request_dict.get("retries") or 0
            self._put(state, request.message, run, request.id, request.task.name, attempt, pid)
        except Exception as exc:
            self.failed(exc, True)

    def _put(self, state, message, run, task_id, task, attempt, pid):
        # type: (str, t.Any, str, t.Any, t.Any, t.Any, int) -> None
        now = time.time()
        since, info = born(pid, now), message.delivery_info or {}
        kind = (
            info.get("exchange"),
            info.get("routing_key"),
            bool(info.get("redelivered")),
            message.content_type,
            message.content_encoding,
            info.get("consumer_tag"),
            task,
            attempt,
            pid,
            since,
        )
        try:
            common = self.kinds[kind]
        except (KeyError, TypeError):
            common = self.describe(kind)
        content = pack((run, task_id, now), common, tables(message), body(message))
        if state == OPEN:
            self.slots.put(run, pid, since, int(now), content)
        else:
            self.records.put(FAILED, "%s.%s" % (run, state), content)

    def describe(self, kind):  # type: (Kind) -> str
        """What messages of a kind have in common. No two consumers of a process ever have the same tag."""
        exchange, key, redelivered, content_type, encoding, tag, task, attempt, pid, since = kind
        queue, node = self.queue_of(tag), self.records.node
        common = exchange, key, redelivered, content_type, encoding, queue, task, attempt, node, pid, since
        text = describe(common)
        if len(self.kinds) >= KINDS:
            self.kinds.clear()
        try:
            if queue is not None:
                self.kinds[kind] = text
        except TypeError:
            # A broken message, with a table in the place of a text.
            pass
        return text

    def queue_of(self, tag):  # type: (t.Any) -> str | None
        """The queue that a message came from, which its routing key need not show; None when that is not known."""
        tags = getattr(getattr(self.consumer, "task_consumer", None), "_active_tags", None) or {}
        return next((queue for queue in list(tags) if tags.get(queue) == tag), None)

    def release(self, run):  # type: (str) -> None
        """The task has ended well: its message may be written over."""
        if not self.slots.release(run) and run in self.moved:
            self.moved.discard(run)
            self.records.drop(OPEN, run)

    def settle(self, request, state, report):  # type: (t.Any, str | None, t.Any) -> None
        """Let the message of a task go that has ended, or keep it; ``state`` is None when its process died."""
        self.guard(self._settle, request, state, report)

    def _settle(self, request, state, report):  # type: (t.Any, str | None, t.Any) -> None
        run = run_of(request)
        if state not in BAD and state is not None:
            self.release(run)
            self.slots.clear()
        elif state is None:
            self.slots.keep(run, OPEN, run)
        else:
            # What was acknowledged late is not in a slot: it went to its place at that moment.
            self.slots.keep(run, FAILED, "%s.%s" % (run, state))
        if report:
            attempt = request.request_dict.get("retries") or 0
            self.records.append([state, request.id, attempt, request.task.name, None, time.time(), run])

    def refuse(self, message):  # type: (t.Any) -> None
        """Keep a message that the worker throws away: an unknown task, or what it cannot or may not decode."""
        # Commands of the remote control come in other serializers too, and are no tasks.
        if not (message.delivery_info.get("exchange") or "").endswith(".pidbox"):
            self.guard(self._refuse, message)

    def _refuse(self, message):  # type: (t.Any) -> None
        headers, run = message.headers or {}, new_run()
        task_id = headers.get("id") or message.properties.get("correlation_id") or run
        task, attempt = headers.get("task"), headers.get("retries")
        attempt = attempt if isinstance(attempt, int) else 0
        self._put("REFUSED", message, run, task_id, task, attempt, os.getpid())
        self.records.append(["REFUSED", task_id, attempt, task, None, time.time(), run])

    def expire(self):  # type: () -> None
        """Put in order what was left behind, and remove what is old."""
        self.guard(self._expire)

    def _expire(self):  # type: () -> None
        now = time.time()
        for run in self.slots.deserted():
            self.moved.add(run)
            self.slots.keep(run, OPEN, run)
        removed, excess = self.records.expire(now, *self.limits)
        self._expire_notes(now)
        if self.note.get("last", now) < now - self.limits[0]:
            self.note = dict((name, self.note[name]) for name in ("format", "pid", "born", "started"))
            self.note["unrecorded"] = 0
        if removed or excess:
            self.note.update(removed=self.note.get("removed", 0) + removed, excess=excess, last=int(now))
        self._write_note()

    def _expire_notes(self, now):  # type: (float) -> None
        """Remove the notes of workers that are gone for so long that nobody waits for what they say."""
        directory = self.records.directory
        for name in names(directory, TROUBLE):
            note = read_note(directory, name) or {}
            old = self.records.is_older(TROUBLE, name, now - self.limits[0])
            if name != self.records.node and old and not alive(note.get("pid") or 0, note.get("born")):
                self.records.drop(TROUBLE, name)

    def clear(self, **_):  # type: (**t.Any) -> None
        """Erase what ended well."""
        self.guard(self.slots.clear)

    def keep_house(self, **_):  # type: (**t.Any) -> None
        """Expire now and every hour, also while no task comes; erase what ended well a second after the first of it."""

        def expire():  # type: () -> None
            while True:
                self.expire()
                time.sleep(3600)

        def clear():  # type: () -> None
            while True:
                self.slots.left.wait()
                time.sleep(1)
                self.clear()

        for job in expire, clear:
            thread = threading.Thread(target=job, name="taskstack-recorder-" + job.__name__)
            thread.daemon = True
            thread.start()


def earlier_note(content):  # type: (bytes) -> dict[str, t.Any]
    """What a worker of this name noted before; nothing where that is damaged."""
    try:
        return dict(json.loads(content.decode("ascii")))
    except (ValueError, TypeError):
        return {}


def tables(message):  # type: (t.Any) -> tuple[dict[str, t.Any], dict[str, t.Any]]
    """The headers and properties of a message, as they came."""
    headers, properties = message.headers or {}, message.properties
    if "delivery_info" in headers:
        # Celery 4 keeps what it knows of the request in the headers themselves, decoded arguments too.
        headers = dict((name, headers[name]) for name in headers if name not in REQUEST)
        properties = dict((name, properties[name]) for name in properties if name not in HEADERS)
    return headers, properties


def body(message):  # type: (t.Any) -> bytes
    """The body of a message in bytes. Celery undid its compression, if any; the publisher does it again."""
    content = message.body
    if isinstance(content, bytes):
        return content
    if isinstance(content, memoryview):
        return content.tobytes()
    return content.encode("utf-8") if hasattr(content, "encode") else bytes(content)


def unsent(rejection):  # type: (t.Any) -> bool
    """Whether a task is rejected since the broker did not take its next attempt, and not for a reason of its own."""
    return type(getattr(rejection, "reason", None)).__module__.partition(".")[0] in ("kombu", "amqp")


def verdict(exc):  # type: (t.Any) -> str | None
    """The state of a task that ended with an exception, None when its process died with it."""
    exc = getattr(exc, "exc", exc) if type(exc).__name__ == "ExceptionWithTraceback" else exc
    kind = type(exc).__name__
    if kind in DEATHS:
        return None
    if kind == "Reject":
        return "UNSENT" if unsent(exc) else "REJECTED"
    return {"Retry": "RETRY", "Ignore": "IGNORED"}.get(kind, "FAILURE")


def run_of(request):  # type: (t.Any) -> str
    """The name of a request's run; one that ends without having been executed gets it now."""
    run = request.taskstack_run or new_run()  # type: str
    request.taskstack_run = run
    return run


def recording(create_request_class, recorder, worker_state):
    # type: (t.Callable[..., t.Any], Recorder, t.Any) -> t.Callable[..., t.Any]
    """Celery's factory of request classes, with ours on top of whatever class it or the application makes."""

    def create(*args, **kwargs):  # type: (*t.Any, **t.Any) -> t.Any
        base = create_request_class(*args, trace=traced, **kwargs)
        give, acknowledge, succeed = base.execute_using_pool, base.acknowledge, base.on_success

        class RecordedRequest(base):  # type: ignore[misc, valid-type]
            """A request that writes its message before it is acknowledged, and hears how it ends."""

            #: Where the message goes when it is acknowledged: None when the task has ended well by then.
            taskstack_place = OPEN  # type: str | None
            taskstack_run = None  # type: t.Any

            def execute_using_pool(self, pool, **kwargs):  # type: (t.Any, **t.Any) -> t.Any
                self.taskstack_run = self.request_dict["taskstack_run"] = new_run()
                return give(self, pool, **kwargs)

            def execute(self, *args, **kwargs):  # type: (*t.Any, **t.Any) -> t.Any
                # Celery itself never comes here, a task's own strategy may.
                retval = base.execute(self, *args, **kwargs)
                if self.taskstack_place == OPEN:
                    info = retval[0] if type(retval).__name__ == "trace_ok_t" else retval
                    failed = type(info).__name__ == "ExceptionInfo"
                    state = verdict(info.exception) if failed else "SUCCESS"
                    recorder.settle(self, state, state)
                return retval

            def acknowledge(self):  # type: () -> None
                if not self.acknowledged and self.taskstack_place:
                    recorder.take(self, self.taskstack_place)
                acknowledge(self)

            def reject(self, requeue=False):  # type: (bool) -> None
                if not (self.acknowledged or requeue) and self.taskstack_place:
                    if self.worker_pid:
                        recorder.take(self, self.taskstack_place)
                    elif self.taskstack_place == OPEN:
                        # Thrown away before any process got it, such as for a time that cannot be.
                        recorder.refuse(self.message)
                base.reject(self, requeue=requeue)

            def on_success(self, failed__retval__runtime, **kwargs):  # type: (t.Any, **t.Any) -> t.Any
                if failed__retval__runtime[0]:
                    return succeed(self, failed__retval__runtime, **kwargs)
                self.taskstack_place = None
                try:
                    return succeed(self, failed__retval__runtime, **kwargs)
                finally:
                    recorder.release(self.taskstack_run)

            def on_failure(self, exc_info, *args, **kwargs):  # type: (t.Any, *t.Any, **t.Any) -> t.Any
                # Revoked or out of time already: what the process then died of is no news.
                state = verdict(exc_info.exception) if self.taskstack_place == OPEN else None
                # Said twice, since the task's own process may have thought that it went well.
                return self.taskstack_end(state, base.on_failure, exc_info, *args, report=state == "FAILURE", **kwargs)

            def on_timeout(self, soft, timeout):  # type: (t.Any, t.Any) -> t.Any
                if soft:
                    return base.on_timeout(self, soft, timeout)
                return self.taskstack_end("FAILURE", base.on_timeout, soft, timeout, report=True)

            def _announce_revoked(self, reason, terminated, signum, expired):
                # type: (t.Any, t.Any, t.Any, t.Any) -> t.Any
                state = "EXPIRED" if expired else "REVOKED"  # type: str | None
                if terminated and getattr(worker_state, "should_terminate", None):
                    state = None
                arguments = reason, terminated, signum, expired
                return self.taskstack_end(state, base._announce_revoked, *arguments, report=True)

            def _retry_worker_lost(self, *args):  # type: (*t.Any) -> t.Any
                done = base._retry_worker_lost(self, *args)
                if done:
                    recorder.settle(self, "RETRY", True)
                return done

            def taskstack_end(self, state, method, *args, **kwargs):
                # type: (str | None, t.Callable[..., t.Any], *t.Any, **t.Any) -> t.Any
                report = kwargs.pop("report", False)
                if state:
                    self.taskstack_place = state if state in BAD else None
                try:
                    return method(self, *args, **kwargs)
                finally:
                    recorder.settle(self, state, report and state)

        return RecordedRequest

    return create


def celerys_function():  # type: () -> t.Callable[..., t.Any]
    """The function that executes tasks, by its name: whoever wants to see tasks too replaces it where it is defined."""
    from celery import current_app
    from celery.app import trace

    # Before Celery 5.1 there was one name for both.
    fast = getattr(current_app, "use_fast_trace_task", False)
    function = trace.fast_trace_task if fast else trace.trace_task_ret  # type: t.Callable[..., t.Any]
    return function


def traced(name, task_id, request, *args, **kwargs):  # type: (str, str, dict[str, t.Any], *t.Any, **t.Any) -> t.Any
    """Execute a task with Celery's own function, in the process that has been given it, and note its end there.

    Pools call it, and their processes know it by its name.
    """
    if not FORKS_ARE_SEEN:
        active.slots.let_go()
    if active.function is None:
        # Only now, and in this process, Celery knows which of its functions it is.
        active.function = celerys_function()
    began, run = time.time(), request.pop("taskstack_run", None)
    # What is raised here ends the process, or the main one hears of it: no note of ours would be true.
    result = active.function(name, task_id, request, *args, **kwargs)
    try:
        state = verdict(result[1].exception) if result[0] else "SUCCESS"
        if state and run:
            active.records.append([state, task_id, request.get("retries") or 0, name, began, time.time(), run])
    except Exception as exc:
        active.failed(exc, False)
    return result


def watch_refusals(consumer_class, recorder):  # type: (t.Any, Recorder) -> None
    """Keep what Celery throws away, before it does."""

    def keeping(original, position):  # type: (t.Callable[..., t.Any], int) -> t.Callable[..., t.Any]
        def keep(self, *args, **kwargs):  # type: (t.Any, *t.Any, **t.Any) -> t.Any
            recorder.refuse(kwargs["message"] if "message" in kwargs else args[position])
            return original(self, *args, **kwargs)

        return keep

    for name in ("on_unknown_message", "on_unknown_task", "on_invalid_task", "on_decode_error"):
        position = 0 if name == "on_decode_error" else 1
        setattr(consumer_class, name, keeping(getattr(consumer_class, name), position))


def watch_consumer(consumer_class, recorder):  # type: (t.Any, Recorder) -> None
    """Learn which consumer takes the messages: it knows the queues."""
    original = consumer_class.create_task_handler

    def create_task_handler(self, *args, **kwargs):  # type: (t.Any, *t.Any, **t.Any) -> t.Any
        recorder.consumer = self
        return original(self, *args, **kwargs)

    consumer_class.create_task_handler = create_task_handler


def raise_descriptors(wanted):  # type: (int) -> None
    """Allow this process so many open files, as far as the system lets it."""
    try:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (ImportError, ValueError, EnvironmentError):
        # Windows, or not allowed: what cannot be recorded is noted.
        pass


def install(environment):  # type: (t.Mapping[str, str]) -> Recorder
    """Begin to record, where and for how long the environment says."""
    global active

    from celery import signals
    from celery.worker import state, strategy
    from celery.worker.consumer import Consumer

    node = environment.get("TASKSTACK_RECORDER_NODE") or "worker"
    records = Records(environment["TASKSTACK_RECORDER_DIRECTORY"], node, bool(setting("SYNC", 0)))
    limits = setting("KEEP", 86400), setting("KEEP_FAILED", 2592000), setting("MAX_BYTES", 1 << 30)
    recorder = Recorder(records, *limits)
    active = recorder
    strategy.create_request_cls = recording(strategy.create_request_cls, recorder, state)
    watch_refusals(Consumer, recorder)
    watch_consumer(Consumer, recorder)
    raise_descriptors(DESCRIPTORS)
    signals.worker_ready.connect(recorder.keep_house, weak=False)
    signals.worker_shutdown.connect(recorder.clear, weak=False)
    return recorder


if os.environ.get("TASKSTACK_RECORDER_DIRECTORY"):
    install(os.environ)
    try:
        inspect.install()
    except Exception as exc:
        logger.error("Cannot add taskstack_inspect (%s): status has to ask this worker one question at a time.", exc)

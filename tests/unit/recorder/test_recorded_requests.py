# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hooks, on a request that does what Celery's does."""

from __future__ import annotations

import os
import subprocess
import time
import types
from pathlib import Path

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import lost as reader
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import recorder as hooks
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import records as writer
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import summary


class Retry(Exception):
    pass


class Ignore(Exception):
    pass


class WorkerLostError(Exception):
    pass


class Terminated(Exception):
    pass


class Reject(Exception):
    requeue = False

    def __init__(self, reason=None):
        super().__init__(reason)
        self.reason = reason


class Unreachable(Exception):
    """What Celery's library for brokers raises."""

    __module__ = "kombu.exceptions"


def kept(directory, folder):
    found = reader.look(directory)
    return [record for record in found.gone + found.running if record.folder == folder]


class Broker:
    """Notes acknowledgements, and what was on disk at that moment."""

    def __init__(self, directory):
        self.directory, self.acknowledged, self.rejected = directory, [], []

    def on_disk(self):
        messages = {folder: Path(self.directory, folder).glob("*") for folder in ("open", "failed")}
        return {name: sum(bool(path.read_bytes().strip(b"\0")) for path in paths) for name, paths in messages.items()}


class CeleryRequest:
    """The parts of Celery's request class that matter, in its order of doing things."""

    def __init__(self, message, broker, late=False):
        self.message, self.broker, self.acknowledged, self.worker_pid = message, broker, False, None
        self.id, self.request_dict = message.headers["id"], dict(message.headers)
        self.task = types.SimpleNamespace(name=message.headers["task"], acks_late=late)

    def execute_using_pool(self, pool, **_):
        return self.request_dict

    def execute(self, retval):
        if retval == "revoked":
            return self._announce_revoked("revoked", False, None, False)
        self.acknowledge()
        return retval

    def on_accepted(self, pid):
        self.worker_pid = pid
        if not self.task.acks_late:
            self.acknowledge()

    def acknowledge(self):
        if not self.acknowledged:
            self.broker.acknowledged.append(self.broker.on_disk())
            self.acknowledged = True

    def reject(self, requeue=False):
        if not self.acknowledged:
            self.broker.rejected.append(self.broker.on_disk())
            self.acknowledged = True

    def on_success(self, failed__retval__runtime, **_):
        if failed__retval__runtime[0]:
            return self.on_failure(failed__retval__runtime[1])
        if self.task.acks_late:
            self.acknowledge()

    def on_failure(self, exc_info, send_failed_event=True, return_ok=False):
        if isinstance(exc_info.exception, Terminated):
            return self._announce_revoked("terminated", True, "15", False)
        if isinstance(exc_info.exception, Reject):
            return self.reject(requeue=exc_info.exception.requeue)
        if self.task.acks_late:
            self.acknowledge()

    def on_timeout(self, soft, timeout):
        if self.task.acks_late and not soft:
            self.acknowledge()

    def _announce_revoked(self, reason, terminated, signum, expired):
        self.acknowledge()


@pytest.fixture
def recorder(records, monkeypatch):
    monkeypatch.setattr(hooks, "active", hooks.Recorder(records, 3600, 7200, 1 << 30))
    return hooks.active


@pytest.fixture
def take(recorder, records, message):
    """A request as the main process makes it, and the process that runs it."""
    state = types.SimpleNamespace(should_terminate=None)
    make = hooks.recording(lambda **_: CeleryRequest, recorder, state)()

    def begin(task_id="1f", late=False, **about):
        request = make(message(task_id, **about), Broker(records.directory), late)
        request.stopping = state
        request.execute_using_pool(None)
        return request

    return begin


def child(recorder, request, state, retval=None):
    """What the process of the pool does with a task that ends so."""
    raised = {"FAILURE": ValueError, "RETRY": Retry, "REJECTED": Reject, "IGNORED": Ignore}
    if state == "SUCCESS":
        recorder.function = lambda *_: (0, "None", 0.1)
    else:
        recorder.function = lambda *_: (1, types.SimpleNamespace(exception=retval or raised[state]()), 0.1)
    # It has a copy of the request.
    return hooks.traced(request.task.name, request.id, dict(request.request_dict))


def failure(kind):
    return types.SimpleNamespace(exception=kind())


def dead():
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def states(recorder):
    return [task["state"] for task in summary.tasks(recorder.records.directory)]


def test_the_message_is_on_disk_before_it_is_acknowledged(take):
    request = take()
    request.on_accepted(os.getpid())
    assert request.broker.acknowledged == [{"open": 1, "failed": 0}]


def test_nothing_of_a_message_is_left_when_its_task_has_ended_well(take, recorder):
    request = take(body=b"[['a patient'], {}, {}]")
    request.on_accepted(os.getpid())
    child(recorder, request, "SUCCESS")
    request.on_success((False, None, 0))
    recorder.clear()
    content = subprocess.run(["grep", "-r", "patient", recorder.records.directory], capture_output=True).stdout
    assert (request.broker.on_disk(), content, states(recorder)) == ({"open": 0, "failed": 0}, b"", ["succeeded"])


def test_the_worker_erases_what_ended_well_by_itself_and_within_seconds(take, recorder):
    recorder.keep_house()
    for _ in range(2):
        request = take()
        request.on_accepted(os.getpid())
        request.on_success((False, None, 0))
        started = time.monotonic()
        while request.broker.on_disk()["open"]:
            assert time.monotonic() < started + 30


def test_a_message_that_was_not_erased_yet_is_neither_running_nor_lost(take, recorder):
    request = take()
    child(recorder, request, "SUCCESS")
    request.on_accepted(dead())
    request.on_success((False, None, 0))
    assert (request.broker.on_disk()["open"], states(recorder)) == (1, ["succeeded"])
    crash(recorder)
    assert (request.broker.on_disk()["open"], states(recorder)) == (1, ["succeeded"])
    recorder.expire()
    assert (request.broker.on_disk()["open"], states(recorder)) == (0, ["succeeded"])


def test_what_could_not_be_erased_is_erased_later(take, recorder, monkeypatch):
    request = take()
    request.on_accepted(os.getpid())
    request.on_success((False, None, 0))
    with monkeypatch.context() as broken:
        broken.setattr(writer, "overwrite", lambda *_: os.open("/nowhere", os.O_RDONLY))
        recorder.clear()
    assert (request.broker.on_disk()["open"], recorder.note["reason"]) == (1, "No such file or directory")
    recorder.clear()
    assert request.broker.on_disk()["open"] == 0


def test_a_task_that_ends_before_it_is_acknowledged_leaves_nothing_either(take, recorder):
    request = take()
    child(recorder, request, "SUCCESS")
    request.on_accepted(os.getpid())
    request.on_success((False, None, 0))
    recorder.clear()
    assert request.broker.on_disk() == {"open": 0, "failed": 0}


def crash(recorder):
    """The main process is gone: its locks are, and nothing of it runs any more."""
    handles = [entry[0] for entry in [*recorder.slots._used.values(), *recorder.slots._free]]
    for handle in handles:
        os.close(handle)
    recorder.slots = writer.Slots(recorder.records)


def test_a_task_whose_whole_worker_was_killed_is_lost(take, recorder):
    take().on_accepted(dead())
    assert reader.look(recorder.records.directory).lost() == []
    crash(recorder)
    assert [record.id for record in reader.look(recorder.records.directory).lost()] == ["1f"]


def test_a_task_whose_process_lives_on_without_its_worker_is_not_lost(take, recorder):
    take().on_accepted(os.getpid())
    crash(recorder)
    assert reader.look(recorder.records.directory).lost() == []


def test_a_main_process_that_dies_between_both_does_not_make_the_task_lost(take, recorder):
    request = take()
    child(recorder, request, "SUCCESS")
    request.on_accepted(dead())
    crash(recorder)
    assert reader.look(recorder.records.directory).lost() == []


def test_the_next_worker_sorts_out_what_a_dead_one_left(take, recorder):
    for task_id, state in (("1f", "SUCCESS"), ("2f", "FAILURE"), ("3f", None), ("4f", "RETRY")):
        request = take(task_id)
        request.on_accepted(dead())
        if state:
            child(recorder, request, state)
    running = take("5f")
    running.on_accepted(os.getpid())
    crash(recorder)
    before = {(record.id, record.state) for record in reader.look(recorder.records.directory).gone}
    assert {("2f", "FAILURE"), ("3f", "OPEN")} <= before
    recorder.expire()
    after = {(record.id, record.state) for record in reader.look(recorder.records.directory).gone}
    assert after == {("2f", "FAILURE"), ("3f", "OPEN")}
    assert running.broker.on_disk() == {"open": 2, "failed": 1}


def test_a_slot_is_used_again_and_shows_no_older_message(take, recorder):
    for task_id, body in (("1f", b"x" * 9000), ("2f", b"y" * (2 << 20)), ("3f", b"z")):
        request = take(task_id, body=body)
        request.on_accepted(os.getpid())
        path = next(Path(recorder.records.directory, "open").iterdir())
        assert writer.read(str(path))[1] == body
        request.on_success((False, None, 0))
    recorder.clear()
    assert path.read_bytes().strip(b"\0") == b""
    assert path.stat().st_size < 20_000
    assert recorder.slots._used == {}


def test_a_run_that_nobody_ends_is_found_when_its_process_is_gone(take, recorder):
    process = subprocess.Popen(["sleep", "60"])
    take().on_accepted(process.pid)
    process.kill()
    process.wait()
    writer._births = 0, {}
    recorder.expire()
    assert [record.id for record in reader.look(recorder.records.directory).lost()] == ["1f"]


def test_a_task_that_failed_keeps_its_message(take, recorder):
    request = take()
    request.on_accepted(os.getpid())
    child(recorder, request, "FAILURE")
    request.on_failure(failure(ValueError), return_ok=True)
    assert (request.broker.on_disk(), states(recorder)) == ({"open": 0, "failed": 1}, ["failed"])


@pytest.mark.parametrize("late", [False, True])
def test_a_task_whose_process_was_killed_is_lost(take, recorder, late):
    request = take(late=late)
    request.on_accepted(dead())
    request.on_failure(failure(WorkerLostError))
    assert request.broker.acknowledged == [{"open": 1, "failed": 0}]
    assert [record.id for record in reader.look(recorder.records.directory).lost()] == ["1f"]


def test_a_late_task_is_never_written_when_it_ends_well(take, recorder):
    request = take(late=True)
    request.on_accepted(os.getpid())
    child(recorder, request, "SUCCESS")
    request.on_success((False, None, 0))
    assert (request.broker.acknowledged, states(recorder)) == ([{"open": 0, "failed": 0}], ["succeeded"])


def test_a_late_task_that_fails_is_kept_before_it_is_acknowledged(take, recorder):
    request = take(late=True)
    request.on_accepted(os.getpid())
    child(recorder, request, "FAILURE")
    request.on_failure(failure(ValueError), return_ok=True)
    assert request.broker.acknowledged == [{"open": 0, "failed": 1}]


def test_a_retry_leaves_nothing(take, recorder):
    request = take()
    request.on_accepted(os.getpid())
    child(recorder, request, "RETRY")
    request.on_failure(failure(Retry), return_ok=True)
    assert (request.broker.on_disk(), states(recorder)) == ({"open": 0, "failed": 0}, ["retried"])


def test_a_message_that_the_task_rejects_is_kept(take, recorder):
    request = take(late=True)
    request.on_accepted(os.getpid())
    child(recorder, request, "REJECTED")
    request.on_failure(failure(Reject), return_ok=True)
    assert request.broker.rejected == [{"open": 0, "failed": 1}]


@pytest.mark.parametrize("late", [False, True])
def test_a_task_whose_next_attempt_the_broker_did_not_get_is_lost_and_stays(take, recorder, records, late):
    request = take(late=late)
    request.on_accepted(os.getpid())
    child(recorder, request, "REJECTED", retval=Reject(Unreachable()))
    request.on_failure(types.SimpleNamespace(exception=Reject(Unreachable())), return_ok=True)
    records.expire(time.time() + 10**9, 1, 1, 0)
    assert request.broker.on_disk() == {"open": 0, "failed": 1}
    assert [(record.state, record.id) for record in reader.look(records.directory).lost()] == [("UNSENT", "1f")]
    assert states(recorder) == ["lost"]


def test_a_command_in_another_serializer_is_no_refused_task(recorder, message):
    class Consumer:
        def on_unknown_message(self, body, message, exc=None):
            pass

        on_unknown_task = on_invalid_task = on_unknown_message

        def on_decode_error(self, message, exc):
            pass

    hooks.watch_refusals(Consumer, recorder)
    command = message("1f")
    command.delivery_info["exchange"] = "celery.pidbox"
    Consumer().on_decode_error(command, ValueError())
    assert states(recorder) == [] and kept(recorder.records.directory, "failed") == []


def test_a_task_out_of_time_has_failed(take, recorder):
    request = take()
    request.on_accepted(dead())
    request.on_timeout(False, 5)
    assert (request.broker.on_disk(), states(recorder)) == ({"open": 0, "failed": 1}, ["failed"])


def test_a_message_that_no_process_can_get_is_kept_as_refused(take, recorder):
    """Celery rejects a time that it cannot convert before it asks the pool."""
    take().reject(requeue=False)
    assert [record.state for record in kept(recorder.records.directory, "failed")] == ["REFUSED"]
    take("2f").reject(requeue=True)
    assert len(kept(recorder.records.directory, "failed")) == 1


def test_a_soft_time_limit_is_no_end(take):
    request = take()
    request.on_accepted(os.getpid())
    request.on_timeout(True, 5)
    assert request.broker.on_disk() == {"open": 1, "failed": 0}


def test_a_revoked_task_keeps_its_message_and_an_expired_one_does_not(take, recorder):
    take("1f")._announce_revoked("revoked", False, None, False)
    take("2f")._announce_revoked("expired", False, None, True)
    assert [record.state for record in kept(recorder.records.directory, "failed")] == ["REVOKED"]
    assert sorted(states(recorder)) == ["expired", "revoked"]


def test_a_task_that_a_stopping_worker_terminates_is_lost_not_revoked(take, recorder):
    request = take()
    request.on_accepted(dead())
    request.stopping.should_terminate = True
    request.on_failure(failure(Terminated))
    assert len(reader.look(recorder.records.directory).lost()) == 1


def test_a_killed_process_of_a_revoked_task_does_not_make_it_lost(take, recorder):
    request = take()
    request.on_accepted(dead())
    request._announce_revoked("terminated", True, 9, False)
    request.on_failure(failure(WorkerLostError))
    assert (reader.look(recorder.records.directory).lost(), states(recorder)) == ([], ["revoked"])


def test_a_success_that_could_not_be_stored_keeps_the_message_as_failed(take, recorder):
    request = take()
    request.on_accepted(os.getpid())
    child(recorder, request, "SUCCESS")
    request.on_failure(failure(ConnectionError))
    assert (request.broker.on_disk(), states(recorder)) == ({"open": 0, "failed": 1}, ["failed"])


def test_a_running_task_is_not_lost(take, recorder):
    take().on_accepted(os.getpid())
    assert (reader.look(recorder.records.directory).lost(), states(recorder)) == ([], ["running"])


def test_a_process_number_that_was_given_again_does_not_hide_a_loss(take, recorder):
    request = take()
    request.on_accepted(os.getpid())
    crash(recorder)
    record = kept(recorder.records.directory, "open")[0]
    assert reader.alive(record.pid, record.born)
    assert not reader.alive(record.pid, f"{record.born}0")


def test_what_the_worker_throws_away_is_kept_first(recorder, message):
    broker = Broker(recorder.records.directory)

    class Consumer:
        def on_unknown_message(self, body, message, exc=None):
            broker.rejected.append(broker.on_disk())

        on_unknown_task = on_invalid_task = on_unknown_message

        def on_decode_error(self, message, exc):
            broker.rejected.append(broker.on_disk())

    hooks.watch_refusals(Consumer, recorder)
    Consumer().on_unknown_task(None, message("1f"), KeyError())
    Consumer().on_decode_error(message("2f", body=b"\x80\x04pickle"), ValueError())
    assert broker.rejected == [{"open": 0, "failed": 1}, {"open": 0, "failed": 2}]
    assert states(recorder) == ["refused", "refused"]


def test_a_broken_directory_never_stops_a_worker_and_is_told(take, recorder, records, caplog):
    request = take()
    records.directory += "/trouble/mail@host"
    request.on_accepted(os.getpid())
    child(recorder, request, "SUCCESS")
    assert request.acknowledged
    assert "Tasks run on" in caplog.text
    assert recorder.note["unrecorded"] == 1


def test_a_removed_directory_is_made_again(take, recorder):
    subprocess.run(["rm", "-r", recorder.records.directory], check=True)
    request = take()
    request.on_accepted(os.getpid())
    assert request.broker.acknowledged == [{"open": 1, "failed": 0}]


def test_a_directory_that_is_removed_between_two_tasks_is_noticed_within_a_second(take, recorder):
    first, other = take("1f"), take("2f")
    first.on_accepted(os.getpid())
    other.on_accepted(os.getpid())
    for request in (first, other):
        request.on_success((False, None, 0))
    subprocess.run(["rm", "-r", recorder.records.directory], check=True)
    time.sleep(1.01)
    for number, request in enumerate([take("3f"), take("4f")], 1):
        request.on_accepted(os.getpid())
        assert request.broker.acknowledged == [{"open": number, "failed": 0}]


def test_a_task_without_a_run_is_nobody_elses_business(recorder):
    recorder.function = lambda *_: (0, "None", 0.1)
    assert hooks.traced("inner", "2f", {"retries": 0}) == (0, "None", 0.1)
    assert states(recorder) == []


@pytest.mark.parametrize("raised", [SystemExit, MemoryError])
def test_a_process_that_dies_of_its_task_notes_no_end_of_it(take, recorder, raised):
    def function(*_):
        raise raised

    request = take()
    request.on_accepted(dead())
    recorder.function = function
    with pytest.raises(raised):
        hooks.traced(request.task.name, request.id, dict(request.request_dict))
    crash(recorder)
    assert len(reader.look(recorder.records.directory).lost()) == 1


def test_the_task_sees_nothing_of_the_recorder_and_its_process_gets_what_celery_gives(take, recorder):
    seen = []
    recorder.function = lambda *arguments: seen.append(arguments) or (0, "None", 0.1)
    request = take()
    given = dict(request.request_dict)
    assert hooks.traced("app.work", "1f", given, b"[]", "application/json", "utf-8") == (0, "None", 0.1)
    assert seen == [("app.work", "1f", {**request.message.headers}, b"[]", "application/json", "utf-8")]


class ExceptionInfo:
    exception = ValueError()


@pytest.mark.parametrize(
    ("retval", "left", "state"),
    [("4", (0, 0), "succeeded"), (ExceptionInfo(), (0, 1), "failed"), ("revoked", (0, 1), "revoked")],
)
def test_a_strategy_that_executes_its_requests_by_itself_is_understood(take, recorder, retval, left, state):
    request = take()
    request.execute(retval)
    assert request.broker.on_disk() == dict(zip(("open", "failed"), left, strict=True))
    assert states(recorder) == [state]


def test_runs_of_one_identifier_do_not_disturb_each_other(take, recorder):
    first, second = take("nightly"), take("nightly")
    first.on_accepted(os.getpid())
    second.on_accepted(os.getpid())
    child(recorder, first, "SUCCESS")
    first.on_success((False, None, 0))
    recorder.clear()
    assert second.broker.on_disk() == {"open": 1, "failed": 0}


def test_an_attempt_that_carries_the_name_of_the_one_before_gets_its_own(take, recorder):
    first = take()
    first.on_accepted(dead())
    child(recorder, first, "RETRY")
    first.on_failure(failure(Retry), return_ok=True)
    # Celery gives the task's next attempt whatever it found in the headers of this one.
    second = take(headers={"taskstack_run": first.request_dict["taskstack_run"], "retries": 1})
    second.on_accepted(dead())
    crash(recorder)
    assert [record.retries for record in reader.look(recorder.records.directory).lost()] == [1]


def test_a_process_that_died_and_was_not_yet_buried_works_on_nothing(take, recorder):
    process = subprocess.Popen(["true"])
    while b"Z" not in Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2].split()[:1]:
        pass
    assert writer.born(process.pid) is None
    process.wait()


def test_the_name_of_a_run_is_never_given_twice():
    assert len({writer.new_run() for _ in range(10_000)}) == 10_000


def test_what_celery_4_writes_into_the_headers_of_a_received_message_is_not_recorded(message):
    received = message()
    received.headers = {**received.headers, "args": [object()], "kwargs": {}, "delivery_info": {}, "hostname": "w@h"}
    received.properties["application_headers"] = received.headers
    headers, properties = hooks.tables(received)
    assert headers == message().headers
    assert properties == {"correlation_id": "1f", "delivery_mode": 2}


class TaskConsumer:
    """What kombu's consumer knows: its queues, each with the tag of its own."""

    def __init__(self, **tags):
        self._active_tags = {queue: tag for tag, queue in tags.items()}


def test_the_queue_of_a_message_is_that_of_its_consumer_also_after_a_new_connection(take, recorder):
    recorder.consumer = types.SimpleNamespace(task_consumer=TaskConsumer(None1="mail"))
    take(consumer_tag="None1", routing_key="x").on_accepted(os.getpid())
    recorder.consumer.task_consumer = TaskConsumer(None2="reports")
    take(consumer_tag="None2", routing_key="x").on_accepted(os.getpid())
    found = reader.look(recorder.records.directory).running
    assert [record.queue for record in sorted(found, key=lambda record: record.time)] == ["mail", "reports"]


def test_kinds_of_messages_are_not_remembered_without_end(recorder):
    recorder.consumer = types.SimpleNamespace(task_consumer=TaskConsumer(None1="mail"))
    for number in range(3 * hooks.KINDS):
        recorder.describe(("", "mail", False, None, None, "None1", "app.work", number, 1, "x"))
    assert 0 < len(recorder.kinds) <= hooks.KINDS

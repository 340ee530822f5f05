# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No ended task is sent again, and none is lost, whatever expires, is adopted, forked or torn."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import subprocess
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import lost as reader
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import recorder as hooks
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import records as writer
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import replay, summary
from hypothesis import given
from hypothesis import strategies as st

DAY, NOW = 86400, time.time()
LIMITS = DAY, 30 * DAY, 1 << 30
DEAD = 999_999, "dead:1"
MINE = os.getpid(), reader.birth(os.getpid())


def put(records, run, task_id, taken=NOW - DAY - 3600, process=DEAD, folder="open", suffix="", redelivered=False):
    common = "", "celery", redelivered, None, None, "celery", "app.charge", 0, "mail@host", *process
    records.put(
        folder,
        run + suffix,
        writer.pack((run, task_id, taken), writer.describe(common), ({}, {}), b"[]"),
    )


def end(records, task_id, run, ended=NOW - DAY - 1800, state="SUCCESS", retries=0):
    records.append([state, task_id, retries, "app.charge", None, ended, run])
    for file in Path(records.path("history")).iterdir():
        os.utime(file, (ended, ended))


def lost(records):
    return [record.id for record in reader.look(records.directory).lost()]


def test_a_task_that_ended_while_its_worker_lost_it_is_not_lost_when_the_history_expires(records):
    put(records, "1-1-1", "paid")
    end(records, "paid", "1-1-1")
    records.expire(NOW, *LIMITS)
    assert (lost(records), os.listdir(records.path("open"))) == ([], [])
    assert replay.plan(reader.look(records.directory), {}, replay.Wish(), NOW).send == []


def test_an_attempt_whose_successor_ended_is_not_lost_a_day_later(records):
    put(records, "1-1-1", "paid")
    end(records, "paid", "2-1-1", retries=1)
    records.expire(NOW, *LIMITS)
    assert (lost(records), os.listdir(records.path("open"))) == ([], [])


def test_a_failure_that_its_process_noted_stays_a_failure_when_the_history_expires(records):
    put(records, "1-1-1", "paid")
    end(records, "paid", "1-1-1", state="FAILURE")
    records.expire(NOW, *LIMITS)
    assert (lost(records), os.listdir(records.path("failed"))) == ([], ["1-1-1.FAILURE"])


def test_a_failed_message_whose_later_copy_succeeded_goes_with_the_evidence(records):
    put(records, "1-1-1", "paid", folder="failed", suffix=".FAILURE")
    end(records, "paid", "2-1-1")
    records.expire(NOW, *LIMITS)
    assert os.listdir(records.path("failed")) == []


def test_a_small_limit_of_bytes_does_not_make_an_ended_task_lost(records):
    put(records, "1-1-1", "paid", taken=NOW - 7300)
    end(records, "paid", "1-1-1", ended=NOW - 7200)
    records.expire(NOW, DAY, 30 * DAY, 4096)
    assert lost(records) == []


def test_history_stays_while_somebody_works_on_a_message_that_it_may_decide(records):
    put(records, "1-1-1", "paid", process=MINE)
    end(records, "paid", "1-1-1")
    assert records.expire(NOW, *LIMITS) == (0, 0)
    Path(records.path("open", "1-1-1")).rename(records.path("open", "dead"))
    records.drop("open", "dead")
    # Its worker is gone meanwhile.
    put(records, "1-1-1", "paid")
    assert lost(records) == []


def test_a_lost_task_stays_lost_however_old_it_is(records):
    put(records, "1-1-1", "unpaid", taken=NOW - 400 * DAY)
    records.expire(NOW, DAY, DAY, 1)
    assert lost(records) == ["unpaid"]


def test_a_run_that_was_moved_while_its_end_was_on_the_way_goes_when_it_arrives(records, monkeypatch):
    recorder = hooks.Recorder(records, *LIMITS)
    process = subprocess.Popen(["sleep", "60"])
    since = reader.birth(process.pid)
    common = "", "celery", False, None, None, "celery", "app.charge", 0, "mail@host", process.pid, since
    content = writer.pack(("1-1-1", "paid", NOW), writer.describe(common), ({}, {}), b"[]")
    recorder.slots.put("1-1-1", process.pid, since, int(NOW), content)
    process.kill()
    process.wait()
    recorder.expire()
    assert lost(records) == ["paid"]
    recorder.release("1-1-1")
    assert lost(records) == []


copies = st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.sampled_from(["open", "failed"])), max_size=8)


@given(copies, st.sets(st.integers(0, 2)))
def test_a_second_resubmit_finds_nothing_whatever_copies_there_are(tmp_path_factory, several, ended):
    records = writer.Records(str(tmp_path_factory.mktemp("records")), "mail@host")
    records.prepare()
    for number, (task, redelivered, folder) in enumerate(several):
        suffix = ".UNSENT" if folder == "failed" else ""
        put(
            records,
            f"{number}-1-1",
            str(task),
            NOW - 100 + number,
            folder=folder,
            suffix=suffix,
            redelivered=redelivered,
        )
    for task in ended:
        end(records, str(task), f"other-{task}", ended=NOW)
    planned = replay.plan(reader.look(records.directory), {}, replay.Wish(), NOW)
    work = replay.job(planned)
    assert len({(record.folder, record.file) for record in planned.send}) == len(planned.send)
    assert not {record.id for record in planned.send} & set(map(str, ended))
    for folder, file, _id, with_it in work["send"]:
        for gone in [(folder, file), *with_it]:
            assert records.drop(*gone)
    for gone in work["drop"]:
        records.drop(*gone)
    after = replay.plan(reader.look(records.directory), {}, replay.Wish(), NOW)
    assert (after.found, lost(records)) == ([], [])


def test_copies_of_one_attempt_are_one_lost_task(records):
    put(records, "1-1-1", "paid", taken=NOW - 10)
    put(records, "2-1-1", "paid", taken=NOW - 5, redelivered=True)
    assert summary.problems(records.directory) == [{"kind": "tasks_lost", "count": 1}]


def test_a_copy_in_the_hands_of_a_worker_of_this_host_counts_for_the_dead_one(records):
    put(records, "1-1-1", "paid", taken=NOW - 10)
    put(records, "2-1-1", "paid", taken=NOW - 5, redelivered=True, process=MINE)
    assert lost(records) == []


def test_a_slot_that_is_being_made_is_nobodys(records):
    draft = records.path("open", "1-1-1.slot.new")
    Path(draft).touch()
    records.adopt(time.time())
    assert os.path.exists(draft)
    os.utime(draft, (NOW - DAY, NOW - DAY))
    records.adopt(time.time())
    assert not os.path.exists(draft)


def test_files_that_another_worker_moves_in_this_moment_do_not_end_the_clean_up(records, monkeypatch):
    recorder = hooks.Recorder(records, *LIMITS)
    listed = os.listdir
    gone = {"open": "9-9-9.slot.new", "trouble": "old@host"}
    monkeypatch.setattr(
        os, "listdir", lambda path: listed(path) + [name for folder, name in gone.items() if path.endswith(folder)]
    )
    recorder.expire()
    assert "reason" not in recorder.note


def test_a_slot_has_its_name_only_when_it_is_locked(records, monkeypatch):
    seen = []
    rename = os.rename
    monkeypatch.setattr(os, "rename", lambda a, b: (seen.append(reader.is_held(a)), rename(a, b)))
    slots = writer.Slots(records)
    slots.put("1-1-1", *MINE, int(NOW), b"x\n")
    assert seen == [True]


def test_a_child_that_was_forked_later_does_not_keep_the_locks_of_its_dead_worker(records):
    ready, go_on = os.pipe(), os.pipe()
    worker = os.fork()
    if worker == 0:
        slots = writer.Slots(records)
        put_in(slots, "1-1-1")
        if os.fork() == 0:
            os.write(ready[1], b"x")
            os.read(go_on[0], 1)
            os._exit(0)
        os.read(ready[0], 1)
        os._exit(0)
    os.waitpid(worker, 0)
    try:
        assert lost(records) == ["paid"]
    finally:
        os.write(go_on[1], b"x")


def put_in(slots, run, process=DEAD, body=b"[]"):
    common = "", "celery", False, None, None, "celery", "app.charge", 0, "mail@host", *process
    content = writer.pack((run, "paid", NOW), writer.describe(common), ({}, {}), body)
    slots.put(run, *process, int(NOW), content)


def test_a_slot_in_use_is_never_damaged_however_its_message_changes_under_the_reader(records):
    slots, stop = writer.Slots(records), threading.Event()

    def work():
        number = 0
        while not stop.is_set():
            put_in(slots, f"{number}-1-1", MINE, os.urandom(60_000))
            slots.release(f"{number}-1-1")
            number += 1

    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert [reader.look(records.directory).damaged for _ in range(300)] == [[]] * 300
    finally:
        stop.set()
        worker.join()


def test_a_slot_between_two_writes_of_its_worker_is_not_damaged(records):
    Path(records.path("open", "1-1-1.slot")).write_bytes(b'{"run":"2-1-{"run":"1-1')
    with open(records.path("open", "1-1-1.slot"), "rb") as worker:
        fcntl.flock(worker, fcntl.LOCK_EX)
        assert reader.look(records.directory).damaged == []
    assert reader.look(records.directory).damaged == [("open", "1-1-1.slot")]


def test_no_more_free_slots_are_kept_than_a_process_can_afford(records):
    slots = writer.Slots(records)
    for number in range(200):
        put_in(slots, f"{number}-1-1", MINE)
    for number in range(200):
        slots.release(f"{number}-1-1")
    slots.clear()
    assert len(slots._free) <= writer.FREE
    assert len(os.listdir(records.path("open"))) == len(slots._names) == len(slots._free)


def test_a_process_that_cannot_be_seen_is_not_taken_for_dead(records, monkeypatch):
    recorder = hooks.Recorder(records, *LIMITS)
    put_in(recorder.slots, "1-1-1", MINE)
    monkeypatch.setattr(writer, "birth", lambda pid: None)
    assert recorder.slots.deserted() == []


def test_threads_may_ask_for_the_birth_of_processes_at_the_same_time():
    wrong = []

    def ask():
        for number in range(3000):
            if writer.born(os.getpid(), NOW + number * 3) != MINE[1]:
                wrong.append(number)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_line_that_a_full_disk_cut_short_swallows_no_line_of_another_process(records):
    end(records, "1f", "1-1-1")
    file = next(Path(records.path("history")).iterdir())
    file.write_bytes(file.read_bytes() + b'\n["SUCCESS","2f",0,"app')
    records.append(["SUCCESS", "3f", 0, "app.charge", None, NOW - DAY - 1800, "3-1-1"])
    assert [task["id"] for task in summary.tasks(records.directory)] == ["1f", "3f"]


def test_a_short_write_to_the_history_is_noticed(records, monkeypatch):
    end(records, "1f", "1-1-1")
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: write(handle, content[:5]))
    with pytest.raises(OSError, match="No space left"):
        end(records, "2f", "2-1-1")


def test_what_a_later_version_wrote_is_left_alone_and_said(records):
    put(records, "1-1-1", "paid")
    path = Path(records.path("open", "1-1-1"))
    path.write_bytes(path.read_bytes().replace(b'"format":1', b'"format":2', 1))
    assert [problem["kind"] for problem in summary.facts(records.directory)[1]] == ["recorder_newer"]
    with pytest.raises(reader.Newer):
        records.adopt(NOW)
    path.unlink()
    Path(records.path("history", "2026-01-01T00.mail@host.log")).write_bytes(b'["format",2]\n')
    put(records, "1-1-1", "paid")
    assert [problem["kind"] for problem in summary.facts(records.directory)[1]] == ["recorder_newer"]


def test_the_files_of_the_version_before_are_read_on(records):
    head = (
        '{"run":"1-1-1","id":"old","time":1700000000000000e-6,"length":2,"checksum":%d,"exchange":"",'
        '"routing_key":"mail","redelivered":false,"content_type":null,"content_encoding":null,"task":"app.charge",'
        '"retries":0,"node":"mail@host","pid":999999,"born":"dead:1"}\n'
    )
    import zlib

    Path(records.path("open", "1-1-1")).write_bytes((head % zlib.crc32(b"[]")).encode() + b"[]")
    Path(records.path("history", "2023-11-14T22.mail@host.log")).write_bytes(
        b'["SUCCESS","other",0,"app.charge",1e-6,1700000000000000e-6,"9-9-9"]\n'
    )
    Path(records.path("trouble", "mail@host")).write_bytes(json.dumps({"unrecorded": 0}).encode().ljust(1024))
    found = reader.look(records.directory)
    assert [(record.id, record.queue) for record in found.lost()] == [("old", "mail")]
    assert {task["state"] for task in summary.tasks(records.directory)} == {"lost", "succeeded"}


@pytest.mark.parametrize("folder", ["open", "failed", "history", "trouble"])
def test_a_pipe_a_link_or_a_file_of_holes_stops_nobody(records, folder):
    put(records, "1-1-1", "unpaid")
    end(records, "1f", "9-9-9")
    os.mkfifo(records.path(folder, "2026-01-01T00.pipe.log"))
    os.symlink("/dev/zero", records.path(folder, "2026-01-01T00.zero.log"))
    with open(records.path(folder, "2026-01-01T00.holes.log"), "wb") as stream:
        stream.truncate(1 << 40)
    tasks, problems = summary.facts(records.directory)
    assert {task["id"] for task in tasks} == {"unpaid", "1f"}
    assert {"kind": "tasks_lost", "count": 1} in problems


@pytest.mark.parametrize("number", ["1e300", "NaN", "-1", '"x"', "[]"])
def test_a_number_that_cannot_be_is_damage_and_breaks_nothing(records, number):
    end(records, "1f", "9-9-9")
    file = next(Path(records.path("history")).iterdir())
    file.write_bytes(file.read_bytes() + f'\n["SUCCESS","2f",0,"t",null,{number},"r"]\n'.encode())
    Path(records.path("trouble", "x@host")).write_text(f'{{"unrecorded": {number}, "excess": {number}}}')
    assert [task["id"] for task in summary.tasks(records.directory)] == ["1f"]
    assert all(problem["kind"] != "tasks_lost" for problem in summary.problems(records.directory))


def test_a_worker_that_runs_and_does_not_record_is_a_problem(records):
    silent = {"kind": "recorder_silent", "node": "mail@host"}
    assert silent in summary.problems(records.directory, ["mail@host"])
    recorder = hooks.Recorder(records, *LIMITS)
    assert summary.problems(records.directory, ["mail@host"]) == []
    recorder.note.update(pid=DEAD[0], born=DEAD[1])
    recorder._write_note()
    assert silent in summary.problems(records.directory, ["mail@host"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another account")
def test_folders_of_another_account_are_a_problem(records):
    assert summary.problems(records.directory, user=pwd.getpwuid(0).pw_name) == []
    os.chown(records.path("open"), 12345, 12345)
    found = summary.problems(records.directory, user="root")
    assert found == [{"kind": "recorder_owner", "folder": "open", "user": "root"}]


def test_notes_of_workers_that_are_gone_for_a_day_go_and_those_that_run_stay(records):
    recorder = hooks.Recorder(records, *LIMITS)
    for name, pid, born in (("old@host", *DEAD), ("busy@host", *MINE)):
        Path(records.path("trouble", name)).write_text(json.dumps({"unrecorded": 3, "pid": pid, "born": born}))
        os.utime(records.path("trouble", name), (NOW - 2 * DAY, NOW - 2 * DAY))
    recorder.expire()
    assert sorted(os.listdir(records.path("trouble"))) == ["busy@host", "mail@host"]


def test_messages_that_an_interrupted_resubmit_left_are_a_problem(records):
    os.mkdir(records.path("sending", "b"))
    put(records, "message.1-1-1", "paid", folder="sending/b")
    assert summary.problems(records.directory) == []
    os.utime(records.path("sending", "b"), (NOW - 600, NOW - 600))
    assert summary.problems(records.directory) == [{"kind": "records_sending", "count": 1}]
    assert reader.counts(records.directory) == {"lost": 0, "failed": 0, "sending": 1, "damaged": 0}


def test_the_locks_of_slots_are_real_ones(records):
    slots = writer.Slots(records)
    put_in(slots, "1-1-1")
    file = next(Path(records.path("open")).iterdir())
    with file.open("rb") as stream, pytest.raises(BlockingIOError):
        fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_a_queue_filter_sees_the_queue_behind_a_delay(records):
    def record(queue, routing_key):
        return reader.Record(
            "open", "f", "OPEN", "r", "1f", 0, "t", NOW, "n", 1, None, "", routing_key, queue, False, False
        )

    wish = replay.Wish(queues=["mail"])
    assert wish.wants(record("mail", "0.0.1.0.mail"), NOW) and wish.wants(record("0.0.1.mail", "0.0.1.mail"), NOW)
    assert wish.wants(record("mail", "order.created"), NOW) and not wish.wants(record("slow", "slow"), NOW)

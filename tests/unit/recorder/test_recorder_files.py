# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the recorder writes, and how it is read."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import lost as reader
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import records as writer
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import summary
from ansible_collections.taskstack.celery.plugins.module_utils._status.sentences import sentence
from hypothesis import given
from hypothesis import strategies as st

HEAD = {"id": "1f", "retries": 0, "task": "app.work", "time": 1000.0, "node": "mail@host", "pid": 2, "born": None}
HEAD.update(exchange="", routing_key="celery", redelivered=False, headers={}, properties={})

# What AMQP tables may hold; their times are whole seconds.
epoch = datetime.datetime(1970, 1, 1)
times = st.integers(1, 4 * 10**9).map(lambda seconds: epoch + datetime.timedelta(seconds=seconds))
numbers = st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
tables = st.recursive(
    st.none() | st.text() | st.binary() | numbers | times,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


def packed(head, body):
    """The file of a message, from what is read of it."""
    own, common = ([head.get(name) for name in names] for names in (("run", "id", "time"), writer.COMMON))
    return writer.pack(own, writer.describe(common), (head["headers"], head["properties"]), body)


def put(records, folder="open", suffix="", body=b"[]", **about):
    run = writer.new_run()
    records.put(folder, run + suffix, packed({**HEAD, "run": run, **about}, body))
    return run


def end(records, state="SUCCESS", ended=2000.0, run="x", task_id="1f", retries=0):
    records.append([state, task_id, retries, "app.work", None, ended, run])


def damaged(records):
    return [file for _folder, file in reader.look(records.directory).damaged]


more = st.dictionaries(st.text(max_size=5), tables, max_size=4)


@given(several=st.lists(st.tuples(st.binary(), more, st.text()), min_size=1, max_size=3))
def test_every_message_comes_back_byte_for_byte(tmp_path_factory, several):
    path = tmp_path_factory.mktemp("message") / "1"
    # Each twice: the second time its kind is known.
    for body, more, text in [message for message in several for _ in range(2)]:
        about = {**HEAD, "run": "1-1-1", "id": text, "task": text, "content_type": None, "content_encoding": text}
        about.update(headers=more, properties={"priority": 0, **more})
        path.write_bytes(packed(about, body) + b"\0" * len(body))
        head, same = writer.read(str(path))
        rest = {"format": 1, "queue": None, "length": head["length"], "checksum": head["checksum"]}
        assert (head, same) == ({**about, **rest}, body)


def test_what_is_nearly_alike_is_told_apart(tmp_path):
    path = tmp_path / "1"
    for value in (1, True, 1.0, "1", [1], [True], {"1": 1}, {"1": True}):
        path.write_bytes(packed({**HEAD, "run": "1", "headers": {"x": value}}, b""))
        assert repr(writer.read(str(path))[0]["headers"]["x"]) == repr(value)


def test_a_broken_message_with_a_table_or_bytes_for_a_text_is_kept_too(records):
    run = put(records, task={"a": 1}, id=b"\xff", body=memoryview(b"x")[:0].tobytes(), headers={"h": memoryview(b"y")})
    head, _body = writer.read(records.path("open", run))
    assert head["headers"] == {"h": b"y"}
    assert [record.id for record in reader.look(records.directory).gone] == [repr(b"\xff")]


@pytest.mark.parametrize("value", [os.system, Path("/"), subprocess.Popen])
def test_what_no_message_can_have_is_not_made_of_a_file_either(records, value):
    run = put(records, headers={"h": value})
    with pytest.raises(ValueError, match="No message has a"):
        writer.read(records.path("open", run))


@pytest.mark.parametrize("head", [b"[]", b"1", b"{}", b'{"length": 0, "checksum": 0}', b'{"length": ""}'])
def test_a_head_that_is_none_is_a_damaged_message(tmp_path, head):
    (tmp_path / "1").write_bytes(head + b"\n")
    with pytest.raises((ValueError, KeyError)):
        writer.read(str(tmp_path / "1"))


def test_files_are_for_their_owner_only(records):
    put(records)
    end(records)
    modes = {oct(path.stat().st_mode & 0o777) for path in Path(records.directory).rglob("*") if path.is_file()}
    folders = {oct(path.stat().st_mode & 0o777) for path in Path(records.directory).rglob("*") if path.is_dir()}
    assert (modes, folders) == ({"0o600"}, {"0o700"})


def test_a_torn_message_is_damaged_and_not_lost(records):
    run = put(records)
    path = Path(records.path("open", run))
    path.write_bytes(path.read_bytes()[:-1])
    assert damaged(records) == [run]
    assert summary.problems(records.directory) == [{"kind": "records_damaged", "count": 1, "first": f"open/{run}"}]


@pytest.mark.parametrize("content", [b"", b"\n", b"{}", b"[1]\nx", b"\xff\xfe", b'{"length": "x"}\n'])
def test_garbage_between_messages_is_named_and_hides_none(records, content):
    put(records)
    Path(records.path("open", "garbage")).write_bytes(content)
    put(records, task_id="2f")
    assert (len(reader.look(records.directory).gone), damaged(records)) == (2, ["garbage"])


def test_a_changed_body_is_noticed_before_it_is_sent(records):
    run = put(records, body=b"[1]")
    path = Path(records.path("open", run))
    path.write_bytes(path.read_bytes()[:-3] + b"[2]")
    with pytest.raises(ValueError):
        writer.read(str(path))


def test_a_link_in_the_place_of_a_message_is_not_followed(records, tmp_path):
    (tmp_path / "secret").write_bytes(packed({**HEAD, "run": "1"}, b"x"))
    os.symlink(tmp_path / "secret", records.path("open", "1-2-3"))
    assert damaged(records) == ["1-2-3"]


def test_garbage_in_the_history_hides_no_line(records):
    end(records, task_id="1f")
    with open(next(Path(records.path("history")).iterdir()), "ab") as stream:
        stream.write(b'\xff\xfe\n["SUCCESS"]\n[1,2,3,4,5,6,7]\n{"a":1}\nnull\n["SUCCESS","2f",0')
    # Another process goes on in the same file, after a line that was cut short.
    other = writer.Records(records.directory, records.node)
    end(other, task_id="3f")
    assert sorted(task["id"] for task in summary.tasks(records.directory)) == ["1f", "3f"]


def test_two_workers_share_a_directory(records):
    other = writer.Records(records.directory, "export@host")
    end(records, task_id="1f", ended=1)
    end(other, task_id="2f", ended=2)
    assert [task["worker"] for task in summary.tasks(records.directory)] == ["export@host", "mail@host"]


def test_a_worker_name_cannot_leave_the_directory(tmp_path):
    records = writer.Records(str(tmp_path), "../../etc/x y")
    records.prepare()
    end(records)
    assert [path.name.partition(".")[2] for path in (tmp_path / "history").iterdir()] == [".._.._etc_x_y.log"]


def test_a_clock_that_steps_back_loses_and_repeats_nothing(records):
    put(records, id="1f", time=5000.0)
    run = put(records, id="2f", time=5000.0)
    end(records, task_id="2f", ended=4000.0, run=run)
    assert [record.id for record in reader.look(records.directory).lost()] == ["1f"]


def test_a_later_end_of_the_same_attempt_is_the_end_of_a_copy_that_the_broker_delivered_again(records):
    put(records, time=1000.0)
    end(records, ended=2000.0)
    assert reader.look(records.directory).lost() == []


def test_an_earlier_end_belongs_to_another_task_of_that_name(records):
    put(records, time=1000.0)
    end(records, ended=900.0)
    assert len(reader.look(records.directory).lost()) == 1


def test_an_attempt_that_was_followed_by_the_next_is_not_lost(records):
    put(records, retries=0)
    end(records, retries=1)
    assert reader.look(records.directory).lost() == []


def test_resubmitting_is_no_end(records):
    put(records)
    end(records, state="RESUBMITTED")
    assert len(reader.look(records.directory).lost()) == 1


def test_expiry_takes_what_is_old_and_never_an_open_task(records):
    now = time.time()
    kept = [put(records), put(records, "failed", ".FAILURE")]
    old = put(records, "failed", ".FAILURE")
    records.put("history", "2020-01-01T00.mail@host.log", b"x")
    for path in (records.path("failed", f"{old}.FAILURE"), records.path("open", kept[0])):
        os.utime(path, (now - 900, now - 900))
    os.utime(records.path("history", "2020-01-01T00.mail@host.log"), (now - 99, now - 99))
    end(records, task_id="2f")
    assert records.expire(now, 60, 600, 1 << 30) == (0, 0)
    left = {folder: os.listdir(records.path(folder)) for folder in ("open", "failed")}
    assert left == {"open": [kept[0]], "failed": [f"{kept[1]}.FAILURE"]}
    assert [task["state"] for task in summary.tasks(records.directory)] == ["succeeded", "lost"]


def test_a_full_directory_gives_up_history_before_messages_and_never_open_ones(records):
    put(records, body=b"x" * 50_000)
    put(records, "failed", ".FAILURE", body=b"x" * 50_000)
    records.put("history", "2020-01-01T00.mail@host.log", b"x" * 50_000)
    removed, excess = records.expire(time.time(), 10**9, 10**9, 120_000)
    assert (removed > 0, excess, len(os.listdir(records.path("failed")))) == (True, 0, 1)
    removed, excess = records.expire(time.time(), 10**9, 10**9, 1)
    assert (len(os.listdir(records.path("open"))), os.listdir(records.path("failed")), excess > 0) == (1, [], True)


def test_what_a_worker_noted_is_told_with_its_node(records, tmp_path):
    note = {"unrecorded": 3, "first": 0, "last": 60, "reason": "No space left on device", "removed": 5, "excess": 7}
    Path(records.path("trouble", "mail@host")).write_text(json.dumps(note).ljust(1024))
    found = summary.problems(records.directory)
    assert [problem["kind"] for problem in found] == [
        "tasks_unrecorded", "records_removed_early", "recorder_over_limit",
    ]  # fmt: skip
    assert {problem["node"] for problem in found} == {"mail@host"}
    said = " ".join(sentence({**problem, "directory": records.directory}) for problem in found)
    assert "took 3 task(s) without recording them (No space left on device)" in said and "7 bytes above" in said
    assert summary.problems(str(tmp_path / "missing"))[0]["kind"] == "recorder_unreadable"


def test_lost_tasks_are_a_problem_with_their_number(records):
    put(records)
    put(records, "failed", ".FAILURE", id="2f")
    end(records, run=put(records, id="3f"), task_id="3f")
    assert summary.problems(records.directory) == [{"kind": "tasks_lost", "count": 1}]


def test_the_last_tasks_come_first_and_no_more_than_asked_for(records):
    for number in range(20):
        end(records, task_id=f"{number}f", ended=float(number))
    assert [task["id"] for task in summary.tasks(records.directory, 3)] == ["19f", "18f", "17f"]

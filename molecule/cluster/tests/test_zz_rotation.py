"""Another login, by a play that is killed again and again. Last, for it leaves another login behind."""

from __future__ import annotations

import random
import typing as t

from clusterlab import events, snapshot
from clusterlab.hosts import BROKERS, WORKERS, on
from clusterlab.plays import play

NEW = {"taskstack_broker_user": "count2", "taskstack_broker_password": "other-pa55word", "old_user": "count"}
SEED = 20261121


def test_what_check_mode_foretells_changes_nothing(load: t.Any, tmp_path: t.Any) -> None:
    before = snapshot.everything()
    foretold = {
        "rotate_credentials.yml": play("rotate_credentials.yml", "--check", **NEW),
        "restart.yml": play("restart.yml", "--check", "--limit", "rabbitmq", restart_broker=True),
        "backup.yml": play("backup.yml", "--check", backup_messages=True, backup_directory=f"{tmp_path}/backup"),
        "remove.yml": play("remove.yml", "--check", "--limit", WORKERS[1]),
    }
    assert snapshot.differences(before, snapshot.everything()) == []
    assert not (tmp_path / "backup").exists()
    tasks = {name: {task for task, _host in run.changed} for name, run in foretold.items()}
    logins = {"Make virtual hosts, users and all else", "Keep the processes running", "Tell which login would go"}
    assert logins <= tasks["rotate_credentials.yml"]
    brokers = {"Wait until the others can do without this node", "Run the broker with this configuration"}
    assert tasks["restart.yml"] == brokers
    assert {"Stop the node", "Tell what would be done"} <= tasks["backup.yml"]
    assert {"Keep the processes running", "Remove the files of this stack"} <= tasks["remove.yml"]


def test_a_rotation_that_is_killed_thrice_ends_like_one_that_is_not_and_costs_no_task(costs_no_task: t.Any) -> None:
    before, moments = snapshot.everything(), random.Random(SEED)

    seconds = [round(moments.uniform(3, 8) * number, 1) for number in (1, 2, 3)]
    times: list[int] = []
    costs_no_task(lambda: times.append(events.rotate("count2", "other-pa55word", seconds)))
    print(f"killed {times[0]} times, after {seconds} s")
    assert times[0] >= 2
    # What site.yml had made in one go, but for the names.
    reached = snapshot.renamed(snapshot.everything(), {"count2": "count", "other-pa55word": "broker-pa55word"})
    assert snapshot.differences(before, reached) == []
    # The old login does not open anything any more.
    assert "count" not in on(BROKERS[0], "rabbitmqctl", "--quiet", "list_users").split()
    assert play("site.yml", "--check").changed == set()

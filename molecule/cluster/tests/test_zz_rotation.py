"""Another login, by a play that is killed again and again. Last, for it leaves another login behind."""

from __future__ import annotations

import random
import typing as t

from clusterlab import events, snapshot
from clusterlab.plays import play

SEED = 20261121


def test_a_rotation_that_is_killed_thrice_ends_like_one_that_is_not_and_costs_no_task(costs_no_task: t.Any) -> None:
    before = snapshot.everything()
    login = {"taskstack_broker_user": "count2", "taskstack_broker_password": "other-pa55word", "old_user": "count"}
    foretold = play("rotate_credentials.yml", "--check", **login)
    assert snapshot.differences(before, snapshot.everything()) == []
    logins = {"Make virtual hosts, users and all else", "Keep the processes running", "Tell which login would go"}
    assert logins <= {task for task, _host in foretold.changed}

    moments, times = random.Random(SEED), list[int]()
    seconds = [round(moments.uniform(3, 8) * number, 1) for number in (1, 2, 3)]
    costs_no_task(lambda: times.append(events.rotate("count2", "other-pa55word", seconds)))
    assert times[0] >= 2, f"of {seconds} s"
    # What site.yml had made in one go, but for the names.
    reached = snapshot.renamed(snapshot.everything(), {"count2": "count", "other-pa55word": "broker-pa55word"})
    assert snapshot.differences(before, reached) == []

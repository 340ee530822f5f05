"""Another login, by a play that is killed again and again. Last, for it leaves another login behind."""

from __future__ import annotations

import random
import typing as t

import pytest
from clusterlab import events, snapshot
from clusterlab.hosts import BROKERS, WORKERS, on, until
from clusterlab.plays import play

pytestmark = pytest.mark.last(1)
SEED = 20261121
LINGER = f"""
import signal, kombu
with kombu.Connection("amqp://lingerer:x@{BROKERS[0]}/count") as connection:
    connection.connect()
    signal.pause()
"""


def test_a_login_that_is_used_is_not_removed_unasked() -> None:
    refused = play("rotate_credentials.yml", code=2, old_user="count")
    assert "still the inventory's own login" in refused.text
    for words in ("add_user lingerer x", "set_permissions -p count lingerer .* .* .*"):
        on(BROKERS[0], "rabbitmqctl", "--quiet", *words.split(), check=False)
    on(WORKERS[0], "sh", "-c", f"celery-count --run python -c '{LINGER}' >/dev/null 2>&1 & echo $! >/run/lingerer")
    users = ["rabbitmqctl", "--quiet", "list_connections", "user"]
    until("somebody uses it", lambda: "lingerer" in on(BROKERS[0], *users), 120)
    # The part of the playbook that is about this node.
    limited = ["rotate_credentials.yml", "--limit", BROKERS[0]]
    refused = play(*limited, code=2, old_user="lingerer", rotate_wait=5)
    assert f"lingerer is still used from {address(WORKERS[0])}" in refused.text, refused.text[-2000:]
    done = play(*limited, old_user="lingerer", confirm="yes")
    assert done.changed == {("Remove the old login", BROKERS[0])}
    on(WORKERS[0], "sh", "-c", "kill $(cat /run/lingerer)", check=False)


def address(host: str) -> str:
    """Where others see it come from."""
    return on(host, "hostname", "-i").split()[0]


def test_a_rotation_that_is_killed_thrice_ends_like_one_that_is_not_and_costs_no_task(costs_no_task: t.Any) -> None:
    before = snapshot.everything()
    login = {"taskstack_broker_user": "count2", "taskstack_broker_password": "other-pa55word", "old_user": "count"}
    predicted = play("rotate_credentials.yml", "--check", **login)
    assert snapshot.differences(before, snapshot.everything()) == []
    logins = {
        "Create virtual hosts, users and other objects",
        "Keep the processes running",
        "Show which login would be removed",
    }
    assert logins <= {task for task, _host in predicted.changed}

    moments, times = random.Random(SEED), list[int]()
    seconds = [round(moments.uniform(3, 8) * number, 1) for number in (1, 2, 3)]
    costs_no_task(lambda: times.append(events.rotate("count2", "other-pa55word", seconds)))
    assert times[0] >= 2, f"of {seconds} s"
    # What site.yml had made in one go, but for the names.
    reached = snapshot.renamed(snapshot.everything(), {"count2": "count", "other-pa55word": "broker-pa55word"})
    assert snapshot.differences(before, reached) == []

"""Tasks are published and confirmed all the time while brokers break and change: none may be lost."""

from __future__ import annotations

import typing as t

from clusterlab import events
from clusterlab.hosts import BROKERS, WORKERS, on, queues, status, until
from clusterlab.plays import play

GONE = "gone@ts-cluster-mq3"


def test_a_killed_broker_node_costs_no_task_and_comes_back(costs_no_task: t.Any) -> None:
    costs_no_task(events.kill_a_node)


def test_a_node_that_is_cut_off_costs_no_task_and_heals(costs_no_task: t.Any) -> None:
    costs_no_task(events.cut_a_node_off)


def test_a_node_that_lost_its_disk_rejoins_and_its_queues_get_their_copies_back(costs_no_task: t.Any) -> None:
    costs_no_task(events.lose_a_disk)
    assert len(status(BROKERS[0])["disk_nodes"]) == 3
    node = f"rabbit@{BROKERS[2]}"
    assert all(node in queue["online"] for queue in queues().values() if queue["type"] == "quorum")


def test_a_node_that_is_gone_stays_known_until_the_cluster_is_asked_to_forget_it(costs_no_task: t.Any) -> None:
    events.join_and_vanish(GONE, BROKERS[2])
    # A second run changes nothing at all, so it does not forget anybody either.
    again: list[t.Any] = []
    costs_no_task(lambda: again.append(play("site.yml")))
    assert again[0].changed == set()
    assert GONE in status(BROKERS[0])["disk_nodes"]
    done = play("site.yml", "--limit", BROKERS[0], rabbitmq_forget=[GONE])
    assert done.changed == {("Keep this node in its cluster", BROKERS[0])}
    assert len(status(BROKERS[0])["disk_nodes"]) == 3 and GONE not in status(BROKERS[0])["disk_nodes"]


def test_a_rolling_restart_of_the_brokers_costs_no_task(costs_no_task: t.Any) -> None:
    costs_no_task(events.restart_the_brokers)


def test_a_rolling_upgrade_to_a_later_package_of_the_same_rabbitmq_costs_no_task(costs_no_task: t.Any) -> None:
    versions: list[tuple[str, str]] = []
    costs_no_task(lambda: versions.append(events.upgrade_the_brokers()))
    print("from {} to {}".format(*versions[0]))


def test_a_message_that_always_comes_back_ends_among_the_dead(load: t.Any) -> None:
    deliveries = int(on(WORKERS[0], "celery-count", "--run", "python", "-m", "countapp", "poison", "bitter"))
    # The limit of the inventory, which is not the broker's own.
    assert deliveries == 26
    until("the dead message is counted", lambda: queues()["dead"]["messages"] == 1, 20)

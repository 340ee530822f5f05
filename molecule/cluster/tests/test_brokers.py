"""Tasks are published and confirmed all the time while brokers break and change: none may be lost."""

from __future__ import annotations

import random
import typing as t

from clusterlab import events, snapshot
from clusterlab.hosts import BROKERS, WORKERS, nodes, on, queues, until
from clusterlab.plays import play

GONE = "gone@ts-cluster-mq3"
MEMBERS = [f"rabbit@{host}" for host in BROKERS]
# At which tasks plays are killed.
CHANCE = random.Random(20261121)


def test_a_killed_broker_node_costs_no_task_and_comes_back(costs_no_task: t.Any) -> None:
    costs_no_task(events.kill_a_node)


def test_a_node_that_is_cut_off_costs_no_task_and_heals(costs_no_task: t.Any) -> None:
    costs_no_task(events.cut_a_node_off)


def test_a_node_that_lost_its_disk_rejoins_and_its_queues_get_their_copies_back(costs_no_task: t.Any) -> None:
    """By a site.yml that is killed on its way: all is then as one uninterrupted run had made it before."""
    before, times = snapshot.everything(), list[int]()
    moments = [*sorted(CHANCE.sample(range(5, 25), 2)), "Start or restart the broker with this configuration"]
    costs_no_task(lambda: times.append(events.lose_a_disk(killed_at=moments)))
    assert times[0] >= 2, moments
    assert nodes(BROKERS[0], "list_members") == MEMBERS
    assert all(MEMBERS[2] in queue["online"] for queue in queues().values() if queue["type"] == "quorum")
    assert snapshot.differences(before, snapshot.everything()) == []


def test_a_node_that_is_gone_stays_known_until_the_cluster_is_asked_to_forget_it(costs_no_task: t.Any) -> None:
    events.join_and_vanish(GONE, BROKERS[2])
    # A second run changes nothing at all, so it does not forget anybody either.
    again: list[t.Any] = []
    costs_no_task(lambda: again.append(play("site.yml")))
    assert again[0].changed == set()
    assert GONE in nodes(BROKERS[0], "list_members")
    done = play("site.yml", "--limit", BROKERS[0], rabbitmq_forget=[GONE])
    assert done.changed == {("Keep the node in its cluster", BROKERS[0])}
    assert nodes(BROKERS[0], "list_members") == MEMBERS


def test_a_rolling_restart_of_the_brokers_costs_no_task_though_it_breaks_off(costs_no_task: t.Any) -> None:
    # When a node has sent its clients away and is about to stop. Another is so still from an earlier run.
    before, times = snapshot.everything(), list[int]()
    on(BROKERS[1], "rabbitmq-upgrade", "drain")
    moment = "Start or restart the broker with this configuration"
    costs_no_task(lambda: times.append(events.restart_the_brokers(killed_at=[moment])))
    assert times == [1]
    assert snapshot.differences(before, snapshot.everything()) == []


def test_a_rolling_upgrade_to_a_later_package_of_the_same_rabbitmq_costs_no_task_though_it_breaks_off(
    costs_no_task: t.Any,
) -> None:
    events.offer_a_newer_package()
    predicted = play("site.yml", "--check", "--limit", BROKERS[0], "-e", "rabbitmq_upgrade=true")
    steps = {"Stop the broker", "Install the version", "Start or restart the broker with this configuration"}
    assert {task for task, _host in predicted.changed} >= steps
    # The first node is down, and whether it has the new package is open.
    times: list[int] = []
    costs_no_task(lambda: times.append(events.upgrade_the_brokers(killed_at=["Install the version"])))
    assert times == [1]


def test_a_message_that_always_comes_back_ends_among_the_dead(load: t.Any) -> None:
    deliveries = int(on(WORKERS[0], "celery-count", "--run", "python", "-m", "countapp", "poison", "bitter"))
    # The limit of the inventory, which is not the broker's own.
    assert deliveries == 26
    until("the dead message is counted", lambda: queues()["dead"]["messages"] == 1, 120)

"""Where RabbitMQ listens when the inventory does not set it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._host import facts
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.broker_host import BrokerHost

ONE = {group: ["app1"] for group in ("rabbitmq", "worker", "beat", "flower")}
EVERYWHERE, LOOPBACK = ["5672"], ["127.0.0.1:5672"]


def listeners(groups: dict[str, list[str]], present: list[str], owner: str = "shop", **given: t.Any) -> list[str]:
    facts = {"rabbitmq_owner": owner, "rabbitmq_listeners": present}
    return BrokerHost("app1", {"taskstack_name": "shop", **given}, groups, facts).listeners


def test_a_stack_on_one_host_listens_on_loopback() -> None:
    assert listeners({**ONE, "all": ["app1", "other"]}, []) == LOOPBACK


@pytest.mark.parametrize("group", ["rabbitmq", "worker", "beat", "flower"])
def test_any_other_host_of_the_stack_has_to_reach_it(group: str) -> None:
    assert listeners({**ONE, group: ["app1", "app2"]}, LOOPBACK) == EVERYWHERE


def test_a_broker_without_workers_has_its_clients_elsewhere() -> None:
    assert listeners({"rabbitmq": ["app1"]}, []) == EVERYWHERE


def test_clients_that_are_told_another_address_can_use_it() -> None:
    assert listeners(ONE, LOOPBACK, taskstack_broker_host="mq.example") == EVERYWHERE
    assert listeners(ONE, LOOPBACK, taskstack_broker_hosts=["mq.example"]) == EVERYWHERE
    assert listeners(ONE, [], taskstack_broker_host="localhost") == LOOPBACK


def test_a_role_without_groups_listens_everywhere() -> None:
    assert listeners({}, []) == EVERYWHERE


def test_what_an_earlier_release_opened_is_not_closed_under_its_clients() -> None:
    configuration = "# Owner: shop\nlisteners.tcp.1 = :::5672\nlisteners.ssl.1 = :::5671\n"
    present = facts.listeners(configuration)
    assert listeners(ONE, present) == present == [":::5672"]
    assert listeners(ONE, present, owner="blog") == LOOPBACK
    assert facts.listeners("listeners.tcp = none\n") == []


def test_what_the_inventory_says_wins_also_as_numbers() -> None:
    assert listeners(ONE, [], rabbitmq_listeners=[5672, "10.0.0.1:5673"]) == ["5672", "10.0.0.1:5673"]
    assert listeners(ONE, [], rabbitmq_listeners=[]) == []

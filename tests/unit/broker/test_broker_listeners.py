"""Where RabbitMQ listens when the inventory does not set it."""

from __future__ import annotations

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._host import facts
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.broker_listeners import listeners

ONE = {group: ["app1"] for group in ("rabbitmq", "worker", "beat", "flower")}
EVERYWHERE, LOOPBACK = ["5672"], ["127.0.0.1:5672"]


def test_a_stack_on_one_host_listens_on_loopback() -> None:
    assert listeners({**ONE, "all": ["app1", "other"]}, "app1", False, []) == LOOPBACK


@pytest.mark.parametrize("group", ["rabbitmq", "worker", "beat", "flower"])
def test_any_other_host_of_the_stack_has_to_reach_it(group: str) -> None:
    assert listeners({**ONE, group: ["app1", "app2"]}, "app1", False, LOOPBACK) == EVERYWHERE


def test_a_broker_without_workers_has_its_clients_elsewhere() -> None:
    assert listeners({"rabbitmq": ["app1"]}, "app1", False, []) == EVERYWHERE


def test_clients_that_are_told_another_address_can_use_it() -> None:
    assert listeners(ONE, "app1", True, LOOPBACK) == EVERYWHERE


def test_a_role_without_groups_listens_everywhere() -> None:
    assert listeners({}, "app1", False, []) == EVERYWHERE


def test_what_an_earlier_release_opened_is_not_closed_under_its_clients() -> None:
    configuration = "# Owner: shop\nlisteners.tcp.1 = :::5672\nlisteners.ssl.1 = :::5671\n"
    present = facts.listeners(configuration)
    assert listeners(ONE, "app1", False, present) == present == [":::5672"]
    assert facts.listeners("listeners.tcp = none\n") == []

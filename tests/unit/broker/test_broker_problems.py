"""What prevents a deployment of RabbitMQ, and whose broker it is."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.broker_host import BrokerHost
from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight import broker

FINE: dict[str, t.Any] = {
    "taskstack_name": "shop", "rabbitmq_admin_user": "root", "taskstack_broker_password": "b",
    "taskstack_monitor_password": "m", "rabbitmq_node_name": "rabbit@mq1", "rabbitmq_config": {"channel_max": 5},
    "rabbitmq_objects": {"queues": []},
}  # fmt: skip
EMPTY: dict[str, t.Any] = {
    "rabbitmq": "absent",
    "rabbitmq_owner": "",
    "rabbitmq_plugins": [],
    "rabbitmq_listeners": [],
}
FOREIGN = {**EMPTY, "rabbitmq": "foreign"}


def export(**served: list[dict[str, str]]) -> dict[str, t.Any]:
    """What rabbitmqctl export_definitions returns."""
    return {"rc": 0, "stdout": json.dumps(served)}


def on(host: dict[str, t.Any], changes: dict[str, t.Any]) -> BrokerHost:
    return BrokerHost("mq1", {**FINE, **changes}, {"rabbitmq": ["mq1"]}, host)


def is_ours(changes: dict[str, t.Any], host: dict[str, t.Any], exported: dict[str, t.Any]) -> bool:
    return broker.is_ours(on(host, changes), exported)


def found(
    changes: dict[str, t.Any], host: dict[str, t.Any] = EMPTY, exported: t.Any = None, names: t.Any = None
) -> str:
    """All sentences in one string."""
    return "\n".join(broker.problems(on(host, changes), exported or {}, names or {}))


def test_a_fresh_host_with_good_settings_has_no_problem_and_is_ours() -> None:
    assert found({}) == ""
    assert is_ours({}, EMPTY, {})


def test_a_broker_that_serves_nobody_is_ours() -> None:
    nobody = export(vhosts=[{"name": "/"}], users=[{"name": "guest"}], queues=[])
    assert is_ours({}, FOREIGN, nobody)
    assert found({}, FOREIGN, nobody) == ""


def test_a_broker_that_serves_others_is_refused_with_their_names_unless_it_is_to_be_shared() -> None:
    others = export(vhosts=[{"name": "legacy"}], users=[{"name": "watcher"}], queues=[{"name": "q", "vhost": "/"}])
    assert not is_ours({}, FOREIGN, others)
    assert (
        "serves something else already (virtual hosts legacy; users watcher; queues q; not set up by this collection)"
        in found({}, FOREIGN, others)
    )
    assert found({"taskstack_share_host": True}, FOREIGN, others) == ""


def test_the_broker_of_another_stack_is_not_ours_and_our_own_one_is_without_a_question() -> None:
    assert not is_ours({}, {**FOREIGN, "rabbitmq_owner": "blog"}, export())
    assert "set up by stack blog" in found({}, {**FOREIGN, "rabbitmq_owner": "blog"}, export())
    assert is_ours({}, {**FOREIGN, "rabbitmq_owner": "shop"}, {})


def test_a_foreign_broker_that_does_not_answer_is_refused() -> None:
    assert "cannot be seen what it serves" in found({}, FOREIGN, {"rc": 69, "stdout": ""})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"rabbitmq_plugins": ["rabbitmq_mangement"]},
            "there is no plugin rabbitmq_mangement. Known: rabbitmq_amqp1_0",
        ),
        ({"taskstack_monitor_user": "shop"}, "must be three different users, not root, shop, shop"),
        ({"taskstack_broker_user": "guest"}, "guest cannot be one of our users"),
        ({"taskstack_monitor_password": None}, "are needed for the logins of stack shop"),
        ({"rabbitmq_tls_key_file": "k"}, "belong together: set both"),
        ({"rabbitmq_listeners": []}, "Nobody could connect"),
        ({"rabbitmq_listeners": ["localhost:5672"]}, "take ports or address:port, not localhost:5672"),
        ({"rabbitmq_memory_limit": 5}, "not 5."),
        ({"rabbitmq_memory_limit": "much"}, "not much."),
        ({"rabbitmq_node_name": "mq1"}, "must look like rabbit@mq1"),
        ({"rabbitmq_peers": ["rabbit@mq2"]}, "must name this node too: rabbit@mq1 is not among rabbit@mq2"),
        ({"rabbitmq_peers": ["rabbit@mq1", "rabbit@mq2"]}, "two nodes are worse than one"),
        ({"rabbitmq_peers": ["rabbit@mq1", "rabbit@mq2"]}, "rabbitmq_erlang_cookie is needed"),
        ({"rabbitmq_config": {"channel max": 1}}, "not channel max."),
        ({"rabbitmq_objects": {"queue": []}}, "there are no lists queue. Known: vhosts"),
    ],
)
def test_each_wrong_setting_has_its_sentence(changes: dict[str, t.Any], sentence: str) -> None:
    assert sentence in found(changes)


def test_peers_that_cannot_be_resolved_are_named() -> None:
    peers = ["rabbit@mq1", "rabbit@mq2", "rabbit@mq3"]
    said = found(
        {"rabbitmq_peers": peers, "rabbitmq_erlang_cookie": "c"},
        names={"rc": 2, "stdout": "10.0.0.1 mq1\n10.0.0.3 mq3\n"},
    )
    assert "cannot find mq2 by name" in said


def test_all_problems_are_told_at_once() -> None:
    wrong = {"rabbitmq_listeners": [], "rabbitmq_tls_key_file": "k", "rabbitmq_node_name": "x"}
    assert len(found({**wrong, "rabbitmq_memory_limit": 5}).splitlines()) == 4

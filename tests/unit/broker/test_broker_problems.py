"""What prevents a deployment of RabbitMQ, and whose broker it is."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight.broker import is_ours, problems

FINE: dict[str, t.Any] = {
    "host": "mq1", "stack": "shop", "share": False, "vhost": "shop", "admin": "root", "users": ["shop", "shop-monitor"],
    "has_passwords": True, "guest": "absent", "plugins": ["rabbitmq_management"], "has_certificate": False,
    "has_key": False, "listeners": ["5672"], "tls_listeners": ["5671"], "memory_limit": 0.4, "node": "rabbit@mq1",
    "peers": [], "has_cookie": False, "config": ["channel_max"], "objects": ["queues"],
}  # fmt: skip
EMPTY: dict[str, t.Any] = {"rabbitmq": "absent", "rabbitmq_owner": "", "rabbitmq_plugins": []}
FOREIGN = {**EMPTY, "rabbitmq": "foreign"}


def export(**served: list[dict[str, str]]) -> dict[str, t.Any]:
    """What rabbitmqctl export_definitions returns."""
    return {"rc": 0, "stdout": json.dumps(served)}


def found(
    changes: dict[str, t.Any], host: dict[str, t.Any] = EMPTY, exported: t.Any = None, names: t.Any = None
) -> str:
    """All sentences in one string."""
    return "\n".join(problems({**FINE, **changes}, host, exported or {}, names or {}))


def test_a_fresh_host_with_good_settings_has_no_problem_and_is_ours() -> None:
    assert found({}) == ""
    assert is_ours(FINE, EMPTY, {})


def test_a_broker_that_serves_nobody_is_ours() -> None:
    nobody = export(vhosts=[{"name": "/"}], users=[{"name": "guest"}], queues=[])
    assert is_ours(FINE, FOREIGN, nobody)
    assert found({}, FOREIGN, nobody) == ""


def test_a_broker_that_serves_others_is_refused_with_their_names_unless_it_is_to_be_shared() -> None:
    others = export(vhosts=[{"name": "legacy"}], users=[{"name": "watcher"}], queues=[{"name": "q", "vhost": "/"}])
    assert not is_ours(FINE, FOREIGN, others)
    assert (
        "serves something else already (virtual hosts legacy; users watcher; queues q; not set up by this collection)"
        in found({}, FOREIGN, others)
    )
    assert found({"share": True}, FOREIGN, others) == ""


def test_the_broker_of_another_stack_is_not_ours_and_our_own_one_is_without_a_question() -> None:
    assert not is_ours(FINE, {**FOREIGN, "rabbitmq_owner": "blog"}, export())
    assert "set up by stack blog" in found({}, {**FOREIGN, "rabbitmq_owner": "blog"}, export())
    assert is_ours(FINE, {**FOREIGN, "rabbitmq_owner": "shop"}, {})


def test_a_foreign_broker_that_does_not_answer_is_refused() -> None:
    assert "cannot be seen what it serves" in found({}, FOREIGN, {"rc": 69, "stdout": ""})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"plugins": ["rabbitmq_mangement"]}, "there is no plugin rabbitmq_mangement. Known: rabbitmq_amqp1_0"),
        ({"users": ["shop", "shop"]}, "must be three different users, not root, shop, shop"),
        ({"users": ["guest", "m"]}, "guest cannot be one of our users"),
        ({"has_passwords": False}, "are needed for the logins of stack shop"),
        ({"has_key": True}, "belong together: set both"),
        ({"listeners": []}, "Nobody could connect"),
        ({"listeners": ["localhost:5672"]}, "take ports or address:port, not localhost:5672"),
        ({"memory_limit": 5}, "not 5."),
        ({"memory_limit": "much"}, "not much."),
        ({"node": "mq1"}, "must look like rabbit@mq1"),
        ({"peers": ["rabbit@mq2"]}, "must name this node too: rabbit@mq1 is not among rabbit@mq2"),
        ({"peers": ["rabbit@mq1", "rabbit@mq2"]}, "two nodes are worse than one"),
        ({"peers": ["rabbit@mq1", "rabbit@mq2"]}, "rabbitmq_erlang_cookie is needed"),
        ({"config": ["channel max"]}, "not channel max."),
        ({"objects": ["queue"]}, "there are no lists queue. Known: vhosts"),
    ],
)
def test_each_wrong_setting_has_its_sentence(changes: dict[str, t.Any], sentence: str) -> None:
    assert sentence in found(changes)


def test_peers_that_cannot_be_resolved_are_named() -> None:
    peers = ["rabbit@mq1", "rabbit@mq2", "rabbit@mq3"]
    said = found({"peers": peers, "has_cookie": True}, names={"rc": 2, "stdout": "10.0.0.1 mq1\n10.0.0.3 mq3\n"})
    assert "cannot find mq2 by name" in said


def test_all_problems_are_told_at_once() -> None:
    assert len(found({"listeners": [], "has_key": True, "node": "x", "memory_limit": 5}).splitlines()) == 4

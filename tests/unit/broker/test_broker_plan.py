"""What a host of the broker shall hold, in one plan."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.broker_host import BrokerHost
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.broker_plan import broker_plan

FACTS = {
    "rabbitmq": "absent",
    "rabbitmq_owner": "",
    "rabbitmq_listeners": [],
    "rabbitmq_runs": False,
    "rabbitmq_configurations": [],
    "init": False,
}
GROUPS = {"rabbitmq": ["mq1"], "worker": ["w1"]}
SHOP = {
    "taskstack_name": "shop",
    "taskstack_broker_password": "b",
    "taskstack_monitor_password": "m",
    "rabbitmq_admin_password": "a",
}
TLS = {"rabbitmq_tls_certificate_file": "c", "rabbitmq_tls_key_file": "k", "rabbitmq_tls_ca_file": "a"}
THREE = {"rabbitmq_node_name": "rabbit@mq1", "rabbitmq_peers": ["rabbit@mq1", "rabbit@mq2", "rabbit@mq3"]}


def plan(ours: bool = True, **given: t.Any) -> dict[str, t.Any]:
    return broker_plan(BrokerHost("mq1", {**SHOP, **given}, GROUPS, FACTS), ours)


def content(made: dict[str, t.Any], path: str) -> str:
    return {file["path"]: file["content"] for file in made["private_files"] + made["units"]}[path]


def configuration(**given: t.Any) -> str:
    return content(plan(**given), "/etc/rabbitmq/rabbitmq.conf")


@pytest.mark.parametrize(
    ("given", "fingerprint"),
    [
        ({}, "0284a05dfe39f5d3cc1d369518fae743"),
        (THREE, "abe32eaae4bf721c9cb0f4f1e681b294"),
        (TLS, "1a4bcf148ee6a44020f695a5213ad186"),
    ],
)
def test_no_broker_restarts_because_of_another_release(given: dict[str, t.Any], fingerprint: str) -> None:
    # The words that brokers of earlier releases say of themselves. Only a change of what they read may change them.
    made = plan(**given)
    assert made["fingerprint"] == fingerprint
    assert f"TASKSTACK_CONFIGURATION={fingerprint}\n" in content(made, "/etc/rabbitmq/rabbitmq-env.conf")


def test_a_broker_alone_talks_to_itself_on_loopback_and_a_cluster_to_its_peers() -> None:
    alone, cluster = plan(), plan(**THREE)
    assert "inet_dist_use_interface {127,0,0,1}" in content(alone, "/etc/rabbitmq/rabbitmq-env.conf")
    assert "inet_dist" not in content(cluster, "/etc/rabbitmq/rabbitmq-env.conf")
    mapper = "/etc/systemd/system/epmd.socket.d/taskstack.conf"
    assert (content(alone, mapper)[-15:], content(cluster, mapper)[-6:]) == ("127.0.0.1:4369\n", "=4369\n")
    assert "classic_config.nodes.3 = rabbit@mq3\n" in configuration(**THREE)
    assert (alone["members"], alone["queue_type"]) == (["rabbit@localhost"], "classic")
    assert (cluster["members"], cluster["queue_type"]) == (THREE["rabbitmq_peers"], "quorum")
    assert cluster["makes_objects"] and not plan(**{**THREE, "rabbitmq_node_name": "rabbit@mq2"})["makes_objects"]


def test_what_the_command_line_gives_as_text_is_a_number() -> None:
    assert "consumer_timeout = 60000\n" in configuration(rabbitmq_consumer_timeout="60")
    assert "vm_memory_high_watermark.relative = 0.5\n" in configuration(rabbitmq_memory_limit="0.50")
    assert "vm_memory_high_watermark.absolute = 2000000000\n" in configuration(rabbitmq_memory_limit="2000000000")


def test_the_broker_s_own_words_win() -> None:
    text = configuration(rabbitmq_config={"heartbeat": 5, "channel_max": 1024, "a.b": True})
    assert re.findall("^(?:heartbeat|channel_max|a.b) = .*", text, re.MULTILINE) == [
        *("heartbeat = 5", "channel_max = 1024", "a.b = true"),
    ]


def test_with_a_certificate_the_management_api_is_for_others_by_tls_alone() -> None:
    tls = {"rabbitmq_tls_certificate_file": "c", "rabbitmq_tls_key_file": "k", "rabbitmq_management_address": "0.0.0.0"}
    text = configuration(**tls)
    assert "management.tcp.ip = 127.0.0.1\n" in text and "management.ssl.ip = 0.0.0.0\n" in text
    assert "cacertfile" not in text
    assert [one["name"] for one in plan(**tls)["certificates"]] == ["certificate", "key"]
    assert plan(rabbitmq_management_address="0.0.0.0")["management_url"] == "http://127.0.0.1:15672"
    assert plan(rabbitmq_management_address="fe80::1")["management_url"] == "http://[fe80::1]:15672"


def test_the_stack_has_two_logins_and_the_monitor_may_only_ask() -> None:
    made = plan(taskstack_control_exchange="my.exchange")["definitions"]
    assert [user["name"] for user in made["users"]] == ["admin", "shop", "shop-monitor"]
    monitor = made["permissions"][1]
    assert (monitor["read"], monitor["write"]) == (r"^taskstack\.inspect\.", r"^my\.exchange\.pidbox$")
    assert made["purposes"] == {"admin": "administrator", "shop-monitor": "monitor"}
    assert made["scope"] == {"kinds": ["policies", "users"], "vhosts": ["shop"], "names": r"^(taskstack\.shop|guest)$"}


def test_somebody_else_s_broker_gets_the_stack_s_objects_and_nothing_else() -> None:
    made = plan(ours=False, taskstack_management_url="https://mq.example:15671")
    assert made["management_url"] == "https://mq.example:15671"
    assert [user["name"] for user in made["definitions"]["users"]] == ["shop", "shop-monitor"]
    assert made["definitions"]["purposes"] == {"shop-monitor": "monitor"}
    assert made["definitions"]["scope"]["kinds"] == ["policies"]


def test_a_broker_without_a_stack_has_its_administrator_alone() -> None:
    made = plan(taskstack_name=None)
    assert [user["name"] for user in made["definitions"]["users"]] == ["admin"]
    assert made["stack"] is None and "# Owner: no stack\n" in content(made, "/etc/rabbitmq/rabbitmq.conf")


def test_poison_goes_to_the_queue_for_dead_letters_which_is_made() -> None:
    made = plan(rabbitmq_delivery_limit="20", rabbitmq_dead_letter_queue="dead.q")["definitions"]
    assert made["policies"][0]["definition"] == {
        "delivery-limit": 20,
        "dead-letter-exchange": "",
        "dead-letter-routing-key": "dead.q",
    }
    assert made["queues"] == [{"name": "dead.q", "vhost": "shop", "arguments": {"x-queue-type": "classic"}}]
    assert plan()["definitions"]["policies"] == []


def test_an_object_that_the_inventory_lists_too_is_made_once() -> None:
    objects = {"vhosts": [{"name": "shop"}, {"name": "z"}], "exchanges": [{"name": "e", "vhost": "z"}]}
    made = plan(rabbitmq_guest="local", rabbitmq_objects=objects)["definitions"]
    assert made["vhosts"] == [{"name": "/"}, {"name": "shop"}, {"name": "z"}]
    assert made["exchanges"] == objects["exchanges"]
    assert made["scope"]["kinds"] == ["policies"]


def test_a_broker_that_runs_as_planned_is_left_to_the_comparison_of_files_and_objects() -> None:
    runs = {**FACTS, "rabbitmq": "ours", "rabbitmq_owner": "shop", "rabbitmq_runs": True}

    def acts(configurations: list[str], **given: t.Any) -> bool:
        facts = {**runs, "rabbitmq_configurations": configurations}
        return bool(broker_plan(BrokerHost("mq1", {**SHOP, **given}, GROUPS, facts), True)["acts"])

    fingerprint = plan()["fingerprint"]
    assert not acts([fingerprint])
    assert acts([]) and acts(["another"]) and acts([fingerprint], rabbitmq_heartbeat=5)
    assert acts([fingerprint], rabbitmq_restart="true") and acts([fingerprint], rabbitmq_upgrade=True)
    assert acts([fingerprint], rabbitmq_forget=["rabbit@mq9"])
    assert acts([plan(**THREE)["fingerprint"]], **THREE), "nobody but the role looks at a cluster"
    assert acts([plan(**TLS)["fingerprint"]], **TLS), "nor at certificates"
    assert [step["module"] for step in plan()["steps"]] == ["files", "rabbitmq_definitions"]
    assert [step["module"] for step in plan(ours=False)["steps"]] == ["rabbitmq_definitions"]

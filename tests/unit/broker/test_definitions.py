"""What the module promises, asked of a broker in a dictionary."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible_collections.taskstack.celery.plugins.module_utils._definitions.run import run
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.modules.rabbitmq_definitions import EXAMPLES

SHOP = {"vhosts": [{"name": "shop"}], "users": [{"name": "shop", "password": "pa55"}]}


@pytest.fixture
def broker(new_broker, params):
    broker = new_broker()
    run(params(**SHOP), broker, False)
    broker.writes.clear()
    return broker


def test_everything_is_made_in_one_request(new_broker, params):
    broker = new_broker()
    queues = [{"vhost": "shop", "name": f"q{number}"} for number in range(40)]
    result = run(params(**SHOP, queues=queues), broker, False)
    assert result["changed"] and len(result["changes"]) == 42
    assert broker.writes == ["POST definitions"]


def test_the_examples_are_taken_as_printed_and_the_second_asks_for_what_the_first_has_made(broker, params):
    first, second = (params(**task["taskstack.celery.rabbitmq_definitions"]) for task in yaml.safe_load(EXAMPLES))
    kinds = {change["kind"] for change in run(first, broker, False)["changes"]}
    assert kinds == {"vhosts", "users", "permissions", "queues", "policies"}
    assert run(first, broker, False)["changes"] == run(second, broker, False)["changes"] == []


def test_many_objects_are_made_in_batches_that_stay_below_the_timeout(new_broker, params):
    broker = new_broker()
    run(params(queues=[{"name": f"q{number}"} for number in range(250)]), broker, False)
    assert broker.writes == ["POST definitions"] * 3


def test_only_what_differs_is_written(broker, params):
    run(params(**SHOP, queues=[{"vhost": "shop", "name": "new"}]), broker, False)
    assert broker.writes == ["POST definitions"]
    assert set(broker.held["queues"]) == {("shop", "new")}


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_password_is_compared_with_the_stored_hash(broker, params, hash_of, algorithm):
    stored = {"password_hash": hash_of("pa55", algorithm), "hashing_algorithm": f"rabbit_password_hashing_{algorithm}"}
    broker.held["users"][("shop",)].update(stored)
    assert not run(params(**SHOP), broker, False)["changed"]
    assert run(params(users=[{"name": "shop", "password": "other"}]), broker, True)["changed"]


def test_a_changed_password_is_written_and_the_tags_stay(broker, params, hash_of):
    broker.held["users"][("shop",)]["tags"] = ["monitoring"]
    run(params(users=[{"name": "shop", "password": "other"}]), broker, False)
    user = broker.held["users"][("shop",)]
    assert (user["password_hash"], user["tags"]) == (hash_of("other"), ["monitoring"])


def test_changed_tags_keep_the_password(broker, params, hash_of):
    run(params(users=[{"name": "shop", "tags": ["management"]}]), broker, False)
    user = broker.held["users"][("shop",)]
    assert (user["password_hash"], user["tags"]) == (hash_of("pa55"), ["management"])


def test_a_hash_made_elsewhere_is_stored_as_it_is(broker, params, hash_of):
    entry = {
        "name": "five",
        "password_hash": hash_of("x", "sha512"),
        "hashing_algorithm": "rabbit_password_hashing_sha512",
    }
    run(params(users=[entry]), broker, False)
    assert broker.held["users"][("five",)]["password_hash"] == entry["password_hash"]
    assert not run(params(users=[entry]), broker, False)["changed"]


def test_no_secret_is_in_result_or_diff(broker, params, hash_of):
    shovel = {"src-uri": "amqp://joe:secret-uri@host", "dest-uri": "amqp://"}
    users = [{"name": "shop", "password": "secret-new"}, {"name": "h", "password_hash": hash_of("secret-hash")}]
    parameters = [{"component": "shovel", "name": "s", "value": shovel}]
    result = run(params(users=users, parameters=parameters), broker, False)
    shown = json.dumps(result)
    assert "amqp://joe:***@host" in shown and '"password": "as given"' in shown
    assert not [word for word in ("secret-", hash_of("pa55"), hash_of("secret-hash")) if word in shown]


def test_the_diff_names_only_what_differs(broker, params):
    queues = [{"vhost": "shop", "name": "celery"}]
    result = run(params(**SHOP, queues=queues), broker, True)
    assert result["diff"] == {
        "before": {},
        "after": {"queues": {"shop/celery": {"durable": True, "auto_delete": False, "arguments": {}}}},
    }
    assert broker.writes == []


def test_a_queue_with_other_arguments_is_refused_with_both_values_and_the_way_out(broker, params):
    run(params(queues=[{"name": "q", "arguments": {"x-max-length": 5}}]), broker, False)
    with pytest.raises(TaskstackError) as caught:
        run(params(queues=[{"name": "q", "arguments": {"x-max-length": 6}}]), broker, False)
    assert "{'x-max-length': 5} instead of {'x-max-length': 6}" in str(caught.value)
    assert "delete it once it is empty" in str(caught.value) and "policy" in str(caught.value)


def test_a_queue_that_names_no_type_takes_the_one_it_has(broker, params):
    run(params(queues=[{"name": "q", "arguments": {"x-queue-type": "quorum"}}]), broker, False)
    assert not run(params(queues=[{"name": "q"}]), broker, False)["changed"]
    with pytest.raises(TaskstackError):
        run(params(queues=[{"name": "q", "arguments": {"x-queue-type": "classic"}}]), broker, False)


def test_a_full_queue_is_not_deleted_and_is_with_force(broker, params):
    run(params(queues=[{"vhost": "shop", "name": "q"}]), broker, False)
    broker.messages[("shop", "q")] = 3
    scope = {"state": "exact", "scope": {"kinds": ["queues"], "vhosts": ["shop"]}}
    with pytest.raises(TaskstackError, match=r"Queue shop/q still has 3 messages"):
        run(params(**scope), broker, True)
    run(params(**scope, force=True), broker, False)
    assert not broker.held["queues"]


def test_a_message_that_comes_between_look_and_deletion_keeps_the_queue(params, new_broker):
    class Late(new_broker):
        """The message arrives after the count."""

        def call(self, method, api_path):
            answer = super().call(method, api_path)
            self.messages[("/", "q")] = 1
            return answer

    late = Late()
    run(params(queues=[{"name": "q"}]), late, False)
    with pytest.raises(TaskstackError, match="not empty"):
        run(params(state="exact", scope={"kinds": ["queues"], "vhosts": ["/"]}), late, False)
    assert ("/", "q") in late.held["queues"]


def test_a_virtual_host_with_queues_is_not_removed(broker, params):
    run(params(queues=[{"vhost": "shop", "name": "q"}]), broker, False)
    listed = {"vhosts": [{"name": "/"}], "state": "exact", "scope": {"kinds": ["vhosts"]}}
    with pytest.raises(TaskstackError, match="shop still has 1 queues"):
        run(params(**listed), broker, False)
    assert ("shop",) in broker.held["vhosts"]


def test_the_login_in_use_is_never_removed(broker, params):
    run(params(state="exact", scope={"kinds": ["users", "permissions"], "vhosts": ["shop"]}), broker, False)
    assert set(broker.held["users"]) == {("admin",)}
    assert ("shop", "admin") in broker.held["permissions"]


def test_names_limit_what_exact_removes(broker, params):
    run(params(users=[{"name": "guest", "password": "guest"}]), broker, False)
    result = run(params(state="exact", scope={"kinds": ["users"], "names": "^guest$"}), broker, False)
    assert result["changes"] == [{"kind": "users", "name": "guest", "action": "removed"}]


def test_transient_exchanges_of_clients_are_not_removed(broker, params):
    pidbox = {"vhost": "shop", "name": "celery.pidbox", "type": "fanout", "durable": False}
    broker.held["exchanges"][("shop", "celery.pidbox")] = {**pidbox, "auto_delete": False, "internal": False}
    assert not run(params(state="exact", scope={"kinds": ["exchanges"], "vhosts": ["shop"]}), broker, False)["changed"]


def test_limits_of_a_virtual_host_that_were_all_lifted_can_be_set_again(broker, params):
    # As RabbitMQ 3.10 writes it.
    lifted = {"vhost": "shop", "component": "vhost-limits", "name": "limits", "value": []}
    broker.held["parameters"][("shop", "vhost-limits", "limits")] = lifted
    limits = params(vhost_limits=[{"vhost": "shop", "max_queues": 50}])
    assert run(limits, broker, False)["changes"] == [
        {"kind": "vhost_limits", "name": "shop/max-queues", "action": "created"}
    ]
    assert not run(limits, broker, False)["changed"]


def test_removing_one_topic_permission_keeps_the_others(broker, params):
    entries = [{"vhost": "shop", "user": "shop", "exchange": name, "read": name} for name in ("one", "two")]
    run(params(topic_permissions=entries), broker, False)
    scope = {"kinds": ["topic_permissions"], "vhosts": ["shop"]}
    run(params(topic_permissions=entries[:1], state="exact", scope=scope), broker, False)
    assert set(broker.held["topic_permissions"]) == {("shop", "shop", "one")}


def test_all_problems_are_named_at_once_and_nothing_is_changed(broker, params):
    bad = params(
        users=[{"name": "new"}, {"name": "h", "password_hash": "nonsense"}],
        permissions=[{"user": "nobody", "vhost": "shop"}, {"user": "shop", "vhost": "nowhere", "read": "*("}],
        policies=[
            {"name": "p", "pattern": "(", "definition": {"max-length": "ten"}},
            {"name": "e", "pattern": "", "definition": {}},
        ],
        queues=[{"name": "twice"}, {"name": "twice"}],
        bindings=[{"source": "nox", "destination": "noq"}],
    )
    with pytest.raises(TaskstackError) as caught:
        run(bad, broker, False)
    for sentence in (
        "User new does not exist yet: give a password",
        "User h: password_hash is not what RabbitMQ stores",
        "needs user 'nobody'",
        "needs virtual host 'nowhere'",
        "read '*(' is not a regular expression",
        "pattern '(' is not a regular expression",
        "max-length must be an integer, not 'ten'",
        "//e has an empty definition",
        "queues: //twice is listed twice",
        "needs exchange 'nox'",
        "needs queue 'noq'",
    ):
        assert sentence in str(caught.value)
    assert broker.writes == []


def test_old_brokers_are_asked_for_what_they_do_not_export(new_broker, params):
    broker = new_broker(version="3.10.8")
    described = params(vhosts=[{"name": "shop", "description": "the shop", "tags": ["b", "a"]}])
    assert run(described, broker, False)["changed"]
    assert not run(described, broker, False)["changed"]
    with pytest.raises(TaskstackError, match=r"default_queue_type needs RabbitMQ 3.11"):
        run(params(vhosts=[{"name": "shop", "default_queue_type": "quorum"}]), broker, False)


def test_an_error_half_way_says_how_far_it_came(broker, params, new_broker):
    class Stops(new_broker):
        """Refuses the second import."""

        def post(self, *parts, body):
            if len(self.writes) == 1:
                self.denied = True
                self.get("definitions")
            super().post(*parts, body=body)

    stops = Stops()
    with pytest.raises(TaskstackError, match="100 of 150 changes had been made before that"):
        run(params(queues=[{"name": f"q{number}"} for number in range(150)]), stops, False)


def test_a_quorum_queue_is_counted_only_when_its_count_is_fresh(broker, params):
    run(params(queues=[{"name": "q", "arguments": {"x-queue-type": "quorum"}}]), broker, False)
    waited = []
    run(params(state="exact", scope={"kinds": ["queues"], "vhosts": ["/"]}), broker, False, waited.append)
    assert waited == [6] and not broker.held["queues"]

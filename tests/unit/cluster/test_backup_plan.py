"""What of a broker's definitions is saved and restored, shaped as RabbitMQ exports those of a working stack."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.plugin_utils._backup import plan, refusal


def queue(name: str, **more: t.Any) -> dict[str, t.Any]:
    return {"name": name, "vhost": "shop", "durable": True, "auto_delete": False, "arguments": {}, **more}


def exchange(name: str, **more: t.Any) -> dict[str, t.Any]:
    return {**queue(name), "type": "direct", **more}


def binding(source: str, destination: str, **more: t.Any) -> dict[str, t.Any]:
    ends = {"source": source, "destination": destination, "destination_type": "queue", "routing_key": destination}
    return {**ends, "vhost": "shop", "arguments": {}, **more}


RPC = "0a6677bd-edf6-48bc-91e3-e2d217c2f6ce"
PRIVATE = [
    queue(f"celeryev.{RPC}", durable=False, auto_delete=True),
    queue("mail@host1.celery.pidbox", durable=False, auto_delete=True),
    # Celery 5.6 and later can make it durable.
    queue("mail@host2.theirs.pidbox", arguments={"x-expires": 10000}),
    queue(f"{RPC}.reply.celery.pidbox", durable=False, auto_delete=True),
    queue(RPC, auto_delete=True, arguments={"x-expires": 86400000}),
    queue("taskstack.inspect.7c1f", arguments={"x-expires": 20000}),
]
SAVED: dict[str, t.Any] = {
    "rabbitmq_version": "4.0.5",
    "vhosts": [{"name": "shop", "limits": [], "metadata": {"description": "", "tags": []}}],
    "users": [{"name": "shop", "password_hash": "secret", "tags": ["management"]}],
    "permissions": [{"user": "shop", "vhost": "shop", "configure": ".*", "write": ".*", "read": ".*"}],
    "policies": [{"vhost": "shop", "name": "limit", "pattern": ".*", "definition": {"delivery-limit": 20}}],
    "exchanges": [exchange("celery"), exchange("celeryev", type="topic")],
    "queues": [queue("celery"), queue("mail", arguments={"x-queue-type": "quorum"}), *PRIVATE],
    "bindings": [
        binding("celery", "celery"),
        binding("amq.topic", "mail"),
        binding("celeryev", "celery", destination_type="exchange"),
        # Of exclusive queues, which the export leaves out.
        binding("celery.pidbox", "quick@host1.celery.pidbox"),
        binding("celeryev", "celeryev.02a738cf-086e-40e0-9f9d-403db7cfbb89"),
    ],
}
EMPTY: dict[str, t.Any] = {"vhosts": [], "queues": []}


def names(items: list[dict[str, t.Any]]) -> list[str]:
    return [item.get("name") or f"{item['source']} -> {item['destination']}" for item in items]


def test_only_queues_of_tasks_are_kept() -> None:
    assert names(plan(SAVED)["definitions"]["queues"]) == ["celery", "mail"]


def test_only_bindings_whose_two_ends_are_there_are_kept() -> None:
    kept = plan(SAVED)["definitions"]["bindings"]
    assert names(kept) == ["celery -> celery", "amq.topic -> mail", "celeryev -> celery"]


def test_a_binding_of_another_vhost_s_queue_is_dropped() -> None:
    saved = {**SAVED, "bindings": [binding("amq.direct", "celery", vhost="other")]}
    assert plan(saved)["definitions"]["bindings"] == []


def test_all_else_is_kept_as_it_is_and_the_input_is_not_changed() -> None:
    before = copy.deepcopy(SAVED)
    kept = plan(SAVED)["definitions"]
    assert before == SAVED
    assert {kind: kept[kind] for kind in kept if kind not in ("queues", "bindings")} == {
        kind: SAVED[kind] for kind in SAVED if kind not in ("queues", "bindings")
    }


def test_what_was_filtered_once_stays_the_same() -> None:
    kept = plan(SAVED)["definitions"]
    assert plan(kept)["definitions"] == kept
    assert plan(kept)["left_out"] == {"queues": 0, "bindings": 0}


def test_an_empty_broker_lacks_everything_that_is_kept() -> None:
    planned = plan(SAVED, EMPTY)
    assert planned["changes"]["queues"] == ["celery", "mail"]
    assert planned["changes"]["permissions"] == ["shop"]
    assert "secret" not in " ".join(planned["lines"])


def test_a_restored_broker_lacks_nothing_though_its_workers_have_queues_of_their_own() -> None:
    assert plan(SAVED, SAVED)["changes"] == {}
    assert plan(SAVED, SAVED)["lines"][-1] == "Nothing is missing or differs that could be restored."


def test_what_a_later_release_adds_to_an_object_is_no_difference() -> None:
    now = copy.deepcopy(plan(SAVED)["definitions"])
    now["vhosts"][0].update(default_queue_type="classic")
    now["vhosts"][0]["metadata"]["default_queue_type"] = "classic"
    now["queues"][0].update(type="classic", arguments={"x-queue-type": "classic"})
    assert plan(SAVED, now)["changes"] == {} and plan(SAVED, now)["fixed"] == []


@pytest.mark.parametrize("kind", ["users", "permissions", "policies", "vhosts"])
def test_what_differs_is_a_change(kind: str) -> None:
    now = copy.deepcopy(plan(SAVED)["definitions"])
    other: dict[str, dict[str, t.Any]] = {
        "users": {"tags": []},
        "permissions": {"read": "^$"},
        "policies": {"definition": {"delivery-limit": 20, "max-length": 5}},
        "vhosts": {"metadata": {"description": "Shop", "tags": []}},
    }
    now[kind][0].update(other[kind])
    assert list(plan(SAVED, now)["changes"]) == [kind]


def test_a_queue_that_exists_with_other_properties_is_told_and_is_no_change() -> None:
    now = copy.deepcopy(plan(SAVED)["definitions"])
    now["queues"][0]["arguments"] = {"x-max-length": 5}
    now["exchanges"][1]["type"] = "fanout"
    planned = plan(SAVED, now)
    assert planned["changes"] == {} and planned["fixed"] == ["queue celery", "exchange celeryev"]
    assert any("exist with other properties: queue celery, exchange celeryev" in line for line in planned["lines"])


def test_a_missing_resource_is_named_in_a_sentence() -> None:
    said = """Error:
{resources_missing,
    [{not_found,
         {resource,<<"sample">>,queue,
             <<"slow@host.celery.pidbox">>}}]}"""
    assert refusal(said) == (
        "The broker refused the definitions, since they refer to what they do not hold: "
        "queue slow@host.celery.pidbox in vhost sample."
    )


def test_any_other_refusal_is_one_line_with_what_to_look_at() -> None:
    assert refusal("Error:\n  {badmatch,\n    eacces}") == (
        "The broker refused the definitions: Error: {badmatch, eacces}. "
        "Does it run, and is its release the same or later?"
    )

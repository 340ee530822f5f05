"""For any two sets of definitions: what the plan says happens, and then there is nothing left to do."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._definitions.objects import KINDS, from_params
from ansible_collections.taskstack.celery.plugins.module_utils._definitions.run import run
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from hypothesis import given, settings
from hypothesis import strategies as st

VHOSTS, USERS, NAMES = ["/", "a/b c", "shop"], ["ann", "bob", "admin"], ["one", "two", "three é"]
PATTERNS = st.sampled_from(["^$", ".*", "^one"])
vhosts, users, names = st.sampled_from(VHOSTS), st.sampled_from(USERS), st.sampled_from(NAMES)
ARGUMENTS = st.sampled_from([{}, {"x-queue-type": "classic"}, {"x-max-length": 5}, {"x-queue-type": "quorum"}])


def objects(*key: str, **fields: st.SearchStrategy[t.Any]) -> st.SearchStrategy[list[dict[str, t.Any]]]:
    """Lists of one kind, each object at most once."""

    def identity(entry: dict[str, t.Any]) -> tuple[str, ...]:
        return tuple(str(entry[part]) for part in key)

    return st.lists(st.fixed_dictionaries(fields), max_size=3, unique_by=identity)


def policies(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[list[dict[str, t.Any]]]:
    definition = st.fixed_dictionaries({"max-length": numbers})
    return objects("vhost", "name", vhost=vhosts, name=names, pattern=PATTERNS, priority=numbers, definition=definition)


numbers = st.integers(0, 3)
definitions = st.fixed_dictionaries(
    {
        "users": objects(
            "name", name=users, password=st.sampled_from(["x", "y"]), tags=st.sampled_from([["b", "a"], []])
        ),
        "permissions": objects("vhost", "user", vhost=vhosts, user=users, write=PATTERNS, read=PATTERNS),
        "topic_permissions": objects(
            "vhost", "user", "exchange", vhost=vhosts, user=users, exchange=names, write=PATTERNS
        ),
        "user_limits": objects("user", user=users, max_connections=numbers, max_channels=numbers),
        "vhost_limits": objects("vhost", vhost=vhosts, max_connections=numbers, max_queues=st.none() | numbers),
        "global_parameters": objects("name", name=names, value=st.sampled_from([1, "x", {"a": [1]}])),
        "parameters": objects("vhost", "name", vhost=vhosts, name=names, component=st.just("shovel"), value=numbers),
        "policies": policies(numbers),
        "operator_policies": policies(numbers),
        "queues": objects("vhost", "name", vhost=vhosts, name=names, arguments=ARGUMENTS),
        "exchanges": objects("vhost", "name", vhost=vhosts, name=names, type=st.sampled_from(["direct", "topic"])),
        "bindings": objects(
            *("vhost", "source", "destination", "routing_key", "arguments"),
            vhost=vhosts,
            source=names,
            destination=names,
            destination_type=st.just("queue"),
            routing_key=st.sampled_from(["", "k/1"]),
            arguments=st.sampled_from([{}, {"h": 1}]),
        ),
    }
)


def complete(lists: dict[str, list[dict[str, t.Any]]]) -> dict[str, t.Any]:
    """With everything that the objects refer to."""
    by_key = {(queue["vhost"], queue["name"]) for queue in lists["queues"]}
    sources = {(exchange["vhost"], exchange["name"]) for exchange in lists["exchanges"]}
    kept = [
        binding
        for binding in lists["bindings"]
        if (binding["vhost"], binding["destination"]) in by_key and (binding["vhost"], binding["source"]) in sources
    ]
    listed = {user["name"] for user in lists["users"]} | {"admin"}
    missing = [{"name": name, "password": "z"} for name in USERS if name not in listed]
    admin = [user for user in lists["users"] if user["name"] != "admin"]
    return {**lists, "bindings": kept, "users": admin + missing, "vhosts": [{"name": name} for name in VHOSTS]}


def attempt(params: dict[str, t.Any], broker: t.Any, check_mode: bool = False) -> dict[str, t.Any] | None:
    """None when it was refused, which must have left the broker alone."""
    writes = len(broker.writes)
    try:
        return run(params, broker, check_mode)
    except TaskstackError:
        assert len(broker.writes) == writes
        return None


@settings(max_examples=100, deadline=None)
@given(first=definitions, second=definitions, exact=st.booleans(), kinds=st.sets(st.sampled_from(list(KINDS))))
def test_applying_a_plan_leaves_nothing_to_do(new_broker, params, first, second, exact, kinds):
    broker = new_broker()
    assert attempt(params(**complete(first)), broker)
    state = {"state": "exact", "scope": {"kinds": sorted(kinds), "vhosts": VHOSTS}, "force": True} if exact else {}
    wanted = params(**complete(second), **state)
    predicted = attempt(wanted, broker, check_mode=True)
    done = attempt(wanted, broker)
    assert predicted == done
    if done is not None:
        writes = len(broker.writes)
        again = attempt(wanted, broker)
        assert again is not None and again["changes"] == []
        assert len(broker.writes) == writes


@settings(max_examples=100, deadline=None)
@given(first=definitions, second=definitions)
def test_present_never_removes(new_broker, params, first, second):
    broker = new_broker()
    assert attempt(params(**complete(first)), broker)
    before = {kind: set(entries) for kind, entries in broker.held.items()}
    attempt(params(**complete(second)), broker)
    assert all(before[kind] <= set(entries) for kind, entries in broker.held.items())


@settings(max_examples=100, deadline=None)
@given(second=definitions)
def test_exact_within_one_virtual_host_leaves_the_others_alone(new_broker, params, second):
    broker = new_broker()
    full = [{"vhost": vhost, "name": "keep"} for vhost in VHOSTS]
    assert attempt(params(**complete({**from_empty(), "queues": full, "exchanges": full})), broker)
    listed = complete(second)
    scope = {"kinds": ["queues", "exchanges", "policies"], "vhosts": ["shop"]}
    attempt(params(**listed, state="exact", scope=scope), broker)
    assert {("/", "keep"), ("a/b c", "keep")} <= set(broker.held["queues"])


def from_empty() -> dict[str, list[dict[str, t.Any]]]:
    return {kind: [] for kind in from_params({})}

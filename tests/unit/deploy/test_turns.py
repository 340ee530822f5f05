"""Which hosts of a stack change at the same time."""

from __future__ import annotations

import pytest
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.turns import Host, batch_size, turns
from hypothesis import given
from hypothesis import strategies as st


def host(name: str, *queues: str, **more: bool) -> Host:
    return Host(name, **{"changed": True, "interrupts": True, **more}, queues=frozenset(queues))


def test_a_host_without_a_change_waits_for_nobody() -> None:
    assert turns([host("a", "mail", changed=False), host("b", "mail")], 5) == [["b"]]


def test_hosts_on_which_nothing_is_interrupted_go_together() -> None:
    fresh = [host(name, "mail", interrupts=False) for name in "abc"]
    assert turns(fresh, 1) == [["a", "b", "c"]]


def test_the_first_host_is_alone_then_batches_follow() -> None:
    assert turns([host(name) for name in "abcdef"], 2) == [["a"], ["b", "c"], ["d", "e"], ["f"]]


def test_two_consumers_of_a_queue_are_never_in_one_batch() -> None:
    assert turns([host("a"), host("b", "mail"), host("c", "mail"), host("d", "other")], 3) == [["a"], ["b", "d"], ["c"]]


def test_a_consumer_without_a_change_keeps_the_queue_so_the_others_may_go_together() -> None:
    hosts = [host("a"), host("b", "mail"), host("c", "mail"), host("d", "mail", changed=False)]
    assert turns(hosts, 2) == [["a"], ["b", "c"]]


def test_beat_starts_on_its_new_host_after_it_has_stopped_on_the_old_one() -> None:
    new, old = host("new", interrupts=False, starts_beat=True), host("old", stops_beat=True)
    assert turns([new, host("between"), old], 5) == [["old"], ["between"], ["new"]]


def test_beat_that_restarts_on_its_own_host_is_no_move() -> None:
    assert turns([host("a", stops_beat=True, starts_beat=True), host("b")], 5) == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("given_size", "hosts", "size"),
    [
        (1, 9, 1),
        ("3", 9, 3),
        ("50%", 9, 4),
        ("10%", 9, 1),
        ("100%", 9, 9),
        ("0", 9, None),
        ("half", 9, None),
        (True, 9, None),
    ],
)
def test_a_batch_is_a_number_or_a_percentage(given_size: object, hosts: int, size: int | None) -> None:
    assert batch_size(given_size, hosts) == size


HOSTS = st.lists(
    st.builds(
        Host,
        name=st.uuids().map(str),
        changed=st.booleans(),
        interrupts=st.booleans(),
        stops_beat=st.booleans(),
        starts_beat=st.booleans(),
        queues=st.frozensets(st.sampled_from("xyz")),
    ),
    max_size=8,
    unique_by=lambda host: host.name,
)


@given(HOSTS, st.integers(1, 8))
def test_no_turn_takes_all_of_several_consumers_and_every_change_has_one_turn(hosts: list[Host], size: int) -> None:
    order = turns(hosts, size)
    assert sorted(name for turn in order for name in turn) == sorted(host.name for host in hosts if host.changed)
    by_name = {host.name: host for host in hosts}
    for turn in order:
        if not any(by_name[name].interrupts for name in turn):
            continue
        assert len(turn) <= size
        for queue in "xyz":
            consumers = {host.name for host in hosts if queue in host.queues}
            assert len(consumers) < 2 or not consumers <= set(turn)

"""The matrix of truth: what is wrong is told, or unknown, from every point of view; what is healthy is told to be."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._status.unknown import failures
from faults import FAULTS, Fault
from looks import Look, until
from situations import SITUATIONS

testinfra_hosts = ["docker://ts-truth-mq"]
#: Seconds that the stack may need to come back from the row before.
HEALED = 150


def reasons(seen: Look, area: str) -> dict[str, t.Any]:
    """By point of view: why it must not be called healthy; none where it is."""
    return {view: [] if found["healthy"] else failures(found, [area]) for view, found in seen.views().items()}


def told(seen: Look, fault: Fault) -> dict[str, t.Any]:
    """The reasons of each point of view that can know of the fault."""
    return {view: why for view, why in reasons(seen, fault.area).items() if view not in fault.blind}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_or_unknown_from_every_point_of_view(name: str) -> None:
    fault = FAULTS[name]

    def evident(seen: Look) -> bool:
        return seen.failed and all(told(seen, fault).values()) and expected(seen)

    def expected(seen: Look) -> bool:
        return fault.kinds <= set(seen.kinds) <= fault.kinds | fault.also

    try:
        fault.inject()
        # What the row before has left behind is soon gone. The broker's statistics and connections lag behind.
        seen = until(evident, HEALED, fault.area)
    finally:
        fault.heal()
    assert expected(seen), seen.together["problems"]
    assert seen.failed, "the playbook must fail where the area is required"
    assert all(told(seen, fault).values()) and len(told(seen, fault)) >= 2, (
        told(seen, fault),
        seen.together["problems"],
    )


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_healthy_is_called_so_and_no_host_tells_of_a_problem(name: str, in_order: None) -> None:
    situation = SITUATIONS[name]
    try:
        situation.begin()
        seen = until(lambda _seen: True, 0, *situation.areas)
    finally:
        situation.end()
    told = {view: found["problems"] for view, found in seen.views().items()}
    assert not any(told.values()) and len(told) == 4, told
    assert seen.together["healthy"] and not seen.failed
    assert situation.proof(seen), "the situation was there"

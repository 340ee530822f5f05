"""What speaks against an upgrade of RabbitMQ."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._cluster.upgrade import problems, version

ENABLED = [{"name": "quorum_queue", "state": "enabled"}, {"name": "khepri_db", "state": "disabled"}]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("4.0.5-6+deb13u2", "4.0.5-6+deb13u2"),
        ("3.10.8-1.1+deb12u1", "3.10.9-1"),
        ("3.10.8", "3.11.28"),
        ("3.11.18", "3.12.0"),
        ("3.13.7", "4.0.5-6+deb13u2"),
        ("3.13.7", "4.2.0"),
    ],
)
def test_what_the_makers_allow_is_allowed(old: str, new: str) -> None:
    assert problems(old, new, ENABLED, [], []) == []


@pytest.mark.parametrize(
    ("old", "new"), [("3.10.8-1", "4.0.5-6"), ("3.12.1", "4.0.1"), ("4.1.0", "4.3.0"), ("3.11.17", "3.12.1")]
)
def test_a_series_is_not_skipped(old: str, new: str) -> None:
    assert sum(" takes over from " in reason for reason in problems(old, new, ENABLED, [], [])) == 1


def test_data_does_not_go_back() -> None:
    assert problems("4.0.5", "3.10.8", ENABLED, [], []) == ["3.10.8 is older than 4.0.5, and data does not go back"]


def test_no_offer_is_said() -> None:
    assert problems("4.0.5", "", ENABLED, [], []) == ["no package source offers a version (asked for: the newest)"]


def test_all_reasons_come_at_once() -> None:
    flags = [*ENABLED, {"name": "message_containers", "state": "disabled"}]
    reasons = problems("3.10.8", "4.0.5", flags, [{"name": "ha", "definition": '{"ha-mode":"all"}'}], [])
    assert [reason.split(":")[0].split(" takes")[0] for reason in reasons] == [
        "4.0.5",
        "feature flags are not enabled",
        "policy ha mirrors classic queues, which 4.0 no longer does",
    ]


def test_an_epoch_and_a_revision_are_no_part_of_the_version() -> None:
    assert version("1:4.0.5-6+deb13u2") == (4, 0, 5)


def queue(name: str, durable: bool = True, exclusive: bool | str = False, *arguments: str) -> dict[str, t.Any]:
    """As rabbitmqctl lists it."""
    return {
        "name": name,
        "durable": durable,
        "exclusive": exclusive,
        "arguments": [[name, "", ""] for name in arguments],
    }


def test_4_3_wants_its_database_and_nothing_that_it_denies() -> None:
    khepri = [{"name": "khepri_db", "state": "enabled"}]
    fine = [queue("celery"), queue("a@h.celery.pidbox", durable=False, exclusive=True), queue("quorum", exclusive="")]
    assert problems("4.2.1", "4.3.0", khepri, [], fine) == []
    lazy = {"name": "lazy", "definition": '{"queue-mode":"lazy"}'}
    queues = [*fine, *(queue(f"celeryev.{number}", durable=False) for number in range(4))]
    reasons = problems("4.2.1", "4.3.0", ENABLED, [lazy], [*queues, queue("old", True, False, "x-queue-mode")])
    assert [reason.split(" (")[0] for reason in reasons] == [
        "feature flag khepri_db is not enabled, and 4.3 has no other database",
        "4 transient queues are shared",
        "queues old have x-queue-mode, which 4.3 refuses: declare them anew",
        "policy lazy sets queue-mode, which 4.3 does not know: remove that",
    ]
    assert "celeryev.2, ...)" in reasons[1] and "Celery 5.7" in reasons[1]


def test_what_4_3_denies_does_not_matter_to_an_earlier_one() -> None:
    assert problems("4.1.0", "4.2.0", ENABLED, [], [queue("celeryev.1", durable=False)]) == []

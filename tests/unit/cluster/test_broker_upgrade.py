"""What speaks against an upgrade of RabbitMQ."""

from __future__ import annotations

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._broker_upgrade import blockers, version

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
        ("4.2.1", "4.3.0"),
    ],
)
def test_what_the_makers_allow_is_allowed(old: str, new: str) -> None:
    assert blockers(old, new, ENABLED, []) == []


@pytest.mark.parametrize(
    ("old", "new"), [("3.10.8-1", "4.0.5-6"), ("3.12.1", "4.0.1"), ("4.1.0", "4.3.0"), ("3.11.17", "3.12.1")]
)
def test_a_series_is_not_skipped(old: str, new: str) -> None:
    assert len(blockers(old, new, ENABLED, [])) == 1


def test_data_does_not_go_back() -> None:
    assert blockers("4.0.5", "3.10.8", ENABLED, []) == ["3.10.8 is older than 4.0.5, and data does not go back"]


def test_no_offer_is_said() -> None:
    assert blockers("4.0.5", "", ENABLED, []) == ["no package source offers a version (asked for: the newest)"]


def test_all_reasons_come_at_once() -> None:
    flags = [*ENABLED, {"name": "message_containers", "state": "disabled"}]
    reasons = blockers("3.10.8", "4.0.5", flags, [{"name": "ha", "definition": '{"ha-mode":"all"}'}])
    assert [reason.split(":")[0].split(" takes")[0] for reason in reasons] == [
        "4.0.5",
        "feature flags are not enabled",
        "policy ha mirrors classic queues, which 4.0 no longer does",
    ]


def test_an_epoch_and_a_revision_are_no_part_of_the_version() -> None:
    assert version("1:4.0.5-6+deb13u2") == (4, 0, 5)

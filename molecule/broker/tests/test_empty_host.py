"""On a host that has no broker yet, wrong inputs and check mode leave no trace."""

from __future__ import annotations

import subprocess

import pytest

EMPTY = "ts-broker-empty"


def traces() -> set[str]:
    """What differs from the image, without what any run of Ansible, or of apt in simulation, leaves behind."""
    listed = subprocess.run(["docker", "diff", EMPTY], capture_output=True, text=True, check=True).stdout.splitlines()
    usual = ("/root", "/tmp", "/run", "/var/tmp", "/var/log/apt")
    return {line for line in listed if not line[2:].startswith(usual) and line[2:] != "/var/log"}


@pytest.fixture(scope="module")
def untouched():
    before = traces()
    yield
    assert traces() == before


def test_check_mode_works_and_changes_nothing(play, untouched):
    before = traces()
    result = play(EMPTY, "--check", "--diff")
    assert result.code == 0, result.output
    assert result.changes[EMPTY] and traces() == before


# What can be wrong at the same time is said at the same time.
WRONG = [
    {
        "rabbitmq_plugins": ["rabbitmq_mangement"],
        "rabbitmq_listeners": ["all"],
        "rabbitmq_memory_limit": 40,
        "rabbitmq_config": {"channel max": 5},
        "rabbitmq_peers": ["rabbit@a", "rabbit@b"],
        "taskstack_broker_user": "admin",
        "rabbitmq_objects": {"vhost": []},
    },
    {"rabbitmq_listeners": [], "rabbitmq_tls_certificate_file": None, "taskstack_broker_user": "guest"},
    {"rabbitmq_guest": "maybe"},
]
SENTENCES = [
    (0, "there is no plugin rabbitmq_mangement"),
    (0, "take ports or address:port, not all"),
    (0, "is a share of the memory"),
    (0, "keys are words with dots"),
    (0, "not end in @localhost in a cluster"),
    (0, "must be three different users"),
    (0, "rabbitmq_objects: there are no lists vhost"),
    (1, "Nobody could connect"),
    (1, "guest cannot be one of our users"),
    (2, "must be one of: absent, local"),
]


@pytest.fixture(scope="module")
def refused(play, untouched):
    return [play(EMPTY, **variables) for variables in WRONG]


@pytest.mark.parametrize(("number", "sentence"), SENTENCES, ids=[sentence for _number, sentence in SENTENCES])
def test_wrong_inputs_are_refused_in_a_sentence_all_at_once(refused, number, sentence):
    assert refused[number].failed == {EMPTY}
    assert sentence in refused[number].text, refused[number].output


def test_a_sentence_is_said_only_where_something_is_wrong(refused):
    for number, result in enumerate(refused):
        assert not any(sentence in result.text for other, sentence in SENTENCES if other != number)

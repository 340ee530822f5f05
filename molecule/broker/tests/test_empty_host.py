"""On a host that has no broker yet, wrong inputs and check mode leave no trace."""

from __future__ import annotations

import subprocess

import pytest

testinfra_hosts = ["docker://ts-broker-empty"]


def traces(name: str) -> set[str]:
    """What differs from the image, without what any run of Ansible, or of apt in simulation, leaves behind."""
    listed = subprocess.run(["docker", "diff", name], capture_output=True, text=True, check=True).stdout.splitlines()
    usual = ("/root", "/tmp", "/run", "/var/tmp", "/var/log/apt")
    return {line for line in listed if not line[2:].startswith(usual) and line[2:] != "/var/log"}


@pytest.fixture
def untouched(host):
    before = traces(host.backend.name)
    yield
    assert traces(host.backend.name) == before


def test_check_mode_works_and_changes_nothing(host, play, untouched):
    result = play(host.backend.name, "--check", "--diff")
    assert result.code == 0, result.output
    assert result.changed


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"rabbitmq_plugins": ["rabbitmq_mangement"]}, "there is no plugin rabbitmq_mangement"),
        ({"rabbitmq_guest": "maybe"}, "must be one of: absent, local"),
        ({"rabbitmq_listeners": ["all"]}, "take ports or address:port, not all"),
        ({"rabbitmq_listeners": [], "rabbitmq_tls_certificate_file": None}, "Nobody could connect"),
        ({"rabbitmq_memory_limit": 40}, "is a share of the memory"),
        ({"rabbitmq_config": {"channel max": 5}}, "keys are words with dots"),
        ({"rabbitmq_peers": ["rabbit@a", "rabbit@b"]}, "not end in @localhost in a cluster"),
        ({"taskstack_broker_user": "admin"}, "must be three different users"),
        ({"taskstack_broker_user": "guest"}, "guest cannot be one of our users"),
        ({"rabbitmq_objects": {"vhost": []}}, "rabbitmq_objects: there are no lists vhost"),
    ],
)
def test_wrong_inputs_are_refused_in_a_sentence(host, play, untouched, variables, sentence):
    result = play(host.backend.name, **variables)
    assert result.code and sentence in result.text, result.output


def test_all_wrong_inputs_are_named_at_once(host, play, untouched):
    result = play(host.backend.name, rabbitmq_plugins=["no_such"], rabbitmq_memory_limit=40)
    assert "no plugin no_such" in result.text and "share of the memory" in result.text

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How processes and broker speak to each other, as an inventory has it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight.transport import problems

CERTIFIED = {"mq": {"rabbitmq_tls_certificate_file": "mq.pem", "rabbitmq_tls_key_file": "mq.key"}}
CA, URL = {"taskstack_broker_ca_file": "/etc/ca.pem"}, {"taskstack_management_url": "https://mq:15671"}
TLS, PLAIN = {"taskstack_broker_tls": True}, {"mq": {}}


@pytest.mark.parametrize(
    ("variables", "brokers"),
    [
        ({}, PLAIN),
        ({**TLS, **CA, "taskstack_broker_tls_name": "mq"}, CERTIFIED),
        ({**CA, **URL}, CERTIFIED),
        ({**TLS, "taskstack_broker_host": "elsewhere"}, PLAIN),
        ({**TLS, "taskstack_share_host": True}, PLAIN),
        ({"taskstack_broker_host": "elsewhere"}, {"mq": {"rabbitmq_listeners": []}}),
    ],
)
def test_what_fits_is_accepted(variables: dict[str, t.Any], brokers: dict[str, t.Any]) -> None:
    assert list(problems(variables, brokers)) == []


@pytest.mark.parametrize(
    ("variables", "brokers", "words"),
    [
        (CA, CERTIFIED, "taskstack_broker_ca_file does nothing, and connections to the broker are not encrypted"),
        ({"taskstack_broker_tls_verify": True}, CERTIFIED, "taskstack_broker_tls_verify does nothing"),
        ({**URL, "taskstack_broker_tls_name": "mq"}, CERTIFIED, "taskstack_broker_tls_name does nothing"),
        (TLS, PLAIN, "the broker on mq has no certificate. Set rabbitmq_tls_certificate_file"),
        ({}, {"mq": {"rabbitmq_listeners": []}}, "listens with TLS only"),
    ],
)
def test_a_connection_that_is_not_what_it_seems_or_cannot_be_made_is_refused(
    variables: dict[str, t.Any], brokers: dict[str, t.Any], words: str
) -> None:
    (sentence,) = problems(variables, brokers)
    assert words in sentence

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Celery 5.5 says about the broker has no password in it."""

from __future__ import annotations

import logging

import pytest
import taskstack_secrets


@pytest.mark.parametrize(
    "url", ["amqp://shop:s3cret@mq1:5672//", "amqps://shop:s3%40cret@mq1/a;amqps://shop:s3cret@mq2/a"]
)
def test_the_password_of_a_url_is_not_logged(url: str, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger(taskstack_secrets.LOGGERS[0]).warning("Failed to set up %r: %s", url, OSError(5))
    assert "s3" not in caplog.text and "shop:**@mq1" in caplog.text and "OSError" not in caplog.text.split("shop")[0]


def test_all_else_is_logged_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger(taskstack_secrets.LOGGERS[0]).warning("%d queues of %s", 3, "shop")
    assert "3 queues of shop" in caplog.text

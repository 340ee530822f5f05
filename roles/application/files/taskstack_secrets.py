# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the broker's password out of a worker's log: Celery 5.5 writes its URL there when it sets up delayed delivery.

Loaded by ``celery -A app worker -I taskstack_secrets``; for Python 2.7 and Celery 4.2 or later.
"""

from __future__ import absolute_import, unicode_literals

import logging
import re

#: The loggers that are known to be told URLs.
LOGGERS = ["celery.worker.consumer.delayed_delivery"]
PASSWORD = re.compile("(://[^:@/]*:)[^@/]*@")


def masked(value):
    """The same without the password, if it is a URL."""
    return PASSWORD.sub(r"\1**@", value) if hasattr(value, "partition") and "://" in value else value


class Mask(logging.Filter):
    """Changes what is logged."""

    def filter(self, record):
        """All of it is logged."""
        record.msg = masked(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(masked(argument) for argument in record.args)
        return True


for name in LOGGERS:
    logging.getLogger(str(name)).addFilter(Mask())

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds the inventory's periodic tasks to the application's own: `celery beat --scheduler taskstack_beat:Scheduler`.

For Python 2.7 and Celery 3.1 or later. TASKSTACK_BEAT_SCHEDULE names the file, TASKSTACK_BEAT_BASE the scheduler that
does the work, for instance django_celery_beat.schedulers:DatabaseScheduler.
"""

from __future__ import absolute_import, unicode_literals

import io
import json
import logging
import os

from celery.schedules import crontab
from celery.utils.imports import symbol_by_name

logger = logging.getLogger(__name__)

CRONTAB = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")


def entry(task):
    """One task of the inventory as Celery's schedule has it."""
    when = float(task["seconds"]) if "seconds" in task else crontab(**dict(zip(CRONTAB, task["crontab"].split())))
    options = dict((name, task[name]) for name in ("queue", "expires") if task.get(name) is not None)
    return {
        "task": task["task"],
        "schedule": when,
        "args": task.get("args") or [],
        "kwargs": task.get("kwargs") or {},
        "options": options,
    }


def merge(conf, tasks):
    """Put the tasks into the application's schedule; of two with one name the inventory's counts."""
    # Celery 3.1 knows the old name only.
    name = "beat_schedule" if hasattr(conf, "beat_schedule") else "CELERYBEAT_SCHEDULE"
    own = getattr(conf, name, None) or {}
    for replaced in sorted(set(own) & set(task["name"] for task in tasks)):
        logger.warning("beat: the inventory's schedule replaces the application's task %s", replaced)
    setattr(conf, name, dict(own, **dict((task["name"], entry(task)) for task in tasks)))


class Merging(object):
    """What our scheduler does before the one that it is made of."""

    def setup_schedule(self):
        """Read the inventory's tasks first."""
        with io.open(os.environ["TASKSTACK_BEAT_SCHEDULE"], encoding="utf-8") as file:
            merge(self.app.conf, json.load(file))
        super(Merging, self).setup_schedule()


def scheduler(base):
    """Our scheduler on top of another one."""
    return type(str("Scheduler"), (Merging, symbol_by_name(base)), {})


if os.environ.get("TASKSTACK_BEAT_SCHEDULE"):
    Scheduler = scheduler(os.environ.get("TASKSTACK_BEAT_BASE") or "celery.beat:PersistentScheduler")

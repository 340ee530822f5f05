# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Beat's scheduler with the inventory's periodic tasks and a heartbeat: `--scheduler taskstack_beat:Scheduler`.

For Python 2.7 and Celery 3.1 or later. It is made of the scheduler that does the work: TASKSTACK_BEAT_BASE, for
instance django_celery_beat.schedulers:DatabaseScheduler, else the one that the application's settings name.
TASKSTACK_BEAT_SCHEDULE names the file with the inventory's tasks, TASKSTACK_BEAT_HEARTBEAT the file that tells when
beat last worked.
"""

from __future__ import absolute_import, unicode_literals

import io
import json
import logging
import os

from celery.schedules import crontab
from celery.utils.imports import symbol_by_name
from taskstack_heartbeat import Heartbeat

logger = logging.getLogger(__name__)

CRONTAB = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
DEFAULT = "celery.beat:PersistentScheduler"


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
    merged = dict(own, **dict((task["name"], entry(task)) for task in tasks))
    # A setting has several spellings, and the one that is looked up first depends on the application's namespace.
    prefix = getattr(conf, "prefix", None) or ""
    for spelling in (name, "CELERYBEAT_SCHEDULE", prefix + "BEAT_SCHEDULE", prefix + name):
        if getattr(conf, name, None) == merged:
            return
        conf[spelling] = merged
    if getattr(conf, name, None) != merged:
        raise RuntimeError("The inventory's beat_schedule cannot be put into the settings of this application.")


class Watched(object):
    """What our scheduler does around the one that it is made of."""

    taskstack_base = DEFAULT
    taskstack_heartbeat = None

    def setup_schedule(self):
        """Put the inventory's tasks into the settings, and into a scheduler that reads none."""
        tasks, path = [], os.environ.get("TASKSTACK_BEAT_SCHEDULE")
        if path:
            with io.open(path, encoding="utf-8") as file:
                tasks = json.load(file)
            merge(self.app.conf, tasks)
        told = os.environ.get("TASKSTACK_BEAT_HEARTBEAT")
        if told and self.taskstack_heartbeat is None:
            self.taskstack_heartbeat = Heartbeat(told, self.taskstack_base)
        super(Watched, self).setup_schedule()
        lacking = dict((task["name"], entry(task)) for task in tasks if task["name"] not in self.schedule)
        if lacking:
            self.update_from_dict(lacking)

    def apply_async(self, entry, *args, **kwargs):
        """Note what was sent, or that it was not."""
        try:
            result = super(Watched, self).apply_async(entry, *args, **kwargs)
        except Exception as exc:
            if self.taskstack_heartbeat:
                self.taskstack_heartbeat.failed(entry, exc)
            raise
        if self.taskstack_heartbeat:
            self.taskstack_heartbeat.sent(entry, getattr(result, "id", None))
        return result

    def tick(self, *args, **kwargs):
        """Give a sign of life after each look at the schedule."""
        interval = super(Watched, self).tick(*args, **kwargs)
        return self.taskstack_heartbeat.ticked(self, interval) if self.taskstack_heartbeat else interval


def scheduler(base):
    """Our scheduler on top of another one."""
    try:
        from celery.utils.imports import load_extension_class_names

        aliases = dict(load_extension_class_names("celery.beat_schedulers") or {})
    except ImportError:
        aliases = {}
    return type(str("Scheduler"), (Watched, symbol_by_name(base, aliases)), {"taskstack_base": str(base)})


def Scheduler(app, *args, **kwargs):
    """What Celery calls for a scheduler: ours on top of the wanted one."""
    own = getattr(app.conf, "beat_scheduler", None) or getattr(app.conf, "CELERYBEAT_SCHEDULER", None)
    return scheduler(os.environ.get("TASKSTACK_BEAT_BASE") or own or DEFAULT)(app, *args, **kwargs)

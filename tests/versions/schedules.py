"""Runs in the Python and Celery under test: what beat would send, for every way an application can be configured.

`schedules.py BASE STYLE FOLDER` prints the schedule's task of each name, after some ticks with a broker in memory.
"""

import json
import os
import sys

import celery
from celery import beat

# What both have is the inventory's: its task is `shop.inventory`.
OWN = {"both": {"task": "shop.own", "schedule": 3600.0}, "own": {"task": "shop.own", "schedule": 3600.0}}
STYLES = {
    "namespace": ("CELERY", {"CELERY_BEAT_SCHEDULE": OWN}),
    "other namespace": ("SHOP", {"SHOP_BEAT_SCHEDULE": OWN}),
    "namespace without schedule": ("CELERY", {"CELERY_TIMEZONE": "UTC"}),
    "old names": (None, {"CELERYBEAT_SCHEDULE": OWN, "CELERY_TIMEZONE": "UTC"}),
    "new names": (None, {"beat_schedule": OWN, "timezone": "UTC"}),
    "nothing": (None, {}),
}


class Fixed(beat.Scheduler):
    """A scheduler that reads no settings."""

    def setup_schedule(self):
        """Its own."""
        self.data["fixed"] = self._maybe_entry("fixed", {"task": "shop.fixed", "schedule": 3600.0})


def application(style):
    """An application that is configured as many are."""
    namespace, settings = STYLES[style]
    app = celery.Celery("shop", broker="memory://")
    holder = type("Settings", (object,), settings)
    if settings:
        app.config_from_object(holder, **({"namespace": namespace} if namespace else {}))
    return app


def main(base, style, folder):
    """Print what is scheduled and what the heartbeat tells."""
    if "django" in base:
        import django
        from django.conf import settings
        from django.core.management import call_command

        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(folder, "database")}
        installed = ["django.contrib.contenttypes", "django_celery_beat"]
        settings.configure(DATABASES={"default": database}, INSTALLED_APPS=installed, USE_TZ=True, SECRET_KEY="x")
        django.setup()
        call_command("migrate", verbosity=0)
    app = application(style)
    if base == "of the settings":
        app.conf.beat_scheduler = "schedules:Fixed"
    elif base:
        os.environ["TASKSTACK_BEAT_BASE"] = base
    service = beat.Service(
        app, scheduler_cls="taskstack_beat:Scheduler", schedule_filename=os.path.join(folder, "schedule")
    )
    scheduler = service.scheduler
    slept = [scheduler.tick() for _ in range(4)]
    scheduler.taskstack_heartbeat._written = 0
    scheduler.tick()
    with open(os.environ["TASKSTACK_BEAT_HEARTBEAT"]) as file:
        told = json.load(file)
    tasks = dict((name, found.task) for name, found in scheduler.schedule.items() if not name.startswith("celery."))
    sys.stdout.write(json.dumps({"tasks": tasks, "heartbeat": told, "slept": max(slept)}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A Celery application that takes over logging, as CATMAID's does."""

from logging.config import dictConfig

from celery import Celery
from celery.signals import setup_logging

from mysite.settings import LOGGING

app = Celery("mysite")
app.config_from_object("mysite.settings", namespace="CELERY")


@setup_logging.connect
def use_our_logging(**_):
    """Whoever connects here replaces everything that Celery would set up."""
    dictConfig(LOGGING)


@app.task(bind=True)
def debug_task(self):
    """Say who asked."""
    print(self.request)

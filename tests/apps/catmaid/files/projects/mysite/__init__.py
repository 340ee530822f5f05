"""Stand-in for CATMAID's project."""

from mysite.celery import app as celery_app

__all__ = ["celery_app"]

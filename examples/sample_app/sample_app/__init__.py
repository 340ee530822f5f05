"""A small Celery application: what `make deploy` deploys, and a pattern to copy."""

from sample_app.celery import app

__all__ = ["app"]

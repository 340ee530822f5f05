"""The settings of a CATMAID that matter to Celery: only pickle, no results, its own logging, a nightly schedule."""

from celery.schedules import crontab

CELERY_BROKER_URL = "amqp://guest:guest@localhost:5672/"
CELERY_ACCEPT_CONTENT = ["pickle"]
CELERY_TASK_SERIALIZER = "pickle"
CELERY_RESULT_SERIALIZER = "pickle"
CELERY_WORKER_CONCURRENCY = 1
CELERY_TIMEZONE = "UTC"
CELERY_IMPORTS = ["mysite.tasks"]
CELERY_BEAT_SCHEDULE = {
    "clean-up": {"task": "mysite.tasks.clean_up", "schedule": crontab(hour="23", minute="30")},
}

# CATMAID crops into a directory below.
MEDIA_ROOT = "/opt/catmaid/files"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": True,
    "formatters": {"plain": {"format": "%(levelname)s %(asctime)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {"catmaid": {"handlers": ["console"], "level": "DEBUG"}},
}

"""The application itself. Its broker comes from the environment: CELERY_BROKER_URL."""

from celery import Celery

app = Celery("sample_app", backend="rpc://", include=["sample_app.tasks"])
app.conf.update(
    # Long tasks have a queue and a worker of their own, so that short ones never wait behind them.
    task_routes={"sample_app.tasks.slow": {"queue": "slow"}},
    # A worker shows what it is doing, not only what it has done.
    task_track_started=True,
    task_send_sent_event=True,
    broker_connection_retry_on_startup=True,
    # The application's own schedule; `beat_schedule` in the inventory adds to it.
    beat_schedule={
        "heartbeat": {"task": "sample_app.tasks.heartbeat", "schedule": 30.0, "options": {"expires": 30}},
    },
)

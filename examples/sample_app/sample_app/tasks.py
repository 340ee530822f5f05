"""One task of each sort: quick, slow, failing and periodic."""

import time

from sample_app.celery import app


@app.task
def add(x, y):
    """The sum: something to see a result of."""
    return x + y


@app.task
def slow(seconds=20):
    """Work for a while, in the queue for long tasks."""
    time.sleep(seconds)
    return f"worked for {seconds} s"


@app.task
def failing(message="This task always fails."):
    """Fail: something to see in Flower and in the recorder."""
    raise ValueError(message)


@app.task(ignore_result=True)
def heartbeat():
    """Prove every half minute that beat, broker and a worker are alive."""
    return time.time()

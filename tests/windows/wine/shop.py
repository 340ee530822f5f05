"""The application of these tests: it leaves a file for everything that it did."""

import os
import time

from celery import Celery

DONE = r"C:\shop\done"
app = Celery("shop")


@app.task
def work(name, seconds=0):
    """Say when it begins and when it has ended."""
    leave(name + ".begun", str(os.getpid()))
    time.sleep(seconds)
    leave(name + ".ended", str(os.getpid()))


@app.task
def tell_secret(name):
    """What the environment file said."""
    leave(name, os.environ["SECRET"])


def leave(name, text):
    """A file that is there at once or not at all."""
    with open(os.path.join(DONE, name + ".new"), "w", encoding="utf-8") as stream:
        stream.write(text)
    os.replace(os.path.join(DONE, name + ".new"), os.path.join(DONE, name))

"""Tasks whose arguments only pickle can carry."""

import os
import time

from mysite.celery import app
from mysite.settings import TMP_DIR


class Job:
    """What to crop: an object, not something JSON could say."""

    def __init__(self, name, seconds):
        """One file after so many seconds."""
        self.name = name
        self.seconds = seconds


@app.task
def crop(job):
    """Work, then leave a file."""
    time.sleep(job.seconds)
    with open(os.path.join(TMP_DIR, job.name), "w") as file:
        file.write("done\n")


@app.task
def clean_up():
    """Remove the files."""
    for name in os.listdir(TMP_DIR):
        os.remove(os.path.join(TMP_DIR, name))

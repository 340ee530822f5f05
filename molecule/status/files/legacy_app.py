"""An application that nobody deployed with this collection; how it talks is said by its environment."""

import json
import os
import time

from celery import Celery

app = Celery("legacy_app", broker="amqp://legacy:legacy@127.0.0.1/legacy")
app.conf.update(json.loads(os.environ.get("SETTINGS", "{}")))


@app.task
def nap(seconds, filler=""):
    """Sleep, however much one has to carry."""
    time.sleep(seconds)

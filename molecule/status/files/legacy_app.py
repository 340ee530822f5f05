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


def crowd(count):
    """So many workers, as far as questions and answers go, each with a mailbox of its own; the tasks of real ones."""
    registered = sorted(name for name in app.tasks if not name.startswith("celery."))
    answers = {
        "active": [],
        "active_queues": [{"name": "celery"}],
        "registered": registered,
        "report": {"ok": "software -> celery:5.2.7 (crowd)"},
        "reserved": [],
        "scheduled": [],
        "stats": {"pid": os.getpid(), "pool": {"max-concurrency": 1, "writes": {}}, "total": {}},
    }
    handlers = {name: lambda state, answer=answer: answer for name, answer in answers.items()}
    with app.connection() as connection:
        channel = connection.channel()
        for number in range(count):
            node = app.control.mailbox.Node(f"crowd-{number:03d}@dev", channel=channel, handlers=handlers)
            node.listen(callback=node.handle_message)
        print("all ready.", flush=True)
        while True:
            connection.drain_events()

"""Forks as many Celery workers as asked for, after one import: celery_workers.py COUNT RECORDER'S-DIRECTORY."""

import os
import sys
import time

from celery import Celery

app = Celery("bench", broker="amqp://bench:bench@127.0.0.1/bench")
app.conf.update(worker_hijack_root_logger=False)


@app.task
def nap(seconds):
    """Sleep."""
    time.sleep(seconds)


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        if os.fork() == 0:
            quiet = ["--without-mingle", "--without-gossip", "-l", "ERROR"]
            os.environ.update(TASKSTACK_RECORDER_DIRECTORY=sys.argv[2], TASKSTACK_RECORDER_NODE=f"w{number}@bench")
            loaded = ["-I", "taskstack_recorder.recorder"]
            app.worker_main(["worker", "-P", "solo", "-n", f"w{number}@bench", *loaded, *quiet])
            sys.exit(0)
    while True:
        time.sleep(60)

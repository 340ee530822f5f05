# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application for every Python and Celery; a folder is its broker, so that none has to run.

python versionsapp.py TASK NAME     with the application's Python: queue one task
"""

import os
import sys
import time

from celery import Celery

FOLDER = os.environ["VERSIONS_BROKER"]
app = Celery("versionsapp", broker="filesystem://")
app.conf.update(
    broker_transport_options={"data_folder_in": FOLDER, "data_folder_out": FOLDER, "control_folder": FOLDER},
    # Folders know no broadcast.
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
)


@app.task
def good(name):
    """Do nothing, well."""


@app.task
def bad(name):
    """Fail."""
    raise ValueError("on purpose")


@app.task(bind=True, max_retries=3)
def second(self, name):
    """Fail once, and then take long."""
    if not self.request.retries:
        raise self.retry(countdown=0)
    time.sleep(600)


@app.task
def lasting(name):
    """Take two seconds."""
    time.sleep(2)


if __name__ == "__main__":
    app.send_task("versionsapp." + sys.argv[1], (sys.argv[2],))

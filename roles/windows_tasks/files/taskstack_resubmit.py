# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends again what was lost with a worker of this Windows host, where Ansible's modules cannot run.

``celery_task.py DESCRIPTION.json resubmit [--check]`` runs it with the application's own Python; its last line is JSON.
For Python 2.7 and later.
"""

from __future__ import absolute_import, unicode_literals

import json
import os
import time
import uuid

from taskstack_publisher import run
from taskstack_records import FAILED, LOST, OPEN, Records, read


def lost(records):
    """Folder, file and head of the messages whose worker is gone, or whose next attempt is missing; oldest first."""
    files = [(folder, name) for folder in (OPEN, FAILED) for name in os.listdir(records.path(folder))]
    found = []
    for folder, name in files:
        if folder == FAILED and not name.endswith(LOST):
            continue
        if name.endswith(".slot") and records.held(name):
            continue
        try:
            found.append((folder, name, read(records.path(folder, name))[0]))
        except (ValueError, KeyError, EnvironmentError):
            # Empty, damaged, or done by somebody else in this moment.
            continue
    ends = records.ends([item[2]["run"] for item in found])
    found = [item for item in found if ends.get(item[2]["run"], "UNSENT") == "UNSENT"]
    return sorted(found, key=lambda item: item[2]["time"])


def resubmit(description, check):
    """What was found, what was sent or would be, and why the rest was not."""
    records = Records(description["recorder"]["directory"], "resubmit")
    records.prepare()
    if not check:
        records.adopt()
    batch = "%011x-%s" % (int(time.time() * 1000), uuid.uuid4().hex[:8])
    job = {"app": description["app"], "directory": records.directory, "nodes": description["nodes"], "batch": batch}
    job.update(count=[], send=[], force=False, recover=not check)
    answers = {}
    # Workers are asked before the files are read and, by the publisher itself, right before it sends.
    run(job, answers.__setitem__)
    found = lost(records)
    if not check and found and not answers["silent"]:
        job.update(recover=False, send=[(folder, name, head["id"]) for folder, name, head in found])
        run(job, answers.__setitem__)
    result = {"silent": sorted(answers["silent"]), "found": [], "resubmitted": [], "skipped": []}
    for _folder, name, head in found:
        about = {"id": head["id"], "name": head["task"], "queue": head["routing_key"], "worker": head["node"]}
        wanted = "held" if head["id"] in answers["held"] else "published"
        outcome = wanted if check else answers.get(name, "nothing was sent")
        result["found"].append(about)
        if outcome == "published":
            result["resubmitted"].append(about)
        else:
            result["skipped"].append(dict(about, reason=outcome))
    return result


def main(description, check):
    """Print the result; a worker that does not answer forbids it, since nobody knows what it holds."""
    result = resubmit(description, check)
    print(json.dumps(result))
    if not result["silent"]:
        return 0
    return (
        "%s: connected, but no answer, so nobody knows which tasks are in hand there, and nothing was sent. "
        "A solo worker cannot answer during a task: wait for it and run this again."
    ) % ", ".join(result["silent"])

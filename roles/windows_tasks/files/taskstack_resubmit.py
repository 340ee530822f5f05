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

from celery_task import lock
from taskstack_recorder.lost import look
from taskstack_recorder.publisher import run
from taskstack_recorder.records import Records


def resubmit(description, check):
    """What was found, what was sent or would be, and why the rest was not."""
    records = Records(description["recorder"]["directory"], "resubmit")
    if not check:
        records.adopt(time.time())
    batch = "%011x-%s" % (int(time.time() * 1000), uuid.uuid4().hex[:8])
    job = {"app": description["app"], "directory": records.directory, "nodes": description["nodes"], "batch": batch}
    job.update(count=[], send=[], force=False, recover=not check)
    answers = {}
    # Workers are asked before the files are read and, by the publisher itself, right before it sends.
    run(job, answers.__setitem__)
    seen = look(records.directory)
    found = seen.lost()
    if not check and found and not answers["silent"]:
        copies = dict((record.run, []) for record in found)
        for copy in seen.gone:
            copies.setdefault(seen.copies.get(copy.run), []).append((copy.folder, copy.file))
        job.update(recover=False, send=[(each.folder, each.file, each.id, copies[each.run]) for each in found])
        run(job, answers.__setitem__)
    result = {"silent": sorted(answers["silent"]), "found": [], "resubmitted": [], "skipped": []}
    for record in found:
        about = {"id": record.id, "name": record.task, "queue": record.queue, "worker": record.node}
        wanted = "held" if record.id in answers["held"] else "published"
        outcome = wanted if check else answers.get(record.file, "nothing was sent")
        result["found"].append(about)
        if outcome == "published":
            result["resubmitted"].append(about)
        else:
            result["skipped"].append(dict(about, reason=outcome))
    return result


def main(description, check):
    """Print the result; a worker that does not answer forbids it, since nobody knows what it holds."""
    directory = description["recorder"]["directory"]
    Records(directory, "resubmit").prepare()
    # Until this process ends, however it ends: two at a time would take each other's batch for one left behind.
    if lock(os.path.join(directory, "resubmit.lock")) is None:
        return "Another resubmit of this stack is at work on this host. Run again after it."
    result = resubmit(description, check)
    print(json.dumps(result))
    if not result["silent"]:
        return 0
    return (
        "%s: connected, but no answer, so nobody knows which tasks are in hand there, and nothing was sent. "
        "A solo worker cannot answer during a task: wait for it and run this again."
    ) % ", ".join(result["silent"])

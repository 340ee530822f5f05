# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What beat writes about itself, so that `status` sees more than a process. For Python 2.7 or later."""

from __future__ import absolute_import, unicode_literals

import io
import json
import logging
import os
import time

logger = logging.getLogger(__name__)

FORMAT = 1
# Seconds between two signs of life, at most; between two looks at the whole schedule; between two writes, at least.
EVERY, LIST_EVERY, AT_LEAST = 20, 60, 1
ENTRIES, KEPT = 500, 3


class Heartbeat(object):
    """A small file that tells that beat works, what is scheduled, and what was sent last."""

    def __init__(self, path, base):
        """`base` is the name of the scheduler that does the work."""
        self._path = path
        self._told = {"format": FORMAT, "pid": os.getpid(), "started": time.time(), "scheduler": base}
        self._entries, self._listed, self._written, self._complained = {}, 0, 0, False

    def sent(self, entry, task_id):
        """An entry was sent just now."""
        about = self._about(entry)
        about["sent"].insert(0, [time.time(), task_id])
        del about["sent"][KEPT:]
        about["error"] = about["failed"] = None

    def failed(self, entry, error):
        """An entry could not be sent."""
        self._about(entry).update(error=type(error).__name__, failed=time.time())

    def ticked(self, scheduler, interval):
        """Write it, seldom enough; how long beat may sleep until it is to be written again."""
        now = time.time()
        if not isinstance(interval, (int, float)) or abs(now - self._written) < AT_LEAST:
            return min(interval, AT_LEAST) if isinstance(interval, (int, float)) else interval
        interval = min(interval, EVERY)
        try:
            if abs(now - self._listed) >= LIST_EVERY:
                self._list(scheduler.schedule)
                self._listed = now
            self._write(dict(self._told, ticked=now, next=now + max(interval, 0), entries=self._rows()))
        except Exception as exc:  # whatever happens to a sign of life, the tasks are to be sent
            if not self._complained:
                logger.warning("beat: the heartbeat cannot be written to %s: %r", self._path, exc)
            self._complained = True
        self._written = now
        return interval

    def _about(self, entry):
        new = {"name": entry.name, "sent": [], "error": None, "failed": None}
        about = self._entries.setdefault(entry.name, new)
        about.update(task=entry.task, schedule=str(entry.schedule))
        return about

    def _list(self, schedule):
        for found in schedule.values():
            self._about(found)
        self._entries = dict((name, about) for name, about in self._entries.items() if name in schedule)

    def _rows(self):
        return [self._entries[name] for name in sorted(self._entries)][:ENTRIES]

    def _write(self, told):
        draft = self._path + ".draft"
        text = json.dumps(told)
        with io.open(draft, "w", encoding="ascii") as file:
            file.write(text if isinstance(text, type("")) else text.decode("ascii"))
        if os.name == "nt" and os.path.exists(self._path):  # nothing is replaced there
            os.unlink(self._path)
        os.rename(draft, self._path)

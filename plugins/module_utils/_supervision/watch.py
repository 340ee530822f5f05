# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch that what was just started stays up."""

from __future__ import annotations

import re
import typing as t

from .._clock import Clock
from .._files.read import Log
from .plan import Health


class Watched:
    """A program that is about to be started: what it writes from now on counts."""

    def __init__(self, process: t.Mapping[str, t.Any]) -> None:
        """Call this before the start."""
        self.process = process
        self._log = Log(process["log"])
        self._pid = 0
        self._ready_at: float | None = None

    def ready(self, now: float) -> bool:
        """Whether it said that it is up, as long ago as it has to stay up after that."""
        if self._ready_at is None and self._says("ready"):
            self._ready_at = now
        return self._ready_at is not None and now - self._ready_at >= (self.process.get("steady_seconds") or 0)

    def failure(self, health: Health, time_is_up: bool) -> str:
        """Why it does not run as it should; empty when it does."""
        if not health.alive:
            return f"did not stay up ({health.detail or health.state})"
        if self._pid and health.pid and health.pid != self._pid:
            return f"did not stay up and was started again ({health.detail or 'it ended by itself'})"
        self._pid = health.pid or self._pid
        return "runs, but does not work" if time_is_up and self._says("broken") else ""

    def report(self, why: str) -> str:
        """What a person has to know."""
        name, log = self.process["name"], self.process["log"]
        end = self._log.end() or "(it wrote nothing)"
        return f"{name} {why}. Fix what the end of its log says, then run this again. {log} ends with:\n{end}"

    def _says(self, key: str) -> bool:
        pattern = self.process.get(key)
        return bool(pattern and re.search(pattern, self._log.since()))


HealthOf = t.Callable[[t.Collection[str]], "dict[str, Health]"]


def watch(started: t.Iterable[Watched], health: HealthOf, seconds: float, clock: Clock) -> list[str]:
    """Watch all at once until each is ready or the time is up; one report per program that failed."""
    pending = {watched.process["name"]: watched for watched in started}
    failures = []
    deadline = clock.monotonic() + seconds
    while pending:
        now, moment = health(pending.keys()), clock.monotonic()
        # Asked before the failure: who is ready and dies in the same moment has died.
        ready = {name for name, watched in pending.items() if watched.ready(moment)}
        time_is_up = moment >= deadline
        for name, watched in list(pending.items()):
            why = watched.failure(now.get(name, Health()), time_is_up and name not in ready)
            if why:
                failures.append(watched.report(why))
            if why or name in ready or time_is_up:
                del pending[name]
        if pending:
            clock.sleep(0.25)
    return failures

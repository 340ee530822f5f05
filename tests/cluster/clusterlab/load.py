"""Tasks that are published and confirmed all the time, and which of them ran."""

from __future__ import annotations

import collections
import subprocess
import time
import typing as t
from dataclasses import dataclass

from clusterlab.hosts import WORKERS, on, until

LOG = "/srv/count/ran"


@dataclass(frozen=True)
class Tally:
    """What became of the tasks of one event."""

    confirmed: int
    never: int
    doubles: int

    def __str__(self) -> str:
        """In one line."""
        return f"{self.confirmed} confirmed, {self.never} never ran, {self.doubles} ran twice or more"


class Load:
    """One publisher, from the first to the last event."""

    def __init__(self, per_second: int = 10) -> None:
        """Begin, and wait for the first confirmation."""
        on(WORKERS[0], "rm", "-f", f"{LOG}.stop")
        prefix = f"run{int(time.time())}"
        program = ["celery-count", "--run", "python", "-m", "countapp", "publish", prefix, str(per_second)]
        subprocess.run(["docker", "exec", "--detach", WORKERS[0], *program], check=True)
        until("the publisher publishes", lambda: any(name.startswith(prefix) for name in self.confirmed()), 60)

    def confirmed(self) -> list[str]:
        """What the broker has confirmed."""
        return on(WORKERS[0], "sh", "-c", f"cat {LOG}.confirmed 2>/dev/null || true").split()

    def during(self, event: t.Callable[[], t.Any]) -> Tally:
        """Let it happen; publishing goes on after it, and everything that was confirmed until then has run."""
        began = len(self.confirmed())
        event()
        after = len(self.confirmed())
        enough = max(after + 10, began + 30)
        until("tasks are published again", lambda: len(self.confirmed()) > enough)
        known, ran = self.confirmed(), collections.Counter[str]()

        def missing() -> int:
            ran.clear()
            for host in WORKERS:
                ran.update(on(host, "sh", "-c", f"cat {LOG} 2>/dev/null || true").split())
            return sum(name not in ran for name in known)

        end = time.monotonic() + 120
        while (never := missing()) and time.monotonic() < end:
            time.sleep(1)
        return Tally(len(known) - began, never, sum(ran[name] > 1 for name in known[began:]))

    def stop(self) -> None:
        """No more tasks."""
        on(WORKERS[0], "touch", f"{LOG}.stop")


class Watch:
    """How many consumers some queues have, asked many times a second."""

    def __init__(self, *queues: str) -> None:
        """Begin."""
        self._file, self._queues = f"{LOG}.consumers", queues
        on(WORKERS[0], "rm", "-f", self._file, f"{self._file}.stop")
        program = ["celery-count", "--run", "python", "-m", "countapp", "watch", self._file, *queues]
        subprocess.run(["docker", "exec", "--detach", WORKERS[0], *program], check=True)
        until("the first look", lambda: self._looks(), 60)

    def least(self) -> dict[str, int]:
        """End; the smallest number that each queue ever had."""
        on(WORKERS[0], "touch", f"{self._file}.stop")
        looks = self._looks()
        assert len(looks) > 20, looks
        # A broker too busy to count says 0, once; a worker that restarts is away for a second and more.
        pairs = list(zip(looks, looks[1:]))
        return {
            queue: min(max(int(one[number]), int(two[number])) for one, two in pairs)
            for number, queue in enumerate(self._queues)
        }

    def _looks(self) -> list[list[str]]:
        lines = on(WORKERS[0], "sh", "-c", f"cat {self._file} 2>/dev/null || true").splitlines()
        return [line.split() for line in lines]

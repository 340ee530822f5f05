# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a plan with a supervisor: stop warm, start, restart one after another, and watch."""

from __future__ import annotations

import typing as t

from .._clock import Clock
from .._errors import TaskstackError
from . import plan as sv
from .watch import Watched, watch

# What a supervisor may take beyond stop_timeout, to kill and to notice.
GRACE = 30


class Supervisor(t.Protocol):
    """What supervisord and systemd have in common; a file is written only while its program is stopped."""

    comment: str
    #: Whether it starts programs in their group, and not in those that their account has.
    gives_group: bool

    def path(self, name: str) -> str:
        """The file of a program."""

    def found(self, owners: t.Collection[sv.Owner], wanted: t.Collection[str]) -> tuple[dict[str, sv.Found], list[str]]:
        """The owners' programs, and the wanted names that belong to somebody else."""

    def health(self, names: t.Collection[str]) -> dict[str, sv.Health]:
        """How the programs do."""

    def render(self, process: dict[str, t.Any], head: str) -> str:
        """The program's file."""

    def write(self, texts: t.Mapping[str, str], at_boot: t.Collection[str]) -> None:
        """Write the files of programs, and which of them start at boot."""

    def start(self, names: t.Collection[str]) -> None:
        """Start programs that are stopped, by what their files say."""

    def stop(self, names: t.Collection[str]) -> None:
        """Ask programs to stop, without waiting."""

    def settle(self, names: t.Collection[str]) -> None:
        """Called last: what the files of these programs say is in force, though they were not started."""

    def remove(self, names: t.Collection[str]) -> None:
        """Forget programs that are stopped."""

    def empty(self) -> bool:
        """Whether no file here is of this module's making."""


class Keeper:
    """Carries out one plan."""

    def __init__(
        self,
        supervisor: Supervisor,
        processes: t.Iterable[dict[str, t.Any]],
        texts: dict[str, str],
        clock: Clock,
        other: Supervisor,
    ) -> None:
        """Nothing happens before `carry_out`."""
        self._supervisor, self._texts, self._clock, self._other = supervisor, texts, clock, other
        self._processes = {process["name"]: process for process in processes}
        self._elsewhere: dict[str, sv.Step] = {}

    def carry_out(self, steps: list[sv.Step], watch_seconds: float, elsewhere: t.Sequence[sv.Step] = ()) -> list[str]:
        """Do all steps; one report per program that does not run as it should.

        ``elsewhere`` is what the other supervisor gives up: each program just before it starts here, all else at once.
        """
        by_verb = {verb: [step for step in steps if step.verb == verb] for verb in sv.VERBS}
        starting = set(_names(by_verb["start"]))
        self._elsewhere = {step.name: step for step in elsewhere if step.name in starting}
        self._give_up([step for step in elsewhere if step.name not in starting])
        leaving = by_verb["remove"] + by_verb["stop"]
        self._stop(leaving)
        self._write(by_verb["update"])
        watched = self._start([step for step in by_verb["start"] if step.name not in self._elsewhere])
        restarts = [step for step in by_verb["start"] if step.name in self._elsewhere] + by_verb["restart"]
        failures: list[str] = []
        while restarts and not failures:
            # Wait until this one works before touching the next: the others keep consuming, and a broken shared file
            # stops the rollout at the first program.
            failures = self._watch(self._start([restarts.pop(0)]), watch_seconds)
        self._await_end(leaving)
        self._supervisor.remove(_names(by_verb["remove"]))
        self._write(by_verb["stop"])
        self._supervisor.settle(_names(by_verb["update"] + by_verb["stop"]))
        failures += self._watch(watched, watch_seconds)
        if restarts:
            failures.append(f"Not restarted, so that they go on working: {', '.join(_names(restarts))}.")
        return failures

    def _start(self, steps: list[sv.Step]) -> list[Watched]:
        if not steps:
            return []
        names = _names(steps)
        self._give_up([self._elsewhere[name] for name in names if name in self._elsewhere])
        self._stop(steps)
        self._await_end(steps)
        watched = [Watched(self._processes[name]) for name in names]
        self._write(steps)
        self._supervisor.start(names)
        return watched

    def _give_up(self, steps: list[sv.Step]) -> None:
        if steps:
            self._stop(steps, self._other)
            self._await_end(steps, self._other)
            self._other.remove(_names(steps))

    def _stop(self, steps: list[sv.Step], supervisor: Supervisor | None = None) -> None:
        supervisor = supervisor or self._supervisor
        health = supervisor.health(_names(steps)) if steps else {}
        supervisor.stop([name for name, how in health.items() if how.state not in (sv.STOPPED, sv.ABSENT)])

    def _write(self, steps: list[sv.Step]) -> None:
        texts = {name: self._texts[name] for name in _names(steps)}
        self._supervisor.write(texts, [name for name in texts if self._processes[name]["state"] == "started"])

    def _watch(self, watched: list[Watched], seconds: float) -> list[str]:
        return watch(watched, self._supervisor.health, seconds, self._clock)

    def _await_end(self, steps: list[sv.Step], supervisor: Supervisor | None = None) -> None:
        deadline = self._clock.monotonic() + max((step.patience for step in steps), default=0) + GRACE
        pause = 0.05
        while steps:
            health = (supervisor or self._supervisor).health(_names(steps))
            alive = [name for name, how in health.items() if how.alive]
            if not alive:
                return
            if self._clock.monotonic() > deadline:
                raise TaskstackError(f"Told to stop and still running: {', '.join(alive)}. Look at them on the host.")
            self._clock.sleep(pause)
            pause = min(2 * pause, 1.0)


def _names(steps: t.Iterable[sv.Step]) -> list[str]:
    return [step.name for step in steps]

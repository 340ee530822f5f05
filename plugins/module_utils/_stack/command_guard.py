# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides whether an application's own command, which queues unprocessed work, may run. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._errors import TaskstackError

BUSY = "what the command would queue may still wait or run"
#: How lines of a check begin; all others are ignored, because applications print to standard output.
WOULD, REFUSE = "would: ", "refuse: "


@dataclass(frozen=True)
class Check:
    """What a check command printed: what the command would touch, and why it should not run."""

    would: tuple[str, ...] = ()
    refuse: tuple[str, ...] = ()


def known(workers: t.Iterable[t.Mapping[str, t.Any]], named: t.Iterable[str]) -> list[str]:
    """The queues that the inventory or the operator names; the publisher adds what live workers consume."""
    return sorted({*named, *(queue for worker in workers for queue in worker["queues"])})


def unheard(workers: t.Iterable[t.Mapping[str, t.Any]], consumed: t.Mapping[str, t.Sequence[str]]) -> list[str]:
    """The workers whose queues nobody knows: those that do not answer, and guesses that no answer confirms.

    A description of an earlier version does not tell which queues are a guess: then all are.
    """
    return sorted(worker["node"] for worker in workers if not _tells(worker, consumed.get(worker["node"])))


def _tells(worker: t.Mapping[str, t.Any], answer: t.Sequence[str] | None) -> bool:
    if answer is None:
        # One that is stopped on purpose takes nothing until it starts with the queues that the inventory names.
        return worker.get("state") == "stopped" and not worker.get("queues_assumed", True)
    return bool(answer) or not worker.get("queues_assumed", True)


def in_the_way(answers: t.Mapping[str, t.Any], tasks: t.Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Queues with waiting messages, and tasks in hand, that forbid a command which would queue ``tasks`` again."""
    counts: dict[str, int | None] = answers.get("waiting", {})
    uncounted = sorted(queue for queue, count in counts.items() if count is None)
    if uncounted:
        raise TaskstackError(
            f"Cannot count the messages in {', '.join(uncounted)}: the broker refused. The command was not run. "
            "Let the application's login read these queues (taskstack_broker_user), then run this again."
        )
    if not counts:
        raise TaskstackError(
            "No queue of this stack is known, so nobody knows whether its work waits already. The command was not run. "
            "Give the queues, or name them in worker_nodes and run site.yml."
        )
    waiting = {queue: count for queue, count in counts.items() if count}
    names = [str(name) for name in answers["held"].values() if not tasks or name is None or name in tasks]
    return waiting, {name: names.count(name) for name in names}


def checked(output: str) -> Check:
    """Read what a check command printed. One that says nothing has not checked anything."""
    lines = [line.strip() for line in output.splitlines()]
    would = tuple(line[len(WOULD) :].strip() for line in lines if line.startswith(WOULD))
    refuse = tuple(line[len(REFUSE) :].strip() for line in lines if line.startswith(REFUSE))
    if not would and not refuse:
        raise TaskstackError(
            f"command_check printed no line that begins with {WOULD.strip()!r} or {REFUSE.strip()!r}, so nobody knows "
            "what the command would touch. It was not run."
        )
    return Check(would, refuse)


def reasons(waiting: t.Mapping[str, int], running: t.Mapping[str, int], check: Check, confirmed: bool) -> list[str]:
    """Why the command must not run; nothing when it may."""
    found = [BUSY] if waiting or running else []
    if check.refuse and not confirmed:
        found.append(f"{'; '.join(check.refuse)}. Set command_confirmed to run it all the same")
    return found


def message(command: t.Sequence[str], refused: t.Sequence[str], report: t.Mapping[str, t.Any], check_mode: bool) -> str:
    """One line: what happens to the command, what it touches and what is in its way."""
    runs = ("would not run" if check_mode else "was not run") if refused else ("would run" if check_mode else "ran")
    lines = [*report["would"], *report["refuse"]]
    lines += [f"waiting in {queue}: {count}" for queue, count in report["waiting"].items()]
    lines += [f"{name} in hand: {count}" for name, count in report["running"].items()]
    return f"the command {runs}: {' '.join(command)}" + (f" ({'; '.join(lines)})" if lines else "")

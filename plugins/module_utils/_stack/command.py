# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs an application's own command that queues unprocessed work, when nothing of it waits or runs."""

from __future__ import annotations

import typing as t

from .._errors import TaskstackError
from . import command_guard

#: Asks the publisher: the queues to count, with those that the live workers consume.
Ask = t.Callable[[list[str]], dict[str, t.Any]]


def run(params: dict[str, t.Any], host: t.Any, ask: Ask, check_mode: bool) -> dict[str, t.Any]:
    """Check the command and run it; what the module returns, without the parts about records."""
    waiting, running = command_guard.in_the_way(_counted(params["queues"], host, ask), params["command_tasks"])
    check = command_guard.Check()
    if params["command_check"]:
        check = command_guard.checked(_run(host, params["command_check"]))
    refused = command_guard.reasons(waiting, running, check, params["command_confirmed"])
    report: dict[str, t.Any] = {"waiting": waiting, "running": running}
    report.update(would=list(check.would), refuse=list(check.refuse))
    report["message"] = command_guard.message(params["command"], refused, report, check_mode)
    if refused:
        return {"changed": False, "command": report, "skipped": [{"reason": "; ".join(refused), **report}]}
    if not check_mode:
        _run(host, params["command"])
        report["rc"] = 0
    return {"changed": True, "command": report}


def _counted(named: list[str], host: t.Any, ask: Ask) -> dict[str, t.Any]:
    """What waits and what runs; all queues of the virtual host are asked where nobody knows which are the stack's."""
    workers = host.about["workers"]
    queues = command_guard.known(workers, named)
    if not queues:
        return ask(_all(host, []))
    answers = ask(queues)
    # A publisher of an earlier version does not tell what the workers consume: then nobody is heard.
    unheard = command_guard.unheard(workers, answers.get("consumed", {}))
    return ask(sorted({*answers["waiting"], *_all(host, unheard)})) if unheard else answers


def _all(host: t.Any, unheard: list[str]) -> list[str]:
    """All queues of tasks in the stack's virtual host, for workers that do not tell which are theirs."""
    try:
        names: list[str] = host.task_queues()
    except TaskstackError as exc:
        raise TaskstackError(
            f"Nobody knows which queues {', '.join(unheard) or 'the workers'} consume, and the broker cannot be asked "
            f"for all of them ({exc}) The command was not run. Start the workers, then run this again."
        ) from exc
    return names


def _run(host: t.Any, argv: list[str]) -> str:
    done = host.run(argv)
    if done.returncode:
        end = "\n".join(done.stderr.splitlines()[-10:])
        raise TaskstackError(f"{argv[0]} ended with status {done.returncode}. Its last lines: {end}")
    return str(done.stdout)

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks to revoke, and what the workers' answers to that mean. Pure."""

from __future__ import annotations

import fnmatch
import typing as t
from dataclasses import dataclass

from .._errors import TaskstackError
from .._tasks import LIVE
from . import worker as control_worker
from .replies import Inspection

METHODS = ("stats", *LIVE, "active_queues", "revoked")
# Their tasks run inside the worker itself; nothing can be killed without killing the worker.
CANNOT_TERMINATE = ("threads", "solo")


@dataclass(frozen=True)
class Wish:
    """What was asked for: ids, or tasks in the hands of workers that match all the rest."""

    ids: list[str] | None = None
    tasks: list[str] | None = None
    queues: list[str] | None = None
    states: list[str] | None = None
    older_than: float | None = None
    terminate: bool = False
    unseen: str = "refuse"

    def matches(self, task: t.Mapping[str, t.Any]) -> bool:
        """Whether a task in a worker's hands is meant."""
        if self.ids is not None:
            return task["id"] in self.ids
        return (
            (not self.tasks or any(fnmatch.fnmatchcase(task["name"] or "", pattern) for pattern in self.tasks))
            and (not self.queues or task["queue"] in self.queues)
            and (not self.states or task["state"] in self.states)
            and (self.older_than is None or (task["runtime"] or 0) > self.older_than)
        )


def plan(wish: Wish, seen: Inspection, now: float) -> list[dict[str, t.Any]]:
    """The tasks with the ``action`` for each: revoke, terminate, or none where it is done already."""
    if not seen.known:
        raise TaskstackError("No worker is connected to the broker, so nobody can be told. Start the workers first.")
    told = seen.answers()
    workers = {node: control_worker.read(node, answers, now) for node, answers in told.items()}
    revoked = [set(answers["revoked"]) for answers in told.values() if isinstance(answers.get("revoked"), list)]
    everywhere = set.intersection(*revoked) if revoked else set()
    held = {task["id"]: task for row in workers.values() for state in LIVE for task in row[state] or []}
    chosen = [task for task in held.values() if wish.matches(task)]
    unseen = [task_id for task_id in dict.fromkeys(wish.ids or []) if task_id not in held]
    hidden = seen.unread(*LIVE)
    unheld = [
        task_id
        for task_id in unseen
        if task_id not in everywhere and not any(task_id.encode() in answer for answer in hidden)
    ]
    if unheld and wish.unseen == "refuse":
        raise TaskstackError(_unheld(unheld, seen.silent()))
    if wish.terminate:
        _refuse_pools(chosen, workers)
    for task in chosen:
        task["action"] = "terminate" if wish.terminate and task["state"] == "active" else "revoke"
        if task["action"] == "revoke" and task["id"] in everywhere:
            task["action"] = "none"
    blank = dict.fromkeys(("name", "worker", "queue", "started", "runtime", "eta"))
    rest = [
        {**blank, "id": task_id, "state": "unseen", "action": "none" if task_id in everywhere else "revoke"}
        for task_id in unseen
    ]
    return sorted(chosen, key=lambda task: str(task["id"])) + rest


def _unheld(ids: list[str], silent: list[str]) -> str:
    quiet = f" {', '.join(silent)} did not answer and may hold them." if silent else ""
    return (
        f"No worker holds {', '.join(ids)}, so nothing was revoked.{quiet} If they still wait in a queue, say "
        "unseen: remember, and every worker discards them on arrival; otherwise mind the spelling."
    )


def _refuse_pools(chosen: t.Iterable[t.Mapping[str, t.Any]], workers: t.Mapping[str, t.Mapping[str, t.Any]]) -> None:
    pools = {task["id"]: workers[task["worker"]]["pool"] for task in chosen if task["state"] == "active"}
    stuck = [task for task in chosen if pools.get(task["id"]) in CANNOT_TERMINATE]
    if stuck:
        named = (f"{task['id']} on {task['worker']} (pool {pools[task['id']]})" for task in stuck)
        raise TaskstackError(
            f"Cannot terminate {', '.join(named)}: only a pool of processes can kill a running task. "
            "Nothing was revoked. Leave terminate out to keep tasks that wait from running, or restart the worker."
        )


def outcome(
    tasks: list[dict[str, t.Any]], answered: Inspection | None, revoked: t.Iterable[str] = ()
) -> tuple[dict[str, t.Any], list[str]]:
    """The result, and in sentences what did not work. Without answers, what would be done."""
    acted = [task for task in tasks if task["action"] != "none"]
    before = "".join(f"{task['id']} {task['state']}\n" for task in acted)
    after = "".join(f"{task['id']} {'terminated' if task['action'] == 'terminate' else 'revoked'}\n" for task in acted)
    result = {"changed": bool(acted), "tasks": tasks, "answers": {}, "diff": {"before": before, "after": after}}
    if answered is None or not acted:
        return result, []
    answers = {worker: _words(said.get("revoke")) for worker, said in answered.answers().items()}
    answers.update(dict.fromkeys(answered.silent(), "no answer"))
    wrong = [f"Worker {worker} refused: {words}." for worker, (good, words) in _judged(answered) if not good]
    if answered.silent():
        wrong.append(
            f"{', '.join(answered.silent())} did not answer. The order waits there for five minutes; "
            "a worker that resumes later, or starts anew, does not know of it: revoke again then."
        )
    return {**result, "answers": answers}, wrong


def _judged(answered: Inspection) -> t.Iterator[tuple[str, tuple[bool, str]]]:
    for worker, said in sorted(answered.answers().items()):
        answer = said.get("revoke")
        yield worker, (not (isinstance(answer, dict) and "error" in answer), _words(answer))
    for unread in answered.unread("revoke"):
        yield "(unknown)", (b"error" not in unread, "its answer is not decoded, and speaks of an error")


def _words(answer: t.Any) -> str:
    if isinstance(answer, dict):
        said = str(answer.get("ok", answer.get("error", answer)))
        # Each worker hears the order, and most hold none of the tasks.
        return "held none of these tasks" if said.endswith("tasks unknown") else said
    return "answered, not decoded" if answer is None else str(answer)

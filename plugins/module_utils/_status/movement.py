# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anything moves on queues where tasks wait: two looks, compared. Pure."""

from __future__ import annotations

import typing as t

from .._broker.queues import Queue

#: Answers of the workers by node and method.
Answers = t.Mapping[str, t.Mapping[str, t.Any]]
#: What the second look asks the workers.
METHODS = ("active", "stats")
#: A worker that has started so few seconds ago may still be loading the application.
WARM = 30


def suspects(queues: t.Iterable[Queue], answers: Answers) -> list[str]:
    """The queues on which tasks wait while every worker that consumes them says that it runs nothing."""
    found = []
    for queue in queues:
        consumers = consumers_of(queue.name, answers)
        if queue.waiting and consumers and all(_idle(answers[node]) for node in consumers):
            found.append(queue.name)
    return found


def consumers_of(queue: str, answers: Answers) -> list[str]:
    """The workers that say that they consume a queue."""
    return [node for node, said in answers.items() if queue in _queue_names(said.get("active_queues"))]


def compare(
    names: t.Iterable[str], before: t.Iterable[Queue], after: t.Iterable[Queue], said: Answers, later: Answers
) -> dict[str, bool]:
    """By queue: whether it shrank, anything was delivered or acknowledged, or one of its workers began a task."""
    then, now = ({queue.name: queue for queue in queues} for queues in (before, after))
    found = {}
    for name in names:
        if name in now and name in then:
            first, second = then[name], now[name]
            touched = (first.unacknowledged, first.delivered) != (second.unacknowledged, second.delivered)
            workers = any(_moved(said[node], later.get(node, {})) for node in consumers_of(name, said))
            found[name] = second.waiting < first.waiting or touched or workers
    return found


def _idle(said: t.Mapping[str, t.Any]) -> bool:
    return said.get("active") == []


def _moved(said: t.Mapping[str, t.Any], later: t.Mapping[str, t.Any]) -> bool:
    """A worker that did not answer the second time has proved nothing."""
    uptime = _stats(said).get("uptime")
    young = isinstance(uptime, int) and uptime < WARM
    return young or bool(later.get("active")) or ("stats" in later and _done(said) != _done(later))


def _done(said: t.Mapping[str, t.Any]) -> t.Any:
    return _stats(said).get("total")


def _stats(said: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    stats = said.get("stats")
    return stats if isinstance(stats, dict) else {}


def _queue_names(answer: t.Any) -> set[str]:
    rows = answer if isinstance(answer, list) else []
    return {str(row.get("name")) for row in rows if isinstance(row, dict)}

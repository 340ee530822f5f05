# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong, in sentences that say what to do. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._facts import Facts

AREAS = ("broker", "workers", "queues", "tasks", "flower", "beat", "versions")
Report = t.Mapping[str, t.Any]


def find(facts: Facts, report: Report) -> list[dict[str, str]]:
    """All problems with their area, the most fundamental first."""
    finders = (_broker, _workers, _queues, _tasks, _flower, _beat, _versions)
    return [
        {"area": area, "problem": problem}
        for area, finder in zip(AREAS, finders)
        for problem in dict.fromkeys(finder(facts, report))
    ]


def _broker(facts: Facts, report: Report) -> t.Iterator[str]:
    # A host that was told no address of the broker is not expected to see it.
    if facts.broker.get("detail"):
        yield facts.broker["detail"]
    for alarm in facts.broker.get("alarms") or []:
        yield f"Broker alarm: {alarm}. It accepts no messages until that is over: free the memory or the disk."


def _workers(facts: Facts, report: Report) -> t.Iterator[str]:
    if report["celery"]["state"] == "down":
        yield "Celery is down: the broker runs and no worker is connected to it. No task is being worked on."
    running = {task["worker"] for task in facts.tasks if task["state"] == "running"}
    for worker in report["workers"]:
        node = worker["node"]
        if worker["state"] == "missing":
            yield f"Worker {node} is in the inventory but not connected to the broker. {_start(facts, node)}"
        elif worker["state"] == "silent" and worker["pool"] == "solo" and node in running:
            continue  # a solo worker cannot answer during a task, and the recorder saw it begin one
        elif worker["state"] == "silent":
            yield (
                f"Worker {node} is connected but has not answered within {facts.deadline:g} s. It is frozen, or a solo "
                "worker in the middle of a task, which cannot answer; its tasks are unknown until it does."
            )
        elif worker["registered"] is not None and worker["readable"]:
            lacking = sorted(set(facts.expected_tasks) - set(worker["registered"]))
            if lacking:
                yield (
                    f"Worker {node} does not know {', '.join(lacking)} and throws such tasks away. An import failed "
                    "when it started, or it runs old code: see its log, then restart it."
                )
    yield from _unread_registrations(facts)


def _unread_registrations(facts: Facts) -> t.Iterator[str]:
    unread = facts.inspection.unread("registered") if facts.inspection else []
    lacking = [name for name in facts.expected_tasks if not all(name.encode() in answer for answer in unread)]
    if lacking:
        yield (
            f"At least one worker does not know {', '.join(lacking)} and throws such tasks away. Which one cannot be "
            "told, since it answers in a serializer that is not decoded: see the workers' logs for a failed import."
        )


def _start(facts: Facts, node: str) -> str:
    program, host = f"{facts.name}-{node.partition('@')[0]}", node.partition("@")[2]
    start = {"supervisord": f"supervisorctl start {program}", "systemd": f"systemctl start {program}"}
    command = start.get(facts.supervisor or "")
    return f"On {host}: {command}" if command and facts.name else f"Start it on {host}."


def _queues(facts: Facts, report: Report) -> t.Iterator[str]:
    connected = [worker for worker in report["workers"] if worker["state"] != "missing"]
    idle = bool(connected) and all(worker["active"] == [] for worker in connected)
    for queue in facts.queues or []:
        if queue.waiting and queue.consumers == 0:
            yield (
                f"{queue.waiting} task(s) wait in queue {queue.name} and no worker consumes it. "
                f"Give a worker this queue, or purge it."
            )
        elif queue.waiting and queue.growth > 0 and queue.delivery == 0 and idle:
            yield (
                f"Queue {queue.name} grows although it has {queue.consumers} consumer(s), and no worker is at work. "
                "The workers are stuck: restart them."
            )
        if queue.state not in ("running", "idle", "flow"):
            yield f"Queue {queue.name} is {queue.state} on the broker: look at the cluster's nodes."


def _tasks(facts: Facts, report: Report) -> t.Iterator[str]:
    yield from facts.recorder


def _flower(facts: Facts, report: Report) -> t.Iterator[str]:
    if facts.flower["state"] in ("down", "denied"):
        yield facts.flower["detail"]


def _beat(facts: Facts, report: Report) -> t.Iterator[str]:
    if facts.beat.get("problem"):
        yield facts.beat["problem"]


def _versions(facts: Facts, report: Report) -> t.Iterator[str]:
    celery = {worker["node"]: _numbers(worker["celery"]) for worker in report["workers"] if worker["celery"]}
    majors = {version[0] for version in celery.values()}
    if len(majors) > 1:
        listed = ", ".join(f"{node} {'.'.join(map(str, version))}" for node, version in sorted(celery.items()))
        yield f"Workers run different major versions of Celery ({listed}). Bring them to one."
    old = [node for node, version in celery.items() if version < (5, 5)]
    if old and any(queue.kind == "quorum" for queue in facts.queues or []):
        yield f"Celery before 5.5 cannot consume quorum queues: update {', '.join(sorted(old))}, or use classic queues."
    dated = [node for node, version in celery.items() if version < (5, 6)]
    if dated and _numbers(facts.broker.get("version")) >= (4, 3):
        yield (
            f"RabbitMQ {facts.broker['version']} denies the shared transient queues of Celery before 5.6: update "
            f"{', '.join(sorted(dated))}, or permit transient_nonexcl_queues in rabbitmq.conf."
        )


def _numbers(version: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version or "")[:3])

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of Celery and RabbitMQ that do not go together, as problems. Pure."""

from __future__ import annotations

import re
import typing as t

Report = t.Mapping[str, t.Any]
Found = t.Iterator[dict[str, t.Any]]
#: RabbitMQ took a delayed message that comes again for one that goes in circles: celery#9867.
LOSES_RETRIES = (5, 5), (5, 6, 3)


def versions(report: Report) -> Found:
    """What is told of the versions of workers, broker and queues."""
    workers = {worker["node"]: numbers(worker["celery"]) for worker in report["workers"] if worker.get("celery")}
    if len({version[0] for version in workers.values()}) > 1:
        listed = {node: ".".join(map(str, version)) for node, version in sorted(workers.items())}
        yield {"kind": "celery_versions_differ", "subject": None, "versions": listed}
    quorum = {queue["name"] for queue in report["queues"] if queue["type"] == "quorum"}
    four = numbers(report["broker"].get("version")) >= (4,)
    able = {worker["node"] for worker in report["workers"] if four and worker.get("renews_consumers")}
    old = sorted(node for node, version in workers.items() if version < (5, 5) and node not in able)
    if old and quorum:
        yield {"kind": "celery_too_old_for_quorum", "subject": None, "nodes": old}
    yield from _loses_retries(report, quorum)
    dated = sorted(node for node, version in workers.items() if version < (5, 6))
    if dated and numbers(report["broker"].get("version")) >= (4, 3):
        yield {"kind": "celery_too_old_for_broker", "subject": report["broker"]["version"], "nodes": dated}


def _loses_retries(report: Report, quorum: set[str]) -> Found:
    """Delays by the broker are used for quorum queues with a topic exchange."""
    for worker in report["workers"]:
        delayed = sorted(quorum & set(worker.get("topics") or []))
        if delayed and LOSES_RETRIES[0] <= numbers(worker["celery"]) < LOSES_RETRIES[1]:
            yield {
                "kind": "celery_loses_retries",
                "subject": worker["node"],
                "celery": worker["celery"],
                "queues": delayed,
            }


def numbers(version: str | None) -> tuple[int, ...]:
    """5.6.3rc1 as (5, 6, 3); nothing for no version."""
    return tuple(int(part) for part in re.findall(r"\d+", version or "")[:3])

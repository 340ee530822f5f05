# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against an upgrade of RabbitMQ in place. Pure. After https://www.rabbitmq.com/docs/upgrade."""

from __future__ import annotations

import re
import typing as t

Version = tuple[int, ...]
Rows = list[dict[str, t.Any]]
# From which series a series can be reached in place; others need a step in between.
REACHED_FROM: dict[Version, tuple[Version, ...]] = {
    (3, 11): ((3, 10),),
    (3, 12): ((3, 11),),
    (3, 13): ((3, 12),),
    (4, 0): ((3, 13),),
    (4, 1): ((3, 13), (4, 0)),
    (4, 2): ((3, 13), (4, 0), (4, 1)),
    (4, 3): ((4, 2),),
}
# A flag that stays off until somebody wants what it brings.
OPTIONAL_FLAGS = {"khepri_db"}


def version(text: str) -> Version:
    """The numbers of a package version: C(1:4.0.5-6+deb13u2) is 4.0.5."""
    found = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def problems(installed: str, candidate: str, flags: Rows, policies: Rows, queues: Rows) -> list[str]:
    """Everything at once that has to be done before this version can follow that one."""
    old, new = version(installed), version(candidate)
    if not new:
        return [f"no package source offers a version (asked for: {candidate or 'the newest'})"]
    found = [] if new >= old else [f"{candidate} is older than {installed}, and data does not go back"]
    if new[:2] > old[:2]:
        found += _steps(old, new)
        disabled = sorted(f["name"] for f in flags if f["state"] != "enabled" and f["name"] not in OPTIONAL_FLAGS)
        if disabled:
            found.append(f"feature flags are not enabled: {', '.join(disabled)} (rabbitmqctl enable_feature_flag all)")
        if old < (4,) <= new:
            mirrored = sorted(p["name"] for p in policies if "ha-mode" in str(p.get("definition")))
            reason = "mirrors classic queues, which 4.0 no longer does: use quorum queues"
            found += [f"policy {name} {reason}" for name in mirrored]
        if old < (4, 3) <= new:
            found += _removed(flags, policies, queues)
    return found


def _removed(flags: Rows, policies: Rows, queues: Rows) -> list[str]:
    """What is in use and 4.3 denies or refuses. What it only changes is not in the way."""
    found = []
    if not any(flag["name"] == "khepri_db" and flag["state"] == "enabled" for flag in flags):
        found.append("feature flag khepri_db is not enabled, and 4.3 has no other database")
    transient = sorted(queue["name"] for queue in queues if not queue["durable"] and queue["exclusive"] is False)
    if transient:
        found.append(
            f"{len(transient)} transient queues are shared ({_some(transient)}), which 4.3 denies: update the clients "
            "(Celery 5.7), or set deprecated_features.permit.transient_nonexcl_queues: true in rabbitmq_config"
        )
    lazy = sorted(queue["name"] for queue in queues if any(row[0] == "x-queue-mode" for row in queue["arguments"]))
    if lazy:
        found.append(f"queues {_some(lazy)} have x-queue-mode, which 4.3 refuses: declare them anew")
    modes = sorted(policy["name"] for policy in policies if '"queue-mode"' in str(policy.get("definition")))
    return found + [f"policy {name} sets queue-mode, which 4.3 does not know: remove that" for name in modes]


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _steps(old: Version, new: Version) -> list[str]:
    sources = REACHED_FROM.get(new[:2], ())
    if old[:2] in sources or (new[:2] > max(REACHED_FROM) and old[:2] == max(REACHED_FROM)):
        return ["3.12 takes over from 3.11.18 or later"] if new[:2] == (3, 12) and old < (3, 11, 18) else []
    names = ", ".join(".".join(map(str, source)) for source in sources) or "a series between"
    return [
        f"{_text(new)} takes over from {names}, not from {_text(old)}: upgrade in steps, "
        "or move to a new cluster with backup.yml and restore.yml"
    ]


def _text(found: Version) -> str:
    return ".".join(map(str, found))

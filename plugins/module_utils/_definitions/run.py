# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module ``rabbitmq_definitions`` does: its run, and its run with an administrator that may have to be made."""

from __future__ import annotations

import time
import typing as t

from .._cluster import administrator
from .._errors import TaskstackError
from .._files import created
from . import apply, check, objects, plan, show
from . import created as definitions_created


def run(
    params: dict[str, t.Any], broker: t.Any, check_mode: bool, wait: t.Callable[[float], None] = time.sleep
) -> dict[str, t.Any]:
    """Compare, refuse or carry out, and tell."""
    wanted = objects.from_params(params)
    current, version = apply.read(broker, wanted)
    changes = plan.plan(current, wanted, plan.Scope.from_params(params))
    stack, purposes = params.get("stack"), params.get("purposes") or {}
    listed = created.entries(stack)
    changes += definitions_created.retired(listed, current, wanted, purposes, params["management_user"])
    found = check.problems(params, current, wanted, changes, version)
    if not params["force"]:
        counts = apply.messages(broker, changes, None if check_mode else wait)
        found += check.full_queues(changes, counts)
    if found:
        raise TaskstackError("Nothing was changed. " + " ".join(found))
    if not check_mode:
        if stack:
            # A broker of an earlier edition, which noted nothing.
            adopts = bool(params.get("local_administrator")) and not created.is_complete(stack)
            created.note(stack, definitions_created.entries(changes, wanted, purposes, adopts))
        apply.carry_out(broker, changes, current, params["force"])
    return {
        "changed": bool(changes),
        "changes": show.summary(changes),
        "diff": show.diff(changes),
        "version": version,
    }


def run_here(
    params: dict[str, t.Any], broker: t.Any, check_mode: bool, make: t.Callable[[str, str], None]
) -> dict[str, t.Any]:
    """The same with an administrator that may have to be made first."""
    user = params["management_user"]
    if not params["local_administrator"] or not administrator.is_missing(broker):
        return run(params, broker, check_mode)
    made = {"kind": "users", "name": user, "action": "created"}
    if check_mode:
        return {"changed": True, "changes": [made], "diff": [], "version": ""}
    make(user, params["management_password"])
    result = run(params, broker, check_mode)
    return {**result, "changed": True, "changes": [made, *result["changes"]]}

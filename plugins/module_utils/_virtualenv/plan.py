# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan and carry out what module ``virtualenv`` is asked for, for one virtualenv."""

from __future__ import annotations

import os
import typing as t

from .._errors import about
from .._files import disk, layout
from . import contents, swap


def one(params: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Plan, carry out, and write down what came of it."""
    path, what = params["path"], (params["packages"], params["requirements"], params["arguments"])
    stamp = disk.look(params["stamp"])
    before = (stamp.content or b"").decode() if stamp else ""
    wants = contents.wanted(*what)
    files = contents.fingerprints(params["files"])
    broken = contents.broken(path)
    plan = contents.plan(wants, contents.installed(path), files, before, path, params["python"], broken)
    if plan.install:
        contents.refuse_others_programs(path, params["user"])
    if params["state"] == "upgraded":
        # The first virtualenv of a host has nothing to go back to.
        changed = plan.install and not plan.create
        if changed and not check_mode:
            swap.upgrade(params, plan, what)
        after = plan.stamp if changed else before
        return {"before_header": path, "after_header": path, "before": before, "after": after, "changed": changed}
    after = plan.stamp
    if not check_mode:
        after = _carry_out(plan, params, what, wants, files)
    # Root's alone: it has digests of files that may hold passwords.
    node = layout.Node(params["stamp"], os.geteuid(), os.getegid(), 0o600, after.encode())
    changes = layout.plan([node], {node.path: stamp} if stamp else {})
    for change in () if check_mode else changes:
        with about(params["stamp"]):
            disk.apply(change)
    return {"before_header": path, "after_header": path, "before": before, "after": after, "changed": bool(changes)}


def _carry_out(
    plan: contents.Plan, params: t.Mapping[str, t.Any], what: tuple[t.Any, ...], wants: list[str], files: list[str]
) -> str:
    path, user, used = params["path"], params["user"], ""
    if plan.rebuild:
        swap.build(path, params["python"], user)
        contents.install(f"{path}.next", user, *what)
        swap.swap(path, user)
    elif plan.create:
        contents.make(path, params["python"], user)
    if plan.install and not plan.rebuild:
        contents.install(path, user, *what)
    used = "".join(line[len("python ") :] for line in plan.stamp.splitlines() if line.startswith("python "))
    return contents.text(wants, contents.installed(path) or [], files, used)

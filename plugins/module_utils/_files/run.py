# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module ``files`` does: its options, and its run."""

from __future__ import annotations

import typing as t

from . import created, layout
from . import plan as files_plan

WHOSE = {"owner": {"default": "root"}, "group": {"default": "root"}}
DIRECTORY = {
    **WHOSE,
    "paths": {"type": "list", "elements": "path", "required": True},
    "mode": {"default": "0755"},
    "keep": {"type": "bool", "default": False},
    "writable_by": {},
    "exclusive": {"type": "bool", "default": False},
    "part": {"default": ""},
}
FILE = {
    **WHOSE,
    "path": {"type": "path", "required": True},
    "mode": {"default": "0644"},
    "content": {},
    "block": {},
    "marker": {"default": "taskstack"},
    "random": {"type": "int"},
    "part": {"default": ""},
}
SECRET = {
    **FILE,
    "mode": {"default": "0640"},
    "content": {"no_log": True},
    "block": {"no_log": True},
}
ONE_OF = ("content", "block", "random")
RULES = {"type": "list", "elements": "dict", "default": [], "required_one_of": [ONE_OF], "mutually_exclusive": [ONE_OF]}

ARGS: dict[str, dict[str, t.Any]] = {
    "directories": {"type": "list", "elements": "dict", "default": [], "options": DIRECTORY},
    "files": {**RULES, "options": FILE},
    "private_files": {**RULES, "options": SECRET},
    "base": {"type": "path", "default": "/"},
    "absent": {"type": "list", "elements": "path", "default": []},
    "absent_when_empty": {"type": "list", "elements": "path", "default": []},
    "stack": {},
    "parts": {"type": "list", "elements": "str", "default": []},
}


def run(params: dict[str, t.Any], check_mode: bool, lists: str = created.DIRECTORY) -> dict[str, t.Any]:
    """Plan all, then carry it out."""
    plan = files_plan.make(params, check_mode, lists)
    if not check_mode:
        files_plan.carry_out(plan, params.get("stack"), lists)
    changes = plan.changes + plan.empty
    diff = [layout.difference(change) for change in changes]
    return {"changed": bool(changes), "paths": [change.path for change in changes], "diff": diff}

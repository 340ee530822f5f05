# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module ``virtualenv`` does: its options, and its run."""

from __future__ import annotations

import os
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .._errors import TaskstackError, sentence
from .._files import created
from . import swap
from .plan import one

ONE = {
    "path": {"type": "path", "required": True},
    "stamp": {"type": "path", "required": True},
    "packages": {"type": "list", "elements": "str", "default": []},
    "requirements": {"type": "path"},
    "files": {"type": "list", "elements": "path", "default": []},
    "arguments": {"type": "list", "elements": "str", "default": []},
    "python": {"type": "path", "default": "/usr/bin/python3"},
    "user": {"type": "str", "default": "root"},
}
STATES = ["present", "upgraded", "restored"]
ARGS = {
    "virtualenvs": {"type": "list", "elements": "dict", "required": True, "options": ONE},
    "stack": {},
    "state": {"choices": STATES, "default": "present"},
}


def note(stack: str, paths: t.Iterable[str], lists: str) -> None:
    """Write the virtualenvs that are going to be created, and the directories above them, to the stack's list."""
    new = [path for path in paths if not os.path.lexists(path)]
    above = [created.entry("directory", folder) for path in new for folder in created.parents(path)]
    created.note(stack, above + [created.entry("virtualenv", path) for path in new], lists)


def run(params: dict[str, t.Any], check_mode: bool, lists: str = created.DIRECTORY) -> dict[str, t.Any]:
    """All at the same time, for each waits for the network; what goes wrong with any is told when all have ended."""
    state = params["state"]
    every = [{**item, "state": state} for item in params["virtualenvs"]]
    if state != "present":
        if len(every) != 1:
            raise TaskstackError(f"State {state} is for one virtualenv at a time. List one.")
        path, stamp = every[0]["path"], every[0]["stamp"]
        back = swap.interrupted(path, stamp)
        if state == "restored":
            if back and not check_mode:
                swap.take_back(path, stamp, f"{path}.failed")
            return {"changed": back, "stamps": [stamp] if back else []}
        if back and not check_mode:
            swap.recover(path, stamp)
    if params["stack"] and not check_mode:
        note(params["stack"], [item["path"] for item in every], lists)
    with ThreadPoolExecutor(max(1, len(every))) as pool:
        running = [pool.submit(one, item, check_mode) for item in every]
    wrong = [sentence(exc) for exc in (future.exception() for future in running) if exc]
    if wrong:
        raise TaskstackError(" ".join(wrong))
    diff = [future.result() for future in running]
    stamps = [item["stamp"] for item, part in zip(every, diff) if part["before"] != part["after"]]
    changed = [part.pop("changed") for part in diff]
    return {"changed": any(changed), "stamps": stamps, "diff": diff}

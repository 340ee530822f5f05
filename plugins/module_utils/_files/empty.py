# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that go when nothing is left in them."""

from __future__ import annotations

import os
import typing as t

from . import disk, layout
from . import paths as files_paths


def plan(paths: t.Iterable[str], going: t.Iterable[str]) -> list[layout.Change]:
    """The directories that will be empty once everything in ``going``, and those named before them, has gone."""
    gone, changes = set(going), []
    for path in paths:
        seen = None if path in gone else disk.facts(path)
        if (
            seen
            and seen.kind == "directory"
            and all(os.path.join(path, name) in gone for name in files_paths.names(path))
        ):
            gone.add(path)
            changes.append(layout.Change(seen, None))
    return changes


def remove(changes: t.Iterable[layout.Change]) -> None:
    """Delete them. One that something was put into meanwhile stays."""
    for change in changes:
        disk.remove_if_empty(change)

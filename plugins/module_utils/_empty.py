# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that go when nothing is left in them."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils import _disk, _layout, _paths


def plan(paths: t.Iterable[str], going: t.Iterable[str]) -> list[_layout.Change]:
    """The directories that will be empty once everything in ``going``, and those named before them, has gone."""
    gone, changes = set(going), []
    for path in paths:
        seen = None if path in gone else _disk.facts(path)
        if seen and seen.kind == "directory" and all(os.path.join(path, name) in gone for name in _paths.names(path)):
            gone.add(path)
            changes.append(_layout.Change(seen, None))
    return changes


def remove(changes: t.Iterable[_layout.Change]) -> None:
    """Delete them. One that something was put into meanwhile stays."""
    for change in changes:
        _disk.remove_if_empty(change)

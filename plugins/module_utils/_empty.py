# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that go when nothing is left in them."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils import _disk, _layout


def plan(paths: t.Iterable[str], going: t.Iterable[str]) -> list[_layout.Change]:
    """The directories that will be empty once everything in ``going``, and those named before them, has gone."""
    gone, changes = set(going), []
    for path in paths:
        seen = None if os.path.islink(path) or path in gone else _disk.look(path)
        if seen and seen.content is None and all(os.path.join(path, name) in gone for name in os.listdir(path)):
            gone.add(path)
            changes.append(_layout.Change(seen, None))
    return changes


def remove(changes: t.Iterable[_layout.Change]) -> None:
    """Delete them. One that something was put into meanwhile stays."""
    for change in changes:
        with contextlib.suppress(FileNotFoundError):
            try:
                os.rmdir(change.path)
            except OSError:
                if not os.listdir(change.path):
                    raise

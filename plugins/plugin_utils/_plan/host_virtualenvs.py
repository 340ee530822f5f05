# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtualenvs of a Linux host, as module virtualenv takes them. Pure."""

from __future__ import annotations

import posixpath
import typing as t

from .stack import StackHost


def virtualenvs(here: StackHost) -> list[dict[str, t.Any]]:
    """The application's, and Flower's own."""
    found = []
    if here.does("application") and here.needs_application:
        found.append(_application(here))
    if here.has("flower") and not here.flower_shares:
        found.append(
            {
                "path": here.paths.flower_venv,
                "packages": here.get("flower_packages"),
                "arguments": here.get("flower_pip_arguments"),
                "stamp": here.paths.flower_packages_file,
            }
        )
    return found


def _application(here: StackHost) -> dict[str, t.Any]:
    return {
        "path": here.venv,
        "python": here.get("application_python"),
        "packages": here.get("application_packages"),
        "requirements": here.get("application_requirements"),
        "arguments": here.get("application_pip_arguments"),
        "user": here.get("application_venv_owner") or here.user,
        # Their content counts as a change of what the processes have loaded.
        "files": [posixpath.join(here.directory, file["path"]) for file in here.get("application_files")],
        "stamp": here.paths.packages_file,
    }

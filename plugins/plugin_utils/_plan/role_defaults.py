# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of the roles are where nobody sets them: read from the roles, so that it stands in one place."""

from __future__ import annotations

import copy
import functools
import pathlib
import typing as t

import yaml

from .variables import true

ROLES = pathlib.Path(__file__).parents[3] / "roles"


@functools.cache
def _of(role: str) -> dict[str, t.Any]:
    return yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text(encoding="utf-8")) or {}


def role_defaults(*roles: str) -> dict[str, t.Any]:
    """The defaults of these roles."""
    return copy.deepcopy({name: value for role in roles for name, value in _of(role).items()})


def filled(given: t.Mapping[str, t.Any], *roles: str) -> dict[str, t.Any]:
    """The variables of these roles that have a default; null means that a variable is not given."""
    found = role_defaults(*roles)
    return {name: default if given.get(name) is None else given[name] for name, default in found.items()}


def given_or_default(given: t.Mapping[str, t.Any], defaults: t.Mapping[str, t.Any], name: str) -> t.Any:
    """A variable; its default, or None, where it is not given or null."""
    value, default = given.get(name), defaults.get(name)
    if value is None:
        return default
    if isinstance(default, bool):
        return true(value)
    # On the command line every value is a string.
    return int(value) if isinstance(default, int) and isinstance(value, str) and value.isdecimal() else value

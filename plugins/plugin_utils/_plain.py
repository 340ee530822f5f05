# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's values, whose templates it evaluates only when they are looked at, as plain ones."""

from __future__ import annotations

import typing as t

import jinja2


def plain(value: t.Any) -> t.Any:
    """The value with all its templates evaluated; an undefined one raises what is wrong."""
    if isinstance(value, jinja2.Undefined):
        # Any use of it raises what is wrong.
        return str(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def of_hosts(
    hostvars: t.Mapping[str, t.Any], hosts: t.Iterable[str], names: t.Collection[str]
) -> dict[str, dict[str, t.Any]]:
    """Of each host these variables, as far as the inventory or the command line sets them."""
    return {host: {name: plain(hostvars[host][name]) for name in names if name in hostvars[host]} for host in hosts}

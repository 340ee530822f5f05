# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor of a host that is asked for, and the other one, which may still run what it was told before."""

from __future__ import annotations

import typing as t

from . import plan as sv
from .carry_out import Supervisor
from .supervisord import Supervisord
from .systemd import Systemd

Params = t.Mapping[str, t.Any]


def chosen(params: Params, check_mode: bool) -> tuple[Supervisor, Supervisor]:
    """Both. In check mode the first may be missing yet: an earlier task would install it."""
    if params["supervisor"] == "systemd":
        return _systemd(params, params["config_directory"], check_mode), _supervisord(params, None, True)
    return _supervisord(params, params["config_directory"], check_mode), _systemd(params, None, True)


def elsewhere(other: Supervisor, owners: t.Collection[sv.Owner]) -> list[sv.Step]:
    """What the other supervisor has of these owners and has to give up; without a file of ours it is not even asked."""
    return [] if other.empty() else sv.plan({}, other.found(owners, [])[0])


def _systemd(params: Params, directory: str | None, may_be_down: bool) -> Supervisor:
    return Systemd(params["application"], directory or "/etc/systemd/system", may_be_down)


def _supervisord(params: Params, directory: str | None, may_be_down: bool) -> Supervisor:
    return Supervisord(params["socket"], directory or "/etc/supervisor/conf.d", params["config_suffix"], may_be_down)

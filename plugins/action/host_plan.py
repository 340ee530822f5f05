# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: what a host of a stack shall hold, made on the control node."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.plugin_utils._evaluated import Evaluated
from ansible_collections.taskstack.celery.plugins.plugin_utils._plain import of_hosts, plain
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan import description
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.host_plan import host_plan
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.stack import KINDS, StackHost
from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight.plan import problems

ARGS = {"only": {"type": "list", "elements": "str", "default": [], "choices": ["application", "description", *KINDS]}}


class ActionModule(ActionBase):
    """Reads the variables of the host and of those beside it; changes nothing."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """The plan, or what keeps it from being made: the task hides both, for a plan holds secrets."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        host, groups = variables["inventory_hostname"], plain(variables["groups"])
        _spec, args = ActionBase.validate_argument_spec(self, ARGS)
        here = StackHost(host, Evaluated(variables, self._templar), groups, tuple(args["only"]))
        try:
            wrong = problems(here)
            plan = {} if wrong else host_plan(here, self._hosts(here, variables), self._facts(variables))
        except TaskstackError as exc:
            wrong, plan = [str(exc)], {}
        return {**result, "changed": False, "problems": wrong, **plan}

    @staticmethod
    def _hosts(here: StackHost, variables: t.Mapping[str, t.Any]) -> dict[str, t.Mapping[str, t.Any]]:
        """The variables of this host, and those of the others that its description names."""
        hosts: dict[str, t.Mapping[str, t.Any]] = {here.host: here.given}
        if here.does("application") or here.does("description"):
            beside = {name for kind in KINDS for name in here.groups.get(kind) or []} - {here.host}
            try:
                hosts.update(of_hosts(variables["hostvars"], beside, description.VARIABLES))
            except Exception as exc:
                # Whatever a template may raise is the inventory's mistake.
                raise TaskstackError(f"A variable of another host cannot be evaluated: {exc}") from exc
        return hosts

    @staticmethod
    def _facts(variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        return dict(plain((variables.get("ansible_facts") or {}).get("taskstack_host") or {}))

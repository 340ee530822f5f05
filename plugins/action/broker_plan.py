# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: what a host of the broker shall hold, made on the control node."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.plugin_utils._evaluated import Evaluated
from ansible_collections.taskstack.celery.plugins.plugin_utils._plain import plain
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.broker_host import BrokerHost
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.broker_plan import broker_plan
from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight.broker import is_ours, problems

ARGS = {"export": {"type": "dict", "default": {}}, "names": {"type": "dict", "default": {}}}


class ActionModule(ActionBase):
    """Reads the variables of the host; changes nothing."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """The plan, or what keeps it from being made: the task hides both, for a plan holds secrets."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        _spec, args = ActionBase.validate_argument_spec(self, ARGS)
        export, names = plain(args["export"]), plain(args["names"])
        facts = plain(variables["ansible_facts"]["taskstack_host"])
        given = Evaluated(variables, self._templar)
        here = BrokerHost(variables["inventory_hostname"], given, plain(variables["groups"]), facts)
        plan: dict[str, t.Any] = {}
        try:
            wrong = problems(here, export, names)
            if not wrong:
                plan = broker_plan(here, is_ours(here, export))
        except TaskstackError as exc:
            wrong = [str(exc)]
        return {**result, "changed": False, "owner": here.owner, "problems": wrong, **plan}

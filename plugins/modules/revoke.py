#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revokes and terminates tasks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: revoke
short_description: Keep tasks from running, or terminate running ones
version_added: 1.0.0
author:
  - The taskstack.celery authors (@taskstack)
description:
  - Tells all workers of a stack to discard tasks, by id or by what they are.
  - A running task goes on unless O(terminate=true).
  - Workers remember revoked tasks across restarts when they run with C(--statedb), as the workers of this
    collection do.
  - An id that no worker holds is an error, for it would be ignored; see O(unseen).
  - Fails with the workers' own words when one refuses, and names those that did not answer.
extends_documentation_fragment:
  - taskstack.celery.stack
  - taskstack.celery.broker
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: posix
options:
  ids:
    description:
      - Ids of the tasks.
    type: list
    elements: str
  tasks:
    description:
      - Names of tasks, with C(*) for any characters. Only tasks that a worker holds can be chosen by this and the
        next options.
    type: list
    elements: str
  queues:
    description:
      - Tasks that came through these queues.
    type: list
    elements: str
  states:
    description:
      - Tasks that are running, fetched, or kept until their time.
    type: list
    elements: str
    choices: [active, reserved, scheduled]
  older_than:
    description:
      - Tasks that have been running for more than this many seconds.
    type: float
  terminate:
    description:
      - Also kill the process of a task that is running. Pools without processes cannot, which is an error.
      - The process is replaced. If the task is acknowledged late, the broker may deliver it again.
    type: bool
    default: false
  signal:
    description:
      - The signal for O(terminate).
    type: str
    choices: [SIGTERM, SIGKILL, SIGINT, SIGQUIT, SIGUSR1, SIGHUP]
    default: SIGTERM
  unseen:
    description:
      - What to do with O(ids) that no worker holds.
      - V(remember) tells all workers to discard them on arrival, which is right for tasks that still wait in a queue.
    type: str
    choices: [refuse, remember]
    default: refuse
seealso:
  - module: taskstack.celery.purge
  - module: taskstack.celery.status
"""

EXAMPLES = r"""
- name: Keep a task from running
  taskstack.celery.revoke:
    ids: [5100e024-62a9-45f9-be72-24505b900a8b]
    unseen: remember

- name: Terminate exports that have been running for more than an hour
  taskstack.celery.revoke:
    tasks: ["*.export_*"]
    states: [active]
    older_than: 3600
    terminate: true
"""

RETURN = r"""
tasks:
  description:
    - The tasks that were chosen. C(state) is what they were before (C(unseen) when no worker held them), C(action) is
      C(revoke), C(terminate), or C(none) where all workers knew already.
  returned: success
  type: list
  elements: dict
  sample:
    - {id: 5100e024-62a9-45f9-be72-24505b900a8b, name: tasks.export_csv, state: active, worker: crop@host1,
       queue: celery, started: 1795226695.8, runtime: 4000.2, eta: null, action: terminate}
answers:
  description: What each worker answered.
  returned: success
  type: dict
  sample: {"crop@host1": "tasks 5100e024-62a9-45f9-be72-24505b900a8b flagged as revoked"}
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.taskstack.celery.plugins.module_utils import _tasks
from ansible_collections.taskstack.celery.plugins.module_utils._broker.client import Broker
from ansible_collections.taskstack.celery.plugins.module_utils._control import revoke
from ansible_collections.taskstack.celery.plugins.module_utils._control.inspection import Conversation
from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, plain, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._stack import target

LIST: dict[str, t.Any] = {"type": "list", "elements": "str"}
SIGNALS = ["SIGTERM", "SIGKILL", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGHUP"]
REVOKE_ARGS: dict[str, dict[str, t.Any]] = {
    "ids": LIST,
    "tasks": LIST,
    "queues": LIST,
    "states": {**LIST, "choices": list(_tasks.LIVE)},
    "older_than": {"type": "float"},
    "terminate": {"type": "bool", "default": False},
    "signal": {"type": "str", "choices": SIGNALS, "default": "SIGTERM"},
    "unseen": {"type": "str", "choices": ["refuse", "remember"], "default": "refuse"},
}
CHOICES = ("tasks", "queues", "states", "older_than")


def run(
    settled: t.Mapping[str, t.Any], talk: t.Callable[[], Conversation], check_mode: bool
) -> tuple[dict[str, t.Any], list[str]]:
    """Revoke, or say what would be revoked; the second part says what did not work."""
    wish = revoke.Wish(**{name: settled[name] for name in revoke.Wish.__dataclass_fields__})
    tasks = revoke.plan(wish, talk().ask(revoke.METHODS), time.time())
    ids = [task["id"] for task in tasks if task["action"] != "none"]
    if check_mode or not ids:
        return revoke.outcome(tasks, None)
    order = {"task_id": ids, "terminate": wish.terminate, "signal": settled["signal"]}
    return revoke.outcome(tasks, talk().ask(["revoke"], order))


def main() -> None:
    """Run as a module."""
    module = AnsibleModule(
        argument_spec={**target.STACK_ARGS, **REVOKE_ARGS},
        mutually_exclusive=[("ids", choice) for choice in CHOICES],
        required_one_of=[("ids", *CHOICES)],
        supports_check_mode=True,
    )
    try:
        settled = target.reachable(target.settle(module.params, target.load(module.params["name"])))
        broker = Broker(settled)
        where = (settled["vhost"], settled["control_exchange"], settled["deadline"], settled["control_serializer"])
        together = settled["together"]
        result, wrong = run(settled, lambda: Conversation(broker, *where, together=together), module.check_mode)
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc))
    if wrong:
        module.fail_json(msg=plain(" ".join(wrong)), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()

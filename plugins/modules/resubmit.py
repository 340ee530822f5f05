#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module resubmit."""

from __future__ import annotations

DOCUMENTATION = r"""
module: resubmit
short_description: Send lost tasks again
version_added: 1.0.0
description:
  - Finds the messages that workers of this host took from the broker and whose task never ended, because the worker was
    killed or the machine went down, and publishes each of them again, byte for byte.
  - Reads the files that the recorder in the workers wrote. A second run finds nothing to do.
  - Tasks that a live worker holds are left alone. Workers are asked before and after the files are read.
  - A task may run twice if its worker died after the work and before the end could be written. What that means, and how
    to acknowledge late instead, is in C(docs/recorder.md) of the collection.
  - Runs as root on each worker host; what uses the application's virtualenv runs as the application's user.
options:
  name:
    description:
      - Name of the stack (C(taskstack_name)). May be left out on a host with one stack.
    type: str
  states:
    description:
      - Which kept messages to send again.
      - V(lost) was taken and never ended, or wanted another attempt while the broker was away. V(failed) raised an
        exception, ran out of time, or rejected its message. V(revoked) was revoked.
        V(refused) was thrown away by the worker unread, because it did not know the task or may not decode it.
    type: list
    elements: str
    choices: [lost, failed, revoked, refused]
    default: [lost]
  tasks:
    description:
      - Only tasks of these names; C(*) stands for any characters.
    type: list
    elements: str
    default: []
  queues:
    description:
      - Only messages of these queues, by their routing key.
      - With O(command), queues that have to be empty too, besides all those that workers of the stack consume.
    type: list
    elements: str
    default: []
  ids:
    description:
      - Only tasks with these identifiers.
    type: list
    elements: str
    default: []
  older_than:
    description:
      - Only messages that were taken at least so many seconds ago.
    type: float
  newer_than:
    description:
      - Only messages that were taken at most so many seconds ago.
    type: float
  limit:
    description:
      - Send at most so many, oldest first.
    type: int
  force:
    description:
      - Go on although a connected worker does not answer. What it holds may then run twice.
    type: bool
    default: false
  command:
    description:
      - Run the application's own command that queues unprocessed work, instead of sending recorded messages.
      - Runs as the application's user, in its directory and environment, and only while no worker holds one of
        O(command_tasks) and no message waits in any queue that the inventory, the live workers or O(queues) name.
      - Where a worker does not answer, or neither the inventory nor the worker names its queues, all queues of tasks in
        the virtual host count. Where they cannot be counted, the command does not run.
    type: list
    elements: str
    default: []
  command_tasks:
    description:
      - Names of the tasks that O(command) queues. Any task counts when this is left out.
    type: list
    elements: str
    default: []
  command_check:
    description:
      - A command that looks what O(command) would touch, and changes nothing. It runs before O(command), as the same
        user, also in check mode.
      - "It prints lines that begin with C(would: ), which are shown, or with C(refuse: ), for which O(command) does not
        run. Other lines are ignored. Without any such line, or with another exit status than 0, this fails."
    type: list
    elements: str
    default: []
  command_confirmed:
    description:
      - Run O(command) although O(command_check) printed lines that begin with C(refuse). They are shown all the same.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Shows what would be sent. With a resubmission that was interrupted, what it left is not yet among it.
  diff_mode:
    support: full
    description: Shows which messages are kept before and after.
  platform:
    support: full
    platforms: posix
    description: Where the module runs.
author:
  - The taskstack.celery authors (@taskstack)
"""

EXAMPLES = r"""
- name: Send again what was lost with its worker
  taskstack.celery.resubmit:

- name: Give the exports that failed today a second chance, at most ten
  taskstack.celery.resubmit:
    states: [lost, failed]
    tasks: [remapp.exports.*]
    newer_than: 86400
    limit: 10

- name: Let CRATE queue what it has not processed, unless that is under way
  taskstack.celery.resubmit:
    command: [/opt/crate/venv/bin/crate_django_manage, resubmit_unprocessed_tasks]
    command_tasks: [crate_anon.crateweb.consent.tasks.resubmit_unprocessed_tasks_task]
"""

RETURN = r"""
found:
  description: Kept messages that match, oldest first, with C(id), C(name), C(state), C(queue), C(worker) and C(taken).
  returned: success
  type: list
  elements: dict
resubmitted:
  description: Those that were sent and confirmed by the broker.
  returned: success
  type: list
  elements: dict
skipped:
  description: Those that were not sent, each with a C(reason).
  returned: success
  type: list
  elements: dict
command:
  description:
    - The messages C(waiting) and the tasks C(running) that were in its way, what O(command_check) printed (C(would),
      C(refuse)), a C(message) that says whether it ran or would run, and its C(rc) if it ran.
  returned: when O(command) is given
  type: dict
"""

import time
import typing as t
import uuid

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, TaskstackError, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import replay
from ansible_collections.taskstack.celery.plugins.module_utils._recorder.lost import SENDING, Newer, look, names
from ansible_collections.taskstack.celery.plugins.module_utils._stack import command
from ansible_collections.taskstack.celery.plugins.module_utils._stack.application import Stack

STRINGS: dict[str, t.Any] = {"type": "list", "elements": "str", "default": []}
ARGUMENTS: dict[str, t.Any] = {
    "name": {"type": "str"},
    "states": {**STRINGS, "choices": ["lost", "failed", "revoked", "refused"], "default": ["lost"]},
    "tasks": STRINGS,
    "queues": STRINGS,
    "ids": STRINGS,
    "older_than": {"type": "float"},
    "newer_than": {"type": "float"},
    "limit": {"type": "int"},
    "force": {"type": "bool", "default": False},
    "command": STRINGS,
    "command_tasks": STRINGS,
    "command_check": STRINGS,
    "command_confirmed": {"type": "bool", "default": False},
}


def run(params: dict[str, t.Any], host: t.Any, check_mode: bool, now: float) -> dict[str, t.Any]:
    """Resubmit, or say what would be."""
    with host.locked():
        if params["command"]:
            done = command.run(params, host, lambda queues: _ask(params, host, count=queues), check_mode)
            return {**replay.summary(replay.Plan()), **done}
        return _replay_records(params, host, check_mode, now)


def _ask(params: dict[str, t.Any], host: t.Any, **job: t.Any) -> dict[str, t.Any]:
    usual: dict[str, t.Any] = {"directory": None, "batch": "", "send": [], "drop": [], "count": [], "recover": False}
    answers: dict[str, t.Any] = host.publisher({**usual, "force": params["force"], **job})
    if answers["silent"] and not params["force"]:
        raise TaskstackError(
            f"{', '.join(answers['silent'])}: connected, but no answer, so nobody knows which tasks are in hand there. "
            "A solo worker cannot answer during a task: wait for it. Or set force, and what it holds may run twice."
        )
    return answers


def _replay_records(params: dict[str, t.Any], host: t.Any, check_mode: bool, now: float) -> dict[str, t.Any]:
    wish = replay.Wish(**{name: params[name] for name in replay.Wish.__dataclass_fields__})
    try:
        seen = look(host.directory)
        left = names(host.directory, SENDING)
        # Workers are asked only when it matters: one that does not answer forbids the rest.
        if not left and not any(wish.wants(record, now) for record in seen.gone):
            return replay.summary(replay.Plan())
        held = _ask(params, host, directory=host.directory, recover=not check_mode)["held"]
        plan = replay.plan(look(host.directory) if left else seen, held, wish, now)
    except Newer as exc:
        raise TaskstackError(f"{host.directory}: {exc}. Update the collection on the control node.") from exc
    if (plan.send or plan.drop) and not check_mode:
        batch = f"{int(now * 1000):011x}-{uuid.uuid4().hex[:8]}"
        answers = _ask(params, host, directory=host.directory, batch=batch, **replay.job(plan))
        plan = replay.carried_out(plan, answers)
    return replay.summary(plan)


def main() -> None:
    """Talk to Ansible."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        module.exit_json(**run(module.params, Stack(module.params["name"]), module.check_mode, time.time()))
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc))


if __name__ == "__main__":
    main()

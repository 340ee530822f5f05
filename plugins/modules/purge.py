#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throws waiting tasks away."""

from __future__ import annotations

DOCUMENTATION = r"""
module: purge
short_description: Throw away the tasks that wait in queues
version_added: 1.0.0
author:
  - The taskstack.celery authors (@taskstack)
description:
  - Removes all waiting messages from the named queues of a stack, and says how many there were.
  - Tasks that a worker has fetched are unacknowledged messages and are left alone, those with a C(countdown) or C(eta)
    among them. Use M(taskstack.celery.revoke) for them.
  - There is no way back. An unknown name is an error, and then no queue is purged.
  - On a host that runs the application it uses the application's own login to the broker, which it reads from the
    environment file. Elsewhere, also where there is only the broker, give a user with the tag C(management) and the
    permission to read the queues, as F(playbooks/purge.yml) does.
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
  queues:
    description:
      - Names of the queues.
    type: list
    elements: str
    required: true
seealso:
  - module: taskstack.celery.revoke
  - module: taskstack.celery.status
"""

EXAMPLES = r"""
- name: See what would be thrown away
  taskstack.celery.purge:
    queues: [mail]
  check_mode: true

- name: Throw away all mail that waits
  taskstack.celery.purge:
    queues: [mail]
"""

RETURN = r"""
queues:
  description: The queues in the order asked for.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the queue., type: str, sample: mail}
    waiting: {description: How many tasks waited before., type: int, sample: 3}
    purged: {description: How many of them were thrown away., type: int, sample: 3}
    left: {description: How many tasks workers hold unacknowledged and keep., type: int, sample: 1}
msg:
  description: The same in a sentence.
  returned: success
  type: str
  sample: 3 task(s) were thrown away from mail.
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.taskstack.celery.plugins.module_utils._broker import queues
from ansible_collections.taskstack.celery.plugins.module_utils._broker.client import Broker
from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._stack import target


def run(settled: t.Mapping[str, t.Any], broker: t.Any, check_mode: bool) -> dict[str, t.Any]:
    """Purge, or say what would be purged."""
    found = queues.fetch(broker, settled["vhost"], settled["control_exchange"])
    wanted = queues.pick(found, settled["queues"])
    # Where none waits too: messages may have come meanwhile, and what is there now is what was meant.
    return queues.outcome(wanted, None if check_mode else queues.purge(broker, settled["vhost"], wanted))


def main() -> None:
    """Run as a module."""
    arguments = {**target.STACK_ARGS, "queues": {"type": "list", "elements": "str", "required": True}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    try:
        description = target.load(module.params["name"])
        settled = target.reachable(target.settle(module.params, description))
        login = target.application_login(settled, description)
        module.exit_json(**run(settled, Broker(login), module.check_mode))
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc))


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the removal of a stack would delete from a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: removal
short_description: What the removal of a stack deletes from a host, what is lost with it, and what stays
version_added: 1.0.0
description:
  - Looks and changes nothing. F(playbooks/remove.yml) asks by O(ignore:losses) and deletes what is returned.
  - Returned are the paths that only this collection uses, and what is in the stack's list of created things (module
    M(taskstack.celery.created)).
  - A host that was deployed before there were lists gives only what nobody else can have created.
  - RV(left) says what stays, and with which command it can be deleted.
author:
  - the taskstack.celery authors (@taskstack)
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: Changes nothing.
  platform:
    support: full
    description: Linux and other POSIX systems.
    platforms: posix
options:
  host:
    description:
      - Name of this host in sentences.
    type: str
    default: This host
  stack:
    description:
      - Name of the stack.
    type: str
    required: true
  directory:
    description:
      - The application's directory, where the inventory sets one.
    type: path
  venv:
    description:
      - The application's virtualenv, where the inventory sets one.
    type: path
  settings_file:
    description:
      - The file that the inventory has the broker's URL written into.
    type: path
  data:
    description:
      - Delete also the directories that were created for the files that tasks write, though there are files in them.
    type: bool
    default: false
  accounts:
    description:
      - Look for files that the stack's accounts own anywhere on local file systems, which may take a while.
      - Without, RV(accounts) and RV(groups) are empty.
    type: bool
    default: true
  broker:
    description:
      - The broker on this host, where it runs.
    type: dict
    suboptions:
      url: {description: Its management API., type: str, required: true}
      password: {description: The administrator's password., type: str, required: true}
      administrator: {description: The administrator's login., type: str, required: true}
      vhost: {description: The stack's virtual host., type: str, required: true}
      login: {description: The application's login., type: str, required: true}
      monitor: {description: The login that watches., type: str, required: true}
      owned: {description: Whether the stack set the broker up., type: bool, required: true}
      leaving: {description: Name of this broker node if it leaves a cluster that stays., type: str}
"""

EXAMPLES = r"""
- name: See what the removal of a stack would delete
  taskstack.celery.removal:
    stack: shop
  register: shop
"""

RETURN = r"""
absent:
  description: Files and directories that go with all that is in them.
  returned: always
  type: list
  elements: str
empty:
  description: Directories that go when nothing else is in them, the innermost first.
  returned: always
  type: list
  elements: str
blocks:
  description: Files that lose the lines between our markers, each with the name of the markers.
  returned: always
  type: list
  elements: dict
accounts:
  description: Accounts that go.
  returned: always
  type: list
  elements: str
groups:
  description: Groups that go.
  returned: always
  type: list
  elements: str
regrouped:
  description: Of RV(accounts), those whose group of the same name was there before and stays.
  returned: always
  type: list
  elements: str
left:
  description: What stays, why, and how to delete it.
  returned: always
  type: list
  elements: str
records:
  description: Tasks that are nowhere but in the recorder's directory of this host, by what became of them.
  returned: always
  type: dict
  sample: {lost: 2, failed: 0, sending: 0, damaged: 0}
losses:
  description: What would be lost, in sentences, C(queued) on the broker and C(records) on this host.
  returned: always
  type: dict
broker_files:
  description: The files of the broker's configuration that were created for the stack.
  returned: always
  type: list
  elements: str
last:
  description: Whether no other stack is deployed on this host.
  returned: always
  type: bool
packages:
  description:
    - Of C(rabbitmq-server), C(supervisor) and C(erlang-base), those that were not installed before the first stack.
  returned: always
  type: list
  elements: str
broker:
  description:
    - The broker's C(vhosts) and C(logins) that go, and the number of tasks that are C(waiting) and go with them.
    - C(others) is what keeps the broker; C(answers) is false when it could not be asked.
  returned: with O(broker)
  type: dict
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.taskstack.celery.plugins.module_utils._broker.client import Broker, NotFound, Unreachable
from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._files import created
from ansible_collections.taskstack.celery.plugins.module_utils._removal import broker as removal_broker
from ansible_collections.taskstack.celery.plugins.module_utils._removal import host, model
from ansible_collections.taskstack.celery.plugins.module_utils._removal import plan as removal_plan
from ansible_collections.taskstack.celery.plugins.module_utils._removal import records as removal_records

TEXT: dict[str, t.Any] = {"type": "str", "required": True}
BROKER: dict[str, t.Any] = {
    **{name: TEXT for name in ("url", "administrator", "vhost", "login", "monitor")},
    "password": {**TEXT, "no_log": True},
    "owned": {"type": "bool", "required": True},
    "leaving": {"type": "str"},
}
ARGS: dict[str, t.Any] = {
    "host": {"type": "str", "default": "This host"},
    "stack": TEXT,
    "directory": {"type": "path"},
    "venv": {"type": "path"},
    "settings_file": {"type": "path"},
    "data": {"type": "bool", "default": False},
    "accounts": {"type": "bool", "default": True},
    "broker": {"type": "dict", "options": BROKER},
}
PACKAGES = ("rabbitmq-server", "supervisor", "erlang-base")


def ask(params: dict[str, t.Any], listed: dict[str, t.Any] | None) -> dict[str, t.Any]:
    """What of the broker goes, and what keeps it."""
    names = ("vhost", "login", "monitor", "administrator", "owned", "leaving")
    wanted = removal_broker.Wanted(**{name: params[name] for name in names})
    login = {"management_url": params["url"], "management_user": wanted.administrator}
    broker = Broker({**login, "management_password": params["password"], **UNUSED})
    vhosts, logins = removal_broker.deleted(wanted, listed)
    found = {"vhosts": vhosts, "logins": logins, "waiting": 0, "others": [], "left": [], "answers": True}
    try:
        export = broker.get("definitions")
        found.update(
            others=removal_broker.others(wanted, listed, export), left=removal_broker.left(wanted, listed, export)
        )
        found["waiting"] = removal_broker.waiting(wanted, broker.get("queues", wanted.vhost))
    except NotFound:
        # The virtual host has gone already.
        pass
    except Unreachable:
        found["answers"] = False
    return found


UNUSED = {"ca_file": None, "client_cert": None, "client_key": None, "validate_certs": True, "timeout": 30}


def shared(complete: t.Callable[[str], t.Any] = created.read) -> list[str]:
    """Packages that go with the last stack; without a list from the beginning, both services."""
    listed = complete(created.HOST)
    noted = {item["name"] for item in listed["entries"]} if listed else set()
    unknown = () if listed and listed["complete"] else PACKAGES[:2]
    return [name for name in PACKAGES if name in noted or name in unknown]


def last(stack: str, folder: str = created.DEPLOYED) -> bool:
    """Whether no other stack has its description here."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    ours = (f"{stack}.json", f"{stack}.beat.json")
    return not any(name.endswith(".json") and not name.endswith(".beat.json") and name not in ours for name in names)


def run(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Look at everything."""
    listed = created.read(params["stack"])
    names = ("directory", "venv", "settings_file", "data", "accounts")
    stack = model.Stack(params["stack"], **{name: params[name] for name in names})
    broker = ask(params["broker"], listed) if params["broker"] else None
    plan = removal_plan.plan(stack, listed, host.Host())
    records = removal_records.count(f"/var/lib/taskstack/{stack.name}/recorder")
    queued = removal_broker.sentence(stack.name, broker) if broker else ""
    return {
        **vars(plan),
        "losses": {"queued": queued, "records": removal_records.sentence(params["host"], records)},
        "left": plan.left + (broker["left"] if broker else []),
        "records": records,
        "last": last(stack.name),
        "packages": shared(),
        **({"broker": broker} if broker else {}),
    }


def main() -> None:
    """Run as a module."""
    module = AnsibleModule(argument_spec=ARGS, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **run(module.params))
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc))


if __name__ == "__main__":
    main()

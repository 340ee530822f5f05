#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Note what is going to be created on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: created
short_description: Note accounts, groups and packages that are going to be created
version_added: 1.0.0
description:
  - Adds to the lists of created things in F(/var/lib/taskstack/.created). F(playbooks/remove.yml) deletes what is on
    them. Modules M(taskstack.celery.files) and M(taskstack.celery.virtualenv) write their own entries; this module is
    for what other modules create.
  - Name only what is not there yet, right before the task that creates it.
author:
  - the taskstack.celery authors (@taskstack)
attributes:
  check_mode:
    support: full
    description: Writes nothing.
  diff_mode:
    support: none
    description: The lists are no content of the host that anybody configures.
  platform:
    support: full
    description: Linux and other POSIX systems.
    platforms: posix
options:
  stack:
    description:
      - Name of the stack. Packages need none.
    type: str
  accounts:
    description:
      - Accounts that are going to be created.
    type: list
    elements: str
    default: []
  groups:
    description:
      - Groups that are going to be created.
    type: list
    elements: str
    default: []
  vhosts:
    description:
      - Virtual hosts that are going to be created on the broker of this host.
    type: list
    elements: str
    default: []
  packages:
    description:
      - Packages that are going to be installed. They are noted for the host, since stacks share them.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Note the account that the next task creates
  taskstack.celery.created:
    stack: shop
    accounts: [shop]
"""

RETURN = r"""
entries:
  description: What is on the list of the stack now.
  returned: always
  type: list
  elements: dict
  sample: [{kind: account, name: shop}]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._files import created

NAMES: dict[str, t.Any] = {"type": "list", "elements": "str", "default": []}
ARGS: dict[str, t.Any] = {
    "stack": {"type": "str"},
    "accounts": NAMES,
    "groups": NAMES,
    "vhosts": NAMES,
    "packages": NAMES,
}


def run(params: dict[str, t.Any], check_mode: bool, lists: str = created.DIRECTORY) -> dict[str, t.Any]:
    """Add the entries that are missing."""
    stack = params["stack"] or created.HOST
    kinds = [("account", params["accounts"]), ("group", params["groups"]), ("vhost", params.get("vhosts") or [])]
    own = [created.entry(kind, name) for kind, names in kinds for name in names]
    shared = [created.entry("package", name) for name in params["packages"]]
    changed = False
    for name, entries in ((stack, own), (created.HOST, shared)):
        known = {created.key(item) for item in created.entries(name, lists)}
        changed = changed or any(created.key(item) not in known for item in entries)
        if entries and not check_mode:
            created.note(name, entries, lists)
    return {"changed": changed, "entries": created.entries(stack, lists)}


def main() -> None:
    """Run as a module."""
    module = AnsibleModule(argument_spec=ARGS, supports_check_mode=True)
    try:
        module.exit_json(**run(module.params, module.check_mode))
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc))


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several modules would change on a host, seen in one step."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: what_if
short_description: What several modules would change on a host, seen in one step
version_added: 1.0.0
description:
  - Does what check mode of P(taskstack.celery.files#module), P(taskstack.celery.virtualenv#module),
    P(taskstack.celery.processes#module) and P(taskstack.celery.rabbitmq_definitions#module) does, one after the other,
    with one round trip instead of one for each. Changes nothing.
  - What an earlier step would change counts for the later ones, as in a run.
author:
  - the taskstack.celery authors (@taskstack)
attributes:
  check_mode: {support: full, description: Changes nothing in any mode.}
  diff_mode: {support: none, description: Changes nothing.}
  platform: {support: full, description: Linux and other POSIX systems., platforms: posix}
options:
  steps:
    description: The modules with their options, in the order in which they would run.
    type: list
    elements: dict
    required: true
    suboptions:
      module:
        description: Name of the module.
        type: str
        required: true
        choices: [files, virtualenv, processes, rabbitmq_definitions]
      options: {description: Its options., type: dict, required: true}
      if_unknown:
        description: What it means that the module cannot tell, for instance because the broker does not answer.
        type: str
        choices: [failed, changed]
        default: failed
"""

EXAMPLES = r"""
- name: See whether anything would change
  taskstack.celery.what_if:
    steps:
      - module: files
        options: {files: [{path: /etc/shop.conf, content: "colour = blue\n"}]}
      - module: processes
        options: {application: shop, processes: []}
  register: seen
"""

RETURN = r"""
differs:
  description: Whether any of the modules would change something.
  returned: always
  type: bool
  sample: true
steps:
  description: What each module would return, without the differences that it would show.
  returned: always
  type: list
  elements: dict
  sample: [{module: files, changed: true, paths: [/etc/shop.conf]}]
"""

from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._host.quiet import QuietModule
from ansible_collections.taskstack.celery.plugins.module_utils._what_if.steps import ARGS, run


def main() -> None:
    """Run as a module."""
    module = QuietModule(argument_spec=ARGS, supports_check_mode=True)
    steps = module.params["steps"]
    # Some options are secret, and nothing of them is told.
    module.params["steps"] = [step["module"] for step in steps]
    try:
        module.exit_json(changed=False, **run(steps))
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc))


if __name__ == "__main__":
    main()

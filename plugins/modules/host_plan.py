#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host of a stack shall hold; done on the control node by the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_plan
short_description: What a host of a stack shall hold
version_added: 1.0.0
description:
  - Reads the variables of the stack, of this host and of the hosts in the groups C(worker), C(beat) and C(flower), and
    says which directories, files, virtualenvs and processes this host shall have. Asks no host and changes nothing.
  - Role P(taskstack.celery.supervise#role) carries the plan out. What it holds is no contract. Some of it is secret.
author:
  - the taskstack.celery authors (@taskstack)
attributes:
  check_mode: {support: full, description: Changes nothing in any mode.}
  diff_mode: {support: none, description: Changes nothing.}
  platform: {support: full, description: All that the roles support., platforms: all}
options:
  only:
    description:
      - What one role does alone, whatever groups the host is in. When left out, all is planned, and the groups say
        which processes the host has.
    type: list
    elements: str
    choices: [application, description, worker, beat, flower]
    default: []
"""

EXAMPLES = r"""
- name: Plan what the host shall hold
  taskstack.celery.host_plan:
  register: plan
  no_log: true
"""

RETURN = r"""
problems:
  description: Sentences about what cannot work, each with its cure. Where there are any, there is no plan.
  type: list
  elements: str
  returned: always
steps:
  description: The plan as P(taskstack.celery.what_if#module) takes it.
  type: list
  elements: dict
  returned: when there are no problems, on Linux
processes:
  description: The definitions of the processes, as P(taskstack.celery.processes#module) takes them.
  type: list
  elements: dict
  returned: when there are no problems
"""

#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host of the broker shall hold; done on the control node by the action of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: broker_plan
short_description: What a host of the broker shall hold
version_added: 1.0.0
description:
  - Reads the variables of role P(taskstack.celery.rabbitmq#role), what P(taskstack.celery.host_facts#module) has found,
    and says which files, logins and other objects the broker on this host shall have. Asks no host and changes nothing.
  - Role P(taskstack.celery.rabbitmq#role) carries the plan out. What it holds is no contract. Some of it is secret.
author:
  - the taskstack.celery authors (@taskstack)
attributes:
  check_mode: {support: full, description: Changes nothing in any mode.}
  diff_mode: {support: none, description: Changes nothing.}
  platform: {support: full, description: All that the roles support., platforms: posix}
options:
  export:
    description:
      - Result of the command C(rabbitmqctl export_definitions -), where it was asked of a broker of unknown origin.
    type: dict
    default: {}
  names:
    description: Result of the command C(getent hosts) with the hosts of C(rabbitmq_peers).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Plan what the broker shall hold
  taskstack.celery.broker_plan:
  register: plan
  no_log: true
"""

RETURN = r"""
problems:
  description: Sentences about what cannot work, each with its cure. Where there are any, there is no plan.
  type: list
  elements: str
  returned: always
owner:
  description: Whose broker the plan is about, in the words of the fact C(rabbitmq_owner).
  type: str
  returned: always
steps:
  description: The plan as P(taskstack.celery.what_if#module) takes it.
  type: list
  elements: dict
  returned: when there are no problems
acts:
  description: Whether the role has to look and act itself, since not everything can be told from files and objects.
  type: bool
  returned: when there are no problems
definitions:
  description: Objects as P(taskstack.celery.rabbitmq_definitions#module) takes them.
  type: dict
  returned: when there are no problems
"""

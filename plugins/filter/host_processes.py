# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: options of workers, beat and Flower on one host to the definitions of all its processes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: host_processes
short_description: Make the process definitions of all kinds on one host
version_added: 1.0.0
description:
  - Does for several kinds at once what P(taskstack.celery.processes#filter) does for one, so that one task can hand all
    processes of a host to its supervisor. Pure; names the mistakes of all kinds at once.
positional: stack
options:
  _input:
    description:
      - One dictionary per kind with C(kind), C(options) and, where needed, C(defaults) and C(places), as
        P(taskstack.celery.processes#filter) takes them.
    type: list
    elements: dict
    required: true
  stack:
    description:
      - What is the same for all processes on the host, as P(taskstack.celery.processes#filter) takes it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the definitions of a worker and of beat
  ansible.builtin.debug:
    msg: "{{ parts | taskstack.celery.host_processes(stack) }}"
  vars:
    parts:
      - {kind: worker, options: [{name: crop, queues: [celery]}], defaults: {stop_timeout: 3600}}
      - {kind: beat, options: {}}
    stack: {name: catmaid, host: worker1, directory: /opt/catmaid, user: www-data, supervisor: supervisord}
"""

RETURN = r"""
_value:
  description:
    - Definitions as P(taskstack.celery.processes#filter) makes them, in the order of the kinds.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.parts import all_definitions


def host_processes(parts: list[dict[str, t.Any]], stack: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The definitions, or all mistakes at once."""
    try:
        return all_definitions(parts, stack)
    except TaskstackError as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filter's name and function."""
        return {"host_processes": host_processes}

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: options of workers, beat or Flower to complete process definitions."""

from __future__ import annotations

DOCUMENTATION = r"""
name: processes
short_description: Make complete process definitions of workers, beat or Flower
version_added: 1.0.0
description:
  - Turns options with plain names into the definitions that P(taskstack.celery.processes#module) and the role
    P(taskstack.celery.windows_tasks#role) take. Pure; names every unknown option and wrong value at once.
  - Celery's own options come after C(celery -A app command), the only order that Celery 4 and 5 both take.
positional: kind, stack, defaults
options:
  _input:
    description:
      - For workers a list with one dictionary of options per node, for beat and Flower one dictionary of options.
      - The options of all kinds are C(state), C(log_level), C(stop_timeout), C(memory_max), C(environment),
        C(restart_on) and C(extra_args).
      - The options of a worker are also C(name), C(hostname), C(queues), C(exclude_queues), C(concurrency),
        C(autoscale), C(pool), C(prefetch_multiplier), C(optimization), C(max_tasks_per_child),
        C(max_memory_per_child), C(time_limit), C(soft_time_limit), C(soft_shutdown_timeout), C(events), C(gossip),
        C(mingle), C(heartbeat), C(heartbeat_interval), C(statedb), C(recorder) and C(includes). The role
        P(taskstack.celery.worker#role) tells what each means.
      - The options of beat are also C(schedule_file), C(scheduler) and C(max_interval).
      - The options of Flower are also C(address), C(port), C(url_prefix), C(persistent), C(database),
        C(state_save_interval) in seconds, C(max_tasks) and C(purge_offline_workers). Its secrets do not go through
        this filter, for everyone on the host can read arguments. Flower takes them from environment variables.
    type: raw
    required: true
  kind:
    description:
      - What the options are of.
    type: str
    choices: [worker, beat, flower]
    required: true
  stack:
    description:
      - What is the same for all processes on the host.
      - C(name), C(host), C(directory), C(user) and C(supervisor) are required. C(group) is the user's name when
        left out.
      - C(places) replaces single paths, which are C(launcher), C(environment_file), C(packages_file), C(library),
        C(state) and C(log).
      - C(restart_on) adds files whose change restarts the processes. C(write_paths) is handed through for systemd.
    type: dict
    required: true
  defaults:
    description:
      - Options that hold where an entry does not set them.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show the definition of one worker
  ansible.builtin.debug:
    msg: "{{ nodes | taskstack.celery.processes('worker', stack, {'stop_timeout': 3600}) }}"
  vars:
    nodes:
      - name: crop
        queues: [celery]
    stack:
      name: catmaid
      host: worker1
      directory: /opt/catmaid
      user: www-data
      supervisor: supervisord
"""

RETURN = r"""
_value:
  description:
    - One dictionary per process with C(name), C(kind), C(argv), C(directory), C(user), C(group), C(environment),
      C(log), C(stop_signal), C(stop_timeout), C(state), C(restart_on), C(ready), C(broken), C(memory_max) and
      C(write_paths); beat's also has C(steady_seconds).
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.definitions import definitions


def processes(
    options: t.Any, kind: str, stack: dict[str, t.Any], defaults: dict[str, t.Any] | None = None
) -> list[dict[str, t.Any]]:
    """The definitions, or all mistakes in the options at once."""
    try:
        return definitions(options, kind, stack, defaults or {})
    except TaskstackError as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filter's name and function."""
        return {"processes": processes}

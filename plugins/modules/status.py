#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports on a task stack."""

from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Tell the truth about a Celery task stack in one call
version_added: 1.0.0
author:
  - The taskstack.celery authors (@taskstack)
description:
  - Reports on the broker, its queues, all workers and their tasks, beat, Flower and the recorded tasks, and says in
    sentences what is wrong and what to do.
  - Needs no options on a host that this collection has deployed. It tells what that host can see, and calls the
    rest V(unknown). The broker's host sees all workers.
  - Asks workers through RabbitMQ's management API with the Python standard library, all of them at once, and is
    done as soon as all have answered. It neither needs nor imports Celery, and never looks into a queue.
  - A worker that does not answer is V(silent), never down. A worker with the pool C(solo) cannot answer while it
    runs a task, and is V(busy) when its recorder knows of one.
  - Where tasks wait and no worker of their queue runs any, it looks twice, a second apart, to see whether anything
    moves.
  - The arguments of tasks are never returned, for they may hold personal data.
extends_documentation_fragment:
  - taskstack.celery.stack
  - taskstack.celery.broker
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: none
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: posix
options:
  workers:
    description:
      - Names of the worker nodes that should be there, such as V(crop@host1).
      - Left out, they are those of the deployment.
    type: list
    elements: str
  expected_tasks:
    description:
      - Names of tasks that every worker should know.
    type: list
    elements: str
  flower_url:
    description:
      - Address of Flower as seen from this host.
    type: str
  flower_user:
    description:
      - User of Flower.
    type: str
  flower_password:
    description:
      - Password of O(flower_user).
    type: str
  recorder_directory:
    description:
      - Directory of the recorder on this host.
    type: path
  recent:
    description:
      - How many ended tasks to return.
    type: int
    default: 100
  require:
    description:
      - Fail when something is wrong in these areas, with the sentences that say what.
      - What this host cannot look at is unknown, and fails too. A host that has no address of the broker's management
        API cannot be required to say anything of V(broker), V(workers) and V(queues).
    type: list
    elements: str
    choices: [broker, workers, queues, tasks, flower, beat, versions]
notes:
  - The user of the management API needs the tag C(management), and on the virtual host the permissions configure
    and read C(^taskstack\.inspect\.) and write C(^celery\.pidbox$). With the tag C(monitoring) it also sees the
    enabled plugins of a broker on another machine.
seealso:
  - module: taskstack.celery.purge
  - module: taskstack.celery.revoke
"""

EXAMPLES = r"""
- name: Look at the stack of this host
  taskstack.celery.status:
  register: stack    # stack.problems says in sentences what is wrong

- name: Fail unless broker and workers are in order
  taskstack.celery.status:
    require: [broker, workers]

- name: Look at a stack that something else has deployed
  taskstack.celery.status:
    management_url: https://mq1.example.org:15671
    management_user: monitor
    management_password: "{{ vault_monitor_password }}"
    vhost: openrem
    workers: [default@openrem1]
    flower_url: http://127.0.0.1:5555
"""

RETURN = r"""
broker:
  description:
    - The broker. RV(broker.state) is V(running), V(down) when the connection is refused, V(denied) when the login
      is, or V(unknown).
  returned: always
  type: dict
  contains:
    state: {description: State of the broker., type: str, sample: running}
    version: {description: Version of RabbitMQ., type: str, sample: 4.0.5}
    erlang: {description: Version of Erlang., type: str}
    cluster: {description: Name of the cluster., type: str}
    alarms: {description: "Alarms in effect, or none when they cannot be seen.", type: list, elements: str}
    plugins: {description: "Enabled plugins, or none when they cannot be seen.", type: list, elements: str}
    detail: {description: What went wrong., type: str}
celery:
  description:
    - All workers in one word. V(down) means that the broker knows of no worker; V(silent) that those it knows do
      not answer.
  returned: always
  type: dict
  contains:
    state: {description: One of V(up) V(silent) V(down) V(unknown)., type: str}
    up: {description: How many workers answered., type: int}
    busy: {description: How many solo workers cannot answer because they have a task., type: int}
    workers: {description: How many there are or should be., type: int}
queues:
  description: The queues that hold tasks. Counts are exact; consumers may be five seconds old.
  returned: always
  type: list
  elements: dict
  sample:
    - {name: celery, waiting: 3, unacknowledged: 1, consumers: 1, type: classic, state: running, offline: [],
       stuck: false}
workers:
  description: Every worker that is connected or should be. What a worker did not tell is none.
  returned: always
  type: list
  elements: dict
  contains:
    node: {description: Name of the node., type: str, sample: crop@host1}
    state:
      description:
        - V(up), V(busy) (a solo worker with a task), V(silent) (connected but no answer), V(missing) (not connected),
          V(unexpected) (connected, and not in the inventory), V(stopped) or V(stopping) (on purpose), or V(unknown).
      type: str
    connected: {description: Whether the broker knows it., type: bool}
    answers: {description: Whether it answered., type: bool}
    expected: {description: Whether the deployment knows this worker., type: bool}
    readable: {description: Whether its answers could be read. V(false) for a serializer other than JSON., type: bool}
    pool: {description: Its pool., type: str, sample: prefork}
    concurrency: {description: How many tasks it runs at a time., type: int}
    queues: {description: Queues it consumes., type: list, elements: str}
    registered: {description: Tasks it knows., type: list, elements: str}
    active: {description: Tasks it runs., type: list, elements: dict}
    reserved: {description: Tasks it has fetched and not begun., type: list, elements: dict}
    scheduled: {description: Tasks it keeps until their time., type: list, elements: dict}
    done: {description: How many tasks it has begun since its start., type: int}
    celery: {description: Its version of Celery., type: str}
    python: {description: Its version of Python., type: str}
    kombu: {description: Its version of kombu., type: str}
    renews_consumers:
      description: Whether it takes other tasks while scheduled ones fill its prefetch, as those of this collection do.
      type: bool
    topics: {description: Those of its queues that have a topic exchange., type: list, elements: str}
    pid: {description: Its process., type: int}
    uptime: {description: Seconds since its start., type: int}
    prefetch: {description: How many tasks it fetches ahead., type: int}
flower:
  description: Flower.
  returned: always
  type: dict
  contains:
    state: {description: "One of V(up) V(denied) V(unknown), or V(down) when the connection is refused.", type: str}
    url: {description: Its address as seen from this host., type: str}
    detail: {description: What went wrong., type: str}
beat:
  description:
    - Beat, as far as this host sees it.
  returned: always
  type: dict
  contains:
    state: {description: One of V(up) V(frozen) V(down) V(unknown)., type: str}
    host: {description: Where the deployment has it., type: str}
    pids: {description: Its processes on this host., type: list, elements: int}
schedule:
  description: What beat sends, as beat itself tells; empty where this host runs none.
  returned: always
  type: list
  elements: dict
  contains:
    entry: {description: Name of the entry., type: str, sample: nightly clean-up}
    task: {description: The task that it sends., type: str}
    schedule: {description: "When, in Celery's words.", type: str, sample: "<crontab: 30 3 * * * (m/h/dM/MY/d)>"}
    sent: {description: When it was last sent since beat started., type: float}
    ids: {description: "Its last tasks, the newest first.", type: list, elements: str}
    error: {description: Why it could not be sent., type: str}
    failed: {description: When it could not be sent., type: float}
    state: {description: "How the last of them ended that is recorded on the hosts asked.", type: str}
    ended: {description: When., type: float}
tasks:
  description:
    - Tasks in the hands of workers, the longest running first, then recorded tasks, the newest first.
  returned: always
  type: list
  elements: dict
  sample:
    - {id: 5100e024-62a9-45f9-be72-24505b900a8b, name: mysite.tasks.crop, state: active, worker: crop@host1,
       queue: celery, received: null, started: 1795226695.8, ended: null, runtime: 12.4, eta: null}
problems:
  description: What is wrong and what to do, in sentences, the most fundamental first.
  returned: always
  type: list
  elements: str
findings:
  description:
    - The same as data. V(area) is one of those of O(require), or V(hosts) for a host that could not be asked; V(kind)
      and V(subject) say what is wrong with whom; V(also) names further areas that suffer;
        V(problem) is the sentence. What else there is depends on the kind.
  returned: always
  type: list
  elements: dict
  sample:
    - {area: workers, kind: worker_missing, subject: crop@host1, host: host1, program: catmaid-crop, process: null,
       problem: Worker crop@host1 is in the inventory but not connected to the broker.}
unknown:
  description: The areas of which something that should be there could not be looked at from here.
  returned: always
  type: list
  elements: str
  sample: [beat]
healthy:
  description: Whether there are no problems and nothing is unknown.
  returned: always
  type: bool
seen:
  description:
    - What only this host can tell, from which P(taskstack.celery.status_merge#filter) makes one report of many. Its
      keys may change.
  returned: always
  type: list
  elements: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, plain, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._stack import target
from ansible_collections.taskstack.celery.plugins.module_utils._status import collect, unknown
from ansible_collections.taskstack.celery.plugins.module_utils._status import report as status_report

STATUS_ARGS: dict[str, dict[str, t.Any]] = {
    "workers": {"type": "list", "elements": "str"},
    "expected_tasks": {"type": "list", "elements": "str"},
    "flower_url": {"type": "str"},
    "flower_user": {"type": "str"},
    "flower_password": {"type": "str", "no_log": True},
    "recorder_directory": {"type": "path"},
    "recent": {"type": "int", "default": 100},
    "require": {"type": "list", "elements": "str", "choices": list(unknown.AREAS)},
}


def run(params: t.Mapping[str, t.Any], directory: str = target.DIRECTORY) -> dict[str, t.Any]:
    """Look and report."""
    description = target.load(params["name"], directory)
    facts = collect.look(target.settle(params, description), description)
    return {"changed": False, **status_report.fold(facts, params["recent"])}


def main() -> None:
    """Run as a module."""
    module = AnsibleModule(argument_spec={**target.STACK_ARGS, **STATUS_ARGS}, supports_check_mode=True)
    try:
        report = run(module.params)
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc))
    wrong = unknown.failures(report, module.params["require"] or [])
    if wrong:
        module.fail_json(msg=plain(" ".join(wrong)), **report)
    module.exit_json(**report)


if __name__ == "__main__":
    main()

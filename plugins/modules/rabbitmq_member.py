#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: one node of a RabbitMQ cluster joins, or may stop."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rabbitmq_member
short_description: Let a node of a RabbitMQ cluster join, or stop, only while that harms nobody
version_added: 1.0.0
description:
  - What has to happen around the start and the stop of one node of a RabbitMQ cluster. It does not start or stop
    the node itself; put it before and after the task that does.
  - Uses RabbitMQ's command line tools on the node, which need no login.
author:
  - The taskstack.celery authors (@taskstack)
requirements:
  - RabbitMQ 3.8 or later on this host, and root
options:
  members:
    description: The names of all nodes that the cluster should have, such as V(rabbit@mq1).
    type: list
    elements: str
    required: true
  node:
    description: The name of the node on this host.
    type: str
    required: true
  state:
    description:
      - V(joinable) belongs before a start. When this node has no database but the others know it, they forget it and
        the copies that it has lost. RabbitMQ 4.0 would otherwise start it alone, beside its cluster.
      - V(joined) belongs after a start, and does no harm at any other time. Waits until the node is in its cluster and
        has caught up, ends its maintenance, and gives it replicas of quorum queues that have fewer than three. A node
        that started alone with an empty database joins the others; one that started alone and holds queues is refused.
        A node that stayed down after a network cut is started.
      - V(stoppable) belongs before a stop. Waits until all others run and every queue has all its copies, then puts the
        node into maintenance, so that its clients go elsewhere. Fails when that does not happen in time.
      - V(upgradable) belongs before an upgrade of the package, on all nodes before the first stops. Fails with
        everything at once that prevents it.
    type: str
    choices: [joinable, joined, stoppable, upgradable]
    required: true
  forget:
    description:
      - With O(state=joined), nodes that are stopped for good and that the cluster should forget.
      - Nothing else ever removes a node.
    type: list
    elements: str
    default: []
  installed:
    description: With O(state=upgradable), the version of the package that is there.
    type: str
    default: ""
  candidate:
    description: With O(state=upgradable), the version that is to follow.
    type: str
    default: ""
  database:
    description: The directory in which this node keeps its database.
    type: path
    default: /var/lib/rabbitmq/mnesia/<node>
  timeout:
    description: Seconds to wait for the others.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
    description: Tells what would be done, and fails at once for what a real run would wait for.
  diff_mode:
    support: none
    description: What is done is in RV(done).
  platform:
    support: full
    description: Linux hosts with RabbitMQ.
    platforms: posix
"""

EXAMPLES = r"""
- name: Wait until this node may stop
  taskstack.celery.rabbitmq_member:
    node: rabbit@mq1
    members: [rabbit@mq1, rabbit@mq2, rabbit@mq3]
    state: stoppable

- name: Wait until it is back in its cluster and takes clients again
  taskstack.celery.rabbitmq_member:
    node: rabbit@mq1
    members: [rabbit@mq1, rabbit@mq2, rabbit@mq3]
    state: joined
"""

RETURN = r"""
done:
  description: What was done, or would be, in sentences.
  returned: success
  type: list
  elements: str
  sample: [rabbit@mq1 hands over to the others]
unlisted:
  description: Nodes that the cluster knows and O(members) does not name.
  returned: success
  type: list
  elements: str
  sample: []
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.taskstack.celery.plugins.module_utils._cluster.member import Member
from ansible_collections.taskstack.celery.plugins.module_utils._cluster.rabbitmqctl import Nodes
from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, sentence

DATABASE = "/var/lib/rabbitmq/mnesia/<node>"
ARGS: dict[str, dict[str, t.Any]] = {
    "members": {"type": "list", "elements": "str", "required": True},
    "node": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["joinable", "joined", "stoppable", "upgradable"], "required": True},
    "installed": {"type": "str", "default": ""},
    "candidate": {"type": "str", "default": ""},
    "forget": {"type": "list", "elements": "str", "default": []},
    "database": {"type": "path", "default": DATABASE},
    "timeout": {"type": "int", "default": 300},
}


def run(params: dict[str, t.Any], member: Member) -> dict[str, t.Any]:
    """Do what belongs before or after a start or stop."""
    unlisted: list[str] = []
    if params["state"] == "joinable":
        member.before_start()
    elif params["state"] == "joined":
        unlisted = member.after_start(params["forget"])
    elif params["state"] == "stoppable":
        member.before_stop()
    else:
        member.check_upgrade(params["installed"], params["candidate"])
    return {"changed": bool(member.done), "done": member.done, "unlisted": unlisted}


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(argument_spec=ARGS, supports_check_mode=True)
    params = module.params
    if params["node"] not in params["members"]:
        module.fail_json(msg=f"node {params['node']} is not among members: {', '.join(params['members'])}.")
    # Names of queues may hold any letter.
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8"}
    nodes = Nodes(module.run_command, params["node"], params["database"].replace("<node>", params["node"]))
    member = Member(nodes, params["members"], time, params["timeout"], module.check_mode)
    try:
        module.exit_json(**run(params, member))
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc), done=member.done)


if __name__ == "__main__":
    main()

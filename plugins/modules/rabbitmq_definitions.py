#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that a broker holds for its applications, in one task."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rabbitmq_definitions
short_description: Manages virtual hosts, users, permissions, policies, queues and all else a RabbitMQ broker holds
version_added: 1.0.0
description:
  - Reads the broker's definitions once, compares them with what is listed, and writes only the difference, in few
    requests.
  - Passwords are compared with the salted hash that the broker stores, so a second run changes nothing.
  - Everything that speaks against the changes is found and named before the first one is made.
  - Lists and their fields are named as in RabbitMQ's own definitions file.
options:
  state:
    description:
      - V(present) creates and updates what is listed and leaves everything else alone.
      - V(exact) also removes what is not listed, within O(scope).
      - Never removed are the user that the module logs in as, its permissions, and what the broker or clients made
        for themselves.
    type: str
    choices: [present, exact]
    default: present
  scope:
    description:
      - Where O(state=exact) may remove. Required with it, ignored otherwise.
    type: dict
    suboptions:
      kinds:
        description:
          - The lists that are complete, for example V(policies).
        type: list
        elements: str
        required: true
        choices:
          - vhosts
          - users
          - permissions
          - topic_permissions
          - user_limits
          - vhost_limits
          - global_parameters
          - parameters
          - operator_policies
          - policies
          - exchanges
          - queues
          - bindings
      vhosts:
        description:
          - The virtual hosts in which they are complete. Needed for kinds that live in one; nothing is removed in
            others.
        type: list
        elements: str
      names:
        description:
          - A regular expression. Only objects whose name matches are removed.
          - For permissions and user limits that is the user, for bindings the destination, for vhost limits the
            virtual host.
        type: str
  stack:
    description:
      - Name of a stack. Virtual hosts and logins that are created are noted in its list of created things first, on the
        host that this runs on (module M(taskstack.celery.created)).
    type: str
  purposes:
    description:
      - Logins of O(stack) by what they are for.
      - Another login that an earlier run created for the same purpose is deleted.
    type: dict
    default: {}
  force:
    description:
      - Also delete queues that hold messages and virtual hosts that hold queues. The messages are lost.
      - Classic queues are checked by the broker itself in the moment of deletion. It cannot do that for quorum queues
        and streams; their
        count is read after waiting until it is fresh, some seconds.
    type: bool
    default: false
  local_administrator:
    description:
      - For the broker on this host. When it refuses O(management_user), or does not take it for an administrator, make
        it one first, with RabbitMQ's command line tools, which need no login. Needs root.
      - Check mode says that the user would be made and cannot tell what else would change then.
    type: bool
    default: false
  vhosts:
    description:
      - Virtual hosts.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name, for example V(/) or V(catmaid).
        type: str
        required: true
      description:
        description: What it is for. Left alone when not given.
        type: str
      tags:
        description: Tags. Left alone when not given.
        type: list
        elements: str
      default_queue_type:
        description: Type of queues whose clients name none, from RabbitMQ 3.11 on. Left alone when not given.
        type: str
        choices: [classic, quorum, stream]
  users:
    description:
      - Users.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name.
        type: str
        required: true
      password:
        description:
          - Password. Left alone when neither this nor O(users[].password_hash) is given; a new user needs one of
            them.
        type: str
      password_hash:
        description: The salted hash as RabbitMQ stores and exports it. Empty forbids logins by password.
        type: str
      hashing_algorithm:
        description: How O(users[].password_hash) was made. That of the stored one, or sha256, when not given.
        type: str
        choices: [rabbit_password_hashing_sha256, rabbit_password_hashing_sha512]
      tags:
        description:
          - Rights on the management API, for example V(administrator). Left alone when not given, none for a new
            user.
        type: list
        elements: str
  permissions:
    description:
      - What users may do in virtual hosts, as regular expressions on names of queues and exchanges.
    type: list
    elements: dict
    default: []
    suboptions:
      vhost:
        description: Name of the virtual host.
        type: str
        default: /
      user:
        description: Name of the user.
        type: str
        required: true
      configure:
        description: What the user may declare and delete.
        type: str
        default: ^$
      write:
        description: What the user may write to.
        type: str
        default: ^$
      read:
        description: What the user may read from.
        type: str
        default: ^$
  topic_permissions:
    description:
      - Which routing keys users may use on topic exchanges.
    type: list
    elements: dict
    default: []
    suboptions:
      vhost:
        description: Name of the virtual host.
        type: str
        default: /
      user:
        description: Name of the user.
        type: str
        required: true
      exchange:
        description: Name of the topic exchange.
        type: str
        required: true
      write:
        description: Routing keys that the user may publish with.
        type: str
        default: ^$
      read:
        description: Routing keys that the user may bind with.
        type: str
        default: ^$
  user_limits:
    description:
      - Limits of users.
    type: list
    elements: dict
    default: []
    suboptions:
      user:
        description: Name of the user.
        type: str
        required: true
      max_connections:
        description: Connections at most. Left alone when not given.
        type: int
      max_channels:
        description: Channels at most. Left alone when not given.
        type: int
  vhost_limits:
    description:
      - Limits of virtual hosts.
    type: list
    elements: dict
    default: []
    suboptions:
      vhost:
        description: Name of the virtual host.
        type: str
        required: true
      max_connections:
        description: Connections at most. Left alone when not given.
        type: int
      max_queues:
        description: Queues at most. Left alone when not given.
        type: int
  global_parameters:
    description:
      - Runtime parameters of the whole broker.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name.
        type: str
        required: true
      value:
        description: Value, of any type.
        type: raw
        required: true
  parameters:
    description:
      - Runtime parameters of virtual hosts, for example shovels and federation upstreams.
      - Passwords inside addresses are masked in all output.
    type: list
    elements: dict
    default: []
    suboptions:
      vhost:
        description: Name of the virtual host.
        type: str
        default: /
      component:
        description: What the parameter configures, for example V(shovel).
        type: str
        required: true
      name:
        description: Name.
        type: str
        required: true
      value:
        description: Value, of any type.
        type: raw
        required: true
  operator_policies:
    description:
      - Policies that win over those in O(policies).
    type: list
    elements: dict
    default: []
    suboptions:
      vhost:
        description: Name of the virtual host.
        type: str
        default: /
      name:
        description: Name.
        type: str
        required: true
      pattern:
        description: Regular expression on the names of the queues or exchanges.
        type: str
        required: true
      apply_to:
        description: What the policy applies to.
        type: str
        choices: [all, queues, classic_queues, quorum_queues, streams, exchanges]
        default: queues
      priority:
        description: Of several policies that match, the one with the highest priority applies.
        type: int
        default: 0
      definition:
        description: "What it sets, in the broker's words, for example C({max-length: 10000})."
        type: dict
        required: true
  policies:
    description:
      - Policies, settings of queues and exchanges that can be changed at any time.
    type: list
    elements: dict
    default: []
    suboptions:
      vhost:
        description: Name of the virtual host.
        type: str
        default: /
      name:
        description: Name.
        type: str
        required: true
      pattern:
        description: Regular expression on the names of the queues or exchanges.
        type: str
        required: true
      apply_to:
        description: What the policy applies to.
        type: str
        choices: [all, queues, classic_queues, quorum_queues, streams, exchanges]
        default: all
      priority:
        description: Of several policies that match, the one with the highest priority applies.
        type: int
        default: 0
      definition:
        description: "What it sets, in the broker's words, for example C({max-length: 10000})."
        type: dict
        required: true
  exchanges:
    description:
      - Durable exchanges. Transient ones are for the clients to declare.
    type: list
    elements: dict
    default: []
    suboptions:
      vhost:
        description: Name of the virtual host.
        type: str
        default: /
      name:
        description: Name.
        type: str
        required: true
      type:
        description: V(direct), V(fanout), V(topic), V(headers), or what a plugin adds.
        type: str
        default: direct
      auto_delete:
        description: Whether it goes with its last binding.
        type: bool
        default: false
      internal:
        description: Whether clients cannot publish to it.
        type: bool
        default: false
      arguments:
        description: Arguments.
        type: dict
        default: {}
  queues:
    description:
      - Durable queues. Transient and exclusive ones are for the clients to declare.
      - A queue that exists with other arguments is refused, since it could only be deleted and made anew.
    type: list
    elements: dict
    default: []
    suboptions:
      vhost:
        description: Name of the virtual host.
        type: str
        default: /
      name:
        description: Name.
        type: str
        required: true
      auto_delete:
        description: Whether it goes with its last consumer.
        type: bool
        default: false
      arguments:
        description: "Arguments, for example C({x-queue-type: quorum}). Without C(x-queue-type) any type will do."
        type: dict
        default: {}
  bindings:
    description:
      - Bindings from exchanges to queues or other exchanges.
    type: list
    elements: dict
    default: []
    suboptions:
      vhost:
        description: Name of the virtual host.
        type: str
        default: /
      source:
        description: Name of the exchange.
        type: str
        required: true
      destination:
        description: Name of the queue or exchange.
        type: str
        required: true
      destination_type:
        description: What the destination is.
        type: str
        choices: [queue, exchange]
        default: queue
      routing_key:
        description: Routing key.
        type: str
        default: ''
      arguments:
        description: Arguments.
        type: dict
        default: {}
extends_documentation_fragment:
  - taskstack.celery.broker
attributes:
  check_mode:
    description: Predicts exactly what the run would change, including what would be refused.
    support: full
  diff_mode:
    description: Shows what differs, and of passwords only that they differ.
    support: full
  platform:
    description: Where the module runs. The broker may be elsewhere.
    platforms: posix
    support: full
author:
  - The taskstack.celery authors (@taskstack)
seealso:
  - name: Definitions of RabbitMQ
    description: The form of the lists.
    link: https://www.rabbitmq.com/docs/definitions
"""

EXAMPLES = r"""
- name: Give an application its virtual host, its login and a bounded queue
  taskstack.celery.rabbitmq_definitions:
    management_user: admin
    management_password: "{{ rabbitmq_admin_password }}"
    vhosts:
      - name: catmaid
    users:
      - name: catmaid
        password: "{{ taskstack_broker_password }}"
    permissions:
      - {user: catmaid, vhost: catmaid, configure: .*, write: .*, read: .*}
    queues:
      - {name: celery, vhost: catmaid}
    policies:
      - {name: bounded, vhost: catmaid, pattern: ^celery$, apply_to: queues, definition: {max-length: 100000}}

- name: Have exactly these policies in the virtual host
  taskstack.celery.rabbitmq_definitions:
    management_user: admin
    management_password: "{{ rabbitmq_admin_password }}"
    state: exact
    scope:
      kinds: [policies]
      vhosts: [catmaid]
    policies:
      - {name: bounded, vhost: catmaid, pattern: ^celery$, apply_to: queues, definition: {max-length: 100000}}
"""

RETURN = r"""
changes:
  description: What was changed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: The list it belongs to.
      type: str
    name:
      description: Its name, after that of its virtual host.
      type: str
    action:
      description: One of V(created), V(changed) and V(removed).
      type: str
  sample: [{kind: queues, name: catmaid/celery, action: created}]
version:
  description: Version of the broker.
  returned: success
  type: str
  sample: 4.0.5
"""

import functools

from ansible_collections.taskstack.celery.plugins.module_utils._broker.arguments import BROKER_ARGS
from ansible_collections.taskstack.celery.plugins.module_utils._broker.client import Broker
from ansible_collections.taskstack.celery.plugins.module_utils._cluster import administrator
from ansible_collections.taskstack.celery.plugins.module_utils._definitions import show
from ansible_collections.taskstack.celery.plugins.module_utils._definitions.arguments import DEFINITION_ARGS
from ansible_collections.taskstack.celery.plugins.module_utils._definitions.run import run_here
from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._host.quiet import QuietModule


def main() -> None:
    """Run as an Ansible module."""
    module = QuietModule(
        argument_spec={**DEFINITION_ARGS, **BROKER_ARGS},
        required_if=[["state", "exact", ["scope"]]],
        supports_check_mode=True,
    )
    module.no_log_values.update(show.url_passwords(module.params))
    try:
        make = functools.partial(administrator.make, module.run_command)
        module.exit_json(**run_here(module.params, Broker(module.params), module.check_mode, make))
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc))


if __name__ == "__main__":
    main()

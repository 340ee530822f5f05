#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on a host before a deployment."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_facts
short_description: What is on a host before a stack is deployed there
version_added: 1.0.0
description:
  - Looks, in a few milliseconds and without asking any service, at what a deployment depends on.
  - The roles skip a package manager that would find nothing to do, and F(playbooks/site.yml) refuses a host whose
    RabbitMQ or supervisord serves something else.
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
    description: Linux; packages are known on Debian only.
    platforms: posix
options:
  names:
    description:
      - Hosts that this one has to find by name, such as the broker's.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: See what the host has
  taskstack.celery.host_facts:

- name: See also whether it finds the broker's host
  taskstack.celery.host_facts:
    names: [mq1.example.org]
"""

RETURN = r"""
ansible_facts:
  description: The findings.
  returned: always
  type: dict
  contains:
    taskstack_host:
      description: All of them.
      returned: always
      type: dict
      contains:
        packages:
          description: Names of the installed Debian packages.
          type: list
          elements: str
          returned: always
        init:
          description: Whether systemd is the init of this host.
          type: bool
          returned: always
        rabbitmq:
          description: V(absent), V(ours), or V(foreign) for one that this collection did not configure.
          type: str
          returned: always
        rabbitmq_owner:
          description: The stack that set RabbitMQ up; empty when none says so.
          type: str
          returned: always
        rabbitmq_listeners:
          description: Where RabbitMQ listens for AMQP without TLS, as its configuration says.
          type: list
          elements: str
          returned: always
        rabbitmq_runs:
          description: Whether a process of RabbitMQ runs.
          type: bool
          returned: always
        rabbitmq_configurations:
          description: The fingerprints of our configurations with which running processes of RabbitMQ were started.
          type: list
          elements: str
          returned: always
        rabbitmq_nodes:
          description: Names of the RabbitMQ nodes that have a database on this host.
          type: list
          elements: str
          returned: always
        rabbitmq_plugins:
          description: Names of the plugins that the installed RabbitMQ ships.
          type: list
          elements: str
          returned: always
        accounts:
          description: Names of the local accounts.
          type: list
          elements: str
          returned: always
        groups:
          description: Names of the local groups.
          type: list
          elements: str
          returned: always
        supervisord_answers:
          description: Whether a supervisord listens at F(/var/run/supervisor.sock).
          type: bool
          returned: always
        supervisord:
          description: The same for supervisord.
          type: str
          returned: always
        unresolved:
          description: Those of O(names) that this host cannot find.
          type: list
          elements: str
          returned: always
        stacks:
          description: By name of a stack its C(user), C(beat) and number of C(processes) here, by its last deployment.
          type: dict
          returned: always
        strangers:
          description: Files that configure programs of others under supervisord.
          type: list
          elements: str
          returned: always
"""

import contextlib
import glob
import grp
import os
import pwd
import socket
import subprocess
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._files import disk
from ansible_collections.taskstack.celery.plugins.module_utils._host import facts

ARGS = {"names": {"type": "list", "elements": "str", "default": []}}
BROKER = "/var/lib/rabbitmq/mnesia"
# Mnesia's file, and Khepri's directory.
DATABASES = ("schema.DAT", "coordination")


def read(*patterns: str) -> dict[str, str]:
    """The content of all files that match."""
    nodes = [disk.look(path) for pattern in patterns for path in sorted(glob.glob(pattern))]
    return {node.path: (node.content or b"").decode(errors="replace") for node in nodes if node}


def answers(path: str) -> bool:
    """Whether somebody listens at a unix socket; one that is left behind refuses."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


def resolves(name: str) -> bool:
    """Whether the name, or address, is one that this host can connect to."""
    try:
        return bool(socket.getaddrinfo(name, None))
    except (OSError, UnicodeError):
        return False


def brokers(user: str = "rabbitmq", program: str = "beam") -> tuple[bool, list[str]]:
    """Whether Erlang runs as RabbitMQ's account, and with which of our configurations it was started."""
    found = []
    for folder in glob.glob("/proc/[0-9]*"):
        # Processes come and go while one looks, and an account may be missing.
        with contextlib.suppress(OSError, KeyError), open(f"{folder}/comm", encoding="utf-8") as file:
            if file.read().startswith(program) and os.stat(folder).st_uid == pwd.getpwnam(user).pw_uid:
                found.append(f"{folder}/environ")
    # In a container root may not look into other users' processes, the broker's user into its own.
    look = ["runuser", "-u", user, "--", "cat", *found]
    seen = subprocess.run(look, capture_output=True, check=False).stdout if found and os.geteuid() == 0 else b""
    return bool(found), facts.configurations(seen)


def run(names: t.Iterable[str] = ()) -> dict[str, t.Any]:
    """What the host has, and which of the names it cannot find."""
    packages = facts.packages("".join(read("/var/lib/dpkg/status").values()))
    listens = facts.AMQP in facts.listening(read("/proc/net/tcp", "/proc/net/tcp6").values())
    rabbitmq = read("/etc/rabbitmq/*.conf")
    runs, configurations = brokers()
    shipped = glob.glob("/usr/lib/rabbitmq/plugins/*") + glob.glob("/usr/lib/rabbitmq/lib/*/plugins/*")
    databases = [path for name in DATABASES for path in glob.glob(f"{BROKER}/*/{name}")]
    programs = read("/etc/supervisor/conf.d/*", "/etc/supervisord.d/*")
    return {
        "packages": packages,
        "init": os.path.isdir("/run/systemd/system"),
        "rabbitmq": facts.owner(listens or bool(glob.glob(f"{BROKER}/*")), rabbitmq),
        "rabbitmq_owner": facts.stack("".join(rabbitmq.values())),
        "rabbitmq_listeners": facts.listeners("".join(rabbitmq.values())),
        "rabbitmq_runs": runs,
        "rabbitmq_configurations": configurations,
        "rabbitmq_nodes": sorted({path.split("/")[-2] for path in databases}),
        "rabbitmq_plugins": facts.plugins(map(os.path.basename, shipped)),
        "accounts": sorted(account.pw_name for account in pwd.getpwall()),
        "groups": sorted(group.gr_name for group in grp.getgrall()),
        "supervisord_answers": answers("/var/run/supervisor.sock"),
        "supervisord": facts.owner(bool(facts.strangers(programs)), {}),
        "strangers": facts.strangers(programs),
        "unresolved": [name for name in names if not resolves(name)],
        "stacks": facts.stacks(read("/etc/taskstack/*.json")),
    }


def main() -> None:
    """Run as a module."""
    module = AnsibleModule(argument_spec=ARGS, supports_check_mode=True)
    try:
        module.exit_json(changed=False, ansible_facts={"taskstack_host": run(module.params["names"])})
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc))


if __name__ == "__main__":
    main()

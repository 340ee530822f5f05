# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of the broker, with everything about it that several parts of its plan need. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .broker_access import LOOPBACK
from .role_defaults import given_or_default, role_defaults
from .variables import Variables, true

_DEFAULTS = role_defaults("rabbitmq")
_GROUPS = ("rabbitmq", "worker", "beat", "flower")
#: Listening on every address, and on this machine's own alone.
EVERYWHERE, HERE = "5672", f"{LOOPBACK}:5672"
#: Of a broker that no stack has set up.
NO_STACK = "no stack"
TLS_DIRECTORY = "/etc/rabbitmq/tls"


@dataclass(frozen=True)
class BrokerHost:
    """A host with its variables, and what module host_facts has found on it."""

    host: str
    given: Variables
    groups: t.Mapping[str, t.Sequence[str]]
    facts: Variables

    def get(self, name: str) -> t.Any:
        """A variable; its role's default, or None, where it is not given."""
        return given_or_default(self.given, _DEFAULTS, name)

    @property
    def stack(self) -> str:
        """The stack whose objects it gets; empty where the role is used for a broker alone."""
        return str(self.get("taskstack_name") or "")

    @property
    def owner(self) -> str:
        """Whose broker its configuration says that it is."""
        return self.stack or NO_STACK

    @property
    def vhost(self) -> str:
        """The stack's virtual host."""
        return str(self.get("taskstack_broker_vhost") or self.stack)

    @property
    def user(self) -> str:
        """The login of the stack's processes."""
        return str(self.get("taskstack_broker_user") or self.stack)

    @property
    def monitor(self) -> str:
        """The login of status and Flower."""
        return str(self.get("taskstack_monitor_user") or f"{self.stack}-monitor")

    @property
    def administrator(self) -> str:
        """The login of the role itself."""
        return str(self.get("rabbitmq_admin_user"))

    @property
    def shares(self) -> bool:
        """Whether a broker not managed by this collection is accepted: it gets the stack's objects and nothing else."""
        return true(self.get("taskstack_share_host") or False)

    @property
    def node(self) -> str:
        """The name of its broker node."""
        return str(self.get("rabbitmq_node_name"))

    @property
    def peers(self) -> list[str]:
        """The broker nodes of the cluster, as far as the inventory names them."""
        return [str(peer) for peer in self.get("rabbitmq_peers")]

    @property
    def clustered(self) -> bool:
        """Whether other broker nodes belong to it."""
        return len(self.peers) > 1

    @property
    def members(self) -> list[str]:
        """All broker nodes; they share what is created in one of them."""
        return self.peers or [self.node]

    @property
    def queue_type(self) -> str:
        """Of queues whose clients name none."""
        return str(self.get("rabbitmq_queue_type") or ("quorum" if self.clustered else "classic"))

    @property
    def plugins(self) -> list[str]:
        """What runs in the broker."""
        return sorted({"rabbitmq_management", *map(str, self.get("rabbitmq_plugins"))})

    @property
    def tls(self) -> bool:
        """Whether it has a certificate."""
        return self.get("rabbitmq_tls_certificate_file") is not None

    @property
    def listeners(self) -> list[str]:
        """Where it listens for AMQP: loopback where the whole stack is on this host, else all addresses.

        What our configuration has it listen on now stays on one host: clients that no inventory knows may use it.
        """
        chosen = self.get("rabbitmq_listeners")
        if chosen is not None:
            return [str(one) for one in chosen]
        hosts = {member for group in _GROUPS for member in self.groups.get(group) or []}
        if hosts != {self.host} or not self.groups.get("worker") or self._elsewhere:
            return [EVERYWHERE]
        present = self.facts["rabbitmq_listeners"] if self.facts["rabbitmq_owner"] == self.owner else []
        return list(present) or [HERE]

    @property
    def _elsewhere(self) -> bool:
        """Whether clients are told another address than loopback."""
        told = str(self.get("taskstack_broker_host") or LOOPBACK)
        return self.get("taskstack_broker_hosts") is not None or self.clustered or told not in (LOOPBACK, "localhost")

    @property
    def management_address(self) -> str:
        """Where the management API listens without TLS; with TLS everybody else has to use that."""
        return LOOPBACK if self.tls else str(self.get("rabbitmq_management_address"))

    @property
    def management_url(self) -> str:
        """The management API as the broker's own host sees it."""
        address = LOOPBACK if self.management_address in ("0.0.0.0", "::") else self.management_address
        return f"http://{f'[{address}]' if ':' in address else address}:{self.get('rabbitmq_management_port')}"

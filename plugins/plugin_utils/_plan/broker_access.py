# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the processes of a host reach the broker: URLs, the names that TLS verifies, the management API. Pure."""

from __future__ import annotations

import random
import typing as t
from urllib.parse import quote

from .variables import Variables, true

LOOPBACK = "127.0.0.1"


class BrokerAccess:
    """What one host of a stack needs to know of the broker."""

    def __init__(self, host: str, given: Variables, brokers: t.Sequence[str]) -> None:
        """From the variables of the host and the hosts of group rabbitmq."""
        self._host, self._given, self._brokers = host, given, brokers
        self.on_broker = host in brokers
        verifies = given.get("taskstack_broker_tls_verify")
        self.tls = true(given.get("taskstack_broker_tls") or False)
        self.verifies = self.tls and (verifies is None or true(verifies))

    @property
    def hosts(self) -> list[str]:
        """Celery takes the first that answers, and the next when it is lost."""
        if self._given.get("taskstack_broker_hosts"):
            return list(self._given["taskstack_broker_hosts"])
        if self._given.get("taskstack_broker_host") is not None:
            return [str(self._given["taskstack_broker_host"])]
        if len(self._brokers) < 2:
            return [LOOPBACK if self.on_broker or not self._brokers else self._brokers[0]]
        # Each host has an order of its own, so that the load spreads, and the same in every run.
        order = [str(host) for host in self._brokers]
        random.Random(str(self._host)).shuffle(order)
        return order

    @property
    def url(self) -> str:
        """What Celery connects to, the password in it."""
        user = self._given.get("taskstack_broker_user") or self._given["taskstack_name"]
        login = _login(user, self._given.get("taskstack_broker_password"))
        port = self._given.get("taskstack_broker_port") or (5671 if self.tls else 5672)
        vhost = quote(str(self.vhost), safe="")
        places = (f"[{host}]" if ":" in host else host for host in self.hosts)
        return ";".join(f"{'amqps' if self.tls else 'amqp'}://{login}@{place}:{port}/{vhost}" for place in places)

    @property
    def vhost(self) -> str:
        """The stack's virtual host."""
        return str(self._given.get("taskstack_broker_vhost") or self._given["taskstack_name"])

    @property
    def tls_environment(self) -> dict[str, str]:
        """What roles/application/files/taskstack_tls.py is told; nothing where nothing is verified."""
        if not self.verifies:
            return {}
        names = " ".join(f"{host}={self._certified(host)}" for host in self.hosts)
        authorities = self._given.get("taskstack_broker_ca_file")
        return {"TASKSTACK_TLS_NAMES": names, **({"TASKSTACK_TLS_CA": authorities} if authorities else {})}

    def _certified(self, host: str) -> str:
        named = self._given.get("taskstack_broker_tls_name")
        chosen = self._given.get("taskstack_broker_host") or self._given.get("taskstack_broker_hosts")
        # On its own host the broker is connected to by its address, and its certificate has the name that others use.
        loopback = self.on_broker and not chosen and host == LOOPBACK
        return str(named or (self._host if loopback else host))

    @property
    def management_url(self) -> str | None:
        """The management API as this host sees it."""
        return self._given.get("taskstack_management_url") or (f"http://{LOOPBACK}:15672" if self.on_broker else None)

    @property
    def monitor(self) -> str:
        """The login of the management API that status and Flower have."""
        return str(self._given.get("taskstack_monitor_user") or f"{self._given['taskstack_name']}-monitor")

    @property
    def flower_api(self) -> str | None:
        """Flower takes login and address of the management API as one URL."""
        if not self.management_url:
            return None
        login = _login(self.monitor, self._given.get("taskstack_monitor_password"))
        return self.management_url.replace("://", f"://{login}@") + "/api/"

    @property
    def management_verifies(self) -> bool:
        """Whether the management API speaks TLS."""
        return (self.management_url or "").startswith("https:")


def _login(user: t.Any, password: t.Any) -> str:
    return f"{quote(str(user), safe='')}:{quote(str(password), safe='')}"

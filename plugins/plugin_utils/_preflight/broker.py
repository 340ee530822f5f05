# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the broker on a host is ours to configure, and everything that prevents its deployment. Pure."""

from __future__ import annotations

import json
import re
import typing as t

from .._plan.broker_host import NO_STACK, BrokerHost
from .._plan.broker_objects import LISTS
from .._plan.variables import Variables

# The plugins that every release from 3.10 on ships, without their prefix, for a host that has no RabbitMQ.
PLUGINS = """
    amqp1_0 auth_backend_cache auth_backend_http auth_backend_internal_loopback auth_backend_ldap auth_backend_oauth2
    auth_mechanism_ssl consistent_hash_exchange event_exchange federation federation_management federation_prometheus
    jms_topic_exchange management management_agent mqtt peer_discovery_aws peer_discovery_common peer_discovery_consul
    peer_discovery_etcd peer_discovery_k8s prometheus random_exchange recent_history_exchange sharding shovel
    shovel_management shovel_prometheus stomp stream stream_common stream_management top tracing trust_store
    web_dispatch web_mqtt web_mqtt_examples web_stomp web_stomp_examples
"""
SHIPPED = frozenset(f"rabbitmq_{name}" for name in PLUGINS.split())
_LISTENER = re.compile(r"^([0-9a-fA-F.:\[\]]+:)?[0-9]{1,5}$")


def is_ours(here: BrokerHost, export: Variables) -> bool:
    """Whether this stack set the broker up, or it serves nobody yet.

    ``export`` is the result of C(rabbitmqctl export_definitions), if it was run.
    """
    owner = here.facts["rabbitmq_owner"]
    if here.facts["rabbitmq"] == "absent" or owner == here.owner:
        return True
    return owner in ("", NO_STACK) and not any(_foreign(here, export).values())


def _logins(here: BrokerHost) -> list[str]:
    return [here.administrator, *([here.user, here.monitor] if here.stack else [])]


def _foreign(here: BrokerHost, export: Variables) -> dict[str, list[str]]:
    """What the broker serves apart from this stack."""
    served = json.loads(export.get("stdout") or "{}")
    vhosts, users = {"/", here.vhost}, {"guest", *_logins(here)}
    return {
        "virtual hosts": sorted({vhost["name"] for vhost in served.get("vhosts", [])} - vhosts),
        "users": sorted({user["name"] for user in served.get("users", [])} - users),
        "queues": sorted({q["name"] for q in served.get("queues", []) if q["vhost"] != here.vhost}),
    }


def problems(here: BrokerHost, export: Variables, names: Variables) -> list[str]:
    """One sentence per problem, each with its cure. ``names`` is the result of C(getent hosts) for the peers."""
    finders = (_plugins, _users, _transport, _limits, _cluster, _free_settings)
    mistakes = [sentence for finder in finders for sentence in finder(here)]
    return [*_somebody_elses(here, export), *mistakes, *_unresolved(here, names)]


def _somebody_elses(here: BrokerHost, export: Variables) -> t.Iterator[str]:
    if here.shares:
        return
    if export.get("rc"):
        yield (
            f"RabbitMQ on {here.host} was not set up by this inventory and does not answer, so it cannot be seen "
            "what it serves: start it and run again, or remove /var/lib/rabbitmq/mnesia if nothing in there is needed."
        )
    elif not is_ours(here, export):
        listed = [f"{kind} {', '.join(found)}" for kind, found in _foreign(here, export).items() if found]
        owner = here.facts["rabbitmq_owner"]
        listed.append(f"set up by stack {owner}" if owner else "not set up by this collection")
        yield (
            f"RabbitMQ on {here.host} serves something else already ({'; '.join(listed)}): set "
            "taskstack_share_host=true to add only the objects of this stack there, or choose another host."
        )


def _plugins(here: BrokerHost) -> t.Iterator[str]:
    known = set(here.facts["rabbitmq_plugins"] or SHIPPED)
    unknown = sorted(set(here.plugins) - known)
    if unknown:
        listed = ", ".join(sorted(name for name in known if name.startswith("rabbitmq_")))
        yield f"rabbitmq_plugins: there is no plugin {', '.join(unknown)}. Known: {listed}."


def _users(here: BrokerHost) -> t.Iterator[str]:
    logins = _logins(here)
    if len(set(logins)) < len(logins):
        yield (
            "rabbitmq_admin_user, taskstack_broker_user and taskstack_monitor_user must be three different users, not "
            f"{', '.join(logins)}."
        )
    if "guest" in logins and here.get("rabbitmq_guest") == "absent":
        yield (
            "guest cannot be one of our users while rabbitmq_guest is absent: choose another name or set "
            "rabbitmq_guest=local."
        )
    passwords = here.get("taskstack_broker_password"), here.get("taskstack_monitor_password")
    if here.stack and None in passwords:
        yield (
            f"taskstack_broker_password and taskstack_monitor_password are needed for the logins of stack {here.stack}."
        )


def _transport(here: BrokerHost) -> t.Iterator[str]:
    if here.tls != (here.get("rabbitmq_tls_key_file") is not None):
        yield "rabbitmq_tls_certificate_file and rabbitmq_tls_key_file belong together: set both."
    if not here.listeners and not here.tls:
        yield "Nobody could connect: rabbitmq_listeners is empty and there is no rabbitmq_tls_certificate_file."
    listeners = [*here.listeners, *map(str, here.get("rabbitmq_tls_listeners"))]
    wrong = [one for one in listeners if not _LISTENER.match(one)]
    if wrong:
        yield f"rabbitmq_listeners and rabbitmq_tls_listeners take ports or address:port, not {', '.join(wrong)}."


def _limits(here: BrokerHost) -> t.Iterator[str]:
    given = here.get("rabbitmq_memory_limit")
    try:
        limit = float(given)
    except (TypeError, ValueError):
        limit = 0
    if not 0 < limit <= 1 and not limit >= 100_000_000:
        yield (
            f"rabbitmq_memory_limit is a share of the memory between 0 and 1, or bytes from 100000000 on, not {given}."
        )


def _cluster(here: BrokerHost) -> t.Iterator[str]:
    node, peers = here.node, here.peers
    if not re.match(r"[A-Za-z0-9_-]+@[A-Za-z0-9_.-]+$", node) or (peers and node.endswith("@localhost")):
        yield "rabbitmq_node_name must look like rabbit@mq1, and not end in @localhost in a cluster (rabbitmq_peers)."
    if peers and node not in peers:
        yield f"rabbitmq_peers must name this node too: {node} is not among {', '.join(peers)}."
    if len(peers) == 2:
        yield (
            "rabbitmq_peers: two nodes are worse than one, since each stops when it loses the other. "
            "Take one, or three and more."
        )
    if here.clustered and here.get("rabbitmq_erlang_cookie") is None:
        yield "rabbitmq_erlang_cookie is needed in a cluster (rabbitmq_peers), the same on every node."


def _unresolved(here: BrokerHost, names: Variables) -> t.Iterator[str]:
    if "stdout" not in names:
        return
    unresolved = sorted({peer.rpartition("@")[2] for peer in here.peers} - set(names["stdout"].split()))
    if unresolved:
        listed = ", ".join(unresolved)
        yield f"rabbitmq_peers: this host cannot find {listed} by name. Put them into DNS or /etc/hosts."


def _free_settings(here: BrokerHost) -> t.Iterator[str]:
    wrong = [str(key) for key in here.get("rabbitmq_config") if not re.match(r"^[A-Za-z0-9_$.-]+$", str(key))]
    if wrong:
        yield f"rabbitmq_config: keys are words with dots, such as channel_max, not {', '.join(wrong)}."
    wrong = [str(name) for name in here.get("rabbitmq_objects") if name not in LISTS]
    if wrong:
        yield f"rabbitmq_objects: there are no lists {', '.join(wrong)}. Known: {', '.join(LISTS)}."

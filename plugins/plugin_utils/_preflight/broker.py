# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the broker on a host is ours to configure, and everything that prevents its deployment. Pure."""

from __future__ import annotations

import json
import re
import typing as t

Mapping = t.Mapping[str, t.Any]
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
LISTS = """
    vhosts users permissions topic_permissions user_limits vhost_limits global_parameters parameters operator_policies
    policies exchanges queues bindings
"""
OBJECTS = LISTS.split()
LISTENER = re.compile(r"^([0-9a-fA-F.:\[\]]+:)?[0-9]{1,5}$")


def is_ours(wanted: Mapping, host: Mapping, export: Mapping) -> bool:
    """Whether this stack set the broker up, or it serves nobody yet.

    ``host`` is what host_facts found, ``export`` the result of C(rabbitmqctl export_definitions), if it was run.
    """
    owner = host["rabbitmq_owner"]
    if host["rabbitmq"] == "absent" or owner == (wanted["stack"] or "no stack"):
        return True
    return owner in ("", "no stack") and not any(_foreign(wanted, export).values())


def _foreign(wanted: Mapping, export: Mapping) -> dict[str, list[str]]:
    """What the broker serves apart from this stack."""
    served = json.loads(export.get("stdout") or "{}")
    ours = {"/", wanted["vhost"]}, {"guest", wanted["admin"], *wanted["users"]}
    return {
        "virtual hosts": sorted({vhost["name"] for vhost in served.get("vhosts", [])} - ours[0]),
        "users": sorted({user["name"] for user in served.get("users", [])} - ours[1]),
        "queues": sorted({q["name"] for q in served.get("queues", []) if q["vhost"] != wanted["vhost"]}),
    }


def problems(wanted: Mapping, host: Mapping, export: Mapping, names: Mapping) -> list[str]:
    """One sentence per problem, each with its cure. ``names`` is the result of C(getent hosts) for the peers."""
    finders = (_somebody_elses, _plugins, _users, _transport, _limits, _cluster, _free_settings)
    return [sentence for finder in finders for sentence in finder(wanted, {**host, "export": export, "names": names})]


def _somebody_elses(wanted: Mapping, seen: Mapping) -> t.Iterator[str]:
    if wanted["share"]:
        return
    if seen["export"].get("rc"):
        yield (
            f"RabbitMQ on {wanted['host']} was not set up by this inventory and does not answer, so it cannot be seen "
            "what it serves: start it and run again, or remove /var/lib/rabbitmq/mnesia if nothing in there is needed."
        )
    elif not is_ours(wanted, seen, seen["export"]):
        listed = [f"{kind} {', '.join(found)}" for kind, found in _foreign(wanted, seen["export"]).items() if found]
        owner = seen["rabbitmq_owner"]
        listed.append(f"set up by stack {owner}" if owner else "not set up by this collection")
        yield (
            f"RabbitMQ on {wanted['host']} serves something else already ({'; '.join(listed)}): set "
            "taskstack_share_host=true to add only the objects of this stack there, or choose another host."
        )


def _plugins(wanted: Mapping, seen: Mapping) -> t.Iterator[str]:
    known = set(seen["rabbitmq_plugins"] or SHIPPED)
    unknown = sorted(set(wanted["plugins"]) - known)
    if unknown:
        listed = ", ".join(sorted(name for name in known if name.startswith("rabbitmq_")))
        yield f"rabbitmq_plugins: there is no plugin {', '.join(unknown)}. Known: {listed}."


def _users(wanted: Mapping, _seen: Mapping) -> t.Iterator[str]:
    logins = [wanted["admin"], *wanted["users"]]
    if len(set(logins)) < len(logins):
        yield (
            "rabbitmq_admin_user, taskstack_broker_user and taskstack_monitor_user must be three different users, not "
            f"{', '.join(logins)}."
        )
    if "guest" in logins and wanted["guest"] == "absent":
        yield (
            "guest cannot be one of our users while rabbitmq_guest is absent: choose another name or set "
            "rabbitmq_guest=local."
        )
    if wanted["stack"] and not wanted["has_passwords"]:
        yield (
            "taskstack_broker_password and taskstack_monitor_password are needed for the logins of stack "
            f"{wanted['stack']}."
        )


def _transport(wanted: Mapping, _seen: Mapping) -> t.Iterator[str]:
    if wanted["has_certificate"] != wanted["has_key"]:
        yield "rabbitmq_tls_certificate_file and rabbitmq_tls_key_file belong together: set both."
    if not wanted["listeners"] and not wanted["has_certificate"]:
        yield "Nobody could connect: rabbitmq_listeners is empty and there is no rabbitmq_tls_certificate_file."
    wrong = [str(one) for one in (*wanted["listeners"], *wanted["tls_listeners"]) if not LISTENER.match(str(one))]
    if wrong:
        yield f"rabbitmq_listeners and rabbitmq_tls_listeners take ports or address:port, not {', '.join(wrong)}."


def _limits(wanted: Mapping, _seen: Mapping) -> t.Iterator[str]:
    try:
        limit = float(wanted["memory_limit"])
    except (TypeError, ValueError):
        limit = 0
    if not 0 < limit <= 1 and not limit >= 100_000_000:
        yield (
            "rabbitmq_memory_limit is a share of the memory between 0 and 1, or bytes from 100000000 on, not "
            f"{wanted['memory_limit']}."
        )


def _cluster(wanted: Mapping, seen: Mapping) -> t.Iterator[str]:
    node, peers = str(wanted["node"]), wanted["peers"]
    if not re.match(r"[A-Za-z0-9_-]+@[A-Za-z0-9_.-]+$", node) or (peers and node.endswith("@localhost")):
        yield "rabbitmq_node_name must look like rabbit@mq1, and not end in @localhost in a cluster (rabbitmq_peers)."
    if peers and node not in peers:
        yield f"rabbitmq_peers must name this node too: {node} is not among {', '.join(peers)}."
    if len(peers) == 2:
        yield (
            "rabbitmq_peers: two nodes are worse than one, since each stops when it loses the other. "
            "Take one, or three and more."
        )
    if len(peers) > 1 and not wanted["has_cookie"]:
        yield "rabbitmq_erlang_cookie is needed in a cluster (rabbitmq_peers), the same on every node."
    if "stdout" in seen["names"]:
        unresolved = sorted({peer.rpartition("@")[2] for peer in peers} - set(seen["names"]["stdout"].split()))
        if unresolved:
            listed = ", ".join(unresolved)
            yield f"rabbitmq_peers: this host cannot find {listed} by name. Put them into DNS or /etc/hosts."


def _free_settings(wanted: Mapping, _seen: Mapping) -> t.Iterator[str]:
    wrong = [str(key) for key in wanted["config"] if not re.match(r"^[A-Za-z0-9_$.-]+$", str(key))]
    if wrong:
        yield f"rabbitmq_config: keys are words with dots, such as channel_max, not {', '.join(wrong)}."
    wrong = [str(name) for name in wanted["objects"] if name not in OBJECTS]
    if wrong:
        yield f"rabbitmq_objects: there are no lists {', '.join(wrong)}. Known: {', '.join(OBJECTS)}."

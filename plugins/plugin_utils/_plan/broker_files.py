# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The broker's configuration: its files, and the word by which a running broker says that it has read them. Pure."""

from __future__ import annotations

import hashlib
import json
import typing as t

from .broker_host import TLS_DIRECTORY, BrokerHost

_WRITTEN = "# Written by taskstack.celery, role rabbitmq: changes made here are lost.\n"
_PART = {"part": "rabbitmq"}


def files(here: BrokerHost) -> dict[str, t.Any]:
    """Files, those whose content may be secret, the units, and what the running broker shall say of itself."""
    read, units = _read_by_the_broker(here), _units(here)
    # Whoever changes what is written here, or its order, restarts every broker.
    said = json.dumps([read, units, here.node, here.clustered])
    fingerprint = hashlib.sha256(said.encode()).hexdigest()[:32]
    return {
        # A line in the package's own file is no secret, and everybody may read that one.
        "files": [{**file, **_PART} for file in read if "block" in file],
        "private_files": [{**file, **_PART} for file in (*read, _environment(here, fingerprint)) if "content" in file],
        "units": [{**file, **_PART} for file in units],
        "fingerprint": fingerprint,
    }


def certificates(here: BrokerHost) -> list[dict[str, str]]:
    """What is copied into the directory that the configuration names."""
    sources = {
        "certificate": here.get("rabbitmq_tls_certificate_file"),
        "key": here.get("rabbitmq_tls_key_file"),
        "ca": here.get("rabbitmq_tls_ca_file"),
    }
    return [{"name": name, "src": source} for name, source in sources.items() if source] if here.tls else []


def _read_by_the_broker(here: BrokerHost) -> list[dict[str, str]]:
    limit = here.get("rabbitmq_open_files")
    return [
        {"path": "/etc/rabbitmq/rabbitmq.conf", "group": "rabbitmq", "mode": "0640", "content": _configuration(here)},
        {
            "path": "/etc/rabbitmq/enabled_plugins",
            "owner": "rabbitmq",
            "group": "rabbitmq",
            "content": f"[{','.join(here.plugins)}].\n",
        },
        {
            "path": "/etc/default/rabbitmq-server",
            "block": f'ulimit -n {limit} 2>/dev/null || ulimit -n "$(ulimit -H -n)"',
        },
    ]


def _units(here: BrokerHost) -> list[dict[str, str]]:
    address = "4369" if here.clustered else "127.0.0.1:4369"
    return [
        {
            "path": "/etc/systemd/system/rabbitmq-server.service.d/taskstack.conf",
            "content": f"# Written by taskstack.celery\n[Service]\nLimitNOFILE={here.get('rabbitmq_open_files')}\n",
        },
        {
            "path": "/etc/systemd/system/epmd.socket.d/taskstack.conf",
            "content": "# Written by taskstack.celery: the port mapper serves this machine only, "
            f"unless there is a cluster.\n[Socket]\nListenStream=\nListenStream={address}\n",
        },
    ]


def _environment(here: BrokerHost, fingerprint: str) -> dict[str, str]:
    # Other machines reach only what listens for them: a broker of one node talks to itself on loopback.
    alone = (
        'SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"\nexport ERL_EPMD_ADDRESS=127.0.0.1\n'
    )
    said = "# Says to whoever looks with which configuration the broker was started.\n"
    content = f"{_WRITTEN}NODENAME={here.node}\n{'' if here.clustered else alone}{said}"
    content += f"export TASKSTACK_CONFIGURATION={fingerprint}\n"
    return {"path": "/etc/rabbitmq/rabbitmq-env.conf", "group": "rabbitmq", "mode": "0640", "content": content}


def _configuration(here: BrokerHost) -> str:
    settings = {**_settings(here), **here.get("rabbitmq_config")}
    lines = [f"{name} = {_written(value)}\n" for name, value in settings.items()]
    return f"{_WRITTEN}# Owner: {here.owner}\n{''.join(lines)}"


def _written(value: t.Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _settings(here: BrokerHost) -> dict[str, t.Any]:
    """The broker's own keys. Its times are milliseconds here and there, ours are seconds."""
    listeners = {f"listeners.tcp.{number}": _listener(one) for number, one in enumerate(here.listeners, 1)}
    given = here.get("rabbitmq_memory_limit")
    limit = int(given) if str(given).isdecimal() else float(given)
    watermark = ("relative", limit) if limit <= 1 else ("absolute", int(limit))
    return {
        **(listeners or {"listeners.tcp": "none"}),
        **(_tls(here) if here.tls else {}),
        "management.tcp.ip": here.management_address,
        "management.tcp.port": here.get("rabbitmq_management_port"),
        "loopback_users.guest": "true",
        "heartbeat": here.get("rabbitmq_heartbeat"),
        "consumer_timeout": int(here.get("rabbitmq_consumer_timeout")) * 1000,
        f"vm_memory_high_watermark.{watermark[0]}": watermark[1],
        "disk_free_limit.absolute": here.get("rabbitmq_disk_free_limit"),
        "log.file.rotation.size": here.get("rabbitmq_log_size"),
        "log.file.rotation.count": here.get("rabbitmq_log_files"),
        **(_peers(here) if here.peers else {}),
    }


def _listener(address: str) -> str:
    return address if ":" in address else f":::{address}"


def _tls(here: BrokerHost) -> dict[str, t.Any]:
    listeners = enumerate(map(str, here.get("rabbitmq_tls_listeners")), 1)
    names = {"certificate": "certfile", "key": "keyfile", "ca": "cacertfile"}
    files = {names[one["name"]]: f"{TLS_DIRECTORY}/{one['name']}.pem" for one in certificates(here)}
    return {
        **{f"listeners.ssl.{number}": _listener(one) for number, one in listeners},
        "ssl_options.verify": "verify_none",
        "ssl_options.fail_if_no_peer_cert": "false",
        "ssl_options.versions.1": "tlsv1.3",
        "ssl_options.versions.2": "tlsv1.2",
        "management.ssl.ip": here.get("rabbitmq_management_address"),
        "management.ssl.port": here.get("rabbitmq_management_tls_port"),
        **{f"{server}.{name}": file for name, file in files.items() for server in ("ssl_options", "management.ssl")},
    }


def _peers(here: BrokerHost) -> dict[str, t.Any]:
    nodes = {f"cluster_formation.classic_config.nodes.{number}": peer for number, peer in enumerate(here.peers, 1)}
    return {
        "cluster_partition_handling": here.get("rabbitmq_partition_handling"),
        "cluster_formation.peer_discovery_backend": "classic_config",
        **nodes,
    }

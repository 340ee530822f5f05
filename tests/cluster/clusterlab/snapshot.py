"""The state of all hosts, for comparison: two that are equal were reached by different ways and are the same."""

from __future__ import annotations

import json
import re
import typing as t

from clusterlab.hosts import BROKERS, WORKERS, nodes, on, programs

State = dict[str, t.Any]
# What differs between two runs and says nothing: keyed digests of files that are compared themselves, and times.
_PASSING = re.compile(r"^[#;] content \S+ \S+$|^Last asked for at .*$|TASKSTACK_CONFIGURATION=\w+", re.MULTILINE)
_OWN = re.compile(r"celeryev[.]|[.]pidbox")
_WORKER_FILES = """
find /etc/taskstack /usr/local/bin /usr/local/lib/taskstack /etc/systemd/system /etc/logrotate.d /opt/count -xdev
  \\( -path /opt/count/venv/lib -o -name __pycache__ -o -name 'venv.*' \\) -prune
  -o -type f -size -100k -printf '== %p %u:%g %m\\n' -exec cat {} \\;
ls -d /opt/count/venv/lib/python3*/site-packages/*-info
"""
_BROKER_FILES = """
find /etc/taskstack /etc/rabbitmq /etc/systemd/system /var/lib/rabbitmq -xdev -path /var/lib/rabbitmq/mnesia -prune
  -o -type f -size -100k -printf '== %p %u:%g %m\\n' -exec cat {} \\;
dpkg-query --show rabbitmq-server
"""


def _files(host: str, script: str) -> list[str]:
    joined = re.sub(r"\n  ", " ", script).strip()
    text = _PASSING.sub("", on(host, "sh", "-c", joined))
    return sorted(re.split(r"^== ", text, flags=re.MULTILINE))


def worker(host: str) -> State:
    """Files, packages and programs of a worker host."""
    users = set(on(host, "ps", "-eo", "user=,args=").splitlines())
    return {
        "files": _files(host, _WORKER_FILES),
        "programs": programs(host),
        "processes": sorted(line for line in users if "/bin/celery " in line and "countapp" in line),
    }


def definitions() -> State:
    """What the brokers hold for their applications; password hashes are salted, so only that there are some."""
    found = json.loads(on(BROKERS[0], "rabbitmqctl", "--quiet", "export_definitions", "-"))
    users = [{**user, "password_hash": bool(user["password_hash"])} for user in found["users"]]
    kinds = ("vhosts", "permissions", "topic_permissions", "policies", "queues", "exchanges", "bindings", "parameters")
    listed = {**{kind: found.get(kind, []) for kind in kinds}, "users": users}
    lines = {kind: sorted(json.dumps(item, sort_keys=True) for item in items) for kind, items in listed.items()}
    # What each worker makes for itself has another name after every start.
    return {kind: [line for line in found if not _OWN.search(line)] for kind, found in lines.items()}


def everything() -> State:
    """All hosts."""
    state: State = {host: worker(host) for host in WORKERS}
    state |= {host: {"files": _files(host, _BROKER_FILES)} for host in BROKERS}
    state["cluster"] = {which: nodes(BROKERS[0], which) for which in ("list_members", "list_running")}
    return {**state, "definitions": definitions()}


def renamed(state: State, names: dict[str, str]) -> State:
    """The same state with other names in it."""
    text = json.dumps(state)
    for old, new in names.items():
        text = re.sub(rf"\b{re.escape(old)}\b", new, text)
    found: State = json.loads(text)
    return found


def differences(one: t.Any, other: t.Any, path: str = "") -> list[str]:
    """Where two states differ, one sentence each."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(one.keys() | other.keys())
        return [line for key in keys for line in differences(one.get(key), other.get(key), f"{path}/{key}")]
    if isinstance(one, list) and isinstance(other, list):
        only = [f"{path}: only before: {item}" for item in one if item not in other]
        return only + [f"{path}: only after: {item}" for item in other if item not in one]
    return [] if one == other else [f"{path}: {one!r} became {other!r}"]

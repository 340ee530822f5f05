# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Goes and looks: everything that ``status`` can see from this host, in one round."""

from __future__ import annotations

import os
import re
import time
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor

from .._broker import queues as broker_queues
from .._broker.client import Broker, BrokerError, Denied, Refused, Unreachable, not_rabbitmq
from .._control import worker
from .._control.inspection import Conversation
from .._control.replies import Inspection
from .._recorder import summary
from . import expected, heartbeat, movement, process_table, settings_readers, surroundings
from .facts import Facts

PLUGINS_FILE = "/etc/rabbitmq/enabled_plugins"
#: Seconds between two looks at queues on which tasks wait.
PAUSE = 1.0


def look(settled: t.Mapping[str, t.Any], description: t.Mapping[str, t.Any] | None) -> Facts:
    """Ask the broker, through it the workers, and meanwhile Flower; then, where tasks wait, whether anything moves."""
    described = description or {}
    flower = {**(described.get("flower") or {}), **_given(settled, "flower")}
    timeout = min(settled["timeout"], settled["deadline"])
    with ThreadPoolExecutor(2) as pool:
        at_flower = pool.submit(
            surroundings.flower, flower.get("url"), flower.get("user"), flower.get("password"), timeout
        )
        # While the workers answer, the broker can tell of itself.
        at_workers = pool.submit(_ask_workers, settled, worker.METHODS)
        broker, queues = _look_at_broker(settled)
        tasks, recorder = _look_at_recorder(settled["recorder_directory"], described)
        table = list(process_table.processes())
        found, inspection = at_flower.result(), _answers(at_workers, broker)
    return Facts(
        now=time.time(),
        broker=broker,
        queues=queues,
        inspection=inspection,
        moving=_look_again(settled, broker, queues, inspection),
        flower={**found, "wanted": bool(flower)},
        beat=_look_at_beat(description, table),
        tasks=tasks,
        recorder=recorder,
        processes=process_table.workers(table, described["app"], described["venv"]) if described else {},
        outdated=settings_readers.look(described.get("settings_file"), described["venv"]) if described else [],
        nodes=expected.own_nodes(description, os.uname().nodename),
        stack=expected.expectation(description, settled, described.get("described_at") or 0.0),
        name=settled["name"],
        settings_file=described.get("settings_file"),
        host=described.get("host") or os.uname().nodename,
        deadline=settled["deadline"],
    )


def _look_at_beat(
    description: t.Mapping[str, t.Any] | None, table: t.Iterable[process_table.Process]
) -> dict[str, t.Any]:
    found = surroundings.beat(description, table)
    file = heartbeat.path(description["name"]) if description and found["pids"] else None
    return {**found, "heartbeat": heartbeat.read(file, time.time()) if file else None}


def _look_again(
    settled: t.Mapping[str, t.Any],
    broker: dict[str, t.Any],
    queues: list[broker_queues.Queue] | None,
    inspection: Inspection | None,
) -> dict[str, bool]:
    """Whether anything moves on the queues where tasks wait and nobody seems to work; costs a second, only then."""
    said = inspection.answers() if inspection else {}
    names = movement.suspects(queues or [], said)
    if not names or broker["alarms"]:
        return {}
    time.sleep(PAUSE)
    try:
        again = _ask_workers(settled, movement.METHODS)
        later = broker_queues.fetch(Broker(settled), settled["vhost"], settled["control_exchange"])
    except BrokerError:
        return {}
    return movement.compare(names, queues or [], later, said, again.answers() if again else {})


def _given(settled: t.Mapping[str, t.Any], service: str) -> dict[str, t.Any]:
    keys = ("url", "user", "password")
    return {key: settled[f"{service}_{key}"] for key in keys if settled[f"{service}_{key}"] is not None}


def _ask_workers(settled: t.Mapping[str, t.Any], methods: tuple[str, ...]) -> Inspection | None:
    if settled["management_url"] is None:
        return None
    where = (settled["vhost"], settled["control_exchange"], settled["deadline"], settled["control_serializer"])
    return Conversation(Broker(settled), *where, together=settled["together"]).ask(methods)


def _answers(at_workers: Future[Inspection | None], state: dict[str, t.Any]) -> Inspection | None:
    """What the workers said. Where the broker could not be asked about itself, the same went wrong here."""
    if state["state"] != "running":
        return None
    try:
        return at_workers.result()
    except BrokerError as exc:
        _note(state, exc)
        return None


def _note(state: dict[str, t.Any], exc: BrokerError) -> None:
    """Write what went wrong into the state of the broker."""
    if isinstance(exc, Unreachable):
        # A refused connection is a statement, a missing answer is none.
        state["state"] = "down" if isinstance(exc.__cause__, ConnectionRefusedError) else "unknown"
    elif isinstance(exc, Denied) and state["state"] == "unknown":
        state["state"] = "denied"
    state["detail"] = state["detail"] or str(exc)


def _look_at_broker(settled: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], list[broker_queues.Queue] | None]:
    vhost, exchange = settled["vhost"], settled["control_exchange"]
    state: dict[str, t.Any] = {"state": "unknown", "url": settled["management_url"], "vhost": vhost, "detail": None}
    state.update(version=None, erlang=None, cluster=None, alarms=None, plugins=None, statistics=None)
    if settled["management_url"] is None:
        return state, None
    try:
        broker = Broker(settled)
        overview = broker.get("overview")
        if not isinstance(overview, dict) or "rabbitmq_version" not in overview:
            raise not_rabbitmq(broker.url, "without RabbitMQ's version")
        state.update(state="running", version=overview.get("rabbitmq_version"), erlang=overview.get("erlang_version"))
        state.update(cluster=overview.get("cluster_name"), alarms=_alarms(broker), plugins=_plugins(broker))
        state.update(statistics=not overview.get("disable_stats"))
        return state, broker_queues.fetch(broker, vhost, exchange)
    except BrokerError as exc:
        _note(state, exc)
        return state, None


def _alarms(broker: Broker) -> list[str] | None:
    try:
        broker.get("health", "checks", "alarms")
    except Refused as exc:
        return [exc.reason]
    except BrokerError:
        return None
    return []


def _plugins(broker: Broker) -> list[str] | None:
    try:
        return sorted({plugin for node in broker.get("nodes") for plugin in node.get("enabled_plugins", [])})
    except BrokerError:
        # Only users with the tag monitoring may ask; on the broker's own host its file says the same.
        if not any(name in broker.url for name in ("//127.0.0.1", "//localhost", "//[::1]")):
            return None
    try:
        with open(PLUGINS_FILE, encoding="utf-8") as stream:
            return sorted(re.findall(r"\w+", stream.read()))
    except OSError:
        return None


def _look_at_recorder(
    directory: str | None, described: t.Mapping[str, t.Any]
) -> tuple[list[dict[str, t.Any]], dict[str, t.Any] | None]:
    directory = directory or (described.get("recorder") or {}).get("directory")
    others = (f"{described.get('name')}-beat", f"{described.get('name')}-flower")
    has_workers = any(process not in others for process in described.get("processes") or [])
    if not directory or not (os.path.isdir(directory) or has_workers):
        return [], None
    # A description of the first edition does not name the hosts: its workers' notes name no process either.
    nodes = [
        row["node"]
        for row in described.get("workers") or []
        if row.get("recorder") and row.get("host") and row["host"] == described.get("host")
    ]
    tasks, problems = summary.facts(directory, nodes, described.get("user"))
    return tasks, {"directory": directory, "problems": problems}

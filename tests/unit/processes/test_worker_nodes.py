"""The worker nodes of a host: one source for what is deployed, checked, described, drained and restarted."""

from __future__ import annotations

import pathlib

from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.worker_nodes import (
    consumed,
    mappings,
    worker_nodes,
)

ROLE = pathlib.Path(__file__).parents[3] / "roles" / "worker"


def test_a_node_has_its_own_options_over_those_of_the_host() -> None:
    listed = [{"name": "mail", "pool": None, "environment": {"A": "own"}}, {"name": "video", "stop_timeout": 5}]
    defaults = {"pool": "solo", "environment": {"A": "all", "B": "all"}}
    mail, video = mappings({"worker_nodes": listed, "worker_defaults": defaults, "worker_stop_timeout": "3600"})
    assert (mail["stop_timeout"], video["stop_timeout"]) == (3600, 5)
    assert ("pool" in mail, video["pool"]) == (False, "solo")
    assert (mail["environment"]["A"], mail["environment"]["B"], video["environment"]["A"]) == ("own", "all", "all")


def test_the_recorders_limits_reach_every_node_that_the_recorder_runs_in() -> None:
    assert mappings({})[0]["environment"] == {
        "TASKSTACK_RECORDER_KEEP": 86400,
        "TASKSTACK_RECORDER_KEEP_FAILED": 2592000,
        "TASKSTACK_RECORDER_MAX_BYTES": 1073741824,
        "TASKSTACK_RECORDER_SYNC": 0,
    }
    assert mappings({"worker_recorder_sync": "true"})[0]["environment"]["TASKSTACK_RECORDER_SYNC"] == 1
    assert mappings({"worker_recorder": "false"})[0]["environment"] == {}


def test_draining_a_host_stops_nodes_that_say_started_themselves() -> None:
    drained = {"worker_state": "stopped", "worker_defaults": {"state": "started"}}
    nodes = [{"name": "mail", "state": "started"}, {"name": "video"}]
    assert [node["state"] for node in mappings({**drained, "worker_nodes": nodes})] == ["stopped", "stopped"]
    assert mappings({"worker_nodes": [{"name": "mail", "state": "stopped"}]})[0]["state"] == "stopped"


def test_stopped_nodes_consume_nothing_and_unnamed_queues_are_celerys() -> None:
    hosts = [
        {"worker_nodes": [{"name": "a", "queues": ["mail"]}, {"name": "b"}]},
        {"worker_nodes": [{"name": "c", "queues": ["video"], "state": "stopped"}]},
        {"worker_nodes": [{"name": "d"}], "worker_defaults": {"queues": ["audio"]}},
    ]
    assert consumed(hosts) == ["audio", "celery", "mail"]


def test_an_entry_that_is_no_mapping_is_kept_for_the_one_who_refuses_it() -> None:
    assert worker_nodes({"worker_nodes": ["mail"]}) == ["mail"]
    assert mappings({"worker_nodes": "mail"}) == []

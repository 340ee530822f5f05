"""Several kinds of one host at once: the same definitions as one after another, and all mistakes together."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.taskstack.celery.plugins.filter.host_processes import host_processes
from ansible_collections.taskstack.celery.plugins.filter.processes import processes

STACK = {"name": "shop", "host": "w1", "directory": "/opt/shop", "user": "www-data", "supervisor": "supervisord"}


def part(kind: str, options: t.Any, **more: t.Any) -> dict[str, t.Any]:
    return {"kind": kind, "options": options, **more}


def test_each_kind_has_its_own_defaults_places_and_reason_to_restart() -> None:
    workers = [{"name": "mail"}, {"name": "video"}]
    parts = [
        part("worker", workers, defaults={"stop_timeout": 7}),
        part("beat", []),
        part("flower", [{"port": 5556}], places={"packages_file": "/etc/taskstack/shop.flower.packages"}),
    ]
    mail, video, flower = host_processes(parts, STACK)
    assert [mail["name"], video["name"], flower["name"]] == ["shop-mail", "shop-video", "shop-flower"]
    assert (mail["stop_timeout"], flower["stop_timeout"]) == (7, 30)
    assert "/etc/taskstack/shop.flower.packages" in flower["restart_on"]
    asked = [[path for path in one["restart_on"] if path.endswith(".restart")] for one in (mail, flower)]
    assert asked == [["/etc/taskstack/shop.worker.restart"], ["/etc/taskstack/shop.flower.restart"]]
    alone = {**STACK, "restart_on": ["/etc/taskstack/shop.worker.restart"]}
    assert [mail, video] == processes(workers, "worker", alone, {"stop_timeout": 7})


def test_mistakes_of_all_kinds_are_told_at_once() -> None:
    parts = [part("worker", [{"name": "mail", "queus": []}]), part("beat", {"intervall": 1}), part("flower", {})]
    with pytest.raises(AnsibleFilterError, match=r"Did you mean queues\?.*beat.*intervall"):
        host_processes(parts, STACK)


def test_on_windows_nothing_waits_for_a_file_that_only_linux_has() -> None:
    (beat,) = host_processes([part("beat", {})], {**STACK, "supervisor": "windows"})
    assert not [path for path in beat["restart_on"] if path.endswith(".restart")]

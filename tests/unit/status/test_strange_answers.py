"""A worker's answers are the application's: strange ones are unknown, and no table or page dies of them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._control import worker


@pytest.mark.parametrize("value", ["x", 1e300, float("nan"), float("inf"), -1, {"a": 1}, [1], None])
def test_what_is_no_usable_number_is_unknown(value: t.Any) -> None:
    stats = {"uptime": value, "pid": value, "prefetch_count": value, "pool": {"max-concurrency": value}}
    task = {"request": {"id": value, "name": value, "time_start": value, "delivery_info": {"routing_key": value}}}
    facts = worker.read("default@host", {"stats": stats, "active": [{**task, "eta": value}]}, 1.8e9)
    assert [facts[name] for name in ("uptime", "pid", "prefetch", "concurrency")] == [None] * 4
    (seen,) = facts["active"]
    assert (seen["started"], seen["runtime"]) == (None, None)
    assert all(seen[name] is None or isinstance(seen[name], str) for name in ("id", "name", "queue", "eta"))

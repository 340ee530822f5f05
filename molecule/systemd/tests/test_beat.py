"""Beat runs with our class around the scheduler: it tells that it works, what it sends and what it sent."""

from __future__ import annotations

import json
import time
import typing as t

testinfra_hosts = ["docker://ts-systemd-stack"]
FILE = "/var/lib/taskstack/sample/beat/heartbeat.json"


def told(stack: t.Any) -> dict[str, t.Any]:
    """What beat wrote about itself; a file that is replaced is never seen half written."""
    found: dict[str, t.Any] = json.loads(stack.host.check_output(f"cat {FILE}"))
    return found


def test_beat_gives_signs_of_life_and_tells_what_it_sent(stack: t.Any) -> None:
    stack.wait_for("A sign of life of the beat that runs", lambda: told(stack)["pid"] == stack.pids()["beat"])
    stack.wait_for("A tick that was sent", lambda: entry(stack)["sent"] and entry(stack)["error"] is None)
    assert entry(stack)["task"] == "sample_app.tasks.add"
    # Read once: beat writes the file every other second. A task that is due now makes the two times equal.
    seen = told(stack)
    assert seen["next"] >= seen["ticked"] > time.time() - 60


def entry(stack: t.Any) -> dict[str, t.Any]:
    """The entry of the inventory."""
    return next(entry for entry in told(stack)["entries"] if entry["name"] == "tick")

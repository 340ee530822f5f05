"""The worker machines change under the same load, one after the other, and may be given up half way."""

from __future__ import annotations

import json
import random
import typing as t

from clusterlab import events, snapshot
from clusterlab.hosts import BROKERS, WORKERS, on, programs, until
from clusterlab.load import Watch
from clusterlab.plays import killed, persist, play

BAD_PACKAGES = ["celery==5.7.0", "pytz==2024.2"]
SITE_PACKAGES = "ls /opt/count/venv/lib/python3*/site-packages"
# At which tasks plays are killed.
CHANCE = random.Random(20261121)
RUNNING = {"count-one": "active", "count-two": "active"}


def pids() -> dict[str, str]:
    """The main process of each worker node."""
    show = ["systemctl", "show", "--property=MainPID", "count-one", "count-two"]
    return {host: on(host, *show) for host in WORKERS}


def test_no_queue_is_without_a_consumer_while_all_workers_restart_together(costs_no_task: t.Any) -> None:
    predicted = play("restart.yml", "--check", restart_batch=2)
    before, watch, done = pids(), Watch("celery", "batch"), []
    costs_no_task(lambda: done.append(play("restart.yml", restart_batch=2)))
    least, after = watch.least(), pids()
    assert all(before[host] != after[host] for host in WORKERS)
    assert done[0].changed == predicted.changed and len(predicted.changed) == 4
    # One of two was away at some moment, and never both.
    assert least["batch"] == 1 and least["celery"] >= 2


def test_a_drained_host_runs_nothing_and_is_taken_back(costs_no_task: t.Any) -> None:
    host, before, first = WORKERS[1], pids(), snapshot.worker(WORKERS[1])
    predicted = play("drain.yml", "--limit", host, "--check")
    refused = play("drain.yml", code=2)
    assert "Nobody else consumes" in refused.text and pids() == before
    done: list[t.Any] = []
    moments = sorted(CHANCE.sample(range(5, 17), 2))

    def drain_and_take_back() -> None:
        done.append(play("drain.yml", "--limit", host))
        assert programs(host) == {"count-one": "inactive", "count-two": "inactive"}
        # What site.yml makes in several attempts is what it had made in one before.
        assert persist("site.yml", "--limit", host, killed_at=moments) == 2, moments

    costs_no_task(drain_and_take_back)
    # Whoever asks the broker's hosts hears that these workers stop on purpose.
    steps = "Write directories and files", "Update the workers there", "Keep the processes running"
    assert done[0].changed == predicted.changed == {(step, host) for step in steps}
    assert snapshot.differences(first, snapshot.worker(host)) == [] and pids()[WORKERS[0]] == before[WORKERS[0]]
    described = json.loads(on(BROKERS[1], "cat", "/etc/taskstack/count.json"))["workers"]
    assert {worker["state"] for worker in described} == {"started"}


def test_packages_that_do_not_work_are_taken_back_even_after_an_interrupted_run(costs_no_task: t.Any) -> None:
    first, before = snapshot.worker(WORKERS[0]), pids()

    def switched() -> bool:
        marks = "/etc/taskstack/count.packages.previous", "/opt/count/venv.previous"
        return all(on(WORKERS[0], "ls", mark, check=False) for mark in marks)

    def upgrade() -> None:
        # At the worst moment: the new packages are in place, and no worker has shown yet whether it works with them.
        assert killed("upgrade.yml", when=switched, application_packages=BAD_PACKAGES)
        failed = play("upgrade.yml", code=2, application_packages=BAD_PACKAGES)
        assert "is back on its old packages" in failed.text and "does not work with pytz 2024.2" in failed.text

    costs_no_task(upgrade)
    assert snapshot.differences(first, snapshot.worker(WORKERS[0])) == []
    assert pids()[WORKERS[1]] == before[WORKERS[1]]


def test_new_packages_come_with_no_task_lost(costs_no_task: t.Any) -> None:
    predicted, done = play("upgrade.yml", "--check", application_packages=events.NEW_PACKAGES), []
    costs_no_task(lambda: done.append(events.change_packages(events.NEW_PACKAGES)))
    for host in WORKERS:
        assert "pytz-2025.2.dist-info" in on(host, "sh", "-c", SITE_PACKAGES)
        until("all workers are back", lambda host=host: programs(host) == RUNNING, 120)
    assert predicted.changed <= done[0].changed
    assert {("Keep the processes running", host) for host in WORKERS} <= predicted.changed

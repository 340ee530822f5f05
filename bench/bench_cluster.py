#!/usr/bin/env python3
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three brokers and two worker hosts under load, for as long as you like: scenario cluster with seeded events.

Claim: of all tasks that the broker has confirmed, none never ran, whatever happens to one node at a time, and whichever
play is killed on its way and run again.

    SECONDS_OF_EVENTS=3600 SEED=7 bench/bench_cluster.py
"""

from __future__ import annotations

import collections
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import typing as t

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "cluster"))

from clusterlab import events
from clusterlab.hosts import BROKERS
from clusterlab.load import Load
from clusterlab.plays import play

SECONDS = float(os.environ.get("SECONDS_OF_EVENTS", "900"))
SEED = int(os.environ.get("SEED", str(int(time.time()) % 100000)))


def a_round(chance: random.Random, number: int, folder: str) -> list[tuple[str, t.Callable[[], t.Any]]]:
    """Every event once, in any order, on any node, with plays killed at any moment. Odd rounds undo even ones."""
    packages = events.PACKAGES if number % 2 else events.NEW_PACKAGES
    user = "count" if number % 2 else "count2"
    environment = {"COUNT_LOG": "/srv/count/ran", "ROUND": str(number)}

    def moments() -> list[float]:
        return [chance.uniform(3, 30) for _ in range(3)]

    found: list[tuple[str, t.Callable[[], t.Any]]] = [
        ("kill -9 of a broker node", lambda: events.kill_a_node(chance.choice(BROKERS))),
        ("network cut of a node", lambda: events.cut_a_node_off(chance.choice(BROKERS))),
        ("lost disk of a node", lambda: events.lose_a_disk(chance.choice(BROKERS))),
        ("node removed and deployed anew", lambda: events.leave_and_return(chance.choice(BROKERS))),
        ("rolling restart of the brokers", events.restart_the_brokers),
        ("rolling upgrade, same RabbitMQ", lambda: (events.offer_a_newer_package(), events.upgrade_the_brokers())),
        ("rolling restart of the workers", lambda: play("restart.yml", "--limit", "worker")),
        ("other packages", lambda: events.change_packages(packages)),
        ("rotated login, killed thrice", lambda: events.rotate(user, f"{user}-pa55word-{number}", moments())),
        ("site.yml killed thrice", lambda: events.deploy(moments(), taskstack_environment=environment)),
        ("backup with messages", lambda: events.back_up(f"{folder}/{number}")),
    ]
    chance.shuffle(found)
    return found


def molecule(action: str) -> None:
    """One step of the scenario."""
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
    }
    command = ["molecule", action, "--scenario-name", "cluster"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"molecule {action} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")


def main() -> None:
    """Deploy, let things happen until the time is over, and count."""
    chance, total, number = random.Random(SEED), collections.Counter[str](), 0
    print(f"Seed {SEED}, {SECONDS:g} s of events under a load of ten tasks a second", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            molecule("create")
            molecule("converge")
            load, end = Load(10), time.monotonic() + SECONDS
            while time.monotonic() < end:
                for name, event in a_round(chance, number, folder):
                    began = time.monotonic()
                    tally = load.during(event)
                    print(f"  {name:32} {time.monotonic() - began:6.1f} s: {tally}", flush=True)
                    total.update(confirmed=tally.confirmed, never=tally.never, doubles=tally.doubles)
                    if time.monotonic() > end:
                        break
                number += 1
            load.stop()
        finally:
            if not os.environ.get("KEEP"):
                molecule("destroy")
    print(f"{total['confirmed']} tasks confirmed, {total['never']} never ran (claim: 0), {total['doubles']} ran twice")
    sys.exit(1 if total["never"] else 0)


if __name__ == "__main__":
    main()

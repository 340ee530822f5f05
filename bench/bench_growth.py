#!/usr/bin/env python3
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds of site.yml for 1, 5 and 20 worker hosts: the first run, and one that changes nothing.

What is measured is Ansible's work and ours. All hosts are containers of one machine, so what a real host does with its
own processors would count twenty times here: packages are in the image, and Celery is a stand-in that says "ready".

Claims: a host more costs the controller no more than the hosts before it (the price of a host falls or stays), up to
20; in a run that changes nothing it costs at most 0.6 s.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZES = [int(size) for size in os.environ.get("SIZES", "1 5 20").split()]
FORKS = int(os.environ.get("FORKS", "20"))
IMAGE = "taskstack-bench-growth"
# An application that was there before: a virtualenv with a program that speaks as Celery does when it is started.
PREPARE = """
apt-get -qq install -y supervisor python3-venv logrotate >/dev/null
mkdir -p /srv/venv/bin && ln -s /usr/bin/python3 /srv/venv/bin/python
cat >/srv/venv/bin/celery <<'END'
#!/bin/sh
while [ $# -gt 0 ]; do [ "$1" = -n ] && echo "$2 ready."; shift; done
exec sleep infinity
END
chmod 755 /srv/venv/bin/celery
"""


def run(*command: str | pathlib.Path, **environment: str) -> float:
    """The seconds that a command takes; its output only when it fails."""
    begun = time.monotonic()
    settings = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", **environment}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    return time.monotonic() - begun


def inventory(folder: pathlib.Path, names: list[str]) -> pathlib.Path:
    """So many worker hosts with two nodes each."""
    variables = {
        "ansible_connection": "community.docker.docker",
        "ansible_python_interpreter": "/usr/bin/python3",
        "taskstack_name": "growth",
        "taskstack_app": "growth",
        "taskstack_directory": "/srv",
        "taskstack_venv": "/srv/venv",
        "taskstack_broker_host": "192.0.2.1",
        "taskstack_broker_password": "broker-pa55word",
        "taskstack_monitor_password": "monitor-pa55word",
        "worker_nodes": [{"name": "one", "queues": ["one"]}, {"name": "two", "queues": ["two"]}],
    }
    file = folder / f"{len(names)}.json"
    file.write_text(json.dumps({"all": {"vars": variables, "children": {"worker": {"hosts": dict.fromkeys(names)}}}}))
    return file


def image() -> None:
    """One host with everything but our work."""
    run(ROOT / "tools" / "host", IMAGE, "bookworm", "host", "no-init")
    run("docker", "exec", IMAGE, "sh", "-c", PREPARE)
    run("docker", "commit", IMAGE, IMAGE)
    run("docker", "rm", "--force", "--volumes", IMAGE)


def measure(folder: pathlib.Path, size: int) -> tuple[float, float]:
    """First run and second run."""
    names = [f"bench-growth-{number}" for number in range(size)]
    try:
        for name in names:
            run(ROOT / "tools" / "host", name, "bookworm", "host", "no-init", TASKSTACK_HOST_IMAGE=IMAGE)
        play = ["ansible-playbook", ROOT / "site.yml", "--forks", str(FORKS), "--inventory", inventory(folder, names)]
        return run(*play), run(*play)
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", *names], capture_output=True, check=False)


def main() -> None:
    """Measure, print, and say what a thousand hosts would cost at the price of the last ones."""
    image()
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = {size: measure(pathlib.Path(folder), size) for size in SIZES}
    finally:
        subprocess.run(["docker", "rmi", "--force", IMAGE], capture_output=True, check=False)
    print(f"site.yml with {FORKS} forks on {os.cpu_count()} processors; hosts with two worker nodes each")
    for size, (first, again) in found.items():
        print(f"  {size:3} hosts: first run {first:6.1f} s, again {again:6.1f} s ({again / size:.2f} s a host)")
    if len(SIZES) < 2:
        return
    small, large = SIZES[-2:]
    prices = [(found[large][run_] - found[small][run_]) / (large - small) for run_ in (0, 1)]
    for words, price, seconds in zip(("first run", "again"), prices, found[large]):
        total = seconds + price * (1000 - large)
        print(
            f"  1,000 hosts on paper, {words}: {price:.2f} s a host more, {total / 60:.0f} minutes from this controller"
        )
    first, last = SIZES[0], SIZES[-1]
    good = all(found[last][run_] / last <= found[first][run_] / first for run_ in (0, 1)) and prices[1] <= 0.6
    print("The claims hold." if good else "A claim does not hold.")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

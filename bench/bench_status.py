#!/usr/bin/env python3
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the module status, against `celery status` and `celery inspect` six times, with 1, 10 and 50 workers.

Claims: at least 20 times faster than the commands; 0.5 s of module time with 10 workers, 2 s with 50; within 60 MB.
Module time is the whole process as Ansible starts it on the host. The commands are those of Celery's own CLI.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST, ROUNDS = "bench-status", 3
COUNTS = [int(count) for count in os.environ.get("WORKERS", "1 10 50").split()]
GOAL_RATIO, GOAL_SECONDS, GOAL_MEGABYTES = 20, {10: 0.5, 50: 2.0}, 60
CONFIG = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
KEEP = {**CONFIG, "ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0"}
SETUP = """
{
apt-get install -qq rabbitmq-server python3-venv >/dev/null 2>&1 && rabbitmq-plugins -q enable rabbitmq_management
rabbitmqctl -q add_vhost bench && rabbitmqctl -q add_user bench bench && rabbitmqctl -q set_user_tags bench management
rabbitmqctl -q set_permissions -p bench bench '.*' '.*' '.*'
python3 -m venv /opt/venv && /opt/venv/bin/pip install -q celery==5.7.0 2>/dev/null
} </dev/null
"""
CLI = "cd /opt && C=/opt/venv/bin/celery; $C -A celery_workers status >/dev/null" + "".join(
    f"; $C -A celery_workers inspect {command} --json >/dev/null"
    for command in ("ping", "active", "reserved", "scheduled", "stats", "active_queues")
)
# Prints the seconds, the megabytes and how many workers were up.
RUNNER = """
import json, resource, subprocess, sys, time
begin = time.monotonic()
done = subprocess.run(["python3", sys.argv[1]], capture_output=True, text=True)
seconds = time.monotonic() - begin
up = sum(worker["state"] == "up" for worker in json.loads(done.stdout)["workers"])
print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, up)
"""


def inside(script: str, *argv: str) -> str:
    """What a shell script prints in the container; a failure ends the benchmark."""
    command = ["docker", "exec", "-i", HOST, *(argv or ("bash", "-s"))]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def module_file() -> str:
    """The module as Ansible sends it to the host, left there to be timed without Ansible."""
    login = "management_user=bench management_password=bench vhost=bench deadline=10"
    command = ["ansible", HOST, "-i", f"{HOST},", "-c", "community.docker.docker", "-m", "taskstack.celery.status"]
    subprocess.run([*command, "-a", login], cwd=ROOT, env=KEEP, capture_output=True, check=True)
    return inside("ls -t /root/.ansible/tmp/*/AnsiballZ_status.py | head -1").strip()


def timed(script: str) -> float:
    """Seconds that a script takes, without the container's own."""
    return float(inside(f"s=$(date +%s.%N); {script}; e=$(date +%s.%N); python3 -c \"print($e - $s)\"").split()[-1])


def measure(count: int, module: str) -> bool:
    """One line of the result for so many workers; whether the goals are met."""
    inside("pkill -f '[c]elery_workers.py' || true; sleep 2")
    inside(f"cd /opt; setsid venv/bin/python celery_workers.py {count} >/tmp/workers.log 2>&1 </dev/null &")
    bound = "rabbitmqctl -q list_queues -p bench name </dev/null | grep -c pidbox || true"
    while int(inside(bound).strip()) < count:
        time.sleep(2)
    time.sleep(3)
    ours, theirs, memory = [], [], 0.0
    for _ in range(ROUNDS):
        seconds, megabytes, up = map(float, inside(RUNNER, "python3", "-", module).split())
        if up != count:
            sys.exit(f"Only {up:.0f} of {count} workers answered.")
        ours.append(seconds)
        memory = max(memory, megabytes)
        theirs.append(timed(CLI))
    mine, cli = statistics.median(ours), statistics.median(theirs)
    times = f"status {mine:5.2f} s ({memory:.0f} MB), Celery's CLI {cli:6.2f} s, ratio {cli / mine:5.1f}"
    print(f"{count:3} workers: {times}", flush=True)
    return cli / mine >= GOAL_RATIO and mine <= GOAL_SECONDS.get(count, 9e9) and memory <= GOAL_MEGABYTES


def main() -> None:
    """Measure and judge."""
    subprocess.run([ROOT / "tools" / "host", HOST, "bookworm"], check=True)
    try:
        inside(SETUP)
        inside((ROOT / "bench" / "peer" / "celery_workers.py").read_text(), "sh", "-c", "cat > /opt/celery_workers.py")
        module = module_file()
        met = [measure(count, module) for count in COUNTS]
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", HOST], capture_output=True, check=False)
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()

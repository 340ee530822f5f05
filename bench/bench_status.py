#!/usr/bin/env python3
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of the module status, against `celery status` and `celery inspect` six times, with 1, 10 and 50 workers.

Claims: at least 20 times faster than the commands; 0.5 s of module time with 10 workers, 2 s with 50; within 60 MB.
Module time is the whole process as Ansible starts it on the host. The commands are those of Celery's own CLI.
The workers have the recorder, as all that this collection deploys. The module is also timed as if it knew nothing of
them: then it asks them one question after another, as it does on a stack that something else has deployed.
"""

from __future__ import annotations

import json
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
RECORDER, FILES = "/var/lib/bench", ROOT / "roles" / "application" / "files"
LOGIN = {"management_user": "bench", "management_password": "bench", "vhost": "bench"}
COMMANDS = 7
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
    login = json.dumps({**LOGIN, "deadline": 10})
    command = ["ansible", HOST, "-i", f"{HOST},", "-c", "community.docker.docker", "-m", "taskstack.celery.status"]
    subprocess.run([*command, "-a", login], cwd=ROOT, env=KEEP, capture_output=True, check=True)
    return inside("ls -t /root/.ansible/tmp/*/AnsiballZ_status.py | head -1").strip()


def timed(script: str) -> float:
    """Seconds that a script takes, without the container's own."""
    return float(inside(f's=$(date +%s.%N); {script}; e=$(date +%s.%N); python3 -c "print($e - $s)"').split()[-1])


def until(count: int) -> None:
    """Wait until the broker knows of so many workers that take commands and tasks."""
    listed = "rabbitmqctl -q --no-table-headers list_queues -p bench name consumers </dev/null"
    while True:
        consumers = dict(row.split() for row in inside(listed).splitlines())
        ready = [name for name, number in consumers.items() if name.endswith(".pidbox") and number == "1"]
        if len(ready) == count == int(consumers.get("celery", 0)):
            return
        time.sleep(1)


def describe(count: int) -> None:
    """What a deployment would have written down; nothing for no workers."""
    workers = [{"node": f"w{number}@bench", "queues": ["celery"], "recorder": True} for number in range(count)]
    stack = {"name": "bench", "app": "celery_workers", "venv": "/opt/venv", "processes": [], "broker": LOGIN}
    text = json.dumps({**stack, "workers": workers, "recorder": {"directory": RECORDER}}) if count else ""
    keep = "mv new bench.json" if count else "rm -f new bench.json"
    inside(text, "sh", "-c", f"mkdir -p /etc/taskstack && cd /etc/taskstack && cat > new && {keep}")


def called(module: str, count: int) -> tuple[float, float]:
    """Seconds and megabytes of one call of the module."""
    seconds, megabytes, up = map(float, inside(RUNNER, "python3", "-", module).split())
    if up != count:
        sys.exit(f"Only {up:.0f} of {count} workers answered.")
    return seconds, megabytes


def measure(count: int, module: str) -> bool:
    """One line of the result for so many workers; whether the goals are met."""
    inside("while pkill -f '[c]elery_workers.py'; do sleep 0.3; done")
    until(0)
    workers = f"venv/bin/python celery_workers.py {count} {RECORDER}"
    inside(f"cd /opt; export PYTHONPATH=/opt; setsid {workers} >/tmp/workers.log 2>&1 </dev/null &")
    until(count)
    ours, bare, theirs = [], [], []
    for _ in range(ROUNDS):
        describe(0)
        bare.append(called(module, count))
        describe(count)
        ours.append(called(module, count))
        theirs.append(timed(CLI))
    cli = statistics.median(theirs)
    mine, unknown = (statistics.median(seconds for seconds, _memory in calls) for calls in (ours, bare))
    memory = max(megabytes for _seconds, megabytes in ours + bare)
    known = f"status {mine:5.2f} s, ratio {cli / mine:5.1f}"
    strange = f"of a stack it does not know {unknown:5.2f} s, ratio {cli / unknown:5.1f}"
    # Each command waits one second for answers, for it does not know how many will come.
    told = f"Celery's CLI {cli:6.2f} s, {COMMANDS} s of them its waiting"
    print(f"{count:3} workers: {known}; {strange}; {memory:.0f} MB; {told}", flush=True)
    in_time = max(mine, unknown) <= GOAL_SECONDS.get(count, 9e9)
    return cli / mine >= GOAL_RATIO and in_time and memory <= GOAL_MEGABYTES


def main() -> None:
    """Measure and judge."""
    subprocess.run([ROOT / "tools" / "host", HOST, "bookworm"], check=True)
    try:
        inside(SETUP)
        inside((ROOT / "bench" / "peer" / "celery_workers.py").read_text(), "sh", "-c", "cat > /opt/celery_workers.py")
        inside("", "mkdir", "-p", "/opt/taskstack_recorder")
        for file in FILES.glob("taskstack_recorder/*.py"):
            inside(file.read_text(), "sh", "-c", f"cat > /opt/{file.relative_to(FILES)}")
        module = module_file()
        met = [measure(count, module) for count in COUNTS]
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", HOST], capture_output=True, check=False)
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()

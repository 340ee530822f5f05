#!/usr/bin/env python3
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects on a broker: one task of rabbitmq_definitions against community.rabbitmq's modules in loops, on one broker.

Claims: 20 users, virtual hosts, policies and queues are found unchanged at least 20 times faster, as whole tasks;
1,000 unchanged objects take at most 1.5 s of module time; memory stays within 100 MB.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HOST = "bench-definitions"
ROOT = Path(__file__).resolve().parent.parent
LOGIN = {"management_user": "guest", "management_password": "guest"}
GOAL_RATIO, GOAL_SECONDS, GOAL_MEGABYTES = 20, 1.5, 100
PARTS = os.environ.get("PARTS", "twenty thousand").split()
# The module as the host runs it, timed from outside: interpreter, imports and all.
RUNNER = """
import json, resource, subprocess, sys, time
code = '''
import sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = sys.stdin.buffer.read(), "legacy"
from ansible_collections.taskstack.celery.plugins.modules import rabbitmq_definitions
rabbitmq_definitions.main()
'''
start = time.perf_counter()
done = subprocess.run([sys.executable, "-c", code], stdin=sys.stdin, capture_output=True, text=True)
seconds = time.perf_counter() - start
answer = json.loads(done.stdout or '{"msg": %s}' % json.dumps(done.stderr[-500:]))
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([seconds, usage.ru_maxrss / 1024, len(answer.get("changes", [])), answer.get("msg")]))
"""


def inside(command: str, given: str = "") -> str:
    """Run a shell command on the host."""
    process = ["docker", "exec", "-i", HOST, "sh", "-c", command]
    return subprocess.run(process, input=given, capture_output=True, text=True, check=True).stdout


def set_up() -> None:
    """A broker as Debian ships it, with what either side needs."""
    subprocess.run([ROOT / "tools/host", HOST, "bookworm", "host", "no-init"], check=True)
    inside("apt-get -qq install -y rabbitmq-server python3-requests >/dev/null 2>&1")
    inside("service rabbitmq-server stop; rabbitmq-plugins enable --offline rabbitmq_management")
    inside("service rabbitmq-server start")
    import ansible

    collection = "/opt/bench/ansible_collections/taskstack/celery"
    inside(f"mkdir -p {collection}")
    subprocess.run(["docker", "cp", "-q", Path(ansible.__file__).parent, f"{HOST}:/opt/bench/ansible"], check=True)
    subprocess.run(["docker", "cp", "-q", ROOT / "plugins", f"{HOST}:{collection}/plugins"], check=True)


def objects(count: int, name: str) -> dict[str, list[dict[str, object]]]:
    """So many of each kind."""
    names = [f"{name}{number}" for number in range(count)]
    return {
        "vhosts": [{"name": each} for each in names],
        "users": [{"name": each, "password": each, "tags": ["management"]} for each in names],
        "policies": [
            {"name": each, "vhost": each, "pattern": "^q", "definition": {"max-length": 1000}} for each in names
        ],
        "queues": [{"name": each, "vhost": each} for each in names],
    }


def play(name: str, variables: dict[str, object]) -> dict[str, float]:
    """Seconds of each task of a playbook."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "variables.json"
        given.write_text(json.dumps(variables))
        command = [
            "ansible-playbook",
            "-i",
            f"{HOST},",
            "-c",
            "community.docker.docker",
            f"bench/peer/{name}.yml",
            "-e",
            f"@{given}",
        ]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks", "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        sys.exit(done.stdout[-3000:] + done.stderr[-1000:])
    return {
        task: float(seconds)
        for task, seconds in re.findall(r"^(\w[^\n]*?) -{3,} +([\d.]+)s", done.stdout, re.MULTILINE)
    }


def twenty() -> bool:
    """Both sides make the same kinds of objects, then look again."""
    sums: dict[str, dict[str, float]] = {}
    for turn in ("create", "again"):
        for side in ("loops", "ours"):
            wanted = objects(20, side)
            # Whoever makes a queue must be allowed to; a loop over users gives these rights by the way.
            all_of_it = {"configure": ".*", "write": ".*", "read": ".*"}
            rights = [{"user": user["name"], "vhost": user["name"], **all_of_it} for user in wanted["users"]]
            times = play(f"definitions_{side}", {**wanted, "permissions": rights, **LOGIN})
            sums.setdefault(turn, {})[side] = sum(times.values())
            print(
                f"  {turn:6} {side:5} {sum(times.values()):7.2f} s   "
                + ", ".join(f"{k} {v:.1f}" for k, v in times.items())
            )
    for turn, both in sums.items():
        print(f"  {turn:6} of 20 each: {both['loops'] / both['ours']:.0f} times faster")
    return sums["again"]["loops"] / sums["again"]["ours"] >= GOAL_RATIO


def thousand() -> bool:
    """The module alone: create, three times again, one change."""
    wanted = objects(250, "many")
    fine, again = True, []
    for turn in ("create", "again", "again", "again", "change"):
        if turn == "change":
            wanted["policies"][7]["definition"] = {"max-length": 5}
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {**wanted, **LOGIN, "timeout": 120}})
        inside("cat > /opt/bench/args", arguments)
        inside("cat > /opt/bench/run.py", RUNNER)
        seconds, megabytes, changes, problem = json.loads(
            inside("PYTHONPATH=/opt/bench python3 /opt/bench/run.py < /opt/bench/args")
        )
        if problem:
            sys.exit(problem)
        print(f"  1,000 objects, {turn:6} {seconds:6.2f} s, {megabytes:4.0f} MB, {changes} changes")
        fine = fine and megabytes <= GOAL_MEGABYTES
        again += [seconds] if turn == "again" else []
    middle = statistics.median(again)
    print(f"  1,000 objects unchanged: {middle:.2f} s, the median of {len(again)}")
    return fine and middle <= GOAL_SECONDS


def main() -> None:
    """Measure, say whether the goals are reached, clean up."""
    try:
        set_up()
        reached = [part() for part in (twenty, thousand) if part.__name__ in PARTS]
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", HOST], check=True, stdout=subprocess.DEVNULL)
    print(f"  goals of {' and '.join(PARTS)} reached: {reached}")
    sys.exit(not all(reached))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module processes with 50 unchanged programs, against loops of tasks that keep the same programs running.

Claim: under 2 seconds of module time, with supervisord and with systemd.
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
COUNT, ROUNDS, GOAL = 50, 3, 2.0
PLAIN = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
# The module as Ansible sends it to the host, left there to be timed without Ansible.
KEPT = {**PLAIN, "ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0"}


def run(*command: str, env: dict[str, str] | None = None) -> tuple[float, str]:
    """Seconds and output; a failure ends the benchmark with what was said."""
    begin = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=env or PLAIN, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)[:200]}\n{done.stdout}{done.stderr}")
    return time.monotonic() - begin, done.stdout


def measure(host: str, suite: str, init: str, supervisor: str) -> bool:
    """Ours and the loop in turns on one host."""
    run(str(ROOT / "tools/host"), host, suite, "host", init)
    inside = ["docker", "exec", host]
    if supervisor == "supervisord":
        run(*inside, "sh", "-c", "apt-get -qq install -y supervisor && supervisord -c /etc/supervisor/supervisord.conf")
    names = [f"bench-{number:02}" for number in range(COUNT)]
    argv = ["/usr/bin/sleep", "infinity"]
    programs = [{"name": name, "argv": argv, "user": "nobody", "log": f"/var/log/{name}.log"} for name in names]
    task = {"application": "bench", "supervisor": supervisor, "watch_seconds": 1, "processes": programs}
    target = ["-i", f"{host},", "-e", "ansible_connection=community.docker.docker"]
    ours = ["ansible", host, *target, "-m", "taskstack.celery.processes", "-a", json.dumps(task)]
    extra = json.dumps({"supervisor": supervisor, "programs": names})
    peer = ["ansible-playbook", *target, "-e", extra, "bench/peer/processes.yml"]
    first, _ = run(*ours, env=KEPT)
    run(*inside, "sh", "-c", "cp $(ls -t /root/.ansible/tmp/*/AnsiballZ_processes.py | head -1) /root/module.py")
    run(*peer)
    alone, whole, loop = [], [], []
    for _ in range(ROUNDS):
        seconds, answer = run(*inside, "python3", "/root/module.py")
        assert json.loads(answer)["changed"] is False
        alone.append(seconds)
        whole.append(run(*ours)[0])
    loop.append(run(*peer)[0])
    module, task_seconds, loop_seconds = (statistics.median(times) for times in (alone, whole, loop))
    verdict = "ok" if module < GOAL else "TOO SLOW"
    print(f"{supervisor}: {COUNT} programs unchanged: module {module:.2f} s (goal {GOAL:g} s: {verdict});", end=" ")
    print(f"whole task {task_seconds:.2f} s, tasks in loops {loop_seconds:.2f} s,", end=" ")
    print(f"ratio {task_seconds / loop_seconds:.3f}; first start of all {first:.1f} s", flush=True)
    run("docker", "rm", "-f", "-v", host)
    return module < GOAL


if __name__ == "__main__":
    good = [
        measure("bench-processes-b", "bookworm", "no-init", "supervisord"),
        measure("bench-processes-t", "trixie", "init", "systemd"),
    ]
    sys.exit(0 if all(good) else 1)

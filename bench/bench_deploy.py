#!/usr/bin/env python3
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole stack on one empty Debian 12: site.yml, a careful playbook of the usual modules, and bare shell commands.

Goals: a second run takes at most a tenth of the other playbook's time; the first one, up to the result of a task, at
most 0.9 times that of the bare commands.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FRESH = int(os.environ.get("ROUNDS_FRESH", "2"))
AGAIN = int(os.environ.get("ROUNDS_AGAIN", "5"))
# What is compared comes first, one right after the other: on a machine that others use too, minutes apart is too far.
HOSTS = {kind: f"bench-deploy-{kind}" for kind in ("ours", "bare", "peer")}
TRIAL = "import sys; sys.path.insert(0, '/opt/sample'); from sample_app.__main__ import main; main()"


def run(*command: str | pathlib.Path) -> float:
    """The seconds that a command takes; its output only when it fails."""
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    return time.monotonic() - start


def inventory(folder: pathlib.Path) -> pathlib.Path:
    """One host for each, with the sample application's variables."""
    folder = folder / "inventory"
    folder.mkdir()
    (folder / "group_vars").mkdir()
    shipped = (ROOT / "inventories" / "local" / "group_vars" / "all.yml").read_text()
    (folder / "group_vars" / "all.yml").write_text(shipped)
    ours = {HOSTS["ours"]: {}}
    common = {
        "ansible_connection": "community.docker.docker",
        "sample_app_directory": str(ROOT / "examples" / "sample_app"),
        "taskstack_secrets": str(folder.parent / "secrets"),
    }
    children = {group: {"hosts": ours} for group in ("rabbitmq", "worker", "beat", "flower")}
    children["stack"] = {"hosts": {HOSTS["peer"]: {}}}
    children["both"] = {"hosts": {HOSTS["ours"]: common, HOSTS["peer"]: common}}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"children": children}}))
    return folder


def trial(kind: str) -> float:
    """Until a worker has computed a sum."""
    if kind == "ours":
        return run("docker", "exec", HOSTS[kind], "celery-sample", "--run", "python", "-m", "sample_app")
    command = ["/usr/local/bin/run-sample", "/opt/sample/venv/bin/python", "-c", TRIAL]
    return run("docker", "exec", "--user", "sample", HOSTS[kind], *command)


def deploy(kind: str, hosts: pathlib.Path) -> float:
    """The seconds of one deployment."""
    if kind == "bare":
        return run("docker", "exec", HOSTS[kind], "/tmp/deploy.sh")
    playbook = ROOT / ("site.yml" if kind == "ours" else "bench/peer/deploy.yml")
    return run("ansible-playbook", playbook, "--inventory", hosts)


def fresh(kind: str, hosts: pathlib.Path) -> float:
    """From an empty host to the first result. No cache of pip: that is what an empty host has."""
    run(ROOT / "tools" / "host", HOSTS[kind], "bookworm", "host", "no-init", "--env PIP_CACHE_DIR=/var/tmp/pip")
    if kind == "bare":
        run("docker", "cp", ROOT / "bench" / "peer" / "deploy.sh", f"{HOSTS[kind]}:/tmp/deploy.sh")
        run("docker", "cp", ROOT / "examples" / "sample_app" / "sample_app", f"{HOSTS[kind]}:/tmp/sample_app")
    return deploy(kind, hosts) + trial(kind)


def main() -> None:
    """Measure in turns, print medians and ratios."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        hosts = inventory(pathlib.Path(folder))
        try:
            first = {kind: [] for kind in HOSTS}
            for _round in range(FRESH):
                for kind in HOSTS:
                    first[kind].append(fresh(kind, hosts))
            again = {"ours": [], "peer": []}
            for _round in range(AGAIN):
                for kind in again:
                    again[kind].append(deploy(kind, hosts))
        finally:
            subprocess.run(["docker", "rm", "--force", "--volumes", *HOSTS.values()], capture_output=True, check=False)
    begun = {kind: statistics.median(values) for kind, values in first.items()}
    repeated = {kind: statistics.median(values) for kind, values in again.items()}
    print(f"Load {load:.1f} when it began. From an empty host to the result of a task (median of {FRESH})")
    for kind, words in (("ours", "site.yml"), ("bare", "shell commands"), ("peer", "usual modules")):
        print(f"  {words:15} {begun[kind]:6.1f} s   {begun[kind] / begun['bare']:5.2f} x the shell commands")
    print(f"A second run that changes nothing (median of {AGAIN})")
    ratio = repeated["ours"] / repeated["peer"]
    print(f"  {'site.yml':15} {repeated['ours']:6.1f} s   {ratio:5.2f} x the usual modules")
    print(f"  {'usual modules':15} {repeated['peer']:6.1f} s")
    for words, found, goal in (("first", begun["ours"] / begun["bare"], 0.9), ("second", ratio, 0.1)):
        print(f"The {words} run: {found:.2f}, goal {goal}: {'reached' if round(found, 2) <= goal else 'missed'}.")


if __name__ == "__main__":
    main()

"""The two hosts of the scenario: what runs there, and the shipped playbooks with changed inventories."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import typing as t

import yaml

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())
SCENARIO = ROOT / "molecule/change"
ONE, TWO = "ts-change-one", "ts-change-two"
RECORDER = "/var/lib/taskstack/sample/recorder"
Change = t.Callable[[dict[str, t.Any]], None]
#: Whether the stack is other than the scenario's inventory has it.
CHANGED = [False]


def inside(host: str, command: str, check: bool = True) -> str:
    """What a command prints on a host."""
    done = subprocess.run(
        ["docker", "exec", host, "bash", "-c", command], capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0 or not check, f"{host}: {command}\n{done.stdout}{done.stderr}"
    return done.stdout


def play(
    *options: str, playbook: str = "site.yml", change: Change | None = None, **variables: t.Any
) -> subprocess.CompletedProcess[str]:
    """Run a shipped playbook, with a copy of the scenario's inventory in which something is changed."""
    CHANGED[0] = CHANGED[0] or playbook in ("site.yml", "playbooks/remove.yml")
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    # Beside the scenario's own, from where its variables find the sample application.
    with tempfile.TemporaryDirectory(dir=SCENARIO, prefix=".inventory-") as folder:
        shutil.copytree(SCENARIO / "inventory", folder, dirs_exist_ok=True)
        hosts = pathlib.Path(folder, "hosts.yml")
        content = yaml.safe_load(hosts.read_text())
        if change:
            change(content["all"]["children"])
        hosts.write_text(yaml.safe_dump(content))
        command = ["ansible-playbook", ROOT / playbook, "-i", folder, *options, "-e", json.dumps(variables)]
        return subprocess.run(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )


def deploy(*options: str, change: Change | None = None, **variables: t.Any) -> str:
    """Run site.yml; it must succeed."""
    done = play(*options, change=change, **variables)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    CHANGED[0] = bool(change or variables or options)
    return done.stdout


def changes(output: str, host: str) -> int:
    """How many tasks changed something on a host, by the recap."""
    found = re.search(rf"^{host}\s.*changed=(\d+)", output, re.MULTILINE)
    assert found, output[-2000:]
    return int(found[1])


def pids(host: str) -> dict[str, list[int]]:
    """The main processes of the stack on a host: by a node's name, beat or flower. Twice where something runs twice."""
    lines = [line.split(None, 2) for line in inside(host, "ps -eo pid=,ppid=,args=").splitlines()]
    programs = {pid: (parent, text) for pid, parent, text in lines if "/bin/celery " in text}
    found: dict[str, list[int]] = {}
    for pid, (parent, text) in programs.items():
        name = re.search(r" (?:worker -n (\w+)@|(beat|flower) )", text)
        if parent not in programs and name:
            found.setdefault(str(name[1] or name[2]), []).append(int(pid))
    return found


def until(what: str, condition: t.Callable[[], t.Any], seconds: float = 120) -> t.Any:
    """Ask until it is so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.5)
    raise AssertionError(f"{what} did not happen within {seconds} s")


@contextlib.contextmanager
def sampled(host: str, command: str) -> t.Iterator[t.Callable[[], list[str]]]:
    """What a command prints on a host, again and again while the block runs."""
    file = f"/tmp/sampled-{time.monotonic_ns()}"
    inside(host, f"touch {file} {file}.on; (while [ -e {file}.on ]; do {command}; done >> {file} 2>/dev/null) &")
    try:
        yield lambda: inside(host, f"cat {file}").splitlines()
    finally:
        inside(host, f"rm -f {file}.on")


def lose_a_task(host: str) -> str:
    """Kill worker `slow` of a host while it runs a task. Return the task's id: its record stays on the host."""
    # The worker of the other host does not take the task in this moment.
    other = TWO if host == ONE else ONE
    control = f"celery-sample control -d slow@{other} {{}}_consumer slow"
    inside(other, control.format("cancel"))
    task = inside(host, "celery-sample call sample_app.tasks.slow --args '[15]' --queue slow").strip()
    until("the start of the task", lambda: task in inside(host, "celery-sample inspect active --json", check=False))
    inside(host, "pkill -9 -f '[w]orker -n slow@'")
    until("the worker's return", lambda: len(pids(host).get("slow", [])) == 1)
    inside(other, control.format("add"))
    return task

"""Tasks are published and confirmed all the time while the cluster breaks and changes: none may be lost."""

from __future__ import annotations

import collections
import os
import pathlib
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).absolute().parents[3]
SCENARIO = ROOT / "molecule" / "cluster"
BROKERS = ["ts-cluster-mq1", "ts-cluster-mq2", "ts-cluster-mq3"]
WORKERS = ["ts-cluster-w1", "ts-cluster-w2"]
LOG = "/opt/count/log/ran"


def on(host: str, *command: str, check: bool = True) -> str:
    """Run a command on a host."""
    done = subprocess.run(["docker", "exec", host, *command], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{command} on {host}: {done.stdout}{done.stderr}"
    return done.stdout


def played(name: str, *options: str) -> str:
    """Run a shipped playbook against the scenario's hosts."""
    command = ["ansible-playbook", "-i", str(SCENARIO / "inventory"), str(ROOT / "playbooks" / name), *options]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def confirmed() -> list[str]:
    """What the broker has confirmed."""
    return on(WORKERS[0], "sh", "-c", f"cat {LOG}.confirmed 2>/dev/null || true").split()


def until(what: str, reached, seconds: int = 240) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, f"Not within {seconds} s: {what}"
        time.sleep(2)


def running(seen_by: str) -> int:
    """How many nodes that node sees running."""
    out = on(seen_by, "rabbitmqctl", "--quiet", "cluster_status", check=False)
    return out.partition("Running Nodes")[2].partition("Versions")[0].count("rabbit@")


@pytest.fixture(scope="module")
def publisher():
    """Sends ten tasks a second, from the first to the last test."""
    on(WORKERS[0], "rm", "-f", f"{LOG}.stop")
    prefix = f"run{int(time.time())}"
    program = ["celery-count", "--run", "python", "-m", "countapp", prefix, "10"]
    subprocess.run(["docker", "exec", "--detach", WORKERS[0], *program], check=True)
    until("the publisher publishes", lambda: any(name.startswith(prefix) for name in confirmed()), 60)
    yield
    on(WORKERS[0], "touch", f"{LOG}.stop")


@pytest.fixture
def nothing_is_lost(publisher, request):
    """Whatever the test does: publishing goes on after it, and everything that was confirmed has run."""
    began = len(confirmed())
    yield
    after = len(confirmed())
    until("tasks are published again", lambda: len(confirmed()) > after + 20)
    known, ran = confirmed(), collections.Counter()

    def all_ran() -> bool:
        ran.clear()
        for host in WORKERS:
            ran.update(on(host, "cat", LOG).split())
        return all(name in ran for name in known)

    until("all confirmed tasks have run", all_ran, 120)
    doubles = sum(ran[name] > 1 for name in known[began:])
    print(f"\n{request.node.name}: {len(known) - began} confirmed, 0 never ran, {doubles} ran twice or more")


def test_a_killed_broker_node_costs_no_task_and_comes_back(nothing_is_lost) -> None:
    on(BROKERS[0], "pkill", "--signal", "KILL", "--uid", "rabbitmq", "beam")
    until("the others see two nodes", lambda: running(BROKERS[1]) == 2, 60)
    until("it is back by itself", lambda: running(BROKERS[1]) == 3)


def test_a_node_that_is_cut_off_costs_no_task_and_heals(nothing_is_lost) -> None:
    gateway = on(BROKERS[1], "ip", "route", "show", "default").split()[2]
    on(BROKERS[1], "ip", "link", "set", "eth0", "down")
    try:
        until("the others see two nodes", lambda: running(BROKERS[0]) == 2, 120)
    finally:
        on(BROKERS[1], "ip", "link", "set", "eth0", "up")
        on(BROKERS[1], "ip", "route", "replace", "default", "via", gateway)
    until("it has healed", lambda: running(BROKERS[0]) == 3)


def test_a_rolling_restart_of_the_brokers_costs_no_task(nothing_is_lost) -> None:
    before = {host: on(host, "pgrep", "--uid", "rabbitmq", "beam") for host in BROKERS}
    played("restart.yml", "-e", "restart_broker=true", "--limit", "rabbitmq")
    assert all(on(host, "pgrep", "--uid", "rabbitmq", "beam") != before[host] for host in BROKERS)


def test_new_packages_come_with_no_task_lost(nothing_is_lost) -> None:
    played("upgrade.yml", "-e", '{"application_packages": ["celery==5.7.0", "pytz==2025.2"]}')
    for host in WORKERS:
        assert "pytz-2025.2.dist-info" in on(host, "sh", "-c", "ls /opt/count/venv/lib/python3*/site-packages")


def test_a_rotated_login_costs_no_task_and_the_old_one_is_gone(nothing_is_lost) -> None:
    login = ["-e", "taskstack_broker_user=count2", "-e", "taskstack_broker_password=other-pa55word"]
    packages = ["-e", '{"application_packages": ["celery==5.7.0", "pytz==2025.2"]}']
    played("rotate_credentials.yml", "-e", "old_user=count", *login, *packages)
    users = on(BROKERS[0], "rabbitmqctl", "--quiet", "list_users").split()
    assert "count2" in users and "count" not in users

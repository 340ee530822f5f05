"""Calls modules as an administrator would, and workers as somebody else would have started them."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import time
import typing as t

import pytest

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())
WATCHER = {"management_user": "watcher", "management_password": "watcher", "vhost": "legacy"}
INVENTORY = ROOT / "molecule" / "status" / "inventory"


def call(module: str, host: str, *options: str, **arguments: t.Any) -> dict[str, t.Any]:
    """What a module of this collection returns on a host."""
    command = ["ansible", host, "--inventory", INVENTORY, "--module-name", f"taskstack.celery.{module}", *options]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    command += ["--args", json.dumps(arguments)] if arguments else []
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    found = done.stdout.partition(" => ")[2]
    assert found, done.stdout + done.stderr
    result, _ = json.JSONDecoder().raw_decode(found.lstrip())
    # With --diff the difference is printed before the result.
    return {**result, "succeeded": done.returncode == 0, "shown": done.stdout.partition(f"{host} | ")[0]}


@pytest.fixture
def status() -> t.Callable[..., dict[str, t.Any]]:
    """Module status on the deployed host, without any argument that is not given."""
    return lambda **arguments: call("status", "ts-status-stack", **arguments)


@pytest.fixture
def legacy_status() -> t.Callable[..., dict[str, t.Any]]:
    """Module status for the stack that this collection does not know."""
    return lambda **arguments: call("status", "ts-status-legacy", **{**WATCHER, **arguments})


@pytest.fixture
def legacy_revoke() -> t.Callable[..., dict[str, t.Any]]:
    """Module revoke for the same."""
    return lambda **arguments: call("revoke", "ts-status-legacy", **{**WATCHER, **arguments})


@pytest.fixture
def module() -> t.Callable[..., dict[str, t.Any]]:
    """Any module of the collection."""
    return call


@pytest.fixture
def legacy_workers() -> t.Iterator[t.Callable[..., None]]:
    """Starts workers of old Celerys, waits until they are ready, and stops them at the end of the test."""

    def inside(command: str) -> str:
        argv = ["docker", "exec", "ts-status-legacy", "bash", "-c", command]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout

    def start(*workers: tuple[str, str, str], **settings: t.Any) -> None:
        for celery, node, options in workers:
            environment = f"cd /opt; export C_FORCE_ROOT=1 SETTINGS='{json.dumps(settings)}'"
            program = f"/opt/celery-{celery}/bin/celery -A legacy_app worker -l INFO"
            inside(
                f"{environment}; setsid {program} -n '{node}' {options} "
                f">'/var/log/{node.replace('/', '_')}.log' 2>&1 </dev/null & echo $! >>/run/legacy.pids"
            )
        for _ in range(60):
            ready = [inside(f"grep -c ' ready\\.' '/var/log/{node.replace('/', '_')}.log'") for _, node, _ in workers]
            if all(count.strip() == "1" for count in ready):
                return
            time.sleep(0.5)
        raise AssertionError(inside("tail -n 20 /var/log/*@*.log"))

    yield start
    inside("for pid in $(cat /run/legacy.pids); do kill -9 -- -$pid; done; rm -f /run/legacy.pids /var/log/*@*.log")


@pytest.fixture
def inside_legacy() -> t.Callable[[str], str]:
    """What a command prints on the host with the old Celerys."""
    return lambda command: (
        subprocess.run(
            ["docker", "exec", "ts-status-legacy", "bash", "-c", command], capture_output=True, text=True, check=False
        ).stdout
    )

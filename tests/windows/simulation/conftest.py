"""Fake Windows hosts of the simulation."""

from __future__ import annotations

import pathlib

import pytest
import stage

SITE = stage.ROOT / "playbooks" / "site.yml"
SECRET = """p%a!s^s&w"o'r|d é"""
STACK = {
    "ansible_become": False,
    "taskstack_name": "openrem",
    "taskstack_app": "openremproject",
    "taskstack_directory": r"D:\apps\openrem",
    "taskstack_venv": r"D:\venv",
    "taskstack_supervisor": "windows",
    "taskstack_broker_host": "mq1",
    "taskstack_broker_password": SECRET,
    "taskstack_monitor_password": "monitor",
    "application_python": r"C:\Python312\python.exe",
    "application_packages": ["celery==5.7.0", "flower==2.2.0"],
    "application_files": [{"path": "local_settings.py", "content": "DEBUG = False\n"}],
    "worker_nodes": [
        {"name": "default", "queues": ["default"]},
        {"name": "bulk", "queues": ["bulk"], "pool": "threads", "concurrency": 4},
    ],
    "beat_schedule": [{"name": "tick", "task": "remapp.tick", "seconds": 60}],
    "flower_password": "flower",
}


@pytest.fixture(scope="session")
def specs(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The documentation of the Windows modules."""
    return stage.write_specs(tmp_path_factory.mktemp("specs") / "specs.json")


@pytest.fixture
def stack() -> dict:
    """The variables of a right inventory."""
    return STACK


@pytest.fixture
def scene(tmp_path: pathlib.Path, specs: pathlib.Path) -> stage.Stage:
    """Two hosts with workers, one of them with beat and Flower too."""
    made = stage.Stage(tmp_path, SITE, specs)
    groups = {"windows": ["win1", "win2"], "worker": ["win1", "win2"], "beat": ["win1"], "flower": ["win1"]}
    made.write({"win1": {}, "win2": {}}, groups, STACK)
    return made

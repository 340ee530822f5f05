"""The inventory's periodic tasks in real Celerys: any namespace, any scheduler; see `make versions`."""

from __future__ import annotations

import json
import os
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from pythons import ROOT, interpreter, packages

FILES = ROOT / "roles/application/files"

#: Python, Celery, what else it needs, whether django-celery-beat is among that.
VERSIONS: list[tuple[str, str, list[str], bool]] = [
    ("2.7", "4.2.2", [], False),
    ("3.8", "4.4.7", ["setuptools<66", "importlib-metadata<5", "Django<2.3", "django-celery-beat==2.0.0"], True),
    ("3.9", "5.2.7", ["setuptools<66"], False),
    ("3.10", "5.5.3", [], False),
    ("3.11", "5.7.0", ["Django>=5.2,<5.3", "django-celery-beat==2.9.0"], True),
]
STYLES = ["namespace", "other namespace", "namespace without schedule", "old names", "new names", "nothing"]
DATABASE = "django_celery_beat.schedulers:DatabaseScheduler"
BASES = ["", DATABASE, "schedules:Fixed", "of the settings"]
INVENTORY = [
    {"name": "both", "task": "shop.inventory", "crontab": "30 3 * * *"},
    {"name": "often", "task": "shop.inventory", "seconds": 0.01, "args": [1], "queue": "slow", "expires": 9},
]
CASES = [
    (python, version, more, base, style)
    for python, version, more, django in VERSIONS
    for base in BASES
    if base != DATABASE or django
    for style in STYLES
]


def said(case: tuple[t.Any, ...], folder: Path, inventory: bool = True) -> dict[str, t.Any]:
    """What the program in that Python prints."""
    python, version, more, base, style = case
    installed = packages(interpreter(python), f"{python}-{version}-beat", [f"celery=={version}", *more])
    (folder / "beat.json").write_text(json.dumps(INVENTORY))
    done = subprocess.run(
        [interpreter(python), "-m", "schedules", base, style, str(folder)],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, (installed, FILES, Path(__file__).parent))),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TASKSTACK_BEAT_HEARTBEAT": str(folder / "heartbeat.json"),
            **({"TASKSTACK_BEAT_SCHEDULE": str(folder / "beat.json")} if inventory else {}),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, t.Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("case", CASES, ids=[f"{case[1]}-{case[3] or 'default'}-{case[4]}" for case in CASES])
def test_beat_sends_the_tasks_of_application_and_inventory(case: tuple[t.Any, ...], tmp_path: Path) -> None:
    found = said(case, tmp_path)
    own = {} if case[4] in ("nothing", "namespace without schedule") else {"own": "shop.own"}
    if case[3] in ("schedules:Fixed", "of the settings"):
        own = {"fixed": "shop.fixed"}
    # Of two with one name the inventory's counts.
    assert found["tasks"] == {**own, "both": "shop.inventory", "often": "shop.inventory"}


@pytest.mark.parametrize("version", VERSIONS, ids=[version[1] for version in VERSIONS])
def test_the_heartbeat_tells_what_is_scheduled_and_what_was_sent(version: tuple[t.Any, ...], tmp_path: Path) -> None:
    found = said((*version[:3], DATABASE if version[3] else "", "namespace"), tmp_path)
    told = found["heartbeat"]
    assert told["format"] == 1 and told["pid"] > 0 and abs(told["ticked"] - time.time()) < 60
    assert told["ticked"] <= told["next"] <= told["ticked"] + 20 and found["slept"] <= 20
    entries = {entry["name"]: entry for entry in told["entries"]}
    assert {"both", "often", "own"} <= set(entries)
    assert entries["both"]["sent"] == [] and entries["both"]["task"] == "shop.inventory"
    assert 1 <= len(entries["often"]["sent"]) <= 3 and entries["often"]["error"] is None
    assert all(len(task_id) == 36 for _when, task_id in entries["often"]["sent"])


@pytest.mark.parametrize("version", VERSIONS, ids=[version[1] for version in VERSIONS])
def test_without_tasks_in_the_inventory_the_application_s_own_stay(version: tuple[t.Any, ...], tmp_path: Path) -> None:
    found = said((*version[:3], "", "namespace"), tmp_path, inventory=False)
    assert found["tasks"] == {"both": "shop.own", "own": "shop.own"}
    assert found["heartbeat"]["entries"][-1]["task"] == "shop.own"

from __future__ import annotations

import pathlib
import subprocess

import pytest

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())


@pytest.fixture
def checkout(tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of this checkout's tracked and new files, in a repository of its own, resolvable as the collection."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True)
    for name in listed.stdout.decode().splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((ROOT / name).read_bytes())
            (tmp_path / name).chmod((ROOT / name).stat().st_mode)
    collections = tmp_path / ".ansible" / "collections" / "ansible_collections"
    (collections / "taskstack").mkdir(parents=True)
    (collections / "taskstack" / "celery").symlink_to("../../../..")
    for other in ("ansible", "community"):
        (collections / other).symlink_to(ROOT / ".ansible" / "collections" / "ansible_collections" / other)
    return tmp_path

"""The containers of these tests, made once."""

from __future__ import annotations

import typing as t

import pytest
import stage
import wine_stage
from wine_stage import BROKER, HERE, ROOT, WINDOWS, Windows, run


@pytest.fixture(scope="session")
def windows(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Windows]:
    """Both machines, and an inventory for them."""
    folder = tmp_path_factory.mktemp("windows")
    try:
        shared = f"--volume {HERE}:/opt/winsim:ro"
        run(str(ROOT / "tools/host"), WINDOWS, "trixie", "wine", "no-init", shared)
        address = wine_stage.start_broker()
        scene = stage.Stage(folder, ROOT / "playbooks" / "site.yml", stage.write_specs(folder / "specs.json"))
        machine = Windows(scene, address)
        wine_stage.describe(scene, address)
        yield machine
    finally:
        run("docker", "rm", "--force", "--volumes", BROKER, WINDOWS, check=False)

"""COMPATIBILITY.md claims nothing that no test shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ROWS = re.findall(r"^\| ([^|]+) \| (\(?x\)?|) \|([^|]*)\|$", (ROOT / "COMPATIBILITY.md").read_text(), re.MULTILINE)
PROVEN = [(claim, re.findall(r"`([^`]+)`", proof)) for claim, mark, proof in ROWS if mark == "x"]
# What comes with a release of Debian.
SUITES = {
    "bullseye": "Debian 11 has RabbitMQ 3.8 and Python 3.9",
    "bookworm": "Debian 12 has RabbitMQ 3.10 and Python 3.11",
    "trixie": "Debian 13 has RabbitMQ 4.0 and Python 3.13",
}


def text_of(name: str) -> str:
    """All that a test says: its path, its files, and what comes with the releases that it runs on."""
    place = ROOT / name
    files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
    text = name + "".join(file.read_text() for file in files if file.suffix != ".pyc" and ".secrets" not in file.parts)
    return text + "".join(more for suite, more in SUITES.items() if suite in text)


def test_every_row_is_read() -> None:
    lines = [line for line in (ROOT / "COMPATIBILITY.md").read_text().splitlines() if line.startswith("|")]
    tables = sum(line.startswith("| ---") for line in lines)
    assert len(ROWS) == len(lines) - 2 * tables
    assert len(PROVEN) > 20


@pytest.mark.parametrize(("claim", "tests"), PROVEN, ids=[claim for claim, _tests in PROVEN])
def test_what_is_called_proven_names_tests_that_are_there_and_have_its_versions(claim: str, tests: list[str]) -> None:
    assert tests
    assert [name for name in tests if not (ROOT / name).exists()] == []
    text = "".join(map(text_of, tests))
    versions = re.findall(r"\d+(?:\.\d+)*", claim)
    assert [version for version in versions if not re.search(rf"(?<![\d.]){re.escape(version)}(?!\d)", text)] == []


def test_what_is_only_expected_names_no_test() -> None:
    assert [claim for claim, mark, proof in ROWS if mark != "x" and proof.strip()] == []

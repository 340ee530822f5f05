"""The place of an everyday change: the table of the architecture page names files that hold what it says."""

from __future__ import annotations

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[3]
PAGE = (ROOT / "docs/architecture.md").read_text()
CHANGES = re.findall(
    r"^\| (.+?) \| `([^`]+)` \| `([^`]+)` \|$", PAGE.partition("## Where to change what")[2], re.MULTILINE
)
FOLDERS = re.findall(r"^\| `(_\w+)/` \| .+? \| `(\w+\.py)` \|$", PAGE, re.MULTILINE)


def test_the_page_has_at_least_ten_changes() -> None:
    assert len(CHANGES) >= 10


@pytest.mark.parametrize(("change", "file", "words"), CHANGES)
def test_the_file_that_is_named_for_a_change_holds_what_is_to_be_found(change: str, file: str, words: str) -> None:
    assert words in (ROOT / file).read_text(), change


def test_the_page_has_one_line_for_each_folder_of_the_utilities() -> None:
    folders = {path.name for tree in ("module_utils", "plugin_utils") for path in (ROOT / "plugins" / tree).glob("_*/")}
    assert {name for name, _first in FOLDERS} == {name for name in folders if not name.startswith("__")}


@pytest.mark.parametrize(("name", "first"), FOLDERS)
def test_the_file_to_read_first_is_in_its_folder(name: str, first: str) -> None:
    assert any((ROOT / "plugins" / tree / name / first).exists() for tree in ("module_utils", "plugin_utils"))


def test_the_page_stays_short() -> None:
    """Two pages of print."""
    assert len(PAGE.splitlines()) <= 100 and len(PAGE) < 9000

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Test helpers live beside the tests; importlib mode puts no folder on the path.
sys.path.insert(0, str(Path(__file__).parent))

from looks import AREAS, until


@pytest.fixture
def in_order() -> None:
    """A stack that was deployed and that nobody has touched since."""
    found = until(lambda seen: not seen.failed and seen.together["healthy"], 240, *AREAS)
    assert found.together["problems"] == [] and found.together["unknown"] == [] and not found.failed

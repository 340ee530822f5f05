"""One load of tasks for all tests, and what must be true after each of them."""

from __future__ import annotations

import typing as t

import pytest
from clusterlab.load import Load


@pytest.fixture(scope="session")
def load() -> t.Iterator[Load]:
    """Ten tasks a second, from the first to the last test."""
    load = Load(10)
    yield load
    load.stop()


@pytest.fixture
def costs_no_task(
    load: Load, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> t.Callable[[t.Callable[[], t.Any]], None]:
    """Let something happen: everything that was confirmed has run after it."""

    def under_load(event: t.Callable[[], t.Any]) -> None:
        tally = load.during(event)
        with capsys.disabled():
            print(f"\n{request.node.name}: {tally}")
        assert tally.never == 0, tally
        # Nothing was shown when nothing was sent meanwhile.
        assert tally.confirmed > 20, tally

    return under_load

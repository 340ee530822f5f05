"""The periodic tasks of an inventory: every mistake is named with its cure; what passes, Celery takes."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight.schedule import problems
from hypothesis import given
from hypothesis import strategies as st

GOOD = {"name": "nightly", "task": "shop.clean", "crontab": "30 23 * * mon-fri"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": ""}, "has no name"),
        ({"task": None}, "has no task"),
        ({"seconds": 5}, "either crontab or seconds"),
        ({"crontab": None}, "either crontab or seconds"),
        ({"crontab": None, "seconds": 0}, "a number above 0"),
        ({"crontab": None, "seconds": True}, "a number above 0"),
        ({"crontab": None, "seconds": "60"}, "a number above 0"),
        ({"crontab": "23:30"}, "five fields: minute, hour"),
        ({"crontab": 30}, "five fields"),
        ({"crontab": "60 * * * *"}, "numbers from 0 to 59"),
        ({"crontab": "* 24 * * *"}, "as hour in its crontab"),
        ({"crontab": "* * 0 * *"}, "as day of month"),
        ({"crontab": "* * * 13 *"}, "as month"),
        ({"crontab": "* * * * noday"}, "as day of week"),
        ({"crontab": "*/0 * * * *"}, "as minute"),
        ({"crontab": "1,,2 * * * *"}, "as minute"),
        ({"expires": -1}, "number of seconds above 0"),
        ({"args": "one"}, "args that are not a list"),
        ({"kwargs": [1]}, "kwargs that are not a mapping"),
        ({"queue": ["a"]}, "queue that are not a name"),
        ({"every": 5}, "unknown option every. Known are name, task"),
    ],
)
def test_a_mistake_is_named_with_the_entry(change: dict[str, t.Any], sentence: str) -> None:
    found = problems([{**GOOD, **change}])
    assert len(found) == 1
    assert found[0].startswith("beat_schedule: ") and sentence in found[0]


@pytest.mark.parametrize(
    "entry",
    [
        GOOD,
        {**GOOD, "crontab": "*/15 1-5,7 1,15 jan-mar 0"},
        {"name": "tick", "task": "shop.tick", "seconds": 0.5, "kwargs": {"a": 1}, "queue": "q", "expires": 9},
    ],
)
def test_a_good_entry_passes(entry: dict[str, t.Any]) -> None:
    assert problems([entry]) == []


def test_all_mistakes_are_named_at_once_and_doubles_too() -> None:
    found = problems([GOOD, GOOD, {"name": "x"}, "text"])
    assert len(found) == 4
    assert any("nightly is listed twice" in sentence for sentence in found)


def test_no_list_is_one_sentence() -> None:
    (sentence,) = problems({"nightly": {}})
    assert sentence.startswith("beat_schedule must be a list of tasks")


PLAIN = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_whatever_an_inventory_holds_is_answered_with_sentences(schedule: t.Any) -> None:
    assert all(sentence.startswith("beat_schedule") for sentence in problems(schedule))

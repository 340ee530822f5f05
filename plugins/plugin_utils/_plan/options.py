# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an option may hold, and what it becomes on the command line."""

from __future__ import annotations

import difflib
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.taskstack.celery.plugins.module_utils._supervision.names import (
    CONTROL,
    NAME,
    NAME_RULE,
    VARIABLE,
)


@dataclass(frozen=True)
class Option:
    """One option: what it may hold, and its flag where Celery has one."""

    holds: str
    flag: str = ""
    minimum: float | None = None
    choices: tuple[str, ...] = ()

    def problem(self, value: t.Any) -> str | None:
        """What is wrong with the value, as the end of a sentence that begins with the option's name."""
        fits, words = _KINDS[self.holds]
        if not fits(value):
            # What is wrong may be that a password is in there.
            return f"must be {words}" + ("" if self.holds in ("texts", "environment") else f", not {shown(value)}")
        if self.minimum is not None and value < self.minimum:
            return f"must be at least {self.minimum:g}, not {value}"
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}, not {shown(value)}"
        return None

    def arguments(self, value: t.Any) -> list[str]:
        """The value as Celery's arguments."""
        if not self.flag:
            return []
        if self.holds == "switch":
            # What Celery does by itself can only be switched off.
            return [self.flag] if value != self.flag.startswith("--without-") else []
        if self.holds == "range":
            return [f"{self.flag}={value['max']},{value['min']}"]
        text = ",".join(value) if self.holds == "names" else str(value)
        return [f"{self.flag}={text}"] if self.flag.startswith("--") else [self.flag, text]


def shown(value: t.Any) -> str:
    """The value as a person would write it in an inventory, shortened."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _number(value: t.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: t.Any) -> bool:
    return isinstance(value, str) and value != "" and not CONTROL.search(value)


def _texts(value: t.Any) -> bool:
    return isinstance(value, (list, tuple)) and all(_text(item) for item in value)


def _names(value: t.Any) -> bool:
    return _texts(value) and bool(value) and not any("," in item or item != item.strip() for item in value)


def _range(value: t.Any) -> bool:
    shape = isinstance(value, dict) and set(value) == {"min", "max"}
    return shape and all(_whole(number) and number >= 0 for number in value.values())


def _mapping(value: t.Any) -> bool:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return False
    plain = all(isinstance(item, (str, int, float)) and not CONTROL.search(str(item)) for item in value.values())
    return plain and all(VARIABLE.match(key) for key in value)


_KINDS: dict[str, tuple[t.Callable[[t.Any], bool], str]] = {
    "number": (_number, "a number"),
    "whole": (_whole, "a whole number"),
    "switch": (lambda value: isinstance(value, bool), "true or false"),
    "name": (lambda value: _text(value) and bool(NAME.match(value)), f"a name: {NAME_RULE}"),
    "size": (lambda value: _text(value) and bool(re.match(r"\d+[KMGT]?\Z", value)), "a size in bytes like 2G or 500M"),
    "text": (_text, "a string of one line"),
    "texts": (_texts, "a list of strings of one line each"),
    "names": (_names, "a list of names without commas, at least one"),
    "range": (_range, "two whole numbers like {min: 1, max: 4}"),
    "environment": (_mapping, "a mapping of variable names to strings of one line"),
}


def problems(options: t.Any, known: dict[str, Option], where: str) -> list[str]:
    """One sentence per option that is unknown or holds what it cannot; `where` is how the inventory calls them."""
    if not isinstance(options, dict):
        return [f"{where} must be a mapping of options, not {shown(options)}."]
    found = []
    for key, value in options.items():
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            cure = f"Did you mean {close[0]}?" if close else "Celery's other options go into extra_args."
            found.append(f"{where} has an unknown option {shown(key)}. {cure}")
        elif value is not None and (problem := known[key].problem(value)):
            found.append(f"{where}: {key} {problem}.")
    return found

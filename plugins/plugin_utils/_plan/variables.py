# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the variables of a host with what its roles take, by their argument_specs. Pure."""

from __future__ import annotations

import difflib
import typing as t

from ansible.module_utils.common.validation import check_type_bool, check_type_float, check_type_int

Variables = t.Mapping[str, t.Any]
Specs = t.Mapping[str, t.Mapping[str, t.Mapping[str, t.Any]]]
_WORDS = {
    "str": "a string",
    "path": "a path",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping",
}


class Broken:
    """A variable that is set to something which cannot be evaluated."""

    def __init__(self, reason: str) -> None:
        """The reason, which must not hold the value."""
        self.reason = reason

    def __repr__(self) -> str:
        """The same words in every run, as names of tests need."""
        return f"Broken({self.reason!r})"


def problems(variables: Variables, roles: Specs, every_role: Specs) -> list[str]:
    """One sentence per variable that is missing, broken, misspelt, or not what a role of this host takes."""
    options = {name: option for spec in roles.values() for name, option in spec.items()}
    known = {name for spec in every_role.values() for name in spec}
    sentences = [_option(name, option, variables) for name, option in options.items()]
    for name in variables:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.93) if name not in known else []
        if close and abs(len(close[0]) - len(name)) <= 1:
            sentences.append(f"{name} is no variable of this collection. Did you mean {close[0]}?")
    return [sentence for sentence in sentences if sentence]


def _option(name: str, option: t.Mapping[str, t.Any], variables: Variables) -> str:
    value = variables.get(name)
    if isinstance(value, Broken):
        return f"{name} cannot be evaluated: {value.reason} Correct it, or the variable that it uses."
    vault = ", best with ansible-vault" if option.get("no_log") else ""
    if value is None or (value == "" and option.get("required")):
        return f"{name} is not set. Set it{vault}." if option.get("required") else ""
    kind = option.get("type", "str")
    if not _fits(kind, value):
        return f"{name} must be {_WORDS.get(kind, kind)}. Change it{' (put it in quotes)' if kind == 'str' else ''}."
    choices = option.get("choices")
    if choices and value not in choices:
        return f"{name} must be one of {', '.join(map(str, choices))}. Change it."
    if kind == "list" and option.get("options") and name not in _KNOWN_BETTER:
        return _entries(name, option["options"], value)
    low, high = _RANGES.get(name.rpartition("_")[2], (None, None))
    if kind == "int" and low is not None and not low <= int(value) <= high:
        return f"{name} must be from {low} to {high}, not {value}. Change it."
    return ""


# Lists whose entries have rules of their own, in _options and _schedule.
_KNOWN_BETTER = ("worker_nodes", "beat_schedule")


def _entries(name: str, options: t.Mapping[str, t.Any], value: t.Sequence[t.Any]) -> str:
    """The first entry that is not what a role takes."""
    required = {key for key, option in options.items() if option.get("required")}
    for number, entry in enumerate(value):
        label = f"{name}: entry {number + 1}"
        if not isinstance(entry, dict):
            return f"{label} must be a mapping with {', '.join(sorted(options))}."
        missing, strange = sorted(required - entry.keys()), sorted(map(str, entry.keys() - options.keys()))
        if missing or strange:
            wrong = [f"lacks {key}" for key in missing] + [f"does not know {key}" for key in strange]
            return f"{label} {' and '.join(wrong)}. It takes {', '.join(sorted(options))}."
    return ""


# What the last word of a variable's name says about its number.
_RANGES: dict[str, tuple[t.Any, t.Any]] = {
    "port": (1, 65535),
    "timeout": (0, 10_000_000),
    "seconds": (0, 10_000_000),
    "interval": (1, 10_000_000),
    "days": (0, 100_000),
}


def true(value: t.Any) -> bool:
    """What Ansible makes of the value where a role wants true or false; one that is neither is refused elsewhere."""
    try:
        return bool(check_type_bool(value))
    except TypeError:
        return False


def _fits(kind: str, value: t.Any) -> bool:
    """Whether the value is used as it is, or becomes what is wanted: on the command line every value is a string.

    Stricter than Ansible's validator of arguments, which takes a text with commas for a list and a number for a text:
    it hands over what it made of the value, but variables reach tasks and templates as they are.
    """
    if kind in _EXACT:
        return isinstance(value, _EXACT[kind])
    if isinstance(value, bool) and kind != "bool":
        return False
    try:
        _CONVERTED[kind](value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


_EXACT: dict[str, t.Any] = {"str": str, "path": str, "list": (list, tuple), "dict": dict, "raw": object}
_CONVERTED: dict[str, t.Callable[[t.Any], t.Any]] = {
    "bool": check_type_bool,
    "int": check_type_int,
    "float": check_type_float,
}

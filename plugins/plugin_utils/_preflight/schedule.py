# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the periodic tasks of an inventory, before beat stumbles over it at night."""

from __future__ import annotations

import re
import typing as t

FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
KNOWN = ("name", "task", "crontab", "seconds", "args", "kwargs", "queue", "expires")


def problems(schedule: t.Any) -> list[str]:
    """One sentence for each mistake, with the entry's name and the cure."""
    if not isinstance(schedule, (list, tuple)):
        return ["beat_schedule must be a list of tasks, each with name, task, and crontab or seconds."]
    found = []
    names = [entry.get("name") for entry in schedule if isinstance(entry, dict)]
    for number, entry in enumerate(schedule, 1):
        if not isinstance(entry, dict):
            found.append(f"beat_schedule: entry {number} must be a mapping with name, task, and crontab or seconds.")
            continue
        label = f"beat_schedule: {entry.get('name') or f'entry {number}'}"
        found += [f"{label} {sentence}" for sentence in _entry(entry)]
    twice = sorted({str(name) for name in names if name and names.count(name) > 1})
    return found + [f"beat_schedule: {name} is listed twice. Give each entry its own name." for name in twice]


def _entry(entry: dict[str, t.Any]) -> t.Iterator[str]:
    for key in ("name", "task"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            yield f"has no {key}. Add it."
    for key in sorted(set(map(str, entry)) - set(KNOWN)):
        yield f"has an unknown option {key}. Known are {', '.join(KNOWN)}."
    crontab, seconds = entry.get("crontab"), entry.get("seconds")
    if (crontab is None) == (seconds is None):
        yield "must say when with either crontab or seconds."
    elif seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds <= 0):
        yield f"has seconds {seconds!r}, which must be a number above 0."
    elif crontab is not None:
        yield from _crontab(crontab)
    expires = entry.get("expires")
    if expires is not None and (isinstance(expires, bool) or not isinstance(expires, (int, float)) or expires <= 0):
        yield f"has expires {expires!r}, which must be a number of seconds above 0."
    kinds = (("args", (list, tuple), "a list"), ("kwargs", dict, "a mapping"), ("queue", str, "a name"))
    for key, kind, words in kinds:
        if entry.get(key) is not None and not isinstance(entry[key], kind):
            yield f"has {key} that are not {words}."


def _crontab(crontab: t.Any) -> t.Iterator[str]:
    fields = crontab.split() if isinstance(crontab, str) else []
    if len(fields) != len(FIELDS):
        yield f"has crontab {crontab!r}, which must be five fields: {', '.join(name for name, _low, _high in FIELDS)}."
        return
    for text, (name, low, high) in zip(fields, FIELDS):
        if not all(_part(part, low, high) for part in text.split(",")):
            yield f"has {text!r} as {name} in its crontab, which must be * or numbers from {low} to {high}."


def _part(part: str, low: int, high: int) -> bool:
    """One of ``*``, ``5``, ``1-5``, ``mon-fri``, each with an optional ``/2``."""
    match = re.match(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?\Z", part)
    if not match:
        return False
    ends = [end for end in match.groups()[:2] if end is not None]
    step = match.group(3)
    fits = all(end.lower()[:3] in DAYS + MONTHS or (end.isdecimal() and low <= int(end) <= high) for end in ends)
    return fits and (step is None or int(step) > 0)

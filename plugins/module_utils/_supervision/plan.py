# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide what has to happen so that exactly the wanted processes run. Pure: check mode reads the same plan."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

# A supervisor's words for a process, in ours. A failing one is dead, or about to be started once more.
RUNNING, STARTING, STOPPING = "running", "starting", "stopping"
STOPPED, FAILING, ABSENT = "stopped", "failing", "absent"
VERBS = {"start": "started", "restart": "restarted", "stop": "stopped", "update": "updated", "remove": "removed"}
ALIVE = (RUNNING, STARTING, STOPPING)
_MARK = "Managed by Ansible: taskstack.celery.processes, application {}, kind {}."
_MARK_LINE = re.compile(r"[;#] " + _MARK.replace(".", r"\.").replace("{}", r"(\S+)") + r"\Z")
_PATIENCE = re.compile(r"^(?:stopwaitsecs|TimeoutStopSec)=(\d+)$", re.MULTILINE)
_CONTENT_LINE = re.compile(r"[;#] content (\S+) (.+)\Z")


@dataclass(frozen=True)
class Owner:
    """Whose a process is; another owner's is never touched."""

    application: str
    kind: str


@dataclass(frozen=True)
class Health:
    """How a process does, in the supervisor's eyes."""

    state: str = ABSENT
    pid: int = 0
    detail: str = ""

    @property
    def alive(self) -> bool:
        """Whether there is a process that has to end before another may begin."""
        return self.pid != 0 or self.state in ALIVE


@dataclass(frozen=True)
class Found:
    """One of our processes as it is on the host; no text when its file is missing."""

    text: str | None = None
    health: Health = Health()
    starts_at_boot: bool = False
    stale: bool = False


@dataclass(frozen=True)
class Wanted:
    """One wanted process."""

    text: str
    started: bool


@dataclass(frozen=True)
class Step:
    """What has to happen to one process: start, restart, stop, update (its file only) or remove.

    Patience is how many seconds the running program may take to stop, by the definition it was started with.
    """

    name: str
    verb: str
    before: str
    after: str
    patience: int = 0


def head(comment: str, owner: Owner, contents: t.Mapping[str, str]) -> str:
    """The first lines of a file of ours: whose it is, and of what content its program was started."""
    lines = [_MARK.format(owner.application, owner.kind)]
    lines += [f"content {path} {digest}" for path, digest in contents.items()]
    return "".join(f"{comment} {line}\n" for line in lines)


def owner_of(text: str) -> Owner | None:
    """Whose file this is; None when it is not ours."""
    match = _MARK_LINE.match(text.partition("\n")[0])
    return Owner(*match.groups()) if match else None


def plan(wanted: t.Mapping[str, Wanted], found: t.Mapping[str, Found]) -> list[Step]:
    """What has to happen, in the order of the list; what is no longer listed comes first."""
    steps = [_step(name, "remove", was, None) for name, was in sorted(found.items()) if name not in wanted]
    for name, wish in wanted.items():
        was = found.get(name, Found())
        verb = _verb(wish, was)
        if verb:
            steps.append(_step(name, verb, was, wish))
    return steps


def names(steps: t.Iterable[Step], verb: str) -> list[str]:
    """The processes to which this happens."""
    return [step.name for step in steps if step.verb == verb]


def _verb(wish: Wanted, was: Found) -> str:
    differs = was.text != wish.text or was.stale
    if wish.started and was.health.state in (RUNNING, STARTING):
        return "restart" if differs else "" if was.starts_at_boot else "update"
    if wish.started:
        return "start"
    if was.health.state not in (STOPPED, ABSENT):
        return "stop"
    return "update" if differs or was.starts_at_boot is not wish.started else ""


def _step(name: str, verb: str, was: Found, wish: Wanted | None) -> Step:
    before, old = _split(was.text or "")
    after, new = _split(wish.text if wish else "")
    # Digests say nothing to a reader, and are not known before the run: which content changed is.
    changed = {path for path in new if path in old and old[path] != new[path]}
    before += "".join(f"# content of {path}\n" for path in old)
    after += "".join(f"# content of {path}{' (changed)' if path in changed else ''}\n" for path in new)
    patience = [int(seconds) for seconds in _PATIENCE.findall(was.text or "")]
    return Step(name, verb, before + _state_before(was), after + _state_after(wish), max(patience, default=0))


def _state_before(was: Found) -> str:
    words = RUNNING if was.health.state == STARTING else was.health.state
    if was.stale:
        words += " by an older definition"
    if was.text is not None and not was.starts_at_boot:
        words += ", not started at boot"
    return "" if was == Found() else f"# {words}\n"


def _state_after(wish: Wanted | None) -> str:
    if wish is None:
        return ""
    return f"# {RUNNING}\n" if wish.started else f"# {STOPPED}, not started at boot\n"


def _split(text: str) -> tuple[str, dict[str, str]]:
    lines = text.splitlines(keepends=True)
    matches = [(line, _CONTENT_LINE.match(line.rstrip("\n"))) for line in lines]
    return "".join(line for line, match in matches if not match), {m.group(1): m.group(2) for line, m in matches if m}

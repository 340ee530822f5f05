# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Celery processes of this host: beats, workers and their pools, and which of them are frozen."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

#: Stopped by a signal, or held by a debugger: such a process does nothing until somebody lets it go on.
FROZEN = ("T", "t")


@dataclass(frozen=True)
class Process:
    """One line of the process table; ``state`` is that of ``ps``."""

    pid: int
    parent: int
    argv: tuple[str, ...]
    state: str = "S"


def beats(table: t.Iterable[Process], app: str, venv: str) -> list[Process]:
    """The beats of an application; a worker with an embedded one (``-B``) is one too."""
    found = {process.pid: process for process in table if _is_beat(process.argv, app, venv)}
    # The pool of a worker looks like the worker itself.
    return [process for process in found.values() if process.parent not in found]


def workers(table: t.Iterable[Process], app: str, venv: str) -> dict[str, dict[str, t.Any]]:
    """The workers of an application by node: ``pid``, ``frozen``, and of its pool ``children``, ``frozen_children``."""
    everything = list(table)
    nodes = {process.pid: _node(process.argv, app, venv) for process in everything}
    found: dict[str, dict[str, t.Any]] = {}
    for process in everything:
        node = nodes[process.pid]
        if not node or nodes.get(process.parent) == node:
            continue
        children = [child for child in everything if child.parent == process.pid and nodes[child.pid] == node]
        found[node] = {
            "pid": process.pid,
            "frozen": process.state in FROZEN,
            "children": len(children),
            "frozen_children": sum(child.state in FROZEN for child in children),
        }
    return found


def _is_beat(argv: t.Sequence[str], app: str, venv: str) -> bool:
    words = _words(argv, app, venv)
    return "beat" in words or ("worker" in words and ("-B" in words or "--beat" in words))


def _node(argv: t.Sequence[str], app: str, venv: str) -> str | None:
    """The node's name in a command line of a worker of this application."""
    words = _words(argv, app, venv)
    if "worker" not in words:
        return None
    for number, word in enumerate(words):
        if word in ("-n", "--hostname") and number + 1 < len(words):
            return words[number + 1]
        if word.startswith(("--hostname=", "-n=")):
            return word.partition("=")[2]
    return None


def _words(argv: t.Sequence[str], app: str, venv: str) -> t.Sequence[str]:
    """The words of a command line, if it is one of this application's Celery; else none."""
    # With setproctitle all of it is one string.
    titled = argv[0].startswith("[celery")
    words = argv[0].replace("(", " ").replace(")", " ").split() if titled else argv
    ours = titled or any(word.startswith(f"{venv}/bin/") for word in words[:2])
    return words if ours and (app in words or f"--app={app}" in words) else ()


def processes(root: str = "/proc") -> t.Iterator[Process]:
    """Every process of this machine, those of its containers left out."""
    namespace = _link(f"{root}/self/ns/pid")
    for entry in os.listdir(root):
        # Inside a container root may not look at the namespaces of other users; there is nothing to leave out there.
        if not entry.isdigit() or _link(f"{root}/{entry}/ns/pid") not in (namespace, None):
            continue
        try:
            with open(f"{root}/{entry}/cmdline", "rb") as stream:
                argv = stream.read().decode("utf-8", "replace").rstrip("\0").split("\0")
            with open(f"{root}/{entry}/stat", "rb") as stream:
                fields = stream.read().rpartition(b")")[2].split()
        except OSError:
            continue
        yield Process(int(entry), int(fields[1]), tuple(argv), fields[0].decode())


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None

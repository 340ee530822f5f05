# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host can see next to the broker: Flower over HTTP, and the beats among its own processes."""

from __future__ import annotations

import base64
import http.client
import os
import ssl
import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit


def flower(url: str | None, user: str | None, password: str | None, timeout: float) -> dict[str, t.Any]:
    """``up``, ``down`` (connection refused), ``denied``, or ``unknown`` when nobody answers or no address is known."""
    if not url:
        return {"state": "unknown", "url": None, "detail": None}
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError as exc:
        return _flower(url, "unknown", f"Flower's address {url!r} is no URL ({exc}): it looks like http://host:5555.")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {}
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password or ''}".encode()).decode()
    connection = kind(parts.hostname or "", port, timeout=timeout)
    try:
        # Its health check answers without a login; the page itself tells whether people can get in.
        connection.request("GET", (parts.path.rstrip("/") or "") + "/", headers=headers)
        status = connection.getresponse().status
    except ConnectionRefusedError:
        return _flower(url, "down", f"Flower does not run: {url} refuses connections. Start it, or see its log.")
    except (OSError, http.client.HTTPException, ssl.SSLError) as exc:
        return _flower(url, "unknown", f"No answer from Flower at {url} ({exc}).")
    finally:
        connection.close()
    if status in (401, 403):
        return _flower(url, "denied", f"Flower at {url} refuses user {user!r} ({status}). Check flower_password.")
    if status >= 500:
        return _flower(url, "down", f"Flower at {url} answers {status}: see its log.")
    return _flower(url, "up", None)


def _flower(url: str, state: str, detail: str | None) -> dict[str, t.Any]:
    return {"state": state, "url": url, "detail": detail}


@dataclass(frozen=True)
class Process:
    """One line of the process table."""

    pid: int
    parent: int
    argv: tuple[str, ...]


def beats(table: t.Iterable[Process], app: str, venv: str) -> list[int]:
    """The pids of this application's beats; a worker with an embedded one (``-B``) is one too."""
    found = {process.pid: process for process in table if _is_beat(process.argv, app, venv)}
    # The pool of a worker looks like the worker itself.
    return [pid for pid, process in found.items() if process.parent not in found]


def _is_beat(argv: t.Sequence[str], app: str, venv: str) -> bool:
    titled = argv[0].startswith("[celery")  # with setproctitle all of it is one string
    words = argv[0].split() if titled else argv
    ours = titled or any(word.startswith(f"{venv}/bin/") for word in words[:2])
    named = app in words or f"--app={app}" in words
    return ours and named and ("beat" in words or ("worker" in words and ("-B" in words or "--beat" in words)))


def beat(description: t.Mapping[str, t.Any] | None, table: t.Iterable[Process]) -> dict[str, t.Any]:
    """Whether beat runs where it should, as far as this host can tell."""
    if not description:
        return {"state": "unknown", "host": None, "pids": [], "problem": None}
    host, program = description.get("beat"), f"{description['name']}-beat"
    pids = beats(table, description["app"], description["venv"])
    here, problem = program in description.get("processes", []), None
    if len(pids) > 1:
        listed = ", ".join(map(str, pids))
        problem = f"{len(pids)} beats run on this host (pids {listed}): scheduled tasks are sent twice. Keep only one."
    elif pids and not here:
        place = f"on {host}" if host else "nowhere"
        problem = (
            f"A beat runs on this host (pid {pids[0]}), but the inventory has it {place}: "
            "scheduled tasks are sent twice. Stop it here."
        )
    elif here and not pids:
        problem = f"Beat does not run, so nothing scheduled is sent. Start program {program}, or see its log."
    return {"state": "up" if pids else "down" if here else "unknown", "host": host, "pids": pids, "problem": problem}


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
                parent = int(stream.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue
        yield Process(int(entry), parent, tuple(argv))


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None

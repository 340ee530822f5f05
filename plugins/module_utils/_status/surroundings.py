# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host can see next to the broker: Flower over HTTP, and the beats among its own processes."""

from __future__ import annotations

import base64
import http.client
import ssl
import typing as t
from urllib.parse import urlsplit

from .process_table import FROZEN, Process, beats


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
        return _flower(url, "down", "refuses connections")
    except (OSError, http.client.HTTPException, ssl.SSLError) as exc:
        return _flower(url, "unknown", str(exc))
    finally:
        connection.close()
    if status in (401, 403):
        return _flower(url, "denied", f"refuses user {user!r} ({status})")
    if status >= 500:
        return _flower(url, "down", f"answers {status}")
    return _flower(url, "up", None)


def _flower(url: str, state: str, detail: str | None) -> dict[str, t.Any]:
    return {"state": state, "url": url, "detail": detail}


def beat(description: t.Mapping[str, t.Any] | None, table: t.Iterable[Process]) -> dict[str, t.Any]:
    """Beat as this host sees it: ``up``, ``frozen``, ``down`` where it should run (``here``), else ``unknown``."""
    if not description:
        return {"state": "unknown", "host": None, "pids": [], "frozen": [], "here": False}
    found = beats(table, description["app"], description["venv"])
    frozen = [process.pid for process in found if process.state in FROZEN]
    here = f"{description['name']}-beat" in (description.get("processes") or []) and bool(description.get("beat"))
    state = "frozen" if found and len(frozen) == len(found) else "up" if found else "down" if here else "unknown"
    return {
        "state": state,
        "host": description.get("beat"),
        "pids": [process.pid for process in found],
        "frozen": frozen,
        "here": here,
    }

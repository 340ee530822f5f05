# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that speaks to supervisord, over its unix socket. Standard library only: it runs on managed hosts."""

from __future__ import annotations

import http.client
import socket
import time
import typing as t
import xmlrpc.client

from .._errors import TaskstackError

# Faults that say: it is so already.
_ALREADY = (10, 60, 70)  # BAD_NAME, ALREADY_STARTED, NOT_RUNNING
_DOWN = (FileNotFoundError, ConnectionRefusedError)
# One that was started a moment ago has not opened its socket yet.
_PATIENCE = 5


class Rpc:
    """A connection to supervisord."""

    def __init__(self, address: str, may_be_down: bool) -> None:
        """Nothing is sent before the first call."""
        self.address, self._may_be_down = address, may_be_down
        transport = _UnixTransport(address, 0 if may_be_down else _PATIENCE)
        self._server = xmlrpc.client.ServerProxy("http://localhost", transport=transport)

    def call(self, method: str, *arguments: t.Any, default: t.Any = None) -> t.Any:
        """The answer; the default when it is so already, or when supervisord may be down and is."""
        try:
            return getattr(self._server.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in _ALREADY:
                return default
            cure = "Fix the file it names." if method == "reloadConfig" else "Look into supervisord's own log."
            tried = f"{method}{arguments}"
            raise TaskstackError(f"supervisord answered {tried} with: {fault.faultString}. {cure}") from fault
        except (OSError, xmlrpc.client.ProtocolError, http.client.HTTPException) as exc:
            if self._may_be_down and isinstance(exc, _DOWN):
                return default
            reason = getattr(exc, "strerror", None) or getattr(exc, "errmsg", None) or str(exc)
            raise TaskstackError(
                f"No answer from supervisord at {self.address} ({reason}). Is it running, and is that its socket?"
            ) from exc


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, address: str, patience: float) -> None:
        super().__init__()
        self._address, self._patience = address, patience

    def make_connection(self, host: t.Any) -> http.client.HTTPConnection:
        return _UnixConnection(self._address, self._patience)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, address: str, patience: float) -> None:
        super().__init__("localhost", timeout=60)
        self._address, self._patience = address, patience

    def connect(self) -> None:
        deadline = time.monotonic() + self._patience
        while True:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            try:
                return self.sock.connect(self._address)
            except _DOWN:
                self.close()
                if time.monotonic() >= deadline:
                    raise
            time.sleep(0.1)

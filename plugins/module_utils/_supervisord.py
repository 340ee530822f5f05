# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that speaks to supervisord, over its unix socket. Standard library only: it runs on managed hosts."""

from __future__ import annotations

import http.client
import os
import re
import shlex
import socket
import typing as t
import xmlrpc.client

from ansible_collections.taskstack.celery.plugins.module_utils import _supervision as sv
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._files import read, write

_STATES = {"RUNNING": sv.RUNNING, "STARTING": sv.STARTING, "STOPPING": sv.STOPPING, "STOPPED": sv.STOPPED}
# Faults that say: it is so already.
_ALREADY = (10, 60, 70, 90)  # BAD_NAME, ALREADY_STARTED, NOT_RUNNING, ALREADY_ADDED


class Supervisord:
    """Programs of supervisord, one file each in the directory that its configuration includes."""

    comment = ";"

    def __init__(self, address: str, directory: str, suffix: str, may_be_down: bool) -> None:
        """Nothing is sent before the first call; a supervisord that may be down runs nothing."""
        self._address, self._directory, self._suffix, self._may_be_down = address, directory, suffix, may_be_down
        self._server = xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(address))

    def path(self, name: str) -> str:
        """The file of a program."""
        return os.path.join(self._directory, name + self._suffix)

    def found(self, owner: sv.Owner, wanted: t.Collection[str]) -> tuple[dict[str, sv.Found], list[str]]:
        """The owner's programs, and the wanted names that belong to somebody else."""
        changed, removed = self._reread()
        texts = {name: read(self.path(name)) for name in self._file_names()}
        health = self.health()
        mine = {name for name, text in texts.items() if sv.owner_of(text or "") == owner}
        foreign = [name for name in wanted if name not in mine and (name in texts or name in health.keys() - removed)]
        names = mine | (health.keys() & removed & set(wanted))
        return {
            name: sv.Found(text, health.get(name, sv.Health()), "\nautostart=true\n" in (text or ""), name in changed)
            for name, text in ((name, texts.get(name)) for name in names)
        }, foreign

    def health(self, names: t.Collection[str] = ()) -> dict[str, sv.Health]:
        """How the programs do."""
        return {
            info["group"]: sv.Health(_STATES.get(info["statename"], sv.FAILING), info["pid"], _detail(info))
            for info in self._call("getAllProcessInfo", default=[])
            if not names or info["group"] in names
        }

    def render(self, process: dict[str, t.Any], head: str) -> str:
        """The program's file."""
        variables = {"USER": process["user"], "LOGNAME": process["user"]}
        variables.update((key, str(value)) for key, value in process["environment"].items())
        # env keeps every value as it is, which supervisord's own `environment` does not; HOME would be root's.
        command = ["/usr/bin/env", "-u", "HOME", *map("=".join, variables.items()), *process["argv"]]
        settings = {
            "command": " ".join(_quote(word) for word in command),
            "directory": process["directory"],
            "user": process["user"],
            "autostart": str(process["state"] == "started").lower(),
            "autorestart": "true",
            "startsecs": 5,
            # A program that needs something which comes up later is tried again, ever more slowly, for an hour.
            "startretries": 85,
            "stopsignal": process["stop_signal"],
            "stopwaitsecs": process["stop_timeout"],
            # A warm stop is the main process's affair; what it leaves behind at the end is killed.
            "stopasgroup": "false",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": process["log"],
            "stdout_logfile_maxbytes": 0,
        }
        lines = (f"{key}={str(value).replace('%', '%%')}\n" for key, value in settings.items())
        return head + f"[program:{process['name']}]\n" + "".join(lines)

    def write(self, texts: t.Mapping[str, str], at_boot: t.Collection[str]) -> None:
        """Write the files of programs; whether one starts at boot stands in its file."""
        for name, text in texts.items():
            write(self.path(name), text)

    def start(self, names: t.Collection[str]) -> None:
        """Start programs that are stopped, by what their files say."""
        if names:
            self._reread()
        for name in names:
            self._call("removeProcessGroup", name)
            if not self._call("addProcessGroup", name):
                where = os.path.join(self._directory, "*" + self._suffix)
                raise TaskstackError(f"supervisord does not read {self.path(name)}. Let its [include] name {where}.")

    def stop(self, names: t.Collection[str]) -> None:
        """Ask programs to stop, without waiting."""
        for name in names:
            self._call("stopProcess", name, False)

    def settle(self, names: t.Collection[str]) -> None:
        """Make known what the files of stopped programs say; a running one never needs it."""
        self.start(names)

    def remove(self, names: t.Collection[str]) -> None:
        """Forget programs that are stopped."""
        if not names:
            return
        for name in names:
            self._call("removeProcessGroup", name)
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        self._reread()

    def empty(self) -> bool:
        """Whether no file here is of this module's making."""
        return not any(sv.owner_of(read(self.path(name)) or "") for name in self._file_names())

    def _file_names(self) -> list[str]:
        if not os.path.isdir(self._directory):
            return []
        files = (entry for entry in os.listdir(self._directory) if entry.endswith(self._suffix))
        return sorted(file[: -len(self._suffix)] for file in files)

    def _reread(self) -> tuple[set[str], set[str]]:
        answer = self._call("reloadConfig", default=[[[], [], []]])
        return set(answer[0][1]), set(answer[0][2])

    def _call(self, method: str, *arguments: t.Any, default: t.Any = None) -> t.Any:
        try:
            return getattr(self._server.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in _ALREADY:
                return default
            cure = "Mend the file it names." if method == "reloadConfig" else "Look into supervisord's own log."
            tried = f"{method}{arguments}"
            raise TaskstackError(f"supervisord answered {tried} with: {fault.faultString}. {cure}") from fault
        except (OSError, xmlrpc.client.ProtocolError, http.client.HTTPException) as exc:
            if self._may_be_down and isinstance(exc, (FileNotFoundError, ConnectionRefusedError)):
                return default
            reason = getattr(exc, "strerror", None) or getattr(exc, "errmsg", None) or str(exc)
            raise TaskstackError(
                f"No answer from supervisord at {self._address} ({reason}). Is it running, and is that its socket?"
            ) from exc


def _quote(word: str) -> str:
    # In supervisord's files a ';' or '#' after a blank begins a comment, even inside quotes.
    return re.sub(r"(\s)([;#])", r"\1''\2", shlex.quote(word))


def _detail(info: dict[str, t.Any]) -> str:
    if info["spawnerr"]:
        return str(info["spawnerr"])
    return f"exit status {info['exitstatus']}" if info["stop"] else ""


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def make_connection(self, host: t.Any) -> http.client.HTTPConnection:
        return _UnixConnection(self._address)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, address: str) -> None:
        super().__init__("localhost", timeout=60)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._address)

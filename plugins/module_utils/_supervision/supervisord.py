# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of supervisord, each in a file of its own. What it is asked goes through supervisord_rpc.py."""

from __future__ import annotations

import os
import typing as t

from .._errors import TaskstackError
from .._files import disk
from .._files.read import read
from . import plan as sv
from .supervisord_program import program
from .supervisord_rpc import Rpc

_STATES = {"RUNNING": sv.RUNNING, "STARTING": sv.STARTING, "STOPPING": sv.STOPPING, "STOPPED": sv.STOPPED}


class Supervisord:
    """Programs of supervisord, one file each in the directory that its configuration includes."""

    comment = ";"
    gives_group = False

    def __init__(self, address: str, directory: str, suffix: str, may_be_down: bool) -> None:
        """Nothing is sent before the first call; one that may be down would start what its files say."""
        self._directory, self._suffix = directory, suffix
        self._rpc = Rpc(address, may_be_down)

    def path(self, name: str) -> str:
        """The file of a program."""
        return os.path.join(self._directory, name + self._suffix)

    def found(self, owners: t.Collection[sv.Owner], wanted: t.Collection[str]) -> tuple[dict[str, sv.Found], list[str]]:
        """The owners' programs, and the wanted names that belong to somebody else."""
        changed, removed = self._reread()
        texts = {name: read(self.path(name)) or "" for name in self._file_names()}
        infos = self._rpc.call("getAllProcessInfo")
        health = (
            _by_name(infos) if infos is not None else {n: sv.Health(sv.STARTING) for n in texts if _at_boot(texts[n])}
        )
        mine = {name for name, text in texts.items() if sv.owner_of(text) in owners}
        foreign = [name for name in wanted if name not in mine and (name in texts or name in health.keys() - removed)]
        names = mine | (health.keys() & removed & set(wanted))
        return {
            name: sv.Found(text, health.get(name, sv.Health()), _at_boot(text or ""), name in changed)
            for name, text in ((name, texts.get(name)) for name in names)
        }, foreign

    def health(self, names: t.Collection[str]) -> dict[str, sv.Health]:
        """How the programs do."""
        infos = self._rpc.call("getAllProcessInfo") or []
        return {name: how for name, how in _by_name(infos).items() if name in names}

    def render(self, process: dict[str, t.Any], head: str) -> str:
        """The program's file."""
        return head + program(process)

    def write(self, texts: t.Mapping[str, str], at_boot: t.Collection[str]) -> None:
        """Write the files of programs; whether one starts at boot stands in its file."""
        for name, text in texts.items():
            disk.write(self.path(name), text.encode(), 0o644)

    def start(self, names: t.Collection[str]) -> None:
        """Start programs that are stopped, by what their files say."""
        if names:
            self._reread()
        for name in names:
            self._rpc.call("removeProcessGroup", name)
            if not self._rpc.call("addProcessGroup", name):
                where = os.path.join(self._directory, "*" + self._suffix)
                raise TaskstackError(f"supervisord does not read {self.path(name)}. Let its [include] name {where}.")

    def stop(self, names: t.Collection[str]) -> None:
        """Ask programs to stop, without waiting."""
        for name in names:
            self._rpc.call("stopProcess", name, False)

    def settle(self, names: t.Collection[str]) -> None:
        """Make known what the files of stopped programs say; a running one never needs it."""
        self.start(names)

    def remove(self, names: t.Collection[str]) -> None:
        """Forget programs that are stopped."""
        if not names:
            return
        for name in names:
            self._rpc.call("removeProcessGroup", name)
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
        answer = self._rpc.call("reloadConfig", default=[[[], [], []]])
        return set(answer[0][1]), set(answer[0][2])


def _at_boot(text: str) -> bool:
    return "\nautostart=true\n" in text


def _by_name(infos: t.Iterable[dict[str, t.Any]]) -> dict[str, sv.Health]:
    return {
        info["group"]: sv.Health(_STATES.get(info["statename"], sv.FAILING), info["pid"], _detail(info))
        for info in infos
    }


def _detail(info: dict[str, t.Any]) -> str:
    if info["spawnerr"]:
        return str(info["spawnerr"])
    return f"exit status {info['exitstatus']}" if info["stop"] else ""

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that speaks to systemd, through systemctl. Standard library only: it runs on managed hosts."""

from __future__ import annotations

import os
import re
import subprocess
import typing as t

from .._errors import TaskstackError
from .._files import disk
from .._files.read import read
from . import plan as sv
from .systemd_unit import target, unit

_STATES = {
    "active": sv.RUNNING,
    "reloading": sv.RUNNING,
    "activating": sv.STARTING,
    "deactivating": sv.STOPPING,
    "inactive": sv.STOPPED,
}
_PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "MainPID", "Result", "ExecMainStatus", "FragmentPath")


class Systemd:
    """Services of systemd, one unit file each, under one target per application."""

    comment = "#"
    gives_group = True

    def __init__(self, application: str, directory: str, may_be_down: bool) -> None:
        """Nothing is asked before the first call; a systemd that may be down runs nothing."""
        self._target, self._directory, self._may_be_down = f"{application}.target", directory, may_be_down

    def path(self, name: str) -> str:
        """The unit file of a program."""
        return self._file(f"{name}.service")

    def found(self, owners: t.Collection[sv.Owner], wanted: t.Collection[str]) -> tuple[dict[str, sv.Found], list[str]]:
        """The owners' programs, and the wanted names that belong to somebody else."""
        owned = self._owned()
        mine = {name for name, (whose, _text) in owned.items() if whose in owners}
        shown = self._show({*mine, *wanted})
        health = {name: _health(properties) for name, properties in shown.items()}
        foreign = [name for name in wanted if name not in mine and (name in owned or self._known(name, shown))]
        found = {
            name: sv.Found(owned[name][1], health.get(name, sv.Health()), self._starts_at_boot(name)) for name in mine
        }
        return found, foreign

    def health(self, names: t.Collection[str]) -> dict[str, sv.Health]:
        """How the programs do."""
        return {name: _health(properties) for name, properties in self._show(names).items()}

    def render(self, process: dict[str, t.Any], head: str) -> str:
        """The program's unit file."""
        return head + unit(process, self._target)

    def write(self, texts: t.Mapping[str, str], at_boot: t.Collection[str]) -> None:
        """Write unit files, and the links by which the target starts them."""
        for name, text in texts.items():
            disk.write(self.path(name), text.encode(), 0o644)
            self._link(self._wants(name), self.path(name) if name in at_boot else None)
        if texts and read(self._file(self._target)) != target(self._target):
            disk.write(self._file(self._target), target(self._target).encode(), 0o644)
        if texts:
            self._link(self._boot(), self._file(self._target))
            self._systemctl("daemon-reload")

    def start(self, names: t.Collection[str]) -> None:
        """Start programs that are stopped, by what their files say."""
        self._systemctl("start", "--no-block", *_services(names))

    def stop(self, names: t.Collection[str]) -> None:
        """Ask programs to stop, without waiting."""
        if names:
            self._systemctl("stop", "--no-block", *_services(names))

    def settle(self, names: t.Collection[str]) -> None:
        """Forget earlier failures of programs that stay stopped, and let the target be up like its programs."""
        self._forget_failures(names)
        if self._owned() and "=active" not in self._systemctl("show", "--property=ActiveState", self._target):
            self._systemctl("start", "--no-block", self._target)

    def remove(self, names: t.Collection[str]) -> None:
        """Forget programs that are stopped, and the target after the last of them."""
        self._forget_failures(names)
        for name in names:
            self._link(self._wants(name), None)
            os.unlink(self.path(name))
        if names and not any(self._target in text for _owner, text in self._owned().values()):
            self._systemctl("stop", self._target)
            self._link(self._boot(), None)
            os.rmdir(self._file(f"{self._target}.wants"))
            os.unlink(self._file(self._target))
        if names:
            self._systemctl("daemon-reload")

    def empty(self) -> bool:
        """Whether no file here is of this module's making."""
        return not self._owned()

    def _forget_failures(self, names: t.Collection[str]) -> None:
        failed = [name for name, how in self.health(names).items() if how.state == sv.FAILING]
        if failed:
            self._systemctl("reset-failed", *_services(failed))

    def _file(self, name: str) -> str:
        return os.path.join(self._directory, name)

    def _wants(self, name: str) -> str:
        return self._file(f"{self._target}.wants/{name}.service")

    def _boot(self) -> str:
        return self._file(f"multi-user.target.wants/{self._target}")

    def _starts_at_boot(self, name: str) -> bool:
        whole = read(self._file(self._target)) == target(self._target)
        return whole and os.path.islink(self._wants(name)) and os.path.islink(self._boot())

    def _owned(self) -> dict[str, tuple[sv.Owner, str]]:
        files = os.listdir(self._directory) if os.path.isdir(self._directory) else []
        texts = {file[: -len(".service")]: read(self._file(file)) or "" for file in files if file.endswith(".service")}
        owners = {name: sv.owner_of(text) for name, text in texts.items()}
        return {name: (owner, texts[name]) for name, owner in owners.items() if owner}

    def _known(self, name: str, shown: dict[str, dict[str, str]]) -> bool:
        return os.path.lexists(self.path(name)) or shown.get(name, {}).get("LoadState", "not-found") != "not-found"

    def _link(self, link: str, to: str | None) -> None:
        if to and not os.path.islink(link):
            os.makedirs(os.path.dirname(link), exist_ok=True)
            os.symlink(to, link)
        elif not to and os.path.islink(link):
            os.unlink(link)

    def _show(self, names: t.Collection[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        answer = self._systemctl("show", f"--property={','.join(_PROPERTIES)}", *_services(names))
        texts = [text for text in answer.split("\n\n") if text.strip()]
        blocks = [dict(line.split("=", 1) for line in text.splitlines()) for text in texts]
        return {re.sub(r"\.service$", "", block["Id"]): block for block in blocks}

    def _systemctl(self, *arguments: str) -> str:
        try:
            done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)
            problem = done.stderr.strip() if done.returncode else ""
        except FileNotFoundError:
            problem = "there is no such program"
        if not problem:
            return done.stdout
        # Where it is not the init, unit files are all that there is of it.
        if self._may_be_down and (arguments[0] == "show" or not os.path.isdir("/run/systemd/system")):
            return ""
        tried = f"systemctl {' '.join(arguments)}"
        raise TaskstackError(f"{tried} said: {problem}. Does systemd run this host? If not, use supervisord.")


def _services(names: t.Iterable[str]) -> list[str]:
    return [f"{name}.service" for name in names]


def _health(properties: dict[str, str]) -> sv.Health:
    state = _STATES.get(properties["ActiveState"], sv.FAILING)
    if properties["SubState"].startswith("auto-restart"):
        state = sv.FAILING
    if properties["LoadState"] == "not-found" and state == sv.STOPPED:
        state = sv.ABSENT
    detail = f"{properties['Result']}, exit status {properties['ExecMainStatus']}"
    return sv.Health(state, int(properties["MainPID"]), detail)

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan of a removal is made from, and the plan itself."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

#: What upgrade.yml leaves beside a virtualenv.
VERSIONS = ("", ".next", ".failed", ".previous")


class Host(t.Protocol):
    """What the plan has to know of the host."""

    def exists(self, path: str) -> bool:
        """Whether something is at the path."""

    def children(self, path: str) -> list[str]:
        """The names in a directory."""

    def digest(self, path: str) -> str:
        """The SHA-256 digest of a file."""

    def owner(self, path: str) -> int:
        """The user id of the owner."""

    def home(self, account: str) -> str | None:
        """The home directory of an account; None without the account."""

    def uid(self, account: str) -> int | None:
        """The user id of an account; None without the account."""

    def used_by(self, account: str, going: list[str]) -> str:
        """The first file that the account owns outside of the paths that are deleted; empty if there is none."""

    def members(self, group: str) -> list[str]:
        """The accounts in a group."""


@dataclass(frozen=True)
class Stack:
    """What the inventory says; a path that it does not set is the default."""

    name: str
    directory: str | None = None
    venv: str | None = None
    settings_file: str | None = None
    data: bool = False
    accounts: bool = True

    @property
    def home(self) -> str:
        """The home of an account that only role application creates."""
        return f"/var/lib/taskstack/{self.name}/home"


@dataclass
class Plan:
    """What goes: ``absent`` with all that is in it, ``empty`` if nothing else is in it. ``left``: sentences."""

    absent: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    blocks: list[dict[str, str]] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    #: Accounts that go while the group of their name stays, which userdel would delete with them.
    regrouped: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    #: The files that configure a broker; they go only when nothing else uses it.
    broker_files: list[str] = field(default_factory=list)

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of a stack, with everything about it that several parts of its plan need. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.taskstack.celery.plugins.module_utils._paths import Paths, paths

from .broker_access import BrokerAccess
from .role_defaults import given_or_default, role_defaults
from .variables import Variables

Groups = t.Mapping[str, t.Sequence[str]]
#: The groups whose hosts run processes, and what they run.
KINDS = ("worker", "beat", "flower")
_DEFAULTS = role_defaults("application", *KINDS)


@dataclass(frozen=True)
class StackHost:
    """A host with its variables, and what it is in the stack."""

    host: str
    given: Variables
    groups: Groups
    #: What a role does alone; nothing where all is done, for which the groups say what the host runs.
    only: tuple[str, ...] = ()

    def get(self, name: str) -> t.Any:
        """A variable; its role's default, or None, where it is not given."""
        return given_or_default(self.given, _DEFAULTS, name)

    @property
    def name(self) -> str:
        """The stack's name."""
        return str(self.given["taskstack_name"])

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of processes that are looked after."""
        return tuple(kind for kind in KINDS if not self.only or kind in self.only)

    def does(self, kind: str) -> bool:
        """Whether this is done here now: ``description``, ``application``, or a kind of processes."""
        return not self.only or kind in self.only

    def has(self, kind: str) -> bool:
        """Whether the host shall run processes of a kind. A role that is named runs them on any host."""
        return kind in self.only or (not self.only and self.member(kind))

    def member(self, kind: str) -> bool:
        """Whether the host is in the group of a kind."""
        return self.host in (self.groups.get(kind) or [])

    @property
    def supervisor(self) -> str:
        """What keeps the processes running."""
        return str(self.get("taskstack_supervisor") or "supervisord")

    @property
    def windows(self) -> bool:
        """Whether it is a Windows host."""
        return self.supervisor == "windows"

    @property
    def paths(self) -> Paths:
        """Where things are."""
        return paths(self.name, self.supervisor)

    @property
    def broker(self) -> BrokerAccess:
        """How it reaches the broker."""
        return BrokerAccess(self.host, self.given, self.groups.get("rabbitmq") or [])

    @property
    def directory(self) -> str:
        """The application's directory."""
        return str(self.get("taskstack_directory") or self.paths.directory)

    @property
    def venv(self) -> str:
        """The application's virtualenv."""
        return str(self.get("taskstack_venv") or self.paths.venv)

    @property
    def user(self) -> str:
        """The account of the processes."""
        return str(self.get("taskstack_user") or self.name)

    @property
    def group(self) -> str:
        """The group of the processes."""
        return str(self.get("taskstack_group") or self.user)

    @property
    def environment(self) -> dict[str, t.Any]:
        """The environment of everything that is run of the application."""
        results = self.get("taskstack_result_backend")
        return {
            "CELERY_BROKER_URL": self.broker.url,
            **({"CELERY_RESULT_BACKEND": results} if results else {}),
            **self.broker.tls_environment,
            **(self.get("taskstack_environment") or {}),
        }

    @property
    def needs_application(self) -> bool:
        """Whether the application itself is wanted: Flower in a virtualenv of its own asks the broker alone."""
        return not self.member("flower") or self.flower_shares or self.member("worker") or self.member("beat")

    @property
    def flower_shares(self) -> bool:
        """Whether Flower runs in the application's virtualenv."""
        return self.windows or bool(self.get("flower_in_application"))

    @property
    def runs_beat(self) -> bool:
        """Whether beat is to be there, where it is at home."""
        return bool(self.get("beat_enabled"))

    @property
    def opens_flower(self) -> bool:
        """Whether everybody who reaches Flower may use it."""
        return bool(self.get("flower_open_api"))

    @property
    def records(self) -> bool:
        """Whether workers keep the messages of their tasks."""
        return bool(self.get("worker_recorder"))

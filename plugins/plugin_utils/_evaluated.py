# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a task as the plans read them."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError

from ._plain import plain


class Evaluated(Mapping[str, t.Any]):
    """The variables of a task, each evaluated when it is read."""

    def __init__(self, variables: t.Mapping[str, t.Any], templar: t.Any) -> None:
        """From the raw ones."""
        self._variables, self._templar = variables, templar
        self._found: dict[str, t.Any] = {}

    def __getitem__(self, name: str) -> t.Any:
        if name not in self._found:
            raw = self._variables[name]
            try:
                self._found[name] = plain(self._templar.template(raw))
            except Exception as exc:
                # Whatever a template may raise is the inventory's mistake.
                raise TaskstackError(f"{name} cannot be evaluated: {exc}") from exc
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

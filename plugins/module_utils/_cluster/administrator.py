# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The broker's first administrator, made with the command line tools on its own host, which need no login."""

from __future__ import annotations

import json
import os
import pwd
import tempfile
import typing as t

from .._broker.errors import Denied
from .._errors import TaskstackError
from .rabbitmqctl import Run


def is_missing(broker: t.Any) -> bool:
    """Whether the broker refuses the login, or does not take it for an administrator's."""
    try:
        return "administrator" not in broker.get("whoami")["tags"]
    except Denied:
        return True


def make(run: Run, user: str, password: str, account: str = "rabbitmq", directory: str = "/var/lib/rabbitmq") -> None:
    """Create or update it by a file that only the broker can read: a command line can be seen by everybody."""
    # RabbitMQ before 3.9 takes tags as a text only; later ones take both.
    definition = {"users": [{"name": user, "password": password, "tags": "administrator"}]}
    handle, file = tempfile.mkstemp(prefix=".taskstack-", suffix=".json", dir=directory)
    try:
        with open(handle, "w", encoding="utf-8") as draft:
            json.dump(definition, draft)
            os.fchown(handle, pwd.getpwnam(account).pw_uid, pwd.getpwnam(account).pw_gid)
        code, out, error = run(["rabbitmqctl", "--quiet", "import_definitions", file])
    finally:
        os.unlink(file)
    if code:
        said = " ".join((error or out).split())[:600]
        raise TaskstackError(f"The broker could not be given administrator {user} ({code}: {said}). Does it run here?")

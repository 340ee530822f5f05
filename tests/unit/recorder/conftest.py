# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that the role installs for the workers are no package: import them the way a worker does."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._recorder import records as writer

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "roles" / "application" / "files"))


class Message:
    """What kombu hands to Celery."""

    def __init__(self, task_id="1f", body=b"[[], {}, {}]", task="app.work", **more):
        self.body, self.content_type, self.content_encoding = body, "application/json", "utf-8"
        self.headers = {"id": task_id, "task": task, "retries": 0, **more.pop("headers", {})}
        self.properties = {"correlation_id": task_id, "delivery_mode": 2, "application_headers": self.headers}
        self.delivery_info = {"exchange": "", "routing_key": "celery", "redelivered": False, **more}


@pytest.fixture
def message() -> type[Message]:
    return Message


@pytest.fixture
def records(tmp_path: Path) -> t.Any:
    made = writer.Records(str(tmp_path / "recorder"), "mail@host")
    made.prepare()
    return made

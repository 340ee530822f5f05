"""Which queues the stack's policy on poison is about."""

from __future__ import annotations

import re

import pytest
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.broker_objects import task_queues

PATTERN = task_queues("dead")


@pytest.mark.parametrize("queue", ["celery", "mail", "dead-letters", "my.pidbox.tasks", "celeryevents", "undead"])
def test_queues_of_tasks_have_the_policy(queue: str) -> None:
    assert re.search(PATTERN, queue)


@pytest.mark.parametrize(
    "queue",
    [
        "dead",
        "mail@host1.celery.pidbox",
        "5b0d1c6e-6d53-3b8e-9c2e-0b8a6a1f3d11.reply.celery.pidbox",
        "celeryev.9b3f2c1e-8a4d-4c57-8f4e-2d1c3b4a5f60",
        "celery_delayed_27",
        "taskstack.inspect.1",
        "9b3f2c1e-8a4d-4c57-8f4e-2d1c3b4a5f60",
    ],
)
def test_queues_of_celerys_own_machinery_and_the_dead_have_not(queue: str) -> None:
    assert not re.search(PATTERN, queue)

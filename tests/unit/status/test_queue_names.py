"""Which queues of a vhost hold tasks."""

from __future__ import annotations

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._broker.queues import of_tasks


@pytest.mark.parametrize("name", ["celery", "mail", "a-b", "reply", "0f2a"])
def test_an_application_s_queue_holds_tasks(name: str) -> None:
    assert of_tasks(name, "celery")


@pytest.mark.parametrize(
    "name",
    [
        "crop@host1.celery.pidbox",
        "celeryev.7c1",
        "e062695e-411c-30dc-8e46-f58535ce8da2",
        "amq.gen-x",
        "taskstack.inspect.1",
    ],
)
def test_the_private_talk_of_workers_and_callers_does_not(name: str) -> None:
    assert not of_tasks(name, "celery")

"""Facts of a stack that is in order, with what a test wants otherwise, folded into a report."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._control.messages import Reply
from ansible_collections.taskstack.celery.plugins.module_utils._control.replies import Inspection
from ansible_collections.taskstack.celery.plugins.module_utils._control.worker import METHODS
from ansible_collections.taskstack.celery.plugins.module_utils._status import expected as status_expected
from ansible_collections.taskstack.celery.plugins.module_utils._status.facts import NO_BEAT, Facts
from ansible_collections.taskstack.celery.plugins.module_utils._status.report import fold
from fake_stack import Worker

NOW = 2e9
RUNNING = {"state": "running", "version": "4.0.5", "erlang": "27", "alarms": [], "detail": None, "statistics": True}
#: A host that has no address of the broker.
BLIND = {"state": "unknown", "detail": None, "version": None, "alarms": None}
RECORDER = "/var/lib/taskstack/shop/recorder"


def replies(*workers: Worker) -> list[Reply]:
    """All answers of these workers."""
    return [Reply(method, worker.name, worker.answer(method, {})) for worker in workers for method in METHODS]


def inspection(*workers: Worker, known: t.Sequence[str] | None = None) -> Inspection:
    """The answers, of workers that are all connected unless ``known`` says otherwise."""
    return Inspection([worker.name for worker in workers] if known is None else list(known), METHODS, replies(*workers))


def described(workers: t.Sequence[dict[str, t.Any]], **more: t.Any) -> dict[str, t.Any]:
    """A description with these workers, as far as ``status`` reads it."""
    return {"name": "shop", "supervisor": "supervisord", "workers": list(workers), **more}


def facts(
    expected: t.Sequence[dict[str, t.Any]] | None = None, description: dict[str, t.Any] | None = None, **more: t.Any
) -> Facts:
    """Facts as ``_status/collect`` finds them; ``expected`` are the workers of the description."""
    description = description or described([] if expected is None else expected)
    stack = {**status_expected.expectation(description, {}, more.pop("at", 0.0))}
    base: dict[str, t.Any] = {"now": NOW, "broker": dict(RUNNING), "queues": [], "name": "shop", "host": "h"}
    return Facts(**{**base, "stack": stack, **more})


def report(*workers: Worker, expected: t.Sequence[t.Any] | None = None, **more: t.Any) -> dict[str, t.Any]:
    """The report of one host; the workers that answer are also those of the deployment."""
    known = more.pop("known", None)
    if expected is None:
        expected = [{"node": name} for name in (known if known is not None else [worker.name for worker in workers])]
    more.setdefault("inspection", inspection(*workers, known=known))
    return fold(facts(expected, **more))


def blind(**more: t.Any) -> dict[str, t.Any]:
    """The report of a host that cannot see the broker."""
    return fold(facts(**{"broker": dict(BLIND), "queues": None, "inspection": None, **more}))


def beat(state: str = "up", *, host: str | None = "h", pids: t.Sequence[int] = (7,), here: bool = True) -> t.Any:
    """What ``_surroundings.beat`` finds."""
    frozen = list(pids) if state == "frozen" else []
    return {**NO_BEAT, "state": state, "host": host, "pids": list(pids), "frozen": frozen, "here": here}


def kinds(found: t.Mapping[str, t.Any]) -> list[str]:
    """The kinds of the problems of a report."""
    return [finding["kind"] for finding in found["findings"]]

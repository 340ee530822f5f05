"""Module revoke on the deployed stack."""

from __future__ import annotations

import time
import typing as t

testinfra_hosts = ["docker://ts-status-stack"]


def begin(stack: t.Any, queue: str, seconds: int = 60) -> str:
    code = f"from sample_app.tasks import slow; print(slow.apply_async(({seconds},), queue='{queue}').id)"
    return str(stack.python(code))


def revoke(module: t.Any, *options: str, **arguments: t.Any) -> dict[str, t.Any]:
    return dict(module("revoke", "ts-status-stack", *options, **arguments))


def ended(status: t.Any, task: str) -> bool:
    return task not in {seen["id"] for seen in status()["tasks"] if seen["state"] == "active"}


def test_a_running_task_is_terminated_on_prefork(stack: t.Any, status: t.Any, module: t.Any) -> None:
    task = begin(stack, "slow")
    stack.wait_for("the start of the task", lambda: not ended(status, task))
    planned = revoke(module, "--check", "--diff", ids=[task], terminate=True)
    assert not ended(status, task), "check mode has terminated it"
    done = revoke(module, "--diff", ids=[task], terminate=True)
    assert done["succeeded"] and done["changed"]
    assert [(row["id"], row["state"], row["action"]) for row in done["tasks"]] == [(task, "active", "terminate")]
    assert planned["shown"] == done["shown"] and f"+{task} terminated" in done["shown"]
    assert set(done["answers"]) == {f"{node}@ts-status-stack" for node in ("quick", "lone", "threaded")}
    stack.wait_for("the end of the task", lambda: ended(status, task))


def test_terminating_on_threads_is_refused_before_anything_is_done(stack: t.Any, status: t.Any, module: t.Any) -> None:
    task = begin(stack, "threaded", 20)
    stack.wait_for("the start of the task", lambda: not ended(status, task))
    done = revoke(module, ids=[task], terminate=True)
    assert not done["succeeded"]
    assert "pool threads" in done["msg"] and "Nothing was revoked" in done["msg"]
    revoked = stack.wait_for("the answers of the workers", lambda: stack.inspect("revoked"))
    assert task not in str(revoked)


def test_an_id_that_no_worker_holds_is_refused_by_name(module: t.Any) -> None:
    done = revoke(module, ids=["no-such-task"])
    assert not done["succeeded"] and "No worker holds no-such-task" in done["msg"]


def test_a_revoked_task_stays_revoked_when_its_worker_starts_anew(stack: t.Any, status: t.Any, module: t.Any) -> None:
    code = "from sample_app.tasks import add; print(add.apply_async((1, 2), queue='threaded', countdown=7).id)"
    task = stack.python(code)
    time.sleep(1)
    assert revoke(module, tasks=["sample_app.tasks.a*"], queues=["threaded"])["tasks"][0]["id"] == task
    assert not revoke(module, ids=[task])["changed"]
    stack.host.check_output("systemctl restart sample-threaded")
    log = stack.host.file("/var/log/taskstack/sample/sample-threaded.log")
    line = f"Discarding revoked task: sample_app.tasks.add[{task}]"
    stack.wait_for("the end of its waiting", lambda: line in log.content_string)


def test_old_running_tasks_can_be_chosen_by_age(stack: t.Any, status: t.Any, module: t.Any) -> None:
    task = begin(stack, "slow")
    stack.wait_for("the start of the task", lambda: not ended(status, task))
    assert revoke(module, "--check", states=["active"], older_than=3600)["tasks"] == []
    done = revoke(module, queues=["slow"], states=["active"], older_than=0.01, terminate=True)
    assert [row["id"] for row in done["tasks"]] == [task]

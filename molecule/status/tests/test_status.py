"""Module status on a stack that the shipped playbook has deployed: no arguments, and the truth in every weather."""

from __future__ import annotations

import time
import typing as t

import pytest

testinfra_hosts = ["docker://ts-status-stack"]
QUICK, LONE, THREADED = (f"{node}@ts-status-stack" for node in ("quick", "lone", "threaded"))
Status = t.Callable[..., t.Any]


def states(report: dict[str, t.Any]) -> dict[str, str]:
    return {worker["node"]: worker["state"] for worker in report["workers"]}


def send(stack: t.Any, code: str) -> str:
    return str(stack.python(f"from sample_app.tasks import add, slow; {code}"))


def healthy(status: Status, stack: t.Any) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}

    def so() -> bool:
        found.update(status())
        return bool(found["healthy"])

    stack.wait_for("a healthy stack", so)
    return found


@pytest.fixture(autouse=True)
def undisturbed(stack: t.Any) -> t.Iterator[None]:
    yield
    stack.host.run("systemctl kill --signal=SIGCONT 'sample-*'")
    programs = "rabbitmq-server sample-quick sample-lone sample-threaded sample-beat sample-flower"
    stack.host.check_output(f"systemctl start {programs}")


def test_all_is_up_and_every_part_says_what_it_is(status: Status, stack: t.Any) -> None:
    found = healthy(status, stack)
    assert found["problems"] == []
    assert (found["broker"]["state"], found["celery"]["state"]) == ("running", "up")
    assert found["broker"]["version"].startswith("4.0.") and found["broker"]["alarms"] == []
    assert "rabbitmq_management" in found["broker"]["plugins"]
    assert found["flower"]["state"] == "up"
    assert found["beat"]["state"] == "up" and found["beat"]["pids"] == [stack.pids()["beat"]]
    pools = {worker["node"]: (worker["pool"], worker["celery"], worker["pid"]) for worker in found["workers"]}
    pids = stack.pids()
    assert pools == {
        QUICK: ("prefork", "5.7.0", pids["quick"]),
        LONE: ("solo", "5.7.0", pids["lone"]),
        THREADED: ("threads", "5.7.0", pids["threaded"]),
    }


def test_workers_answer_questions_together_and_take_no_orders_that_way(stack: t.Any) -> None:
    code = (
        "from sample_app import app; commands = ['report', 'shutdown']; "
        "print(app.control.broadcast('taskstack_inspect', arguments={'commands': commands}, reply=True, limit=3))"
    )
    said = stack.python(code)
    assert said.count("celery:5.7.0") == said.count("KeyError('shutdown')") == 3
    assert stack.host.run("grep 'pidbox command error' /var/log/taskstack/sample/*.log").stdout == ""


def test_what_a_task_was_called_with_is_in_no_answer(stack: t.Any) -> None:
    code = (
        "from sample_app import app; from sample_app.tasks import slow; task, found = slow.delay(3.14159), ''\n"
        "question = {'commands': ['active', 'reserved', 'scheduled']}\n"
        "while task.id not in found:\n"
        "    found = str(app.control.broadcast('taskstack_inspect', arguments=question, reply=True))\n"
        "print(found)"
    )
    said = stack.python(code)
    assert "sample_app.tasks.slow" in said and "3.14159" not in said


def test_a_stopped_worker_process_is_silent_within_the_deadline(status: Status, stack: t.Any) -> None:
    times = [time.monotonic()]
    status()
    times.append(time.monotonic())
    stack.host.check_output("systemctl kill --kill-whom=all --signal=SIGSTOP sample-quick")
    times.append(time.monotonic())
    found = status(deadline=2)
    times.append(time.monotonic())
    usual, waited = times[1] - times[0], times[3] - times[2]
    # The rest is Ansible's own time, which varies on a busy machine.
    assert waited < 2 + 2 * usual
    assert states(found) == {QUICK: "silent", LONE: "up", THREADED: "up"}
    assert any(problem.startswith(f"Worker {QUICK} is frozen: its process") for problem in found["problems"])


def test_a_killed_worker_is_missing_at_the_next_call_with_the_command_to_start_it(status: Status, stack: t.Any) -> None:
    stack.host.check_output("systemctl kill --signal=SIGKILL sample-lone; systemctl stop sample-lone")
    found = status()
    assert states(found)[LONE] == "missing"
    assert any("systemctl start sample-lone" in problem for problem in found["problems"])


def test_celery_is_down_when_no_worker_is_left(status: Status, stack: t.Any) -> None:
    stack.host.check_output("systemctl stop sample-quick sample-lone sample-threaded")
    found = status()
    assert found["celery"]["state"] == "down" and found["broker"]["state"] == "running"
    assert any("Celery is down" in problem for problem in found["problems"])


def test_with_the_broker_stopped_celery_is_unknown_and_nobody_is_called_down(status: Status, stack: t.Any) -> None:
    stack.host.check_output("systemctl stop rabbitmq-server")
    found = status()
    assert found["broker"]["state"] == "down"
    assert found["celery"]["state"] == "unknown"
    assert set(states(found).values()) == {"unknown"}
    assert "refused" in found["problems"][0] and "Is RabbitMQ running" in found["problems"][0]
    # Workers come back to a broker that does.
    stack.host.check_output("systemctl start rabbitmq-server")
    healthy(status, stack)


def test_a_stopped_flower_is_down_and_one_with_another_password_denied(status: Status, stack: t.Any) -> None:
    assert status(flower_password="wrong")["flower"]["state"] == "denied"
    stack.host.check_output("systemctl stop sample-flower")
    found = status()
    assert found["flower"]["state"] == "down"
    assert any("Flower does not run" in problem for problem in found["problems"])


def test_a_wrong_password_is_denied_and_celery_unknown(status: Status) -> None:
    found = status(management_user="sample-monitor", management_password="wrong")
    assert found["broker"]["state"] == "denied" and found["celery"]["state"] == "unknown"
    assert "wrong" not in found["problems"][0]


def test_a_solo_worker_in_a_task_is_busy_by_its_record(status: Status, stack: t.Any) -> None:
    healthy(status, stack)
    send(stack, "slow.apply_async((20,), queue='lone')")
    time.sleep(1)
    found = status(deadline=1)
    assert states(found)[LONE] == "busy"
    assert found["problems"] == [] and found["healthy"]
    assert next(task["state"] for task in found["tasks"] if task["worker"] == LONE) == "running"
    stack.wait_for("the end of the task", lambda: states(status())[LONE] == "up")


def test_three_waiting_tasks_are_counted_at_once_and_their_lack_of_a_worker_is_a_problem(
    status: Status, stack: t.Any, module: t.Any
) -> None:
    stack.host.run("rabbitmqctl -q delete_queue -p sample nobody")
    send(stack, "[add.apply_async((1, 2), queue='nobody') for _ in range(3)]")
    waiting = [queue["waiting"] for queue in status()["queues"] if queue["name"] == "nobody"]
    assert waiting == [3], "the count is exact at once"
    # The broker's statistics of a new queue, and with them the number of its consumers, come some seconds later.
    stack.wait_for("the problem", lambda: not status(require=["queues"])["succeeded"])
    found = status(require=["queues"])
    assert "3 task(s) wait in queue nobody and no worker consumes it" in found["msg"]
    assert [queue["waiting"] for queue in found["queues"] if queue["name"] == "nobody"] == [3]
    planned = module("purge", "ts-status-stack", "--check", "--diff", queues=["nobody"])
    done = module("purge", "ts-status-stack", "--diff", queues=["nobody"])
    assert planned["queues"] == done["queues"] == [{"name": "nobody", "waiting": 3, "purged": 3, "left": 0}]
    assert planned["changed"] and done["changed"]
    assert planned["shown"] == done["shown"] and "+nobody: 0 waiting" in done["shown"]
    assert not module("purge", "ts-status-stack", queues=["nobody"])["changed"]
    stack.python("from sample_app import app; app.connection().default_channel.queue_delete('nobody')")


def test_a_purge_leaves_fetched_and_eta_tasks_alone_and_refuses_unknown_queues(stack: t.Any, module: t.Any) -> None:
    task = send(stack, "print(add.apply_async((1, 2), queue='threaded', countdown=3600).id)")
    time.sleep(1)
    refused = module("purge", "ts-status-stack", queues=["threaded", "nowhere"])
    assert "No such queue: nowhere. Nothing was done." in refused["msg"]
    done = module("purge", "ts-status-stack", queues=["threaded"])
    assert not done["changed"] and done["queues"][0]["left"] == 1
    assert "were left alone" in done["msg"]
    assert module("revoke", "ts-status-stack", ids=[task])["tasks"][0]["state"] == "scheduled"

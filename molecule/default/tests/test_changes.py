"""A change reaches what it is about, and nothing else; running tasks finish first."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

testinfra_hosts = ["docker://ts-default-stack"]

FOREIGN = "[program:foreign]\ncommand=/bin/sleep 86400\n"
QUICK = {"name": "quick", "queues": ["celery"], "concurrency": 2}
SLOW = {"name": "slow", "queues": ["slow"], "concurrency": 1}
LONG = "from sample_app.tasks import slow; r = slow.delay({0}); print(r.get(timeout=90))"


@pytest.fixture
def foreign(stack: t.Any) -> t.Iterator[t.Callable[[], str]]:
    """Another application's program, deployed by hand under the same supervisord; its pid."""
    stack.host.check_output("printf %%s %s > /etc/supervisor/conf.d/foreign.conf; supervisorctl update", FOREIGN)
    yield lambda: str(stack.host.check_output("supervisorctl pid foreign"))
    stack.host.check_output("rm /etc/supervisor/conf.d/foreign.conf; supervisorctl update")


def others(stack: t.Any) -> list[str]:
    """The processes that no deployment of an application has any business with."""
    return [stack.host.check_output(f"pgrep -xo {name}") for name in ("supervisord", "beam.smp")]


def running(stack: t.Any) -> bool:
    return "sample_app.tasks.slow" in stack.host.check_output("celery-sample inspect active --json")


def test_a_second_run_and_a_dry_run_change_nothing(stack: t.Any) -> None:
    assert stack.changed("--check", "--diff") == 0
    before = stack.pids()
    assert stack.changed() == 0
    assert stack.pids() == before


def test_a_dry_run_on_an_empty_host_works_and_leaves_it_empty(stack: t.Any, tmp_path: pathlib.Path) -> None:
    def move(hosts: dict[str, t.Any]) -> None:
        for group in ("rabbitmq", "worker", "beat", "flower"):
            hosts["children"][group] = {"hosts": {"ts-default-empty": None}}

    assert stack.changed("--check", "--diff", inventory=stack.inventory(tmp_path, move)) > 5
    command = "docker exec ts-default-empty sh -c '{}' 2>/dev/null"
    assert stack.here(command.format("ls -d /etc/taskstack /etc/rabbitmq /opt/sample; id sample")) == ""


def test_one_changed_concurrency_restarts_one_worker_whose_task_finishes(stack: t.Any, foreign: t.Any) -> None:
    before, foreign_before = stack.pids(), foreign()
    stack.begin(LONG.format(20), "/tmp/long")
    stack.wait_for("the start of the long task", lambda: running(stack))
    # Somebody else's program is there now, so the play has to be told that it may share.
    refused = stack.play()
    assert refused.returncode != 0 and "/etc/supervisor/conf.d/foreign.conf" in refused.stdout
    stack.changed(worker_nodes=[QUICK, {**SLOW, "concurrency": 2}], taskstack_share_host=True)
    after = stack.pids()
    assert {name for name in before if before[name] != after[name]} == {"slow"}
    assert foreign() == foreign_before
    stack.wait_for("the result", lambda: "worked for 20 s" in stack.host.file("/tmp/long").content_string)
    stack.changed(taskstack_share_host=True)


def test_a_worker_taken_out_of_the_inventory_finishes_its_task_and_is_gone(stack: t.Any) -> None:
    stack.begin(LONG.format(8), "/tmp/last")
    stack.wait_for("the start of the long task", lambda: running(stack))
    before = stack.pids()
    stack.changed(worker_nodes=[QUICK])
    after = stack.pids()
    assert set(before) - set(after) == {"slow"} and all(before[name] == after[name] for name in after)
    stack.wait_for("the result", lambda: "worked for 8 s" in stack.host.file("/tmp/last").content_string)
    assert "slow" not in stack.host.check_output("supervisorctl status; ls /etc/supervisor/conf.d")
    stack.changed()


def test_a_changed_environment_value_restarts_the_applications_processes_and_nothing_else(stack: t.Any) -> None:
    before, others_before = stack.pids(), others(stack)
    stack.changed(taskstack_environment={"COLOUR": "green and 'blue'"})
    after = stack.pids()
    assert {name for name in before if before[name] != after[name]} == {"quick", "slow", "beat", "flower"}
    assert others(stack) == others_before
    assert stack.python("import os; print(os.environ['COLOUR'])") == "green and 'blue'"
    stack.changed()


def test_a_changed_package_restarts_what_uses_it_and_flower_does_not(stack: t.Any) -> None:
    before, others_before = stack.pids(), others(stack)
    old = "six-1.16.0" in stack.host.file("/etc/taskstack/sample.packages").content_string
    stack.host.check_output(f"celery-sample --run pip install -q six==1.{17 if old else 16}.0")
    stack.changed()
    after = stack.pids()
    assert {name for name in before if before[name] != after[name]} == {"quick", "slow", "beat"}
    assert others(stack) == others_before


def test_a_changed_password_of_flower_restarts_flower_and_nothing_else(stack: t.Any) -> None:
    before = stack.pids()
    stack.changed(flower_user="operator")
    after = stack.pids()
    assert {name for name in before if before[name] != after[name]} == {"flower"}
    stack.changed()


def test_a_worker_that_cannot_start_fails_the_play_with_its_last_lines_while_the_others_run(stack: t.Any) -> None:
    before = stack.pids()
    broken = {"name": "broken", "queues": ["celery"], "includes": ["no_such_module"]}
    done = stack.play(worker_nodes=[QUICK, SLOW, broken])
    assert done.returncode != 0
    assert "sample-broken" in done.stdout and "No module named 'no_such_module'" in done.stdout
    after = stack.pids()
    assert all(before[name] == after[name] for name in before)
    stack.changed()
    assert stack.pids() == before

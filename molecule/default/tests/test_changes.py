"""A change reaches what it is about, and nothing else; running tasks finish first.

One deployment costs more than all that is asked after it, so each test goes on from where the one before it has left
the stack, and several changes that concern different processes are made together.
"""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest

testinfra_hosts = ["docker://ts-default-stack"]
pytestmark = pytest.mark.usefixtures("first_state")

FOREIGN = "[program:foreign]\ncommand=/bin/sleep 86400\n"
QUICK = {"name": "quick", "queues": ["celery"], "concurrency": 2}
SLOW = {"name": "slow", "queues": ["slow"], "concurrency": 1}
LONG = "from sample_app.tasks import slow; r = slow.delay({0}); print(r.get(timeout=180))"
SETTINGS = "/opt/sample/legacy_settings.py"


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
    return "sample_app.tasks.slow" in str(stack.inspect("active"))


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


def test_a_changed_concurrency_and_login_restart_one_worker_whose_task_finishes_and_flower(
    stack: t.Any, foreign: t.Any
) -> None:
    foreign_before, others_before = foreign(), others(stack)
    stack.begin(LONG.format(20), "/tmp/long")
    stack.wait_for("the start of the long task", lambda: running(stack))
    # Another program is there now, so the play has to be told that it may share.
    refused = stack.play()
    assert refused.returncode != 0 and "/etc/supervisor/conf.d/foreign.conf" in refused.stdout
    more, logins = {**SLOW, "concurrency": 2}, {"flower_user": "operator", "taskstack_monitor_user": "watcher"}
    moved = stack.change(worker_nodes=[QUICK, more], **logins, taskstack_share_host=True)
    assert moved == {"slow", "flower"}
    # The login that has another name now is gone under its old one.
    users = stack.host.check_output("rabbitmqctl -q list_users")
    assert "watcher" in users and "sample-monitor" not in users
    assert foreign() == foreign_before and others(stack) == others_before
    stack.wait_for("the result", lambda: "worked for 20 s" in stack.host.file("/tmp/long").content_string)


def test_a_worker_taken_out_of_the_inventory_finishes_its_task_and_is_gone(stack: t.Any) -> None:
    stack.begin(LONG.format(8), "/tmp/last")
    stack.wait_for("the start of the long task", lambda: running(stack))
    assert stack.change(worker_nodes=[QUICK]) == {"slow"}
    stack.wait_for("the result", lambda: "worked for 8 s" in stack.host.file("/tmp/last").content_string)
    assert "slow" not in stack.host.check_output("supervisorctl status; ls /etc/supervisor/conf.d")


def test_a_changed_environment_value_reaches_the_applications_processes_and_nothing_else(stack: t.Any) -> None:
    """And an application that reads only its own settings finds the broker there, in a block of our own."""
    others_before = others(stack)
    stack.host.check_output("printf 'DEBUG = False\\n' > %s; chmod 644 %s", SETTINGS, SETTINGS)
    colour = {"COLOUR": "green and 'blue'"}
    wanted = {"worker_nodes": [QUICK, SLOW], "taskstack_environment": colour, "taskstack_settings_file": SETTINGS}
    # Arguments of periodic tasks do not stay on the host when the inventory has none any more.
    wanted["beat_schedule"] = []
    open_to_all = stack.play("--check", **wanted)
    assert open_to_all.returncode != 0 and f"chmod o-r {SETTINGS}" in " ".join(open_to_all.stdout.split())
    stack.host.check_output("chgrp sample %s; chmod 640 %s", SETTINGS, SETTINGS)
    moved = stack.change(**wanted)
    assert moved == {"quick", "slow", "beat", "flower"}
    assert others(stack) == others_before
    assert stack.python("import os; print(os.environ['COLOUR'])") == "green and 'blue'"
    assert not stack.host.file("/etc/taskstack/sample.beat.json").exists
    assert stack.host.file(SETTINGS).content_string.startswith("DEBUG = False\n# BEGIN: managed by Ansible")
    code = (
        "import os; del os.environ['CELERY_BROKER_URL']; import legacy_settings as s; from celery import Celery;"
        "print(Celery(broker=s.CELERY_BROKER_URL).connection().ensure_connection(max_retries=1).connected, s.DEBUG)"
    )
    assert stack.python(code) == "True False"


def test_a_changed_package_restarts_what_uses_it_and_flower_does_not(stack: t.Any) -> None:
    others_before = others(stack)
    old = "six-1.16.0" in stack.host.file("/etc/taskstack/sample.packages").content_string
    stack.host.check_output(f"celery-sample --run pip install -q six==1.{17 if old else 16}.0")
    assert stack.change() == {"quick", "slow", "beat"}
    assert others(stack) == others_before


def test_workers_that_cannot_start_fail_the_play_with_their_last_lines_while_the_others_run(stack: t.Any) -> None:
    """One new worker cannot be imported, and the broker's password is wrong for all: the first shows it."""
    before = stack.pids()
    broken = {"name": "broken", "queues": ["celery"], "includes": ["no_such_module"]}
    wrong = {"CELERY_BROKER_URL": "amqp://sample:wrong@127.0.0.1/sample"}
    settings = {**stack.changes.get(stack.name, {}), "taskstack_environment": wrong}
    done = stack.play(**{**settings, "worker_nodes": [QUICK, SLOW, broken]})
    said = " ".join(done.stdout.split())
    assert done.returncode != 0
    assert "sample-broken did not stay up" in said and "No module named 'no_such_module'" in said
    why = r"sample-quick (did not stay up|runs, but does not work)[^.]*\. Fix what the end of its log says"
    assert re.search(why, said), said[-3000:]
    assert "Login was refused using authentication mechanism" in said or "ACCESS_REFUSED" in said
    assert "Not restarted, so that they go on working: sample-slow, sample-beat, sample-flower." in said
    after = stack.pids()
    assert {name for name in before if before[name] != after.get(name)} == {"quick"}
    assert "quick" in stack.change(worker_nodes=[QUICK, SLOW])
    assert "broken" not in stack.pids()

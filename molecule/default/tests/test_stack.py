"""From an empty Debian 12 to executed tasks, under supervisord and without an init."""

from __future__ import annotations

import json
import typing as t

testinfra_hosts = ["docker://ts-default-stack"]


def test_a_task_goes_through_the_queue_and_its_result_comes_back(stack: t.Any) -> None:
    assert "20 + 22 = 42" in stack.host.check_output("celery-sample --run python -m sample_app")


def test_each_queue_has_its_worker(stack: t.Any) -> None:
    nodes = {"quick@ts-default-stack", "slow@ts-default-stack"}
    stack.wait_for("the answers of both", lambda: stack.inspect("ping").keys() == nodes)
    seen = stack.inspect("active_queues")
    assert {node: [queue["name"] for queue in queues] for node, queues in seen.items()} == {
        "quick@ts-default-stack": ["celery"],
        "slow@ts-default-stack": ["slow"],
    }


def test_all_processes_run_as_the_applications_user(stack: t.Any) -> None:
    assert set(stack.pids()) == {"quick", "slow", "beat", "flower"}
    users = stack.host.check_output("ps -o user= -p %s", ",".join(map(str, stack.pids().values())))
    assert set(users.split()) == {"sample"}


def test_beat_sends_the_tasks_of_the_inventory_and_keeps_the_applications_own(stack: t.Any) -> None:
    def sent() -> bool:
        return "Sending due task tick" in stack.host.file("/var/log/taskstack/sample/sample-beat.log").content_string

    stack.wait_for("the periodic task of the inventory", sent)
    code = (
        "import os; os.environ.update(TASKSTACK_BEAT_SCHEDULE='/etc/taskstack/sample.beat.json');"
        "from sample_app import app; import taskstack_beat as b; s = b.Scheduler(app=app, schedule_filename='/tmp/s');"
        "print(sorted(name for name in s.schedule if not name.startswith('celery.')))"
    )
    assert stack.python(code) == "['heartbeat', 'tick']"


def test_the_schedule_is_kept_where_beat_may_write(stack: t.Any) -> None:
    assert stack.host.check_output("stat -c %U /var/lib/taskstack/sample/beat/schedule*").split()[0] == "sample"


def test_flower_wants_a_password_and_shows_the_workers_and_the_broker(stack: t.Any) -> None:
    for page in ("/", "/api/workers"):
        assert stack.flower(page, login=False)[0] == 401
    stack.wait_for("Flower's page of the broker", lambda: 'id="slow"' in stack.flower("/broker")[1])
    nodes = {"quick@ts-default-stack", "slow@ts-default-stack"}
    stack.wait_for("both workers in Flower", lambda: stack.in_flower() == nodes)


def test_nothing_of_a_stack_on_one_host_listens_beyond_loopback(stack: t.Any) -> None:
    tables = stack.host.check_output("cat /proc/net/tcp /proc/net/tcp6")
    for port in (5555, 5672, 15672):
        listens = [line.split()[1] for line in tables.splitlines() if f":{port:04X} " in line and " 0A " in line]
        assert listens and all(address.startswith("0100007F:") for address in listens)


def test_flower_keeps_its_history_and_its_sessions_over_a_restart(stack: t.Any) -> None:
    stack.python("from sample_app.tasks import add; print(add.delay(3, 4).get(timeout=180))")
    before = set(json.loads(stack.flower("/api/tasks?limit=20")[1]))
    cookie = stack.secrets()["cookie"]
    stack.host.check_output("supervisorctl restart sample-flower")
    stack.wait_for("Flower's return", lambda: stack.host.run("python3 -c %s", ASK).rc == 0)
    assert before and before <= set(json.loads(stack.flower("/api/tasks")[1]))
    assert stack.secrets()["cookie"] == cookie


def test_logs_are_rotated(stack: t.Any) -> None:
    stack.host.check_output("logrotate --force --verbose /etc/logrotate.d/taskstack-sample")
    assert stack.host.file("/var/log/taskstack/sample/sample-quick.log.1").exists
    stack.python("from sample_app.tasks import add; print(add.delay(3, 4).get(timeout=180))")
    log = stack.host.file("/var/log/taskstack/sample/sample-quick.log")
    assert "succeeded" in log.content_string and "\0" not in log.content_string


def test_a_storm_of_lines_is_rotated_within_the_hour(stack: t.Any) -> None:
    log = "/var/log/taskstack/sample/sample-storm.log"
    stack.host.check_output(f"truncate --size 101M {log}")
    stack.host.check_output("run-parts --exit-on-error /etc/cron.hourly")
    assert stack.host.file(log).size == 0
    stack.host.check_output(f"rm -f {log}*")


def test_the_launcher_drops_to_the_applications_user_before_anything_of_it_is_imported(stack: t.Any) -> None:
    seen = stack.python("import os, sample_app; print(os.getuid() != 0, os.environ['HOME'])")
    assert seen == "True /var/lib/taskstack/sample/home"
    refused = stack.host.run("setpriv --reuid=nobody --clear-groups celery-sample inspect ping")
    assert refused.rc == 77 and "run it as root or as user sample" in refused.stderr


ASK = "import socket; socket.create_connection(('127.0.0.1', 5555))"

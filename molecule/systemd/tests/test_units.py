"""The whole stack on Debian 13 under systemd: hardened units that `systemctl` works with as people expect."""

from __future__ import annotations

import json
import typing as t

testinfra_hosts = ["docker://ts-systemd-stack"]

UNITS = {f"sample-{name}.service" for name in ("quick", "slow", "beat", "flower")}
QUICK = {"name": "quick", "queues": ["celery"], "concurrency": 2}
SLOW = {"name": "slow", "queues": ["slow"], "concurrency": 1}
LONG = "from sample_app.tasks import slow; r = slow.delay({0}); print(r.get(timeout=90))"


def running(stack: t.Any) -> bool:
    return "sample_app.tasks.slow" in stack.host.check_output("celery-sample inspect active --json")


def test_a_task_goes_through_the_queue_and_its_result_comes_back(stack: t.Any) -> None:
    assert "20 + 22 = 42" in stack.host.check_output("celery-sample --run python -m sample_app")


def test_every_process_is_a_unit_that_runs_and_starts_at_boot(stack: t.Any) -> None:
    for unit in UNITS:
        service = stack.host.service(unit)
        assert service.is_running and service.is_enabled, stack.host.run("journalctl -n 20 -u %s", unit).stdout


def test_units_are_hardened(stack: t.Any) -> None:
    wanted = {"User": "sample", "NoNewPrivileges": "yes"}
    for unit in UNITS:
        lines = stack.host.check_output("systemctl show %s -p User,NoNewPrivileges,ProtectSystem", unit)
        seen = dict(line.split("=", 1) for line in lines.splitlines())
        assert {**seen, **wanted} == seen and seen["ProtectSystem"] in ("full", "strict")


def test_one_target_stops_and_starts_them_all(stack: t.Any) -> None:
    stack.host.check_output("systemctl stop sample.target")
    stack.wait_for("the end of all", lambda: not stack.pids())
    stack.host.check_output("systemctl start sample.target")
    stack.wait_for("the start of all", lambda: set(stack.pids()) == {"quick", "slow", "beat", "flower"})
    assert "20 + 22 = 42" in stack.host.check_output("celery-sample --run python -m sample_app")


def test_a_second_run_and_a_dry_run_change_nothing(stack: t.Any) -> None:
    assert stack.changed("--check", "--diff") == 0
    before = stack.pids()
    assert stack.changed() == 0
    assert stack.pids() == before


def test_one_changed_concurrency_restarts_one_worker_whose_task_finishes(stack: t.Any) -> None:
    before = stack.pids()
    stack.begin(LONG.format(20), "/tmp/long")
    stack.wait_for("the start of the long task", lambda: running(stack))
    stack.changed(worker_nodes=[QUICK, {**SLOW, "concurrency": 2}])
    after = stack.pids()
    assert {name for name in before if before[name] != after[name]} == {"slow"}
    stack.wait_for("the result", lambda: "worked for 20 s" in stack.host.file("/tmp/long").content_string)
    stack.changed()


def test_flower_wants_a_password_and_shows_the_workers(stack: t.Any) -> None:
    assert stack.flower("/api/workers", login=False)[0] == 401
    status, workers = stack.flower("/api/workers?refresh=1")
    assert status == 200 and set(json.loads(workers)) == {"quick@ts-systemd-stack", "slow@ts-systemd-stack"}


def test_no_secret_is_in_units_arguments_or_the_journal(stack: t.Any) -> None:
    everything = (
        "find /etc/systemd/system -type f -exec cat {} +",
        "ps axww -o args",
        "journalctl -b",
        "systemctl show '*'",
    )
    seen = "".join(map(stack.host.check_output, everything))
    leaked = [name for name, value in stack.secrets().items() if value in seen]
    assert leaked == []
    others = stack.host.check_output("setpriv --reuid=nobody --clear-groups ps axeww")
    assert [name for name, value in stack.secrets().items() if value in others] == []

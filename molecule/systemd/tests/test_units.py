"""The whole stack on Debian 13 under systemd: hardened units that `systemctl` works with as people expect."""

from __future__ import annotations

import json
import typing as t

import pytest

testinfra_hosts = ["docker://ts-systemd-stack"]
pytestmark = pytest.mark.usefixtures("first_state")

UNITS = {f"sample-{name}.service" for name in ("quick", "slow", "beat", "flower")}
QUICK = {"name": "quick", "queues": ["celery"], "concurrency": 2}
SLOW = {"name": "slow", "queues": ["slow"], "concurrency": 1}
LONG = "from sample_app.tasks import slow; r = slow.delay({0}); print(r.get(timeout=180))"


DJANGO = """
SECRET_KEY = 'x'
USE_TZ = True
INSTALLED_APPS = ['django.contrib.contenttypes', 'django_celery_beat']
DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '/var/lib/taskstack/sample/home/beat.sqlite3'}}
"""


def running(stack: t.Any) -> bool:
    return "sample_app.tasks.slow" in str(stack.inspect("active"))


def connections(stack: t.Any) -> set[tuple[str, bool]]:
    """Who is connected to the broker, and whether over TLS."""
    listed = stack.host.check_output("rabbitmqctl -q list_connections user ssl --formatter json")
    return {(one["user"], one["ssl"]) for one in json.loads(listed)}


def test_a_task_goes_through_the_queue_and_its_result_comes_back(stack: t.Any) -> None:
    assert "20 + 22 = 42" in stack.host.check_output("celery-sample --run python -m sample_app")


def test_nothing_speaks_to_the_broker_without_tls(stack: t.Any) -> None:
    """Workers, beat and Flower work over amqps with the inventory's own authority; there is no other port to reach."""
    tables = stack.host.check_output("cat /proc/net/tcp /proc/net/tcp6")
    listening = {int(line.split()[1].rpartition(":")[2], 16) for line in tables.splitlines() if " 0A " in line}
    assert 5671 in listening and 5672 not in listening
    # While a program logs in, its connection has no user yet.
    stack.wait_for("the login of all that connect", lambda: connections(stack) == {("sample", True)})
    sent = "Sending due task tick"
    beat = stack.host.file("/var/log/taskstack/sample/sample-beat.log")
    stack.wait_for("a task of beat's", lambda: sent in beat.content_string)
    # It has been told to ask again after all workers had started; the answers take a moment.
    stack.wait_for("Flower's page of the broker", lambda: 'id="slow"' in stack.flower("/broker")[1])


def test_status_sees_the_whole_stack_over_tls(stack: t.Any) -> None:
    done = stack.play(playbook="playbooks/status.yml", status_require="broker,workers,beat,flower")
    assert done.returncode == 0, done.stdout[-3000:]
    for node in ("quick", "slow"):
        assert f"{node}@{stack.name}" in done.stdout


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
    stack.begin(LONG.format(20), "/tmp/long")
    stack.wait_for("the start of the long task", lambda: running(stack))
    assert stack.change(worker_nodes=[QUICK, {**SLOW, "concurrency": 2}]) == {"slow"}
    stack.wait_for("the result", lambda: "worked for 20 s" in stack.host.file("/tmp/long").content_string)


def test_djangos_scheduler_sends_the_tasks_of_the_inventory_from_its_database(stack: t.Any) -> None:
    """django-celery-beat, as applications of Django have it: installed, its tables made, then asked for."""
    celery = "celery-sample --run"
    stack.host.check_output(f"{celery} pip install -q django-celery-beat")
    stack.host.check_output("printf %%s %s > /opt/sample/beat_settings.py", DJANGO)
    migrate = f"{celery} env DJANGO_SETTINGS_MODULE=beat_settings python -m django"
    stack.host.check_output(f"{migrate} migrate -v 0")
    log = stack.host.file("/var/log/taskstack/sample/sample-beat.log")
    sent = log.content_string.count("Sending due task tick")
    scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
    environment = {"DJANGO_SETTINGS_MODULE": "beat_settings"}
    moved = stack.change(beat_scheduler=scheduler, taskstack_environment=environment)
    assert "beat" in moved
    stack.wait_for("a task", lambda: log.content_string.count("Sending due task tick") > sent + 1)
    code = "from django_celery_beat.models import PeriodicTask; print([*PeriodicTask.objects.values_list('name')])"
    names = stack.host.check_output(f"{migrate} shell -v 0 -c %s", code)
    assert "'tick'" in names and "'heartbeat'" in names


def test_flower_wants_a_password_and_shows_the_workers(stack: t.Any) -> None:
    assert stack.flower("/api/workers", login=False)[0] == 401
    nodes = {"quick@ts-systemd-stack", "slow@ts-systemd-stack"}
    stack.wait_for("both workers in Flower", lambda: stack.in_flower() == nodes)


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

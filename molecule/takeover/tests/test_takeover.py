"""A host that an earlier release deployed, deployed by this one: what restarts, what stays, and what goes."""

from __future__ import annotations

import json
import re
import typing as t

import pytest
import testinfra

testinfra_hosts = ["docker://ts-takeover-old"]
RECORDER = "/var/lib/taskstack/sample/recorder"

# What a process reads only when it starts: its code, and its definition. Flower has none of this collection's code, but
# the launcher, which does not give root's terminal away any more, starts it too.
LAUNCHER = "/usr/local/bin/celery-sample"
NEEDS = rf"{LAUNCHER}|/usr/local/lib/taskstack/sample/\w+(/\w+)*\.py|(command|environment|ExecStart|Environment)=.*"
REASONS = {"quick": NEEDS, "slow": NEEDS, "beat": NEEDS, "flower": LAUNCHER}
# Without what only one of them can have: the earlier release did not note which packages it installed,
# and resubmit was run on one of them.
FILES = r"""
find /etc/taskstack /etc/supervisor /etc/logrotate.d /etc/rabbitmq /usr/local /opt /var/lib/taskstack \
  -xdev -not -path '*/venv/*' -not -path '/opt/taskstack/*/flower/*' -not -path '*/recorder/*/*' \
  -not -path '*__pycache__*' -not -path '/usr/local/lib/python*' -not -path '/var/lib/taskstack/sample/home/*' \
  -not -path '/var/lib/taskstack/.created/.host.json' -not -name '*.resubmit.lock' -printf '%p %u:%g %m %y\n' | sort
"""


@pytest.fixture
def before(host: t.Any) -> dict[str, t.Any]:
    """What the earlier release left."""
    return dict(json.loads(host.check_output("cat /root/before.json")))


def reasons(old: str, new: str) -> set[str]:
    """The files whose change restarts a program, and the lines of its definition that changed."""
    different = set(old.splitlines()) ^ set(new.splitlines())
    return {line.split()[2] if line.startswith("; content ") else line for line in different}


@pytest.mark.parametrize("process", REASONS)
def test_a_process_restarts_only_for_code_that_it_has_to_take_up(
    process: str, stack: t.Any, before: dict[str, t.Any]
) -> None:
    new = stack.host.check_output(f"cat /etc/supervisor/conf.d/sample-{process}.conf")
    found = reasons(before["programs"][f"sample-{process}"], new)
    needless = [reason for reason in found if not re.fullmatch(REASONS[process], reason)]
    assert not needless, f"{process} restarted for {needless}"
    assert (stack.pids()[process] != before["pids"][process]) == bool(found)


def test_the_broker_does_not_restart(stack: t.Any, before: dict[str, t.Any]) -> None:
    assert stack.host.check_output("pgrep -o beam.smp").strip() == before["broker"]
    # Clients that no inventory knows still reach it, though a new broker of one host would listen on loopback.
    assert ":::5672" in stack.host.check_output("cat /etc/rabbitmq/rabbitmq.conf")


def test_no_password_changes(stack: t.Any, before: dict[str, t.Any]) -> None:
    for path, digest in before["secrets"].items():
        assert stack.host.check_output(f"sha256sum {path}").split()[0] == digest, path
    assert stack.flower("/")[0] == 200


def test_the_task_at_work_ends_once_and_well(stack: t.Any, before: dict[str, t.Any]) -> None:
    running = before["ids"]["running"]
    ends = f"grep -h {running} {RECORDER}/history/* | grep -c SUCCESS"
    stack.wait_for("The end of the task", lambda: stack.host.run(ends).stdout.strip() == "1")
    kept = f"grep -rl {running} {RECORDER}/open {RECORDER}/failed"
    stack.wait_for("The end of its record", lambda: stack.host.run(kept).stdout == "")


def test_the_history_of_the_earlier_release_is_read(stack: t.Any, before: dict[str, t.Any]) -> None:
    assert before["history"] >= 20
    module = "-m taskstack.celery.status -a recent=100000"
    told = stack.here(f"ansible -i {stack.folder}/inventory ts-takeover-old --become {module}")
    assert told.count("state: succeeded") >= before["history"]
    assert re.search(rf"id: {before['ids']['failed']}\n.*?state: failed", told, re.DOTALL)


def test_the_lost_task_is_told_and_sent_again_by_the_new_code(stack: t.Any, before: dict[str, t.Any]) -> None:
    lost = before["ids"]["lost"]
    predicted = stack.play("--check", playbook="playbooks/resubmit.yml")
    assert predicted.returncode == 0, predicted.stdout
    done = stack.play(playbook="playbooks/resubmit.yml")
    assert done.returncode == 0, done.stdout
    history = f"grep -h {lost} {RECORDER}/history/* | grep -c SUCCESS"
    stack.wait_for("Its second run", lambda: stack.host.run(history).stdout.strip() == "1")
    assert stack.changed(playbook="playbooks/resubmit.yml") == 0


def test_a_second_run_changes_nothing(stack: t.Any) -> None:
    before = stack.pids()
    assert stack.changed("--check") == 0
    assert stack.changed() == 0
    assert stack.pids() == before


def test_the_host_holds_the_same_files_as_one_that_has_only_seen_this_release(stack: t.Any) -> None:
    here = set(stack.host.check_output(FILES).splitlines())
    there = set(testinfra.get_host("docker://ts-takeover-new").check_output(FILES).splitlines())
    assert (sorted(here - there), sorted(there - here)) == ([], [])


def test_flower_on_a_host_of_its_own_needs_no_application(stack: t.Any) -> None:
    host = testinfra.get_host("docker://ts-takeover-flower")
    assert type(stack)("takeover", host, "ts-takeover-flower").flower("/")[0] == 200
    assert not host.file("/opt/sample/venv").exists and not host.file("/opt/sample/sample_app").exists
    assert "Connected to amqp" in host.file("/var/log/taskstack/sample/sample-flower.log").content_string

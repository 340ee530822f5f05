"""Removal, last of all: it asks before it deletes queued tasks, and leaves nothing of the stack behind."""

from __future__ import annotations

import random
import re
import typing as t

import pytest

pytestmark = pytest.mark.last(1)
SEED = 20261121
testinfra_hosts = ["docker://ts-default-stack"]

OURS = """
find / -xdev \\( -name '*taskstack*' -o -name 'celery-sample*' -o -path '*/opt/sample*' -o -path '/etc/rabbitmq*' \\
  -o -path '/var/lib/rabbitmq*' -o -path '/etc/supervisor*' \\) -not -path '/proc/*' -not -path '/var/cache/*' \\
  -not -path '/etc/apt/*' -not -path '/var/lib/dpkg/*' 2>/dev/null
"""


def test_removal_asks_before_it_deletes_queued_tasks(stack: t.Any) -> None:
    before = stack.pids()
    stack.python("from sample_app.tasks import add; add.apply_async((1, 2), queue='nobody-listens')")
    refused = stack.play(playbook="playbooks/remove.yml")
    assert refused.returncode != 0
    said = " ".join(refused.stdout.split())
    assert re.search(r"\d+ tasks wait in the queues of stack sample\. .*Nothing was removed\.", said), said[-1500:]
    assert stack.pids() == before


def test_a_task_that_is_lost_while_its_worker_stops_is_kept(stack: t.Any) -> None:
    recorder = "/var/lib/taskstack/sample/recorder"
    stack.changed(worker_stop_timeout=2)
    # Nothing that was kept before: the playbook would ask about that at once.
    stack.host.check_output(f"find {recorder}/failed -type f -delete")
    task = stack.python("from sample_app.tasks import slow; print(slow.delay(600).id)")
    stack.wait_for("its start", lambda: stack.host.run(f"grep -la {task} {recorder}/open/*").stdout)

    refused = stack.play(playbook="playbooks/remove.yml", remove_queued_tasks=True)

    assert refused.returncode != 0
    said = " ".join(refused.stdout.split())
    assert "1 lost" in said and "nothing else was removed" in said, said[-1500:]
    assert stack.host.run(f"grep -la {task} {recorder}/open/*").stdout
    assert "sample" in stack.host.check_output("rabbitmqctl -q list_vhosts").split()
    # The next run of site.yml takes all of it up again.
    stack.changed()
    assert stack.pids().keys() >= {"quick", "slow", "beat", "flower"}


def test_removal_leaves_nothing_of_the_stack_behind_though_it_breaks_off(stack: t.Any) -> None:
    before = stack.pids()
    predicted = stack.play("--check", playbook="playbooks/remove.yml")
    assert predicted.returncode == 0, predicted.stdout[-4000:]
    assert stack.pids() == before and stack.host.run(OURS).stdout.count("taskstack") > 10
    # Once somewhere, and once when the broker has stopped and is still installed.
    tasks = re.findall(r"^TASK \[(.*)\] \*", predicted.stdout, re.MULTILINE)
    moments = random.Random(SEED).randint(3, len(tasks)), tasks.index("Uninstall it") + 1
    agreed = {"remove_queued_tasks": True, "remove_records": True}
    kills = [stack.killed("playbooks/remove.yml", moment, **agreed) for moment in sorted(moments)]
    assert kills[0], (moments, tasks)
    stack.changed(playbook="playbooks/remove.yml", **agreed)
    assert stack.host.run(OURS).stdout == ""
    programs = stack.host.check_output("ps -eo args=")
    assert not any(word in programs for word in ("celery", "beam.smp", "supervisord"))
    assert stack.host.run("id sample").rc != 0
    assert stack.changed(playbook="playbooks/remove.yml") == 0

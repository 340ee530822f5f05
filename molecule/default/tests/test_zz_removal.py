"""Removal, last of all: it asks before it deletes queued tasks, and leaves nothing of the stack behind."""

from __future__ import annotations

import re
import typing as t

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
    assert re.search(r"\d+ tasks wait in the queues of stack sample\. Nothing was removed\.", said), said[-1500:]
    assert stack.pids() == before


def test_removal_leaves_nothing_of_the_stack_behind(stack: t.Any) -> None:
    before = stack.pids()
    assert stack.changed("--check", playbook="playbooks/remove.yml") > 4
    assert stack.pids() == before and stack.host.run(OURS).stdout.count("taskstack") > 10
    stack.changed(playbook="playbooks/remove.yml", remove_queued_tasks=True)
    assert stack.host.run(OURS).stdout == ""
    programs = stack.host.check_output("ps -eo args=")
    assert not any(word in programs for word in ("celery", "beam.smp", "supervisord"))
    assert stack.host.run("id sample").rc != 0
    assert stack.changed(playbook="playbooks/remove.yml") == 0

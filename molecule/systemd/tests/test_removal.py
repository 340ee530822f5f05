"""Removal under systemd, last of all: no unit, file, process or account of the stack is left."""

from __future__ import annotations

import typing as t

import pytest

pytestmark = pytest.mark.last(1)
testinfra_hosts = ["docker://ts-systemd-stack"]

OURS = """
find / -xdev \\( -name '*taskstack*' -o -name 'celery-sample*' -o -path '*/opt/sample*' -o -path '*/system/*sample*' \\
  -o -path '/etc/rabbitmq*' -o -path '/var/lib/rabbitmq*' \\) -not -path '/proc/*' -not -path '/var/cache/*' \\
  -not -path '/etc/apt/*' -not -path '/var/lib/dpkg/*' -not -path '/root/*' 2>/dev/null
"""


def test_removal_leaves_nothing_of_the_stack_behind(stack: t.Any) -> None:
    predicted = stack.changing("--check", playbook="playbooks/remove.yml")
    assert stack.changing(playbook="playbooks/remove.yml", remove_queued_tasks=True, remove_records=True) == predicted
    assert stack.host.run(OURS).stdout == ""
    assert stack.host.run("systemctl list-units --all --plain --no-legend 'sample*' 'rabbitmq*'").stdout == ""
    programs = stack.host.check_output("ps -eo args=")
    assert not any(word in programs for word in ("celery", "beam.smp"))
    assert stack.host.run("id sample").rc != 0
    assert stack.changed(playbook="playbooks/remove.yml") == 0

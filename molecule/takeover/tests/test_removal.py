"""Removal of a host whose list of created things was begun by the second deployment only. Last of all."""

from __future__ import annotations

import typing as t

import pytest

pytestmark = pytest.mark.last(1)
testinfra_hosts = ["docker://ts-takeover-old"]


def test_removal_without_a_list_from_the_beginning_deletes_what_nobody_else_can_have_created(stack: t.Any) -> None:
    agreed = {"remove_queued_tasks": True, "remove_records": True}
    done = stack.play(playbook="playbooks/remove.yml", **agreed)
    assert done.returncode == 0, done.stdout[-4000:]
    # The account's home says who created it, and the virtualenv is the account's.
    assert not stack.host.user("sample").exists and not stack.host.file("/opt/sample/venv").exists
    programs = stack.host.check_output("ps -eo args=")
    assert not any(word in programs for word in ("celery", "beam.smp", "supervisord"))
    # The test host's own settings of apt, and what apt has downloaded, are not the stack's.
    ours = "find / -xdev -name '*taskstack*' -not -path '/proc/*' -not -path '/var/cache/*' -not -path '/etc/apt/*'"
    assert stack.host.run(ours).stdout == ""
    # Whether it was there before, nobody knows.
    assert stack.host.file("/opt/sample/sample_app/tasks.py").exists
    assert "If nothing else uses it: rm -r /opt/sample" in " ".join(done.stdout.split())

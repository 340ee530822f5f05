"""The pages, typed as printed: a second stack came, was changed, operated, and went again."""

from __future__ import annotations

import re
import typing as t

import pytest

testinfra_hosts = ["docker://ts-deploy-bare"]


@pytest.fixture(scope="module")
def log(host: t.Any) -> str:
    return str(host.check_output("cat /root/pages.log"))


def report(log: str, stack: str, number: int = 1) -> str:
    """A status of a stack that was printed: the first, or -1 for the last."""
    return log.split(f"Stack {stack}: ")[number].split("TASK [")[0]


def test_the_readme_s_status_is_healthy(log: str) -> None:
    assert report(log, "sample").startswith("healthy")


def test_the_task_of_the_second_stack_ran(log: str) -> None:
    assert re.search(r"shop\.confirm +succeeded +mail@localhost", report(log, "shop"))


def test_two_stacks_on_one_host_and_broker_see_only_themselves(log: str) -> None:
    shop, sample = report(log, "shop"), report(log, "sample", -1)
    assert shop.startswith("healthy") and sample.startswith("healthy")
    assert "mail@localhost" in shop and "sample" not in shop and "quick@" not in shop
    assert "quick@localhost" in sample and "shop" not in sample and "mail@" not in sample


def test_changing_one_number_changed_one_line_of_one_program(log: str) -> None:
    diff = log.split("--check --diff")[1]
    assert re.search(r"^\+.*--concurrency=3", diff, re.MULTILINE)
    assert not re.search(r"^[-+].*flower --address", diff, re.MULTILINE)


def test_the_commands_of_the_operating_page_did_what_it_says(host: t.Any, log: str) -> None:
    assert "Stack shop" in host.file("/root/taskstack/status.html").content_string
    assert re.search(r"shop-mail +RUNNING", log) and re.search(r"software -> celery:5\.5\.3", log)
    assert "0 found, 0 would be sent" in log and "0 found, 0 sent" in log


def test_the_backup_of_the_scaling_page_is_for_its_owner_alone(host: t.Any) -> None:
    (folder,) = host.check_output("ls -d /root/taskstack-backups/shop/*").splitlines()
    assert host.file(folder).mode == 0o700
    assert "shop" in host.file(f"{folder}/definitions.json").content_string


def test_the_second_stack_is_gone_and_the_first_still_works(host: t.Any, log: str) -> None:
    assert not host.file("/etc/taskstack/shop.env").exists
    assert not host.file("/opt/shop").exists
    states = host.check_output("supervisorctl status")
    assert "shop" not in states
    assert states.count("RUNNING") == 4
    assert "shop" not in host.check_output("rabbitmqctl list_vhosts") + host.check_output("rabbitmqctl list_users")

"""What a host has already: packages, ports, and whose RabbitMQ and supervisord it is."""

from __future__ import annotations

import os
import pathlib
import pwd
import shutil
import subprocess

from ansible_collections.taskstack.celery.plugins.module_utils._host import facts
from ansible_collections.taskstack.celery.plugins.modules import host_facts

STATUS = """Package: logrotate
Status: install ok installed
Description: rotates
 Package: not this

Package: supervisor
Status: deinstall ok config-files
"""
TCP = """  sl  local_address rem_address   st tx_queue
   0: 0100007F:1628 00000000:0000 0A 00000000:00000000
   1: 0100007F:0050 00000000:0000 01 00000000:00000000
"""


def test_only_installed_packages_count() -> None:
    assert facts.packages(STATUS) == ["logrotate"]


def test_only_sockets_that_listen_count() -> None:
    assert facts.listening([TCP, ""]) == {5672}


def test_a_rabbitmq_is_ours_when_its_configuration_says_so() -> None:
    assert facts.owner(False, {}) == "absent"
    assert facts.owner(True, {"/etc/rabbitmq/rabbitmq.conf": "listeners.tcp.default = 5672"}) == "foreign"
    assert facts.owner(True, {"/etc/rabbitmq/rabbitmq.conf": "# taskstack.celery\n"}) == "ours"


def test_programs_of_others_are_named() -> None:
    files = {"/etc/supervisor/conf.d/web.conf": "[program:web]", "/etc/supervisor/conf.d/s.conf": "; taskstack.celery"}
    assert facts.strangers(files) == ["/etc/supervisor/conf.d/web.conf"]


def test_plugins_are_named_without_version_and_whatever_else_lies_there_is_left_out() -> None:
    files = ["rabbitmq_mqtt-3.10.8", "rabbitmq_web_mqtt-4.0.5.ez", "accept-0.3.5", "my_plugin.ez", "README"]
    assert facts.plugins(files) == ["accept", "my_plugin", "rabbitmq_mqtt", "rabbitmq_web_mqtt"]


def test_a_running_broker_says_with_which_configuration_it_was_started() -> None:
    environ = b"HOME=/var/lib/rabbitmq\0TASKSTACK_CONFIGURATION=abc\0A_TASKSTACK_CONFIGURATION=x\0"
    assert facts.configurations(environ + environ) == ["abc"]
    assert facts.configurations(b"") == []


def test_a_process_counts_by_its_name_and_account_and_says_how_it_was_started(tmp_path: pathlib.Path) -> None:
    me, program = pwd.getpwuid(os.geteuid()).pw_name, tmp_path / "beamtest"
    shutil.copy("/bin/cat", program)
    assert host_facts.brokers(me, "beamtest") == (False, [])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([program], env={"TASKSTACK_CONFIGURATION": "abc"}, bufsize=0, **pipes) as process:
        try:
            # The kernel renames a process after Popen has returned: what answers has its name.
            assert process.stdin and process.stdout and process.stdin.write(b"?")
            assert process.stdout.read(1) == b"?"
            # Only root asks for more than names.
            assert host_facts.brokers(me, "beamtest") == (True, ["abc"] if os.geteuid() == 0 else [])
            assert host_facts.brokers("nobody", "beamtest") == (False, [])
            assert host_facts.brokers("nobody-has-this-name", "beamtest") == (False, [])
        finally:
            process.kill()


def test_names_and_addresses_are_found_or_not() -> None:
    names = ["127.0.0.1", "::1", "localhost", "no-such-host.invalid", "a" * 70]
    assert [name for name in names if not host_facts.resolves(name)] == ["no-such-host.invalid", "a" * 70]


def test_what_the_last_deployment_described_is_read_without_its_passwords() -> None:
    files = {
        "/etc/taskstack/shop.json": '{"user": "shop", "beat": "a", "processes": ["shop-mail"], "broker": "pa55"}',
        "/etc/taskstack/shop.beat.json": "[]",
        "/etc/taskstack/broken.json": "{",
    }
    assert facts.stacks(files) == {"shop": {"user": "shop", "beat": "a", "processes": 1}}

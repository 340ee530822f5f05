"""What a host has already: packages, ports, and whose RabbitMQ and supervisord it is."""

from __future__ import annotations

from ansible_collections.taskstack.celery.plugins.module_utils import _host

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
    assert _host.packages(STATUS) == ["logrotate"]


def test_only_sockets_that_listen_count() -> None:
    assert _host.listening([TCP, ""]) == {5672}


def test_a_rabbitmq_is_ours_when_its_configuration_says_so() -> None:
    assert _host.owner(False, {}) == "absent"
    assert _host.owner(True, {"/etc/rabbitmq/rabbitmq.conf": "listeners.tcp.default = 5672"}) == "foreign"
    assert _host.owner(True, {"/etc/rabbitmq/rabbitmq.conf": "# taskstack.celery\n"}) == "ours"


def test_programs_of_others_are_named() -> None:
    files = {"/etc/supervisor/conf.d/web.conf": "[program:web]", "/etc/supervisor/conf.d/s.conf": "; taskstack.celery"}
    assert _host.strangers(files) == ["/etc/supervisor/conf.d/web.conf"]

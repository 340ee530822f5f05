# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the launcher starts verifies the broker, with a library for AMQP that verifies nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from tests.unit.recorder import tls_server

FILES = Path(__file__).resolve().parents[3] / "roles" / "application" / "files"
LIBRARY = """
import socket, ssl

class SSLTransport(object):
    def __init__(self, host, port):
        self.host, self.port = host, port

    def connect(self, **options):
        sock = self._wrap_socket(socket.create_connection((self.host, self.port)), **options)
        sock.do_handshake()
        sock.sendall(b"AMQP")

    def _wrap_socket(self, sock, context=None, **options):
        return ssl._create_unverified_context().wrap_socket(sock, do_handshake_on_connect=False)
"""
CONNECT = "import sys, amqp.transport; amqp.transport.SSLTransport('127.0.0.1', int(sys.argv[1])).connect()"


@pytest.fixture
def connect(tmp_path: Path) -> t.Callable[..., str]:
    """Runs Python as the launcher does, and connects; what it prints."""
    (tmp_path / "library/amqp").mkdir(parents=True)
    (tmp_path / "library/amqp/__init__.py").touch()
    (tmp_path / "library/amqp/transport.py").write_text(LIBRARY)

    def run(port: int, code: str = CONNECT, **environment: t.Any) -> str:
        path = os.pathsep.join(map(str, [FILES / "tls", FILES, tmp_path / "library"]))
        variables = {**os.environ, "PYTHONPATH": path, **{name: str(value) for name, value in environment.items()}}
        command = [sys.executable, "-B", "-c", code, str(port)]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tls_server.certificate(tmp_path_factory.mktemp("ours"), "DNS:mq1,DNS:mq2")


def test_the_broker_is_spoken_to_when_authority_and_name_are_right(connect: t.Any, broker: Path) -> None:
    with tls_server.served(broker) as (port, heard):
        said = connect(port, TASKSTACK_TLS_NAMES="127.0.0.1=mq2", TASKSTACK_TLS_CA=broker.parent / "ca.pem")
    assert (said, heard) == ("", [b"AMQP"])


def test_a_certificate_for_another_name_is_refused(connect: t.Any, broker: Path) -> None:
    with tls_server.served(broker) as (port, heard):
        said = connect(port, TASKSTACK_TLS_NAMES="127.0.0.1=mq3", TASKSTACK_TLS_CA=broker.parent / "ca.pem")
    assert "certificate is not valid for 'mq3'" in said and heard == []


def test_a_certificate_of_another_authority_is_refused(connect: t.Any, broker: Path, tmp_path: Path) -> None:
    other = tls_server.certificate(tmp_path, "DNS:mq1")
    with tls_server.served(other) as (port, heard):
        said = connect(port, TASKSTACK_TLS_NAMES="127.0.0.1=mq1", TASKSTACK_TLS_CA=broker.parent / "ca.pem")
    assert "certificate verify failed" in said and heard == []


def test_without_an_authority_of_its_own_that_of_the_system_counts(connect: t.Any, broker: Path) -> None:
    with tls_server.served(broker) as (port, heard):
        assert "certificate verify failed" in connect(port, TASKSTACK_TLS_NAMES="127.0.0.1=mq1")
    assert heard == []


def test_connections_to_other_hosts_are_left_alone(connect: t.Any, broker: Path) -> None:
    with tls_server.served(broker) as (port, heard):
        said = connect(port, TASKSTACK_TLS_NAMES="mq1=mq1", TASKSTACK_TLS_CA=broker.parent / "ca.pem")
    assert (said, heard) == ("", [b"AMQP"])


def test_an_application_can_ask_for_it_in_its_settings(connect: t.Any, broker: Path) -> None:
    told = {"TASKSTACK_TLS_NAMES": "127.0.0.1=mq3", "TASKSTACK_TLS_CA": str(broker.parent / "ca.pem")}
    with tls_server.served(broker) as (port, heard):
        said = connect(port, f"import taskstack_tls; taskstack_tls.install({told}); {CONNECT}")
    assert "certificate is not valid for 'mq3'" in said and heard == []


def test_the_library_is_not_imported_before_somebody_wants_it(connect: t.Any) -> None:
    said = connect(0, "import sys; print({'amqp', 'ssl', 'socket'} & set(sys.modules))", TASKSTACK_TLS_NAMES="a=a")
    assert said.strip() == "set()"


def test_the_module_that_customizes_python_here_is_still_imported(connect: t.Any, tmp_path: Path) -> None:
    (tmp_path / "library/sitecustomize.py").write_text("print('theirs')")
    assert connect(0, "print('program')", TASKSTACK_TLS_NAMES="a=a") == "theirs\nprogram\n"


def test_nothing_starts_where_it_cannot_be_told_what_to_verify(connect: t.Any) -> None:
    said = connect(0, "print('program')", TASKSTACK_TLS_NAMES="mq1")
    assert "Cannot verify the certificate of the broker" in said and "program" not in said

"""Every Celery's own library for AMQP: no word to a broker with a certificate that is not the right one."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from tests.unit.recorder import tls_server
from tests.versions.test_workers import FILES, VERSIONS, interpreter, packages

CONNECT = """
import sys
from kombu import Connection
try:
    Connection("amqps://shop:secret@127.0.0.1:" + sys.argv[1] + "//").connect()
except Exception as exc:
    print(repr(exc))
"""
CASES = [case[:3] for case in VERSIONS]


@pytest.mark.parametrize(("python", "celery", "more"), CASES, ids=[f"python{one[0]}-celery{one[1]}" for one in CASES])
def test_chain_and_name_of_the_brokers_certificate_are_verified(
    python: str, celery: str, more: list[str], tmp_path: Path
) -> None:
    ours, theirs = (tls_server.certificate(tmp_path / folder, "DNS:mq1") for folder in ("ours", "theirs"))
    installed = packages(interpreter(python), f"{python}-{celery}", [f"celery=={celery}", *more])
    path = os.pathsep.join(map(str, [FILES / "tls", FILES, installed]))

    def said(chain: Path, name: str) -> tuple[str, list[bytes]]:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "TASKSTACK_TLS_NAMES": f"127.0.0.1={name}"}
        environment.update(TASKSTACK_TLS_CA=str(tmp_path / "ours/ca.pem"), PYTHONDONTWRITEBYTECODE="1")
        with tls_server.served(chain) as (port, heard):
            command = [interpreter(python), "-c", CONNECT, str(port)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            return done.stdout + done.stderr, t.cast("list[bytes]", heard)

    assert set(said(ours, "mq1")[1]) == {b"AMQP"}
    for chain, name, reason in ((theirs, "mq1", "CERTIFICATE_VERIFY_FAILED"), (ours, "mq2", "mq2")):
        answer, heard = said(chain, name)
        assert heard == [] and reason in answer

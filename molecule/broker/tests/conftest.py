"""What the tests of this scenario do to hosts: play again with other variables, and log in as an AMQP client."""

from __future__ import annotations

import json
import os
import pathlib
import re
import socket
import ssl
import subprocess

import pytest
import testinfra

SCENARIO = pathlib.Path(__file__).parent.parent
MODULE = "taskstack.celery.rabbitmq_definitions"
BROKERS = ("ts-broker-bookworm", "ts-broker-trixie")


class Result:
    """What a playbook said and did."""

    def __init__(self, process: subprocess.CompletedProcess) -> None:
        self.code, self.output = process.returncode, process.stdout
        rows = re.findall(r"^(\S+) +: ok=\d+ +changed=(\d+) +unreachable=\d+ +failed=(\d+)", self.output, re.MULTILINE)
        self.changes = {host: int(changed) for host, changed, _failed in rows if host != "localhost"}
        self.failed = {host for host, _changed, failed in rows if int(failed)}
        # Long messages are wrapped.
        self.text = " ".join(self.output.split())


@pytest.fixture(scope="session")
def play():
    """Run the scenario's playbook again, on one host or on a group."""

    def run(target, *arguments, **variables) -> Result:
        command = ["ansible-playbook", "-i", SCENARIO / "inventory", SCENARIO / "converge.yml"]
        command += ["-e", f"target={target}", "--limit", f"{target},localhost"]
        process = subprocess.run(
            [*command, "-e", json.dumps(variables), *arguments],
            env={**os.environ, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Result(process)

    return run


@pytest.fixture(scope="session")
def brokers():
    """The hosts with a broker, by name."""
    return {name: testinfra.get_host(f"docker://{name}") for name in BROKERS}


@pytest.fixture(scope="session")
def pids(brokers):
    """The process of each broker at the moment.

    The tools are Erlang too, and once a minute a broker starts one that looks after the port mapper: all are younger.
    """

    def look() -> dict[str, str]:
        return {name: host.check_output("pgrep --exact --oldest beam.smp") for name, host in brokers.items()}

    return look


@pytest.fixture(scope="session")
def tasks(tmp_path_factory):
    """Run the module rabbitmq_definitions alone, several times in a row; what it returned each time, by host."""

    def run(*calls, check=()) -> dict:
        login = {"management_user": "admin", "management_password": "admin-pa55word"}
        steps = [
            {MODULE: {**login, **options}, "check_mode": number in check, "ignore_errors": True}
            for number, options in enumerate(calls)
        ]
        file = tmp_path_factory.mktemp("tasks") / "play.yml"
        file.write_text(json.dumps([{"hosts": "brokers", "gather_facts": False, "tasks": steps}]))
        process = subprocess.run(
            ["ansible-playbook", "-i", SCENARIO / "inventory", file],
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"},
            capture_output=True,
            text=True,
            check=False,
        )
        done = json.loads(process.stdout)["plays"][0]["tasks"]
        return {name: [task["hosts"][name] for task in done] for name in BROKERS}

    return run


@pytest.fixture(scope="session")
def address():
    """The address of a host as other machines see it."""

    def look(host) -> str:
        template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return subprocess.run(
            ["docker", "inspect", "--format", template, host], capture_output=True, text=True, check=True
        ).stdout.strip()

    return look


@pytest.fixture(scope="session")
def authority() -> str:
    """The certificate authority that signed the brokers' certificates."""
    return os.path.join(os.environ.get("MOLECULE_EPHEMERAL_DIRECTORY") or "/tmp", "certificates", "ca.pem")


@pytest.fixture(scope="session")
def log_in():
    """Whether an AMQP broker takes a login: the first steps of the protocol, without a library."""

    def attempt(host, user, password, port=5672, context: ssl.SSLContext | None = None) -> bool:
        with socket.create_connection((host, port), timeout=20) as plain:
            connection = context.wrap_socket(plain, server_hostname="localhost") if context else plain
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            assert connection.recv(4096)[0] == 1
            response = b"\x00" + user.encode() + b"\x00" + password.encode()
            # Class connection, method start-ok: properties, mechanism, response, locale.
            body = b"\x00\x0a\x00\x0b" + b"\x00\x00\x00\x00" + b"\x05PLAIN"
            body += len(response).to_bytes(4, "big") + response + b"\x05en_US"
            connection.sendall(b"\x01\x00\x00" + len(body).to_bytes(4, "big") + body + b"\xce")
            try:
                answer = connection.recv(4096)
            except ConnectionResetError:
                return False
            # Method 30 is tune: the login was taken.
            return answer[7:11] == b"\x00\x0a\x00\x1e"

    return attempt

"""A broker whose certificate is not the right one: nothing of the stack speaks to it."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import typing as t

import pytest

testinfra_hosts = ["docker://ts-systemd-stack"]
HERE = "/etc/rabbitmq/tls"
SCRIPT = pathlib.Path(__file__).parents[2] / "broker" / "files" / "certificates.sh"
#: What starts, and speaks to the broker at once.
PROGRAMS = {
    "worker": "worker -n probe@here -Q probe",
    "beat": "beat --pidfile= --schedule=/tmp/probe.schedule --scheduler=taskstack_beat:Scheduler",
    "flower": "flower --port=5556",
    "command": "inspect ping",
    "publisher": "--run python -m taskstack_recorder.publisher",
}
SCHEDULE = "TASKSTACK_BEAT_SCHEDULE=/etc/taskstack/sample.beat.json"
JOB = json.dumps(
    {"app": "sample_app", "directory": "/tmp", "batch": "a", "recover": False, "force": False}
    | {name: [] for name in ("nodes", "count", "send")}
)


#: A web server, which has nothing of ours but the block in its settings.
WEB = """/opt/sample/venv/bin/python -c "
exec(open('/etc/web_settings.py').read())
import kombu
kombu.Connection(BROKER_URL).connect()
print('connected')
" """


def renew(stack: t.Any) -> None:
    stack.host.check_output("rabbitmqctl -q eval 'ssl:clear_pem_cache().'")


@pytest.fixture(params=["of another authority", "of the right authority for another name"])
def impostor(request: t.Any, stack: t.Any, tmp_path: pathlib.Path) -> t.Iterator[str]:
    """The broker with a certificate that is not its own, for new connections; what is said of it."""
    names, folder = "DNS:ts-systemd-stack,IP:127.0.0.1", tmp_path
    if request.param != "of another authority":
        names, folder = "DNS:elsewhere", pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "certificates")
    subprocess.run(["sh", SCRIPT, folder, "impostor", names], check=True)
    stack.host.check_output(f"cp -a {HERE} {HERE}.kept")
    for name, file in (("certificate", "impostor.pem"), ("key", "impostor.key")):
        subprocess.run(["docker", "cp", "-q", folder / file, f"{stack.name}:{HERE}/{name}.pem"], check=True)
    stack.host.check_output(f"chown -R rabbitmq {HERE}")
    renew(stack)
    yield "certificate verify failed"
    stack.host.run("pkill -f '[t]imeout 60 celery-sample'")
    stack.host.check_output(f"rm -r {HERE} && mv {HERE}.kept {HERE}")
    renew(stack)


def test_a_certificate_that_is_not_the_brokers_is_refused_by_all_that_speak_to_it(stack: t.Any, impostor: str) -> None:
    for name, arguments in PROGRAMS.items():
        run = f"echo '{JOB}' | {SCHEDULE} timeout 60 celery-sample {arguments} >/tmp/probe-{name} 2>&1 &"
        stack.host.check_output("sh -c %s", run)
    assert impostor in stack.host.run("sh -c %s", WEB).stderr
    for name in PROGRAMS:
        log = stack.host.file(f"/tmp/probe-{name}")
        stack.wait_for(f"refusal by {name}", lambda log=log: impostor in log.content_string)
    said = " ".join(stack.play(playbook="playbooks/status.yml").stdout.split())
    assert "Give the broker's certificate authority as ca_file, and the name in its certificate" in said


def test_a_certificate_that_is_the_brokers_is_accepted_with_its_name_in_the_inventory(stack: t.Any) -> None:
    environment = stack.host.check_output("cat /etc/taskstack/sample.env")
    assert "TASKSTACK_TLS_NAMES='127.0.0.1=ts-systemd-stack'" in environment and "SSL_CERT_FILE" not in environment
    assert "connected" in stack.host.check_output("sh -c %s", WEB)
    done = stack.host.run("sh -c %s", f"echo '{JOB}' | celery-sample --run python -m taskstack_recorder.publisher")
    assert '["done", true]' in done.stdout, done.stderr
    stack.wait_for("the answers of the workers", lambda: stack.inspect("ping"))

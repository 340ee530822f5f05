"""What backup.yml keeps, restore.yml brings back to an empty broker: definitions, and messages in their order."""

from __future__ import annotations

import json
import os
import pathlib
import random
import signal
import stat
import subprocess
import typing as t

import pytest

pytestmark = pytest.mark.last(1)
testinfra_hosts = ["docker://ts-broker-trixie"]
SCENARIO = pathlib.Path(__file__).absolute().parent.parent
QUEUES = ["kept-classic", "kept-quorum"]
BODIES = [f"message {number}" for number in range(30)]
DATABASE = "/var/lib/rabbitmq/mnesia"
SEED = 20261121
# With the application's login, from the broker's own host.
CLIENT = """
import base64, json, time, urllib.request
LOGIN = "Basic " + base64.b64encode(b"shop:broker-pa55word").decode()
def ask(path, body, method="POST"):
    headers = {"Authorization": LOGIN, "Content-Type": "application/json"}
    data = json.dumps(body).encode()
    request = urllib.request.Request("http://127.0.0.1:15672/api/" + path, data, headers, method=method)
    return json.loads(urllib.request.urlopen(request, timeout=20).read() or "null")
"""
SEND = """
ask("queues/shop/" + QUEUE, {"durable": True, "arguments": {"x-queue-type": QUEUE.partition("-")[2]}}, "PUT")
for body in BODIES:
    message = {"properties": {"delivery_mode": 2}, "routing_key": QUEUE, "payload": body, "payload_encoding": "string"}
    assert ask("exchanges/shop/amq.default/publish", message)["routed"]
"""
TAKE = """
order = {"count": 1000, "ackmode": "ack_requeue_false", "encoding": "auto"}
found, end = [], time.monotonic() + 30
while len(found) < len(BODIES) and time.monotonic() < end:
    found += [message["payload"] for message in ask("queues/shop/" + QUEUE + "/get", order)]
print(json.dumps(found))
"""


@pytest.fixture
def playbook(host: t.Any, tmp_path: pathlib.Path) -> t.Callable[..., subprocess.CompletedProcess[str]]:
    """Run a shipped playbook with this host as the broker."""
    folder = tmp_path / "group"
    folder.mkdir()
    (folder / "hosts.yml").write_text(json.dumps({"rabbitmq": {"hosts": {host.backend.name: None}}}))

    def run(name: str, *options: str, killed_at: str = "", **variables: t.Any) -> subprocess.CompletedProcess[str]:
        """To its end, or until that task begins."""
        command = ["ansible-playbook", "-i", folder, "-i", SCENARIO / "inventory", *options]
        command += [SCENARIO.parents[1] / "playbooks" / name, "-e", json.dumps(variables)]
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "NO_COLOR": "1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
        with subprocess.Popen(command, env=environment, **pipes) as process:
            said = ""
            for line in process.stdout or []:
                said += line
                if killed_at and line.startswith(f"TASK [{killed_at}]"):
                    os.killpg(process.pid, signal.SIGKILL)
                    break
            said += process.communicate()[0]
        return subprocess.CompletedProcess(command, process.returncode, said, "")

    return run


def client(host: t.Any, queue: str, code: str) -> str:
    """Send or take messages."""
    program = f"{CLIENT}\nQUEUE, BODIES = {queue!r}, {BODIES!r}\n{code}"
    done = subprocess.run(
        ["docker", "exec", "--interactive", host.backend.name, "python3", "-"],
        input=program,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def definitions(host: t.Any) -> dict[str, t.Any]:
    """What the broker itself exports, in any order."""
    found = json.loads(host.check_output("LC_ALL=C.UTF-8 rabbitmqctl --quiet export_definitions -"))
    return {
        kind: sorted(json.dumps(item, sort_keys=True) for item in items)
        for kind, items in found.items()
        if isinstance(items, list)
    }


def test_an_empty_broker_gives_the_same_answers_after_a_restore(
    host: t.Any, play: t.Any, pids: t.Any, playbook: t.Any, tmp_path: pathlib.Path
) -> None:
    name, kept = host.backend.name, tmp_path / "kept"
    for queue in QUEUES:
        client(host, queue, SEND)
    before, pid = definitions(host), pids()

    refused = playbook("backup.yml", backup_messages=True, backup_directory=str(kept))
    assert refused.returncode != 0 and "run again with -e confirm=yes" in " ".join(refused.stdout.lower().split())
    predicted = playbook("backup.yml", "--check", backup_messages=True, backup_directory=str(kept))
    assert predicted.returncode == 0 and "would be saved in" in " ".join(predicted.stdout.split())
    assert pids() == pid and not kept.exists()
    # Killed when the node has stopped, and run again.
    wanted = {"backup_messages": True, "confirm": "yes", "backup_directory": str(kept)}
    assert playbook("backup.yml", killed_at="Copy its database", **wanted).returncode == -signal.SIGKILL
    # Killed when the copy is there: nobody else reads it.
    assert playbook("backup.yml", killed_at="List the pieces", **wanted).returncode == -signal.SIGKILL
    assert host.run("ls /var/lib/taskstack/.backup").stdout.split() == ["part.00000"]
    assert host.run("runuser -u nobody -- ls /var/lib/taskstack/.backup").rc != 0
    assert host.run("find /var/lib/rabbitmq -name '*taskstack*'").stdout == ""
    done = playbook("backup.yml", **wanted)
    assert done.returncode == 0, done.stdout[-4000:]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700 and len(list(kept.iterdir())) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept.iterdir()} == {0o600}
    assert host.run("ls -A /var/lib/rabbitmq /var/lib/taskstack | grep -E 'taskstack|backup'").stdout.split() == [
        "/var/lib/taskstack:"
    ]

    host.check_output(f"systemctl stop rabbitmq-server && rm -rf {DATABASE}")
    done = play(name, rabbitmq_objects={})
    assert done.code == 0, done.output[-4000:]
    empty = definitions(host)
    assert empty["queues"] == [] != before["queues"]

    predicted = playbook("restore.yml", "--check", backup_directory=str(kept))
    assert "kept-classic" in predicted.stdout and definitions(host) == empty
    done = playbook("restore.yml", backup_directory=str(kept))
    assert done.returncode == 0, done.stdout[-4000:]
    assert definitions(host) == before
    again = playbook("restore.yml", backup_directory=str(kept))
    assert "changed=0" in again.stdout, again.stdout[-4000:]

    refused = playbook("restore.yml", restore_messages=True, backup_directory=str(kept))
    assert refused.returncode != 0 and "would be replaced" in " ".join(refused.stdout.split())
    pid = pids()
    predicted = playbook("restore.yml", "--check", restore_messages=True, backup_directory=str(kept))
    assert predicted.returncode == 0 and "would be replaced by that in" in " ".join(predicted.stdout.split())
    assert pids() == pid
    # Killed before or after the node has stopped, and run again.
    moment = random.Random(SEED).choice(["Stop the node", "Replace its database", "Start the node"])
    wanted = {"restore_messages": True, "confirm": "yes", "backup_directory": str(kept)}
    assert playbook("restore.yml", killed_at=moment, **wanted).returncode == -signal.SIGKILL
    done = playbook("restore.yml", **wanted)
    assert done.returncode == 0, done.stdout[-4000:]
    assert definitions(host) == before
    assert {queue: json.loads(client(host, queue, TAKE)) for queue in QUEUES} == dict.fromkeys(QUEUES, BODIES)
    done = play(name)
    assert done.code == 0, done.output[-4000:]

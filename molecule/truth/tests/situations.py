"""Situations in which nothing is wrong, however odd they look."""

from __future__ import annotations

import json
import os
import subprocess
import time
import typing as t
from dataclasses import dataclass

from faults import RECORDER, RESTORE, Step, both, edit, on
from looks import AREAS, MQ, ROOT, W1, W2, Look, inside, send


@dataclass(frozen=True)
class Situation:
    """``proof`` says that the situation was there when status looked."""

    begin: Step
    end: Step
    proof: t.Callable[[Look], t.Any] = lambda _seen: True
    areas: tuple[str, ...] = AREAS


def nothing() -> None:
    """Do nothing."""


def play(playbook: str, **variables: t.Any) -> subprocess.Popen[str]:
    """A shipped playbook for the second worker host, begun."""
    command = ["ansible-playbook", ROOT / "playbooks" / playbook, "--inventory", ROOT / "molecule/truth/inventory"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    pipes: dict[str, t.Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    command += ["--limit", W2, "--extra-vars", json.dumps(variables)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes)


def ended(process: subprocess.Popen[str]) -> None:
    """Wait for a playbook, which must succeed."""
    output = process.communicate()[0]
    assert process.returncode == 0, output


def states(seen: Look) -> dict[str, str]:
    """The workers of the whole."""
    return {worker["node"]: worker["state"] for worker in seen.together["workers"]}


def waiting(seen: Look) -> int:
    """How many tasks wait."""
    return sum(queue["waiting"] for queue in seen.together["queues"])


def begun(host: str, node: str) -> None:
    """Wait until a worker has taken a task."""
    inside(host, f"for i in $(seq 100); do grep -l {node} {RECORDER}/open/* 2>/dev/null && break; sleep 0.1; done")


def drain() -> None:
    """Ask the second host to drain while its worker has a task, and wait until it stops."""
    send("slow", "mail", 45, count=4)
    DRAINS.append(play("drain.yml"))
    inside(W2, "for i in $(seq 200); do systemctl is-active sample-mail | grep deact && break; sleep 0.1; done")


DRAINS: list[subprocess.Popen[str]] = []


def drained_at_last() -> None:
    """The drain has ended; take the host back into service."""
    ended(DRAINS.pop())
    ended(play("site.yml"))


SITUATIONS: dict[str, Situation] = {
    "nothing happens": Situation(nothing, nothing, lambda seen: waiting(seen) == 0),
    "a solo worker is busy": Situation(
        both(lambda: send("slow", "lone", 20), lambda: begun(W1, "lone")),
        # It answers when its task is over.
        on(W1, f"for i in $(seq 60); do celery-sample inspect -t 1 -d lone@{W1} ping >/dev/null 2>&1 && break; done"),
        lambda seen: states(seen)[f"lone@{W1}"] == "busy",
    ),
    "a long task, and others wait behind it": Situation(
        both(lambda: send("slow", "mail", 6, count=24), lambda: time.sleep(1)),
        both(
            on(MQ, "rabbitmqctl -q purge_queue -p sample mail </dev/null"),
            *(on(host, "celery-sample purge -f -Q mail >/dev/null 2>&1; true") for host in (W1,)),
        ),
        lambda seen: any(worker["active"] for worker in seen.together["workers"]),
    ),
    "workers have just been restarted and tasks wait": Situation(
        both(
            on(W1, "supervisorctl stop sample-lone"),
            lambda: send("slow", "lone", 1, count=6),
            on(
                W1,
                "supervisorctl start sample-lone; for i in $(seq 100); do "
                "supervisorctl status sample-lone | grep -q RUNNING && break; sleep 0.1; done; sleep 4",
            ),
        ),
        lambda: time.sleep(5),
    ),
    "the statistics do not know a new queue yet": Situation(
        both(
            lambda: inside(W1, f"celery-sample control --destination mail@{W1} add_consumer fresh"),
            lambda: send("slow", "fresh", 2, count=12),
        ),
        both(
            on(W1, f"celery-sample control --destination mail@{W1} cancel_consumer fresh"),
            on(MQ, "rabbitmqctl -q delete_queue -p sample fresh </dev/null"),
        ),
        lambda seen: any(queue["name"] == "fresh" for queue in seen.together["queues"]),
    ),
    "a host was drained for maintenance": Situation(
        lambda: ended(play("drain.yml")),
        lambda: ended(play("site.yml")),
        lambda seen: states(seen)[f"mail@{W2}"] == "stopped",
    ),
    "a host is being drained and its worker finishes a task": Situation(
        drain,
        drained_at_last,
        # It has left the broker already, and its process works on.
        lambda seen: f"mail@{W2}" in seen.hosts[W2]["seen"][0]["processes"],
    ),
    "no beat is wanted": Situation(
        both(edit("d.update(beat=None)"), on(W1, "supervisorctl stop sample-beat")),
        both(RESTORE, on(W1, "supervisorctl start sample-beat")),
        lambda seen: seen.together["beat"]["state"] == "unknown",
    ),
    "no Flower is wanted": Situation(
        both(edit("d.update(flower=None)"), on(MQ, "supervisorctl stop sample-flower")),
        both(RESTORE, on(MQ, "supervisorctl start sample-flower")),
        lambda seen: seen.together["flower"]["state"] == "unknown",
    ),
    "another application has a virtual host with waiting tasks": Situation(
        both(
            on(
                MQ,
                "rabbitmqctl -q add_vhost foreign; rabbitmqctl -q set_permissions -p foreign sample '.*' '.*' '.*'",
            ),
            on(
                W1,
                'celery-sample --run python -c "import os, kombu; '
                "url = os.environ['CELERY_BROKER_URL'].rpartition('/')[0] + '/foreign'; "
                "kombu.Connection(url).SimpleQueue('theirs').put('hello')\"",
            ),
        ),
        on(MQ, "rabbitmqctl -q delete_vhost foreign"),
    ),
}

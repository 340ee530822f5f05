"""No task is lost: real workers, a real broker, and everything that can be killed is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
import typing as t
from pathlib import Path

import pytest

testinfra_hosts = ["docker://ts-resubmit-host"]
ROOT = Path(__file__).resolve().parents[3]
INVENTORY = ROOT / "molecule/resubmit/inventory"
RECORDER = "/var/lib/taskstack/chaos/recorder"
SEED = 20
POOLS = ["prefork", "solo", "threads", "gevent", "eventlet"]
#: bench/bench_chaos has more of them.
TASKS, KILLS = int(os.environ.get("CHAOS_TASKS", "2000")), int(os.environ.get("CHAOS_KILLS", "14"))


def ansible(*command: str) -> str:
    """What Ansible prints on the controller; it must succeed."""
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    arguments = [command[0], "-i", str(INVENTORY), *command[1:]]
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


def resubmit(*more: str, **params: t.Any) -> dict[str, t.Any]:
    """The result of the module on the host."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer")
        given = json.dumps({"params": params, "answer": str(answer)})
        ansible("ansible-playbook", str(ROOT / "molecule/resubmit/files/call.yml"), "-e", given, *more)
        return dict(json.loads(answer.read_text()))


@pytest.fixture(autouse=True)
def clean(host: t.Any) -> None:
    """What a test before has left, even a failed one, is none of this one's business; what a worker holds stays."""
    held = 'for file in open/*; do flock -n "$file" rm -f "$file"; done'
    host.run(f"cd {RECORDER} && {{ {held}; rm -f failed/*; }}")


@pytest.fixture
def app(host: t.Any) -> t.Callable[..., str]:
    """Run a program as the application; its output."""

    def run(command: str) -> str:
        return str(host.check_output(f"celery-chaos --run {command}")).strip()

    return run


@pytest.fixture
def scratch(host: t.Any) -> t.Iterator[t.Callable[[str, dict[str, str]], None]]:
    """Start workers by hand, with a recorder, a queue and options each; they are killed afterwards."""

    def start(directory: str, queues: dict[str, str]) -> None:
        host.run("rm -f /tmp/scratch-*")
        for queue, options in queues.items():
            # The broker may still hold the control queue of one that was just killed.
            node = f"scratch-{time.monotonic_ns()}@here"
            told = f"TASKSTACK_RECORDER_DIRECTORY={directory} TASKSTACK_RECORDER_NODE={node}"
            worker = f"worker -n {node} -Q {queue} -l INFO -I taskstack_recorder.recorder {options}"
            # Root's environment does not reach the application by itself.
            command = f"celery-chaos --run env {told} celery -A chaosapp {worker}"
            host.check_output("sh -c %s", f"{command} > /tmp/scratch-{queue} 2>&1 &")
        until(lambda: len(host.run("grep -l ' ready' /tmp/scratch-*").stdout.split()) == len(queues), host)

    yield start
    host.run("pkill -9 -f '[n] scratch-'")


def until(condition: t.Callable[[], t.Any], host: t.Any, seconds: float = 180) -> t.Any:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.3)
    raise AssertionError(host.run("tail -n 30 /tmp/scratch-* /var/log/taskstack/chaos/*.log").stdout)


def wait(host: t.Any, tasks: int = 0) -> None:
    """Until the queue is empty; so many tasks may be in it."""
    host.check_output(f"python3 /opt/chaos/chaos.py wait {tasks}")


def ran(host: t.Any, name: str) -> int:
    """How often a task has run."""
    return str(host.run("cat /var/lib/chaos/ran").stdout).split().count(name)


def send(app: t.Callable[..., str], name: str, seconds: float = 0, task: str = "work", queue: str = "celery") -> None:
    """Queue one task."""
    arguments = (name, seconds) if task == "work" else (name,)
    app(f"python -c \"import chaosapp; chaosapp.{task}.apply_async({arguments}, queue='{queue}')\"")


def test_after_chaos_every_task_has_run_and_a_second_resubmit_finds_nothing(host: t.Any, app: t.Any) -> None:
    host.run("rm -f /var/lib/chaos/ran")
    began = time.monotonic()
    app(f"python chaos.py send {TASKS} {SEED}")
    broken = host.check_output(f"python3 /opt/chaos/chaos.py break {TASKS} {KILLS} {SEED}")
    first = resubmit()
    wait(host, TASKS)
    second = resubmit()
    count = json.loads(host.check_output(f"python3 /opt/chaos/chaos.py count {TASKS} {SEED} /var/lib/chaos/ran"))
    ended = f"{count['doubles']} ran twice, {count['never']} never of {count['sent']}"
    print(f"\nkilled {broken}; {len(first['resubmitted'])} resubmitted, {ended}; {time.monotonic() - began:.0f} s")
    assert count["missing"] == []
    assert (second["resubmitted"], second["changed"]) == ([], False)
    assert json.loads(broken).keys() >= {"worker", "child", "broker"}
    assert first["resubmitted"], "nothing was lost, so this has shown nothing"


def test_killed_at_twenty_moments_the_publisher_loses_nothing_and_repeats_no_more_than_the_one_in_flight(
    host: t.Any, app: t.Any
) -> None:
    app("python manylost.py drain many")
    app("python manylost.py lose 3000 many")
    kills = json.loads(app(f"python manylost.py kill 20 {SEED}"))["kills"]
    arrived = json.loads(app("python manylost.py drain many"))
    print(f"\n{kills} kills, {arrived['all'] - 3000} of 3000 published twice")
    assert arrived["different"] == 3000
    assert arrived["all"] <= 3000 + kills


def test_check_mode_foretells_and_the_report_counts(host: t.Any, app: t.Any, scratch: t.Any) -> None:
    scratch(RECORDER, {"scratch": "-c 1"})
    send(app, "predicted", 60, queue="scratch")
    until(lambda: host.run(f"grep -l predicted {RECORDER}/open/*").rc == 0, host)
    assert resubmit()["found"] == [], "the task is running"
    host.check_output("pkill -9 -f '[n] scratch-'")
    status = " ".join(ansible("ansible", "worker", "-m", "taskstack.celery.status").split())
    assert "1 task(s) are lost" in status and "ansible-playbook -i INVENTORY taskstack.celery.resubmit" in status
    predicted = resubmit("--check")
    assert [task["name"] for task in predicted["resubmitted"]] == ["chaosapp.work"]
    command = ["ansible-playbook", str(ROOT / "playbooks/resubmit.yml"), "-e", "queues=scratch"]
    assert "1 found, 1 would be sent, 0 skipped" in ansible(*command, "--check")
    report = ansible(*command)
    assert "1 found, 1 sent, 0 skipped" in report
    app("python manylost.py drain scratch")


def test_every_pool_keeps_and_forgets_and_what_was_killed_in_it_is_sent_again(
    host: t.Any, app: t.Any, scratch: t.Any
) -> None:
    def kept(name: str, files: str) -> list[str]:
        found = host.run(f"cat {files} | grep -aoE '{name}-({'|'.join(POOLS)})'").stdout
        return sorted(set(found.split()))

    def all_of(name: str) -> list[str]:
        return sorted(f"{name}-{pool}" for pool in POOLS)

    scratch(RECORDER, {pool: f"-P {pool} -c 2" for pool in POOLS})
    app(f"python chaos.py pools {' '.join(POOLS)}")
    until(lambda: kept("bad", f"{RECORDER}/failed/*.FAILURE") == all_of("bad"), host)
    second = f"$(grep -l '\"retries\":1' {RECORDER}/open/*)"
    until(lambda: kept("killed", second) == all_of("killed"), host)
    until(lambda: kept("good", f"{RECORDER}/*/*") == [], host)
    host.check_output("pkill -9 -f '[n] scratch-'")
    sent = resubmit(queues=POOLS)["resubmitted"]
    assert sorted(task["queue"] for task in sent) == sorted(POOLS)
    # With solo it is there twice: Celery sends the acknowledgement after the task, so the broker still has the message.
    assert [json.loads(app(f"python manylost.py drain {pool}"))["different"] for pool in POOLS] == [1] * len(POOLS)
    host.check_output(f"rm $(grep -lE 'bad-({'|'.join(POOLS)})' {RECORDER}/failed/*)")


def test_a_full_or_read_only_disk_never_stops_a_worker_and_is_reported(host: t.Any, app: t.Any, scratch: t.Any) -> None:
    host.check_output("chown chaos /var/lib/tiny && rm -rf /var/lib/tiny/*")
    scratch("/var/lib/tiny/recorder", {"tiny": "-c 1"})
    host.run("dd if=/dev/zero of=/var/lib/tiny/fill bs=1k count=200")
    for number in range(3):
        send(app, f"tiny-{number}", queue="tiny")
    until(lambda: all(ran(host, f"tiny-{number}") for number in range(3)), host)
    assert "No space left on device. Tasks run on" in host.file("/tmp/scratch-tiny").content_string
    sentences = problems(host, "/var/lib/tiny/recorder")
    assert "is full" in sentences
    assert re.search(r"took \d task\(s\) without recording them \(No space left on device\)", sentences)
    host.check_output("pkill -9 -f '[n] scratch-'")
    scratch("/var/lib/fixed", {"fixed": "-c 1"})
    send(app, "read-only", queue="fixed")
    until(lambda: ran(host, "read-only"), host)
    log = host.file("/tmp/scratch-fixed").content_string
    assert "Read-only file system" in log and "Tasks run on" in log
    assert "is read-only" in problems(host, "/var/lib/fixed")


def problems(host: t.Any, directory: str) -> str:
    """What status reports about a recorder's directory."""
    where = "/opt/read/ansible_collections/taskstack/celery/plugins"
    host.check_output(f"rm -rf {where} && mkdir -p {where}")
    subprocess.run(["docker", "cp", "-q", f"{ROOT}/plugins/module_utils", f"ts-resubmit-host:{where}/"], check=True)
    utils = "from ansible_collections.taskstack.celery.plugins.module_utils."
    imports = f"{utils}_recorder import summary; {utils}_status import sentences"
    each = f"sentences.sentence(dict(p, directory='{directory}')) for p in summary.problems('{directory}')"
    code = f"import sys; sys.path.insert(0, '/opt/read'); {imports}; print(*({each}))"
    return str(host.check_output("python3 -c %s", code))


def test_a_message_for_a_queue_that_is_gone_is_reported_and_kept(host: t.Any, app: t.Any, scratch: t.Any) -> None:
    scratch(RECORDER, {"vanishing": "-c 1"})
    send(app, "homeless", 60, queue="vanishing")
    until(lambda: host.run(f"grep -l homeless {RECORDER}/open/*").rc == 0, host)
    host.check_output("pkill -9 -f '[n] scratch-'")
    time.sleep(1)
    app("python manylost.py drain vanishing")
    result = resubmit(queues=["vanishing"])
    assert (result["changed"], len(result["skipped"])) == (False, 1)
    assert result["skipped"][0]["reason"].startswith("no queue takes it")
    assert len(resubmit("--check")["found"]) == 1
    host.check_output(f"rm $(grep -l homeless {RECORDER}/open/*)")


def test_failed_tasks_are_sent_again_only_when_asked_for(host: t.Any, app: t.Any) -> None:
    send(app, "failing-once-more", task="broken")
    until(lambda: host.run(f"grep -l failing-once-more {RECORDER}/failed/*").rc == 0, host)
    assert resubmit()["found"] == []
    assert resubmit(states=["failed"], tasks=["chaosapp.broken"], newer_than=60, limit=1)["changed"]
    wait(host)
    until(lambda: ran(host, "failing-once-more") >= 1, host)


def test_an_unknown_task_is_kept_although_the_worker_throws_it_away(host: t.Any, app: t.Any) -> None:
    app("python -c \"import chaosapp; chaosapp.app.send_task('chaosapp.nobody', queue='celery')\"")
    until(lambda: host.run(f"grep -l chaosapp.nobody {RECORDER}/failed/*.REFUSED").rc == 0, host)
    assert [task["name"] for task in resubmit("--check", states=["refused"])["found"]] == ["chaosapp.nobody"]


def test_a_command_runs_once_and_never_while_its_tasks_wait(host: t.Any, app: t.Any) -> None:
    code = "import chaosapp; [chaosapp.work.delay('by-command', 20) for _ in range(7)]"
    command = {"command": ["python", "-c", code], "command_tasks": ["chaosapp.work"]}
    predicted = resubmit("--check", **command)
    assert (predicted["changed"], predicted["command"]["message"][:22]) == (True, "the command would run:")
    assert resubmit(**command)["command"]["rc"] == 0
    again = resubmit(**command)
    assert (again["changed"], sum(again["command"]["running"].values()) > 0) == (False, True)
    wait(host)


def test_nothing_of_a_finished_message_is_left_and_only_the_owner_may_look(host: t.Any, app: t.Any) -> None:
    send(app, "a-patients-name")
    until(lambda: ran(host, "a-patients-name"), host)
    until(lambda: host.run(f"grep -r a-patients-name {RECORDER}").stdout == "", host)
    assert host.check_output(f"find {RECORDER} -perm /077").strip() == ""

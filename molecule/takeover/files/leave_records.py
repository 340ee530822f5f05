"""On a host of the stack `sample`: leave records of all sorts and a task at work, and note what was there."""

import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time

RECORDER = "/var/lib/taskstack/sample/recorder"
# A queue's only worker is killed with a task in its hands; then it gets one that is at work during the deployment.
LONG = "from sample_app.tasks import slow; print(slow.delay({}).id)"
SHORT = "from sample_app.tasks import add, failing; print(failing.delay().id); [add.delay(1, n) for n in range(20)]"


def shell(command):
    """What a command prints."""
    return subprocess.run(command, shell=True, check=True, stdout=subprocess.PIPE).stdout.decode()


def send(code):
    """The id that the first line of what is printed holds."""
    command = ["/usr/local/bin/celery-sample", "--run", "python", "-c", code]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode().split()[0]


def mains():
    """The main process of each program, by name."""
    lines = [line.split(None, 2) for line in shell("ps -eo pid=,ppid=,args=").splitlines()]
    programs = {pid: (parent, text) for pid, parent, text in lines if "/bin/celery " in text}
    texts = {int(pid): text for pid, (parent, text) in programs.items() if parent not in programs}
    found = {pid: re.search(r" (?:worker -n (\w+)@|(beat|flower) )", text) for pid, text in texts.items()}
    return {match[1] or match[2]: pid for pid, match in found.items() if match}


def until(what, condition):
    """Ask until it is so."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise SystemExit(f"{what} did not happen within a minute")


def begun(task_id):
    """Whether a worker has noted that it runs the task."""
    return "running" in shell("celery-sample inspect active --json 2>/dev/null || true").replace(task_id, "running")


def kept(folder, task_id):
    """Whether a message file of the folder is about the task."""
    return any(task_id.encode() in file.read_bytes() for file in pathlib.Path(RECORDER, folder).glob("*"))


def digest(path):
    """A hash of a file's content."""
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


lost = send(LONG.format(20))
until("The task that gets lost", lambda: begun(lost))
killed = mains()["slow"]
for pid in [killed, *map(int, shell(f"pgrep -P {killed} || true").split())]:
    os.kill(pid, signal.SIGKILL)
until("The worker's restart", lambda: mains().get("slow", killed) != killed and kept("open", lost))
failed = send(SHORT)
until("The failed task's record", lambda: kept("failed", failed))
running = send(LONG.format(40))
until("The task at work", lambda: begun(running))
programs = {file.stem: file.read_text() for file in pathlib.Path("/etc/supervisor/conf.d").glob("sample-*.conf")}
secrets = {path: digest(path) for path in ("/etc/taskstack/sample.env", "/etc/taskstack/sample.flower.cookie")}
ids = {"lost": lost, "failed": failed, "running": running}
before = {"ids": ids, "pids": mains(), "programs": programs, "secrets": secrets}
before["broker"] = shell("pgrep -o beam.smp").strip()
before["history"] = shell(f"cat {RECORDER}/history/*").count("SUCCESS")
pathlib.Path("/root/before.json").write_text(json.dumps(before))

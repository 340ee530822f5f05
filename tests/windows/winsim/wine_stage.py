"""A Linux container with RabbitMQ and one with Wine, and what the tests do with them."""

from __future__ import annotations

import base64
import json
import pathlib
import subprocess
import time
import typing as t
import urllib.request
import uuid

import stage as winsim

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]

BROKER, WINDOWS = "ts-windows-mq", "ts-windows-pc"
PREFIX = "/opt/windows"
STACK = r"C:\ProgramData\taskstack\shop"
SECRET = """p%PATH%!x!^&"|'<>é ü"""
PASSWORD = "a%b!c^d&e\"f|g'h/é"
NODES = [
    {"name": "single", "queues": ["single"]},
    {"name": "threads", "queues": ["threads"], "pool": "threads", "concurrency": 4},
]


def run(*command: str, check: bool = True, stdin: str | None = None) -> str:
    """Output of a command of this machine."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


class Windows:
    """What a test does with the machine that Wine plays, and with the broker behind it."""

    def __init__(self, stage: winsim.Stage, address: str) -> None:
        """Both containers run."""
        self.stage, self.address = stage, address
        # A change of nodes alone needs no other role: each task takes Wine a while.
        self.workers = winsim.Stage(stage.folder, HERE.parent / "wine" / "workers.yml", stage.specs)
        self.resubmit = winsim.Stage(stage.folder, ROOT / "playbooks" / "resubmit.yml", stage.specs)

    def file(self, path: str) -> str:
        """Where a Windows path lies in the container."""
        return f"{PREFIX}/drive_c/{path[3:]}".replace("\\", "/")

    def read(self, path: str) -> str | None:
        """Content of a file, None when there is none."""
        done = subprocess.run(["docker", "exec", WINDOWS, "cat", self.file(path)], capture_output=True, check=False)
        return done.stdout.decode() if done.returncode == 0 else None

    def wait_for(self, path: str, seconds: float = 120) -> str:
        """Content of a file that appears in time."""
        name = self.file(path)
        wait = f"for _ in $(seq {int(seconds * 5)}); do [ -e '{name}' ] && exec cat '{name}'; sleep 0.2; done; exit 1"
        command = ["docker", "exec", WINDOWS, "sh", "-c", wait]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{path} did not appear. {self.logs()}"
        return done.stdout

    def logs(self) -> str:
        """The end of every log."""
        return run("docker", "exec", WINDOWS, "sh", "-c", f"tail -n 15 '{self.file(STACK)}'/log/*.log", check=False)

    def batch(self, process: str, verb: str) -> str:
        """What the batch file of a process answers."""
        batch = rf"{STACK}\bin\celery-shop-{process}.bat"
        return run("docker", "exec", WINDOWS, "wine", "cmd", "/c", batch, verb, check=False)

    def pid(self, process: str) -> str:
        """The process id of a process that runs."""
        answer = self.batch(process, "status")
        assert " running, process " in answer, answer + self.logs()
        return answer.split(" running, process ")[1].split(",")[0]

    def kill(self, process: str) -> None:
        """End a process as a crash does."""
        run("docker", "exec", WINDOWS, "wine", "taskkill", "/F", "/PID", self.pid(process))

    def revive(self, process: str, *words: str) -> None:
        """Trigger until it runs: the first one may come before the Task Scheduler has seen the end of the last run."""
        eventually(lambda: self.scheduler(*words) or "running" in self.batch(process, "status"))

    def scheduler(self, *words: str) -> None:
        """Have the stand-in for the Task Scheduler do something."""
        run("docker", "exec", WINDOWS, "python3", "/opt/winsim/windows_host.py", PREFIX, *words)

    def api(self, path: str, body: t.Any = None, method: str | None = None) -> t.Any:
        """The broker's management API."""
        request = urllib.request.Request(f"http://{self.address}:15672/api/{path}", method=method)
        request.add_header("Authorization", "Basic " + base64.b64encode(b"admin:admin").decode())
        request.add_header("Content-Type", "application/json")
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def status(self) -> dict:
        """What module status says on this Linux machine."""
        url = f"http://{self.address}:15672"
        asked = {"management_url": url, "management_user": "admin", "management_password": "admin", "vhost": "shop"}
        workers = [f"{node['name']}@pc" for node in NODES]
        words = json.dumps({**asked, "workers": workers})
        command = [winsim.BIN / "ansible", "localhost", "-m", "taskstack.celery.status", "-a", words, "-o"]
        environment = self.stage.environment()
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        return json.loads(done.stdout.partition(" => ")[2])

    def send(self, queue: str, task: str, *arguments: t.Any) -> str:
        """Publish a task; its id."""
        number = str(uuid.uuid4())
        properties = {
            "headers": {"lang": "py", "task": f"shop.{task}", "id": number, "root_id": number, "retries": 0},
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "correlation_id": number,
            "delivery_mode": 2,
        }
        payload = json.dumps([arguments, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
        message = {"properties": properties, "routing_key": queue, "payload": payload, "payload_encoding": "string"}
        assert self.api("exchanges/shop/amq.default/publish", message) == {"routed": True}
        return number


def start_broker() -> str:
    """RabbitMQ in a container; its address."""
    run(str(ROOT / "tools/host"), BROKER, "trixie", "host", "no-init")
    script = """
        cat >/definitions.json
        apt-get install -y -q rabbitmq-server </dev/null
        rabbitmq-plugins enable --offline rabbitmq_management
        echo 'load_definitions = /definitions.json' >/etc/rabbitmq/rabbitmq.conf
        export RABBITMQ_PID_FILE=/var/lib/rabbitmq/server.pid
        setsid rabbitmq-server >/var/log/rabbitmq.out 2>&1 </dev/null &
        rabbitmqctl wait --timeout 60 $RABBITMQ_PID_FILE
    """
    everything = dict.fromkeys(("configure", "write", "read"), ".*")
    definitions = {
        "users": [
            {"name": "admin", "password": "admin", "tags": ["administrator"]},
            {"name": "shop", "password": PASSWORD, "tags": []},
        ],
        "vhosts": [{"name": "shop"}],
        "permissions": [{"user": user, "vhost": "shop", **everything} for user in ("admin", "shop")],
    }
    run("docker", "exec", "-i", BROKER, "bash", "-ec", script, stdin=json.dumps(definitions))
    return run("docker", "inspect", "--format", "{{.NetworkSettings.IPAddress}}", BROKER).strip()


def describe(stage: winsim.Stage, address: str) -> None:
    """The inventory."""
    variables = {
        "ansible_become": False,
        "taskstack_name": "shop",
        "taskstack_app": "shop",
        "taskstack_directory": r"C:\shop",
        "taskstack_venv": r"C:\venv",
        "taskstack_supervisor": "windows",
        "taskstack_environment": {"SECRET": SECRET},
        "taskstack_broker_host": address,
        "taskstack_broker_password": PASSWORD,
        "taskstack_monitor_password": "unused",
        "application_packages": ["celery==5.7.0", "flower==2.2.0"],
        "application_files": [{"path": "shop.py", "content": (HERE.parent / "wine" / "shop.py").read_text()}],
        "application_writable_directories": [r"C:\shop\done"],
        "worker_nodes": NODES,
        "worker_stop_timeout": 90,
        "beat_schedule": [{"name": "tick", "task": "shop.work", "seconds": 3, "args": ["tick"], "queue": "threads"}],
        "flower_password": "flower",
        "windows_tasks_interval": 900,
    }
    groups = {name: ["pc"] for name in ("windows", "worker", "beat", "flower")}
    stage.write({"pc": {"winsim_container": WINDOWS, "winsim_prefix": PREFIX}}, groups, variables)


def eventually(question: t.Callable[[], t.Any], seconds: float = 120) -> t.Any:
    """The first answer that is not empty."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.5)
    return answer

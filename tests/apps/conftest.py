"""What the tests of the real applications share. They run after tools/app has deployed one."""

import json
import os
import pathlib
import re
import subprocess
import time
import warnings

import pytest

# Libraries stay, as remove.yml says, such as Erlang and logrotate, and what packages leave behind when they are
# purged: accounts, supervisor's own log.
PACKAGES = re.compile(
    r"(account|group) (rabbitmq|epmd)\b|/etc/(passwd|group|g?shadow|sub[ug]id)-?$|/epmd|erlang|sgml|/xml"
    r"|/etc/ld\.so\.cache|/etc/alternatives|/etc/hosts\.(allow|deny)$|logrotate|/var/log/supervisor|/etc/systemd/system/\w+\.target\.wants"
    r"|/etc/(init\.d|rc\w\.d)/|/var/lib/(ucf|pam)|/var/mail"
)
ASK = """
import urllib.error, urllib.request
try:
    print(urllib.request.urlopen("http://127.0.0.1:8099/", timeout=30).status)
except urllib.error.HTTPError as error:
    print(error.code)
except OSError:
    print(0)
"""


class Stack:
    """One deployed application: its host, and the collection's modules as a person would call them."""

    def __init__(self, name, place=None):
        """`place` is the host's name where several applications share one."""
        self.name = name
        self.container = f"ts-apps-{place or name}"
        self.inventories = ["-i", f"inventories/{name}", "-i", f"tests/apps/{name}/hosts.yml"]
        if place:
            self.inventories += ["-e", f"@tests/apps/{place}/{name}.yml"]

    def sh(self, script, check=True):
        """Run a script as root on the host; what it printed."""
        done = subprocess.run(
            ["docker", "exec", "-i", self.container, "bash", "-euo", "pipefail"],
            input=script,
            text=True,
            capture_output=True,
        )
        assert not check or done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, module, **arguments):
        """Start a module on the worker host."""
        command = ["ansible", "worker", *self.inventories, "-m", f"taskstack.celery.{module}"]
        if arguments:
            command += ["-a", json.dumps(arguments)]
        env = {
            **os.environ,
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_STDOUT_CALLBACK": "minimal",
        }
        return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)

    def call(self, module, **arguments):
        """A module's result."""
        return self.result(self.start(module, **arguments))

    def result(self, process):
        """What a started module returned."""
        out, err = process.communicate(timeout=120)
        # A result that lists what was `skipped` is shown by that word alone.
        if out.rstrip().endswith("| SKIPPED"):
            return {"changed": False}
        assert "=> {" in out, out + err
        return json.loads(out.partition("=> ")[2])

    def resubmitted(self):
        """What `resubmit` sent; asked again when it refuses, since a worker that has just started may not answer."""
        for _ in range(5):
            result = self.call("resubmit")
            if "resubmitted" in result:
                return result["resubmitted"]
            assert "connected, but no answer" in result.get("msg", ""), result
            warnings.warn(result["msg"], stacklevel=2)
        raise AssertionError(result["msg"])

    def play(self, playbook, *options):
        """What a playbook says, on one line."""
        command = ["ansible-playbook", *self.inventories, f"playbooks/{playbook}", *options]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return " ".join(done.stdout.split())

    def status(self):
        """What `status` sees, told which stack is meant where several share the host."""
        return self.call("status", name=self.name)

    def problems(self):
        """The kinds of the problems that `status` sees."""
        return {finding["kind"] for finding in self.status()["findings"]}

    def programs(self):
        """The programs and their states, as supervisord tells them once none is starting."""
        self.wait_until(lambda: "STARTING" not in self.sh("supervisorctl status", check=False), "All programs to start")
        lines = [line.split() for line in self.sh("supervisorctl status", check=False).splitlines()]
        return {line[0]: line[1] for line in lines if len(line) > 1 and line[0].startswith(f"{self.name}-")}

    def wait_until(self, ready, what, seconds=60):
        """Ask until the answer is yes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if ready():
                return
            time.sleep(1)
        tail = self.sh(f"tail -n 40 /var/log/taskstack/{self.name}/*.log", check=False)
        raise AssertionError(f"{what}: not within {seconds} s.\n{tail}")

    def processes(self, user):
        """Command lines of an account's processes, without those of its web pages."""
        lines = self.sh(f"ps -o args= -u {user} || true").splitlines()
        return [line for line in lines if "/srv/web/web.py" not in line]

    def entry(self):
        """What beat says about the periodic task of the inventory."""
        return {row["entry"]: row for row in self.status()["schedule"]}.get("of the inventory")

    def web(self):
        """What the process that stands for the web pages answers when it is to send a task; 0 while it starts."""
        return int(self.sh(f"python3 - <<'END'\n{ASK}END"))

    def restart_web_pages(self):
        """As the application's page says."""
        command = ["tools/page-commands", f"docs/{self.name}.md#Restart the web pages"]
        self.sh(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        self.wait_until(self.web, "The web pages to answer")

    def differences(self):
        """What is another on the host than before the deployment, without what Debian's packages leave behind."""
        lines = self.sh("/root/apps/snapshot | diff /root/apps/before - || true").splitlines()
        return [line for line in lines if line[:1] in "<>" and not PACKAGES.search(line)]

    def stop(self):
        """Stop all programs, as an operator would."""
        self.sh(f"supervisorctl stop {' '.join(self.programs())}")


@pytest.fixture(scope="module")
def stack(request):
    return Stack(request.module.__name__.rpartition("test_")[2])


@pytest.fixture(scope="module")
def stacks():
    """The applications that share the host of app `together`, by name."""
    found = {name: Stack(name, "together") for name in pathlib.Path("tests/apps/together/stacks").read_text().split()}
    # Without pyenv's Python 3.8, tools/app leaves CATMAID out.
    return {name: stack for name, stack in found.items() if stack.sh(f"ls /etc/taskstack/{name}.json || true")}

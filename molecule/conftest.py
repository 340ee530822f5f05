"""A deployed stack, for several scenarios: runs the shipped playbooks again and asks the running programs."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import time
import typing as t

import pytest
import yaml

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())


def pytest_configure(config: pytest.Config) -> None:
    """Say what our marker means."""
    config.addinivalue_line(
        "markers", "last(rank): runs after all tests of a lower rank, for it takes their hosts apart"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a test leaves behind decides when it runs, not its name."""
    items.sort(key=lambda item: mark.args[0] if (mark := item.get_closest_marker("last")) else 0)


def environment() -> dict[str, str]:
    """What a playbook of this repository is run with."""
    found = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    return {**found, "MOLECULE_PROJECT_DIRECTORY": str(ROOT)}


class Stack:
    """The stack `sample` on one host of one scenario."""

    # A test adds its change to those of the tests before it and leaves it there: none has to undo another's.
    changes: t.ClassVar[dict[str, dict[str, t.Any]]] = {}

    def __init__(self, scenario: str, host: t.Any, name: str) -> None:
        """`host` is testinfra's, `name` its name in the inventory."""
        self.folder, self.host, self.name = ROOT / "molecule" / scenario, host, name

    def play(
        self, *arguments: str, playbook: str = "site.yml", inventory: pathlib.Path | None = None, **variables: t.Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a shipped playbook; the variables come on top of the inventory."""
        command = ["ansible-playbook", ROOT / playbook, "--inventory", inventory or self.folder / "inventory"]
        command += [*arguments, "--extra-vars", json.dumps(variables)]
        return subprocess.run(
            command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    def _begin(self, playbook: str, variables: dict[str, t.Any]) -> subprocess.Popen[str]:
        command = ["ansible-playbook", ROOT / playbook, "--inventory", self.folder / "inventory"]
        command += ["--extra-vars", json.dumps(variables)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=ROOT, env=environment(), text=True, start_new_session=True, **pipes)

    def killed(self, playbook: str, task: int, **variables: t.Any) -> bool:
        """Kill a playbook, and all it started here, when its n-th task starts; whether that happened."""
        process = self._begin(playbook, variables)
        assert process.stdout
        while task > 0 and (line := process.stdout.readline()):
            task -= line.startswith("TASK [")
        if task == 0:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def changed(self, *arguments: str, **more: t.Any) -> int:
        """How many tasks of a playbook changed something; it must succeed."""
        done = self.play(*arguments, **more)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        return sum(map(int, re.findall(r"changed=(\d+)", done.stdout)))

    def changing(self, *arguments: str, **more: t.Any) -> set[str]:
        """The names of the tasks of a playbook that changed something; it must succeed."""
        done = self.play(*arguments, **more)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        blocks = re.split(r"^TASK \[(?:.* : )?(.*)\] \*+$", done.stdout, flags=re.MULTILINE)
        return {name for name, text in zip(blocks[1::2], blocks[2::2]) if re.search("^changed: ", text, re.MULTILINE)}

    def change(self, *arguments: str, **variables: t.Any) -> set[str]:
        """Deploy with a change on top of earlier ones; which processes are others than before, or new, or gone."""
        before, changes = self.pids(), self.changes.setdefault(self.name, {})
        changes.update(variables)
        self.changed(*arguments, **changes)
        after = self.pids()
        return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}

    def pids(self) -> dict[str, int]:
        """The main process of each program of the stack, by what it is: a node's name, beat or flower."""
        lines = [line.split(None, 2) for line in self.host.check_output("ps -eo pid=,ppid=,args=").splitlines()]
        programs = {pid: (parent, text) for pid, parent, text in lines if "/bin/celery " in text}
        # The pool's processes have the same arguments as their parent.
        mains = {int(pid): text for pid, (parent, text) in programs.items() if parent not in programs}
        found = {pid: re.search(r" (?:worker -n (\w+)@|(beat|flower) )", text) for pid, text in mains.items()}
        return {str(match[1] or match[2]): pid for pid, match in found.items() if match}

    def secrets(self) -> dict[str, str]:
        """The real passwords of this deployment."""
        files = {file.name: file.read_text().split()[0] for file in (self.folder / ".secrets").iterdir()}
        conf = self.host.check_output("cat /etc/taskstack/sample.flower.cookie").strip()
        return {**files, "cookie": conf}

    def secret(self, name: str) -> str:
        """One of the passwords, also where the stack is not deployed."""
        return (self.folder / ".secrets" / name).read_text().split()[0]

    @staticmethod
    def here(command: str) -> str:
        """What a command prints on the controller."""
        return subprocess.run(command, shell=True, capture_output=True, text=True, check=False).stdout

    def python(self, code: str) -> str:
        """What code prints that runs as the application."""
        done = self.host.run("celery-sample --run python -c %s", code)
        assert done.rc == 0, done.stderr
        return str(done.stdout).strip()

    def begin(self, code: str, file: str) -> None:
        """Run code as the application in the background; its output goes to a file."""
        self.host.check_output("sh -c %s", f"celery-sample --run python -c '{code}' > {file} 2>&1 &")

    def wait_for(self, what: str, condition: t.Callable[[], t.Any], seconds: float = 240) -> t.Any:
        """Ask until it is so; on failure show the ends of the logs."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = condition()
            if answer:
                return answer
            time.sleep(0.3)
        logs = self.host.run("tail -n 25 /var/log/taskstack/sample/*.log").stdout
        raise AssertionError(f"{what} did not happen within {seconds} s.\n{logs}")

    def inspect(self, command: str) -> dict[str, t.Any]:
        """What the workers answer to an inspect command of Celery's; nothing if none answers within five seconds."""
        answer = self.host.run(f"celery-sample inspect --timeout 5 {command} --json").stdout
        found: dict[str, t.Any] = json.loads(answer) if answer.startswith("{") else {}
        return found

    def in_flower(self) -> set[str]:
        """The workers that answer Flower when it asks them again."""
        status, workers = self.flower("/api/workers?refresh=1")
        return set(json.loads(workers)) if status == 200 else set()

    def flower(self, path: str, login: bool = True) -> tuple[int, str]:
        """Status and body of a page of Flower, asked on its own host."""
        user = f"admin:{self.secrets()['flower_password']}" if login else ""
        code = (
            "import sys, urllib.request, base64, urllib.error\n"
            "request = urllib.request.Request('http://127.0.0.1:5555' + sys.argv[1])\n"
            "login = base64.b64encode(sys.stdin.read().encode()).decode()\n"
            "if login: request.add_header('Authorization', 'Basic ' + login)\n"
            "try:\n    answer = urllib.request.urlopen(request, timeout=20)\n"
            "except urllib.error.HTTPError as exc:\n    answer = exc\n"
            "print(answer.code); print(answer.read().decode())\n"
        )
        done = self.host.run("printf %%s %s | python3 -c %s %s", user, code, path)
        assert done.rc == 0, done.stderr
        status, _line, body = str(done.stdout).partition("\n")
        return int(status), body

    def inventory(self, folder: pathlib.Path, change: t.Callable[[dict[str, t.Any]], None]) -> pathlib.Path:
        """A copy of the scenario's inventory with something changed."""
        target = folder / "inventory"
        (target / "group_vars").mkdir(parents=True)
        for file in (self.folder / "inventory" / "group_vars").iterdir():
            (target / "group_vars" / file.name).write_text(file.read_text())
        hosts = yaml.safe_load((self.folder / "inventory" / "hosts.yml").read_text())
        change(hosts["all"])
        (target / "hosts.yml").write_text(yaml.safe_dump(hosts))
        return target


@pytest.fixture(scope="module")
def first_state(request: pytest.FixtureRequest, host: t.Any) -> t.Iterator[None]:
    """After the tests of a file that change the stack: as it was deployed, for those of other files."""
    yield
    if Stack.changes.pop(host.backend.name, None):
        Stack(request.path.parent.parent.name, host, host.backend.name).changed()


@pytest.fixture
def stack(request: pytest.FixtureRequest, host: t.Any) -> Stack:
    """The deployed stack of the scenario that the test belongs to."""
    return Stack(request.path.parent.parent.name, host, host.backend.name)

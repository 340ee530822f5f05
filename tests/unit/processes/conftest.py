"""A supervisor, a clock and logs that behave like real ones, without a host."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._files.read import Digests
from ansible_collections.taskstack.celery.plugins.module_utils._supervision import plan as sv
from ansible_collections.taskstack.celery.plugins.modules import processes as module


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class FakeSupervisor:
    """Keeps programs as supervisord does: what runs is what the file said when it was started.

    ``behaviour`` says of a name how it fares: ``dies`` ends at once, ``mute`` never says that it is ready. What a
    running program may take to stop is the stop_timeout of its text.
    """

    comment = ";"
    gives_group = False

    def __init__(self, clock: FakeClock, logs: pathlib.Path, behaviour: t.Mapping[str, str] | None = None) -> None:
        self.clock, self.logs, self.behaviour = clock, logs, dict(behaviour or {})
        self.files: dict[str, str] = {}
        self.running: dict[str, tuple[int, str]] = {}
        self.failing: set[str] = set()
        self.stopping: dict[str, float] = {}
        self.dies_at: dict[str, float] = {}
        self.boot: set[str] = set()
        self.story: list[str] = []
        self.pids = 0
        self.twin: FakeSupervisor | None = None

    def path(self, name: str) -> str:
        return f"/fake/{name}"

    def found(self, owned: t.Collection[sv.Owner], wanted: t.Collection[str]) -> tuple[dict[str, sv.Found], list[str]]:
        health = self.health(self.files)
        owners = {name: sv.owner_of(text) for name, text in self.files.items()}
        found = {
            name: sv.Found(self.files[name], health[name], name in self.boot)
            for name, o in owners.items()
            if o in owned
        }
        return found, [name for name in wanted if name in self.files and name not in found]

    def health(self, names: t.Collection[str]) -> dict[str, sv.Health]:
        for name, until in list(self.stopping.items()):
            if self.clock.now >= until:
                del self.stopping[name], self.running[name]
                self.story.append(f"{name} ended")
        for name, moment in list(self.dies_at.items()):
            if self.clock.now >= moment and name in self.running:
                del self.dies_at[name], self.running[name]
                self.failing.add(name)
        return {name: self._health(name) for name in names}

    def render(self, process: dict[str, t.Any], head: str) -> str:
        lines = [f"{key}={process[key]}" for key in ("name", "argv", "environment", "log", "state")]
        return head + "\n".join([*lines, f"stopwaitsecs={process['stop_timeout']}", ""])

    def write(self, texts: t.Mapping[str, str], at_boot: t.Collection[str]) -> None:
        for name, text in texts.items():
            assert name not in self.running or self.files.get(name) == text, f"{name} still runs by its old file"
            self.files[name] = text
            (self.boot.add if name in at_boot else self.boot.discard)(name)

    def start(self, names: t.Collection[str]) -> None:
        for name in names:
            assert name not in self.running, f"{name} would run twice"
            assert not self.twin or name not in self.twin.running, f"{name} would run under both supervisors"
            self.failing.discard(name)
            self.story.append(f"{name} started")
            how = self.behaviour.get(name)
            with (self.logs / f"{name}.log").open("a") as log:
                log.write("boom\n" if how == "dies" else "" if how == "mute" else "at work\n")
            if how == "dies":
                self.failing.add(name)
            else:
                self.pids += 1
                self.running[name] = (self.pids, self.files[name])

    def stop(self, names: t.Collection[str]) -> None:
        for name in names:
            self.failing.discard(name)
            if name in self.running:
                self.story.append(f"{name} told to stop")
                self.stopping[name] = self.clock.now + 3

    def settle(self, names: t.Collection[str]) -> None:
        self.failing -= set(names)

    def remove(self, names: t.Collection[str]) -> None:
        for name in names:
            assert name not in self.running, f"{name} lost its supervisor"
            del self.files[name]
            self.boot.discard(name)
            self.story.append(f"{name} removed")

    def empty(self) -> bool:
        return not any(sv.owner_of(text) for text in self.files.values())

    def _health(self, name: str) -> sv.Health:
        if name in self.stopping:
            return sv.Health(sv.STOPPING, self.running[name][0])
        if name in self.running:
            return sv.Health(sv.RUNNING, self.running[name][0])
        if name in self.failing:
            return sv.Health(sv.FAILING, 0, "exit status 1")
        return sv.Health(sv.STOPPED if name in self.files else sv.ABSENT)


class Host:
    """A host with a supervisor, and the module on it."""

    def __init__(self, folder: pathlib.Path, **behaviour: str) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.supervisor = FakeSupervisor(self.clock, folder, behaviour)
        self.other = FakeSupervisor(self.clock, folder, behaviour)
        self.supervisor.twin, self.other.twin = self.other, self.supervisor

    def process(self, name: str, **options: t.Any) -> dict[str, t.Any]:
        defaults = {
            "argv": ["/bin/true"],
            "directory": str(self.folder),
            "user": "root",
            "group": None,
            "environment": {},
            "log": str(self.folder / f"{name}.log"),
            "stop_signal": "TERM",
            "stop_timeout": 10,
            "state": "started",
            "restart_on": [],
            "ready": "at work",
            "broken": None,
        }
        return {"name": name, **defaults, **options}

    def run(
        self,
        *processes: dict[str, t.Any],
        check: bool = False,
        kinds: t.Any = ("worker",),
        changing: t.Any = (),
    ) -> t.Any:
        params = {"application": "shop", "kinds": list(kinds), "watch_seconds": 10}
        params["processes"] = list(processes)
        digests = Digests(changing, check, str(self.folder / "taskstack" / ".key"))
        return module.run(params, (self.supervisor, self.other), digests, self.clock, check)

    def change_supervisor(self) -> None:
        """From now on the other one is asked for."""
        self.supervisor, self.other = self.other, self.supervisor


@pytest.fixture
def host(tmp_path: pathlib.Path) -> Host:
    return Host(tmp_path)


@pytest.fixture(scope="session")
def make_host() -> type[Host]:
    return Host

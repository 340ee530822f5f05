"""Programs that are not Celery under real supervisors: who is started, restarted, stopped and left alone."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import time

import ansible.module_utils
import pytest
import testinfra

ROOT = pathlib.Path(__file__).parents[3]
MODULES = "ansible_collections.taskstack.celery.plugins.modules"


class Machine:
    """A host, and module processes on it, run there just as it is: what Ansible adds to it, converge has shown."""

    def __init__(self, name: str, supervisor: str) -> None:
        self.host, self.name, self.supervisor = testinfra.get_host(f"docker://{name}"), name, supervisor

    def keep(self, *programs: dict, check: bool = False, changing: tuple = ()) -> dict:
        options = {**self.options(*programs), "changing": changing}
        return self.run("processes", {**options, "_ansible_check_mode": check, "_ansible_diff": True})

    def options(self, *programs: dict) -> dict:
        return {"application": "demo", "supervisor": self.supervisor, "watch_seconds": 8, "processes": programs}

    def run(self, module: str, options: dict) -> dict:
        command = ["docker", "exec", "--interactive", "--env", "PYTHONPATH=/root/modules", self.name]
        command += ["python3", "-m", f"{MODULES}.{module}"]
        given = json.dumps({"ANSIBLE_MODULE_ARGS": options})
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def pid(self, name: str) -> int:
        if self.supervisor == "systemd":
            return int(self.host.check_output(f"systemctl show --property=MainPID --value {name}"))
        answer = self.host.run(f"supervisorctl pid {name}").stdout.strip()
        return int(answer) if answer.isdigit() else 0

    def await_end(self, *names: str) -> None:
        deadline = time.monotonic() + 20
        while any(self.pid(name) for name in names):
            assert time.monotonic() < deadline, f"{names} still run"
            time.sleep(0.2)

    def log(self, letter: str) -> str:
        return self.host.run(f"cat /var/log/demo/{letter}.log").stdout


def program(letter: str, *arguments: str, **options: object) -> dict:
    argv = ["/usr/local/bin/demo", letter, *arguments]
    return {
        "name": f"demo-{letter}",
        "argv": argv,
        "user": "www-data",
        "log": f"/var/log/demo/{letter}.log",
        "ready": "at work",
        **options,
    }


BOOKWORM, TRIXIE = ("ts-processes-bookworm", "supervisord"), ("ts-processes-trixie", "systemd")


@pytest.fixture(scope="session", autouse=True)
def modules(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Our modules, and what they need of Ansible, on both machines."""
    folder = tmp_path_factory.mktemp("modules")
    ours = folder / "ansible_collections/taskstack/celery/plugins"
    for part in ("modules", "module_utils"):
        shutil.copytree(ROOT / "plugins" / part, ours / part)
    theirs = pathlib.Path(ansible.module_utils.__path__[0])
    shutil.copytree(theirs, folder / "ansible/module_utils")
    (folder / "ansible/__init__.py").touch()
    for name, _supervisor in (BOOKWORM, TRIXIE):
        subprocess.run(["docker", "cp", f"{folder}/.", f"{name}:/root/modules"], check=True, capture_output=True)


@pytest.fixture(params=[BOOKWORM, TRIXIE], ids=lambda p: p[1])
def machine(request: pytest.FixtureRequest) -> Machine:
    """A machine with the programs a and b."""
    machine = Machine(*request.param)
    result = machine.keep(program("a"), program("b"))
    assert "msg" not in result, result["msg"]
    return machine


def shape(result: dict) -> dict:
    return {key: result[key] for key in ("changed", "started", "restarted", "stopped", "updated", "removed", "diff")}


def test_the_second_run_changes_nothing(machine: Machine) -> None:
    again = machine.keep(program("a"), program("b"))
    assert (again["changed"], again["diff"]) == (False, [])


def test_one_changed_program_is_one_new_pid(machine: Machine) -> None:
    before = {name: machine.pid(name) for name in ("demo-a", "demo-b", "theirs")}
    result = machine.keep(program("a", "more"), program("b"))
    assert result["restarted"] == ["demo-a"]
    after = {name: machine.pid(name) for name in before}
    assert {name for name in before if before[name] != after[name]} == {"demo-a"}
    assert "finished\nat work: a more\n" in machine.log("a")


def test_changed_programs_are_restarted_one_after_another(machine: Machine) -> None:
    machine.host.run("truncate -s 0 /var/log/demo/*.log")
    machine.keep(program("a", environment={"ROUND": str(time.time())}), program("b", environment={"ROUND": "2"}))
    a, b = machine.host.check_output("stat -c %.9Y /var/log/demo/a.log /var/log/demo/b.log").split()
    # b was still told to stop and had a second to finish after a was back at work.
    assert float(b) - float(a) > 0.9


def test_a_stop_waits_for_the_work_and_kills_after_the_timeout(machine: Machine) -> None:
    machine.keep(program("b"), program("a", environment={"PATIENCE": "60"}, stop_timeout=2))
    began = time.monotonic()
    machine.host.run("truncate -s 0 /var/log/demo/a.log")
    assert machine.keep(program("b"))["removed"] == ["demo-a"]
    assert 2 <= time.monotonic() - began < 20
    assert machine.log("a") == "stopping\n"
    assert "demo a" not in machine.host.check_output("ps ax -o args").replace("/usr/local/bin/", "")


def test_a_program_that_is_no_longer_listed_finishes_and_is_gone(machine: Machine) -> None:
    theirs = machine.pid("theirs")
    result = machine.keep(program("b"))
    assert result["removed"] == ["demo-a"]
    assert machine.log("a").endswith("finished\n")
    assert machine.pid("demo-a") == 0
    assert machine.pid("theirs") == theirs
    assert machine.host.run("ls /etc/supervisor/conf.d /etc/systemd/system | grep demo-a").stdout == ""


def test_a_program_that_cannot_run_fails_with_its_log_while_the_others_run(machine: Machine) -> None:
    result = machine.keep(program("broken"), program("b"), program("c"))
    assert "demo-broken did not stay up" in result["msg"]
    assert "cannot go on: no such colour" in result["msg"]
    assert "Fix what the end of its log says" in result["msg"]
    assert machine.pid("demo-b") and machine.pid("demo-c")


def test_a_program_that_is_meant_to_be_stopped_is_stopped_and_stays_known(machine: Machine) -> None:
    assert machine.keep(program("a", state="stopped"), program("b"))["stopped"] == ["demo-a"]
    assert machine.pid("demo-a") == 0
    assert not machine.keep(program("a", state="stopped"), program("b"))["changed"]
    assert machine.keep(program("a"), program("b"))["started"] == ["demo-a"]


def test_check_mode_and_diff_tell_exactly_what_the_run_does(machine: Machine) -> None:
    change = (program("a", "changed"), program("c"), program("b", state="stopped"))
    predicted = machine.keep(*change, check=True)
    assert machine.pid("demo-c") == 0
    assert shape(machine.keep(*change)) == shape(predicted)
    assert predicted["diff"]


def test_a_file_that_changes_restarts_what_reads_it(machine: Machine) -> None:
    reads = (program("a", restart_on=["/etc/demo.ini"]), program("b"))
    machine.keep(*reads)
    predicted = machine.keep(*reads, check=True, changing=("/etc/demo.ini",))
    machine.host.check_output("date +%N >> /etc/demo.ini")
    result = machine.keep(*reads)
    assert result["restarted"] == ["demo-a"]
    assert shape(result) == shape(predicted)
    assert "blue" not in json.dumps(result)


def test_what_if_sees_all_of_that_in_one_step_and_does_none_of_it(machine: Machine) -> None:
    reads = (program("a", restart_on=["/etc/demo.ini"]), program("b"))
    machine.keep(*reads)
    before, colour = machine.pid("demo-a"), machine.host.file("/etc/demo.ini").content_string

    def seen(content: str, *programs: dict) -> dict:
        writes = {"files": [{"path": "/etc/demo.ini", "content": content, "mode": "0600"}]}
        steps = [("files", writes), ("processes", machine.options(*programs))]
        return machine.run("what_if", {"steps": [{"module": name, "options": options} for name, options in steps]})

    assert seen(colour, *reads)["differs"] is False
    other = seen("colour = red\n", *reads, program("c"))
    assert (other["differs"], other["changed"]) == (True, False)
    assert [other["steps"][1][key] for key in ("restarted", "started")] == [["demo-a"], ["demo-c"]]
    assert (machine.pid("demo-a"), machine.pid("demo-c")) == (before, 0)
    assert machine.host.file("/etc/demo.ini").content_string == colour
    assert "red" not in json.dumps(other)


def test_programs_run_as_their_user_with_their_environment_and_are_at_home(machine: Machine) -> None:
    machine.keep(program("a", "a ;b", "50%", "$HOME", environment={"GREETING": 'it\'s 5% "off" ; # $x'}), program("b"))
    pid = machine.pid("demo-a")
    assert machine.host.check_output(f"ps -o user= -p {pid}") == "www-data"
    # As the program's user: in a container root may not look.
    look = "setpriv --reuid=www-data --regid=www-data --init-groups cat"
    variables = machine.host.check_output(f"{look} /proc/{pid}/environ").split("\0")
    assert 'GREETING=it\'s 5% "off" ; # $x' in variables
    assert "USER=www-data" in variables and "HOME=/root" not in variables
    assert machine.log("a").endswith("at work: a a ;b 50% $HOME\n")


def test_what_somebody_stopped_by_hand_is_started_again(machine: Machine) -> None:
    stop = "systemctl stop demo-a" if machine.supervisor == "systemd" else "supervisorctl stop demo-a"
    machine.host.check_output(stop)
    assert machine.keep(program("a"), program("b"))["started"] == ["demo-a"]


def test_a_program_that_dies_is_started_again_by_its_supervisor(machine: Machine) -> None:
    pid = machine.pid("demo-a")
    machine.host.check_output(f"kill -9 {pid}")
    deadline = time.monotonic() + 20
    while machine.pid("demo-a") in (0, pid):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert not machine.keep(program("a"), program("b"))["changed"]


def test_somebody_else_s_program_is_never_taken_over(machine: Machine) -> None:
    result = machine.keep(program("a"), program("b"), {**program("x"), "name": "theirs"})
    assert "theirs exists already and is not managed by this module" in result["msg"]


def test_systemctl_works_as_people_expect() -> None:
    machine = Machine(*TRIXIE)
    machine.keep(program("a"), program("b"))
    run = machine.host.check_output
    assert run("systemctl is-enabled demo-a demo.target") == "enabled\nenabled"
    run("systemctl stop demo.target")
    machine.await_end("demo-a", "demo-b")
    run("systemctl start demo.target")
    assert machine.pid("demo-a") and machine.pid("demo-b")
    shown = run("systemctl show --property=NoNewPrivileges,ProtectSystem demo-a").splitlines()
    assert set(shown) == {"NoNewPrivileges=yes", "ProtectSystem=full"}
    assert machine.host.run("systemd-analyze verify /etc/systemd/system/demo-a.service").rc == 0
    machine.keep()
    assert machine.host.run("ls -R /etc/systemd/system | grep demo").stdout == ""


def test_supervisord_tells_the_world_nothing_but_its_own_socket() -> None:
    host = testinfra.get_host("docker://ts-processes-bookworm")
    assert host.check_output("stat -c '%a %U' /var/run/supervisor.sock") == "700 root"
    assert host.run("ss -lntp | grep supervisord").stdout == ""


def test_a_supervisord_that_was_down_is_no_reason_to_restart_anything() -> None:
    machine = Machine(*BOOKWORM)
    machine.keep(program("a"), program("b"))
    machine.host.check_output("supervisorctl shutdown")
    while machine.host.run("pgrep supervisord").rc == 0:
        time.sleep(0.2)
    assert not machine.keep(program("a"), program("b"), check=True)["changed"]
    machine.host.check_output("supervisord -c /etc/supervisor/supervisord.conf")
    assert not machine.keep(program("a"), program("b"))["changed"]


def test_a_supervisord_from_pypi_keeps_programs_and_brings_them_back_with_the_machine() -> None:
    machine = Machine(TRIXIE[0], "supervisord")
    run = machine.host.check_output
    assert machine.host.run("dpkg -l supervisor").rc != 0
    assert run("systemctl is-active supervisor; systemctl is-enabled supervisor") == "active\nenabled"
    assert machine.keep({**program("p"), "name": "pypi-p"})["started"] == ["pypi-p"]
    control = "/opt/taskstack/supervisord/bin/supervisorctl"
    before = run(f"{control} pid pypi-p")
    run("systemctl restart supervisor")
    deadline = time.monotonic() + 20
    # While its socket is not there yet, supervisorctl answers with a sentence.
    while not (after := machine.host.run(f"{control} pid pypi-p").stdout.strip()).isdigit() or after in ("0", before):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert run(f"ps -o args= -p {after}").endswith("/usr/local/bin/demo p")
    assert machine.keep()["removed"] == ["pypi-p"]

"""The whole playbook against fake Windows hosts: the real Windows action plugins, and no PowerShell."""

from __future__ import annotations

import json
import re
import sys

import pytest
from ansible.errors import AnsibleError
from ansible.plugins.loader import connection_loader
from scheduled_task_rules import mistakes
from stage import HERE, ROOT

# They share what they build, and ansible-playbook is the expensive part.
pytestmark = pytest.mark.xdist_group("windows")
NODES = [
    {"name": "default", "queues": ["default"]},
    {"name": "bulk", "queues": ["bulk"], "pool": "threads", "concurrency": 4},
]


def table(scene, name: str, host: str = "win1") -> dict:
    file = scene.prefix(host) / "winsim" / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else {}


def files(scene, host: str = "win1") -> dict[str, bytes]:
    root = scene.prefix(host) / "drive_c" / "ProgramData" / "taskstack" / "openrem"
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def good(run):
    assert run.code == 0, run.failure() + run.output[-3000:]
    return run


def test_check_mode_writes_nothing_and_the_second_run_changes_nothing(scene):
    good(scene.play("--check"))
    assert files(scene) == {} == table(scene, "tasks")
    first = good(scene.play())
    for host in ("win1", "win2"):
        assert "taskstack.celery.windows_tasks : Register the task" in first.changed(host)
    names = {"openrem-default", "openrem-bulk", "openrem-beat", "openrem-flower"}
    assert set(table(scene, "running")) == names
    assert set(table(scene, "running", "win2")) == {"openrem-default", "openrem-bulk"}
    check_the_files(files(scene))
    check_the_tasks(table(scene, "tasks"))
    check_the_rights(scene)
    written, running = files(scene), table(scene, "running")
    again = good(scene.play())
    assert (again.changed("win1"), again.changed("win2")) == ([], [])
    assert (files(scene), table(scene, "running")) == (written, running)


def check_the_files(found: dict[str, bytes]) -> None:
    for name in ("openrem", "openrem-default", "openrem-bulk", "openrem-beat", "openrem-flower"):
        text = found[f"bin/celery-{name}.bat"].decode("ascii")
        assert text.count("\r\n") == text.count("\n") == 4, "cmd.exe wants CRLF"
        assert "taskkill" not in text.lower() and "/im" not in text.lower(), "never by name"
        assert json.loads(found[f"etc/{name}.json"])["environment_file"].endswith(r"\etc\openrem.env")
    configuration = json.loads(found["etc/openrem-default.json"])
    assert configuration["argv"][:2] == ["-A", "openremproject"]
    assert "--pool=solo" in configuration["argv"]
    assert b"p%25a%21s" in found["etc/openrem.env"]
    others = {name: content for name, content in found.items() if name != "etc/openrem.env"}
    assert not any(b"p%25a" in content or b"p%a!" in content for content in others.values()), "one file has the secret"
    assert {"lib/celery_task.py", "lib/taskstack_recorder/recorder.py", "etc/openrem.packages"} <= set(found)


def check_the_tasks(tasks: dict) -> None:
    task = tasks[r"\taskstack\openrem\openrem-default"]
    assert task["triggers"][0] | {"type": "boot", "delay": "PT30S", "enabled": True} == task["triggers"][0]
    assert task["triggers"][1]["repetition"] == {"interval": "PT15M", "duration": "P1D", "stop_at_duration_end": False}
    wanted = {"username": "SYSTEM", "logon_type": "service_account", "run_level": "highest", "multiple_instances": 2}
    wanted |= {"execution_time_limit": "PT0S", "allow_demand_start": True, "allow_hard_terminate": True}
    assert task | wanted == task
    (action,) = task["actions"]
    assert (action["arguments"], action["working_directory"]) == ("start", r"D:\apps\openrem")
    assert action["path"].endswith(r"\bin\celery-openrem-default.bat")


def check_the_rights(scene) -> None:
    root = r"C:\ProgramData\taskstack\openrem"
    assert table(scene, "inheritance") == {root: "absent"}
    full = ["allow", "FullControl"]
    assert table(scene, "acl") == {f"{root} S-1-5-18": full, f"{root} S-1-5-32-544": full}
    calls = [json.loads(line) for line in (scene.prefix("win1") / "winsim" / "calls.jsonl").read_text().splitlines()]
    written = next(i for i, call in enumerate(calls) if call["name"] == "win_copy" and not call["check"])
    closed = next(i for i, call in enumerate(calls) if call["name"] == "win_acl_inheritance" and not call["check"])
    assert closed < written, "nothing is written before the door is closed"


def test_what_changes_restarts_and_what_leaves_the_inventory_goes(scene):
    good(scene.play())
    before = table(scene, "running")
    # A check shows the change and makes none.
    slower = {"worker_nodes": [NODES[0], {**NODES[1], "concurrency": 2}], "windows_tasks_interval": 600}
    shown = good(scene.play("--check", "--diff", "--limit", "win1", **slower))
    assert "PT10M" in shown.output
    assert table(scene, "running") == before
    # Only the node that changed restarts: a trigger is nothing that a process has read.
    good(scene.play("--limit", "win1", **slower))
    after = table(scene, "running")
    assert {name for name in before if before[name]["pid"] != after[name]["pid"]} == {"openrem-bulk"}
    assert {task["triggers"][1]["repetition"]["interval"] for task in table(scene, "tasks").values()} == {"PT10M"}
    # One node and beat go, and the other gets a forced restart.
    fewer = {"worker_nodes": NODES[:1], "beat_enabled": False, "windows_tasks_restart_times": ["05:55", "12:55"]}
    good(scene.play("--limit", "win1", **fewer))
    assert set(table(scene, "running")) == {"openrem-default", "openrem-flower"}
    tasks = table(scene, "tasks")
    folder = "\\taskstack\\openrem\\"
    assert set(tasks) == {folder + name for name in ("openrem-default", "openrem-default restart", "openrem-flower")}
    restart = tasks[folder + "openrem-default restart"]
    assert [action["arguments"] for action in restart["actions"]] == ["stop", rf"/Run /TN {folder}openrem-default"]
    assert [trigger["start_boundary"][11:] for trigger in restart["triggers"]] == ["05:55:00", "12:55:00"]
    left = [name for name in files(scene) if "openrem-bulk" in name or "openrem-beat" in name]
    assert [name for name in left if not name.startswith("log/")] == []
    # A stopped node keeps its task, which no trigger starts. A new secret restarts the rest.
    before = table(scene, "running")
    stopped = {**fewer, "worker_nodes": [{**NODES[0], "state": "stopped"}], "taskstack_environment": {"TOKEN": "new"}}
    good(scene.play("--limit", "win1", **stopped))
    assert set(table(scene, "running")) == {"openrem-flower"}
    assert table(scene, "running")["openrem-flower"]["pid"] != before["openrem-flower"]["pid"]
    assert table(scene, "tasks")[folder + "openrem-default"]["enabled"] is False


def test_a_service_account_gets_rights_and_its_password_never_shows(scene):
    account = {"taskstack_windows_account": r"CLINIC\celery", "windows_tasks_password": "hunter2secret"}
    run = good(scene.play("--limit", "win2", "--diff", "-vvv", **account))
    # The command line of this test is the one place where it stands.
    assert "hunter2secret" not in json.dumps(run.report)
    task = table(scene, "tasks", "win2")[r"\taskstack\openrem\openrem-default"]
    assert (task["username"], task["logon_type"]) == (r"CLINIC\celery", "password")
    rights = table(scene, "acl", "win2")
    root = r"C:\ProgramData\taskstack\openrem"
    assert rights[rf"{root} CLINIC\celery"] == ["allow", "ReadAndExecute"]
    assert rights[rf"{root}\state CLINIC\celery"] == ["allow", "Modify"]
    assert all(kind == "allow" for kind, _what in rights.values()), "no deny rules"
    assert table(scene, "rights", "win2") == {"SeBatchLogonRight": [r"CLINIC\celery"]}


def test_the_inventory_of_openrem_deploys(scene):
    scene.inventory = ROOT / "inventories" / "openrem_windows"
    prefix = scene.prefix("openrem")
    venv = prefix / "drive_d" / "Server_Apps" / "openrem" / "venv"
    settings = venv / "Lib" / "site-packages" / "openrem" / "openremproject" / "local_settings.py"
    for file in (settings, venv / "Scripts" / "python.exe"):
        file.parent.mkdir(parents=True)
        file.write_text("DEBUG = False\n" if file is settings else "")
    fake = {"ansible_connection": "winsim", "ansible_shell_type": "powershell", "winsim_prefix": str(prefix)}
    words = ("broker", "monitor", "rabbitmq_admin", "flower", "windows")
    passwords = {f"vault_{word}_password": f"secret-{word}" for word in words}
    for _ in range(2):
        run = good(scene.play("--limit", "windows", **fake, **passwords))
    assert run.changed("openrem1.example.org") == []
    tasks = json.loads((prefix / "winsim" / "tasks.json").read_text())
    nodes = [rf"\taskstack\openrem\openrem-default{number}" for number in (1, 2, 3, 4)]
    beat = r"\taskstack\openrem\openrem-beat"
    assert set(tasks) == {*nodes, *(node + " restart" for node in nodes), beat}
    assert settings.read_text().splitlines()[1].startswith('BROKER_URL = "amqp://openrem:secret-broker@mq1.example.org')


WRONG = {
    "prefork": ({"worker_nodes": [{**NODES[0], "pool": "prefork"}]}, "prefork does not work on Windows"),
    "solo-4": ({"worker_nodes": [{**NODES[0], "pool": "solo", "concurrency": 4}]}, "pool solo runs one task"),
    "default-pool-4": ({"worker_nodes": [{**NODES[0], "concurrency": 4}]}, "pool solo runs one task"),
    "embedded-beat": ({"worker_nodes": [{**NODES[0], "extra_args": ["-B"]}]}, "no worker can run beat"),
    "detach": ({"worker_nodes": [{**NODES[0], "extra_args": ["--detach"]}]}, "must not hold --detach"),
    "pidfile": ({"worker_nodes": [{**NODES[0], "extra_args": ["--pidfile=x"]}]}, "must not hold --pidfile"),
    "autoscale": ({"worker_nodes": [{**NODES[0], "autoscale": {"min": 1, "max": 2}}]}, "autoscale has no effect"),
    "twice": ({"worker_nodes": [NODES[0], NODES[0]]}, "is listed twice"),
    "no-name": ({"worker_nodes": [{"queues": ["a"]}]}, "name is missing"),
    "colon": ({"worker_nodes": [{"name": "a:b"}]}, "must be a name"),
    "backslash": ({"worker_nodes": [{"name": "a\\b"}]}, "must be a name"),
    "device": ({"worker_nodes": [{"name": "nul"}]}, "name of a device"),
    "full-stop": ({"worker_nodes": [{"name": "mail."}]}, "full stop at the end"),
    "no-time": ({"windows_tasks_restart_times": ["25:00"]}, "'25:00' is no time"),
    "unquoted-time": ({"windows_tasks_restart_times": [355]}, "355 is no time"),
    "interval-too-short": ({"windows_tasks_interval": 30}, "must be 60 to"),
    "interval-too-long": ({"windows_tasks_interval": 80000, "windows_tasks_interval_duration": 60}, "it never repeats"),
    "interval-in-words": ({"windows_tasks_interval": "often"}, "windows_tasks_interval must be"),
    "duration": ({"windows_tasks_interval_duration": 100000}, "duration must be 60 to"),
    "boot-delay": ({"windows_tasks_boot_delay": -1}, "windows_tasks_boot_delay must be"),
    "account": ({"taskstack_windows_account": r"CLINIC\celery"}, "needs windows_tasks_password"),
    "empty-account": ({"taskstack_windows_account": " "}, "taskstack_windows_account is empty"),
    "dir-posix": ({"taskstack_directory": "/opt/openrem"}, "must be an absolute Windows path"),
    "relative-venv": ({"taskstack_venv": "venv"}, "must be an absolute Windows path"),
    "question-mark": ({"taskstack_directory": r"D:\what?"}, "forbids in paths"),
    "percent": ({"taskstack_venv": r"D:\100%"}, "cmd.exe takes for a variable"),
    "misspelt": ({"windows_tasks_restart_time": ["05:55"]}, "Did you mean windows_tasks_restart_times"),
}


def test_bad_input_is_refused_on_all_hosts_at_once_and_nothing_is_sent(scene, stack):
    groups = {"windows": list(WRONG), "worker": list(WRONG)}
    scene.write({host: dict(wrong) for host, (wrong, _words) in WRONG.items()}, groups, stack)
    run = scene.play()
    assert run.code != 0
    message = run.failure()
    unnoticed = [host for host, (_wrong, words) in WRONG.items() if words not in message]
    assert unnoticed == [], message
    assert len(WRONG) >= 20
    assert [host for host in WRONG if (scene.prefix(host) / "winsim" / "calls.jsonl").exists()] == []


def manifest(**changes) -> bytes:
    modes = {"_ansible_check_mode": False, "_ansible_diff": False}
    arguments = {"_ansible_module_name": "ansible.windows.win_file", **modes}
    variables = [{"Name": "complex_args", "Value": arguments}]
    action = {"name": "module_wrapper.ps1", "params": {"Variables": variables}}
    return b'{"a": 1}\n' + json.dumps({"actions": [{**action, **changes}]}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"begin { $script }",
        b'{"a": 1}\n{"modules": []}',
        manifest(params={}),
        manifest(params={"Variables": [{"Name": "args", "Value": {}}]}),
        manifest(params={"Variables": [{"Name": "complex_args", "Value": {"path": "x"}}]}),
    ],
)
def test_a_manifest_of_another_shape_is_told_with_the_version_of_ansible(data):
    connection_loader.add_directory(str(HERE / "connection"))
    plugin = connection_loader.get("winsim", class_only=True)
    decode = vars(sys.modules[plugin.__module__])["decode"]
    assert decode(manifest())[0] == "module_wrapper.ps1"
    with pytest.raises(AnsibleError, match=r"exec manifest of ansible-core \d"):
        decode(data)


TASK = {"name": "t", "actions": [{"path": "x"}], "username": "SYSTEM", "logon_type": "service_account", "triggers": []}
DAILY = {"type": "daily", "start_boundary": "2026-01-01T05:55:00"}


@pytest.mark.parametrize(
    "change",
    [
        {"name": r"a\b"},
        {"username": "CLINIC\\celery"},
        {"logon_type": "token_or_password"},
        {"actions": []},
        {"actions": [{"arguments": "start"}]},
        {"execution_time_limit": "0"},
        {"restart_count": 999, "restart_interval": "PT1M"},
        {"restart_interval": "PT1M"},
        {"priority": 11},
        {"triggers": [{"type": "daily"}]},
        {"triggers": [{"type": "boot", "random_delay": "PT1M"}]},
        {"triggers": [{"type": "boot", "delay": None}]},
        {"triggers": [{**DAILY, "start_boundary": "05:55"}]},
        {"triggers": [{**DAILY, "repetition": [{"interval": "PT1H"}]}]},
        {"triggers": [{**DAILY, "repetition": {"interval": "PT2H", "duration": "PT1H"}}]},
        {"triggers": [{**DAILY, "repetition": {"interval": "PT10S"}}]},
    ],
    ids=str,
)
def test_the_fake_host_notices_what_the_real_module_would_refuse_or_ignore(change):
    assert mistakes(TASK) == []
    assert mistakes({**TASK, "triggers": [DAILY]}) == []
    assert mistakes({**TASK, **change}) != []


def test_the_rules_are_those_of_the_collection_that_is_installed():
    modules = HERE.parents[2] / ".ansible/collections/ansible_collections/community/windows/plugins/modules"
    text = (modules / "win_scheduled_task.ps1").read_text()
    for kind in ("boot", "daily"):
        assert re.search(rf"\[TASK_TRIGGER_TYPE2\]::TASK_TRIGGER_{kind.upper()} = @{{", text), f"no trigger {kind}"

"""What a host of a stack shall hold: one plan for the whole host, for each role alone, and for Windows."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._paths import own_files
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.broker_access import BrokerAccess
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.host_plan import host_plan
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.stack import StackHost
from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight.plan import problems

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())
FACTS: dict[str, t.Any] = {"packages": [], "accounts": [], "groups": []}
SHOP = {
    "taskstack_name": "shop",
    "taskstack_app": "shop.celery",
    "taskstack_broker_password": "a/b",
    "taskstack_monitor_password": "m",
    "flower_password": "f",
}
GROUPS = {"rabbitmq": ["mq"], "worker": ["w1", "w2"], "beat": ["w1"], "flower": ["w1", "f1"]}
ENTRY = {"name": "clean", "task": "shop.clean", "seconds": 60}


def plan(host: str, *only: str, facts: dict[str, t.Any] | None = None, **variables: t.Any) -> dict[str, t.Any]:
    hosts = {key: {} for key in ("mq", "w1", "w2", "f1")}
    here = StackHost(host, {**SHOP, **variables}, GROUPS, only)
    return host_plan(here, {**hosts, host: here.given}, facts or FACTS)


def refused(host: str, *only: str, **variables: t.Any) -> list[str]:
    return problems(StackHost(host, {**SHOP, **variables}, GROUPS, only))


def written(made: dict[str, t.Any]) -> list[str]:
    return [file["path"] for file in made["files"] + made["private_files"]]


def names(made: dict[str, t.Any]) -> list[str]:
    return [process["name"] for process in made["processes"]]


def test_a_host_gets_what_its_groups_ask_for_and_loses_the_rest() -> None:
    everything = plan("w1", beat_schedule=[ENTRY])
    assert everything["kinds"] == ["worker", "beat", "flower"]
    assert names(everything) == ["shop-default", "shop-beat", "shop-flower"]
    assert {"/etc/taskstack/shop.beat.json", "/etc/taskstack/shop.flower.py"} <= set(written(everything))
    assert [venv["path"] for venv in everything["virtualenvs"]] == ["/opt/shop/venv", "/opt/taskstack/shop/flower"]
    assert everything["absent"] == []
    workers = plan("w2", beat_schedule=[ENTRY])
    assert (workers["kinds"], names(workers)) == (["worker", "beat", "flower"], ["shop-default"])
    assert {"/etc/taskstack/shop.beat.json", "/etc/taskstack/shop.flower.py"} <= set(workers["absent"])
    assert "/opt/taskstack/shop/flower" in workers["absent"]


def test_a_schedule_that_is_empty_again_goes() -> None:
    assert plan("w1")["absent"] == ["/etc/taskstack/shop.beat.json"]
    assert plan("w1", "beat")["absent"] == ["/etc/taskstack/shop.beat.json"]
    assert plan("w1", "beat", beat_schedule=[ENTRY])["absent"] == []


def test_a_role_alone_does_its_own_part_on_any_host_and_touches_nothing_else() -> None:
    worker = plan("f1", "worker")
    assert (worker["kinds"], names(worker)) == (["worker"], ["shop-default"])
    assert (worker["directories"], written(worker), worker["absent"], worker["virtualenvs"]) == ([], [], [], [])
    flower = plan("w2", "flower")
    assert (names(flower), written(flower)) == (
        ["shop-flower"],
        ["/etc/taskstack/shop.flower.py", "/etc/taskstack/shop.flower.cookie"],
    )
    application = plan("w1", "application", beat_schedule=[ENTRY])
    assert (application["kinds"], application["absent"]) == ([], [])
    assert "/etc/taskstack/shop.env" in written(application)
    assert "/etc/taskstack/shop.beat.json" not in written(application)


def test_a_role_alone_makes_the_same_of_it_as_the_whole_plan() -> None:
    whole = plan("w1", beat_schedule=[ENTRY])
    parts = [plan("w1", kind, beat_schedule=[ENTRY]) for kind in ("application", "worker", "beat", "flower")]
    for key in ("files", "virtualenvs", "processes"):
        assert whole[key] == [entry for part in parts for entry in part[key]], key
    private = [file for part in parts for file in part["private_files"]]
    assert sorted(map(str, whole["private_files"])) == sorted(map(str, private))


def test_a_host_with_nothing_but_the_broker_gets_the_description_and_loses_what_others_left() -> None:
    made = plan("mq", "description")
    assert written(made) == ["/etc/taskstack/shop.json"]
    assert made["kinds"] == [] and "/etc/taskstack/shop.flower.py" in made["absent"]
    assert plan("mq", "description", taskstack_app=None)["private_files"] == []
    # It is the workers' supervisor that somebody may have to ask.
    hosts: dict[str, dict[str, t.Any]] = {"mq": SHOP, "w1": {"taskstack_supervisor": "systemd"}, "w2": {}, "f1": {}}
    here = StackHost("mq", SHOP, GROUPS, ("description",))
    described = host_plan(here, hosts, {})["description"]
    assert described["supervisor"] == "systemd"


def test_flower_alone_needs_no_application_unless_it_runs_in_its_virtualenv() -> None:
    alone = plan("f1", application_files=[{"path": "a.py", "content": ""}], taskstack_settings_file="/s.py")
    assert [venv["path"] for venv in alone["virtualenvs"]] == ["/opt/taskstack/shop/flower"]
    assert alone["settings"] is None and "a.py" not in written(alone)
    shared = plan("f1", flower_in_application=True)
    assert [venv["path"] for venv in shared["virtualenvs"]] == ["/opt/shop/venv"]
    (flower,) = shared["processes"]
    assert "/etc/taskstack/shop.packages" in flower["restart_on"]
    (own,) = alone["processes"]
    assert "/etc/taskstack/shop.packages" not in own["restart_on"]


def test_every_file_outside_the_directories_of_the_stack_is_one_that_removal_deletes() -> None:
    made = plan("w1", beat_schedule=[ENTRY])
    inside = ("/usr/local/lib/taskstack/shop/", "/var/lib/taskstack/shop/")
    stamps = [venv["stamp"] for venv in made["virtualenvs"]]
    outside = [path for path in written(made) + stamps if not path.startswith(inside)]
    assert set(outside) <= set(own_files("shop"))


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (FACTS, (["python3-venv", "logrotate"], ["shop"], [])),
        ({**FACTS, "packages": ["logrotate", "python3-venv"]}, ([], ["shop"], [])),
        ({**FACTS, "packages": ["logrotate", "python3-venv"], "accounts": ["shop"]}, None),
    ],
)
def test_what_the_host_has_is_not_made_again(facts: dict[str, t.Any], wanted: t.Any) -> None:
    needs = plan("w1", facts=facts)["needs"]
    assert (needs and (needs["packages"], needs["accounts"], needs["groups"])) == (wanted or {})


def test_an_account_with_a_group_that_is_there_is_created_in_it() -> None:
    needs = plan("w1", facts={**FACTS, "groups": ["shop"]})["needs"]
    assert (needs["groups"], needs["noted_groups"], needs["main_group"]) == ([], [], "shop")
    other = plan("w1", taskstack_group="web")["needs"]
    assert (other["groups"], other["noted_groups"], other["main_group"]) == (["web"], ["web"], "web")


def test_with_tls_a_new_version_of_what_verifies_the_broker_restarts_everything() -> None:
    library = "/usr/local/lib/taskstack/shop/taskstack_tls.py"
    assert all(library in process["restart_on"] for process in plan("w1", taskstack_broker_tls=True)["processes"])
    assert not any(library in process["restart_on"] for process in plan("w1")["processes"])


def access(host: str, brokers: list[str], **variables: t.Any) -> BrokerAccess:
    return BrokerAccess(host, {**SHOP, **variables}, brokers)


def test_the_broker_is_found_where_the_inventory_has_it() -> None:
    assert access("w1", ["mq"]).url == "amqp://shop:a%2Fb@mq:5672/shop"
    assert access("mq", ["mq"]).url == "amqp://shop:a%2Fb@127.0.0.1:5672/shop"
    named = access("w1", ["mq"], taskstack_broker_host="fe80::1", taskstack_broker_vhost="a b/c")
    assert named.url == "amqp://shop:a%2Fb@[fe80::1]:5672/a%20b%2Fc"
    assert access("w1", ["mq"], taskstack_broker_tls="yes").url.startswith("amqps://shop:a%2Fb@mq:5671/")


def test_hosts_spread_over_the_nodes_of_a_cluster_each_in_an_order_of_its_own() -> None:
    nodes = ["mq1", "mq2", "mq3"]
    orders = [access(f"w{number}", nodes).hosts for number in range(30)]
    assert all(sorted(order) == nodes for order in orders)
    assert {order[0] for order in orders} == set(nodes)
    assert orders == [access(f"w{number}", nodes).hosts for number in range(30)]


def test_the_name_in_the_certificate_is_what_others_call_the_broker() -> None:
    told = access("mq", ["mq"], taskstack_broker_tls=True, taskstack_broker_ca_file="/ca.pem").tls_environment
    assert told == {"TASKSTACK_TLS_NAMES": "127.0.0.1=mq", "TASKSTACK_TLS_CA": "/ca.pem"}
    assert access("w1", ["mq"], taskstack_broker_tls=True).tls_environment == {"TASKSTACK_TLS_NAMES": "mq=mq"}
    assert access("w1", ["mq"], taskstack_broker_tls=True, taskstack_broker_tls_verify=False).tls_environment == {}


def test_a_windows_host_has_the_same_plan_below_its_own_root() -> None:
    nodes = [{"name": "mail", "queues": ["mail"]}]
    made = plan("w1", taskstack_supervisor="windows", worker_nodes=nodes, beat_schedule=[ENTRY])
    windows = made["windows"]
    root = r"C:\ProgramData\taskstack\shop"
    assert [kind["kind"] for kind in windows["kinds"]] == ["worker", "beat", "flower"]
    private = [file["path"] for file in windows["private_files"]]
    assert private == [rf"{root}\etc\shop.{end}" for end in ("env", "beat.json", "flower.py")]
    assert "--pool=solo" in made["processes"][0]["argv"]
    assert windows["account"] == "SYSTEM" and windows["account_is_built_in"]
    alone = plan("w1", "worker", taskstack_supervisor="windows")["windows"]
    assert (alone["application"], alone["files"], alone["private_files"]) == (False, [], [])


def test_mistakes_of_all_kinds_are_told_at_once() -> None:
    nodes = [{"name": "mail", "queus": []}]
    with pytest.raises(TaskstackError, match=r"Did you mean queues\?.*max_interval must be at least 1"):
        plan("w1", worker_nodes=nodes, beat_max_interval=0)


@pytest.mark.parametrize("only", [(), ("application", "worker", "beat", "flower")], ids=["whole", "roles"])
def test_what_no_playbook_has_refused_before_is_refused_here(only: tuple[str, ...]) -> None:
    assert refused("w1", *only, beat_schedule=[ENTRY]) == []
    assert "Set flower_password" in refused("w1", *only, flower_password="")[0]
    assert "has no task" in refused("w1", *only, beat_schedule=[{"name": "x", "seconds": 1}])[0]
    assert "environment variable" in refused("w1", *only, taskstack_environment={"A$(x)": ""})[0]
    assert "cannot name files" in refused("w1", *only, taskstack_name="a b")[0]


def test_what_a_host_does_not_run_is_not_asked_for() -> None:
    assert refused("w2", flower_password="", beat_schedule="wrong") == []
    assert refused("w1", "worker", flower_password="", beat_schedule="wrong") == []


def test_what_the_command_line_gives_counts_as_what_it_means() -> None:
    (flower,) = plan("f1", flower_port="5556", flower_persistent="false", flower_max_tasks="7")["processes"]
    assert {"--port=5556", "--max-tasks=7"} <= set(flower["argv"])
    assert not any(word.startswith("--persistent") for word in flower["argv"])
    assert names(plan("w1", "beat", beat_enabled="false")) == []


def asked(folder: pathlib.Path, only: str, own: t.Any = None, other: t.Any = None) -> subprocess.CompletedProcess[str]:
    """The action itself, on the first of two workers."""
    hosts = {"w1": {"ansible_connection": "local", "worker_nodes": own}, "w2": {"worker_nodes": other}}
    shop = {**SHOP, "ansible_python_interpreter": sys.executable}
    (folder / "hosts.json").write_text(json.dumps({"worker": {"hosts": hosts, "vars": shop}}))
    command = [pathlib.Path(sys.executable).with_name("ansible"), "w1", "-i", folder / "hosts.json"]
    command += ["-m", "taskstack.celery.host_plan", "-a", f"only={only}"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("hosts", "sentence"),
    [
        ({"own": "{{ nope }}"}, "worker_nodes cannot be evaluated: '+nope'+ is undefined"),
        ({"other": "{{ nope }}"}, "A variable of another host cannot be evaluated: '+nope'+ is undefined"),
    ],
    ids=["own", "other"],
)
def test_a_template_that_cannot_be_evaluated_is_a_problem_and_no_hidden_failure(
    hosts: dict[str, str], sentence: str, tmp_path: pathlib.Path
) -> None:
    done = asked(tmp_path, "worker,description", **hosts)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"problems:\s+- .*{sentence}", done.stdout), done.stdout


def test_one_word_is_a_list_of_one_and_an_unknown_one_is_refused(tmp_path: pathlib.Path) -> None:
    done = asked(tmp_path, "worker")
    assert re.search(r"kinds:\s+- worker\n", done.stdout) and "shop-default" in done.stdout, done.stdout
    refused = asked(tmp_path, "wurker")
    assert refused.returncode != 0 and "must be one or more of: application" in refused.stdout + refused.stderr

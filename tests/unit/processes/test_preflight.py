"""Wrong inventories: each is refused before any change, with the variable's name and the cure."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.filter import preflight as plugin
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.variables import Broken
from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight.problems import problems
from hypothesis import example, given
from hypothesis import strategies as st

SPECS = plugin._specs()
SECRET = "tr0ub4dor"
GROUPS = {"rabbitmq": ["mq"], "worker": ["w1", "w2"], "beat": ["w1"], "flower": ["w1"]}
STACK = {
    "taskstack_name": "shop",
    "taskstack_app": "shop",
    "taskstack_broker_password": SECRET,
    "taskstack_monitor_password": SECRET,
    "rabbitmq_admin_password": SECRET,
    "flower_password": SECRET,
}
CLEAN = {"name": "clean", "task": "shop.clean", "seconds": 60, "queue": "mail"}
NODES = {
    "w1": [{"name": "mail", "queues": ["mail", "celery"], "concurrency": 4}],
    "w2": [{"name": "video", "queues": ["video"], "pool": "solo"}],
}


def inventory() -> tuple[dict[str, dict[str, t.Any]], dict[str, list[str]]]:
    facts = {host: dict(STACK) for host in ("mq", "w1", "w2")}
    for host, nodes in NODES.items():
        facts[host]["worker_nodes"] = copy.deepcopy(nodes)
    facts["w1"]["beat_schedule"] = [dict(CLEAN)]
    return facts, copy.deepcopy(GROUPS)


def refused(facts: dict[str, dict[str, t.Any]], groups: dict[str, list[str]]) -> list[str]:
    return problems(facts, groups, SPECS)


def test_a_right_inventory_is_not_refused() -> None:
    assert refused(*inventory()) == []


def test_the_defaults_alone_are_not_refused() -> None:
    facts = {"localhost": dict(STACK)}
    assert refused(facts, {group: ["localhost"] for group in GROUPS}) == []


# What somebody wrote for the node `video` of host w2, and what the sentence about it must hold.
WRONG_NODES: list[tuple[dict[str, t.Any], str, str]] = [
    ({"queus": ["video"]}, "queus", "Did you mean queues?"),
    ({"concurency": 4}, "concurency", "Did you mean concurrency?"),
    ({"max_task_per_child": 4}, "max_task_per_child", "Did you mean max_tasks_per_child?"),
    ({"colour": "red"}, "colour", "extra_args"),
    ({"queues": "video"}, "queues", "must be a list of names"),
    ({"queues": []}, "queues", "at least one"),
    ({"queues": ["video,mail"]}, "queues", "without commas"),
    ({"queues": [""]}, "queues", "must be a list of names"),
    ({"queues": ["*"]}, "'*'", "Change it"),
    ({"queues": ["$HOME"]}, "$HOME", "Change it"),
    ({"queues": ["--help"]}, "--help", "no - at the beginning"),
    ({"queues": ["my queue"]}, "my queue", "Make two entries"),
    ({"queues": [7]}, "queues", "must be a list of names"),
    ({"queues": ["video"], "exclude_queues": ["video"]}, "exclude_queues", "Remove it from one"),
    ({"concurrency": "4"}, "concurrency", "must be a whole number"),
    ({"concurrency": 0}, "concurrency", "must be at least 1"),
    ({"concurrency": -2}, "concurrency", "must be at least 1"),
    ({"concurrency": True}, "concurrency", "must be a whole number"),
    ({"concurrency": 2.5}, "concurrency", "must be a whole number"),
    ({"pool": "solo", "concurrency": 2}, "concurrency", "Set it to 1"),
    ({"pool": "fork"}, "pool", "must be one of prefork"),
    ({"pool": ["prefork"]}, "pool", "must be a string"),
    ({"autoscale": "4,1"}, "autoscale", "{min: 1, max: 4}"),
    ({"autoscale": {"min": 4}}, "autoscale", "{min: 1, max: 4}"),
    ({"pool": "prefork", "autoscale": {"min": 4, "max": 1}}, "autoscale", "Swap them"),
    ({"pool": "prefork", "autoscale": {"min": 0, "max": 0}}, "autoscale", "Set max to 1"),
    ({"pool": "prefork", "autoscale": {"min": 1, "max": 4}, "concurrency": 2}, "autoscale", "Keep one"),
    ({"pool": "threads", "autoscale": {"min": 1, "max": 4}}, "autoscale", "Remove it"),
    ({"prefetch_multiplier": -1}, "prefetch_multiplier", "at least 0"),
    ({"optimization": "fast"}, "optimization", "must be one of default, fair"),
    ({"pool": "prefork", "max_tasks_per_child": 0}, "max_tasks_per_child", "at least 1"),
    ({"pool": "threads", "max_tasks_per_child": 10}, "max_tasks_per_child", "use pool prefork"),
    ({"pool": "gevent", "max_memory_per_child": 10}, "max_memory_per_child", "use pool prefork"),
    ({"pool": "prefork", "max_memory_per_child": "200M"}, "max_memory_per_child", "must be a whole number"),
    ({"pool": "threads", "time_limit": 10}, "time_limit", "Remove it"),
    ({"pool": "gevent", "soft_time_limit": 10}, "soft_time_limit", "use pool prefork"),
    ({"pool": "prefork", "time_limit": 10, "soft_time_limit": 20}, "soft_time_limit", "Lower it"),
    ({"pool": "prefork", "time_limit": "1h"}, "time_limit", "must be a number"),
    ({"soft_shutdown_timeout": 900}, "soft_shutdown_timeout", "Raise stop_timeout"),
    ({"stop_timeout": -1}, "stop_timeout", "at least 0"),
    ({"stop_timeout": "ten minutes"}, "stop_timeout", "must be a whole number"),
    ({"events": "yes"}, "events", "must be true or false"),
    ({"recorder": 1}, "recorder", "must be true or false"),
    ({"heartbeat_interval": 0}, "heartbeat_interval", "at least 1"),
    ({"log_level": "info"}, "log_level", "must be one of DEBUG"),
    ({"log_level": "TRACE"}, "log_level", "must be one of DEBUG"),
    ({"includes": "shop.more"}, "includes", "must be a list of names"),
    ({"state": "absent"}, "state", "must be one of started, stopped"),
    ({"memory_max": "2 GB"}, "memory_max", "2G or 500M"),
    ({"memory_max": "2G"}, "memory_max", "taskstack_supervisor"),
    ({"environment": ["A=b"]}, "environment", "must be a mapping"),
    ({"environment": {"MY-VAR": "b"}}, "environment", "variable names"),
    ({"environment": {"A": "two\nlines"}}, "environment", "one line"),
    ({"extra_args": "--purge"}, "extra_args", "must be a list"),
    ({"extra_args": ["-c", "4"]}, "extra_args", "decided by concurrency"),
    ({"extra_args": ["--queues=mail"]}, "extra_args", "decided by queues"),
    ({"extra_args": ["-Qmail"]}, "extra_args", "decided by queues"),
    ({"extra_args": ["--pidfile=/run/x"]}, "extra_args", "the supervisor"),
    ({"extra_args": ["--detach"]}, "extra_args", "in the foreground"),
    ({"extra_args": [f"--broker=amqp://shop:{SECRET}@mq"]}, "extra_args", "Use taskstack_broker_password"),
    ({"extra_args": ["-B"]}, "extra_args", "Keep one host in group beat"),
    ({"name": "video/hd"}, "video/hd", "letters, digits"),
    ({"name": "-video"}, "-video", "letters, digits"),
    ({"name": "vidéo"}, "vidéo", "letters, digits"),
    ({"name": ""}, "name", "must be a name"),
    ({"name": 7}, "name", "must be a name"),
    ({"name": None}, "name", "Give each node a name"),
    ({"name": "beat"}, "name", "Choose another"),
    ({"name": "flower"}, "name", "Choose another"),
    ({"hostname": "w2 the second"}, "hostname", "letters, digits"),
    ({"restart_on": "/etc/shop.ini"}, "restart_on", "must be a list"),
]


@pytest.mark.parametrize(("wrong", "variable", "cure"), WRONG_NODES, ids=str)
def test_a_wrong_node_is_refused_with_option_and_cure(wrong: dict[str, t.Any], variable: str, cure: str) -> None:
    facts, groups = inventory()
    facts["w2"]["worker_nodes"][0].update(wrong)
    sentences = [sentence for sentence in refused(facts, groups) if variable in sentence and cure in sentence]
    assert sentences, refused(facts, groups)
    assert "w2" in sentences[0].split(":")[0]
    assert SECRET not in str(refused(facts, groups))


# Variables of one host, and what the sentence about it must hold.
WRONG_VARIABLES: list[tuple[str, dict[str, t.Any], str, str]] = [
    ("w1", {"application_files": ["x.py"]}, "application_files: entry 1", "must be a mapping with content, path"),
    ("w1", {"application_files": [{"path": "x"}]}, "application_files: entry 1", "lacks content"),
    ("w1", {"application_files": [{"path": "x", "content": "", "mod": 1}]}, "application_files", "does not know mod"),
    ("w1", {"taskstack_name": None}, "taskstack_name", "is not set"),
    ("w1", {"taskstack_name": "my shop"}, "taskstack_name", "letters, digits"),
    ("w1", {"taskstack_name": "shop/2"}, "taskstack_name", "letters, digits"),
    ("w1", {"taskstack_name": "shop.eu"}, "taskstack_name", "letters, digits, '_' and '-'"),
    ("w1", {"taskstack_name": "shop-monitor"}, "taskstack_name", "Choose another"),
    ("w1", {"taskstack_name": "other"}, "taskstack_name", "split it into several"),
    ("w1", {"taskstack_app": None}, "taskstack_app", "Set it"),
    ("w1", {"taskstack_app": ["shop"]}, "taskstack_app", "must be a string"),
    ("w1", {"taskstack_broker_password": None}, "taskstack_broker_password", "ansible-vault"),
    ("w1", {"taskstack_broker_password": ""}, "taskstack_broker_password", "is not set"),
    ("w1", {"taskstack_broker_password": 12345}, "taskstack_broker_password", "in quotes"),
    ("w1", {"taskstack_broker_password": Broken("'vault_x' is undefined.")}, "taskstack_broker_password", "Correct it"),
    ("w2", {"taskstack_monitor_password": None}, "taskstack_monitor_password", "ansible-vault"),
    ("w1", {"flower_password": None}, "flower_password", "ansible-vault"),
    ("w1", {"flower_port": 99999}, "flower_port", "from 1 to 65535"),
    ("w1", {"flower_port": "http"}, "flower_port", "must be a whole number"),
    ("w1", {"flower_open_api": "perhaps"}, "flower_open_api", "must be true or false"),
    ("w1", {"beat_schedule": {"clean": 1}}, "beat_schedule", "must be a list"),
    ("w1", {"beat_schedule": [{"name": "x", "task": "y"}]}, "beat_schedule: x", "either crontab or seconds"),
    (
        "w1",
        {"beat_schedule": [{"name": "x", "task": "y", "seconds": 5, "queue": "vdeo"}]},
        "vdeo",
        "Did you mean video?",
    ),
    ("w1", {"taskstack_queues": ["mail", "reports"]}, "reports", "worker_nodes"),
    ("w1", {"taskstack_supervisor": "upstart"}, "taskstack_supervisor", "must be one of"),
    ("w1", {"taskstack_directory": "opt/shop"}, "taskstack_directory", "in full"),
    ("w1", {"taskstack_venv": "venv"}, "taskstack_venv", "in full"),
    ("w1", {"taskstack_environment": "A=b"}, "taskstack_environment", "must be a mapping"),
    ("w1", {"taskstack_brokr_host": "mq"}, "taskstack_brokr_host", "Did you mean taskstack_broker_host?"),
    ("w1", {"worker_node": []}, "worker_node ", "Did you mean worker_nodes?"),
    ("w1", {"worker_nodes": {"name": "mail"}}, "worker_nodes", "must be a list"),
    ("w1", {"worker_nodes": ["mail"]}, "worker_nodes", "must be a mapping"),
    ("w1", {"worker_nodes": Broken("no.")}, "worker_nodes", "cannot be evaluated"),
    ("w1", {"worker_nodes": [{"name": "a"}, {"name": "a"}]}, "worker_nodes: a", "its own name"),
    ("w1", {"worker_nodes": [{"name": "video", "hostname": "w2"}]}, "video@w2", "Change name or hostname"),
    ("w1", {"worker_stop_timeout": "long"}, "worker_stop_timeout", "must be a whole number"),
    ("w1", {"worker_stop_timeout": -1}, "worker_stop_timeout", "from 0"),
    ("w1", {"worker_log_level": "LOUD"}, "worker_log_level", "must be one of"),
    ("w1", {"worker_defaults": {"pool": "solo"}}, "concurrency", "Set it to 1"),
    ("w1", {"worker_defaults": {"colour": 1}}, "colour", "extra_args"),
    ("w1", {"application_packages": "celery"}, "application_packages", "must be a list"),
    ("w1", {"taskstack_environment": {"BAD NAME": "x"}}, "BAD NAME", "letters, digits and _"),
    ("w1", {"taskstack_environment": {"A$(touch /tmp/x)": "x"}}, "A$(touch /tmp/x)", "letters, digits and _"),
    ("w1", {"taskstack_environment": {"lower-case": "y"}}, "lower-case", "letters, digits and _"),
    ("w1", {"taskstack_environment": {"A\n": "y"}}, "taskstack_environment", "letters, digits and _"),
    ("w1", {"taskstack_broker_vhost": "a$b"}, "taskstack_broker_vhost", "Choose another"),
    ("mq", {"taskstack_broker_user": "a`id`"}, "taskstack_broker_user", "Choose another"),
    ("mq", {"rabbitmq_admin_user": 'a"b'}, "rabbitmq_admin_user", "Choose another"),
    ("w1", {"taskstack_monitor_user": "--help"}, "taskstack_monitor_user", "no - at the beginning"),
    ("w1", {"taskstack_queues": ["$HOME"]}, "$HOME", "Change it"),
    ("w1", {"flower_password": f"{SECRET}ß"}, "flower_password", "ASCII"),
    ("w1", {"flower_password": f"{SECRET}\n"}, "flower_password", "line break"),
    ("w1", {"flower_user": "a:b"}, "flower_user", "colon"),
]


@pytest.mark.parametrize(("host", "wrong", "variable", "cure"), WRONG_VARIABLES, ids=str)
def test_a_wrong_variable_is_refused_with_its_name_and_the_cure(
    host: str, wrong: dict[str, t.Any], variable: str, cure: str
) -> None:
    facts, groups = inventory()
    facts[host].update(wrong)
    sentences = [sentence for sentence in refused(facts, groups) if variable in sentence and cure in sentence]
    assert sentences, refused(facts, groups)
    assert host in sentences[0].split(":")[0]
    assert SECRET not in str(refused(facts, groups))


def test_two_beats_are_refused_with_both_hosts() -> None:
    facts, groups = inventory()
    groups["beat"] = ["w1", "w2"]
    (sentence,) = refused(facts, groups)
    assert sentence.startswith("w1, w2: beat would run more than once")


def test_a_beat_that_is_switched_off_does_not_count() -> None:
    facts, groups = inventory()
    groups["beat"] = ["w1", "w2"]
    facts["w2"]["beat_enabled"] = False
    assert refused(facts, groups) == []


def test_a_broker_is_missed_when_nothing_names_one() -> None:
    facts, groups = inventory()
    groups["rabbitmq"] = []
    (sentence,) = refused(facts, groups)
    assert "taskstack_broker_host is not set" in sentence


@pytest.mark.parametrize(
    ("node", "cure"),
    [
        ({"pool": "prefork"}, "Use solo"),
        ({"extra_args": ["-B"]}, "Put a host into group beat"),
        ({"concurrency": 4}, "Set it to 1"),
    ],
    ids=str,
)
def test_windows_refuses_what_celery_cannot_do_there(node: dict[str, t.Any], cure: str) -> None:
    facts, groups = inventory()
    facts["w2"].update(taskstack_supervisor="windows", worker_nodes=[{"name": "video", "queues": ["video"], **node}])
    assert any(cure in sentence for sentence in refused(facts, groups))


def test_a_host_whose_name_cannot_be_part_of_a_node_is_refused() -> None:
    facts, groups = inventory()
    facts["[::1]"] = facts.pop("w2")
    groups["worker"] = ["w1", "[::1]"]
    assert any("Rename it in the inventory" in sentence for sentence in refused(facts, groups))


def test_a_collection_for_windows_hosts_that_is_missing_is_told_with_the_command() -> None:
    facts, groups = inventory()
    facts["w2"]["taskstack_supervisor"] = "windows"
    (sentence,) = problems(facts, groups, SPECS, ["ansible.windows", "community.windows"])
    assert sentence.startswith("w2: ")
    assert sentence.endswith("ansible-galaxy collection install ansible.windows community.windows")


def test_linux_hosts_need_no_further_collection() -> None:
    assert problems(*inventory(), SPECS, ["ansible.windows"]) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [("workers", "worker"), ("Worker", "worker"), ("celery", "worker"), ("beats", "beat"), ("broker", "rabbitmq")],
)
def test_a_group_under_another_name_is_told_with_ours(name: str, meant: str) -> None:
    facts, groups = inventory()
    groups[name] = groups.pop(meant)
    sentences = [sentence for sentence in refused(facts, groups) if f"Did you mean group {meant}?" in sentence]
    assert len(sentences) == 1 and f"group {name} " in sentences[0], refused(facts, groups)


def test_groups_of_ones_own_are_nobodys_business() -> None:
    facts, groups = inventory()
    groups.update(workers=["w1"], broker=["mq"], servers=["w1", "w2"], windows=[], all=["mq", "w1", "w2"])
    assert refused(facts, groups) == []


def test_a_broker_elsewhere_may_be_in_a_group_of_its_own_name() -> None:
    facts, groups = inventory()
    groups.update(rabbitmq=[], broker=["mq"])
    for host in ("w1", "w2"):
        facts[host]["taskstack_broker_host"] = "mq"
    assert refused(facts, groups) == []


def test_a_stack_without_a_worker_is_refused() -> None:
    facts, groups = inventory()
    groups["worker"] = []
    facts["w1"]["beat_schedule"] = []
    (sentence,) = refused(facts, groups)
    assert sentence.startswith("group worker has no host")


def test_an_inventory_without_any_of_our_groups_is_refused() -> None:
    (sentence,) = refused({}, {"all": ["w1"], "ungrouped": ["w1"]})
    assert "none of the groups rabbitmq, worker, beat, flower has a host" in sentence


def test_a_broker_alone_is_deployed() -> None:
    facts, groups = inventory()
    assert refused(facts, {"rabbitmq": groups["rabbitmq"]}) == []


def test_a_queue_with_a_blank_that_the_application_knows_is_not_refused() -> None:
    facts, groups = inventory()
    facts["w2"]["worker_nodes"][0]["queues"] = ["my queue"]
    facts["w2"]["taskstack_queues"] = ["my queue"]
    assert refused(facts, groups) == []


def test_an_open_flower_needs_no_password_that_fits() -> None:
    facts, groups = inventory()
    facts["w1"].update(flower_open_api=True, flower_password="ß")
    assert refused(facts, groups) == []


def test_all_mistakes_are_told_at_once() -> None:
    facts, groups = inventory()
    groups["beat"] = ["w1", "w2"]
    facts["w1"].update(taskstack_app=None, flower_password=None)
    facts["w2"]["worker_nodes"][0].update(concurrency=4, queus=1)
    assert len(refused(facts, groups)) == 4


def test_one_mistake_on_many_hosts_is_one_sentence() -> None:
    hosts = [f"w{number}" for number in range(9)]
    facts = {host: {**STACK, "worker_log_level": "LOUD"} for host in hosts}
    (sentence,) = refused(facts, {"worker": hosts, "rabbitmq": [], "beat": [], "flower": []} | {"rabbitmq": ["w0"]})
    assert sentence.startswith("w0, w1, w2 and 6 more: worker_log_level")


TEXT = st.text("aZ0é -_,.;:/%@#'\"\\=\n\x00", max_size=8)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
VARIABLE = st.sampled_from(sorted({name for spec in SPECS.values() for name in spec}))
OPTION = st.sampled_from(sorted({"extra_args", "queues", *SPECS["worker"]["worker_nodes"]["options"]}))


@given(st.dictionaries(VARIABLE, ANYTHING, max_size=4), st.dictionaries(OPTION, ANYTHING, max_size=4))
@example({"application_log_days": float("inf")}, {})
def test_whatever_an_inventory_holds_it_is_judged_and_never_a_crash(
    variables: dict[str, t.Any], options: dict[str, t.Any]
) -> None:
    facts, groups = inventory()
    facts["w1"].update(variables)
    facts["w2"]["worker_nodes"][0].update(options)
    for sentence in refused(facts, groups):
        assert sentence.endswith((".", "?")) or "\n" in sentence, sentence


@given(OPTION.filter(lambda name: name != "name"), ANYTHING)
def test_what_is_not_refused_makes_a_definition(option: str, value: t.Any) -> None:
    from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.definitions import definitions

    facts, groups = inventory()
    facts["w2"]["worker_nodes"][0][option] = value
    if refused(facts, groups) == []:
        stack = {"name": "shop", "host": "w2", "directory": "/opt/shop", "user": "shop", "supervisor": "supervisord"}
        (definition,) = definitions(facts["w2"]["worker_nodes"], "worker", stack)
        assert all(isinstance(word, str) and "\n" not in word for word in definition["argv"])

"""Arches, CRATE and the stand-in for CATMAID (on Python 3.8) on one host and one broker, each by its own inventory."""

import base64
import functools
import json

import pytest

# A task of each application, and how the application itself sends it.
TASKS = {
    "arches": "arches.app.tasks.delete_file",
    "crate": "crate_anon.crateweb.consent.tasks.test_email_rdbm_task",
    "catmaid": "mysite.tasks.clean_up",
}
SEND = {"arches": "python manage.py shell -v 0 -c", "crate": "python -c", "catmaid": "python -c"}


def send(stack):
    module, _, task = TASKS[stack.name].rpartition(".")
    stack.sh(f"celery-{stack.name} --run {SEND[stack.name]} 'from {module} import {task}; {task}.delay()'")


def has_seen(stack, task):
    return task in [entry["name"] for entry in stack.status()["tasks"]]


def waiting(stacks):
    return {name: stack.status()["queues"][0]["waiting"] for name, stack in stacks.items()}


@pytest.fixture(scope="module")
def seen(stacks):
    """What the status of each says after each was sent a task, and the web pages have the new settings."""
    for stack in stacks.values():
        send(stack)
    stack.sh("systemctl restart gunicorn")
    for name, stack in stacks.items():
        stack.wait_until(functools.partial(has_seen, stack, TASKS[name]), f"The task of {name}")
    return {name: stack.status() for name, stack in stacks.items()}


def names(status):
    """All nodes, tasks and program hosts that a status tells of."""
    return {worker["node"] for worker in status["workers"]}, {task["name"] for task in status["tasks"]}


def test_all_are_healthy_at_once(seen):
    assert len(seen) >= 2
    assert {name: (status["healthy"], status["problems"]) for name, status in seen.items()} == dict.fromkeys(
        seen, (True, [])
    )


def test_status_of_each_sees_only_its_own(seen):
    nodes = {"arches": "project@arches1", "crate": "consent@crate1", "catmaid": "crop@catmaid1"}
    prefixes = {"arches": ("arches.",), "crate": ("crate_anon.",), "catmaid": ("mysite.",)}
    for name, status in seen.items():
        workers, tasks = names(status)
        assert workers == {f"{nodes[name]}.example.org"}
        assert tasks and all(task.startswith((*prefixes[name], "celery.accumulate")) for task in tasks), tasks
        assert [queue["name"] for queue in status["queues"]] == ["celery"]


def test_the_same_queue_name_is_another_queue_in_each_virtual_host(stacks):
    stack = stacks["arches"]
    stack.sh("supervisorctl stop crate-consent")
    send(stacks["crate"])
    # The broker counts every few seconds.
    expected = {name: int(name == "crate") for name in stacks}
    stack.wait_until(lambda: waiting(stacks) == expected, "One task to wait, and only for CRATE", 20)
    problems = {name: found.status()["problems"] for name, found in stacks.items()}
    assert problems.pop("crate") and not any(problems.values()), problems
    stack.sh("supervisorctl start crate-consent")
    # CRATE takes a while to load.
    stack.wait_until(lambda: stacks["crate"].status()["healthy"], "CRATE to be at work again")


def test_the_monitor_of_one_may_not_look_into_another(stacks):
    stack = stacks["crate"]
    for vhost, expected in (("crate", "200"), ("arches", "401")):
        description = json.loads(stack.sh("cat /etc/taskstack/crate.json"))["broker"]
        login = f"{description['management_user']}:{description['management_password']}"
        header = base64.b64encode(login.encode()).decode()
        code = (
            "import sys, urllib.request, urllib.error\n"
            f"request = urllib.request.Request('http://127.0.0.1:15672/api/queues/{vhost}')\n"
            f"request.add_header('Authorization', 'Basic {header}')\n"
            "try:\n    print(urllib.request.urlopen(request).status)\n"
            "except urllib.error.HTTPError as error:\n    print(error.code)\n"
        )
        assert stack.sh(f"python3 - <<'END'\n{code}END").strip() == expected


def test_stopping_one_leaves_the_others_at_work(stacks):
    for name, stack in stacks.items():
        if name != "arches":
            before = stack.sh(f"supervisorctl pid {next(iter(stack.programs()))}")
            stacks["arches"].stop()
            assert stack.status()["healthy"]
            assert stack.sh(f"supervisorctl pid {next(iter(stack.programs()))}") == before
    assert not any("heritage" in line for line in stacks["arches"].processes("www-data") if "celery" in line)


def test_the_stand_in_for_catmaid_runs_on_python_3_8(seen):
    if "catmaid" in seen:
        (worker,) = seen["catmaid"]["workers"]
        assert (worker["celery"], worker["python"].rpartition(".")[0]) == ("4.4.7", "3.8")

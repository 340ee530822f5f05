"""A stack that this collection has not deployed: old Celerys, other serializers, odd names."""

from __future__ import annotations

import pathlib
import re
import time
import typing as t

testinfra_hosts = ["docker://ts-status-legacy"]


def states(report: dict[str, t.Any]) -> dict[str, str]:
    return {worker["node"]: worker["state"] for worker in report["workers"]}


def test_celery_4_and_5_and_odd_names_are_all_told_and_no_reply_queue_is_left_behind(
    legacy_status: t.Any, legacy_workers: t.Any, inside_legacy: t.Any
) -> None:
    odd = "odd näme&<b>.é@dev"
    legacy_workers(("5.2", odd, "-c 2"), ("5.2", "thr@dev", "-P threads"), ("4.4", "old@dev", "-c 1"))
    found = legacy_status()
    assert found["broker"]["version"].startswith("3.10.")
    told = {worker["node"]: (worker["state"], worker["pool"], worker["celery"]) for worker in found["workers"]}
    assert told == {
        odd: ("up", "prefork", "5.2.7"),
        "thr@dev": ("up", "threads", "5.2.7"),
        "old@dev": ("up", "prefork", "4.4.7"),
    }
    assert any("different major versions of Celery" in problem for problem in found["problems"])
    assert "taskstack" not in inside_legacy("rabbitmqctl -q list_queues -p legacy name </dev/null")


def test_green_pools_are_told_and_what_such_a_pool_cannot_terminate_is_an_error(
    legacy_status: t.Any, legacy_workers: t.Any, legacy_revoke: t.Any, inside_legacy: t.Any
) -> None:
    legacy_workers(("5.2", "gevent@dev", "-P gevent -c 5 -Q one"), ("5.2", "eventlet@dev", "-P eventlet -c 5 -Q two"))
    nap = "import legacy_app as l; [print(l.nap.apply_async((90,), queue=queue).id) for queue in ('one', 'two')]"
    one, two = inside_legacy(f'cd /opt && celery-5.2/bin/python -c "{nap}"').split()

    def running() -> dict[str, str]:
        return {task["id"]: task["worker"] for task in legacy_status()["tasks"] if task["state"] == "active"}

    for _ in range(20):
        if len(running()) == 2:
            break
    assert running() == {one: "gevent@dev", two: "eventlet@dev"}
    told = {row["node"]: (row["state"], row["pool"], row["concurrency"]) for row in legacy_status()["workers"]}
    # The gevent of Celery before 5.3 does not say what it is.
    assert told == {"gevent@dev": ("up", None, 5), "eventlet@dev": ("up", "eventlet", 5)}
    refused = legacy_revoke(ids=[one], terminate=True)
    assert not refused["succeeded"] and "Worker gevent@dev refused: NotImplementedError" in refused["msg"]
    assert legacy_revoke(ids=[two], terminate=True)["succeeded"]
    assert running() == {one: "gevent@dev"}


def test_a_renamed_control_exchange_is_a_parameter(legacy_status: t.Any, legacy_workers: t.Any) -> None:
    legacy_workers(("5.2", "a@dev", "-c 1"), control_exchange="theirs")
    assert states(legacy_status(control_exchange="theirs")) == {"a@dev": "up"}
    assert legacy_status()["celery"]["state"] == "down"


def test_pickle_only_workers_are_reported_without_decoding_a_pickle(
    legacy_status: t.Any, legacy_workers: t.Any, inside_legacy: t.Any
) -> None:
    pickled = {"task_serializer": "pickle", "accept_content": ["pickle"]}
    legacy_workers(("5.2", "p@dev", "-c 1"), ("5.2", "q@dev", "-P threads"), **pickled)
    # Whoever unpickles in a process with this file ends it.
    trap = "import pickle, os; pickle.loads = pickle.load = pickle.Unpickler = lambda *a, **k: os._exit(99)"
    file = "/usr/lib/python3/dist-packages/no_pickle.pth"
    inside_legacy(f"echo '{trap}' > {file}")
    try:
        assert inside_legacy("/usr/bin/python3 -c 'import pickle; pickle.loads(b\"N.\")'; echo $?").strip() == "99"
        found = legacy_status(deadline=4, expected_tasks=["legacy_app.nap"])
        assert states(found) == {"p@dev": "up", "q@dev": "up"}
        assert found["problems"] == []
        assert [worker["readable"] for worker in found["workers"]] == [False, False]
        lacking = legacy_status(deadline=4, expected_tasks=["legacy_app.gone"])
        assert any("legacy_app.gone" in problem for problem in lacking["problems"])
    finally:
        inside_legacy(f"rm {file}")


def test_celery_4_with_pickle_only_tasks_still_talks_json(legacy_status: t.Any, legacy_workers: t.Any) -> None:
    legacy_workers(("4.4", "crop@dev", "-c 1"), task_serializer="pickle", accept_content=["pickle"])
    found = legacy_status(expected_tasks=["legacy_app.nap"])
    assert states(found) == {"crop@dev": "up"} and found["workers"][0]["readable"]


def test_replies_above_a_megabyte_arrive_whole(
    legacy_status: t.Any, legacy_workers: t.Any, inside_legacy: t.Any
) -> None:
    inside_legacy("rabbitmqctl -q purge_queue -p legacy celery </dev/null")
    legacy_workers(("5.2", "big@dev", "-c 1"))
    many = "import legacy_app as l; [l.nap.apply_async((1, 'x' * 5000), countdown=900) for _ in range(300)]"
    inside_legacy(f'cd /opt && celery-5.2/bin/python -c "{many}"')
    # A busy machine takes its time to hand the tasks over, the more the oftener the worker is asked meanwhile.
    end = time.monotonic() + 180
    while len((found := legacy_status(deadline=20))["workers"][0]["scheduled"] or []) < 300 and time.monotonic() < end:
        time.sleep(3)
    assert len(found["workers"][0]["scheduled"]) == 300


def test_hundreds_of_workers_are_all_told(legacy_status: t.Any, inside_legacy: t.Any) -> None:
    names = [f"crowd-{number:03d}@dev" for number in range(300)]
    crowd = "import legacy_app; legacy_app.crowd(300)"
    pid = inside_legacy(
        f"cd /opt; setsid celery-5.2/bin/python -c '{crowd}' </dev/null >/var/log/crowd.log 2>&1 & echo $!;"
        "timeout 60 sh -c 'until grep -q ready /var/log/crowd.log; do sleep 0.2; done' </dev/null"
    )
    try:
        found = legacy_status(deadline=20)
    finally:
        inside_legacy(f"kill -9 -- -{pid.strip()}")
    assert states(found) == dict.fromkeys(names, "up")
    assert {tuple(worker["registered"]) for worker in found["workers"]} == {("legacy_app.nap",)}


def test_a_broker_that_serves_somebody_else_is_refused_before_any_host_is_changed(
    stack: t.Any, tmp_path: pathlib.Path
) -> None:
    def take_theirs(everything: dict[str, t.Any]) -> None:
        everything["children"]["rabbitmq"]["hosts"] = {"ts-status-legacy": None}

    # By a name that the other host can find, which preflight asks first.
    refused = stack.play(inventory=stack.inventory(tmp_path, take_theirs), taskstack_broker_host="ts-status-stack")
    said = " ".join(refused.stdout.split())
    assert refused.returncode and "serves something else already (virtual hosts legacy; users legacy, watcher;" in said
    assert set(re.findall(r"changed=(\d+)", refused.stdout)) == {"0"}

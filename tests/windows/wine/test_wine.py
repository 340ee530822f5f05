"""What the roles have written, started and stopped. Wine plays Windows; its Python, Celery and RabbitMQ are real.

In the order of a life: each test leaves all four processes running.
"""

from __future__ import annotations

import pytest
from wine_stage import NODES, SECRET, STACK, WINDOWS, eventually, run

PROCESSES = ["single", "threads", "beat", "flower"]
DONE = r"C:\shop\done"
SHOP = r"C:\shop\shop.py"


def pids(windows) -> dict[str, str]:
    return {process: windows.pid(process) for process in PROCESSES}


def consumers(windows) -> dict[str, int]:
    return {queue["name"]: queue.get("consumers", 0) for queue in windows.api("queues/shop")}


def test_the_role_brings_up_two_workers_beat_and_flower(windows):
    result = windows.stage.play()
    assert result.code == 0, result.failure() + windows.logs()
    assert len(set(pids(windows).values())) == 4
    assert {"single": 1, "threads": 1}.items() <= consumers(windows).items()
    windows.wait_for(rf"{DONE}\tick.ended")
    check = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:5555/healthcheck', timeout=9).status)"
    assert run("docker", "exec", WINDOWS, "python3", "-c", check) == "200\n"


def test_a_second_run_changes_nothing_and_restarts_nothing(windows):
    before = pids(windows)
    result = windows.stage.play()
    assert (result.code, result.changed("pc")) == (0, [])
    assert pids(windows) == before


def test_a_secret_full_of_characters_that_cmd_mangles_arrives(windows):
    windows.send("single", "tell_secret", "secret")
    assert windows.wait_for(rf"{DONE}\secret") == SECRET


def test_the_launcher_answers_with_the_environment_of_the_processes(windows):
    launcher = rf"{STACK}\bin\celery-shop.bat"
    answer = run("docker", "exec", WINDOWS, "wine", "cmd", "/c", launcher, "inspect", "ping", "--timeout=5")
    assert {f"{node['name']}@pc" for node in NODES} <= {line.split(":")[0].strip("-> ") for line in answer.splitlines()}


def test_the_next_trigger_revives_a_killed_worker_and_leaves_the_others_alone(windows):
    before = pids(windows)
    windows.kill("single")
    assert "stopped" in windows.batch("single", "status")
    windows.revive("single", "daily")
    after = pids(windows)
    assert {name for name in PROCESSES if after[name] != before[name]} == {"single"}
    eventually(lambda: consumers(windows)["single"] == 1)


@pytest.mark.parametrize("process", ["single", "threads"])
def test_a_warm_stop_lets_the_running_task_end(windows, process):
    windows.send(process, "work", f"last-{process}", 5)
    windows.wait_for(rf"{DONE}\last-{process}.begun")
    assert "stopped, running tasks have ended" in windows.batch(process, "stop")
    assert windows.read(rf"{DONE}\last-{process}.ended")
    assert "ended with 0" in windows.read(rf"{STACK}\log\shop-{process}.log")
    windows.scheduler("run", rf"\taskstack\shop\shop-{process}")
    eventually(lambda: "running" in windows.batch(process, "status"))


@pytest.mark.parametrize("process", ["beat", "flower"])
def test_beat_and_flower_stop_without_force(windows, process):
    assert "stopped, running tasks have ended" in windows.batch(process, "stop")
    windows.scheduler("boot")
    eventually(lambda: "running" in windows.batch(process, "status"))


def test_a_pid_file_that_names_a_sibling_hurts_nobody(windows):
    before = windows.pid("threads")
    windows.kill("single")
    pid_file = windows.file(STACK + r"\run\shop-single.pid")
    run("docker", "exec", WINDOWS, "cp", windows.file(STACK + r"\run\shop-threads.pid"), pid_file)
    assert "does not run" in windows.batch("single", "stop")
    windows.revive("single", "boot")
    assert windows.pid("threads") == before != windows.pid("single")


def test_the_recorder_and_resubmit_lose_no_task_over_a_kill(windows):
    windows.send("threads", "work", "killed", 8)
    windows.wait_for(rf"{DONE}\killed.begun")
    windows.kill("threads")
    windows.revive("threads", "daily")
    eventually(lambda: consumers(windows)["threads"] == 1)
    assert windows.read(rf"{DONE}\killed.ended") is None, "the broker took it as done when the worker began"
    would = windows.resubmit.play("--check")
    assert would.code == 0, would.failure() + would.output[-2000:]
    assert "1 found, 1 would be sent, 0 skipped" in would.output
    sent = windows.resubmit.play()
    assert "1 found, 1 sent, 0 skipped" in sent.output, sent.output[-3000:]
    windows.wait_for(rf"{DONE}\killed.ended")
    again = windows.resubmit.play()
    assert (again.code, again.changed("pc")) == (0, [])
    assert "0 found, 0 sent" in again.output


def test_status_on_linux_sees_the_windows_workers_through_the_broker(windows):
    # On a busy machine an answer may come too late: that is silent, and not down.
    eventually(lambda: windows.status()["celery"]["up"] == 2)
    report = windows.status()
    workers = {worker["node"]: worker for worker in report["workers"]}
    assert set(workers) == {"single@pc", "threads@pc"}
    assert {"shop.work", "shop.tell_secret"} <= set(workers["threads@pc"]["registered"])
    assert report["broker"]["state"] == "running"


def test_a_change_of_one_node_restarts_only_that_one(windows):
    before = pids(windows)
    nodes = [NODES[0], {**NODES[1], "concurrency": 2}]
    result = windows.workers.play(worker_nodes=nodes, windows_tasks_restart_times=["05:55"])
    assert result.code == 0, result.failure() + windows.logs()
    after = pids(windows)
    assert {name for name in PROCESSES if after[name] != before[name]} == {"threads"}


def test_a_forced_restart_ends_the_task_first_and_comes_back_in_its_own_task(windows):
    before = pids(windows)
    windows.send("single", "work", "restarted", 3)
    windows.wait_for(rf"{DONE}\restarted.begun")
    windows.scheduler("act", r"\taskstack\shop\shop-single restart")
    assert windows.read(rf"{DONE}\restarted.ended")
    eventually(lambda: "running" in windows.batch("single", "status"))
    after = pids(windows)
    assert {name for name in PROCESSES if after[name] != before[name]} == {"single"}


def test_a_worker_that_cannot_start_fails_the_run_with_the_end_of_its_log(windows):
    broken = "raise RuntimeError('the shop is closed')"
    run("docker", "exec", WINDOWS, "sh", "-c", f"echo \"{broken}\" >'{windows.file(SHOP)}'")
    result = windows.workers.play(worker_nodes=[{**NODES[0], "log_level": "DEBUG"}])
    assert result.code != 0
    assert "the shop is closed" in result.failure() + result.output

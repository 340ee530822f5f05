"""Changes of mind: nothing runs twice, nothing stays behind unseen, and a mistake reaches one host only."""

from __future__ import annotations

import typing as t

import pytest
from two_hosts import CHANGED, ONE, TWO, Change, changes, deploy, inside, lose_a_task, pids, play, sampled

testinfra_hosts = ["docker://ts-change-one"]
NODES = [
    {"name": "quick", "queues": ["celery"], "concurrency": 2},
    {"name": "slow", "queues": ["slow"], "concurrency": 1},
]
EVERYTHING = {"quick", "slow", "beat", "flower"}


@pytest.fixture
def restored() -> t.Iterator[None]:
    """Afterwards the stack is as it was deployed."""
    yield
    if CHANGED[0]:
        deploy()


def once(host: str) -> set[str]:
    """The names of what runs on a host; nothing may run twice."""
    found = pids(host)
    assert all(len(those) == 1 for those in found.values()), found
    return set(found)


def resubmit(host: str, *options: str, change: Change | None = None) -> str:
    """What resubmit.yml reports of a host, with the ids of the tasks that it has found."""
    done = play("-v", "--limit", host, *options, playbook="playbooks/resubmit.yml", change=change)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def test_a_host_without_a_change_is_not_touched_and_costs_no_second_look() -> None:
    before = {host: pids(host) for host in (ONE, TWO)}
    output = deploy()
    assert changes(output, ONE) == changes(output, TWO) == 0
    assert "TASK [taskstack.celery.supervise : Keep the processes running]" not in output
    assert {host: pids(host) for host in (ONE, TWO)} == before


def test_a_value_that_breaks_every_worker_breaks_one(restored: None) -> None:
    before = pids(TWO)
    broken = [{**NODES[0], "extra_args": ["--no-such-option"]}, NODES[1]]
    done = play(worker_nodes=broken)
    said = " ".join(done.stdout.split())
    assert done.returncode != 0 and f"{ONE} did not come up with what has changed" in said, said[-3000:]
    assert f"Not touched, and working as before: {TWO}." in said
    assert pids(TWO) == before
    # The correction reaches the broken host alone.
    output = deploy()
    assert once(ONE) == EVERYTHING and pids(TWO) == before and changes(output, TWO) == 0


def test_a_tag_changes_that_part_and_no_other(restored: None) -> None:
    fewer = [{**NODES[0], "concurrency": 1}, NODES[1]]
    before = {host: pids(host) for host in (ONE, TWO)}
    both = {"worker_nodes": fewer, "flower_max_tasks": 99}
    deploy("--tags", "flower", **both)
    assert pids(ONE) == {**before[ONE], "flower": pids(ONE)["flower"]} != before[ONE] and pids(TWO) == before[TWO]
    deploy("--tags", "rabbitmq", **both)
    deploy("--skip-tags", "worker", **both)
    assert all(pids(host)["quick"] == before[host]["quick"] for host in (ONE, TWO))
    deploy("--tags", "worker", **both)
    assert all(pids(host)["quick"] != before[host]["quick"] for host in (ONE, TWO))
    assert all(changes(deploy(**both), host) == 0 for host in (ONE, TWO))
    CHANGED[0] = True


def test_a_queue_of_two_hosts_keeps_a_consumer_while_both_change(restored: None) -> None:
    before = {host: pids(host)["quick"] for host in (ONE, TWO)}
    listing = "rabbitmqctl -q list_queues -p sample name consumers --no-table-headers | grep '^celery\t'"
    with sampled(ONE, listing) as seen:
        deploy(worker_nodes=[{**NODES[0], "concurrency": 1}, NODES[1]])
        counts = [int(line.split()[1]) for line in seen()]
    assert all(pids(host)["quick"] != before[host] for host in (ONE, TWO))
    assert min(counts) == 1 and max(counts) == 2, counts


def test_beat_that_moves_stops_before_it_starts_elsewhere(restored: None) -> None:
    beat = "pgrep -f '/bin/celery .*[b]eat ' > /dev/null && date +%s.%N; sleep 0.1"
    with sampled(ONE, beat) as old, sampled(TWO, beat) as new:
        deploy(change=lambda groups: groups.update(beat={"hosts": {TWO: None}}))
        assert once(ONE) == EVERYTHING - {"beat"} and once(TWO) == {"quick", "slow", "beat"}
        stopped, started = map(float, (old()[-1], new()[0]))
    assert stopped < started


def test_another_supervisor_takes_over_and_records_stay(restored: None) -> None:
    task = lose_a_task(TWO)
    deploy(change=on_two(taskstack_supervisor="systemd"))
    assert once(TWO) == {"quick", "slow"}
    assert inside(TWO, "systemctl is-active sample-quick sample-slow").split() == ["active", "active"]
    assert inside(TWO, "ls /etc/supervisor/conf.d").split() == []
    assert task in resubmit(TWO, "--check")
    deploy()
    assert once(TWO) == {"quick", "slow"} and task in resubmit(TWO)


def test_a_renamed_node_leaves_no_process_and_its_lost_tasks_are_found(restored: None) -> None:
    task = lose_a_task(TWO)
    deploy(worker_nodes=[NODES[0], {**NODES[1], "name": "late"}])
    assert once(ONE) == {"quick", "late", "beat", "flower"} and once(TWO) == {"quick", "late"}
    assert task in resubmit(TWO)


def test_a_host_that_keeps_the_broker_only_runs_nothing_else_and_its_lost_tasks_are_found(restored: None) -> None:
    task = lose_a_task(ONE)

    def leave(groups: dict[str, t.Any]) -> None:
        groups["worker"]["hosts"].pop(ONE)
        groups["beat"]["hosts"] = groups["flower"]["hosts"] = {TWO: None}

    deploy(change=leave)
    assert once(ONE) == set() and once(TWO) == EVERYTHING
    status = play(playbook="playbooks/status.yml", change=leave)
    assert "lost" in status.stdout, status.stdout[-3000:]
    assert task in resubmit(ONE, change=leave)


def test_removal_stops_what_another_supervisor_runs_than_the_inventory_names(restored: None) -> None:
    deploy(change=on_two(taskstack_supervisor="systemd"))
    inside(TWO, "systemctl stop supervisor; systemctl disable -q supervisor")
    remove()
    assert once(TWO) == set() and inside(TWO, "ls /etc/systemd/system | grep sample; true") == ""


def test_another_account_is_refused_with_a_way_that_works(restored: None) -> None:
    refused = play(change=on_two(taskstack_user="other"))
    said = " ".join(refused.stdout.split())
    assert refused.returncode != 0 and f"The processes of sample on {TWO} run as sample" in said, said[-3000:]
    assert "playbooks/resubmit.yml, remove.yml, site.yml" in said and "Nothing was changed on any host" in said
    resubmit(TWO)
    remove()
    deploy(change=on_two(taskstack_user="other"))
    assert once(TWO) == {"quick", "slow"}
    assert set(inside(TWO, "ps -o user= -p $(pgrep -d, -f '/bin/[c]elery ')").split()) == {"other"}
    remove()


def on_two(**variables: str) -> Change:
    """A change of what the inventory says of the second host."""
    return lambda groups: groups["worker"]["hosts"].update({TWO: variables})


def remove() -> None:
    """Remove the stack from the second host."""
    done = play("--limit", TWO, playbook="playbooks/remove.yml", remove_records=True)
    assert done.returncode == 0, done.stdout[-4000:]

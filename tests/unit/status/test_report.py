"""Folding what was found into a report, and what is wrong with it."""

from __future__ import annotations

import random
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._broker.queues import Queue
from ansible_collections.taskstack.celery.plugins.module_utils._control.messages import Reply
from ansible_collections.taskstack.celery.plugins.module_utils._control.replies import Inspection
from ansible_collections.taskstack.celery.plugins.module_utils._control.worker import METHODS, pool_name
from ansible_collections.taskstack.celery.plugins.module_utils._status.sentences import SENTENCES, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._status.unknown import failures, required
from fake_stack import Worker
from hypothesis import given, settings
from hypothesis import strategies as st
from reports import NOW, RUNNING, beat, blind, described, kinds, replies, report

NODES = ["crop@h1", "stats@h1", "mail@h2"]
CELERY = Queue("celery", 9, 0, 1)


def states(found: dict[str, t.Any]) -> dict[str, str]:
    return {worker["node"]: worker["state"] for worker in found["workers"]}


def test_a_stack_in_order_has_no_problems() -> None:
    found = report(Worker("crop@h1"), description=described([{"node": "crop@h1"}], expected_tasks=["app.add"]))
    assert found["problems"] == [] and found["unknown"] == [] and found["healthy"]
    assert found["celery"] == {"state": "up", "up": 1, "busy": 0, "workers": 1}
    worker = found["workers"][0]
    assert (worker["pool"], worker["concurrency"], worker["celery"], worker["done"]) == ("prefork", 2, "5.7.0", 3)


def test_a_worker_that_is_bound_but_says_nothing_is_silent() -> None:
    found = report(known=["crop@h1"])
    assert states(found) == {"crop@h1": "silent"}
    assert found["celery"]["state"] == "silent"
    assert kinds(found) == ["worker_silent"] and "has not answered within 3 s" in found["problems"][0]


@pytest.mark.parametrize(
    ("supervisor", "words"),
    [
        ("supervisord", "On h1: supervisorctl start shop-crop"),
        ("systemd", "On h1: systemctl start shop-crop"),
        ("windows", r"On h1: C:\ProgramData\taskstack\shop\bin\celery-shop-crop.bat start"),
    ],
)
def test_a_missing_worker_is_started_in_the_words_of_its_own_supervisor(supervisor: str, words: str) -> None:
    expected = [{"node": "a@h"}, {"node": "crop@h1", "supervisor": supervisor}]
    found = report(Worker("a@h"), expected=expected)
    assert states(found)["crop@h1"] == "missing"
    assert words in found["problems"][0]


def test_a_missing_worker_whose_process_runs_is_restarted_and_not_started() -> None:
    runs = {"crop@h1": {"pid": 4, "frozen": False, "children": 1, "frozen_children": 0}}
    found = report(Worker("a@h"), expected=[{"node": "a@h"}, {"node": "crop@h1"}], processes=runs)
    assert "runs (pid 4) and is not connected" in found["problems"][0]
    assert "On h1: supervisorctl restart shop-crop" in found["problems"][0]


@pytest.mark.parametrize("who", ["known", "missing"])
def test_a_worker_whose_process_is_stopped_is_frozen_whatever_the_broker_thinks(who: str) -> None:
    runs = {"crop@h1": {"pid": 4, "frozen": True, "children": 1, "frozen_children": 0}}
    known = ["crop@h1"] if who == "known" else []
    found = report(Worker("a@h"), expected=[{"node": "crop@h1"}], known=["a@h", *known], processes=runs)
    assert "worker_frozen" in kinds(found) and not {"worker_silent", "worker_missing"} & set(kinds(found))


def test_frozen_pool_processes_are_told_although_their_worker_answers() -> None:
    runs = {"a@h": {"pid": 4, "frozen": False, "children": 2, "frozen_children": 2}}
    found = report(Worker("a@h"), queues=[CELERY], moving={"celery": False}, processes=runs)
    assert kinds(found) == ["pool_frozen"] and failures(found, ["queues"]) == found["problems"]
    assert "2 of the 2 pool processes of worker a@h are frozen" in found["problems"][0]


def test_celery_is_down_when_the_broker_knows_of_no_worker() -> None:
    found = report(known=[])
    assert found["celery"]["state"] == "down"
    assert "Celery is down" in found["problems"][0]


@pytest.mark.parametrize("state", ["down", "denied", "unknown"])
def test_without_the_broker_all_of_celery_is_unknown_and_only_the_cause_is_told(state: str) -> None:
    broker = {"state": state, "detail": "No answer from http://mq1:15672.", "version": None}
    found = report(broker=broker, queues=None, inspection=None, expected=[{"node": node} for node in NODES])
    assert found["celery"]["state"] == "unknown"
    assert set(states(found).values()) == {"unknown"}
    assert found["problems"] == ["No answer from http://mq1:15672."]
    for area in ("broker", "workers", "queues", "versions"):
        assert failures(found, [area]) == ["No answer from http://mq1:15672."]


def test_a_host_that_cannot_see_the_broker_has_no_problem_and_is_not_healthy_either() -> None:
    found = blind()
    assert found["problems"] == [] and not found["healthy"]
    assert found["unknown"] == ["broker", "workers", "queues", "versions"]


@pytest.mark.parametrize("area", ["broker", "workers", "queues", "versions"])
def test_what_is_required_and_unknown_fails_and_says_where_to_ask(area: str) -> None:
    assert failures(blind(), []) == []
    assert failures(blind(), [area]) == [
        f"Nobody could look at {area} from h, so it is unknown. "
        "Ask the whole stack with playbooks/status.yml, or a host that can see it."
    ]


def test_tasks_flower_and_beat_of_other_hosts_are_unknown_here() -> None:
    workers = [{"node": "a@h2", "recorder": True}]
    found = report(
        Worker("a@h2"), description=described(workers, beat="h2"), flower={"state": "unknown", "wanted": True}
    )
    assert found["problems"] == [] and found["unknown"] == ["tasks", "flower", "beat"]
    assert all(failures(found, [area]) for area in ("tasks", "flower", "beat"))
    assert failures(found, ["broker", "workers", "queues", "versions"]) == []


def test_what_nobody_wants_is_not_unknown() -> None:
    assert failures(report(Worker("a@h")), ["tasks", "flower", "beat"]) == []


def test_without_a_description_only_what_was_looked_at_can_be_required() -> None:
    found = report(Worker("a@h"))
    found["stack"]["described"] = False
    assert found["problems"] == [] and failures(found, ["broker", "workers", "queues", "versions"]) == []
    assert all(failures(found, [area]) for area in ("tasks", "flower", "beat"))


def test_the_words_of_require_may_have_spaces_and_others_are_refused_with_the_list() -> None:
    assert required("broker, workers,") == required([" broker", "workers"]) == ["broker", "workers"]
    assert required("") == required(None) == []
    with pytest.raises(Exception, match=r"Cannot require brokers, hosts: the areas are broker, workers, queues,"):
        required("brokers,workers,hosts")


@pytest.mark.parametrize("where", ["silent", "missing"])
def test_a_solo_worker_that_the_recorder_saw_begin_a_task_is_busy(where: str) -> None:
    task = {"id": "1", "name": "app.add", "state": "running", "worker": "s@h", "received": NOW - 600}
    task.update(started=None, ended=None)
    solo = {"expected": [{"node": "s@h", "pool": "solo"}, {"node": "a@h"}], "known": ["a@h"]}
    solo["known"] = ["a@h", "s@h"] if where == "silent" else ["a@h"]
    busy = report(Worker("a@h"), **solo, tasks=[task])
    assert busy["healthy"] and states(busy)["s@h"] == "busy"
    assert busy["celery"] == {"state": "up", "up": 1, "busy": 1, "workers": 2}
    assert not report(Worker("a@h"), **solo)["healthy"]


def test_a_solo_worker_that_does_not_come_back_from_its_task_is_told_with_the_age_of_the_task() -> None:
    task = {"id": "1", "name": "app.add", "state": "running", "worker": "s@h", "received": NOW - 9000}
    task.update(started=None, ended=None)
    found = report(known=["s@h"], expected=[{"node": "s@h", "pool": "solo"}], tasks=[task])
    assert kinds(found) == ["worker_overdue"] and "has not answered for 2.5 hours" in found["problems"][0]
    patient = report(known=["s@h"], expected=[{"node": "s@h", "pool": "solo", "time_limit": 10000}], tasks=[task])
    assert patient["healthy"]


def test_a_silent_solo_worker_of_a_host_whose_recorder_nobody_saw_is_unknown_and_no_problem() -> None:
    found = report(known=["s@w"], expected=[{"node": "s@w", "pool": "solo", "recorder": True}])
    assert found["problems"] == [] and "workers" in found["unknown"]
    assert failures(found, ["workers"])


def test_a_worker_that_lacks_an_expected_task_is_named_with_the_task() -> None:
    workers = [{"node": "crop@h1"}, {"node": "old@h1"}]
    found = report(
        Worker("crop@h1"),
        Worker("old@h1", registered=["app.old"]),
        description=described(workers, expected_tasks=["app.add"]),
    )
    assert len(found["problems"]) == 1
    assert found["problems"][0].startswith("Worker old@h1 does not know app.add")


def test_a_pickled_registration_is_searched_for_the_name_without_being_decoded() -> None:
    unread = [Reply("ping", "p@h", None, b"pong"), Reply("registered", None, None, b"\x80\x04 app.add .")]
    heard = Inspection(["p@h"], METHODS, unread)
    workers = [{"node": "p@h"}]
    assert report(inspection=heard, description=described(workers, expected_tasks=["app.add"]))["healthy"]
    found = report(inspection=heard, description=described(workers, expected_tasks=["app.gone"]))
    assert "At least one worker does not know app.gone" in found["problems"][0]
    assert found["workers"][0]["state"] == "up" and found["workers"][0]["readable"] is False


def test_a_worker_that_the_inventory_does_not_know_is_told_with_what_to_do() -> None:
    found = report(Worker("a@h"), Worker("old@h9"), expected=[{"node": "a@h"}])
    assert states(found) == {"a@h": "up", "old@h9": "unexpected"}
    assert kinds(found) == ["worker_unexpected"]
    assert "Stop it on h9, or put it back into the inventory" in found["problems"][0]


def test_a_worker_process_that_was_left_behind_is_told_by_its_own_host_without_the_broker() -> None:
    runs = {"old@h": {"pid": 4, "frozen": False, "children": 1, "frozen_children": 0}}
    found = blind(processes=runs)
    assert kinds(found) == ["worker_unexpected"] and "Worker old@h (pid 4) runs" in found["problems"][0]


def test_a_worker_that_does_not_consume_a_queue_of_the_inventory_is_told() -> None:
    found = report(
        Worker("a@h"), expected=[{"node": "a@h", "queues": ["celery", "mail"]}], queues=[Queue("mail", 3, 0, 0)]
    )
    assert kinds(found) == ["queue_cancelled"]
    assert "does not consume mail" in found["problems"][0] and "restart shop-a" in found["problems"][0]


def test_queues_that_the_application_decides_about_are_not_missed() -> None:
    guessed = [{"node": "a@h", "queues": ["celery"], "queues_assumed": True}]
    assert report(Worker("a@h", queues=("theirs",)), expected=guessed)["healthy"]
    assert kinds(report(Worker("a@h", queues=()), expected=guessed)) == ["queue_cancelled"]


@pytest.mark.parametrize(("connected", "state"), [([], "stopped"), (["b@h"], "stopping")])
def test_a_worker_that_is_stopped_on_purpose_is_said_and_no_problem(connected: list[str], state: str) -> None:
    found = report(
        Worker("a@h"), known=["a@h", *connected], expected=[{"node": "a@h"}, {"node": "b@h", "state": "stopped"}]
    )
    assert found["healthy"] and states(found)["b@h"] == state


def test_waiting_tasks_without_a_consumer_are_a_problem() -> None:
    found = report(Worker("a@h"), queues=[Queue("mail", 3, 0, 0)])
    assert found["problems"] == [
        "3 task(s) wait in queue mail and no worker consumes it. Give a worker this queue, or purge it."
    ]


def test_nobody_is_told_to_purge_where_a_worker_is_missing() -> None:
    expected = [{"node": "a@h"}, {"node": "mail@h", "queues": ["mail"]}]
    found = report(Worker("a@h"), expected=expected, queues=[Queue("mail", 3, 0, 0)])
    assert kinds(found) == ["worker_missing"]
    assert "Nobody else consumes: 3 task(s) in queue mail." in found["problems"][0]
    assert "purge" not in " ".join(found["problems"])
    assert failures(found, ["queues"]) == failures(found, ["workers"]) == found["problems"]


def test_tasks_that_wait_for_a_worker_that_is_stopped_on_purpose_are_told_so() -> None:
    expected = [{"node": "a@h"}, {"node": "mail@h", "queues": ["mail"], "state": "stopped"}]
    found = report(Worker("a@h"), expected=expected, queues=[Queue("mail", 3, 0, 0)])
    assert kinds(found) == ["queue_unconsumed"] and "stopped on purpose" in found["problems"][0]


def test_a_queue_without_statistics_yet_is_not_said_to_lack_consumers() -> None:
    assert report(Worker("a@h"), queues=[Queue("mail", 3, 0, None)])["healthy"]


def test_a_consumer_that_the_statistics_do_not_know_yet_is_counted() -> None:
    found = report(Worker("a@h"), queues=[Queue("celery", 3, 0, 0)])
    assert found["queues"][0]["consumers"] == 1 and found["healthy"]


def test_statistics_that_are_off_are_a_problem_themselves() -> None:
    assert kinds(report(Worker("a@h"), broker={**RUNNING, "statistics": False})) == ["broker_statistics_off"]


def test_a_queue_on_which_nothing_moves_means_that_its_workers_are_stuck() -> None:
    found = report(Worker("a@h"), queues=[CELERY], moving={"celery": False})
    assert kinds(found) == ["queue_stuck"] and "its workers (a@h) run nothing and take nothing" in found["problems"][0]
    assert report(Worker("a@h"), queues=[CELERY], moving={"celery": True})["healthy"]
    assert report(Worker("a@h"), queues=[CELERY], moving={})["healthy"]


def test_scheduled_tasks_that_fill_the_prefetch_are_no_reason_to_restart() -> None:
    waiting = [{"eta": "2033-01-01", "request": {"id": str(number), "name": "x"}} for number in range(8)]
    found = report(Worker("a@h", {"scheduled": waiting}), queues=[CELERY], moving={"celery": False})
    assert kinds(found) == ["queue_held_by_schedule"] and "A restart does not help" in found["problems"][0]
    assert "(a@h 8)" in found["problems"][0] and "due (2033-01-01)" in found["problems"][0]


def answers(said: dict[str, t.Any]) -> Inspection:
    """What the worker a@h answers."""
    return Inspection(["a@h"], METHODS, [Reply(method, "a@h", answer) for method, answer in said.items()])


@pytest.mark.parametrize(("loaded", "kind"), [("", "queue_held_by_schedule"), (" taskstack_prefetch", "queue_stuck")])
def test_only_a_worker_that_does_not_renew_its_consumers_is_held_by_scheduled_tasks(loaded: str, kind: str) -> None:
    # Celery raises the prefetch count, 4 at first, by one for each of them.
    scheduled = [{"eta": "2033-01-01", "request": {"id": str(number), "name": "x"}} for number in range(4)]
    stats = {"pid": 1, "prefetch_count": 8}
    said = {"scheduled": scheduled, "stats": stats, "active": [], "active_queues": [{"name": "celery"}]}
    heard = answers({**said, "report": {"ok": f"celery:5.7.0 kombu:5.7.0 py:3.11.2{loaded}"}})
    found = report(inspection=heard, expected=[{"node": "a@h"}], queues=[CELERY], moving={"celery": False})
    assert kinds(found) == [kind]


@pytest.mark.parametrize(
    ("celery", "kind", "exchange", "told"),
    [
        ("5.5.0", "quorum", "topic", True),
        ("5.6.2", "quorum", "topic", True),
        ("5.6.3", "quorum", "topic", False),
        ("5.6.2", "quorum", "direct", False),
        ("5.6.2", "classic", "topic", False),
    ],
)
def test_a_celery_that_loses_retries_is_told_where_the_broker_delays(
    celery: str, kind: str, exchange: str, told: bool
) -> None:
    queue = {"name": "mail", "exchange": {"name": "mail", "type": exchange}, "routing_key": "mail"}
    said = {"stats": {"pid": 1}, "active": [], "active_queues": [queue], "report": {"ok": f"celery:{celery} py:3.11"}}
    queues = [Queue("mail", 0, 0, 1, kind=kind)]
    found = report(inspection=answers(said), expected=[{"node": "a@h"}], queues=queues)
    assert kinds(found) == (["celery_loses_retries"] if told else [])


def test_an_alarm_of_the_broker_is_told_and_not_what_follows_from_it() -> None:
    alarmed = {**RUNNING, "alarms": ["memory"]}
    found = report(Worker("a@h"), known=["a@h", "b@h"], broker=alarmed, queues=[CELERY], moving={"celery": False})
    assert kinds(found) == ["broker_alarm"]
    assert failures(found, ["queues"]) == failures(found, ["workers"]) == found["problems"]


def test_a_copy_of_a_quorum_queue_that_is_offline_is_told_with_its_node() -> None:
    queue = Queue("mail", 0, 0, 1, kind="quorum", members=("rabbit@a", "rabbit@b"), online=("rabbit@a",))
    found = report(Worker("a@h"), queues=[queue])
    assert kinds(found) == ["queue_degraded"] and "lacks its copy on rabbit@b" in found["problems"][0]


def test_other_nodes_of_a_cluster_are_unknown_from_one_of_them() -> None:
    found = report(Worker("a@h"), description=described([{"node": "a@h"}], broker_hosts=["h", "h2"]))
    assert found["problems"] == [] and found["unknown"] == ["broker"]


def test_alarms_flower_beat_and_recorder_each_add_their_sentence() -> None:
    found = report(
        Worker("a@h"),
        broker={**RUNNING, "alarms": ["memory"]},
        flower={"state": "denied", "detail": "refuses user 'admin' (401)", "url": "http://f", "wanted": True},
        beat=beat(pids=[7, 8]),
        recorder={"directory": "/r", "problems": [{"kind": "tasks_lost", "count": 2}]},
    )
    assert [finding["area"] for finding in found["findings"]] == ["broker", "tasks", "flower", "beat"]
    assert "2 task(s) are lost" in found["problems"][1] and "2 beats run on h (pids 7, 8)" in found["problems"][3]


def test_flower_that_should_answer_and_does_not_is_a_problem() -> None:
    silent = {"state": "unknown", "detail": "timed out", "url": "http://f", "wanted": True}
    assert kinds(report(Worker("a@h"), flower=silent)) == ["flower_unreachable"]


@pytest.mark.parametrize(
    ("found", "kind", "words"),
    [
        (beat("down", pids=[]), "beat_down", "On h: supervisorctl start shop-beat"),
        (beat("frozen"), "beat_frozen", "On h: kill -CONT 7"),
        (beat(here=False), "beat_unexpected", "the inventory has it on h2: scheduled tasks are sent twice as soon"),
    ],
)
def test_a_beat_that_is_down_frozen_or_elsewhere_is_a_problem(found: t.Any, kind: str, words: str) -> None:
    where = "h2" if kind == "beat_unexpected" else "h"
    told = report(Worker("a@h"), description=described([{"node": "a@h"}], beat=where), beat=found)
    assert kinds(told) == [kind] and words in told["problems"][0]


def test_a_beat_where_the_inventory_has_none_is_not_said_to_send_twice() -> None:
    told = report(Worker("a@h"), beat=beat(here=False, host=None))
    assert kinds(told) == ["beat_unexpected"]
    assert told["problems"] == ["A beat runs on h (pid 7), but the inventory has it nowhere. Stop it there."]


def test_tasks_that_were_refused_lately_are_a_problem() -> None:
    task = {"id": "1", "name": "app.gone", "state": "refused", "worker": "a@h", "received": None, "started": None}
    found = report(Worker("a@h"), tasks=[{**task, "ended": NOW - 60}, {**task, "id": "2", "ended": NOW - 60}])
    assert kinds(found) == ["tasks_refused"] and "refused 2 task(s) app.gone" in found["problems"][0]
    assert report(Worker("a@h"), tasks=[{**task, "ended": NOW - 7200}])["healthy"]


def test_every_kind_of_problem_has_a_sentence_and_a_host_in_front_where_several_were_asked() -> None:
    assert sentence({"kind": "tasks_lost", "count": 1, "where": "h2"}).startswith("h2: 1 task(s) are lost")
    assert all(callable(make) for make in SENTENCES.values())


@pytest.mark.parametrize(
    ("celery", "rabbitmq", "kind", "words"),
    [
        ("4.4.7", "4.0.5", "quorum", "Celery before 5.5 cannot consume quorum queues"),
        ("4.4.7 (x) taskstack_prefetch", "4.0.5", "quorum", None),
        ("4.4.7 (x) taskstack_prefetch", "3.13.7", "quorum", "Celery before 5.5 cannot consume quorum queues"),
        ("5.4.0", "4.3.1", "classic", "denies the shared transient queues"),
        ("5.2.7", "3.10.8", "classic", None),
    ],
)
def test_versions_that_do_not_go_together_are_told(celery: str, rabbitmq: str, kind: str, words: str | None) -> None:
    said = {"stats": {"pid": 1}, "active": [], "report": {"ok": f"software -> celery:{celery} (x) py:3.9"}}
    heard = Inspection(["a@h"], METHODS, [Reply(method, "a@h", answer) for method, answer in said.items()])
    found = report(
        inspection=heard,
        expected=[{"node": "a@h"}],
        broker={**RUNNING, "version": rabbitmq},
        queues=[Queue("q", 0, 0, 1, kind=kind)],
    )
    assert [words in problem for problem in found["problems"]] == ([True] if words else [])


def test_arguments_of_tasks_are_not_in_the_report() -> None:
    task = {"id": "1", "name": "app.letter", "args": ["Jane Doe"], "kwargs": {"born": "1970"}, "time_start": 1.9e9}
    found = report(Worker("a@h", {"active": [task]}))
    assert "Jane" not in str(found) and "1970" not in str(found)
    assert found["tasks"][0]["runtime"] == 1e8


def test_running_tasks_come_first_and_recorded_ends_follow_the_newest_first() -> None:
    begun = {"young": 1.9e9, "old": 1.8e9}
    live = {"active": [{"id": task, "name": "x", "time_start": start} for task, start in begun.items()]}
    blank = {"name": "x", "worker": "a@h", "received": 1.0}
    recorded = [
        {**blank, "id": "old", "state": "running", "started": 1.8e9, "ended": None},
        {**blank, "id": "e1", "state": "failed", "started": 10.0, "ended": 12.5},
        {**blank, "id": "e2", "state": "succeeded", "started": 20.0, "ended": 21.0},
    ]
    found = report(Worker("a@h", live), tasks=recorded)
    assert [task["id"] for task in found["tasks"]] == ["old", "young", "e2", "e1"]
    assert found["tasks"][3]["runtime"] == 2.5 and found["tasks"][0]["state"] == "active"


@pytest.mark.parametrize(
    ("stats", "pool"),
    [
        ({"pool": {"implementation": "celery.concurrency.gevent:TaskPool"}}, "gevent"),
        ({"pool": {"implementation": "celery.concurrency.thread:TaskPool"}}, "threads"),
        ({"pool": {"max-concurrency": 2, "writes": {}, "processes": [8, 9]}}, "prefork"),
        ({"pool": {"max-concurrency": 3, "threads": 2}}, "threads"),
        ({"pool": {"max-concurrency": 3, "free-threads": 2, "running-threads": 1}}, "eventlet"),
        ({"pid": 5, "pool": {"max-concurrency": 1, "processes": [5]}}, "solo"),
        ({"error": "odd"}, None),
    ],
)
def test_the_pool_is_known_for_old_and_new_workers(stats: dict[str, t.Any], pool: str | None) -> None:
    assert pool_name(stats) == pool


worker_lists = st.lists(st.sampled_from(NODES), unique=True, min_size=1)


@given(known=worker_lists, lost=st.sets(st.integers(0, 40)), doubled=st.sets(st.integers(0, 40)), seed=st.integers())
def test_no_order_loss_or_doubling_of_replies_makes_silence_down(
    known: list[str], lost: set[int], doubled: set[int], seed: int
) -> None:
    every = replies(*(Worker(node) for node in known))
    kept = [reply for number, reply in enumerate(every) if number not in lost]
    arrived = kept + [reply for number, reply in enumerate(kept) if number in doubled]
    random.Random(seed).shuffle(arrived)
    found = report(inspection=Inspection(known, METHODS, arrived), expected=[{"node": node} for node in known])
    answered = {reply.worker for reply in kept}
    assert states(found) == {node: "up" if node in answered else "silent" for node in known}
    assert found["celery"]["state"] in ("up", "silent")
    assert not any(" down" in problem for problem in found["problems"])
    assert found == report(inspection=Inspection(known, METHODS, kept), expected=[{"node": node} for node in known])


words = st.sampled_from(["pool", "total", "name", "id", "request", "delivery_info", "exchange", "time_start", "ok"])
junk = st.recursive(
    st.none() | st.integers(-1, 3) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300)
@given(answers=st.dictionaries(st.sampled_from(METHODS), junk))
def test_whatever_a_worker_answers_the_report_is_made(answers: dict[str, t.Any]) -> None:
    odd = [Reply(method, "a@h", answer) for method, answer in answers.items()]
    found = report(inspection=Inspection(["a@h"], METHODS, odd), expected=[{"node": "a@h"}])
    assert states(found) == {"a@h": "up" if odd else "silent"}

"""One node of a cluster joins, or may stop."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._cluster.status import Queue, short
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.modules import rabbitmq_member
from hypothesis import given
from hypothesis import strategies as st


def lose_database(stage: t.Any, name: str) -> None:
    """The disk of that node is empty, and the node down."""
    (stage.database / "schema.DAT").unlink()
    stage.cluster.nodes[name] = stage.node({name}, "down")


def test_a_node_of_a_healthy_cluster_hands_over_and_may_stop(stage: t.Any) -> None:
    member = stage.member("a")
    member.before_stop()
    assert member.done == ["a hands over to the others"]
    assert stage.cluster.nodes["a"].draining


def test_a_node_that_was_interrupted_while_handing_over_does_not_do_it_twice(stage: t.Any) -> None:
    stage.member("a").before_stop()
    again = stage.member("a")
    again.before_stop()
    assert again.done == []
    with pytest.raises(TaskstackError, match="waits for a copy"):
        # Its own copies sleep already: nobody else may stop, and neither may it until they are back.
        stage.member("b").before_stop()
    stage.member("a").after_start([])
    member = stage.member("b")
    member.before_stop()
    assert member.done == ["b hands over to the others"]


def test_the_only_node_may_always_stop(stage: t.Any) -> None:
    member = stage.member("a", members=["a"])
    member.before_stop()
    assert member.done == []


def test_a_node_that_is_down_already_may_stop(stage: t.Any) -> None:
    stage.cluster.nodes["a"].state = "down"
    member = stage.member("a")
    member.before_stop()
    assert member.done == []


@pytest.mark.parametrize("state", ["down", "halted"])
def test_nobody_stops_while_another_one_is_away(stage: t.Any, state: str) -> None:
    stage.cluster.nodes["c"].state = state
    with pytest.raises(TaskstackError, match=r"a must not stop now: c does not run; queue app:celery waits"):
        stage.member("a").before_stop()
    assert not stage.cluster.nodes["a"].draining


def test_stopping_waits_for_the_other_one_to_come_back(stage: t.Any) -> None:
    stage.cluster.nodes["c"].state = "down"
    stage.clock.events = [lambda: None, lambda: setattr(stage.cluster.nodes["c"], "state", "up")]
    stage.member("a").before_stop()
    assert (stage.clock.now, stage.cluster.nodes["a"].draining) == (4.0, True)


def test_check_mode_does_not_wait_for_what_nobody_fixes(stage: t.Any) -> None:
    stage.cluster.nodes["c"].state = "down"
    with pytest.raises(TaskstackError, match="a must not stop now"):
        stage.member("a", check_mode=True).before_stop()
    assert stage.clock.now == 0


def test_the_only_node_may_always_be_upgraded(stage: t.Any) -> None:
    stage.cluster.nodes = {"a": stage.node({"a"})}
    stage.cluster.queues = []
    stage.member("a", members=["a"]).check_upgrade("4.0.5-6", "4.0.6-1")


def test_nobody_stops_while_nodes_that_are_gone_and_not_forgotten_would_leave_no_majority(stage: t.Any) -> None:
    for node in stage.cluster.nodes.values():
        node.known = node.known | {"gone"}
    with pytest.raises(TaskstackError, match="only 2 of 4 known nodes would run"):
        stage.member("a").before_stop()


def test_nobody_stops_with_an_alarm(stage: t.Any) -> None:
    stage.cluster.alarms = [{"type": "memory", "node": "b"}]
    with pytest.raises(TaskstackError, match="alarm: memory on b"):
        stage.member("a").before_stop()


def test_a_lost_database_is_forgotten_before_the_start(stage: t.Any) -> None:
    lose_database(stage, "c")
    member = stage.member("c")
    member.before_start()
    assert member.done == ["a forgets the lost database of c"]
    assert stage.cluster.nodes["a"].known == {"a", "b"}
    again = stage.member("c")
    again.before_start()
    assert again.done == []


def test_a_database_that_is_there_is_never_forgotten(stage: t.Any) -> None:
    stage.cluster.nodes["c"].state = "down"
    member = stage.member("c")
    member.before_start()
    assert member.done == []


def test_the_first_node_of_all_has_nobody_to_ask(stage: t.Any) -> None:
    lose_database(stage, "a")
    stage.cluster.nodes["b"].state = stage.cluster.nodes["c"].state = "down"
    member = stage.member("a")
    member.before_start()
    assert member.done == []


def test_a_node_that_came_back_gets_copies_of_the_queues_again(stage: t.Any) -> None:
    stage.cluster.queues[0].members.remove("c")
    member = stage.member("c")
    member.after_start([])
    assert member.done == ["queue app:celery gets a copy on c"]
    assert stage.cluster.queues[0].members == ["a", "b", "c"]


def test_an_empty_node_that_started_alone_gives_up_and_joins(stage: t.Any) -> None:
    """RabbitMQ 4.0 does that after it has lost its disk."""
    stage.cluster.nodes["c"] = stage.node({"c"})
    stage.cluster.queues[0].members.remove("c")
    member = stage.member("c")
    member.after_start([])
    assert member.done[0] == "c gives up its empty database and joins a"
    assert stage.cluster.nodes["b"].known == {"a", "b", "c"}
    assert stage.cluster.queues[0].members == ["a", "b", "c"]


def test_a_node_that_started_alone_and_holds_a_queue_is_refused(stage: t.Any) -> None:
    stage.cluster.nodes["c"] = stage.node({"c"})
    stage.cluster.queues = [stage.queue("mine", ["c"])]
    with pytest.raises(TaskstackError, match=r"c runs a cluster of its own beside that of a, and has queue app:mine"):
        stage.member("c").after_start([])
    assert stage.cluster.calls == []


def test_a_node_that_stayed_down_after_a_network_cut_is_started(stage: t.Any) -> None:
    stage.cluster.nodes["c"].state = "halted"
    member = stage.member("c")
    member.after_start([])
    assert member.done == ["c starts again after it was cut off"]
    assert stage.cluster.nodes["c"].state == "up"


def test_a_node_that_is_still_cut_off_is_not_started(stage: t.Any) -> None:
    stage.cluster.nodes["c"].state = "halted"
    stage.cluster.cut = {"a", "b"}
    with pytest.raises(TaskstackError, match="c is not yet back in its cluster: c does not answer"):
        stage.member("c").after_start([])
    assert stage.cluster.nodes["c"].state == "halted"


def test_an_unlisted_node_is_shown_and_stays(stage: t.Any) -> None:
    member = stage.member("a", members=["a", "b"])
    assert member.after_start([]) == ["c"]
    assert stage.cluster.nodes["a"].known == {"a", "b", "c"}


def test_a_node_is_forgotten_only_when_asked_and_stopped(stage: t.Any) -> None:
    with pytest.raises(TaskstackError, match="c is to be forgotten, but it is running"):
        stage.member("a", members=["a", "b"]).after_start(["c"])
    stage.cluster.nodes["c"].state = "down"
    stage.cluster.queues = []
    member = stage.member("a", members=["a", "b"])
    assert member.after_start(["c"]) == []
    assert member.done == ["a forgets c"]
    assert stage.cluster.nodes["b"].known == {"a", "b"}


def test_a_listed_node_is_never_forgotten(stage: t.Any) -> None:
    stage.cluster.nodes["c"].state = "down"
    stage.cluster.queues = []
    with pytest.raises(TaskstackError, match="it is in the inventory"):
        stage.member("a").after_start(["c"])


def test_a_settled_member_is_asked_for_its_status_once_and_for_the_queues_of_each_vhost(stage: t.Any) -> None:
    asked: list[str] = []
    run = stage.cluster.run
    stage.cluster.run = lambda command: asked.append(command[6]) or run(command)
    assert stage.member("a").after_start([]) == []
    assert asked == ["cluster_status", "list_vhosts", "list_queues", "list_queues"]


def test_a_settled_member_whose_replica_still_catches_up_is_waited_for(stage: t.Any) -> None:
    queue = stage.cluster.queues[0]
    queue.catching_up = {"c"}
    stage.clock.events = [queue.catching_up.clear]
    assert stage.member("c").after_start([]) == []
    assert stage.clock.now > 0


def test_a_member_whose_start_was_interrupted_before_it_had_its_copies_gets_them(stage: t.Any) -> None:
    stage.cluster.queues[0].members.remove("c")
    member = stage.member("c")
    member.after_start([])
    assert member.done == ["queue app:celery gets a copy on c"]


def test_a_member_that_is_not_settled_is_brought_there(stage: t.Any) -> None:
    stage.cluster.nodes["c"].draining = True
    member = stage.member("c")
    member.after_start([])
    assert member.done == ["c takes clients again"]


@pytest.mark.parametrize("state", ["joinable", "joined", "stoppable"])
@pytest.mark.parametrize("harm", ["none", "lost", "astray", "short", "draining"])
def test_check_mode_predicts_what_a_real_run_does_and_changes_nothing(stage: t.Any, state: str, harm: str) -> None:
    if harm == "lost":
        lose_database(stage, "c")
    elif harm == "astray":
        stage.cluster.nodes["c"] = stage.node({"c"})
    elif harm == "short":
        stage.cluster.queues[0].members.remove("c")
    elif harm == "draining":
        stage.cluster.nodes["c"].draining = True
    params = {"state": state, "forget": []}
    outcomes = []
    for check_mode in (True, False):
        member = stage.member("c", check_mode)
        before = repr(stage.cluster.nodes)
        try:
            outcomes.append(rabbitmq_member.run(params, member)["changed"])
        except TaskstackError as exc:
            outcomes.append(str(exc).split(". Waited")[0])
        if check_mode:
            assert repr(stage.cluster.nodes) == before
    # A node that is down will have been started by the task in between, which check mode does not do.
    if harm == "lost" and state == "joined":
        assert outcomes == [False, "c is not yet back in its cluster: c does not answer"]
    else:
        assert outcomes[0] == outcomes[1]


def test_an_upgrade_names_every_blocker_of_version_and_cluster_at_once(stage: t.Any) -> None:
    stage.member("a").check_upgrade("4.0.5-6", "4.0.6-1")
    stage.cluster.nodes["c"].state = "down"
    with pytest.raises(TaskstackError, match=r"takes over from 3.13, not from 3.10.8.*; c does not run; .*Nothing"):
        stage.member("a").check_upgrade("3.10.8", "4.0.5")
    assert stage.cluster.calls == []


nodes = st.sampled_from("abcdefg")


@given(st.sets(nodes), st.sets(nodes, min_size=1), nodes)
def test_growing_never_goes_beyond_three_copies_and_never_doubles_one(
    copies: set[str], members: set[str], node: str
) -> None:
    queue = Queue("v", "q", "quorum", frozenset(copies), frozenset(copies))
    wanted = short([queue], node, sorted(members))
    assert not wanted or (node not in copies and len(copies) < min(3, len(members)))

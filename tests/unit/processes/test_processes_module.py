"""The module's run against a supervisor that behaves: the plan, what comes of it, and what check mode says before."""

from __future__ import annotations

import os
import pathlib
import tempfile
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._supervision import plan as sv
from hypothesis import given, settings
from hypothesis import strategies as st


def test_what_is_new_is_started_and_nothing_happens_the_second_time(host: t.Any) -> None:
    first = host.run(host.process("a"), host.process("b"))
    assert (first["changed"], first["started"]) == (True, ["a", "b"])
    second = host.run(host.process("a"), host.process("b"))
    assert not second["changed"]
    assert second["diff"] == []


def test_only_what_changed_is_restarted(host: t.Any) -> None:
    host.run(host.process("a"), host.process("b"))
    pids = dict(host.supervisor.running)
    result = host.run(host.process("a", argv=["/bin/true", "-c", "2"]), host.process("b"))
    assert result["restarted"] == ["a"]
    assert host.supervisor.running["b"] == pids["b"]
    assert host.supervisor.running["a"][0] != pids["a"][0]


def test_changed_programs_are_restarted_one_after_another(host: t.Any) -> None:
    host.run(host.process("a"), host.process("b"))
    host.supervisor.story.clear()
    host.run(host.process("a", stop_timeout=20), host.process("b", stop_timeout=20))
    order = ["told to stop", "ended", "started"]
    assert host.supervisor.story == [f"a {word}" for word in order] + [f"b {word}" for word in order]


def test_a_program_that_never_says_that_it_works_is_watched_before_the_next_one_is_restarted(host: t.Any) -> None:
    silent = {"ready": None}
    host.run(host.process("a", **silent), host.process("b", **silent))
    host.supervisor.behaviour["a"] = "dies"
    with pytest.raises(TaskstackError, match=r"(?s)a did not stay up.*Not restarted.*: b\."):
        host.run(host.process("a", stop_timeout=20, **silent), host.process("b", stop_timeout=20, **silent))
    assert "b" in host.supervisor.running


def test_a_mistake_that_all_share_stops_at_the_first(host: t.Any) -> None:
    host.run(host.process("a"), host.process("b"))
    host.supervisor.behaviour["a"] = "dies"
    with pytest.raises(TaskstackError, match=r"(?s)a did not stay up.*boom.*Not restarted.*: b\.") as error:
        host.run(host.process("a", stop_timeout=20), host.process("b", stop_timeout=20))
    assert "b" in host.supervisor.running
    assert "Fix what the end of its log says" in str(error.value)


def test_what_is_no_longer_listed_is_stopped_and_removed(host: t.Any) -> None:
    host.run(host.process("a"), host.process("b"))
    result = host.run(host.process("b"))
    assert result["removed"] == ["a"]
    assert host.supervisor.story[-3:] == ["a told to stop", "a ended", "a removed"]
    assert set(host.supervisor.running) == {"b"}


def test_new_programs_do_not_wait_for_those_that_leave(host: t.Any) -> None:
    host.run(host.process("old"))
    host.supervisor.story.clear()
    host.run(host.process("new"))
    assert host.supervisor.story == ["old told to stop", "new started", "old ended", "old removed"]


def test_programs_that_leave_stop_at_the_same_time(host: t.Any) -> None:
    host.run(*(host.process(name) for name in "abcd"))
    before = host.clock.now
    host.run()
    assert host.clock.now - before < 6


def test_programs_of_other_kinds_and_applications_are_left_alone(host: t.Any) -> None:
    host.run(host.process("beat"), kinds=("beat",))
    host.supervisor.files["theirs"] = "[program:theirs]"
    host.run(host.process("a"))
    host.run()
    assert set(host.supervisor.files) == {"beat", "theirs"}
    assert set(host.supervisor.running) == {"beat"}


def test_one_list_of_several_kinds_owns_the_programs_of_all_of_them_and_no_others(host: t.Any) -> None:
    host.run(host.process("beat"), kinds=("beat",))
    host.run(host.process("flower"), kinds=("flower",))
    host.run(host.process("a"), host.process("b"))
    pids = dict(host.supervisor.running)
    both = ("worker", "beat")
    same = [host.process("a", kind="worker"), host.process("b", kind="worker"), host.process("beat", kind="beat")]
    assert not host.run(*same, kinds=both)["changed"], "a list of one kind and one of several mean the same programs"
    assert host.run(same[0], kinds=both)["removed"] == ["b", "beat"]
    assert host.supervisor.running == {"a": pids["a"], "flower": pids["flower"]}


@pytest.mark.parametrize("kind", ["flower", None])
def test_a_program_of_a_kind_that_the_list_is_not_about_is_refused(host: t.Any, kind: str | None) -> None:
    with pytest.raises(TaskstackError, match=f"a: kind must be one of worker, beat, not {kind}"):
        host.run(host.process("a", kind=kind), kinds=("worker", "beat"))
    assert not host.supervisor.story


def test_a_name_that_somebody_else_has_is_refused_before_anything_happens(host: t.Any) -> None:
    host.supervisor.files["b"] = "[program:b]"
    with pytest.raises(TaskstackError, match="b exists already and is not managed by this module"):
        host.run(host.process("a"), host.process("b"))
    assert not host.supervisor.story


def test_a_program_that_dies_fails_with_its_log_while_the_others_run(make_host: t.Any, tmp_path: pathlib.Path) -> None:
    host = make_host(tmp_path, bad="dies")
    with pytest.raises(TaskstackError, match=r"(?s)bad did not stay up \(exit status 1\).*boom"):
        host.run(host.process("bad"), host.process("good"))
    assert set(host.supervisor.running) == {"good"}


def test_a_program_that_failed_is_tried_again_by_the_next_run(make_host: t.Any, tmp_path: pathlib.Path) -> None:
    host = make_host(tmp_path, bad="dies")
    with pytest.raises(TaskstackError):
        host.run(host.process("bad"))
    host.supervisor.behaviour.clear()
    assert host.run(host.process("bad"))["started"] == ["bad"]


def test_a_program_that_says_that_it_works_is_not_watched_any_longer(host: t.Any) -> None:
    host.run(host.process("a"), host.process("b"))
    assert host.clock.now < 1


def test_a_program_that_says_too_early_that_it_works_has_to_stay_up_for_a_while(host: t.Any) -> None:
    host.run(host.process("a", steady_seconds=2))
    assert 2 <= host.clock.now < 3
    host.supervisor.dies_at["b"] = host.clock.now + 1
    with pytest.raises(TaskstackError, match="b did not stay up"):
        host.run(host.process("a", steady_seconds=2), host.process("b", steady_seconds=2))


def test_programs_that_say_nothing_are_watched_all_at_once(make_host: t.Any, tmp_path: pathlib.Path) -> None:
    host = make_host(tmp_path, **dict.fromkeys("abc", "mute"))
    host.run(*(host.process(name) for name in "abc"))
    assert 10 <= host.clock.now < 11


def test_a_program_that_runs_but_says_that_it_does_not_work_fails(host: t.Any) -> None:
    with pytest.raises(TaskstackError, match="a runs, but does not work"):
        host.run(host.process("a", ready=None, broken="at work"))


def test_a_stopped_program_is_known_and_does_not_run(host: t.Any) -> None:
    assert host.run(host.process("a", state="stopped"))["updated"] == ["a"]
    assert "a" in host.supervisor.files and not host.supervisor.running
    assert not host.run(host.process("a", state="stopped"))["changed"]
    assert host.run(host.process("a"))["started"] == ["a"]
    assert host.run(host.process("a", state="stopped"))["stopped"] == ["a"]
    assert not host.supervisor.running and not host.supervisor.boot


def test_a_program_that_somebody_stopped_is_started(host: t.Any) -> None:
    host.run(host.process("a"))
    host.supervisor.stop(["a"])
    host.clock.sleep(5)
    assert host.run(host.process("a"))["started"] == ["a"]


def test_a_changed_file_restarts_what_reads_it_and_nothing_else(host: t.Any) -> None:
    settings_file = host.folder / "shop.env"
    settings_file.write_text("A='1'\n")
    listed = [host.process("a", restart_on=[str(settings_file)]), host.process("b")]
    host.run(*listed)
    settings_file.write_text("A='2'\n")
    result = host.run(*listed)
    assert result["restarted"] == ["a"]
    assert "+" not in result["diff"][0]["before"]
    assert f"# content of {settings_file} (changed)" in result["diff"][0]["after"]


def test_check_mode_is_told_which_files_earlier_tasks_would_change(host: t.Any) -> None:
    settings_file = host.folder / "shop.env"
    settings_file.write_text("A='1'\n")
    listed = [host.process("a", restart_on=[str(settings_file)]), host.process("b")]
    host.run(*listed)
    predicted = host.run(*listed, check=True, changing=[str(settings_file)])
    settings_file.write_text("A='2'\n")
    assert predicted == host.run(*listed, changing=[str(settings_file)])


def test_no_file_tells_the_content_that_it_depends_on(host: t.Any) -> None:
    (host.folder / "env").write_text("PASSWORD='x'\n")
    host.run(host.process("a", restart_on=[str(host.folder / "env")]))
    first = host.supervisor.files["a"]
    key = host.folder / "taskstack" / ".key"
    assert os.stat(key).st_mode & 0o777 == 0o600
    key.unlink()
    host.run(host.process("a", restart_on=[str(host.folder / "env")]))
    assert host.supervisor.files["a"] != first, "the same content has the same digest on every host: it can be guessed"


def test_another_supervisor_takes_over_one_program_after_the_other_and_none_runs_twice(host: t.Any) -> None:
    wanted = host.process("a"), host.process("b")
    host.run(*wanted, host.process("old"))
    host.change_supervisor()
    before = host.other.story
    before.clear()
    predicted = host.run(*wanted, check=True)
    result = host.run(*wanted)
    assert result == predicted
    assert (result["moved"], result["started"], result["removed"]) == (["a", "b"], ["a", "b"], ["old"])
    gone = [f"{name} {word}" for name in ("old", "a", "b") for word in ("told to stop", "ended", "removed")]
    assert before == gone and host.supervisor.story == ["a started", "b started"]
    assert host.other.files == {} and not host.run(*wanted)["changed"]


def test_a_program_that_runs_under_both_supervisors_ends_under_the_other(host: t.Any) -> None:
    host.run(host.process("beat"))
    host.supervisor.twin = host.other.twin = None
    host.change_supervisor()
    copy = host.other.files, host.other.running
    host.other.files, host.other.running = {}, {}
    host.run(host.process("beat"))
    host.other.files, host.other.running = copy
    assert host.run(host.process("beat"))["moved"] == ["beat"]
    assert host.other.running == {} and list(host.supervisor.running) == ["beat"]


def test_a_move_that_fails_leaves_the_others_where_they_work(host: t.Any) -> None:
    wanted = host.process("a"), host.process("b")
    host.run(*wanted)
    host.change_supervisor()
    host.supervisor.behaviour["a"] = "dies"
    with pytest.raises(TaskstackError, match=r"(?s)a did not stay up.*Not restarted.*: b\."):
        host.run(*wanted)
    assert list(host.other.running) == ["b"]


def test_programs_of_other_stacks_stay_under_the_other_supervisor(host: t.Any) -> None:
    host.run(host.process("web"), kinds=("server",))
    host.change_supervisor()
    assert host.run(host.process("a"))["moved"] == []
    assert list(host.other.running) == ["web"]


def test_nothing_is_left_behind(host: t.Any) -> None:
    (host.folder / "env").write_text("A")
    host.run(host.process("a", restart_on=[str(host.folder / "env")]))
    host.run()
    assert not (host.folder / "taskstack").exists()
    assert not host.supervisor.files


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "a b"}, "'a b' is not a name"),
        ({"argv": []}, "argv must begin with the absolute path"),
        ({"argv": ["celery"]}, "argv must begin with the absolute path"),
        ({"argv": ["/bin/true", "a\nb"]}, "line breaks"),
        ({"environment": {"A B": "x"}}, "'A B' cannot be the name"),
        ({"environment": {"A": "x\0"}}, "line breaks"),
        ({"log": "log"}, "log must be an absolute path"),
        ({"ready": "("}, "ready is not a regular expression"),
        ({"user": "nobody-of-that-name"}, "there is no user"),
        ({"group": "nobody-of-that-name"}, "there is no group"),
        ({"user": "nobody", "group": "daemon"}, "not in group daemon.*usermod --append --groups daemon nobody"),
        ({"directory": "/no/such/place"}, "there is no directory"),
        ({"log": "/no/such/place/x.log"}, "there is no directory"),
        ({"argv": ["/no/such/program"]}, "there is no program"),
        ({"restart_on": ["/"]}, "List files there"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_before_anything_happens(
    host: t.Any, wrong: dict[str, t.Any], sentence: str
) -> None:
    with pytest.raises(TaskstackError, match=sentence):
        host.run(host.process("good"), {**host.process("bad"), **wrong})
    assert not host.supervisor.story


def test_two_of_one_name_are_refused(host: t.Any) -> None:
    with pytest.raises(TaskstackError, match="a is listed twice"):
        host.run(host.process("a"), host.process("a"))


LISTS = st.dictionaries(
    st.sampled_from("abcde"),
    st.fixed_dictionaries({"stop_timeout": st.integers(0, 3), "state": st.sampled_from(["started", "stopped"])}),
)
MISHAPS = st.lists(st.tuples(st.sampled_from(["stop", "fail", "not at boot", "edit"]), st.sampled_from("abcde")))


def mishap(supervisor: t.Any, what: str, name: str) -> None:
    """What people and machines do to a program behind our back."""
    if name not in supervisor.files:
        return
    if what == "stop":
        supervisor.stop([name])
    elif what == "fail" and name in supervisor.running and name not in supervisor.stopping:
        del supervisor.running[name]
        supervisor.failing.add(name)
    elif what == "not at boot":
        supervisor.boot.discard(name)
    elif what == "edit":
        supervisor.files[name] += "edited\n"


@settings(deadline=None)
@given(st.lists(st.tuples(LISTS, MISHAPS), min_size=1, max_size=4))
def test_check_mode_predicts_each_run_and_a_second_run_changes_nothing(make_host: t.Any, rounds: t.Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        host = make_host(pathlib.Path(folder))
        for listed, mishaps in rounds:
            wanted = [host.process(name, **options) for name, options in listed.items()]
            predicted = host.run(*wanted, check=True)
            assert host.run(*wanted) == predicted
            assert not host.run(*wanted)["changed"]
            assert set(host.supervisor.files) == set(listed)
            assert set(host.supervisor.running) == {n for n, o in listed.items() if o["state"] == "started"}
            for what, name in mishaps:
                mishap(host.supervisor, what, name)


@given(LISTS, LISTS)
def test_the_plan_names_every_difference_once_and_nothing_else(
    before: dict[str, t.Any], after: dict[str, t.Any]
) -> None:
    def wanted(listed: dict[str, t.Any]) -> dict[str, sv.Wanted]:
        return {name: sv.Wanted(str(options), options["state"] == "started") for name, options in listed.items()}

    def found(name: str, wish: sv.Wanted) -> sv.Found:
        health = sv.Health(sv.RUNNING, 7) if wish.started else sv.Health(sv.STOPPED)
        return sv.Found(wish.text, health, wish.started)

    was, wish = wanted(before), wanted(after)
    steps = sv.plan(wish, {name: found(name, one) for name, one in was.items()})
    touched = [step.name for step in steps]
    assert sorted(touched) == sorted({n for n in was.keys() | wish.keys() if was.get(n) != wish.get(n)})
    assert sv.plan(wish, {name: found(name, one) for name, one in wish.items()}) == []

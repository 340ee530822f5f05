"""What prevents a deployment on one host."""

from __future__ import annotations

from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight.host import host_problems

DEBIAN = {"packages": ["dpkg"], "strangers": [], "unresolved": [], "stacks": {}}
SHOP = {"name": "shop", "user": "shop", "beats": ["app1"], "reached": ["app1", "app2"], "gone": [""]}
RUNS = {"user": "shop", "beat": "app1", "processes": 2}


def test_a_debian_host_of_its_own_has_no_problem() -> None:
    assert host_problems(DEBIAN, "app1", "supervisord", False, SHOP) == []


def test_a_host_without_dpkg_is_refused() -> None:
    (sentence,) = host_problems({**DEBIAN, "packages": []}, "app1", "systemd", True, SHOP)
    assert sentence.startswith("app1 has no dpkg") and "Debian or Ubuntu" in sentence


def test_programs_of_others_under_supervisord_are_refused_unless_they_are_accepted() -> None:
    shared = {**DEBIAN, "strangers": ["/etc/supervisor/conf.d/web.conf"]}
    (sentence,) = host_problems(shared, "app1", "supervisord", False, SHOP)
    assert "web.conf" in sentence and "taskstack_share_host=true" in sentence
    assert host_problems(shared, "app1", "supervisord", True, SHOP) == []
    assert host_problems(shared, "app1", "systemd", False, SHOP) == []


def test_windows_hosts_are_not_looked_at() -> None:
    assert host_problems({}, "app1", "windows", False, SHOP) == []


def test_a_broker_that_the_host_cannot_find_is_refused_with_the_variable() -> None:
    (sentence,) = host_problems({**DEBIAN, "unresolved": ["mq1"]}, "app1", "systemd", False, SHOP)
    assert sentence.startswith("app1 cannot find mq1") and "taskstack_broker_host" in sentence


def changed(known: dict[str, object], **wanted: object) -> list[str]:
    return host_problems({**DEBIAN, "stacks": {"shop": {**RUNS, **known}}}, "app1", "systemd", True, {**SHOP, **wanted})


def test_a_deployed_host_that_is_deployed_again_has_no_problem() -> None:
    assert changed({}) == []


def test_another_account_is_refused_where_processes_run_with_the_old_ones_state() -> None:
    (sentence,) = changed({}, user="shopd")
    assert "run as shop, and taskstack_user is now shopd" in sentence and "remove.yml" in sentence
    assert changed({"processes": 0}, user="shopd") == []


def test_a_beat_that_goes_on_where_a_limited_run_does_not_reach_it_is_refused() -> None:
    (sentence,) = changed({"beat": "old1"})
    assert "ran on old1" in sentence and "-e beat_gone=old1" in sentence
    assert changed({"beat": "old1"}, gone=["old1"]) == []
    assert changed({"beat": "app2"}) == [], "a whole run stops the old one"
    assert changed({"beat": "old1"}, beats=["app3"]) == [], "this run starts no beat"

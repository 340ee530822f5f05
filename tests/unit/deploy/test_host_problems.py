"""What prevents a deployment on one host."""

from __future__ import annotations

from ansible_collections.taskstack.celery.plugins.plugin_utils._host_problems import host_problems

DEBIAN = {"packages": ["dpkg"], "strangers": [], "unresolved": []}


def test_a_debian_host_of_its_own_has_no_problem() -> None:
    assert host_problems(DEBIAN, "app1", "supervisord", False) == []


def test_a_host_without_dpkg_is_refused() -> None:
    (sentence,) = host_problems({**DEBIAN, "packages": []}, "app1", "systemd", True)
    assert sentence.startswith("app1 has no dpkg") and "Debian or Ubuntu" in sentence


def test_programs_of_others_under_supervisord_are_refused_unless_they_are_accepted() -> None:
    shared = {**DEBIAN, "strangers": ["/etc/supervisor/conf.d/web.conf"]}
    (sentence,) = host_problems(shared, "app1", "supervisord", False)
    assert "web.conf" in sentence and "taskstack_share_host=true" in sentence
    assert host_problems(shared, "app1", "supervisord", True) == []
    assert host_problems(shared, "app1", "systemd", False) == []


def test_windows_hosts_are_not_looked_at() -> None:
    assert host_problems({}, "app1", "windows", False) == []


def test_a_broker_that_the_host_cannot_find_is_refused_with_the_variable() -> None:
    (sentence,) = host_problems({**DEBIAN, "unresolved": ["mq1"]}, "app1", "systemd", False)
    assert sentence.startswith("app1 cannot find mq1") and "taskstack_broker_host" in sentence

"""Virtual hosts and logins on the list of created things."""

from __future__ import annotations

import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._definitions import created as definitions_created
from ansible_collections.taskstack.celery.plugins.module_utils._definitions import objects
from ansible_collections.taskstack.celery.plugins.module_utils._definitions.plan import Change
from ansible_collections.taskstack.celery.plugins.module_utils._files import created

PURPOSES = {"shop-watch": "monitor", "root": "administrator"}


def users(*names: str) -> objects.State:
    state: objects.State = {name: {} for name in objects.KINDS}
    state["users"] = {(name,): {"tags": []} for name in names}
    return state


def change(kind: str, name: str, **more: t.Any) -> Change:
    return Change(kind, (name,), **{"before": None, "after": {}, **more})


def test_what_is_created_is_listed_and_what_changes_is_not() -> None:
    changes = [change("vhosts", "shop"), change("users", "shop-watch"), change("users", "shop", before={})]
    assert definitions_created.entries(changes, users("shop", "shop-watch"), PURPOSES, adopts=False) == [
        {"kind": "vhost", "name": "shop"},
        {"kind": "login", "name": "shop-watch", "part": "monitor"},
    ]


def test_logins_of_a_stack_without_a_list_are_taken_onto_it() -> None:
    found = definitions_created.entries([], users("shop", "shop-watch"), PURPOSES, adopts=True)
    assert found == [{"kind": "login", "name": "shop-watch", "part": "monitor"}]


def test_a_login_goes_when_its_purpose_has_another_one() -> None:
    listed = [
        created.entry("login", "shop-monitor", part="monitor"),
        created.entry("login", "admin", part="administrator"),
        created.entry("login", "shop"),
        created.entry("login", "gone", part="monitor"),
    ]
    current = users("shop-monitor", "admin", "shop", "root", "other-monitor")
    gone = definitions_created.retired(listed, current, users("shop-watch"), PURPOSES, "root")
    assert [item.name for item in gone] == ["shop-monitor", "admin"]


def test_the_login_that_the_module_uses_stays() -> None:
    listed = [created.entry("login", "admin", part="administrator")]
    assert definitions_created.retired(listed, users("admin"), users("root"), PURPOSES, "admin") == []

"""Which stack a module means: from its options, from the description on the host, from the defaults."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._stack import target

BROKER = {
    "management_url": "https://mq1:15671",
    "management_user": "shop-monitor",
    "management_password": "watch",
    "ca_file": "/etc/ca.pem",
    "vhost": "shop",
    "control_exchange": "ours",
}
NOTHING: dict[str, t.Any] = dict.fromkeys((*target.STACK_ARGS, "management_url"))


def describe(folder: Path, *names: str) -> str:
    for name in names:
        (folder / f"{name}.json").write_text(json.dumps({"name": name, "broker": BROKER}))
    return str(folder)


def test_the_only_stack_of_a_host_needs_no_name(tmp_path: Path) -> None:
    assert (target.load(None, describe(tmp_path, "shop")) or {})["name"] == "shop"


def test_files_beside_the_description_are_not_stacks(tmp_path: Path) -> None:
    (tmp_path / "shop.beat.json").write_text("[]")
    assert (target.load(None, describe(tmp_path, "shop")) or {})["name"] == "shop"


def test_a_file_with_a_dot_in_its_name_is_never_taken_for_a_stack(tmp_path: Path) -> None:
    folder = describe(tmp_path, "shop", "shop.eu")
    assert (target.load(None, folder) or {})["name"] == "shop"
    # One that an earlier version has deployed can still be named, for instance to remove it.
    assert (target.load("shop.eu", folder) or {})["name"] == "shop.eu"


def test_of_several_stacks_one_must_be_named(tmp_path: Path) -> None:
    folder = describe(tmp_path, "shop", "catmaid")
    with pytest.raises(TaskstackError, match=r"Several stacks live on this host \(catmaid, shop\)"):
        target.load(None, folder)
    assert (target.load("shop", folder) or {})["name"] == "shop"


def test_a_stack_that_is_not_described_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(TaskstackError, match=r"Stack typo is not described .* Known there: shop"):
        target.load("typo", describe(tmp_path, "shop"))


def test_a_host_without_a_description_has_none(tmp_path: Path) -> None:
    assert target.load(None, str(tmp_path)) is None
    assert target.load(None, str(tmp_path / "missing")) is None


def test_a_damaged_description_says_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "shop.json").write_text('{"name": "sh')
    with pytest.raises(TaskstackError, match=r"is damaged .* Run site\.yml again"):
        target.load(None, str(tmp_path))


def test_what_is_left_out_comes_from_the_description() -> None:
    settled = target.settle(NOTHING, {"name": "shop", "broker": BROKER})
    assert {key: settled[key] for key in BROKER} == BROKER and settled["name"] == "shop"


def test_what_is_given_wins_and_the_rest_is_still_described() -> None:
    settled = target.settle({**NOTHING, "vhost": "other", "management_user": "me"}, {"name": "shop", "broker": BROKER})
    assert (settled["vhost"], settled["management_user"]) == ("other", "me")
    assert settled["control_exchange"] == "ours"


def test_without_a_description_the_rest_are_defaults() -> None:
    settled = target.settle({**NOTHING, "management_user": "me"}, None)
    assert {key: settled[key] for key in target.DEFAULTS} == target.DEFAULTS and settled["name"] == ""


def test_without_a_description_and_a_login_it_says_what_to_give() -> None:
    with pytest.raises(TaskstackError, match="give management_url, management_user, management_password and vhost"):
        target.settle(NOTHING, None)


def test_an_address_for_a_host_without_the_password_wants_the_password_too() -> None:
    away = {"name": "shop", "broker": {**BROKER, "management_url": None, "management_password": None}}
    with pytest.raises(TaskstackError, match="give management_url, management_user, management_password and vhost"):
        target.settle({**NOTHING, "management_url": "https://mq1:15671"}, away)


def test_a_host_that_cannot_reach_the_broker_sends_people_to_one_that_can() -> None:
    # Null in the description is a statement, not something left out.
    settled = target.settle(NOTHING, {"name": "shop", "broker": {**BROKER, "management_url": None}})
    assert settled["management_url"] is None
    with pytest.raises(TaskstackError, match="Run it on the broker's host"):
        target.reachable(settled)
    assert target.reachable({"management_url": "http://mq1:15672"})


@pytest.mark.parametrize(
    ("line", "login"),
    [
        ("CELERY_BROKER_URL='amqp://shop:p%2Fa%3A%27@mq1:5672/shop'", ("shop", "p/a:'")),
        ("CELERY_BROKER_URL='amqp://one:1@mq1/v;amqp://two:2@mq2/v'", ("one", "1")),
        ("# CELERY_BROKER_URL='amqp://no:no@mq1/v'\nOTHER='x'", ("shop-monitor", "watch")),
    ],
)
def test_a_purge_takes_the_applications_login_from_its_environment(
    line: str, login: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "shop.env"
    file.write_text(f"DJANGO='a b'\n{line}\n")
    described = {"name": "shop", "broker": BROKER, "environment_file": str(file)}
    found = target.application_login(target.settle(NOTHING, described), described)
    assert (found["management_user"], found["management_password"]) == login


def test_a_login_that_is_given_is_used_and_a_missing_environment_is_no_error(tmp_path: Path) -> None:
    described = {"name": "shop", "broker": BROKER, "environment_file": str(tmp_path / "missing.env")}
    for given, expected in (({"management_user": "me", "management_password": "mine"}, "me"), ({}, "shop-monitor")):
        settled = target.settle({**NOTHING, **given}, described)
        assert target.application_login(settled, described)["management_user"] == expected

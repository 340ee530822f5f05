"""What the removal of a stack deletes from a host and from a broker, and what it leaves."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._files import created
from ansible_collections.taskstack.celery.plugins.module_utils._removal import broker, records
from ansible_collections.taskstack.celery.plugins.module_utils._removal import host as removal_host
from ansible_collections.taskstack.celery.plugins.module_utils._removal import plan as removal_plan
from ansible_collections.taskstack.celery.plugins.module_utils._removal.model import Plan, Stack
from ansible_collections.taskstack.celery.plugins.modules import removal

HOME = "/var/lib/taskstack/shop/home"


class Host:
    """A host as a dictionary: paths with content and owner, accounts with home and number."""

    def __init__(self) -> None:
        self.paths: dict[str, tuple[str, int]] = {}
        self.accounts: dict[str, tuple[str, int]] = {}
        self.groups: dict[str, list[str]] = {}
        self.used: dict[str, str] = {}

    def exists(self, path: str) -> bool:
        return any(known == path or known.startswith(path + "/") for known in self.paths)

    def children(self, path: str) -> list[str]:
        return sorted({known[len(path) + 1 :].split("/")[0] for known in self.paths if known.startswith(path + "/")})

    def digest(self, path: str) -> str:
        return created.digest(self.paths[path][0].encode())

    def owner(self, path: str) -> int:
        return self.paths[path][1]

    def home(self, account: str) -> str | None:
        return self.accounts.get(account, (None,))[0]

    def uid(self, account: str) -> int | None:
        return self.accounts[account][1] if account in self.accounts else None

    def members(self, group: str) -> list[str]:
        return self.groups.get(group, [])

    def used_by(self, account: str, going: list[str]) -> str:
        return self.used.get(account, "")


def listed(*entries: created.Entry, complete: bool = True) -> dict[str, t.Any]:
    return {"entries": list(entries), "complete": complete}


def plan(host: Host, found: dict[str, t.Any] | None, **more: t.Any) -> Plan:
    done = removal_plan.plan(Stack("shop", **more), found, host)
    done.absent = [path for path in done.absent if path not in removal_plan.own_paths("shop")]
    return done


@pytest.fixture
def host() -> Host:
    return Host()


def test_an_account_and_directories_that_were_there_before_stay_without_a_word(host: Host) -> None:
    host.accounts["shop"] = ("/home/shop", 1000)
    host.paths = {"/opt/shop/manage.py": ("", 33), "/opt/shop/venv": ("", 1000)}
    assert plan(host, listed()) == Plan()


def test_what_is_on_the_list_goes(host: Host) -> None:
    host.accounts["shop"], host.groups["staff"] = (HOME, 990), ["shop"]
    host.paths = {"/opt/shop/app.py": ("text", 0), "/srv/venv": ("", 990), "/srv/venv.previous": ("", 990)}
    host.paths["/etc/shop.conf"] = ("text", 0)
    found = plan(
        host,
        listed(
            created.entry("account", "shop"),
            created.entry("group", "staff"),
            created.entry("directory", "/opt/shop", part="application"),
            created.entry("file", "/etc/shop.conf", sha256=created.digest(b"text")),
            created.entry("virtualenv", "/srv/venv"),
            created.entry("block", "/srv/settings.py", marker="shop"),
            created.entry("directory", "/srv/a"),
            created.entry("directory", "/srv/a/b"),
        ),
    )
    assert found == Plan(
        absent=["/opt/shop", "/etc/shop.conf", "/srv/venv", "/srv/venv.previous"],
        empty=["/srv/a/b", "/srv/a"],
        blocks=[{"path": "/srv/settings.py", "marker": "shop"}],
        accounts=["shop"],
        groups=["staff"],
    )


def test_a_file_that_was_changed_after_it_had_been_created_stays(host: Host) -> None:
    host.paths["/etc/shop.conf"] = ("mine now", 0)
    found = plan(host, listed(created.entry("file", "/etc/shop.conf", sha256=created.digest(b"text"))))
    assert found.absent == [] and "rm /etc/shop.conf" in found.left[0]


def test_files_that_tasks_wrote_stay_unless_they_are_to_go_too(host: Host) -> None:
    host.paths = {"/opt/shop/up loads/picture": ("", 990), "/opt/shop/app.py": ("", 0), "/opt/shop/lib/x": ("", 0)}
    entries = listed(
        created.entry("directory", "/opt/shop", part="application"),
        created.entry("directory", "/opt/shop/up loads", part="data"),
    )
    found = plan(host, entries)
    assert found.absent == ["/opt/shop/app.py", "/opt/shop/lib"] and "rm -r '/opt/shop/up loads'" in found.left[0]
    assert plan(host, entries, data=True).absent == ["/opt/shop", "/opt/shop/up loads"]


def test_a_directory_for_files_of_tasks_goes_when_it_is_empty(host: Host) -> None:
    assert plan(host, listed(created.entry("directory", "/srv/up", part="data"))).empty == ["/srv/up"]


def test_an_account_that_owns_files_elsewhere_stays(host: Host) -> None:
    host.accounts["shop"], host.used["shop"] = (HOME, 990), "it owns /srv/up/picture"
    found = plan(host, listed(created.entry("account", "shop")))
    assert found.accounts == [] and found.left == [
        "Account shop stays: it owns /srv/up/picture. Delete it with: userdel shop"
    ]


def test_a_group_of_the_name_of_an_account_goes_with_it_or_stays_without_it(host: Host) -> None:
    host.accounts["shop"], host.groups["shop"] = (HOME, 990), ["shop"]
    account, group = created.entry("account", "shop"), created.entry("group", "shop")
    assert plan(host, listed(account, group)) == Plan(accounts=["shop"])
    assert plan(host, listed(account)) == Plan(accounts=["shop"], regrouped=["shop"])


def test_a_group_with_other_members_stays(host: Host) -> None:
    host.groups["staff"] = ["ann"]
    found = plan(host, listed(created.entry("group", "staff")))
    assert found.groups == [] and found.left == ["Group staff stays: ann belong to it."]


@pytest.mark.parametrize("found", [None, listed(complete=False)])
def test_without_a_list_only_what_nobody_else_can_have_created_goes(host: Host, found: dict[str, t.Any] | None) -> None:
    host.accounts["shop"] = (HOME, 990)
    host.paths = {"/opt/shop/venv": ("", 990), "/opt/shop/venv.failed": ("", 0), "/opt/shop/app.py": ("", 0)}
    done = plan(host, found, settings_file="/srv/settings.py")
    assert done.absent == ["/opt/shop/venv", "/opt/shop/venv.failed"] and done.accounts == ["shop"]
    assert done.blocks == [{"path": "/srv/settings.py", "marker": "shop"}]
    assert [line for line in done.left if "rm -r /opt/shop" in line]


def test_without_a_list_an_account_with_another_home_and_its_virtualenv_stay(host: Host) -> None:
    host.accounts["shop"] = ("/home/shop", 1000)
    host.paths = {"/opt/shop/venv": ("", 1000)}
    done = plan(host, None)
    assert (done.absent, done.accounts) == ([], [])


def test_without_a_list_a_virtualenv_of_somebody_else_stays(host: Host) -> None:
    host.accounts["shop"], host.paths["/opt/shop/venv"] = (HOME, 990), ("", 33)
    assert plan(host, None).absent == []


def test_the_configuration_of_a_broker_is_apart(host: Host) -> None:
    entry = created.entry("file", "/etc/rabbitmq/rabbitmq.conf", part="rabbitmq")
    assert plan(host, listed(entry)) == Plan(broker_files=["/etc/rabbitmq/rabbitmq.conf"])


NAMES = {"vhost": "shop", "login": "shop", "monitor": "shop-monitor", "administrator": "admin"}
EXPORT = {
    "vhosts": [{"name": "/"}, {"name": "shop"}],
    "users": [{"name": name} for name in ("shop", "shop-monitor", "admin")],
}
MADE = listed(*(created.entry(kind, "shop") for kind in ("vhost", "login")), created.entry("login", "admin"))


def wanted(owned: bool = True, **more: t.Any) -> broker.Wanted:
    return broker.Wanted(**{**NAMES, "owned": owned, **more})


def test_virtual_hosts_and_logins_on_the_list_go_and_the_administrator_does_not() -> None:
    assert broker.deleted(wanted(owned=False), MADE) == (["shop"], ["shop"])


def test_a_virtual_host_that_was_there_before_stays() -> None:
    assert broker.deleted(wanted(), listed()) == ([], [])
    assert broker.left(wanted(), listed(), EXPORT) == []


def test_without_a_list_all_of_the_stack_goes_from_its_own_broker_and_nothing_from_another() -> None:
    assert broker.deleted(wanted(), None) == (["shop"], ["shop", "shop-monitor"])
    assert broker.deleted(wanted(owned=False), None) == ([], [])
    said = broker.left(wanted(owned=False), None, EXPORT)[0]
    assert "rabbitmqctl delete_vhost shop; rabbitmqctl delete_user shop; rabbitmqctl delete_user shop-monitor" in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, []),
        ({"vhosts": [{"name": "theirs"}]}, ["virtual host theirs"]),
        ({"users": [{"name": "them"}]}, ["login them"]),
        ({"queues": [{"name": "mail", "vhost": "/"}]}, ["queues in virtual host /: mail"]),
        ({"queues": [{"name": "mail", "vhost": "shop"}]}, []),
    ],
)
def test_a_broker_that_serves_something_else_is_kept(more: dict[str, t.Any], said: list[str]) -> None:
    export = {key: [*EXPORT.get(key, []), *more.get(key, [])] for key in EXPORT.keys() | more.keys()}
    assert broker.others(wanted(), MADE, export) == said


def test_what_lies_in_the_default_vhost_is_the_stack_s_own_where_it_uses_that_one() -> None:
    export = {**EXPORT, "queues": [{"name": "default", "vhost": "/"}]}
    assert broker.others(wanted(), MADE, export) == ["queues in virtual host /: default"]
    assert broker.others(wanted(vhost="/"), MADE, export) == []


def test_of_a_leaving_node_only_its_own_classic_queues_count() -> None:
    queues = [
        {"node": "rabbit@a", "type": "classic", "messages": 1},
        {"node": "rabbit@a", "type": "quorum", "messages": 10},
        {"node": "rabbit@b", "type": "classic", "messages": 100},
        {"node": "rabbit@a", "type": "classic"},
    ]
    assert broker.waiting(wanted(leaving="rabbit@a"), queues) == 1
    assert broker.waiting(wanted(), queues) == 111


def test_a_broker_that_does_not_answer_is_no_empty_one() -> None:
    said = broker.sentence("shop", {"answers": False, "waiting": 0})
    assert "nobody can tell" in said


def test_messages_of_an_interrupted_resubmit_are_counted(tmp_path: pathlib.Path) -> None:
    (tmp_path / "sending" / "batch").mkdir(parents=True)
    (tmp_path / "sending" / "batch" / "0.run").write_text("")
    counts = records.count(str(tmp_path))
    assert counts == {"lost": 0, "failed": 0, "sending": 1, "damaged": 0}
    assert records.sentence("host3", counts) == (
        "host3 keeps tasks that are nowhere else: 1 left by an interrupted resubmit."
    )


def test_a_host_without_a_recorder_loses_nothing(tmp_path: pathlib.Path) -> None:
    assert records.sentence("host3", records.count(str(tmp_path / "none"))) == ""


def test_packages_that_were_installed_before_the_first_stack_stay() -> None:
    noted = listed(created.entry("package", "supervisor"))
    assert removal.shared(lambda _stack: noted) == ["supervisor"]
    assert removal.shared(lambda _stack: None) == ["rabbitmq-server", "supervisor"]
    assert removal.shared(lambda _stack: {**noted, "complete": False}) == ["rabbitmq-server", "supervisor"]


def test_another_stack_is_seen_by_its_description(tmp_path: pathlib.Path) -> None:
    for name in ("shop.json", "shop.beat.json"):
        (tmp_path / name).write_text("")
    assert removal.last("shop", str(tmp_path)) and removal.last("shop", str(tmp_path / "none"))
    (tmp_path / "shop-two.json").write_text("")
    assert not removal.last("shop", str(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_elsewhere_is_found_and_those_that_go_anyway_are_not(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a[b]" / "c").mkdir(parents=True)
    os.chown(tmp_path / "a[b]" / "c", 65533, -1)
    look = removal_host.Host([str(tmp_path)], ("/proc",))
    assert look.used_by("65533", ["/opt"]) == f"it owns {tmp_path}/a[b]/c"
    assert look.used_by("65533", [f"{tmp_path}/a[b]"]) == ""

"""The list of what a stack has created on a host, and what the modules write to it."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._files import access
from ansible_collections.taskstack.celery.plugins.module_utils._files import created as files_created
from ansible_collections.taskstack.celery.plugins.module_utils._virtualenv import run as virtualenv
from ansible_collections.taskstack.celery.plugins.modules import created, files

ME = {"owner": str(os.getuid()), "group": str(os.getgid())}
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")


class Host:
    """A directory that stands for the root of a host."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root, self.lists = root, str(root / "var" / ".created")

    def files(self, check_mode: bool = False, **more: t.Any) -> dict[str, t.Any]:
        empty: dict[str, t.Any] = {"directories": [], "files": [], "private_files": [], "base": "/", "absent": []}
        return files.run({**empty, "stack": "shop", **more}, check_mode, self.lists)

    def file(self, name: str, content: str = "text\n", **more: t.Any) -> dict[str, t.Any]:
        what = {"content": content, "block": None, "random": None, "marker": "shop", "mode": "0644", "part": ""}
        return {**what, **ME, "path": str(self.root / name), **more}

    def directory(self, name: str, **more: t.Any) -> dict[str, t.Any]:
        return {"paths": [str(self.root / name)], **ME, "mode": "0755", "keep": True, "part": "", **more}

    def entries(self) -> list[tuple[str, str]]:
        names = [(item["kind"], item["name"]) for item in files_created.entries("shop", self.lists)]
        return [(kind, name.replace(f"{self.root}/", "")) for kind, name in names]


@pytest.fixture
def host(tmp_path: pathlib.Path) -> Host:
    return Host(tmp_path)


def test_what_a_run_creates_is_listed_with_the_directories_above_it(host: Host) -> None:
    host.files(directories=[host.directory("srv/shop/uploads", part="data")], files=[host.file("srv/shop/app.py")])
    assert host.entries() == [
        ("directory", "srv"),
        ("directory", "srv/shop"),
        ("directory", "srv/shop/uploads"),
        ("file", "srv/shop/app.py"),
    ]
    assert files_created.entries("shop", host.lists)[2]["part"] == "data"


def test_what_was_there_before_is_not_listed(host: Host) -> None:
    (host.root / "uploads").mkdir()
    (host.root / "app.py").write_text("old\n")
    host.files(directories=[host.directory("uploads")], files=[host.file("app.py")])
    assert host.entries() == []


def test_check_mode_writes_no_list(host: Host) -> None:
    host.files(check_mode=True, files=[host.file("app.py")])
    assert not list(host.root.iterdir())


def test_what_is_going_to_be_created_is_on_the_list_before_it_is_there(host: Host) -> None:
    # Nobody can create a file in /proc.
    with pytest.raises((OSError, TaskstackError)):
        host.files(files=[{**host.file(""), "path": "/proc/app.py"}, host.file("app.py")])
    assert host.entries() == [("file", "/proc/app.py"), ("file", "app.py")] and not (host.root / "app.py").exists()


def test_a_second_run_leaves_the_list_as_it_is(host: Host) -> None:
    host.files(files=[host.file("app.py")])
    path = pathlib.Path(host.lists, "shop.json")
    before = path.stat().st_ino
    host.files(files=[host.file("app.py")])
    assert path.stat().st_ino == before and path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_is_not_wanted_any_more_goes_and_is_taken_off_the_list(host: Host) -> None:
    wanted = {"files": [host.file("app.py", part="app"), host.file("old.py", part="app")], "parts": ["app"]}
    host.files(**wanted)
    wanted["files"].pop()
    assert host.files(check_mode=True, **wanted)["paths"] == [str(host.root / "old.py")]
    assert host.files(**wanted)["paths"] == [str(host.root / "old.py")]
    assert not (host.root / "old.py").exists() and host.entries() == [("file", "app.py")]
    assert not host.files(**wanted)["changed"]


def test_a_file_that_somebody_has_changed_since_stays_when_it_is_not_wanted_any_more(host: Host) -> None:
    host.files(files=[host.file("app.py", part="app")], parts=["app"])
    (host.root / "app.py").write_text("mine now\n")
    assert not host.files(parts=["app"])["changed"]
    assert (host.root / "app.py").read_text() == "mine now\n" and host.entries() == []


def test_a_file_that_the_stack_has_changed_itself_still_goes(host: Host) -> None:
    host.files(files=[host.file("app.py", part="app")], parts=["app"])
    host.files(files=[host.file("app.py", content="new\n", part="app")], parts=["app"])
    host.files(parts=["app"])
    assert not (host.root / "app.py").exists()


def test_a_file_that_was_there_before_stays_when_it_is_not_wanted_any_more(host: Host) -> None:
    (host.root / "app.py").write_text("old\n")
    host.files(files=[host.file("app.py", part="app")], parts=["app"])
    assert not host.files(parts=["app"])["changed"]


def test_files_of_other_parts_stay(host: Host) -> None:
    host.files(files=[host.file("flower.py", part="flower")], parts=["app"])
    assert not host.files(parts=["app"])["changed"]


def test_the_block_in_an_old_settings_file_goes_when_the_settings_are_in_another_one(host: Host) -> None:
    for name in ("old.py", "new.py"):
        (host.root / name).write_text("DEBUG = False\n")
    block = {"content": None, "block": "URL = 'amqp://'", "part": "settings"}
    host.files(files=[host.file("old.py", **block)], parts=["settings"])
    host.files(files=[host.file("new.py", **block)], parts=["settings"])
    assert (host.root / "old.py").read_text() == "DEBUG = False\n"
    assert "amqp://" in (host.root / "new.py").read_text() and host.entries() == [("block", "new.py")]


def test_no_block_is_taken_out_of_a_file_that_is_not_there(host: Host) -> None:
    assert not host.files(files=[host.file("gone.py", content=None, block="")])["changed"]


def test_a_directory_goes_only_when_nothing_is_left_in_it(host: Host) -> None:
    (host.root / "a" / "b").mkdir(parents=True)
    (host.root / "c").mkdir()
    (host.root / "c" / "mine").write_text("text\n")
    (host.root / "a" / "file").write_text("text\n")
    names = [str(host.root / name) for name in ("a/b", "a", "c")]
    wanted = {"absent": [str(host.root / "a" / "file")], "absent_when_empty": names}
    predicted = host.files(check_mode=True, **wanted)
    assert host.files(**wanted)["paths"] == predicted["paths"] == [str(host.root / n) for n in ("a/file", "a/b", "a")]
    assert not (host.root / "a").exists() and (host.root / "c" / "mine").exists()


def test_a_list_that_was_begun_on_a_deployed_host_is_not_complete(host: Host) -> None:
    files_created.note("new", [], host.lists, str(host.root))
    (host.root / "shop.env").write_text("")
    files_created.note("shop", [], host.lists, str(host.root))
    files_created.note("shop-two", [], host.lists, str(host.root))
    found = {name: files_created.read(name, host.lists) for name in ("new", "shop", "shop-two")}
    assert {name: about and about["complete"] for name, about in found.items()} == {
        "new": True,
        "shop": False,
        "shop-two": True,
    }


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 2, "entries": []}'])
def test_a_list_that_cannot_be_used_is_an_error_with_its_path(host: Host, text: str) -> None:
    path = pathlib.Path(host.lists, "shop.json")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(TaskstackError, match=str(path)):
        files_created.read("shop", host.lists)


def test_accounts_are_noted_for_the_stack_and_packages_for_the_host(host: Host) -> None:
    wanted = {"stack": "shop", "accounts": ["shop"], "groups": [], "packages": ["supervisor"]}
    assert created.run(wanted, True, host.lists)["changed"] and not os.path.exists(host.lists)
    assert created.run(wanted, False, host.lists)["changed"]
    assert not created.run(wanted, False, host.lists)["changed"]
    assert host.entries() == [("account", "shop")]
    assert files_created.entries(files_created.HOST, host.lists) == [{"kind": "package", "name": "supervisor"}]


def test_a_virtualenv_is_noted_where_there_is_none(host: Host) -> None:
    (host.root / "old").mkdir()
    virtualenv.note("shop", [str(host.root / "old"), str(host.root / "opt" / "venv")], host.lists)
    assert host.entries() == [("directory", "opt"), ("virtualenv", "opt/venv")]


@AS_ROOT
def test_an_existing_directory_in_which_the_account_cannot_write_is_refused_with_the_commands(
    host: Host, tmp_path: pathlib.Path
) -> None:
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    (host.root / "uploads").mkdir(mode=0o755)
    uploads = {**host.directory("uploads"), "owner": "www-data", "group": "www-data", "writable_by": "www-data"}
    with pytest.raises(TaskstackError, match=r"setfacl -R -m u:www-data:rwX .*uploads") as error:
        host.files(directories=[uploads], files=[host.file("app.py")])
    assert "owner 0, group 0, mode 0755" in str(error.value) and not (host.root / "app.py").exists()


@AS_ROOT
def test_an_existing_directory_in_which_the_account_can_write_keeps_owner_and_mode(
    host: Host, tmp_path: pathlib.Path
) -> None:
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    folder = host.root / "uploads"
    folder.mkdir()
    os.chown(folder, 0, 33)
    folder.chmod(0o2775)
    uploads = {**host.directory("uploads"), "owner": "www-data", "group": "www-data", "writable_by": "www-data"}
    assert not host.files(directories=[{**uploads, "mode": "0750"}])["changed"]
    assert (folder.stat().st_uid, folder.stat().st_gid, folder.stat().st_mode & 0o7777) == (0, 33, 0o2775)


def test_an_account_that_does_not_exist_yet_is_not_asked(tmp_path: pathlib.Path) -> None:
    assert access.unwritable([str(tmp_path)], "nobody-has-this-name", "nogroup") == []


def test_the_list_says_its_format_and_stack(host: Host) -> None:
    host.files(files=[host.file("app.py")])
    found = json.loads(pathlib.Path(host.lists, "shop.json").read_text())
    assert (found["format"], found["stack"]) == (1, "shop")


def test_a_file_of_an_older_edition_goes_from_a_directory_that_holds_only_what_is_listed(host: Host) -> None:
    library = host.root / "lib"
    (library / "__pycache__").mkdir(parents=True)
    for name in ("old.py", "new.py"):
        (library / name).write_text("text\n")
    wanted = {"directories": [host.directory("lib", exclusive=True)], "files": [host.file("lib/new.py")]}
    assert host.files(**wanted)["paths"] == [str(library / "old.py")]
    assert sorted(path.name for path in library.iterdir()) == ["__pycache__", "new.py"]

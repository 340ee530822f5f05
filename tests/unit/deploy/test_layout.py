"""Files and directories: what is planned, and that carrying it out leaves nothing to plan."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._files import disk, layout
from ansible_collections.taskstack.celery.plugins.modules import files
from hypothesis import given
from hypothesis import strategies as st

ME = str(os.getuid())
GROUP = str(os.getgid())


def file(path: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    empty = {"content": None, "block": None, "random": None, "marker": "shop", "mode": "0640"}
    return {**empty, "path": str(path), "owner": ME, "group": GROUP, **more}


def directory(path: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    return {"paths": [str(path)], "owner": ME, "group": GROUP, "mode": "0750", "keep": False, **more}


def params(**more: t.Any) -> dict[str, t.Any]:
    return {"directories": [], "files": [], "private_files": [], "base": "/", "absent": [], **more}


def test_a_second_run_changes_nothing_and_check_mode_predicted_the_first(tmp_path: pathlib.Path) -> None:
    wanted = params(
        directories=[directory(tmp_path / "a" / "b")],
        files=[file(tmp_path / "a" / "x.env", content="A='1'\n"), file(tmp_path / "cookie", random=16)],
    )
    predicted = files.run(wanted, check_mode=True)
    assert not list(tmp_path.iterdir())
    real = files.run(wanted, check_mode=False)
    assert predicted["paths"] == real["paths"] == [str(tmp_path / name) for name in ("a/b", "a/x.env", "cookie")]
    assert files.run(wanted, check_mode=False)["changed"] is False
    assert (tmp_path / "a" / "x.env").stat().st_mode & 0o777 == 0o640
    assert len((tmp_path / "cookie").read_text().strip()) == 32


def test_a_random_file_keeps_its_text(tmp_path: pathlib.Path) -> None:
    wanted = params(files=[file(tmp_path / "cookie", random=16)])
    files.run(wanted, check_mode=False)
    first = (tmp_path / "cookie").read_text()
    (tmp_path / "cookie").chmod(0o644)
    assert files.run(wanted, check_mode=False)["changed"] is True
    assert (tmp_path / "cookie").read_text() == first


def test_the_diff_names_path_and_both_contents(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_text("old\n")
    diff = files.run(params(files=[file(tmp_path / "x", content="new\n")]), check_mode=True)["diff"]
    assert diff[0]["before_header"] == str(tmp_path / "x")
    assert "old" in diff[0]["before"] and "new" in diff[0]["after"]


def test_the_diff_of_a_secret_file_says_that_it_changes_and_never_what_is_in_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_text("old password\n")
    (tmp_path / "settings.py").write_text("KEY = 'old key'\n")
    (tmp_path / "settings.py").chmod(0o640)
    wanted = [
        file(tmp_path / "x", content="new password\n"),
        file(tmp_path / "cookie", random=8),
        file(tmp_path / "settings.py", block="URL = 'new url'"),
    ]
    predicted = files.run(params(private_files=wanted), check_mode=True)
    result = files.run(params(private_files=wanted), check_mode=False)
    assert predicted == result
    assert [(d["before"] != d["after"]) for d in result["diff"]] == [True, True, True]
    told = str(result)
    assert not any(
        word in told for word in ("password", "new url", "old key", (tmp_path / "cookie").read_text().strip())
    )
    (tmp_path / "x").chmod(0o600)
    (only,) = files.run(params(private_files=wanted), check_mode=True)["diff"]
    assert "mode 0600" in only["before"] and "another one" not in only["after"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_password_is_not_put_into_a_file_that_everybody_may_read(tmp_path: pathlib.Path, check_mode: bool) -> None:
    settings = tmp_path / "settings.py"
    settings.write_text("KEY = 1\n")
    settings.chmod(0o644)
    wanted = params(private_files=[file(settings, block="URL = 'new url'")])
    with pytest.raises(TaskstackError, match=f"chmod o-r {settings}"):
        files.run(wanted, check_mode)
    assert settings.read_text() == "KEY = 1\n"


def test_the_modules_output_holds_nothing_secret_and_is_not_blackened(tmp_path: pathlib.Path) -> None:
    secret = {"owner": ME, "group": GROUP, "path": str(tmp_path / "s"), "content": "Tr0ub4dor\n"}
    short = {**secret, "path": str(tmp_path / "n"), "content": "\n"}
    wanted = {"private_files": [secret, short], "files": [{**secret, "path": str(tmp_path / "f"), "content": "a\nb\n"}]}
    module = "ansible_collections.taskstack.celery.plugins.modules.files"
    given = json.dumps({"ANSIBLE_MODULE_ARGS": {**wanted, "_ansible_diff": True}})
    command = [sys.executable, "-m", module]
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, input=given, env=where, capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    assert answer["changed"] and (tmp_path / "s").read_text() == "Tr0ub4dor\n"
    assert "Tr0ub4dor" not in done.stdout
    assert answer["diff"][0]["after"].endswith("a\nb\n")


def test_nothing_that_the_module_gets_is_in_the_hosts_journal(tmp_path: pathlib.Path) -> None:
    """On a host whose Ansible finds systemd's library; the play says nothing of no_log."""
    (tmp_path / "systemd").mkdir()
    (tmp_path / "systemd" / "__init__.py").touch()
    (tmp_path / "systemd" / "daemon.py").write_text("def booted():\n    return True\n")
    note = f"open({str(tmp_path / 'journal')!r}, 'a').write(str(said))"
    (tmp_path / "systemd" / "journal.py").write_text(f"def sendv():\n    pass\ndef send(**said):\n    {note}\n")
    where = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    secret = {"owner": ME, "group": GROUP, "path": str(tmp_path / "s"), "content": 'pass = ["o\'clock"]\n'}
    for name in ("files", "host_facts"):
        module = f"ansible_collections.taskstack.celery.plugins.modules.{name}"
        given = {"private_files": [secret]} if name == "files" else {}
        text = json.dumps({"ANSIBLE_MODULE_ARGS": {**given, "_ansible_no_log": False}})
        command = [sys.executable, "-m", module]
        subprocess.run(command, input=text, env=where, capture_output=True, text=True, check=True)
    assert (tmp_path / "s").exists()
    seen = (tmp_path / "journal").read_text()
    assert "Invoked" in seen and "clock" not in seen


def test_a_kept_directory_keeps_its_mode(tmp_path: pathlib.Path) -> None:
    (tmp_path / "there").mkdir(mode=0o700)
    wanted = params(directories=[directory(tmp_path / "there", keep=True)])
    assert files.run(wanted, check_mode=False)["changed"] is False


def test_a_relative_path_is_below_the_base_and_parents_are_made(tmp_path: pathlib.Path) -> None:
    wanted = file(pathlib.Path("app/tasks.py"), content="x = 1\n")
    files.run(params(base=str(tmp_path), files=[wanted]), check_mode=False)
    assert (tmp_path / "app" / "tasks.py").read_text() == "x = 1\n"


def test_what_should_be_absent_is_removed_with_all_that_is_in_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "f").write_text("")
    gone = params(absent=[str(tmp_path / name) for name in ("d", "f", "never")])
    assert files.run(gone, check_mode=True)["paths"] == [str(tmp_path / "d"), str(tmp_path / "f")]
    assert files.run(gone, check_mode=False)["changed"] is True
    assert list(tmp_path.iterdir()) == []
    assert files.run(gone, check_mode=False)["changed"] is False


def test_a_file_where_a_directory_should_be_is_for_a_person(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_text("mine")
    with pytest.raises(TaskstackError, match="should be a directory, but a file is there"):
        files.run(params(directories=[directory(tmp_path / "x")]), check_mode=True)


def test_a_block_goes_into_somebody_elses_file_and_comes_out_again(tmp_path: pathlib.Path) -> None:
    settings = tmp_path / "settings.py"
    settings.write_text("DEBUG = False")
    settings.chmod(0o604)
    files.run(params(files=[file(settings, block="BROKER_URL = 'amqp://'")]), check_mode=False)
    assert settings.read_text().startswith("DEBUG = False\n# BEGIN: managed by Ansible")
    assert settings.stat().st_mode & 0o777 == 0o604
    files.run(params(files=[file(settings, block="")]), check_mode=False)
    assert settings.read_text() == "DEBUG = False\n"


def test_a_block_for_a_file_that_is_not_there_says_what_to_ask_oneself(tmp_path: pathlib.Path) -> None:
    wanted = params(files=[file(tmp_path / "settings.py", block="X = 1")])
    assert files.run(wanted, check_mode=True)["changed"] is True
    with pytest.raises(TaskstackError, match="Is the application installed"):
        files.run(wanted, check_mode=False)


def test_an_account_that_is_yet_to_be_made_counts_as_a_change_in_check_mode_only(tmp_path: pathlib.Path) -> None:
    wanted = params(files=[file(tmp_path / "x", owner="nobody-has-this-name", content="")])
    assert files.run(wanted, check_mode=True)["changed"] is True
    with pytest.raises(TaskstackError, match="no account or group nobody-has-this-name"):
        files.run(wanted, check_mode=False)


@given(before=st.text(alphabet="ab#\n"), first=st.text(alphabet="xy\n", min_size=1), second=st.text(alphabet="xy\n"))
def test_a_block_replaces_itself_and_touches_nothing_else(before: str, first: str, second: str) -> None:
    once = layout.block(before, "shop", first)
    assert once.startswith(before)
    assert layout.block(once, "shop", first) == once
    twice = layout.block(once, "shop", second)
    assert twice.startswith(before)
    assert layout.block(twice, "shop", "").rstrip("\n") == before.rstrip("\n")


def test_a_file_is_replaced_and_not_rewritten(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_text("old")
    (tmp_path / "other name").hardlink_to(tmp_path / "x")
    seen = disk.look(str(tmp_path / "x"))
    disk.apply(layout.Change(seen, layout.Node(str(tmp_path / "x"), None, None, None, b"new")))
    assert ((tmp_path / "x").read_text(), (tmp_path / "other name").read_text()) == ("new", "old")
    assert sorted(name.name for name in tmp_path.iterdir()) == ["other name", "x"]

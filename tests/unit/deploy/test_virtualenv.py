"""The virtualenv's plan: when pip runs, and when the stamp changes."""

from __future__ import annotations

import os
import pathlib
import pwd
import sys
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._virtualenv import contents as venv
from ansible_collections.taskstack.celery.plugins.modules import virtualenv

ME = pwd.getpwuid(os.getuid()).pw_name


def stamp(wants: list[str], has: list[str], files: list[str]) -> str:
    return venv.text(wants, has, files)


def test_pip_runs_when_something_else_is_asked_for_or_installed_and_only_then() -> None:
    before = stamp(["celery==5.7.0"], ["celery-5.7.0.dist-info 1"], [])
    same = venv.plan(["celery==5.7.0"], ["celery-5.7.0.dist-info 1"], [], before, "/v")
    assert (same.create, same.install, same.stamp) == (False, False, before)
    assert venv.plan(["celery==5.6.0"], ["celery-5.7.0.dist-info 1"], [], before, "/v").install
    assert venv.plan(["celery==5.7.0"], ["celery-5.7.1.dist-info 2"], [], before, "/v").install


def test_a_changed_file_changes_the_stamp_without_pip() -> None:
    before = stamp(["celery"], ["celery 1"], ["/opt/shop/tasks.py 1"])
    plan = venv.plan(["celery"], ["celery 1"], ["/opt/shop/tasks.py 2"], before, "/v")
    assert not plan.install and plan.stamp != before


def test_an_application_that_is_there_already_is_only_looked_at() -> None:
    plan = venv.plan([], ["celery 1"], [], "", "/v")
    assert (plan.create, plan.install) == (False, False)
    assert plan.stamp == stamp([], ["celery 1"], [])


def test_no_virtualenv_and_nothing_to_install_says_which_variables_to_set() -> None:
    with pytest.raises(TaskstackError, match="application_packages or application_requirements"):
        venv.plan([], None, [], "", "/v")


def test_the_content_of_a_requirements_file_counts(tmp_path: pathlib.Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("celery==5.6.0\n")
    first = venv.wanted([], str(requirements), [])
    requirements.write_text("celery==5.7.0\n")
    assert first != venv.wanted([], str(requirements), [])
    assert venv.wanted([], None, ["--pre"]) == []


def test_what_is_installed_is_read_without_running_anything_of_it(tmp_path: pathlib.Path) -> None:
    packages = tmp_path / "lib" / "python3.9" / "site-packages"
    (packages / "shop-1.0.dist-info").mkdir(parents=True)
    (packages / "shop-1.0.dist-info" / "RECORD").write_text("shop.py,sha256=abc,1\n")
    (packages / "sitecustomize.py").write_text("raise SystemExit('must never run')\n")
    assert venv.installed(str(tmp_path)) is None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    before = venv.installed(str(tmp_path))
    assert before is not None and before[0].startswith("shop-1.0.dist-info ")
    (packages / "shop-1.0.dist-info" / "RECORD").write_text("shop.py,sha256=def,1\n")
    assert venv.installed(str(tmp_path)) != before


def wanted(folder: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    # pip is already in a fresh virtualenv, so that this needs no network.
    return {
        "path": str(folder / "venv"),
        "stamp": str(folder / "packages"),
        "packages": ["pip"],
        "requirements": None,
        "arguments": [],
        "files": [],
        "python": sys.executable,
        "user": ME,
        **more,
    }


def run(*items: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    return virtualenv.run({"virtualenvs": list(items), "stack": None, "state": "present"}, check_mode)


def test_empty_environments_are_made_and_a_second_run_changes_nothing(tmp_path: pathlib.Path) -> None:
    other = wanted(tmp_path, path=str(tmp_path / "other"), stamp=str(tmp_path / "other.packages"))
    both = (wanted(tmp_path), other)
    stamps = [str(tmp_path / "packages"), str(tmp_path / "other.packages")]
    assert run(*both, check_mode=True)["stamps"] == stamps
    assert list(tmp_path.iterdir()) == []
    assert run(*both, check_mode=False)["stamps"] == stamps
    for stamp in stamps:
        assert "wants pip\nhas pip-" in pathlib.Path(stamp).read_text()
    for check_mode in (True, False):
        again = run(*both, check_mode=check_mode)
        assert (again["changed"], again["stamps"]) == (False, [])


def test_what_is_wrong_with_each_of_several_environments_is_told_at_once(tmp_path: pathlib.Path) -> None:
    other = wanted(tmp_path, user="nobody-has-this-name", path=str(tmp_path / "other"), stamp=str(tmp_path / "s"))
    with pytest.raises(TaskstackError, match=r"There is no virtualenv at .*no account nobody-has-this-name"):
        run(wanted(tmp_path, packages=[]), other, check_mode=False)


def test_a_command_that_fails_shows_its_last_lines_and_what_to_do(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-c", "print('first'); raise SystemExit('no such package')"]
    with pytest.raises(TaskstackError, match=r"(?s)Trying failed \(as .*exit code 1\)\. Look again\..*no such package"):
        venv.as_user(command, ME, "Trying", "Look again.")


def test_an_unknown_account_is_named() -> None:
    with pytest.raises(TaskstackError, match="no account nobody-has-this-name"):
        venv.as_user(["true"], "nobody-has-this-name", "Trying", "")


def test_a_dry_run_predicts_the_virtualenv_of_an_account_that_an_earlier_task_would_create(tmp_path):
    wanted = {"path": str(tmp_path / "venv"), "packages": ["pip"], "stamp": str(tmp_path / "stamp")}
    wanted.update(requirements=None, arguments=[], files=[], python=sys.executable, user="nobody-has-this-name")
    assert run(wanted, check_mode=True)["changed"]
    assert not (tmp_path / "venv").exists()

"""A new virtualenv takes the place of the old one, and the way back: with real ones, that an account owns."""

from __future__ import annotations

import os
import pathlib
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._virtualenv import contents as venv
from ansible_collections.taskstack.celery.plugins.module_utils._virtualenv import swap
from ansible_collections.taskstack.celery.plugins.modules import virtualenv

ME = pwd.getpwuid(os.getuid()).pw_name
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run things as somebody else")


@pytest.fixture
def base() -> t.Iterator[pathlib.Path]:
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        yield pathlib.Path(made)


def wanted(folder: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    # pip is already in a fresh virtualenv, so that this needs no network; other arguments are another wish.
    return {
        "state": "present",
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


def run(item: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    one = {key: value for key, value in item.items() if key != "state"}
    return virtualenv.run({"virtualenvs": [one], "stack": None, "state": item["state"]}, check_mode)


def newer(folder: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    return wanted(folder, arguments=["--no-input"], **more)


@pytest.fixture(scope="module")
def made_once() -> t.Iterator[pathlib.Path]:
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        run(wanted(folder), check_mode=False)
        yield folder


@pytest.fixture
def deployed(base: pathlib.Path, made_once: pathlib.Path) -> pathlib.Path:
    shutil.copytree(made_once / "venv", base / "venv", symlinks=True)
    shutil.copy(made_once / "packages", base / "packages")
    for script in (base / "venv" / "bin").glob("pip*"):
        script.write_text(script.read_text().replace(str(made_once), str(base)))
    (base / "venv" / "old").touch()
    return base


def present(folder: pathlib.Path) -> list[str]:
    return sorted(os.listdir(folder))


def works(folder: pathlib.Path) -> str:
    return subprocess.run([folder / "bin" / "pip", "--version"], capture_output=True, text=True, check=True).stdout


def test_an_upgrade_goes_into_a_copy_that_takes_the_place(deployed: pathlib.Path) -> None:
    assert run(newer(deployed, state="upgraded"), check_mode=True)["changed"]
    assert present(deployed) == ["packages", "venv"]
    stamp = (deployed / "packages").read_text()
    assert run(newer(deployed, state="upgraded"), check_mode=False)["changed"]
    assert present(deployed) == ["packages", "packages.previous", "venv", "venv.previous"]
    assert (deployed / "packages").read_text() == (deployed / "packages.previous").read_text() == stamp
    assert "/venv/lib/" in works(deployed / "venv") and ".next" not in (deployed / "venv" / "bin" / "pip").read_text()
    # As the processes restart, what the virtualenv holds is written.
    assert run(newer(deployed), check_mode=False)["stamps"] == [str(deployed / "packages")]


def test_an_upgrade_that_asks_for_nothing_new_copies_nothing(deployed: pathlib.Path) -> None:
    assert not run(wanted(deployed, state="upgraded"), check_mode=False)["changed"]
    assert present(deployed) == ["packages", "venv"]


def test_the_first_virtualenv_of_a_host_is_not_made_by_an_upgrade(base: pathlib.Path) -> None:
    assert not run(newer(base, state="upgraded"), check_mode=False)["changed"]
    assert present(base) == []


def test_what_does_not_work_is_taken_back_and_kept_until_the_next_upgrade(deployed: pathlib.Path) -> None:
    back = wanted(deployed, state="restored", packages=[])
    assert not run(back, check_mode=False)["changed"]
    run(newer(deployed, state="upgraded"), check_mode=False)
    (deployed / "venv" / "new").touch()
    assert run(back, check_mode=True)["changed"]
    assert run(back, check_mode=False)["changed"]
    assert present(deployed) == ["packages", "venv", "venv.failed"]
    assert (deployed / "venv.failed" / "new").exists() and not (deployed / "venv" / "new").exists()
    works(deployed / "venv")
    assert not run(back, check_mode=False)["changed"]
    run(newer(deployed, state="upgraded"), check_mode=False)
    assert present(deployed) == ["packages", "packages.previous", "venv", "venv.previous"]


@pytest.mark.parametrize("moment", ["between the renames", "after the swap", "between the renames back"])
def test_an_interrupted_upgrade_begins_again_from_the_packages_that_worked(deployed: pathlib.Path, moment: str) -> None:
    run(newer(deployed, state="upgraded"), check_mode=False)
    (deployed / "venv" / "new").touch()
    if moment == "between the renames":
        (deployed / "venv").rename(deployed / "venv.next")
    if moment == "between the renames back":
        (deployed / "venv").rename(deployed / "venv.failed")
    assert run(newer(deployed, state="upgraded"), check_mode=False)["changed"]
    assert not (deployed / "venv" / "new").exists() and (deployed / "venv" / "old").exists()
    assert present(deployed) == ["packages", "packages.previous", "venv", "venv.previous"]
    works(deployed / "venv")


def test_a_failed_installation_leaves_the_virtualenv_as_it_is(deployed: pathlib.Path) -> None:
    broken = wanted(deployed, state="upgraded", packages=["/nonexistent/shop.whl"])
    with pytest.raises(TaskstackError, match=r"pip install /nonexistent/shop\.whl failed"):
        run(broken, check_mode=False)
    assert (deployed / "venv" / "old").exists() and not (deployed / "packages.previous").exists()
    assert not run(wanted(deployed), check_mode=False)["changed"]


def other_python(folder: pathlib.Path) -> None:
    """As after an upgrade of the distribution: the virtualenv was made by a Python that is another one now."""
    settings = folder / "venv" / "pyvenv.cfg"
    settings.write_text("home = /usr/bin\nversion = 3.4.1\n")
    (folder / "venv" / "bin" / "python").unlink()
    named = folder / f"python{sys.version_info.major}.{sys.version_info.minor}"
    named.symlink_to(os.path.realpath(sys.executable))
    (folder / "venv" / "bin" / "python").symlink_to(named)


@pytest.mark.parametrize("state", ["present", "upgraded"])
def test_a_virtualenv_whose_python_is_another_one_now_is_created_again_aside(
    deployed: pathlib.Path, state: str
) -> None:
    other_python(deployed)
    assert run(wanted(deployed, state=state), check_mode=True)["changed"]
    assert run(wanted(deployed, state=state), check_mode=False)["changed"]
    assert (deployed / "venv.previous" / "old").exists() and not (deployed / "venv" / "old").exists()
    works(deployed / "venv")
    run(wanted(deployed), check_mode=False)
    assert not run(wanted(deployed), check_mode=False)["changed"]


def test_a_virtualenv_whose_python_has_gone_is_created_again(deployed: pathlib.Path) -> None:
    (deployed / "venv" / "bin" / "python").unlink()
    (deployed / "venv" / "bin" / "python").symlink_to("/usr/bin/python3.4")
    assert "is no longer on this host" in venv.broken(str(deployed / "venv"))
    assert run(wanted(deployed), check_mode=False)["changed"]
    works(deployed / "venv")


def test_an_unmanaged_virtualenv_whose_python_is_another_one_now_is_named_and_stays(deployed: pathlib.Path) -> None:
    other_python(deployed)
    with pytest.raises(TaskstackError, match=r"created with Python 3\.4, .* Create the virtualenv again"):
        run(wanted(deployed, packages=[]), check_mode=False)
    assert (deployed / "venv" / "old").exists()


def test_another_python_asked_for_is_used_and_one_that_an_older_edition_used_is_not_guessed() -> None:
    has, wants = ["celery-5.7.0.dist-info 1"], ["celery==5.7.0"]
    before = venv.text(wants, has, [], "/usr/bin/python3")
    assert not venv.plan(wants, has, [], before, "/v", "/usr/bin/python3").rebuild
    changed = venv.plan(wants, has, [], before, "/v", "/usr/bin/python3.12")
    assert changed.rebuild and "python /usr/bin/python3.12\n" in changed.stamp
    older = venv.text(wants, has, [])
    plan = venv.plan(wants, has, [], older, "/v", "/usr/bin/python3.12")
    assert (plan.rebuild, plan.install, plan.stamp) == (False, False, older)


def test_the_stamp_is_roots_alone_also_where_an_older_edition_wrote_it(deployed: pathlib.Path) -> None:
    stamp = deployed / "packages"
    assert stat.S_IMODE(stamp.stat().st_mode) == 0o600
    stamp.chmod(0o644)
    for check_mode in (True, False):
        result = run(wanted(deployed), check_mode)
        assert (result["changed"], result["stamps"]) == (True, [])
    assert stat.S_IMODE(stamp.stat().st_mode) == 0o600
    assert not run(wanted(deployed), check_mode=False)["changed"]


@ROOT
def test_an_upgrade_of_somebody_elses_virtualenv_names_the_variable(deployed: pathlib.Path) -> None:
    with pytest.raises(TaskstackError, match="belongs to root and not to nobody: set application_venv_owner to root"):
        swap.copy(str(deployed / "venv"), "nobody")
    assert present(deployed) == ["packages", "venv"]


@ROOT
@pytest.mark.parametrize("state", ["present", "upgraded"])
def test_root_runs_no_program_that_another_account_can_change(base: pathlib.Path, state: str) -> None:
    (base / "app").mkdir()
    (base / "app" / "venv" / "bin").mkdir(parents=True)
    (base / "app" / "venv" / "bin" / "python").symlink_to(sys.executable)
    os.chown(base / "app", 3333, 3333)
    item = wanted(base, path=str(base / "app" / "venv"), state=state)
    with pytest.raises(TaskstackError, match=r"Root would run programs of .*, which other accounts can change"):
        run(item, check_mode=False)
    # Neither one that it would create itself.
    with pytest.raises(TaskstackError, match="Root would run programs"):
        run({**item, "path": str(base / "app" / "new" / "venv")}, check_mode=True)


@ROOT
def test_the_copy_is_made_with_the_rights_of_the_virtualenvs_owner(base: pathlib.Path) -> None:
    account = pwd.getpwnam("nobody")
    victim = base / "victim"
    victim.mkdir()
    old = base / "venv"
    old.mkdir()
    os.chown(old, account.pw_uid, account.pw_gid)
    (old / "secret").write_text("of root")
    (old / "secret").chmod(0o600)
    (base / "venv.next").symlink_to(victim)
    with pytest.raises(TaskstackError, match=r"(?s)Copying .* failed \(as nobody.*Permission denied"):
        swap.copy(str(old), "nobody")
    assert os.listdir(victim) == []
    (old / "secret").unlink()
    (old / "x").touch()
    swap.copy(str(old), "nobody")
    assert (base / "venv.next").lstat().st_uid == (base / "venv.next" / "x").lstat().st_uid == account.pw_uid


def test_a_virtualenv_behind_a_link_is_not_upgraded(base: pathlib.Path) -> None:
    (base / "real").mkdir()
    (base / "venv").symlink_to("real")
    with pytest.raises(TaskstackError, match=r"is a symbolic link\. Set taskstack_venv"):
        swap.copy(str(base / "venv"), ME)


def test_programs_of_the_virtualenv_have_no_hold_of_roots_terminal() -> None:
    """A process with a controlling terminal could type into it."""
    venv.as_user([sys.executable, "-c", "import os; raise SystemExit(os.getsid(0) != os.getpid())"], ME, "Trying", "")

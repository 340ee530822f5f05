"""Links, pipes, devices and huge files that the application's user puts where root deploys lead root nowhere."""

from __future__ import annotations

import os
import pathlib
import signal
import stat
import tempfile
import time
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._files import (
    disk,
    layout,
    paths,
    permissions,
    remove_tree,
)
from ansible_collections.taskstack.celery.plugins.modules import files

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be led to what only root may change")

USER = 3333


@pytest.fixture
def base() -> t.Iterator[pathlib.Path]:
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        yield pathlib.Path(made)


@pytest.fixture
def home(base: pathlib.Path) -> pathlib.Path:
    return directory_of(USER, base / "app")


@pytest.fixture
def secret(base: pathlib.Path) -> pathlib.Path:
    made = base / "shadow"
    made.write_text("root:Tr0ub4dor\n")
    made.chmod(0o640)
    return made


@pytest.fixture(autouse=True)
def _nothing_waits() -> t.Iterator[None]:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(120)
    yield
    signal.alarm(0)


def directory_of(uid: int, path: pathlib.Path, mode: int = 0o755) -> pathlib.Path:
    path.mkdir()
    os.chown(path, uid, uid)
    path.chmod(mode)
    return path


def file_of(uid: int, path: pathlib.Path, content: str = "mine\n", mode: int = 0o640) -> pathlib.Path:
    path.write_text(content)
    os.chown(path, uid, uid)
    path.chmod(mode)
    return path


def link_of(uid: int, path: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    path.symlink_to(target)
    os.chown(path, uid, uid, follow_symlinks=False)
    return path


def run(check_mode: bool = False, **more: t.Any) -> dict[str, t.Any]:
    empty: dict[str, t.Any] = {"directories": [], "files": [], "private_files": [], "base": "/", "absent": []}
    return files.run({**empty, **more}, check_mode)


def wanted(path: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    empty = {"content": None, "block": None, "random": None, "marker": "shop", "mode": "0640"}
    return {**empty, "path": str(path), "owner": "root", "group": "root", **more}


def directory(path: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    return {"paths": [str(path)], "owner": str(USER), "group": str(USER), "mode": "0750", "keep": False, **more}


def owner_and_mode(path: pathlib.Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


CHECK = pytest.mark.parametrize("check_mode", [True, False])


@CHECK
def test_a_pipe_in_the_place_of_a_file_is_named_and_not_waited_for(home: pathlib.Path, check_mode: bool) -> None:
    os.mkfifo(home / "settings.py")
    with pytest.raises(TaskstackError, match="should be a file, but a named pipe is there"):
        run(check_mode, files=[wanted(home / "settings.py", block="X = 1")])


@CHECK
def test_a_device_is_named_and_not_opened(home: pathlib.Path, check_mode: bool) -> None:
    os.mknod(home / "settings.py", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    with pytest.raises(TaskstackError, match="should be a file, but a device is there"):
        run(check_mode, files=[wanted(home / "settings.py", content="X = 1\n")])


@CHECK
@pytest.mark.parametrize("size", [paths.LIMIT + 1, 1 << 40])
def test_a_huge_or_sparse_file_is_not_read(home: pathlib.Path, check_mode: bool, size: int) -> None:
    file_of(USER, home / "settings.py")
    os.truncate(home / "settings.py", size)
    began = time.monotonic()
    with pytest.raises(TaskstackError, match=r"settings\.py is larger than \d+ bytes"):
        run(check_mode, files=[wanted(home / "settings.py", block="X = 1")])
    assert time.monotonic() - began < 1


@CHECK
def test_a_file_that_grows_while_it_is_read_is_read_to_the_limit_only(home: pathlib.Path, check_mode: bool) -> None:
    # Files of /proc have no size of their own, like one that grows.
    assert paths.read("/proc/self/status", 100_000)
    with pytest.raises(TaskstackError, match="larger than 10 bytes"):
        paths.read("/proc/self/status", 10)


@CHECK
def test_nothing_of_a_file_that_the_user_links_to_is_shown(
    home: pathlib.Path, secret: pathlib.Path, check_mode: bool
) -> None:
    link_of(USER, home / "settings.py", secret)
    with pytest.raises(TaskstackError) as said:
        run(check_mode, files=[wanted(home / "settings.py", block="X = 1")])
    assert "may not read it" in str(said.value) and "Tr0ub4dor" not in str(said.value)
    assert secret.read_text() == "root:Tr0ub4dor\n"


@CHECK
def test_a_link_to_what_the_user_may_read_is_not_written_through(
    base: pathlib.Path, home: pathlib.Path, check_mode: bool
) -> None:
    public = file_of(0, base / "public.py", "X = 1\n", 0o644)
    link_of(USER, home / "settings.py", public)
    with pytest.raises(TaskstackError, match="symbolic link that user id 3333 could have put there"):
        run(check_mode, files=[wanted(home / "settings.py", content="X = 2\n")])
    assert public.read_text() == "X = 1\n" and (home / "settings.py").is_symlink()


@CHECK
def test_nothing_of_a_file_that_the_user_has_hard_linked_is_shown_or_changed(
    home: pathlib.Path, secret: pathlib.Path, check_mode: bool
) -> None:
    (home / "settings.py").hardlink_to(secret)
    with pytest.raises(TaskstackError, match="may not read it") as said:
        run(check_mode, files=[wanted(home / "settings.py", block="X = 1")])
    assert "Tr0ub4dor" not in str(said.value)
    assert secret.read_text() == "root:Tr0ub4dor\n" and owner_and_mode(secret) == (0, 0, 0o640)


def test_the_other_name_of_a_hard_linked_file_keeps_content_owner_and_mode(
    base: pathlib.Path, home: pathlib.Path
) -> None:
    public = file_of(0, base / "public.py", "X = 1\n", 0o644)
    (home / "settings.py").hardlink_to(public)
    run(files=[wanted(home / "settings.py", content="X = 2\n", owner=str(USER), mode="0666")])
    assert public.read_text() == "X = 1\n" and owner_and_mode(public) == (0, 0, 0o644)
    assert (home / "settings.py").read_text() == "X = 2\n"


@CHECK
@pytest.mark.parametrize("kind", ["directories", "files", "absent"])
def test_a_link_in_an_intermediate_directory_is_named_and_nothing_behind_it_changes(
    base: pathlib.Path, home: pathlib.Path, kind: str, check_mode: bool
) -> None:
    (base / "etc" / "sub").mkdir(parents=True)
    link_of(USER, home / "site", base / "etc")
    path = home / "site" / "sub"
    items = {"directories": [directory(path)], "files": [wanted(path / "x", content="")], "absent": [str(path)]}
    with pytest.raises(TaskstackError, match=r"site in .* is a symbolic link that user id 3333 could have put there"):
        run(check_mode, **{kind: items[kind]})
    assert owner_and_mode(base / "etc" / "sub") == (0, 0, 0o755) and os.listdir(base / "etc" / "sub") == []


def test_a_link_of_root_in_a_directory_of_root_is_followed(base: pathlib.Path) -> None:
    (base / "disk").mkdir()
    (base / "state").symlink_to("disk")
    run(directories=[directory(base / "state" / "media")], files=[wanted(base / "state" / "x", content="1\n")])
    assert owner_and_mode(base / "disk" / "media") == (USER, USER, 0o750)
    (base / "y").symlink_to(base / "state" / ".." / "state" / "x")
    run(files=[wanted(base / "y", content="2\n")])
    assert (base / "disk" / "x").read_text() == "2\n" and (base / "y").is_symlink()


@CHECK
@pytest.mark.parametrize("mode", [0o775, 0o777, 0o1777])
def test_a_link_of_root_is_not_followed_where_others_can_write(base: pathlib.Path, mode: int, check_mode: bool) -> None:
    shared = directory_of(0, base / "shared", mode)
    (base / "etc").mkdir()
    (shared / "link").symlink_to(base / "etc")
    with pytest.raises(TaskstackError, match="symbolic link that other accounts could have put there"):
        run(check_mode, files=[wanted(shared / "link" / "x", content="1\n")])


def test_a_link_of_root_in_a_directory_of_root_below_the_users_is_not_followed(
    base: pathlib.Path, home: pathlib.Path
) -> None:
    """The user can rename that directory, and so choose which of its links the path meets."""
    (home / "venv").mkdir()
    (base / "etc").mkdir()
    (home / "venv" / "lib").symlink_to(base / "etc")
    with pytest.raises(TaskstackError, match=r"lib in .* is a symbolic link"):
        run(files=[wanted(home / "venv" / "lib" / "x", content="")])


def test_links_that_lead_in_a_circle_end(base: pathlib.Path) -> None:
    (base / "one").symlink_to("two")
    (base / "two").symlink_to("one")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        run(files=[wanted(base / "one" / "x", content="")])


def test_a_directory_swapped_for_a_link_after_the_plan_is_not_followed(base: pathlib.Path, home: pathlib.Path) -> None:
    media, victim = directory_of(USER, home / "media"), directory_of(0, base / "etc")
    seen = disk.look(str(media))
    media.rmdir()
    link_of(USER, media, victim)
    with pytest.raises(TaskstackError):
        disk.apply(layout.Change(seen, layout.Node(str(media), USER, USER, 0o750)))
    assert owner_and_mode(victim) == (0, 0, 0o755)


def test_a_directory_swapped_for_another_after_the_plan_is_not_given_away(home: pathlib.Path) -> None:
    media, private = directory_of(USER, home / "media"), directory_of(0, home / "private", 0o700)
    seen = disk.look(str(media))
    media.rename(home / "old")
    private.rename(media)
    with pytest.raises(TaskstackError, match="was replaced by somebody else meanwhile"):
        disk.apply(layout.Change(seen, layout.Node(str(media), USER, USER, 0o750)))
    assert owner_and_mode(media) == (0, 0, 0o700)


def test_a_directory_of_roots_that_the_user_has_renamed_is_not_given_away(home: pathlib.Path) -> None:
    private = directory_of(0, home / "private", 0o700)
    (private / "key").touch()
    private.rename(home / "media")
    with pytest.raises(TaskstackError, match="belongs to user id 0 and is not empty"):
        run(directories=[directory(home / "media")])
    assert owner_and_mode(home / "media") == (0, 0, 0o700)


def test_a_directory_that_an_interrupted_run_has_left_is_finished(home: pathlib.Path) -> None:
    (home / "media").mkdir()
    assert run(directories=[directory(home / "media")])["changed"]
    assert owner_and_mode(home / "media") == (USER, USER, 0o750)


def test_a_kept_directory_may_be_reached_through_the_users_link(base: pathlib.Path, home: pathlib.Path) -> None:
    """As in 'current', the link that deployment tools lay."""
    directory_of(USER, home / "release-5")
    link_of(USER, home / "current", home / "release-5")
    assert not run(directories=[directory(home / "current", keep=True)])["changed"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o604, 0o664, 0o770])
def test_a_block_keeps_owner_group_and_mode_of_the_users_file(home: pathlib.Path, mode: int) -> None:
    settings = file_of(USER, home / "settings.py", mode=mode)
    assert run(files=[wanted(settings, block="X = 1")])["changed"]
    assert owner_and_mode(settings) == (USER, USER, mode)
    assert not run(files=[wanted(settings, block="X = 1")])["changed"]


@pytest.mark.parametrize("mode", [0o4755, 0o2755])
def test_no_content_that_a_user_chose_gets_the_rights_of_another(home: pathlib.Path, mode: int) -> None:
    tool = file_of(0, home / "settings.py", mode=mode)
    run(files=[wanted(tool, block="X = 1")])
    assert owner_and_mode(tool) == (0, 0, 0o755)


def test_a_file_of_the_group_is_read_again_in_the_users_directory(home: pathlib.Path) -> None:
    """As application_files are: root's, of the application's group."""
    entry = wanted(home / "tasks.py", content="x = 1\n", group=str(USER))
    assert run(private_files=[entry])["changed"]
    assert owner_and_mode(home / "tasks.py") == (0, USER, 0o640)
    assert not run(private_files=[entry])["changed"]


@pytest.mark.skipif(not permissions.hard_links_are_protected(), reason="the kernel lets anybody link to anything")
def test_settings_of_the_web_servers_group_get_a_block_in_a_directory_of_somebody_else(home: pathlib.Path) -> None:
    settings = file_of(0, home / "settings.py")
    os.chown(settings, 0, 4444)
    assert run(private_files=[wanted(settings, block="X = 1")])["changed"]
    assert owner_and_mode(settings) == (0, 4444, 0o640)


@pytest.mark.parametrize("depth", [3, 300])
def test_a_removal_follows_no_link_and_is_not_stopped_by_depth(
    home: pathlib.Path, base: pathlib.Path, depth: int
) -> None:
    (base / "etc").mkdir()
    (base / "etc" / "passwd").touch()
    tree = directory_of(USER, home / "cache")
    here = os.open(tree, os.O_RDONLY)
    for _level in range(depth):
        os.symlink(base / "etc", "link", dir_fd=here)
        os.mkfifo("pipe", dir_fd=here)
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    assert run(absent=[str(tree)])["paths"] == [str(tree)]
    assert not tree.exists() and (base / "etc" / "passwd").exists()


def test_an_error_names_the_whole_path(base: pathlib.Path) -> None:
    (base / "x").mkdir()
    with pytest.raises(OSError) as said:
        disk.write(str(base / "x"), b"", 0o644)
    assert said.value.filename == str(base / "x") and str(base / "x") in str(said.value)


@CHECK
def test_what_is_below_a_directory_that_is_missing_is_absent(base: pathlib.Path, check_mode: bool) -> None:
    assert not run(check_mode, absent=[str(base / "cron" / "x"), str(base / "a" / "b" / "c")])["changed"]


def test_a_removed_link_leaves_what_it_leads_to(base: pathlib.Path) -> None:
    (base / "data" / "x").mkdir(parents=True)
    (base / "state").symlink_to("data")
    assert run(check_mode=True, absent=[str(base / "state")])["changed"]
    run(absent=[str(base / "state")])
    assert not (base / "state").is_symlink() and (base / "data" / "x").exists()


def test_a_remove_tree_swapped_after_the_plan_removes_nothing(home: pathlib.Path) -> None:
    cache, other = directory_of(USER, home / "cache"), directory_of(0, home / "other")
    (other / "x").touch()
    seen = disk.facts(str(cache))
    cache.rename(home / "old")
    other.rename(cache)
    with pytest.raises(TaskstackError, match="was replaced by somebody else meanwhile"):
        disk.apply(layout.Change(seen, None))
    assert (cache / "x").exists()


def test_what_is_removed_is_not_shown(base: pathlib.Path) -> None:
    file_of(0, base / "shop.env", "PASSWORD='Tr0ub4dor'\n")
    assert "Tr0ub4dor" not in str(run(check_mode=True, absent=[str(base / "shop.env")]))


def test_a_file_system_that_is_mounted_below_is_not_emptied(base: pathlib.Path) -> None:
    with pytest.raises(TaskstackError, match="Another file system is mounted at proc"):
        remove_tree.remove("proc", os.open("/", os.O_RDONLY | os.O_DIRECTORY))


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_modes_do_not_depend_on_roots_umask(base: pathlib.Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        run(files=[wanted(base / "lib" / "taskstack" / "x.py", content="", mode="0644")])
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    parents = (base / "lib", base / "lib" / "taskstack")
    assert [owner_and_mode(path)[2] for path in parents] == [0o755, 0o755]
    assert owner_and_mode(base / "lib" / "taskstack" / "x.py")[2] == 0o644


def test_copies_that_interrupted_runs_have_left_are_removed_and_those_of_running_ones_stay(base: pathlib.Path) -> None:
    entry = wanted(base / "shop.env", content="A='1'\n")
    run(files=[entry])
    old, young = base / ".taskstack-ab_cd3fg", base / ".taskstack-xyzxyzxy"
    dead, alive = base / ".taskstack-999999999-0123abcd", base / f".taskstack-{os.getpid()}-0123abcd"
    for path in (old, young, dead, alive):
        path.touch()
    os.utime(old, (0, 0))
    assert sorted(run(check_mode=True, files=[entry])["paths"]) == sorted(map(str, (dead, old)))
    assert run(files=[entry])["changed"]
    assert sorted(os.listdir(base)) == sorted(path.name for path in (young, alive, base / "shop.env"))
    assert not run(files=[entry])["changed"]


def test_the_one_writer_replaces_the_file_and_clears_up_after_a_killed_run(base: pathlib.Path) -> None:
    file_of(USER, base / "shop.conf", "old")
    (base / ".taskstack-999999999-0123abcd").touch()
    disk.write(str(base / "shop.conf"), b"new", 0o644)
    assert (base / "shop.conf").read_text() == "new" and owner_and_mode(base / "shop.conf") == (0, 0, 0o644)
    assert os.listdir(base) == ["shop.conf"]

"""An application's user swaps paths for links, as fast as it can, while root deploys: nothing outside its own changes.

Each attack runs for a quarter of a minute against the module's own ``run``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import signal
import tempfile
import time
import traceback
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.modules import files

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be led to what only root may change")

ATTACKER = 3333
SECONDS = 15
EXCHANGE = 2


@pytest.fixture
def base() -> t.Iterator[pathlib.Path]:
    # pytest's own directories are root's alone: the attacker could not enter them.
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        yield pathlib.Path(made)


@pytest.fixture
def home(base: pathlib.Path) -> pathlib.Path:
    made = base / "app"
    made.mkdir()
    os.chown(made, ATTACKER, ATTACKER)
    return made


@pytest.fixture
def victim(base: pathlib.Path) -> pathlib.Path:
    made = base / "etc"
    made.mkdir(mode=0o755)
    (made / "settings.py").write_text("SECRET = 'of root'\n")
    (made / "settings.py").chmod(0o600)
    (made / "sub").mkdir()
    return made


@contextlib.contextmanager
def attacker(prepare: t.Callable[[], t.Any], *names: pathlib.Path) -> t.Iterator[None]:
    """A process with the rights of the application's user, that exchanges two names without a pause."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(ATTACKER)
            os.setuid(ATTACKER)
            prepare()
            swap = ctypes.CDLL(None).renameat2
            one, two = (os.fsencode(name) for name in names)
            while True:
                swap(-100, one, -100, two, EXCHANGE)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    try:
        while not all(os.path.lexists(name) for name in names):
            time.sleep(0.01)
            assert os.waitpid(child, os.WNOHANG) == (0, 0)
        yield
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def params(**more: t.Any) -> dict[str, t.Any]:
    return {"directories": [], "files": [], "private_files": [], "base": "/", "absent": [], **more}


def runs(wanted: t.Callable[[int], dict[str, t.Any]]) -> t.Iterator[dict[str, t.Any]]:
    """What each run for a quarter of a minute answers; refusals end a run as they end a play."""
    end, number, answered = time.monotonic() + SECONDS, 0, 0
    while time.monotonic() < end:
        number += 1
        with contextlib.suppress(TaskstackError, OSError):
            yield files.run(wanted(number), check_mode=False)
            answered += 1
    print(f"{number} runs, {answered} without a refusal")
    assert answered, "The module refused every run, so nothing was tried."


def file(path: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    empty = {"content": None, "block": None, "random": None, "marker": "shop", "mode": "0640"}
    return {**empty, "path": str(path), "owner": "root", "group": "root", **more}


def untouched(victim: pathlib.Path) -> bool:
    seen = victim.stat()
    return (
        (seen.st_uid, seen.st_mode & 0o7777) == (0, 0o755)
        and (victim / "settings.py").stat().st_uid == 0
        and (victim / "settings.py").read_text() == "SECRET = 'of root'\n"
        and sorted(os.listdir(victim)) == ["settings.py", "sub"]
    )


def test_a_directory_that_the_user_swaps_for_a_link_gives_nothing_of_roots_away(
    home: pathlib.Path, victim: pathlib.Path
) -> None:
    media, link = home / "media", home / "link"

    def prepare() -> None:
        media.mkdir()
        link.symlink_to(victim)

    with attacker(prepare, media, link):
        # Another mode each time, so that every run has something to change.
        for _ in runs(
            lambda number: params(
                directories=[
                    {
                        "paths": [str(media)],
                        "owner": str(ATTACKER),
                        "group": str(ATTACKER),
                        "mode": ("0750", "0770")[number % 2],
                        "keep": False,
                    }
                ]
            )
        ):
            assert untouched(victim)


def test_settings_below_a_directory_that_the_user_swaps_for_a_link_do_not_land_elsewhere(
    home: pathlib.Path, victim: pathlib.Path
) -> None:
    site, link = home / "site", home / "link"

    def prepare() -> None:
        site.mkdir()
        (site / "settings.py").write_text("import os\n")
        (site / "settings.py").chmod(0o600)
        link.symlink_to(victim)

    with attacker(prepare, site, link):
        for _ in runs(
            lambda number: params(private_files=[file(site / "settings.py", block=f"BROKER_URL = 'amqp://{number}'")])
        ):
            assert untouched(victim)


def test_the_diff_shows_nothing_of_a_file_that_the_user_has_linked(home: pathlib.Path, victim: pathlib.Path) -> None:
    settings, link = home / "settings.py", home / "link"

    def prepare() -> None:
        settings.write_text("mine\n")
        link.symlink_to(victim / "settings.py")

    with attacker(prepare, settings, link):
        for answer in runs(lambda number: params(files=[file(settings, block=f"NUMBER = {number}")])):
            assert "of root" not in str(answer)
            assert untouched(victim)


def test_what_is_removed_below_a_directory_that_the_user_swaps_for_a_link_is_only_the_users(
    home: pathlib.Path, victim: pathlib.Path
) -> None:
    cache, link = home / "cache", home / "link"

    def prepare() -> None:
        cache.mkdir()
        link.symlink_to(victim)
        attack = os.getpid()
        # For each removal a new one.
        if os.fork() == 0:
            while os.getppid() == attack:
                for folder in (cache, link):
                    with contextlib.suppress(OSError):
                        (folder / "sub").mkdir()
            os._exit(0)

    with attacker(prepare, cache, link):
        for _ in runs(lambda _: params(absent=[str(cache / "sub")])):
            assert untouched(victim)

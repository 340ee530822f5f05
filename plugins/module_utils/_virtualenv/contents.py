# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wanted virtualenv. What it holds is read from file names and hashes: none of its code runs for that."""

from __future__ import annotations

import glob
import hashlib
import os
import pwd
import re
import subprocess
import typing as t
from dataclasses import dataclass

from .._errors import TaskstackError
from .._files import disk, layout
from .._files import paths as files_paths

HEADER = "# What this virtualenv should hold and does hold. Programs that use it restart when this changes.\n"
RESOLVING = "what pip decides on"


@dataclass(frozen=True)
class Plan:
    """What is to be done, and what the stamp will say if pip changes nothing further.

    ``rebuild``: the virtualenv is there, but for another Python, so a new one takes its place.
    """

    create: bool
    install: bool
    stamp: str
    rebuild: bool = False


def plan(
    wants: list[str], has: list[str] | None, files: list[str], stamp: str, path: str, python: str = "", broken: str = ""
) -> Plan:
    """Compare what is asked for and what is there (None: no virtualenv) with what the stamp says was there.

    ``python`` is the one asked for, ``broken`` why the one that the virtualenv has cannot work.
    """
    if broken and not wants:
        raise TaskstackError(
            f"{broken} Create the virtualenv again, or name what to install into it "
            "(application_packages or application_requirements): then it is created again here."
        )
    if has is None and not wants:
        raise TaskstackError(
            f"There is no virtualenv at {path}, and nothing is to be installed into one. "
            "Name what to install (application_packages or application_requirements), or correct taskstack_venv."
        )
    known = [line for line in stamp.splitlines(keepends=True) if not line.startswith("file ")]
    made = next((line[len("python ") :].strip() for line in known if line.startswith("python ")), "")
    rebuild = bool(broken) or bool(made and wants and python and made != python)
    now = text(wants, has or [], [], made)
    install = bool(wants) and (has is None or rebuild or now != "".join(known))
    create = has is None and not rebuild
    uses = python if create or rebuild else made
    after = text(wants, [*(has or []), RESOLVING] if install else has or [], files, uses)
    return Plan(create, install, after, rebuild)


def text(wants: list[str], has: list[str], files: list[str], python: str = "") -> str:
    """The stamp's content."""
    groups = (("wants", wants), ("has", has), ("file", files), ("python", [python] if python else []))
    return HEADER + "".join(f"{word} {line}\n" for word, lines in groups for line in lines)


def wanted(packages: list[str], requirements: str | None, arguments: list[str]) -> list[str]:
    """What is asked for, one thing a line; a requirements file counts by its content."""
    if requirements:
        packages = [*packages, *fingerprints([requirements], "-r ")]
    return [*arguments, *packages] if packages else []


def fingerprints(paths: list[str], prefix: str = "") -> list[str]:
    """Each path with a hash of what is in it."""
    return [f"{prefix}{path} {_hash(path)}" for path in paths]


def _hash(path: str) -> str:
    try:
        return hashlib.sha256(files_paths.read(path, as_owner=True)).hexdigest()[:16]
    except (FileNotFoundError, NotADirectoryError):
        return "absent"


def installed(path: str) -> list[str] | None:
    """Name, version and the hash of its record of files for each distribution; None without a virtualenv."""
    if not os.path.exists(f"{path}/bin/python"):
        return None
    found = []
    for folder in glob.glob(f"{glob.escape(path)}/lib/python*/site-packages/*-info"):
        found.append(f"{os.path.basename(folder)} {_hash(f'{folder}/RECORD')}")
    return sorted(found)


def broken(path: str) -> str:
    """Why the virtualenv's Python cannot work, as after an upgrade of the distribution; empty when it can.

    Read from the names of files. A Python whose name tells no version is not judged.
    """
    try:
        settings = files_paths.read(f"{path}/pyvenv.cfg", as_owner=True).decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    made = re.search(r"^version(?:_info)? *= *(\d+\.\d+)", settings, re.MULTILINE)
    if not made:
        return ""
    if os.path.lexists(f"{path}/bin/python") and not os.path.exists(f"{path}/bin/python"):
        return f"The virtualenv {path} was created with Python {made[1]}, which is no longer on this host."
    runs = re.search(r"python(\d+\.\d+)\Z", os.path.realpath(f"{path}/bin/python"))
    if runs and runs[1] != made[1]:
        return f"The virtualenv {path} was created with Python {made[1]}, and its Python is {runs[1]} now."
    return ""


def account(user: str) -> pwd.struct_passwd:
    """The account of that name. Raise a sentence without it."""
    try:
        return pwd.getpwnam(user)
    except KeyError as exc:
        raise TaskstackError(f"There is no account {user} on this host. Create it first.") from exc


def as_user(command: list[str], user: str, what: str, cure: str) -> None:
    """Run a command with the rights of ``user``, so that nothing a virtualenv holds runs as root."""
    owner = account(user)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment.update(HOME=owner.pw_dir, USER=user, LOGNAME=user, LC_ALL="C.UTF-8")
    identity: dict[str, t.Any] = {}
    if owner.pw_uid != os.geteuid():
        groups = os.getgrouplist(user, owner.pw_gid)
        identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": groups}
    # Neither root's terminal nor root's umask goes along.
    identity |= {"start_new_session": True, "umask": 0o022}
    identity |= {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, cwd="/", env=environment, text=True, check=False, **identity)
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-20:])
        raise TaskstackError(f"{what} failed (as {user}, exit code {done.returncode}). {cure}\nIts last lines:\n{end}")


def make(path: str, python: str, user: str) -> None:
    """An empty virtualenv that belongs to ``user``."""
    owner = account(user)
    found = disk.facts(path)
    if found is None or found.owner != owner.pw_uid:
        disk.apply(layout.Change(found, layout.Node(path, owner.pw_uid, owner.pw_gid, 0o755)))
    cure = f"Is {python} there, with its venv module (package python3-venv on Debian)?"
    as_user([python, "-m", "venv", path], user, f"Making the virtualenv {path}", cure)


def install(path: str, user: str, packages: list[str], requirements: str | None, arguments: list[str]) -> None:
    """Let pip make it so."""
    command = [f"{path}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    command += ["--requirement", requirements] if requirements else []
    cure = foreign(path, user) or "Do the packages exist in these versions, and can this host reach the package index?"
    as_user([*command, *packages], user, f"pip install {' '.join(packages) or requirements}", cure)


def foreign(path: str, user: str) -> str:
    """What to do when somebody else owns the virtualenv, so that pip cannot write there; empty when ``user`` does."""
    owner = os.lstat(path).st_uid
    if owner == account(user).pw_uid:
        return ""
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = str(owner)
    return f"{path} belongs to {name} and not to {user}: set application_venv_owner to {name}, or change its owner."


def refuse_others_programs(path: str, user: str) -> None:
    """Nothing that another account can change runs as root."""
    try:
        if pwd.getpwnam(user).pw_uid != 0:
            return
    except KeyError:
        # In check mode an earlier task would have created it; otherwise the first program says that it is missing.
        return
    for program in (path, f"{path}/bin/.", f"{path}/bin/python"):
        closed = _closed(program)
        if not closed:
            raise TaskstackError(
                f"Root would run programs of {path}, which other accounts can change. Name the account that owns it "
                "(application_venv_owner), or give it and the directories above it to root alone."
            )


def _closed(path: str) -> bool:
    """Whether only root can change what the path leads to, or would lead to."""
    try:
        with files_paths.Location(path) as location:
            return location.closed
    except FileNotFoundError:
        return _closed(os.path.dirname(path))

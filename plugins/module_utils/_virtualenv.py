# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtualenv as it should be. What it holds is read from file names and hashes: none of its code runs for that."""

from __future__ import annotations

import glob
import hashlib
import os
import pwd
import subprocess
import typing as t
from dataclasses import dataclass

from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError

HEADER = "# What this virtualenv should hold and does hold. Programs that use it restart when this changes.\n"
RESOLVING = "what pip decides on"


@dataclass(frozen=True)
class Plan:
    """What is to be done, and what the stamp will say if pip changes nothing further."""

    create: bool
    install: bool
    stamp: str


def plan(wants: list[str], has: list[str] | None, files: list[str], stamp: str, path: str) -> Plan:
    """Compare what is asked for and what is there (None: no virtualenv) with what the stamp says was there."""
    if has is None and not wants:
        raise TaskstackError(
            f"There is no virtualenv at {path}, and nothing is to be installed into one. "
            "Name what to install (application_packages or application_requirements), or correct taskstack_venv."
        )
    now = text(wants, has or [], [])
    known = [line for line in stamp.splitlines(keepends=True) if not line.startswith("file ")]
    install = bool(wants) and (has is None or now != "".join(known))
    return Plan(has is None, install, text(wants, [*(has or []), RESOLVING] if install else has or [], files))


def text(wants: list[str], has: list[str], files: list[str]) -> str:
    """The stamp's content."""
    groups = (("wants", wants), ("has", has), ("file", files))
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
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()[:16]
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


def _account(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError as exc:
        raise TaskstackError(f"There is no account {user} on this host. Create it first.") from exc


def as_user(command: list[str], user: str, what: str, cure: str) -> None:
    """Run a command with the rights of ``user``, so that nothing a virtualenv holds runs as root."""
    account = _account(user)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment.update(HOME=account.pw_dir, USER=user, LOGNAME=user, LC_ALL="C.UTF-8")
    identity: dict[str, t.Any] = {}
    if account.pw_uid != os.geteuid():
        groups = os.getgrouplist(user, account.pw_gid)
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
    identity |= {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, cwd="/", env=environment, text=True, check=False, **identity)
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-20:])
        raise TaskstackError(f"{what} failed (as {user}, exit code {done.returncode}). {cure}\nIts last lines:\n{end}")


def make(path: str, python: str, user: str) -> None:
    """An empty virtualenv that belongs to ``user``."""
    account = _account(user)
    os.makedirs(path, 0o755, exist_ok=True)
    if os.stat(path).st_uid != account.pw_uid:
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    cure = f"Is {python} there, with its venv module (package python3-venv on Debian)?"
    as_user([python, "-m", "venv", path], user, f"Making the virtualenv {path}", cure)


def install(path: str, user: str, packages: list[str], requirements: str | None, arguments: list[str]) -> None:
    """Let pip make it so."""
    command = [f"{path}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    command += ["--requirement", requirements] if requirements else []
    cure = "Do the packages exist in these versions, and can this host reach the package index?"
    as_user([*command, *packages], user, f"pip install {' '.join(packages) or requirements}", cure)

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the managed host: read, digest, and the ends of logs. Files are written by ``_files/disk`` alone."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import typing as t

from .._errors import TaskstackError
from . import disk
from . import paths as files_paths

_KEY = "/var/lib/taskstack/.key"
CHANGING = "changed by an earlier task"


def read(path: str) -> str | None:
    """The file's text, None when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


class Digests:
    """Digests of files, keyed: files hold passwords, which a plain digest in a readable place would let one guess."""

    def __init__(self, changing: t.Collection[str], check_mode: bool, key_file: str = _KEY) -> None:
        """In check mode the files in `changing` count as changed, and no key is made."""
        self._changing = set(changing) if check_mode else set()
        self._check_mode, self._key_file = check_mode, key_file
        self._known: dict[str, str] = {}
        self._key = b""

    def of(self, paths: t.Iterable[str]) -> dict[str, str]:
        """The digest of each file."""
        return {path: self._of(path) for path in paths}

    def forget(self) -> None:
        """Remove the key: nothing is left that was made with it."""
        if os.path.exists(self._key_file):
            os.unlink(self._key_file)
            if not os.listdir(os.path.dirname(self._key_file)):
                os.rmdir(os.path.dirname(self._key_file))

    def _of(self, path: str) -> str:
        if path in self._changing:
            return CHANGING
        if path not in self._known:
            try:
                # Some of these files are the application's own, perhaps behind a link of its user.
                content = files_paths.read(path, as_owner=True)
                self._known[path] = hmac.new(self._load_key(), content, hashlib.sha256).hexdigest()[:32]
            except FileNotFoundError:
                self._known[path] = "no such file"
            except (OSError, TaskstackError) as exc:
                reason = exc.strerror if isinstance(exc, OSError) else exc
                raise TaskstackError(
                    f"Could not read {path} of restart_on ({reason}). List files there, no directories."
                ) from exc
        return self._known[path]

    def _load_key(self) -> bytes:
        if not self._key:
            text = read(self._key_file)
            if text is None:
                text = secrets.token_hex(32)
                if not self._check_mode:
                    disk.ensure_directory(os.path.dirname(self._key_file), 0o755)
                    disk.write(self._key_file, text.encode(), 0o600)
            self._key = text.encode()
        return self._key


class Log:
    """What a program wrote since a moment."""

    def __init__(self, path: str) -> None:
        """Remember where the log ends now."""
        self.path = path
        self._offset = os.path.getsize(path) if os.path.exists(path) else 0

    def since(self, limit: int = 200_000) -> str:
        """What was written since then; from the beginning when the log was rotated meanwhile."""
        if not os.path.exists(self.path):
            return ""
        with open(self.path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = self._offset if size >= self._offset else 0
            file.seek(max(start, size - limit))
            return file.read().decode("utf-8", "replace")

    def end(self, lines: int = 20) -> str:
        """The last lines that were written since then."""
        return "\n".join(self.since().splitlines()[-lines:])

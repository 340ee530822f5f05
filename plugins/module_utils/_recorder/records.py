# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the recorder's files, for Python 2.7 and later; docs/recorder.md says what lies where.

One file per taken message: any process can move or remove it in one step, and then nothing is left of its content.
While its task runs, it lies in a slot: a file that its worker locks, and uses again for other messages.
"""

from __future__ import absolute_import, unicode_literals

import collections
import errno
import io
import itertools
import json
import os
import pickle
import sys
import threading
import time
import zlib

from .lost import (
    BAD,
    DRAFT,
    FAILED,
    FOLDERS,
    FORMAT,
    HISTORY,
    OPEN,
    SLOT,
    birth,
    file_name,
    look,
    open_file,
    read_head,
)

try:
    import fcntl
except ImportError:  # Windows, which mypy does not look at here: a module cannot be None for it
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing as t  # novm

#: A slot that held more than this gives the space back.
LARGE = 1 << 20
#: So many slots are kept for later: each has a descriptor.
FREE = 32
#: Seconds after which a slot that is still being made was left behind.
DRAFT_SECONDS = 3600
#: What the first line of a message file says that many messages have in common.
COMMON = (
    "exchange",
    "routing_key",
    "redelivered",
    "content_type",
    "content_encoding",
    "queue",
    "task",
    "retries",
    "node",
    "pid",
    "born",
)
#: The headers under their names among the properties.
HEADERS = "headers", "application_headers"
#: From Python 3.7 on; before, a child lets go of the slots when it gets its first task.
FORKS_ARE_SEEN = hasattr(os, "register_at_fork")
#: The end of a file's name whose message is the only trace of its task's next attempt.
UNSENT = ".UNSENT"
#: The types that a message's headers and properties may have beside the plain ones.
TYPES = ("datetime", "datetime"), ("decimal", "Decimal")
#: How these are written, and what Python 2 wrote is read.
PROTOCOL, PYTHON2 = 3, {"encoding": "utf-8", "errors": "surrogateescape"}  # type: int, dict[str, t.Any]
if sys.version_info < (3,):
    PROTOCOL, PYTHON2 = 2, {}

#: A time in JSON, written in a third of the time that ``%.6f`` takes.
MICROSECONDS = "%de-6"
#: A line begins with the end of the one before, which a full disk or a power cut may have left unfinished.
LINE = "\n[%s,%s,%d,%s,%s," + MICROSECONDS + ",%s]\n"
FIRST = '{"format":' + str(FORMAT) + ',"run":"%s","id":%s,"time":' + MICROSECONDS + ',"length":%d,"checksum":%d,%s\n'

_quote = json.encoder.encode_basestring_ascii
_encode = json.JSONEncoder(separators=(",", ":"), default=repr).encode
_births = 0.0, {}  # type: tuple[float, dict[int, str]]
_binary = getattr(os, "O_BINARY", 0)


_runs = itertools.count()
_first_run = "%011x-%x-" % (int(time.time() * 1000), os.getpid())


def new_run():  # type: () -> str
    """A name for one run of a task, which no other run ever has: of this process, which never leaves it to a child."""
    return _first_run + "%x" % next(_runs)


def quote(value):  # type: (t.Any) -> str
    """A text in JSON; something else, which only a broken message has there, as it shows itself."""
    try:
        return _quote(value)
    except (TypeError, ValueError):
        return _quote(repr(value))


def line(record):  # type: (t.Sequence[t.Any]) -> bytes
    """How a task ended, as a line of JSON."""
    state, task_id, attempt, task, began, ended, run = record
    began = MICROSECONDS % (began * 1e6) if isinstance(began, float) else json.dumps(began)
    try:
        values = _quote(state), _quote(task_id), attempt, _quote(task), began, ended * 1e6, _quote(run)
    except (TypeError, ValueError):
        values = _quote(state), quote(task_id), attempt, quote(task), began, ended * 1e6, _quote(run)
    return (LINE % values).encode("ascii")


def describe(common):  # type: (t.Sequence[t.Any]) -> str
    """The values of ``COMMON``, in JSON from behind the brace."""
    return _encode(dict(zip(COMMON, common)))[1:]


def pack(own, common, tables, body):  # type: (tuple[str, t.Any, float], str, t.Any, bytes) -> bytes
    """The content of a message file: a line of JSON, headers and properties, the body byte for byte.

    The line has ``own``, which is run, id and time, and ``common`` as ``describe`` returns it.
    """
    try:
        rest = pickle.dumps(tables, PROTOCOL) + body
    except TypeError:
        rest = pickle.dumps(solid(tables), PROTOCOL) + body
    run, task_id, when = own
    checksum = zlib.crc32(rest) & 0xFFFFFFFF
    first = FIRST % (run, quote(task_id), when * 1e6, len(rest), checksum, common)
    return first.encode("ascii") + rest


def solid(value):  # type: (t.Any) -> t.Any
    """``value`` with copies in place of views of the memory in which a message came."""
    if isinstance(value, dict):
        return dict((name, solid(item)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return [solid(item) for item in value]
    return value.tobytes() if isinstance(value, memoryview) else value


class Tables(pickle.Unpickler):
    """Reads headers and properties, and makes nothing else of any bytes."""

    def find_class(self, module, name):  # type: (str, str) -> t.Any
        """Of all classes and functions there are only these."""
        if (module, name) not in TYPES:
            raise ValueError("No message has a %s.%s." % (module, name))
        return pickle.Unpickler.find_class(self, module, name)


def read(path):  # type: (str) -> tuple[dict[str, t.Any], bytes]
    """Head and body of a message file; ValueError when it was not written to its end, or was damaged later."""
    with open_file(path) as stream:
        head, rest = read_head(stream), stream.read()
    try:
        content = io.BytesIO(rest[: head["length"]])
        unharmed = zlib.crc32(content.getvalue()) & 0xFFFFFFFF == head["checksum"]
        head["headers"], head["properties"] = Tables(content, **PYTHON2).load() if unharmed else ({}, {})
        for name in HEADERS:
            head["properties"].pop(name, None)
    except (TypeError, LookupError, AttributeError, EOFError, pickle.UnpicklingError):
        unharmed = False
    if not unharmed or rest[head["length"] :].strip(b"\0"):
        raise ValueError("The checksum does not match.")
    return head, content.read()


def born(pid, now=None):  # type: (int, float | None) -> str | None
    """Boot and clock tick at which a process began, looked up once in five seconds; None when that cannot be seen."""
    global _births

    now = now or time.time()
    until, known = _births
    if not until - 5 <= now < until:
        # Other threads go on with the old ones.
        until, known = _births = now + 5, {}
    if pid not in known:
        seen = birth(pid)
        if not seen:
            return None
        known[pid] = seen
    return known[pid]


def overwrite(handle, content):  # type: (int, bytes) -> None
    """Write from the beginning of a file on; nobody else may have its handle."""
    written = pwrite(handle, content, 0)
    while written < len(content):
        written += pwrite(handle, content[written:], written)


def seek_and_write(handle, content, offset):  # type: (int, bytes, int) -> int
    """What Python 2 and Windows lack as one call."""
    os.lseek(handle, offset, os.SEEK_SET)
    return os.write(handle, content)


pwrite = getattr(os, "pwrite", seek_and_write)


class Records(object):
    """A recorder's directory, as one process writes it."""

    def __init__(self, directory, node, sync=False):  # type: (str, str, bool) -> None
        """Prepare; nothing is touched before the first call."""
        self.directory, self.node, self.sync = directory, file_name(node), sync
        self._histories = {}  # type: dict[tuple[float, int], int]

    def prepare(self):  # type: () -> None
        """Make the folders, for their owner only."""
        for folder in FOLDERS:
            if not os.path.isdir(self.path(folder)):
                os.makedirs(self.path(folder), 0o700)

    def path(self, folder, name=""):  # type: (str, str) -> str
        """Where ``name`` lies in ``folder``."""
        return os.path.join(self.directory, folder, name)

    def make(self, path, how):  # type: (str, int) -> int
        """Open a file that is new."""
        how |= os.O_CREAT | os.O_EXCL | _binary
        try:
            return os.open(path, how, 0o600)
        except EnvironmentError:
            # Somebody removed the folder, perhaps with all the rest.
            self.prepare()
            return os.open(path, how, 0o600)

    def put(self, folder, name, content):  # type: (str, str, bytes) -> None
        """Write a new file: it is there as a whole, or counts as damaged."""
        path = self.path(folder, name)
        handle = self.make(path, os.O_WRONLY)
        try:
            try:
                while content:
                    content = content[os.write(handle, content) :]
                if self.sync:
                    os.fsync(handle)
            finally:
                os.close(handle)
        except EnvironmentError:
            os.unlink(path)
            raise

    def adopt(self, now):  # type: (float) -> float
        """Sort out what dead processes left: what ended well goes, the rest becomes a message of its own.

        Returns when the oldest message was taken that somebody still works on: its end is not yet decided.
        """
        found = look(self.directory)
        for record in found.gone:
            if record.run in found.over:
                self.drop_dead(record.folder, record.file)
            elif record.folder == OPEN and record.state in BAD:
                self.move(OPEN, record.file, FAILED, "%s.%s" % (record.run, record.state))
            elif record.file.endswith(SLOT):
                self.move(OPEN, record.file, OPEN, record.run)
        for name in found.doubles + found.empty:
            self.drop_dead(OPEN, name)
        for name in os.listdir(self.path(OPEN)):
            if name.endswith(DRAFT) and self.is_older(OPEN, name, now - DRAFT_SECONDS):
                self.drop(OPEN, name)
        return float(min([now] + [record.time for record in found.running]))

    def is_older(self, folder, name, moment):  # type: (str, str, float) -> bool
        """Whether a file was last changed before that moment; one that another worker has just moved was not."""
        try:
            return os.stat(self.path(folder, name)).st_mtime < moment
        except EnvironmentError:
            return False

    def drop_dead(self, folder, name):  # type: (str, str) -> bool
        """Remove a file of a dead process; a slot only under its lock, which nobody else can have by mistake then."""
        if fcntl is None or not name.endswith(SLOT):
            return self.drop(folder, name)
        path = self.path(folder, name)
        try:
            with open_file(path) as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return os.fstat(stream.fileno()).st_ino == os.stat(path).st_ino and self.drop(folder, name)
        except EnvironmentError:
            return False

    def move(self, folder, name, to_folder, to_name):  # type: (str, str, str, str) -> bool
        """Whether ``name`` was there to be moved."""
        try:
            os.rename(self.path(folder, name), self.path(to_folder, to_name))
        except EnvironmentError:
            return False
        return True

    def drop(self, folder, name):  # type: (str, str) -> bool
        """Remove, if it is there."""
        try:
            os.unlink(self.path(folder, name))
        except EnvironmentError:
            return False
        return True

    def append(self, record):  # type: (t.Sequence[t.Any]) -> None
        """One line into the history of this hour. Every process has its own handle, and one write is one line."""
        content, key = line(record), (record[5] // 3600, os.getpid())
        handle = self._histories.get(key)
        if handle is None:
            handle = self._open_history(*key)
        if os.write(handle, content) < len(content):
            raise EnvironmentError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _open_history(self, hour, pid):  # type: (float, int) -> int
        name = time.strftime("%Y-%m-%dT%H", time.gmtime(hour * 3600))
        path = self.path(HISTORY, "%s.%s.log" % (name, self.node))
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _binary, 0o600)
        if not os.fstat(handle).st_size:
            os.write(handle, ('["format",%d]\n' % FORMAT).encode("ascii"))
        mine = self._histories.setdefault((hour, pid), handle)
        if mine != handle:
            # Another thread was faster.
            os.close(handle)
        # Another thread may still write to the hour before; those of the parent's are only copies.
        for other in [key for key in self._histories if key[1] != pid or key[0] < hour - 1]:
            os.close(self._histories.pop(other))
        return mine

    def expire(self, now, keep, keep_failed, max_bytes):  # type: (float, float, float, int) -> tuple[int, int]
        """Remove what is too old, then the oldest until the rest fits; lost tasks and the history of this hour stay.

        What the history says of messages is carried out before any of it goes, and the history since the oldest message
        that somebody still works on stays. Returns the bytes that were removed early, and those still too many.
        """
        pinned = time.strftime("%Y-%m-%dT%H", time.gmtime(self.adopt(now)))
        every = [item for folder in (OPEN, FAILED, HISTORY) for item in self._files(folder)]
        oldest = dict(((FAILED, now - keep_failed), (HISTORY, now - keep)))
        kept, excess, removed = [], -max_bytes, 0
        for modified, size, folder, name in every:
            stays = folder == OPEN or name.endswith(UNSENT) or (folder == HISTORY and name[: len(pinned)] >= pinned)
            if not stays and modified < oldest[folder]:
                self.drop(folder, name)
                continue
            excess += size
            if not stays:
                # What ended well is worth less than a message that can still be resubmitted.
                kept.append((folder == FAILED, modified, size, folder, name))
        for _worth, _modified, size, folder, name in sorted(kept):
            if removed >= excess:
                break
            self.drop(folder, name)
            removed += size
        return removed, max(excess - removed, 0)

    def _files(self, folder):  # type: (str) -> list[tuple[float, int, str, str]]
        found = []
        for name in os.listdir(self.path(folder)):
            try:
                status = os.stat(self.path(folder, name))
            except EnvironmentError:
                continue
            found.append((status.st_mtime, getattr(status, "st_blocks", 0) * 512 or status.st_size, folder, name))
        return found


class Slots(object):
    """The messages of running tasks, each written over the one before: making a file costs ten times that."""

    def __init__(self, records):  # type: (Records) -> None
        """Slots are made when they are needed, as many as tasks run at a time; a forked child lets go of them."""
        self.records, self._looked, self._owner = records, 0, os.getpid()
        #: By run: its slot, the message in it, and the process that executes it.
        self._used = {}  # type: dict[str, tuple[int, bytes, int, str | None]]
        #: Slots, and how much of an ended task's message is left in each.
        self._free = collections.deque()  # type: collections.deque[tuple[int, int]]
        self._names = {}  # type: dict[int, str]
        #: Set when a free slot has something left in it.
        self.left = threading.Event()
        getattr(os, "register_at_fork", lambda **_: None)(after_in_child=self.let_go)

    def let_go(self):  # type: () -> None
        """In a forked child: its copies of the handles would keep the locks when the worker is dead."""
        if os.getpid() == self._owner:
            return
        self._owner = os.getpid()
        for handle in list(self._names):
            os.close(handle)
        self._names, self._used, self._free = {}, {}, collections.deque()

    def put(self, run, pid, since, now, content):  # type: (str, int, str | None, int, bytes) -> None
        """Write a message into a free slot, for the process of that number and birth, in this second."""
        try:
            handle, before = self._free.pop()
        except IndexError:
            handle, before = self._make(), 0
        if now != self._looked:
            self._looked = now
            if os.name != "nt" and not os.fstat(handle).st_nlink:
                # Somebody removed the folder, perhaps with all the rest.
                self._close(handle)
                while self._free:
                    self._close(self._free.pop()[0])
                handle, before = self._make(), 0
        try:
            if before > LARGE:
                os.ftruncate(handle, 0)
                before = 0
            overwrite(handle, content if len(content) >= before else content.ljust(before, b"\0"))
            if self.records.sync:
                os.fsync(handle)
        except EnvironmentError:
            os.ftruncate(handle, 0)
            self._free.append((handle, 0))
            raise
        self._used[run] = handle, content, pid, since

    def release(self, run):  # type: (str) -> bool
        """Whether there was such a message; the next one is written over it, unless ``clear`` comes first."""
        try:
            handle, content, _pid, _since = self._used.pop(run)
        except KeyError:
            return False
        self._free.append((handle, len(content)))
        if not self.left.is_set():
            self.left.set()
        return True

    def clear(self):  # type: () -> None
        """Erase what is left of messages that are of no more use, and close slots that are too many."""
        self.left.clear()
        for _slot in range(len(self._free)):
            try:
                handle, before = self._free.popleft()
            except IndexError:
                # Another thread has it.
                return
            if len(self._free) >= FREE:
                self._close(handle)
                continue
            try:
                self._wipe(handle, before)
                before = 0
            finally:
                self._free.append((handle, before))

    def keep(self, run, folder, name):  # type: (str, str, str) -> bool
        """Whether there was such a message; it is now a file of its own."""
        if run not in self._used:
            return False
        self.records.put(folder, name, self._used[run][1])
        self.erase(run)
        return True

    def erase(self, run):  # type: (str) -> bool
        """Nothing of a message is left. Whether there was one."""
        if not self.release(run):
            return False
        self.clear()
        return True

    def deserted(self):  # type: () -> list[str]
        """Runs whose process is gone, although nobody said so. One that cannot be seen is not taken for gone."""
        return [run for run, slot in list(self._used.items()) if slot[3] and birth(slot[2]) not in (None, slot[3])]

    def _make(self):  # type: () -> int
        name = new_run() + SLOT
        path = self.records.path(OPEN, name)
        if fcntl is None:
            handle = self.records.make(path, os.O_RDWR)
        else:
            # It is a slot for others only when it is locked: they take an unlocked one for left behind.
            handle = self.records.make(path + DRAFT, os.O_RDWR)
            fcntl.fcntl(handle, fcntl.F_SETFD, fcntl.fcntl(handle, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.rename(path + DRAFT, path)
        self._names[handle] = name
        return handle

    def _close(self, handle):  # type: (int) -> None
        name = self._names.pop(handle)
        if os.name != "nt":
            self.records.drop(OPEN, name)
        os.close(handle)
        if os.name == "nt":
            self.records.drop(OPEN, name)

    @staticmethod
    def _wipe(handle, length):  # type: (int, int) -> None
        if length > LARGE:
            os.ftruncate(handle, 0)
        elif length:
            overwrite(handle, b"\0" * length)

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorder's files, for Python 2.7 and later; docs/recorder.md says what lies where.

One file per taken message: any process can move or remove it in one step, and then nothing is left of its content.
While its task runs, it lies in a slot: a file that its worker locks, and uses again for other messages.
"""

from __future__ import absolute_import, unicode_literals

import collections
import io
import itertools
import json
import os
import pickle
import re
import threading
import time
import zlib

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

#: Taken and not ended; ended badly; how tasks ended; being resubmitted; what the recorder itself suffered.
FOLDERS = OPEN, FAILED, HISTORY, SENDING, TROUBLE = "open", "failed", "history", "sending", "trouble"
#: Ends after which the message is kept. UNSENT: the broker did not get the next attempt, this message is all there is.
LOST = ".UNSENT"
BAD = ("FAILURE", "REJECTED", "REVOKED", "UNSENT")
#: A slot that held more than this gives the space back.
LARGE = 1 << 20
#: What the first line of a message file says that many messages have in common.
COMMON = "exchange", "routing_key", "redelivered", "content_type", "content_encoding"
COMMON += "task", "retries", "node", "pid", "born"
#: The headers under their names among the properties.
HEADERS = "headers", "application_headers"
#: So many kinds of messages are remembered at a time.
KINDS = 500
#: The types that a message's headers and properties may have beside the plain ones.
TYPES = ("datetime", "datetime"), ("decimal", "Decimal")
#: How these are written, and what Python 2 wrote is read.
PROTOCOL, PYTHON2 = (2, {}) if bytes is str else (3, {"encoding": "utf-8", "errors": "surrogateescape"})

#: A time in JSON, written in a third of the time that ``%.6f`` takes.
MICROSECONDS = "%de-6"
LINE = "[%s,%s,%d,%s,%s," + MICROSECONDS + ",%s]\n"
FIRST = '{"run":%s,"id":%s,"time":' + MICROSECONDS + ',"length":%d,"checksum":%d,%s\n'

_known, _quote = {}, json.encoder.encode_basestring_ascii
_encode = json.JSONEncoder(separators=(",", ":"), default=repr).encode
_born = {"until": 0}
_binary = getattr(os, "O_BINARY", 0)


_runs = itertools.count()
_first_run = "%011x-%x-" % (int(time.time() * 1000), os.getpid())


def new_run():
    """A name for one run of a task, which no other run ever has: of this process, which never leaves it to a child."""
    return _first_run + "%x" % next(_runs)


def quote(value):
    """A text in JSON; something else, which only a broken message has there, as it shows itself."""
    try:
        return _quote(value)
    except (TypeError, ValueError):
        return _quote(repr(value))


def line(record):
    """How a task ended, as a line of JSON."""
    state, task_id, attempt, task, began, ended, run = record
    began = MICROSECONDS % (began * 1e6) if isinstance(began, float) else json.dumps(began)
    values = _quote(state), quote(task_id), attempt, quote(task), began, ended * 1e6, _quote(run)
    return (LINE % values).encode("ascii")


def pack(own, common, tables, body):
    """The content of a message file: a line of JSON, headers and properties, the body byte for byte.

    The line has ``own``, which is run, id and time, and the values of ``COMMON``, which are encoded only once.
    """
    try:
        tables = pickle.dumps(tables, PROTOCOL)
    except TypeError:
        tables = pickle.dumps(solid(tables), PROTOCOL)
    try:
        kind = _known[common]
    except (KeyError, TypeError):
        kind = learn(common)
    run, task_id, when = own
    checksum = zlib.crc32(body, zlib.crc32(tables)) & 0xFFFFFFFF
    values = _quote(run), quote(task_id), when * 1e6, len(tables) + len(body), checksum, kind
    return b"".join(((FIRST % values).encode("ascii"), tables, body))


def learn(common):
    """What messages have in common, in JSON from behind the brace."""
    text = _encode(dict(zip(COMMON, common)))[1:]
    if len(_known) >= KINDS:
        _known.clear()
    try:
        return _known.setdefault(common, text)
    except TypeError:
        # A broken message, with a table in the place of a text.
        return text


def solid(value):
    """``value`` with copies in place of views of the memory in which a message came."""
    if isinstance(value, dict):
        return dict((name, solid(item)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return [solid(item) for item in value]
    return value.tobytes() if isinstance(value, memoryview) else value


class Tables(pickle.Unpickler):
    """Reads headers and properties, and makes nothing else of any bytes."""

    def find_class(self, module, name):
        """Of all classes and functions there are only these."""
        if (module, name) not in TYPES:
            raise ValueError("No message has a %s.%s." % (module, name))
        return pickle.Unpickler.find_class(self, module, name)


class Empty(ValueError):
    """A slot between two messages."""


def read(path):
    """Head and body of a message file; ValueError when it was not written to its end, or was damaged later."""
    with io.open(path, "rb") as stream:
        first = stream.readline()
        if not first.strip(b"\0"):
            raise Empty("No message.")
        head, rest = json.loads(first.decode("ascii")), stream.read()
    try:
        content = io.BytesIO(rest[:head["length"]])
        unharmed = zlib.crc32(content.getvalue()) & 0xFFFFFFFF == head["checksum"]
        head["headers"], head["properties"] = Tables(content, **PYTHON2).load() if unharmed else ({}, {})
        for name in HEADERS:
            head["properties"].pop(name, None)
    except (TypeError, LookupError, AttributeError, EOFError, pickle.UnpicklingError):
        unharmed = False
    if not unharmed or rest[head["length"]:].strip(b"\0"):
        raise ValueError("The checksum does not match.")
    return head, content.read()


def born(pid, now=None):
    """Boot and clock tick at which a process began, or None: tells it from a later one of the same number."""
    now = now or time.time()
    if not _born["until"] - 5 <= now < _born["until"]:
        _born.clear()
        _born["until"] = now + 5
    if pid not in _born:
        try:
            with io.open("/proc/sys/kernel/random/boot_id") as boot, io.open("/proc/%d/stat" % pid, "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()
                if fields[0] in (b"Z", b"X"):
                    # Dead, and nobody has taken note of that yet.
                    return None
                _born[pid] = "%s:%s" % (boot.read(8), fields[19].decode("ascii"))
        except EnvironmentError:
            return None
    return _born[pid]


def overwrite(handle, content):
    """Write from the beginning of a file on; nobody else may have its handle."""
    written = pwrite(handle, content, 0)
    while written < len(content):
        written += pwrite(handle, content[written:], written)


def seek_and_write(handle, content, offset):
    """What Python 2 and Windows lack as one call."""
    os.lseek(handle, offset, os.SEEK_SET)
    return os.write(handle, content)


pwrite = getattr(os, "pwrite", seek_and_write)


class Records(object):
    """A recorder's directory, as one process writes it."""

    def __init__(self, directory, node, sync=False):
        """Prepare; nothing is touched before the first call."""
        self.directory, self.node, self.sync = directory, re.sub(r"[^\w.@-]", "_", node), sync
        self._history, self._stale = (None, None), None
        self._lock = threading.Lock()

    def prepare(self):
        """Make the folders, for their owner only."""
        for folder in FOLDERS:
            if not os.path.isdir(self.path(folder)):
                os.makedirs(self.path(folder), 0o700)

    def path(self, folder, name=""):
        """Where ``name`` lies in ``folder``."""
        return os.path.join(self.directory, folder, name)

    def make(self, path, how):
        """Open a file that is new."""
        how |= os.O_CREAT | os.O_EXCL | _binary
        try:
            return os.open(path, how, 0o600)
        except EnvironmentError:
            # Somebody removed the folder, perhaps with all the rest.
            self.prepare()
            return os.open(path, how, 0o600)

    def put(self, folder, name, content):
        """Write a new file: it is there as a whole, or counts as damaged."""
        path = self.path(folder, name)
        handle = self.make(path, os.O_WRONLY)
        try:
            try:
                while content:
                    content = content[os.write(handle, content):]
                if self.sync:
                    os.fsync(handle)
            finally:
                os.close(handle)
        except EnvironmentError:
            os.unlink(path)
            raise

    def held(self, name):
        """Whether a worker still has its hands on a slot."""
        if fcntl is None:
            # Windows does not let anybody rename a file that is open.
            return not self.move(OPEN, name, OPEN, name + "~") or not self.move(OPEN, name + "~", OPEN, name)
        try:
            with io.open(self.path(OPEN, name), "rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except EnvironmentError:
            return True
        return False

    def adopt(self):
        """Sort out the slots of workers that are gone: what ended well goes, the rest becomes a message of its own."""
        orphans = {}
        for name in [name for name in os.listdir(self.path(OPEN)) if name.endswith(".slot") and not self.held(name)]:
            try:
                head = read(self.path(OPEN, name))[0]
            except Empty:
                self.drop(OPEN, name)
            except (ValueError, KeyError, EnvironmentError):
                continue
            else:
                if head["born"] is None or born(head["pid"]) != head["born"]:
                    orphans[head["run"]] = name
        ends = self.ends(orphans) if orphans else {}
        for run, name in orphans.items():
            if run not in ends:
                self.move(OPEN, name, OPEN, run)
            elif ends[run] in BAD:
                self.move(OPEN, name, FAILED, "%s.%s" % (run, ends[run]))
            else:
                self.drop(OPEN, name)

    def ends(self, runs):
        """How runs ended, of those that did."""
        found = {}
        for name in os.listdir(self.path(HISTORY)):
            with io.open(self.path(HISTORY, name), "rb") as stream:
                for line in stream:
                    try:
                        fields = json.loads(line.decode("ascii"))
                        if fields[6] in runs and fields[0] != "RESUBMITTED":
                            found[fields[6]] = fields[0]
                    except (ValueError, LookupError, TypeError):
                        continue
        return found

    def move(self, folder, name, to_folder, to_name):
        """Whether ``name`` was there to be moved."""
        try:
            os.rename(self.path(folder, name), self.path(to_folder, to_name))
        except EnvironmentError:
            return False
        return True

    def drop(self, folder, name):
        """Remove, if it is there."""
        try:
            os.unlink(self.path(folder, name))
        except EnvironmentError:
            return False
        return True

    def append(self, record):
        """One line into the history of this hour. Every process has its own handle, and one write is one line."""
        when = int(record[5]) // 3600, os.getpid()
        if self._history[0] != when:
            with self._lock:
                self._open_history(when)
        os.write(self._history[1], line(record))

    def _open_history(self, when):
        if self._history[0] == when:
            return
        hour = time.strftime("%Y-%m-%dT%H", time.gmtime(when[0] * 3600))
        path = self.path(HISTORY, "%s.%s.log" % (hour, self.node))
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _binary, 0o600)
        if os.fstat(handle).st_size:
            # A line that a full disk or a power cut left unfinished must not swallow the next one.
            os.lseek(handle, -1, os.SEEK_END)
            if os.read(handle, 1) != b"\n":
                os.write(handle, b"\n")
        # Another thread may still be writing to the handle of the hour before: it is closed an hour later.
        if self._stale is not None:
            os.close(self._stale)
        self._stale, self._history = self._history[1], (when, handle)

    def expire(self, now, keep, keep_failed, max_bytes):
        """Remove what is too old, then the oldest until the rest fits; lost tasks and the history of this hour stay.

        Returns the bytes that were removed early, and those that are still too many.
        """
        this_hour = time.strftime("%Y-%m-%dT%H", time.gmtime(now))
        files = self._files(HISTORY) + self._files(FAILED)
        files = [item for item in files if not item[3].startswith(this_hour) and not item[3].endswith(LOST)]
        for item in [item for item in files if item[0] < now - (keep_failed if item[2] == FAILED else keep)]:
            self.drop(item[2], item[3])
            files.remove(item)
        excess = sum(item[1] for folder in (OPEN, FAILED, HISTORY) for item in self._files(folder)) - max_bytes
        removed = 0
        # What ended well is worth less than a message that can still be resubmitted.
        for _time, size, folder, name in sorted(files, key=lambda item: (item[2] == FAILED, item[0])):
            if removed < excess:
                self.drop(folder, name)
                removed += size
        return removed, max(excess - removed, 0)

    def _files(self, folder):
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

    def __init__(self, records):
        """Slots are made when they are needed, as many as tasks run at a time."""
        self.records, self._used, self._free, self._looked = records, {}, collections.deque(), 0
        #: Set when a free slot has something left in it.
        self.left = threading.Event()

    def put(self, run, pid, since, now, content):
        """Write a message into a free slot, for the process of that number and birth, in this second."""
        try:
            handle, before = self._free.pop()
        except IndexError:
            handle, before = self._make(), 0
        if now != self._looked:
            self._looked = now
            if os.name != "nt" and not os.fstat(handle).st_nlink:
                # Somebody removed the folder, perhaps with all the rest.
                os.close(handle)
                while self._free:
                    os.close(self._free.pop()[0])
                handle, before = self._make(), 0
        try:
            if before > LARGE:
                os.ftruncate(handle, 0)
                before = 0
            overwrite(handle, content.ljust(before, b"\0"))
            if self.records.sync:
                os.fsync(handle)
        except EnvironmentError:
            os.ftruncate(handle, 0)
            self._free.append((handle, 0))
            raise
        self._used[run] = handle, content, pid, since

    def release(self, run):
        """Whether there was such a message; the next one is written over it, unless ``clear`` comes first."""
        try:
            handle, content, _pid, _since = self._used.pop(run)
        except KeyError:
            return False
        self._free.append((handle, len(content)))
        if not self.left.is_set():
            self.left.set()
        return True

    def clear(self):
        """Erase what is left of messages that are of no more use."""
        self.left.clear()
        for _slot in range(len(self._free)):
            try:
                handle, before = self._free.popleft()
            except IndexError:
                # Another thread has it.
                return
            try:
                self._wipe(handle, before)
                before = 0
            finally:
                self._free.append((handle, before))

    def keep(self, run, folder, name):
        """Whether there was such a message; it is now a file of its own."""
        if run not in self._used:
            return False
        self.records.put(folder, name, self._used[run][1])
        self.erase(run)
        return True

    def erase(self, run):
        """Nothing of a message is left."""
        if self.release(run):
            self.clear()

    def deserted(self):
        """Runs whose process is gone, although nobody said so."""
        return [run for run, slot in list(self._used.items()) if slot[3] and born(slot[2]) != slot[3]]

    def _make(self):
        path = self.records.path(OPEN, new_run() + ".slot")
        handle = self.records.make(path, os.O_RDWR)
        if fcntl is not None:
            fcntl.fcntl(handle, fcntl.F_SETFD, fcntl.fcntl(handle, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
            fcntl.flock(handle, fcntl.LOCK_EX)
        return handle

    @staticmethod
    def _wipe(handle, length):
        if length > LARGE:
            os.ftruncate(handle, 0)
        elif length:
            overwrite(handle, b"\0" * length)

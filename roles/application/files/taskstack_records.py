# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorder's files, for Python 2.7 and later; docs/recorder.md says what lies where.

One file per taken message: any process can move or remove it in one step, and then nothing is left of its content.
While its task runs, it lies in a slot: a file that its worker locks, and uses again for other messages.
"""

from __future__ import absolute_import, unicode_literals

import base64
import calendar
import collections
import datetime
import decimal
import io
import itertools
import json
import marshal
import operator
import os
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
#: The headers in which the messages of a task differ, and where these messages are like each other besides.
OWN = ("id", "root_id", "parent_id", "group", "eta", "expires", "argsrepr", "kwargsrepr")
COMMON = "exchange", "routing_key", "redelivered", "content_type", "content_encoding"
COMMON += "task", "retries", "node", "pid", "born"
#: So many kinds of messages are remembered at a time.
KINDS = 500

_own, _nothing = operator.itemgetter(*OWN), dict.fromkeys(OWN)
_born = {"until": 0}
_binary = getattr(os, "O_BINARY", 0)


_runs, _prefix = itertools.count(), (None, None)


def new_run():
    """A name for one run of a task, which no other run ever has; names sort by the second, or better."""
    global _prefix
    when = int(time.time()), os.getpid()
    if _prefix[0] != when:
        _prefix = when, "%011x-%x-" % (when[0] * 1000, when[1])
    return _prefix[1] + "%x" % next(_runs)


def tag(value):
    """``value`` with whatever JSON lacks written as a dictionary of one key ``taskstack:...``."""
    if isinstance(value, dict):
        return dict((tag(name), tag(item)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return [tag(item) for item in value]
    if isinstance(value, datetime.datetime):
        return {"taskstack:time": calendar.timegm(value.utctimetuple())}
    if isinstance(value, decimal.Decimal):
        return {"taskstack:decimal": str(value)}
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = value.tobytes() if isinstance(value, memoryview) else bytes(value)
        try:
            # Python 2 has bytes where the message had text.
            return value.decode("utf-8") if bytes is str else _bytes(value)
        except UnicodeDecodeError:
            return _bytes(value)
    return value


def _bytes(value):
    return {"taskstack:bytes": base64.b64encode(value).decode("ascii")}


def untag(value):
    """The reverse of :func:`tag`."""
    if isinstance(value, list):
        return [untag(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "taskstack:bytes" in value:
        return base64.b64decode(value["taskstack:bytes"])
    if "taskstack:time" in value:
        return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=value["taskstack:time"])
    if "taskstack:decimal" in value:
        return decimal.Decimal(value["taskstack:decimal"])
    return dict((name, untag(item)) for name, item in value.items())


def encoder():
    """A function that writes JSON: like the library's own, but without building everything anew for each value."""
    # What came over the wire cannot contain itself, so nobody has to look for that.
    usual = json.JSONEncoder(separators=(",", ":"), check_circular=False)
    escape, probe = json.encoder.encode_basestring_ascii, ["\u00e9\n", {"a": [1, 2.5, None, True]}, {}]
    try:
        pieces = json.encoder.c_make_encoder(None, usual.default, escape, None, ":", ",", False, False, True)
        if "".join(pieces(probe, 0)) == usual.encode(probe):
            return lambda value: "".join(pieces(value, 0))
    except Exception:
        # It is nobody's promise. PyPy has none, and a later Python may have another one.
        pass
    return usual.encode


_encode = encoder()


def dumps(value):
    """``value`` as one line of JSON, in bytes."""
    try:
        text = _encode(value)
    except (TypeError, ValueError):
        text = _encode(tag(value))
    return text.encode("ascii") + b"\n"


def pack(head, body):
    """The content of a message file: ``head``, which it completes, as a line of JSON; then the body byte for byte."""
    head["length"], head["checksum"] = len(body), zlib.crc32(body) & 0xFFFFFFFF
    return dumps(head) + body


class Heads(object):
    """Message files again, in a third less time: what all messages of a task have in common is encoded only once."""

    def __init__(self):
        """Nothing is known yet."""
        self._known = {}

    def pack(self, head, common, headers, properties, body):
        """As the function above; ``head`` has what is neither ``COMMON`` nor in the tables, which are changed too."""
        head["length"], head["checksum"] = len(body), zlib.crc32(body) & 0xFFFFFFFF
        kind = rest = None
        try:
            own, correlation = _own(headers), properties["correlation_id"]
            head["own"], head["correlation_id"] = own, correlation
            headers.update(_nothing)
            properties["correlation_id"] = None
            # Unlike ==, it tells 1 from True and from 1.0; in this old version always the same for the same value.
            kind = marshal.dumps((common, headers, properties), 2)
            rest = self._known.get(kind)
        except (KeyError, ValueError):
            # No message of Celery's second protocol, or with a value that the format lacks.
            pass
        if rest is None:
            rest = dict(zip(COMMON, common), headers=headers, properties=properties, names=OWN)
            rest = b"," + dumps(rest)[1:]
            if kind:
                if len(self._known) >= KINDS:
                    self._known.clear()
                self._known[kind] = rest
        return dumps(head)[:-2] + rest + body


class Empty(ValueError):
    """A slot between two messages."""


def unfold(head):
    """A head as its message had it."""
    names = head.pop("names", ())
    if "own" in head:
        head["headers"].update(zip(names, head.pop("own")))
        head["properties"]["correlation_id"] = head.pop("correlation_id")
    return head


def read(path):
    """Head and body of a message file; ValueError when it was not written to its end, or was damaged later."""
    with io.open(path, "rb") as stream:
        line = stream.readline()
        if not line.strip(b"\0"):
            raise Empty("No message.")
        try:
            head = unfold(json.loads(line.decode("ascii")))
            body, rest = stream.read(head["length"]), stream.read()
        except (AttributeError, TypeError):
            head = None
    if head is None:
        raise ValueError("No message.")
    if rest.strip(b"\0") or len(body) != head["length"] or zlib.crc32(body) & 0xFFFFFFFF != head["checksum"]:
        raise ValueError("The checksum does not match.")
    return head, body


def born(pid):
    """Boot and clock tick at which a process began, or None: tells it from a later one of the same number."""
    now = time.time()
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
        when = int(time.time()) // 3600, os.getpid()
        if self._history[0] != when:
            with self._lock:
                self._open_history(when)
        os.write(self._history[1], dumps(record))

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
    """The messages of running tasks, one write to take each and one to erase it: making a file costs ten times that."""

    def __init__(self, records):
        """Slots are made when they are needed, as many as tasks run at a time."""
        self.records, self._used, self._free, self._looked = records, {}, collections.deque(), 0

    def put(self, run, pid, since, now, content):
        """Write a message into a free slot, for the process of that number and birth, in this second."""
        try:
            handle = self._free.pop()
        except IndexError:
            handle = self._make()
        if now != self._looked:
            self._looked = now
            if os.name != "nt" and not os.fstat(handle).st_nlink:
                # Somebody removed the folder, perhaps with all the rest.
                os.close(handle)
                while self._free:
                    os.close(self._free.pop())
                handle = self._make()
        try:
            overwrite(handle, content)
            if self.records.sync:
                os.fsync(handle)
        except EnvironmentError:
            os.ftruncate(handle, 0)
            self._free.append(handle)
            raise
        self._used[run] = handle, content, pid, since

    def erase(self, run):
        """Whether there was such a message; nothing of it is left."""
        handle, content = self._used.pop(run, (None, None))[:2]
        if handle is None:
            return False
        if len(content) > LARGE:
            os.ftruncate(handle, 0)
        else:
            overwrite(handle, b"\0" * len(content))
        self._free.append(handle)
        return True

    def keep(self, run, folder, name):
        """Whether there was such a message; it is now a file of its own."""
        if run not in self._used:
            return False
        self.records.put(folder, name, self._used[run][1])
        return self.erase(run)

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

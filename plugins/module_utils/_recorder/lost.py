# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the recorder keeps and decides which tasks are lost. Changes nothing.

The one parser of these files and the one decision. Modules import it, and role application installs this very file
for workers and for Windows. For Python 2.7 and later; docs/recorder.md says what lies where.
"""

from __future__ import absolute_import, unicode_literals

import collections
import errno
import io
import json
import os
import re
import stat
import zlib

try:
    import fcntl
except ImportError:  # Windows, which mypy does not look at here: a module cannot be None for it
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing as t  # novm

#: The version of every file's format. A file of a later version is left alone.
FORMAT = 1
#: Taken and not ended; ended badly; how tasks ended; being resubmitted; what the recorder itself suffered.
FOLDERS = OPEN, FAILED, HISTORY, SENDING, TROUBLE = "open", "failed", "history", "sending", "trouble"
#: The file of a running task's message, which its worker locks and uses again for other messages.
SLOT = ".slot"
#: A slot that is being made: it gets its name when it is locked.
DRAFT = ".new"
#: Ends after which the message is kept. UNSENT: the broker did not get the next attempt, this message is all there is.
BAD = ("FAILURE", "REJECTED", "REVOKED", "UNSENT")
#: How a message in `failed` ended, by the end of its file's name.
KEPT = ("FAILURE", "REJECTED", "REVOKED", "UNSENT", "REFUSED")
#: The task has not ended, or the broker does not have its next attempt.
LOST = ("OPEN", "UNSENT")
#: Longer lines, longer notes and later times are damage: all of this is written by an account that root does not trust.
LINE_BYTES, NOTE_BYTES, LATEST = 1 << 16, 4096, 1e11
text = type("")
#: About so many bytes has one line of the history.
USUAL_LINE = 300

Record = collections.namedtuple(
    "Record",
    "folder file state run id retries task time node pid born exchange routing_key queue redelivered held",
)


class Empty(ValueError):
    """A slot between two messages."""


class Newer(Exception):
    """Written by a later version, whose decisions are not known here."""


class Look(object):
    """What a recorder's directory holds, from one look at it."""

    def __init__(self):  # type: () -> None
        """Nothing is known yet."""
        #: Messages whose worker, or whose task's process, still works on them.
        self.running = []  # type: list[Record]
        #: Messages that no process works on, with the state in which their task ended, oldest first.
        self.gone = []  # type: list[Record]
        #: By run: how the task of such a message has ended after all.
        self.over = {}  # type: dict[str, str]
        #: By run: the run of the later copy of the same attempt, which the broker delivered again.
        self.copies = {}  # type: dict[str, str]
        #: Folder and name of files that are damaged, of empty slots, and of what is in `failed` under the same run.
        self.damaged = []  # type: list[tuple[str, str]]
        self.empty = []  # type: list[str]
        self.doubles = []  # type: list[str]

    def lost(self):  # type: () -> list[Record]
        """The messages whose task has not ended and which nobody works on, oldest first; copies count once."""
        dead = [record for record in self.gone if record.state in LOST]
        return [record for record in dead if record.run not in self.over and record.run not in self.copies]


def look(directory):  # type: (str) -> Look
    """Sort what the directory holds: the one decision which tasks are lost."""
    found = Look()
    failed = _load_all(directory, FAILED, found)
    known = set(record.run for record in failed)
    dead = []
    for record in _load_all(directory, OPEN, found):
        if record.held or alive(record.pid, record.born):
            found.running.append(record)
        elif record.run in known:
            found.doubles.append(record.file)
        else:
            dead.append(record)
    gone = sorted(dead + failed, key=lambda record: record.time)
    own, later = _ends(gone, directory)
    for record in gone:
        state, over = settled(record, own.get(record.run), later.get(record.run))
        found.gone.append(record._replace(state=state))
        if over:
            found.over[record.run] = over
    found.copies = _copies(found)
    return found


def settled(record, own, later):  # type: (Record, str | None, str | None) -> tuple[str, str | None]
    """The state of a message that nobody works on, and how its task has ended after all, if it has.

    ``own`` is the end that the process of this run noted, perhaps before the main one could; ``later`` that of a copy
    which the broker delivered again, or of a following attempt.
    """
    if record.state == "OPEN":
        if own in BAD:
            return str(own), later if later == "SUCCESS" else None
        return "OPEN", own or later
    return record.state, later if later == "SUCCESS" else None


def _ends(gone, directory):
    # type: (list[Record], str) -> tuple[dict[str, str], dict[str, str]]
    """By run, for messages that nobody works on: how the history says that they ended, and that later ones did."""
    wanted = {}  # type: dict[str, list[Record]]
    for record in gone:
        wanted.setdefault(record.id, []).append(record)
    own, later = {}, {}  # type: dict[str, str], dict[str, str]
    for _node, (state, task_id, retries, _name, _began, ended, run) in history(directory) if wanted else ():
        for record in wanted.get(task_id, ()) if state != "RESUBMITTED" else ():
            if run == record.run:
                # Where the task's process and the main one differ, the worse is true.
                own[run] = "FAILURE" if own.get(run) == "FAILURE" else state
            elif ended > record.time and retries >= record.retries:
                # A success of any copy settles it.
                later[record.run] = "SUCCESS" if later.get(record.run) == "SUCCESS" else state
    return own, later


def _copies(found):  # type: (Look) -> dict[str, str]
    """Each superseded message with the copy of the same attempt that was taken last."""
    last = {}  # type: dict[tuple[str, int], Record]
    following = {}
    here = [record for record in found.gone if record.run not in found.over]
    for record in sorted(here + found.running, key=lambda record: record.time):
        before = last.get((record.id, record.retries))
        if before is not None and record.redelivered:
            following[before.run] = record.run
        last[record.id, record.retries] = record
    for run in list(following):
        while following[run] in following:
            following[run] = following[following[run]]
    running = set(record.run for record in found.running)
    return dict(pair for pair in following.items() if pair[0] not in running)


def counts(directory):  # type: (str) -> dict[str, int]
    """How many messages would be lost with the directory: those that wait for a person, and those on their way."""
    found = look(directory)
    sending = sum(len(names(directory, os.path.join(SENDING, batch))) for batch in names(directory, SENDING))
    lost = len(found.lost())
    failed = sum(record.state not in LOST and record.run not in found.over for record in found.gone)
    return {"lost": lost, "failed": failed, "sending": sending, "damaged": len(found.damaged)}


def _load_all(directory, folder, found):  # type: (str, str, Look) -> list[Record]
    records = []
    for file in names(directory, folder):
        if file.endswith(DRAFT):
            continue
        try:
            records.append(load(directory, folder, file))
        except Empty:
            # A slot is empty between two messages; another file only when it was cut short.
            if file.endswith(SLOT):
                found.empty.append(file)
            else:
                found.damaged.append((folder, file))
        except EnvironmentError as exc:
            if exc.errno != errno.ENOENT:
                found.damaged.append((folder, file))
        except (ValueError, KeyError, TypeError, OverflowError):
            found.damaged.append((folder, file))
    return records


def load(directory, folder, file):  # type: (str, str, str) -> Record
    """A message without its content; ValueError when it is damaged, Empty for a slot between two messages."""
    path = os.path.join(directory, folder, file)
    slot = file.endswith(SLOT)
    held = slot and is_held(path)
    with open_file(path) as stream:
        head = _held_head(stream) if held else read_head(stream)
        # A slot may end with the rest of a longer message: only its checksum shows that it is whole.
        _check(stream, head, slot and not held)
    parts = ("run", "id", "task", "node", "exchange", "routing_key")
    texts = dict((name, text(head[name] or "")) for name in parts)
    when = float(head["time"])
    if not 0 <= when < LATEST:
        raise ValueError("A time that cannot be: %r." % when)
    # open/<run>, failed/<run>.<state>, sending/<batch>/<number>.<run>[.<state>]
    end = file.rpartition(".")[2]
    fields = dict(texts, folder=folder, file=file, state=end if end in KEPT else "OPEN", held=held, time=when)
    fields.update(retries=int(head["retries"] or 0), pid=int(head["pid"]), born=head["born"])
    fields.update(queue=text(head.get("queue") or texts["routing_key"]), redelivered=bool(head["redelivered"]))
    return Record(**fields)


def read_head(stream):  # type: (t.BinaryIO) -> dict[str, t.Any]
    """The first line of a message file; ValueError when it is none, Newer when a later version wrote it."""
    line = stream.readline(LINE_BYTES)
    if not line.strip(b"\0"):
        raise Empty("No message.")
    head = json.loads(line.decode("ascii"))
    if not isinstance(head, dict) or not isinstance(head.get("length"), int) or head["length"] < 0:
        raise ValueError("No head of a message.")
    if head.get("format", 1) > FORMAT:
        raise Newer("a message has format %s; this version knows %d" % (head["format"], FORMAT))
    return head


def _held_head(stream):  # type: (t.BinaryIO) -> dict[str, t.Any]
    """That of a slot in use: a line that is no head is one that its worker is writing at this moment."""
    for _attempt in range(3):
        try:
            return read_head(stream)
        except ValueError:
            stream.seek(0)
    raise Empty("Being written.")


def _check(stream, head, thoroughly):  # type: (t.BinaryIO, dict[str, t.Any], bool) -> None
    left = os.fstat(stream.fileno()).st_size - stream.tell()
    if left < head["length"]:
        raise ValueError("The end is missing.")
    if thoroughly and zlib.crc32(stream.read(head["length"])) & 0xFFFFFFFF != head["checksum"]:
        raise ValueError("The checksum does not match.")


def open_file(path):  # type: (str) -> t.BinaryIO
    """Open a regular file to read it; a link, a pipe or a device is refused at once."""
    how = os.O_RDONLY
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        how |= getattr(os, flag, 0)
    handle = os.open(path, how)
    info = os.fstat(handle)
    # A file of holes would keep its reader busy for days.
    hollow = info.st_size > 1 << 20 and info.st_size > 1024 * getattr(info, "st_blocks", info.st_size)
    if not stat.S_ISREG(info.st_mode) or hollow:
        os.close(handle)
        raise EnvironmentError(errno.EINVAL, "Not a regular file", path)
    return io.open(handle, "rb")


def is_held(path):  # type: (str) -> bool
    """Whether a worker still has its hands on a slot."""
    if fcntl is None:
        # Windows does not let anybody rename a file that is open.
        try:
            os.rename(path, path + "~")
            os.rename(path + "~", path)
        except EnvironmentError:
            return True
        return False
    try:
        with open_file(path) as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except EnvironmentError as exc:
        return exc.errno in (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EMFILE, errno.ENFILE)
    return False


def birth(pid):  # type: (int) -> str | None
    """Boot and clock tick at which a process began, empty when it is gone, None when that cannot be seen.

    They tell it from a later process of the same number.
    """
    try:
        with io.open("/proc/sys/kernel/random/boot_id") as boot:
            began = boot.read(8)
    except EnvironmentError:
        return None
    try:
        with io.open("/proc/%d/stat" % pid, "rb") as process:
            fields = process.read().rpartition(b")")[2].split()
    except EnvironmentError as exc:
        return "" if exc.errno in (errno.ENOENT, errno.ESRCH) else None
    # Dead, and its parent has not taken note of that yet.
    return "" if fields[0] in (b"Z", b"X") else "%s:%s" % (began, fields[19].decode("ascii"))


def alive(pid, born):  # type: (int, str | None) -> bool
    """Whether a process still runs. What cannot be seen is taken for running: it must not be sent twice."""
    if not born:
        return False
    seen = birth(pid)
    return seen is None or seen == born


def history(directory, tail=None):
    # type: (str, int | None) -> t.Iterator[tuple[str, list[t.Any]]]
    """Node and line, newest hour first; with ``tail`` only about so many of the newest lines.

    A line is state, identifier, retries, name, beginning, end and run. A damaged one is left out.
    """
    count, hour = 0, ""
    for file in sorted(names(directory, HISTORY), reverse=True):
        if tail is not None and count >= tail and not file.startswith(hour):
            return
        hour, node = file.rpartition(".")[0].partition(".")[::2]
        try:
            with open_file(os.path.join(directory, HISTORY, file)) as stream:
                if tail is not None and os.fstat(stream.fileno()).st_size > tail * USUAL_LINE:
                    stream.seek(-tail * USUAL_LINE, os.SEEK_END)
                    stream.readline(LINE_BYTES)
                for line in iter(lambda: stream.readline(LINE_BYTES), b""):
                    fields = line_fields(line)
                    if not fields:
                        _check_format(line)
                    else:
                        count += 1
                        yield node, fields
        except EnvironmentError:
            continue


def _check_format(line):  # type: (bytes) -> None
    if line.startswith(b'["format",') and line.strip() != ('["format",%d]' % FORMAT).encode("ascii"):
        raise Newer("the history has %s; this version knows %d" % (line[:20].decode("ascii", "replace"), FORMAT))


def line_fields(line):  # type: (bytes) -> list[t.Any] | None
    """The fields of one line of the history, None when it is damaged."""
    try:
        fields = json.loads(line.decode("ascii"))  # type: list[t.Any]
        state, task_id, retries, _name, began, ended, _run = fields
        whole = isinstance(task_id, text) and isinstance(state, text)
        whole = whole and 0 <= retries < LATEST and 0 <= ended < LATEST
        if not (isinstance(began, (int, float)) and 0 <= began < LATEST):
            fields[4] = None
    except (ValueError, TypeError):
        return None
    return fields if whole else None


def file_name(node):  # type: (str) -> str
    """The name of a worker in the names of its files."""
    return re.sub(r"[^\w.@-]", "_", node)


def read_note(directory, node):  # type: (str, str) -> dict[str, t.Any] | None
    """What the worker of that name noted about itself, None when there is no whole note."""
    try:
        with open_file(os.path.join(directory, TROUBLE, node)) as stream:
            return dict(json.loads(stream.read(NOTE_BYTES).decode("ascii")))
    except (EnvironmentError, ValueError, TypeError):
        return None


def names(directory, folder):  # type: (str, str) -> list[str]
    """The files of a folder; none where there is no such folder."""
    try:
        return os.listdir(os.path.join(directory, folder))
    except EnvironmentError:
        return []

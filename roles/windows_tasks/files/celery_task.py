"""Run one Celery program - a worker node, beat or Flower - for a scheduler that only knows how to start things.

    python celery_task.py CONFIGURATION.json [start | stop | restart | status | settle]
    python celery_task.py CONFIGURATION.json wait [SECONDS]
    python celery_task.py DESCRIPTION.json run ARGUMENTS...
    python celery_task.py DESCRIPTION.json resubmit [--check]

start    run the program in this process; nothing happens when it already runs
stop     let running tasks end, and end the process by force after stop_timeout seconds
restart  stop, then start in this process
status   say whether it runs; exits 3 when it does not
settle   stop it unless it runs with the files as they are now; says "current" or "stopped"
wait     wait until its log says that it works, or it has stayed up so long; else show the end of its log and exit 1
run      any Celery command of the stack, in the environment that its processes have
resubmit send again what was lost with a worker of this host

Whether it runs is told by a lock on a file, which the operating system drops when the process dies, however it dies.
A process id is believed only while that lock is held, so a file left behind by a crash can neither block a start nor
name another program's process.

Standard library only. Python 2.7 and later, because it runs in the application's own Python.
"""

from __future__ import absolute_import, division, print_function

import hashlib
import importlib
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

WINDOWS = os.name == "nt"
LOCK_OFFSET = 0x7FFF0000  # Windows locks make bytes unreadable: lock one that no content reaches.
START_TIMEOUT = 60
# The Task Scheduler sees the end of a task a moment after the process, and until then ignores a request to start it.
GRACE = 3 if WINDOWS else 0
STEADY = 30
TAIL = 30
LOOK_BACK = 1000000


class Program(object):
    """One configured program and its files."""

    def __init__(self, configuration_file):
        """Read the configuration; nothing is touched."""
        self.configuration = read_json(configuration_file)
        self.sources = [configuration_file, os.path.abspath(__file__)] + self.configuration["restart_on"]
        self.name = self.configuration["name"]
        run = os.path.join(self.configuration["run"], self.name)
        self.lock_file, self.pid_file = run + ".lock", run + ".pid"
        self.stop_file, self.exit_file = run + ".stop", run + ".exit"
        self.lock = None
        self.log = None
        self.wanted_stop = False

    # -- What is known about it ---------------------------------------------------------------------------------------

    def fingerprint(self):
        """One value for the content of everything that a running process has read when it started."""
        digest = hashlib.sha256()
        for source in self.sources:
            try:
                with open(source, "rb") as stream:
                    digest.update(hashlib.sha256(stream.read()).digest())
            except (IOError, OSError):
                digest.update(b"absent")
        return digest.hexdigest()

    def acquire(self, patience=0.0):
        """Take the lock; false when another process holds it."""
        deadline = time.time() + patience
        while not self.take_lock():
            if time.time() >= deadline:
                return False
            time.sleep(0.05)
        return True

    def take_lock(self):
        """Try once."""
        self.lock = lock(self.lock_file)
        return self.lock is not None

    def running(self):
        """Whether some process holds the lock."""
        if not self.acquire():
            return True
        os.close(self.lock)
        self.lock = None
        return False

    def started_as(self):
        """Process id and fingerprint of the running process; meaningless unless running()."""
        try:
            with open(self.pid_file) as stream:
                pid, fingerprint = stream.read().split()
            return int(pid), fingerprint
        except (IOError, OSError, ValueError):
            return None, None

    # -- Verbs --------------------------------------------------------------------------------------------------------

    def start(self):
        """Become the program, unless it runs already."""
        # Whoever asks whether it runs holds the lock for a moment: that is no reason not to start.
        if not self.acquire(patience=2.0):
            return self.say("runs already, process %s: nothing to do" % self.started_as()[0])
        remove(self.stop_file, self.exit_file)
        write(self.pid_file, "%d %s\n" % (os.getpid(), self.fingerprint()))
        self.open_log()
        enter(self.configuration)
        self.say("process %d: celery %s" % (os.getpid(), " ".join(self.configuration["argv"])))
        watcher = threading.Thread(target=self.watch)
        watcher.daemon = True
        watcher.start()
        code = run_celery(self.configuration["argv"])
        # After an interrupt Celery exits with 1; a stop that was asked for is no failure.
        code = 0 if self.wanted_stop else code
        write(self.exit_file, "%d\n" % code)
        remove(self.pid_file)
        self.say("ended with %d" % code)
        return code

    def stop(self):
        """Ask for a warm shutdown; after the time limit end this one process and its children by force."""
        if not self.running():
            remove(self.pid_file, self.stop_file)
            return self.say("does not run")
        write(self.stop_file, "")
        if self.gone_within(self.configuration["stop_timeout"]):
            return self.say("stopped, running tasks have ended")
        pid = self.started_as()[0]
        if pid is None:
            return self.say("does not stop, and which process it is cannot be read from %s" % self.pid_file, 1)
        self.say("did not end within %s s: process %d is ended by force" % (self.configuration["stop_timeout"], pid))
        if WINDOWS:
            subprocess.call(["taskkill", "/T", "/F", "/PID", str(pid)])
        else:
            os.kill(pid, signal.SIGKILL)
        if self.gone_within(10):
            return self.say("stopped by force")
        return self.say("process %d lives on even after it was ended by force" % pid, 1)

    def restart(self):
        """Stop, then start here."""
        return self.stop() or self.start()

    def status(self):
        """0 when it runs, 3 when not, as init scripts do."""
        if not self.running():
            return self.say("stopped", 3)
        pid, fingerprint = self.started_as()
        age = "current" if fingerprint == self.fingerprint() else "outdated"
        return self.say("running, process %s, %s" % (pid, age))

    def settle(self):
        """Stop what runs with older files, so that the scheduler can start it anew."""
        if self.running() and self.started_as()[1] == self.fingerprint():
            return self.say("current")
        code = self.stop()
        remove(self.exit_file)
        return code

    def wait(self, seconds=STEADY):
        """See it come up and stay up. A worker that cannot load the application dies late on a busy machine."""
        begun, up = time.time(), None
        while not self.ended() and time.time() < (up + float(seconds) if up else begun + START_TIMEOUT):
            up = (up or time.time()) if self.running() else None
            if up and self.ready():
                break
            time.sleep(0.25)
        if up and not self.ended():
            return self.say("running, process %s" % self.started_as()[0])
        log = self.configuration["log"]
        return self.say("did not stay up. The end of %s:\n%s" % (log, tail(log)), 1)

    def ended(self):
        """Whether it has come to its end since it was last settled."""
        return os.path.exists(self.exit_file)

    def ready(self):
        """Whether the running process has written what its definition calls ready."""
        text = end_of(self.configuration["log"])
        _before, begin, after = text.rpartition("process %s: celery" % self.started_as()[0])
        pattern = self.configuration["ready"]
        return bool(begin and pattern and re.search(pattern, after))

    # -- While it runs ------------------------------------------------------------------------------------------------

    def open_log(self):
        """Send all output to the log. Opened here: a batch file's ">>" would lock the file for everybody else."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self.log = os.open(self.configuration["log"], flags)
        self.rotate()
        for descriptor in (1, 2):
            os.dup2(self.log, descriptor)
        if sys.version_info[0] > 2:
            # The old objects may belong to a console, and to a code page without the characters of a traceback.
            raw = io.BufferedWriter(io.FileIO(self.log, "w", closefd=False))
            sys.stdout = sys.stderr = io.TextIOWrapper(raw, "utf-8", "backslashreplace", line_buffering=True)

    def rotate(self):
        """Keep a copy of a log that has become large and empty it: an open file cannot be renamed on Windows."""
        path, keep = self.configuration["log"], self.configuration["log_keep"]
        if os.path.getsize(path) <= self.configuration["log_bytes"]:
            return
        try:
            for number in range(keep, 1, -1):
                if os.path.exists("%s.%d" % (path, number - 1)):
                    remove("%s.%d" % (path, number))
                    os.rename("%s.%d" % (path, number - 1), "%s.%d" % (path, number))
            if keep:
                shutil.copyfile(path, path + ".1")
            with open(path, "r+b") as stream:
                stream.truncate(0)
        except (IOError, OSError) as error:
            self.say("the log was not rotated: %s" % error)

    def watch(self):
        """Turn the stop file into the interrupt that Celery answers with a warm shutdown; needs no broker."""
        while not os.path.exists(self.stop_file):
            time.sleep(0.5)
            self.rotate()
        self.wanted_stop = True
        remove(self.stop_file)
        self.say("asked to stop: running tasks may end")
        interrupt()

    def gone_within(self, seconds):
        """Whether the process is gone in time."""
        deadline = time.time() + seconds
        while self.running():
            if time.time() >= deadline:
                return False
            time.sleep(0.25)
        remove(self.pid_file, self.stop_file)
        time.sleep(GRACE)
        return True

    def say(self, message, code=0):
        """One line for the person or the log; returns the exit code, so that a verb can end with it."""
        line = "%s [%s] %s\n" % (time.strftime("%Y-%m-%d %H:%M:%S"), self.name, message)
        if self.log:
            os.write(self.log, line.encode("utf-8"))
        else:
            print(line, end="")
            sys.stdout.flush()
        return code


def run_celery(argv):
    """Celery's own command line in this process; the exit code."""
    sys.argv = ["celery"] + [str(word) for word in argv]
    try:
        if os.environ.get("TASKSTACK_TLS_NAMES"):
            # From the directory of this file; what it does happens when Celery imports its library for AMQP.
            importlib.import_module("taskstack_tls")
        from celery.__main__ import main

        code = main()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    return code if isinstance(code, int) else int(code is not None)


def interrupt():
    """Raise SIGINT in the main thread of this process, from another thread."""
    if not WINDOWS:
        os.kill(os.getpid(), signal.SIGINT)
    elif hasattr(signal, "raise_signal"):
        signal.raise_signal(signal.SIGINT)
    else:
        import thread

        thread.interrupt_main()


def enter(configuration):
    """Take on the environment and the directory of the application."""
    load_environment(configuration["environment_file"])
    for name, value in configuration.get("environment", {}).items():
        os.environ[str(name)] = str(value)
    os.chdir(configuration["directory"])


def load_environment(path):
    """Take over KEY='value' lines as they are: no shell and no cmd.exe ever sees the secrets in them."""
    with io.open(path, encoding="utf-8-sig") as stream:
        text = stream.read()
    for word in shlex.split(text if sys.version_info[0] > 2 else text.encode("utf-8"), comments=True):
        name, _sign, value = word.partition("=")
        os.environ[name] = value


def end_of(path):
    """The last part of a text file, or why there is none."""
    try:
        with io.open(path, "rb") as stream:
            stream.seek(max(0, os.path.getsize(path) - LOOK_BACK))
            return stream.read().decode("utf-8", "replace")
    except (IOError, OSError) as error:
        return str(error)


def tail(path):
    """The last lines of a file."""
    return "\n".join(end_of(path).splitlines()[-TAIL:])


def write(path, text):
    """Replace the content of a small file."""
    with open(path, "w") as stream:
        stream.write(text)


def lock(path):
    """Lock a file until the descriptor is closed or this process ends; None where another process has done so."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        if WINDOWS:
            import msvcrt

            os.lseek(descriptor, LOCK_OFFSET, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (IOError, OSError):
        os.close(descriptor)
        return None
    return descriptor


def remove(*paths):
    """Delete files, absent or not."""
    for path in paths:
        try:
            os.remove(path)
        except OSError:
            # Gone already; a file that stays because somebody looks into it is removed at the next start or stop.
            continue


def read_json(path):
    """A JSON file, with or without the mark that Windows editors put first."""
    with io.open(path, encoding="utf-8-sig") as stream:
        return json.load(stream)


def main(path, verb="start", *arguments):
    """Carry out one verb; the exit code."""
    if verb == "run":
        description = read_json(path)
        enter(description)
        words = ["-A", description["app"]]
        words.extend(arguments)
        return run_celery(words)
    if verb == "resubmit":
        description = read_json(path)
        enter(description)
        import taskstack_resubmit

        return taskstack_resubmit.main(description, "--check" in arguments)
    if verb not in VERBS or len(arguments) > (verb == "wait"):
        return "Usage: celery_task.py CONFIGURATION.json [%s]" % " | ".join(VERBS)
    return getattr(Program(path), verb)(*arguments)


VERBS = ("start", "stop", "restart", "status", "settle", "wait")

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if sys.argv[1:] else __doc__)

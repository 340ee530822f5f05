#!/usr/bin/env python3
"""A small fake Windows host: drives are directories, and a Task Scheduler keeps its tasks in a file.

Imported by the connection plugin for the simulation, and run inside the container that has Wine:

    windows_host.py PREFIX              one call as JSON on standard input
    windows_host.py PREFIX boot         what Windows does when it starts
    windows_host.py PREFIX daily        all daily triggers, as when their time has come
    windows_host.py PREFIX run TASK     as schtasks /Run does
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import uuid

PROGRAM = os.path.abspath(__file__)


class Refused(Exception):
    """What Windows would refuse, as a sentence."""


def carry_out(prefix: str, call: dict) -> dict:
    """One call of the connection plugin."""
    host = Host(prefix)
    if call["call"] == "module":
        host.log(call)
        try:
            return getattr(host, call["name"])(call["args"], call["check"], call["diff"])
        except Refused as exc:
            return {"failed": True, "changed": False, "msg": str(exc)}
    if call["call"] == "mkdtemp":
        path = rf"C:\windows\Temp\ansible-tmp-{uuid.uuid4().hex[:8]}"
        host.path(path).mkdir(parents=True)
        return {"path": path}
    if call["call"] == "put":
        host.path(call["path"]).write_bytes(base64.b64decode(call["data"]))
        return {}
    return {"data": base64.b64encode(host.path(call["path"]).read_bytes()).decode()}


class Host:
    """The host in one directory."""

    def __init__(self, prefix: str) -> None:
        """Its state is beside its drives."""
        self.prefix = pathlib.Path(prefix)
        self.state = self.prefix / "winsim"
        self.state.mkdir(parents=True, exist_ok=True)
        self.wine = shutil.which("wine")

    def path(self, windows: str) -> pathlib.Path:
        """Where a Windows path lies here."""
        match = re.match(r"([A-Za-z]):[\\/]*(.*)\Z", windows.strip("'\""))
        if not match or re.search(r'[<>:"|?*]', match[2]):
            raise Refused(f"{windows!r} is no absolute Windows path")
        return self.prefix / f"drive_{match[1].lower()}" / match[2].replace("\\", "/").strip("/")

    def log(self, call: dict) -> None:
        """Note what was asked, for the tests."""
        with (self.state / "calls.jsonl").open("a") as stream:
            stream.write(json.dumps(call) + "\n")

    def read(self, name: str) -> dict:
        """A table of the host."""
        file = self.state / f"{name}.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def write(self, name: str, table: dict) -> None:
        """Replace a table."""
        (self.state / f"{name}.json").write_text(json.dumps(table, indent=1, sort_keys=True))

    # -- Modules: files -----------------------------------------------------------------------------------------------

    def win_file(self, args: dict, check: bool, diff: bool) -> dict:
        """Directories and absence."""
        path, state = self.path(args["path"]), args.get("state")
        if state not in ("directory", "absent"):
            raise Refused(f"win_file with state {state} is not simulated")
        changed = path.exists() if state == "absent" else not path.exists()
        if changed and not check:
            if state == "directory":
                path.mkdir(parents=True)
            else:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return {"changed": changed}

    def win_stat(self, args: dict, check: bool, diff: bool) -> dict:
        """Existence, path and checksum."""
        path = self.path(args["path"])
        more = {"path": args["path"], "isdir": path.is_dir()} if path.exists() else {}
        return {"changed": False, "stat": {"exists": path.exists(), **more}}

    def win_copy(self, args: dict, check: bool, diff: bool) -> dict:
        """Both halves of what the action plugin of win_copy asks for."""
        if args["_copy_mode"] == "query":
            files = [file for file in args["files"] if self.differs(args["dest"], file, args.get("force", True))]
            return {"changed": bool(files), "files": files, "directories": [], "symlinks": []}
        if args["_copy_mode"] != "single":
            raise Refused(f"win_copy with mode {args['_copy_mode']} is not simulated")
        target = self.path(args["dest"])
        if not target.parent.is_dir():
            raise Refused(f"there is no directory for {args['dest']}")
        if not check:
            shutil.copyfile(self.path(args["src"]), target)
        return {"changed": True, "dest": args["dest"], "operation": "file_copy"}

    def differs(self, folder: str, file: dict, force: bool) -> bool:
        """Whether a file of the controller is not the one that is here, or without force any."""
        path = self.path(folder) / file["dest"].replace("\\", "/")
        return not path.is_file() or (force and hashlib.sha1(path.read_bytes()).hexdigest() != file["checksum"])

    def win_lineinfile(self, args: dict, check: bool, diff: bool) -> dict:
        """One line that a regular expression finds, or at the end."""
        path = self.path(args["path"])
        if not path.exists():
            raise Refused(f"{args['path']} does not exist")
        old = path.read_text().splitlines()
        hits = [number for number, line in enumerate(old) if re.search(args["regexp"], line)]
        new = [*old[: hits[-1]], args["line"], *old[hits[-1] + 1 :]] if hits else [*old, args["line"]]
        if new != old and not check:
            path.write_text("\r\n".join(new) + "\r\n")
        return {"changed": new != old}

    # -- Modules: rights ----------------------------------------------------------------------------------------------

    def remember(self, table: str, key: str, value: object, check: bool) -> dict:
        """Something that is only noted here."""
        entries = self.read(table)
        changed = entries.get(key) != value
        if changed and not check:
            self.write(table, {**entries, key: value})
        return {"changed": changed}

    def win_acl(self, args: dict, check: bool, diff: bool) -> dict:
        """Access rights."""
        if not check and not self.path(args["path"]).exists():
            raise Refused(f"{args['path']} does not exist")
        return self.remember("acl", f"{args['path']} {args['user']}", [args["type"], args["rights"]], check)

    def win_acl_inheritance(self, args: dict, check: bool, diff: bool) -> dict:
        """Whether rights come from above."""
        return self.remember("inheritance", args["path"], args["state"], check)

    def win_user_right(self, args: dict, check: bool, diff: bool) -> dict:
        """Rights of accounts."""
        return self.remember("rights", args["name"], sorted(args["users"]), check)

    # -- Modules: tasks -----------------------------------------------------------------------------------------------

    def win_scheduled_task(self, args: dict, check: bool, diff: bool) -> dict:
        """Register or remove; never starts anything, as the real one."""
        tasks = self.read("tasks")
        full = args["path"].rstrip("\\") + "\\" + args["name"]
        old, new = tasks.get(full), None
        if args["state"] == "present":
            ours = {key: value for key, value in args.items() if key not in ("state", "password", "update_password")}
            new = {**(old or {}), **ours}
            tasks[full] = new
        else:
            tasks.pop(full, None)
        if old != new and not check:
            self.write("tasks", tasks)
        shown = {"before": as_text(old), "after": as_text(new)}
        return {"changed": old != new, **({"diff": shown} if diff else {})}

    def win_scheduled_task_stat(self, args: dict, check: bool, diff: bool) -> dict:
        """The tasks of a folder."""
        folder = args["path"].rstrip("\\")
        names = [task["name"] for full, task in self.read("tasks").items() if full.rpartition("\\")[0] == folder]
        return {"changed": False, "folder_exists": bool(names), "folder_task_names": names}

    # -- Programs -----------------------------------------------------------------------------------------------------

    def win_command(self, args: dict, check: bool, diff: bool) -> dict:
        """A program: the Task Scheduler's own, or one that Wine runs, or one whose answer is simulated."""
        if check:
            return {"changed": False, "skipped": True}
        if args.get("creates") and self.path(args["creates"]).exists():
            return {"changed": False, "skipped": True, "rc": 0, "stdout": ""}
        argv = args["argv"]
        code, output = self.run_argv(argv)
        failed = {"failed": True, "msg": "non-zero return code"} if code else {}
        lines = output.splitlines()
        return {"changed": True, "rc": code, "stdout": output, "stdout_lines": lines, "stderr": "", **failed}

    def run_argv(self, argv: list[str]) -> tuple[int, str]:
        """Exit code and output."""
        if argv[0].lower().endswith("schtasks.exe"):
            return self.schtasks(argv[1:])
        if not self.wine:
            return Simulated(self).run(argv)
        done = subprocess.run(
            ["wine", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        return done.returncode, done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")

    def schtasks(self, words: list[str]) -> tuple[int, str]:
        """The one way in which the role uses it."""
        if [word.upper() for word in words[:2]] != ["/RUN", "/TN"]:
            return 1, f"schtasks {words} is not simulated"
        task = self.read("tasks").get(words[2])
        if task is None or not task["enabled"] or not task.get("allow_demand_start", True):
            return 1, f"ERROR: {words[2]} cannot be run on demand"
        self.fire(words[2], task)
        return 0, "SUCCESS"

    def fire(self, full: str, task: dict) -> None:
        """Start a task's actions, unless they run already (IgnoreNew)."""
        assert task["multiple_instances"] == 2, "only IgnoreNew is simulated"
        if not self.wine:
            for action in task["actions"]:
                Simulated(self).act(action)
        elif not alive(self.read("instances").get(full)):
            instance = subprocess.Popen(
                [sys.executable, PROGRAM, str(self.prefix), "act", full],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self.write("instances", {**self.read("instances"), full: instance.pid})

    def trigger(self, kind: str) -> None:
        """Fire every enabled task that has a trigger of this type."""
        for full, task in self.read("tasks").items():
            if task["enabled"] and any(item["type"] == kind for item in task["triggers"]):
                self.fire(full, task)

    def act(self, full: str) -> None:
        """Carry out a task's actions, one after the other, as the Task Scheduler does."""
        for action in self.read("tasks")[full]["actions"]:
            words = action.get("arguments", "").split()
            if action["path"].lower().endswith("schtasks.exe"):
                self.schtasks(words)
            else:
                folder = self.path(action.get("working_directory", r"C:\windows"))
                subprocess.run(["wine", "cmd", "/c", action["path"], *words], cwd=folder, check=False)


class Simulated:
    """Answers of programs, where there is no Wine: the runner's as its documentation has them, Python's and pip's."""

    def __init__(self, host: Host) -> None:
        """On this host."""
        self.host = host

    def run(self, argv: list[str]) -> tuple[int, str]:
        """Exit code and output."""
        if argv[1].endswith("celery_task.py"):
            return self.runner(argv[2], argv[3])
        if argv[1:3] == ["-m", "venv"]:
            python = self.host.path(argv[3]) / "Scripts" / "python.exe"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
            return 0, ""
        if argv[1:3] == ["-m", "pip"]:
            return self.pip(argv[3:])
        raise Refused(f"{argv} is not simulated")

    def pip(self, words: list[str]) -> tuple[int, str]:
        """Packages are names in a table."""
        installed = self.host.read("packages")
        if words[0] in ("freeze", "list"):
            return 0, "".join(f"{name}\n" for name in sorted(installed))
        wanted = {word for word in words if re.match(r"[a-z].*==", word)} - set(installed)
        if wanted and "--dry-run" not in words:
            self.host.write("packages", {**installed, **dict.fromkeys(wanted, True)})
        verb = "Would install" if "--dry-run" in words else "Successfully installed"
        return 0, f"{verb} {' '.join(sorted(wanted))}\n" if wanted else "Requirement already satisfied\n"

    def act(self, action: dict) -> None:
        """An action of a task."""
        if action["path"].lower().endswith("schtasks.exe"):
            self.host.schtasks(action["arguments"].split())
            return
        lines = self.host.path(action["path"]).read_text().splitlines()
        line = next(line for line in lines if "celery_task.py" in line)
        self.runner(re.findall(r'"([^"]+)"', line)[2], action["arguments"])

    def runner(self, configuration_file: str, verb: str) -> tuple[int, str]:
        """The verbs of celery_task.py."""
        configuration = json.loads(self.host.path(configuration_file).read_text())
        name, running = configuration["name"], self.host.read("running")
        sources = [self.host.path(file) for file in [configuration_file, *configuration["restart_on"]]]
        digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources if file.exists())).hexdigest()
        if verb == "start":
            self.host.write("running", {name: {"as": digest, "pid": uuid.uuid4().hex}, **running})
            return 0, f"[{name}] started\n"
        if verb == "wait":
            return (0, f"[{name}] running\n") if name in running else (1, f"[{name}] did not stay up\n")
        if verb == "settle" and running.get(name, {}).get("as") == digest:
            return 0, f"[{name}] current\n"
        if verb in ("settle", "stop"):
            known = running.pop(name, None)
            self.host.write("running", running)
            return 0, f"[{name}] {'stopped' if known else 'does not run'}\n"
        raise Refused(f"verb {verb} is not simulated")


def as_text(task: dict | None) -> str:
    """A task as the lines of a diff."""
    return json.dumps(task, indent=1, sort_keys=True) + "\n" if task else ""


def alive(pid: int | None) -> bool:
    """Whether a process of this machine lives."""
    try:
        return pid is not None and pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def main(prefix: str, verb: str = "", task: str = "") -> None:
    """From the command line."""
    host = Host(prefix)
    if not verb:
        print(json.dumps(carry_out(prefix, json.load(sys.stdin))))
    elif verb == "run":
        sys.exit(host.schtasks(["/Run", "/TN", task])[0])
    elif verb == "act":
        host.act(task)
    else:
        host.trigger(verb)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Full disks, foreign servers, damaged files: every module ends with a sentence, never with a traceback."""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._broker.client import Broker, BrokerError
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError, plain
from ansible_collections.taskstack.celery.plugins.module_utils._stack.application import Stack
from ansible_collections.taskstack.celery.plugins.module_utils._status import collect, sentences
from ansible_collections.taskstack.celery.plugins.module_utils._status.surroundings import flower

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())
PLUGINS = ROOT / "plugins"
# Not those whose work is done on the control node.
MODULES = sorted(
    {file.stem for file in PLUGINS.glob("modules/[!_]*.py")} - {file.stem for file in PLUGINS.glob("action/*.py")}
)
RUN = """
import importlib, json, sys
from ansible.module_utils.testing import patch_module_args
with patch_module_args(json.loads(sys.argv[2])):
    importlib.import_module("ansible_collections.taskstack.celery.plugins.modules." + sys.argv[1]).main()
"""
# A file system of the test's own, seen by nobody else.
NAMESPACE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]


def ended(module: str, arguments: dict[str, t.Any], setup: str = ":") -> dict[str, t.Any]:
    """What a module tells Ansible when it runs on a host where a shell command was run before."""
    command = [*NAMESPACE, "sh", "-ec", setup + '; exec "$@"', "sh", sys.executable, "-c", RUN, module]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")}
    done = subprocess.run(
        [*command, json.dumps(arguments)], env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    assert done.stdout.strip().startswith("{"), done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def told(module: str, arguments: dict[str, t.Any], setup: str = ":") -> str:
    """The sentence with which a module fails."""
    result = ended(module, arguments, setup)
    assert result.get("failed"), result
    assert re.search(r"[.?]\Z", result["msg"]), result
    assert "Traceback" not in str(result) and not re.search(r"\[Errno \d|Error\(", result["msg"]), result
    return str(result["msg"])


def full(path: pathlib.Path) -> str:
    """A file system without a free block or inode."""
    return f"mount -t tmpfs -o size=4k,nr_inodes=2 tmpfs {path}; head -c 4096 /dev/zero > {path}/filler"


class _Foreign(http.server.BaseHTTPRequestHandler):
    """A proxy that has its own page for everything."""

    answer: t.ClassVar[tuple[int, bytes]] = (200, b"<html>proxy login</html>")

    def do_GET(self) -> None:
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Location", "http://proxy/login")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *_arguments: t.Any) -> None:
        """Say nothing."""


class _Redirecting(_Foreign):
    answer = (302, b"")


class _Unlike(_Foreign):
    answer = (200, b'{"detail": "welcome"}')


class _Denying(_Foreign):
    answer = (401, b'{"error": "not_authorised", "reason": "Login failed"}')


@pytest.fixture
def foreign(request: pytest.FixtureRequest) -> t.Iterator[str]:
    """The address of a server that is no RabbitMQ."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), getattr(request, "param", _Foreign))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def login(url: str, **more: t.Any) -> dict[str, t.Any]:
    return {"management_url": url, "management_user": "u", "management_password": "tr0ub4dor", "timeout": 3, **more}


# -- Servers that are no RabbitMQ ------------------------------------------------
OVER_HTTP = {
    "purge": {"vhost": "/", "queues": ["mail"]},
    "revoke": {"vhost": "/", "ids": ["1f"]},
    "rabbitmq_definitions": {"vhosts": [{"name": "shop"}]},
    "status": {"require": ["broker"]},
}


@pytest.mark.parametrize("foreign", [_Foreign, _Redirecting], indirect=True)
@pytest.mark.parametrize("module", OVER_HTTP)
def test_a_foreign_http_server_is_named_with_the_option_to_correct(module: str, foreign: str) -> None:
    message = told(module, login(foreign, **OVER_HTTP[module]))
    assert foreign in message and "management_url" in message


@pytest.mark.parametrize("url", ["http://mq:15672x", "http://mq:99999", "mq:15672", "http://[::1"])
@pytest.mark.parametrize("module", OVER_HTTP)
def test_an_address_that_is_none_is_shown_as_it_was_given(module: str, url: str) -> None:
    assert url in told(module, login(url, **OVER_HTTP[module]))


@pytest.mark.parametrize("foreign", [_Unlike], indirect=True)
def test_a_server_that_speaks_json_and_is_no_rabbitmq_does_not_count_as_a_running_broker(foreign: str) -> None:
    settled = {**login(foreign), "ca_file": None, "client_cert": None, "client_key": None, "validate_certs": True}
    state, queues = collect._look_at_broker({**settled, "vhost": "/", "control_exchange": "celery"})
    assert (state["state"], queues) == ("unknown", None)
    assert "RabbitMQ" in state["detail"]


def test_an_address_of_flower_that_is_none_makes_flower_unknown() -> None:
    found = flower("http://mq:5555x", "admin", "x", 1)
    assert found["state"] == "unknown" and "5555x" in found["detail"]


def test_a_name_that_no_resolver_takes_is_an_address_without_answer() -> None:
    params = {"ca_file": None, "client_cert": None, "client_key": None, "validate_certs": True}
    with pytest.raises(BrokerError, match="No answer from"):
        Broker({**login(f"http://{'x' * 80}:15672"), **params}).get("overview")


# -- Disks -----------------------------------------------------------------------
def disk_mistakes(place: pathlib.Path) -> dict[str, tuple[dict[str, t.Any], str, str]]:
    """For each module its parameters, what happened to the host before, and a word of the sentence."""
    disk = str(place / "disk")
    venv = place / "venv" / "bin"
    venv.mkdir(parents=True)
    (venv / "python").touch()
    launcher = place / "launcher"
    launcher.write_text("#!/bin/sh\n")
    about = {"name": "shop", "app": "shop", "launcher": str(launcher), "workers": [], "recorder": {"directory": disk}}
    broker = {"management_url": "http://127.0.0.1:1", "management_user": "u", "management_password": "p", "vhost": "/"}
    description = {**about, "broker": broker, "environment_file": disk}
    description["workers"] = [{"node": "mail@host", "host": "host", "queues": ["celery"]}]
    (place / "shop.json").write_text(json.dumps(description))
    etc = f"mount -t tmpfs tmpfs /etc; mkdir /etc/taskstack; mount --bind {place} /etc/taskstack"
    mnesia = "/var/lib/rabbitmq"
    owner = {"owner": str(os.getuid()), "group": str(os.getgid())}
    return {
        "files": ({"files": [{"path": f"{disk}/x", "content": "x", **owner}]}, full(place / "disk"), "disk is full"),
        "virtualenv": (
            {"virtualenvs": [{"path": str(venv.parent), "stamp": f"{disk}/x"}]},
            full(place / "disk"),
            "disk is full",
        ),
        "created": (
            {"stack": "shop", "accounts": ["shop"]},
            "mount -t tmpfs tmpfs /var/lib; mkdir /var/lib/taskstack; "
            "mount -t tmpfs -o nr_inodes=1 tmpfs /var/lib/taskstack",
            "disk is full",
        ),
        "removal": (
            {"stack": "shop", "host": "app1"},
            "mount -t tmpfs tmpfs /var/lib; mkdir -p /var/lib/taskstack/.created/shop.json",
            "shop.json",
        ),
        # A file that should be one is a directory, and the other way round.
        "processes": (
            {"application": "shop", "processes": [], "supervisor": "systemd", "config_directory": disk},
            f"mkdir {disk}/shop-mail.service",
            "shop-mail.service",
        ),
        "what_if": (
            {"steps": [{"module": "files", "options": {"files": [{"path": f"{disk}/x", "content": "x"}]}}]},
            f"mkdir {disk}/x",
            "a directory is there",
        ),
        "rabbitmq_member": (
            {"members": ["rabbit@mq"], "node": "rabbit@mq", "state": "joinable", "database": f"{disk}/rabbit@mq"},
            f"mkdir {disk}/rabbit@mq-feature_flags",
            "feature_flags",
        ),
        "host_facts": (
            {},
            "mount -t tmpfs tmpfs /etc; mkdir /etc/rabbitmq; ln -s x.conf /etc/rabbitmq/x.conf",
            "x.conf",
        ),
        "purge": ({"queues": ["mail"]}, etc, "cannot be read"),
        "revoke": ({"ids": ["1f"]}, f"{etc}; echo '{{' > /etc/taskstack/shop.json", "site.yml"),
        "status": ({}, f"{etc}; echo '[]' > /etc/taskstack/shop.json", "site.yml"),
        "resubmit": ({"command": ["true"]}, etc, "Cannot run"),
        # Makes a file for the broker's first administrator.
        "rabbitmq_definitions": (
            login("", local_administrator=True, vhosts=[{"name": "shop"}]),
            f"mount -t tmpfs tmpfs /var/lib; mkdir {mnesia}; mount -t tmpfs -o nr_inodes=1 tmpfs {mnesia}",
            "disk is full",
        ),
    }


@pytest.mark.parametrize("foreign", [_Denying], indirect=True)
@pytest.mark.parametrize("module", MODULES)
def test_what_the_operating_system_refuses_is_one_sentence(module: str, tmp_path: pathlib.Path, foreign: str) -> None:
    (tmp_path / "disk").mkdir()
    mistakes = disk_mistakes(tmp_path)
    assert module in mistakes, f"Add an error of the operating system for the new module {module} to disk_mistakes()."
    arguments, setup, word = mistakes[module]
    if module == "rabbitmq_definitions":
        arguments["management_url"] = foreign
    assert word in told(module, arguments, setup)


# -- What a stack left on its host -------------------------------------------------
LAUNCHERS = {
    "nothing": ("#!/bin/sh\n", 0o755, "The publisher stopped"),
    "words": ("#!/bin/sh\necho hello\n", 0o755, "ran something else than the publisher, which said: 'hello"),
    "JSON of another kind": ("#!/bin/sh\necho '[1]'\n", 0o755, "ran something else"),
    "no right to run it": ("#!/bin/sh\n", 0o644, "Cannot run"),
}


@pytest.mark.parametrize(("content", "mode", "word"), LAUNCHERS.values(), ids=LAUNCHERS)
def test_a_launcher_that_is_not_ours_is_told(content: str, mode: int, word: str, tmp_path: pathlib.Path) -> None:
    launcher = tmp_path / "celery-shop"
    launcher.write_text(content)
    launcher.chmod(mode)
    about = {"name": "shop", "app": "shop", "launcher": str(launcher), "workers": [], "recorder": None}
    (tmp_path / "shop.json").write_text(json.dumps(about))
    with pytest.raises(TaskstackError, match=word):
        Stack("shop", str(tmp_path)).publisher({})


@pytest.mark.parametrize("content", ["", "{", "[]", '"shop"', '{"name": "shop"}', "\udcff"], ids=ascii)
def test_a_damaged_description_is_told_with_the_cure(content: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "shop.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(TaskstackError, match=r"Run site\.yml again"):
        Stack("shop", str(tmp_path))


def test_a_host_without_a_stack_is_told_so(tmp_path: pathlib.Path) -> None:
    with pytest.raises(TaskstackError, match="No stack is described"):
        Stack(None, str(tmp_path))


# -- Files and texts of others ----------------------------------------------------
def test_a_settings_file_in_another_encoding_gets_its_block_and_keeps_its_bytes(tmp_path: pathlib.Path) -> None:
    settings = tmp_path / "settings.py"
    theirs = "# -*- coding: latin-1 -*-\nNAME = 'Zürich'\n".encode("latin-1")
    settings.write_bytes(theirs)
    settings.chmod(0o640)
    block = {"path": str(settings), "marker": "shop", "block": "CELERY_BROKER_URL = 'x'"}
    assert ended("files", {"private_files": [block]})["changed"]
    assert settings.read_bytes().startswith(theirs) and b"CELERY_BROKER_URL = 'x'" in settings.read_bytes()
    assert not ended("files", {"private_files": [block]})["changed"]
    assert ended("files", {"files": [{**block, "block": ""}], "_ansible_diff": True})["changed"]
    assert settings.read_bytes() == theirs


def test_foreign_text_cannot_act_on_the_terminal_of_whoever_reads_it() -> None:
    said = "\x1b[31mred\x1b[0m \x1b]0;title\x07 a\rb \x9b2J \u202eecived\u2066\r\nsecond\tline"
    assert plain(said) == "red \\x1b]0;title\\x07 a\\rb \\x9b2J \\u202eecived\\u2066\nsecond\tline"


def test_a_module_that_fails_shows_control_characters_and_does_not_send_them(tmp_path: pathlib.Path) -> None:
    launcher = tmp_path / "celery-shop"
    launcher.write_text("#!/bin/sh\nprintf '\\033[2J\\033]0;x\\007' >&2\nexit 1\n")
    launcher.chmod(0o755)
    worker = {"node": "mail@host", "queues": ["celery"]}
    about = {"name": "shop", "app": "shop", "launcher": str(launcher), "workers": [worker], "recorder": None}
    (tmp_path / "shop.json").write_text(json.dumps(about))
    etc = f"mount -t tmpfs tmpfs /etc; mkdir /etc/taskstack; mount --bind {tmp_path} /etc/taskstack"
    message = told("resubmit", {"command": ["true"]}, etc)
    assert "\x1b" not in message and "\\x1b]0;x\\x07" in message


def test_a_name_that_somebody_published_cannot_act_on_the_terminal_either() -> None:
    problem = {"kind": "worker_silent", "subject": "mail@h\x1b]0;x\x07", "host": "h\u202e", "deadline": 3}
    told = sentences.sentence({**problem, "solo": False, "program": None, "supervisor": None})
    assert "mail@h\\x1b]0;x\\x07" in told and "\u202e" not in told

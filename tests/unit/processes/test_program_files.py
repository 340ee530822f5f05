"""Files for supervisord and systemd: what comes out of them is what was meant, whatever it holds."""

from __future__ import annotations

import configparser
import re
import shlex
import typing as t

from ansible_collections.taskstack.celery.plugins.module_utils._supervision import plan as sv
from ansible_collections.taskstack.celery.plugins.module_utils._supervision.supervisord_program import program
from ansible_collections.taskstack.celery.plugins.module_utils._supervision.systemd_unit import unit
from hypothesis import given
from hypothesis import strategies as st

WORD = st.text("aZ09é %$@;:#,.!?/\\=+-_'\"`&|<>(){}[]~*^", max_size=20)
ENVIRONMENT = st.dictionaries(st.sampled_from(["A", "B_2", "PATH"]), WORD)
PROCESS = {
    "name": "shop-mail",
    "directory": "/opt/50% off",
    "user": "shop",
    "group": "shop",
    "log": "/var/log/shop-mail.log",
    "stop_signal": "TERM",
    "stop_timeout": 600,
    "state": "started",
}


def read_by_supervisord(text: str) -> dict[str, str]:
    """As supervisord itself reads its files."""
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    parser.read_string(text)
    return {key: value % {} for key, value in parser["program:shop-mail"].items()}


def read_by_systemd(text: str) -> dict[str, list[str]]:
    """As systemd.unit(5) says, for the settings that these files have."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and line[0] not in "[#":
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value.replace("%%", "\0"))
    assert not re.search("%", str(found)), "systemd would expand a specifier"
    return {key: [value.replace("\0", "%") for value in values] for key, values in found.items()}


def words_of_systemd(text: str) -> list[str]:
    """Words separated by blanks, in double quotes where need be, with a backslash before a quote or a backslash."""
    pattern = re.compile(r'"((?:[^"\\]|\\["\\])*)"|([^\s"\\]+)')
    words, position = [], 0
    while position < len(text):
        match = pattern.match(text, position)
        assert match, text[position:]
        quoted, plain = match.groups()
        words.append(plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        position = match.end() + 1
    return words


@given(st.lists(WORD, min_size=1), ENVIRONMENT)
def test_supervisord_runs_the_very_words_and_environment(words: list[str], environment: t.Any) -> None:
    settings = read_by_supervisord(program({**PROCESS, "argv": ["/bin/x", *words], "environment": environment}))
    command = shlex.split(settings["command"])
    assert command[-len(words) - 1 :] == ["/bin/x", *words]
    assert set(command) >= {f"{key}={value}" for key, value in environment.items()}
    assert settings["directory"] == "/opt/50% off"


@given(st.lists(WORD, min_size=1), ENVIRONMENT)
def test_systemd_runs_the_very_words_and_environment(words: list[str], environment: t.Any) -> None:
    settings = read_by_systemd(unit({**PROCESS, "argv": ["/bin/x", *words], "environment": environment}, "shop.target"))
    (command,) = settings["ExecStart"]
    assert "$" not in command.replace("$$", ""), "systemd would expand a variable"
    assert words_of_systemd(command.replace("$$", "$")) == ["/bin/x", *words]
    given_words = [words_of_systemd(line) for line in settings.get("Environment", [])]
    assert given_words == [[f"{key}={value}"] for key, value in environment.items()]


def test_a_stop_is_warm_under_both() -> None:
    process = {**PROCESS, "argv": ["/bin/x"], "environment": {}}
    settings = read_by_supervisord(program(process))
    assert (settings["stopsignal"], settings["stopwaitsecs"], settings["stopasgroup"]) == ("TERM", "600", "false")
    assert settings["killasgroup"] == "true"
    lines = read_by_systemd(unit(process, "shop.target"))
    assert (lines["KillSignal"], lines["TimeoutStopSec"], lines["KillMode"]) == (["SIGTERM"], ["600"], ["mixed"])


def test_a_unit_is_hardened_and_its_limits_are_asked_for() -> None:
    process = {**PROCESS, "argv": ["/bin/x"], "environment": {}}
    plain = read_by_systemd(unit(process, "shop.target"))
    assert (plain["User"], plain["NoNewPrivileges"], plain["ProtectSystem"]) == (["shop"], ["true"], ["full"])
    assert "MemoryMax" not in plain
    strict = read_by_systemd(unit({**process, "memory_max": "2G", "write_paths": ["/srv/a b"]}, "shop.target"))
    assert (strict["ProtectSystem"], strict["MemoryMax"]) == (["strict"], ["2G"])
    assert words_of_systemd(strict["ReadWritePaths"][0]) == ["-/tmp", "-/var/tmp", "-/srv/a b"]


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]*", fullmatch=True)


@given(NAMES, NAMES, st.sampled_from("#;"), st.dictionaries(NAMES, NAMES, max_size=2))
def test_a_file_says_whose_it_is(application: str, kind: str, comment: str, contents: dict[str, str]) -> None:
    owner = sv.Owner(application, kind)
    assert sv.owner_of(sv.head(comment, owner, contents) + "[program:x]\n") == owner


def test_a_file_of_somebody_else_is_nobody_s_of_ours() -> None:
    assert sv.owner_of("[program:x]\n") is None
    assert sv.owner_of("") is None
    assert (
        sv.owner_of("; written by hand\n; Managed by Ansible: taskstack.celery.processes, application a, kind b.\n")
        is None
    )

"""What several modules would change on a host, seen in one step."""

from __future__ import annotations

import os
import pathlib
import pwd
import socket
import typing as t

import pytest
from ansible_collections.taskstack.celery.plugins.module_utils._errors import TaskstackError
from ansible_collections.taskstack.celery.plugins.module_utils._files import run as files
from ansible_collections.taskstack.celery.plugins.module_utils._what_if.steps import ARGS, run

ME = pwd.getpwuid(os.geteuid()).pw_name


def writing(path: pathlib.Path, content: str) -> dict[str, t.Any]:
    options = {"private_files": [{"path": str(path), "content": content, "owner": ME, "group": ME}]}
    return {"module": "files", "options": options, "if_unknown": "failed"}


def test_it_says_what_files_would_write_and_writes_nothing(tmp_path: pathlib.Path) -> None:
    secret = tmp_path / "secret"
    seen = run([writing(secret, "colour = blue\n")])
    assert seen == {"differs": True, "steps": [{"module": "files", "changed": True, "paths": [str(secret)]}]}
    assert not secret.exists()
    secret.write_text("colour = blue\n")
    secret.chmod(0o640)
    assert run([writing(secret, "colour = blue\n")])["differs"] is False
    assert run([writing(secret, "colour = red\n")])["differs"] is True
    assert secret.read_text() == "colour = blue\n"


def test_one_step_that_differs_is_enough(tmp_path: pathlib.Path) -> None:
    same, other = tmp_path / "same", tmp_path / "other"
    same.write_text("x")
    same.chmod(0o640)
    assert [step["changed"] for step in run([writing(same, "x"), writing(other, "y")])["steps"]] == [False, True]
    assert run([])["differs"] is False


def test_a_broker_that_does_not_answer_is_a_failure_or_a_change() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    options = {"management_url": url, "management_user": "u", "management_password": "p", "vhosts": [{"name": "v"}]}
    step = {"module": "rabbitmq_definitions", "options": options}
    with pytest.raises(TaskstackError, match=r"127\.0\.0\.1"):
        run([{**step, "if_unknown": "failed"}])
    seen = run([{**step, "if_unknown": "changed"}])
    assert seen["differs"] is True
    assert "127.0.0.1" in seen["steps"][0]["unknown"]


def test_no_password_is_told_with_what_went_wrong() -> None:
    options = {
        "management_url": "http://u:first-secret@127.0.0.1:1/second-secret/third-secret",
        "management_user": "u",
        "management_password": "second-secret",
        "users": [{"name": "shop", "password": "third-secret"}],
    }
    step = {"module": "rabbitmq_definitions", "options": options, "if_unknown": "changed"}
    told = run([step])["steps"][0]["unknown"]
    assert "127.0.0.1" in told and "secret" not in told


def test_options_that_a_module_does_not_take_are_refused_in_its_own_words() -> None:
    with pytest.raises(TaskstackError, match=r"^files: .*colour"):
        run([{"module": "files", "options": {"colour": "blue"}, "if_unknown": "failed"}])


def test_each_module_has_the_options_of_its_own() -> None:
    assert ARGS["steps"]["options"]["module"]["choices"] == ["files", "virtualenv", "processes", "rabbitmq_definitions"]
    assert files.ARGS["private_files"]["options"]["content"]["no_log"] is True

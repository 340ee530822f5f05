# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that carry out a plan would change, one after the other."""

from __future__ import annotations

import time
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._broker.arguments import BROKER_ARGS
from .._broker.client import Broker
from .._definitions import run as definitions
from .._definitions import show
from .._definitions.arguments import DEFINITION_ARGS
from .._errors import FAILURES, TaskstackError, sentence
from .._files import run as files
from .._files.read import Digests
from .._supervision import run as processes
from .._supervision.supervisors import chosen
from .._virtualenv import run as virtualenv

Result = dict[str, t.Any]


def _files(params: Result, _changing: list[str]) -> Result:
    return files.run(params, True)


def _virtualenv(params: Result, _changing: list[str]) -> Result:
    return virtualenv.run(params, True)


def _processes(params: Result, changing: list[str]) -> Result:
    digests = Digests([*params["changing"], *changing], True)
    return processes.run(params, chosen(params, True), digests, time, True)


def _definitions(params: Result, _changing: list[str]) -> Result:
    try:
        return definitions.run_here(params, Broker(params), True, _make_nobody)
    except FAILURES as exc:
        raise TaskstackError(_without_passwords(sentence(exc), params)) from exc


def _make_nobody(_user: str, _password: str) -> None:
    raise AssertionError("nothing is made here")


def _without_passwords(text: str, params: Result) -> str:
    """As Ansible tells it for the module itself; here it does not know which of the options are secret."""
    secrets = show.url_passwords(params) | {params["management_password"]}
    secrets |= {user[key] for user in params["users"] for key in ("password", "password_hash")}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "********")
    return text


_MODULES: dict[str, tuple[Result, t.Callable[[Result, list[str]], Result]]] = {
    "files": (files.ARGS, _files),
    "virtualenv": (virtualenv.ARGS, _virtualenv),
    "processes": (processes.ARGS, _processes),
    "rabbitmq_definitions": ({**DEFINITION_ARGS, **BROKER_ARGS}, _definitions),
}
_STEP = {
    "module": {"type": "str", "required": True, "choices": [*_MODULES]},
    "options": {"type": "dict", "required": True},
    "if_unknown": {"type": "str", "choices": ["failed", "changed"], "default": "failed"},
}
ARGS: dict[str, dict[str, t.Any]] = {"steps": {"type": "list", "elements": "dict", "required": True, "options": _STEP}}


def run(steps: t.Iterable[Result]) -> Result:
    """Look at all."""
    found: list[Result] = []
    changing: list[str] = []
    for step in steps:
        result = _look(step, changing)
        changing += result.get("paths", []) + result.get("stamps", [])
        found.append(result)
    return {"differs": any(result["changed"] for result in found), "steps": found}


def _look(step: Result, changing: list[str]) -> Result:
    spec, look = _MODULES[step["module"]]
    checked = ArgumentSpecValidator(spec).validate(step["options"])
    if checked.error_messages:
        raise TaskstackError(f"{step['module']}: {'; '.join(checked.error_messages)}")
    try:
        result = look(checked.validated_parameters, changing)
    except FAILURES as exc:
        if step["if_unknown"] == "failed":
            raise
        result = {"changed": True, "unknown": sentence(exc)}
    result.pop("diff", None)
    return {"module": step["module"], **result}

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a worker answer all that the module ``status`` asks in one message, instead of seven times.

The recorder loads it into workers; for Python 2.7 and Celery 4.2 or later.
"""

from __future__ import absolute_import, unicode_literals

import platform
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import typing as t  # novm

#: Celery's lists of tasks, and what is left out of them: nobody asks what a task was called with, it may tell of a
#: person, and not everything that pickle brings can go into an answer.
TASKS, CALL = ("active", "reserved", "scheduled"), ("args", "kwargs")


def bare(told):  # type: (t.Any) -> t.Any
    """The same without what tasks were called with."""
    if isinstance(told, dict):
        return dict((key, bare(told[key])) for key in told if key not in CALL)
    return [bare(one) for one in told] if isinstance(told, (list, tuple)) else told


def answer(state, command):  # type: (t.Any, str) -> t.Any
    """What a worker says to one of Celery's own questions; never one of its orders."""
    from celery.worker.control import Panel

    if command == "report":
        return {"ok": versions()}
    try:
        if Panel.meta[command].type != "inspect":
            raise KeyError(command)
        told = Panel.data[command](state)
        return bare(told) if command in TASKS else told
    except Exception as exc:
        return {"error": repr(exc)}


def versions():  # type: () -> str
    """What Celery's report begins with. Celery's own starts a program to find out about the machine."""
    import celery
    import kombu

    loaded = " taskstack_prefetch" if "taskstack_prefetch" in sys.modules else ""
    return "celery:%s kombu:%s py:%s" % (celery.__version__, kombu.__version__, platform.python_version()) + loaded


def taskstack_inspect(state, commands=(), **_):  # type: (t.Any, t.Iterable[str], **t.Any) -> dict[str, t.Any]
    """Answer several questions at once."""
    return dict((command, answer(state, command)) for command in commands)


def install():  # type: () -> None
    """Add the command of that name to those of the worker's remote control."""
    from celery.worker.control import inspect_command

    inspect_command(visible=False)(taskstack_inspect)

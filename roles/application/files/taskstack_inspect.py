# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a worker answer all that the module ``status`` asks in one message, instead of seven times.

Loaded by ``taskstack_recorder``; for Python 2.7 and Celery 4.2 or later.
"""

from __future__ import absolute_import, unicode_literals

import platform
import sys

import celery
import kombu
from celery.worker.control import Panel, inspect_command

#: Celery's lists of tasks, and what is left out of them: nobody asks what a task was called with, it may tell of a
#: person, and not everything that pickle brings can go into an answer.
TASKS, CALL = ("active", "reserved", "scheduled"), ("args", "kwargs")


def bare(told):
    """The same without what tasks were called with."""
    if isinstance(told, dict):
        return dict((key, bare(told[key])) for key in told if key not in CALL)
    return [bare(one) for one in told] if isinstance(told, (list, tuple)) else told


def answer(state, command):
    """What a worker says to one of Celery's own questions; never one of its orders."""
    if command == "report":
        # Celery's starts a program to find out about the machine. Only the versions are asked for.
        versions = celery.__version__, kombu.__version__, platform.python_version()
        loaded = " taskstack_prefetch" if "taskstack_prefetch" in sys.modules else ""
        return {"ok": "celery:%s kombu:%s py:%s" % versions + loaded}
    try:
        if Panel.meta[command].type != "inspect":
            raise KeyError(command)
        told = Panel.data[command](state)
        return bare(told) if command in TASKS else told
    except Exception as exc:
        return {"error": repr(exc)}


@inspect_command(visible=False)
def taskstack_inspect(state, commands=(), **_):
    """Answer several questions at once."""
    return dict((command, answer(state, command)) for command in commands)

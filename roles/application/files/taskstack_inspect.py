# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a worker answer all that the module ``status`` asks in one message, instead of seven times.

Loaded by ``taskstack_recorder``; for Python 2.7 and Celery 4.2 or later.
"""

from __future__ import absolute_import, unicode_literals

import platform

import celery
from celery.worker.control import Panel, inspect_command


def answer(state, command):
    """What a worker says to one of Celery's own questions; never one of its orders."""
    if command == "report":
        # Celery's starts a program to find out about the machine. Only the versions are asked for.
        return {"ok": "celery:%s py:%s" % (celery.__version__, platform.python_version())}
    try:
        if Panel.meta[command].type != "inspect":
            raise KeyError(command)
        return Panel.data[command](state)
    except Exception as exc:
        return {"error": repr(exc)}


@inspect_command(visible=False)
def taskstack_inspect(state, commands=(), **_):
    """Answer several questions at once."""
    return dict((command, answer(state, command)) for command in commands)

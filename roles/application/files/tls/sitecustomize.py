# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python imports a module of this name when it starts; with TLS the launcher has this directory in PYTHONPATH.

The module of this name that Python would have found without us comes next.
"""

from __future__ import absolute_import

import importlib
import os
import sys

try:
    importlib.import_module("taskstack_tls")
except Exception as exc:
    # Python would only print any other exception, and go on without verifying anything.
    sys.exit("Cannot verify the certificate of the broker, so nothing is started: %r" % exc)

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path or os.curdir) != _HERE]
# Python 2 empties a module that nobody holds.
_THIS = sys.modules.pop("sitecustomize")
try:
    importlib.import_module("sitecustomize")
except ImportError:
    sys.modules["sitecustomize"] = _THIS

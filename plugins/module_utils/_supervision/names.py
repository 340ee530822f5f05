# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What names of stacks, groups and processes may be made of: a shell, a supervisor and a broker read them."""

from __future__ import annotations

import re

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
NAME_RULE = "letters, digits, '_', '-' and '.', beginning with a letter or digit"
#: A stack's name is that of its description: files beside it have a dot in theirs.
STACK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\Z")
STACK_NAME_RULE = "letters, digits, '_' and '-', beginning with a letter or digit"
#: What would end a line of a file in which it is written.
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: The name of an environment variable.
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

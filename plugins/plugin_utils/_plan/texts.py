# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files whose text a template has: it lies in the role that the file belongs to. Pure but for reading the template."""

from __future__ import annotations

import json
import shlex
import typing as t

import jinja2

from .role_defaults import ROLES

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(ROLES),
    # As Ansible has it; what is made are no web pages.
    trim_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,
    undefined=jinja2.StrictUndefined,
)
_TEMPLATES.filters.update(quote=lambda value: shlex.quote(str(value)), to_json=json.dumps)


def text(role: str, template: str, **values: t.Any) -> str:
    """The text of a role's template."""
    return _TEMPLATES.get_template(f"{role}/templates/{template}").render(values)


def nice_json(value: t.Any, sort_keys: bool = True) -> str:
    """As Ansible's filter to_nice_json, with an end of the line."""
    return json.dumps(value, indent=4, sort_keys=sort_keys, separators=(",", ": ")) + "\n"


def python_files() -> dict[str, str]:
    """What the application's processes import of ours, by its path below the library."""
    folder = ROLES / "application" / "files"
    sources = [*sorted(folder.glob("*.py")), *sorted(folder.glob("taskstack_recorder/*.py"))]
    return {source.relative_to(folder).as_posix(): source.read_text(encoding="utf-8") for source in sources}


def tls_hook() -> str:
    """What makes every Python of the stack verify the broker."""
    return (ROLES / "application" / "files" / "tls" / "sitecustomize.py").read_text(encoding="utf-8")

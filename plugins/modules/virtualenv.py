#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtualenvs with packages, and a stamp of what each holds."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: virtualenv
short_description: Virtualenvs with packages, and a stamp of what each holds
version_added: 1.0.0
description:
  - Creates Python virtualenvs, all at the same time, installs packages into each, and writes down in
    O(virtualenvs[].stamp) what was asked for and is there.
  - Runs pip only when something else is asked for than before, or when something else is installed than the stamp says.
  - The stamp changes with every package, also when somebody used pip by hand.
    Module M(taskstack.celery.processes) restarts what has the stamp in its C(restart_on).
  - Everything that belongs to a virtualenv runs as its O(virtualenvs[].user), never as root unless that is root.
author:
  - the taskstack.celery authors (@taskstack)
attributes:
  check_mode:
    support: full
    description: Says whether something changes; which versions, only pip knows.
  diff_mode:
    support: full
    description: Shows the stamps, which name each package with its version.
  platform:
    support: full
    description: Linux and other POSIX systems.
    platforms: posix
options:
  virtualenvs:
    description: [The virtualenvs.]
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: [The virtualenv's directory.]
        type: path
        required: true
      stamp:
        description: [File that says what the virtualenv holds.]
        type: path
        required: true
      packages:
        description:
          - What to install, as pip takes it, for instance V(celery==5.7.0).
          - With neither O(virtualenvs[].packages) nor O(virtualenvs[].requirements) the virtualenv must be there and is
            only looked at.
        type: list
        elements: str
        default: []
      requirements:
        description: [A requirements file on the host. A change of its content counts.]
        type: path
      files:
        description: [Further files of the application. A change of their content changes the stamp and nothing else.]
        type: list
        elements: path
        default: []
      arguments:
        description: [Further arguments of C(pip install). No credentials; those belong into pip's own configuration.]
        type: list
        elements: str
        default: []
      python:
        description: [The Python to make the virtualenv with.]
        type: path
        default: /usr/bin/python3
      user:
        description: [Account that owns the virtualenv and runs pip.]
        type: str
        default: root
  stack:
    description: [Name of the stack in whose list of created things a virtualenv is noted before it is created.]
    type: str
  state:
    description:
      - With V(present), the packages are installed into the virtualenv itself; one whose Python has gone, as after an
        upgrade of the distribution, or that was created here with another O(virtualenvs[].python), is created again
        beside it first.
      - With V(upgraded), they are installed into a copy, made by O(virtualenvs[].user), which then takes the
        virtualenv's place. The old one stays as C(PATH.previous), and C(STAMP.previous) until somebody removes that
        file to say that the new one works. Until then V(restored), or the next V(upgraded), takes the old one back. The
        stamp is not written.
      - With V(restored), the virtualenv before an upgrade that nobody has confirmed takes its place again, and the new
        one stays as C(PATH.failed). These two are for one virtualenv at a time.
    type: str
    choices: [present, upgraded, restored]
    default: present
"""

EXAMPLES = r"""
- name: Give a server a virtualenv of its own
  taskstack.celery.virtualenv:
    virtualenvs:
      - path: /opt/tiles/venv
        user: www-data
        stamp: /etc/tiles.packages
        packages: [gunicorn==23.0.0]
"""

RETURN = r"""
stamps:
  description: The stamps of the virtualenvs in which something changed.
  returned: always
  type: list
  elements: str
  sample: [/etc/taskstack/shop.packages]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._virtualenv.run import ARGS, run


def main() -> None:
    """Run as a module."""
    module = AnsibleModule(argument_spec=ARGS, supports_check_mode=True)
    try:
        module.exit_json(**run(module.params, module.check_mode))
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc))


if __name__ == "__main__":
    main()

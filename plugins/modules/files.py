#!/usr/bin/python
# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories and files in one step."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: files
short_description: Directories and files of a stack in one step
version_added: 1.0.0
description:
  - Makes many small files and directories what they should be, with one round trip instead of one for each.
  - A file is replaced at once and never seen half written. Missing parent directories are made, root's, mode V(0755).
  - Changes nothing through a symbolic link that another user than root could have put there, whatever that user does
    meanwhile, and shows nothing that this user could not read.
  - Removes copies that an interrupted run has left beside the files.
  - With O(stack), everything that is created is noted first, so that the stack's removal deletes exactly that.
author:
  - the taskstack.celery authors (@taskstack)
attributes:
  check_mode:
    support: full
    description: Predicts exactly what the real run does; accounts that do not exist yet count as a change.
  diff_mode:
    support: full
    description: Shows owner, mode and content of each change, of O(private_files) only whether the content differs.
  platform:
    support: full
    description: Linux and other POSIX systems.
    platforms: posix
options:
  directories:
    description:
      - Directories that should be there.
    type: list
    elements: dict
    default: []
    suboptions:
      paths: {description: Directories with the same owner and mode., type: list, elements: path, required: true}
      owner: {description: Account that owns them., type: str, default: root}
      group: {description: Their group., type: str, default: root}
      mode: {description: Permissions in octal notation., type: str, default: "0755"}
      keep: {description: Leave owner and mode alone when the directory is there already., type: bool, default: false}
      writable_by:
        description:
          - Account that must be able to write in a directory that is left alone.
          - Where it cannot, nothing is changed and the error has the commands that give it access.
        type: str
      exclusive: {description: Delete the files in the directory that are not listed here., type: bool, default: false}
      part: {description: What the directory is for; noted in the list of O(stack)., type: str, default: ""}
  files:
    description:
      - Files that should be there, each with exactly one of O(files[].content), O(files[].block) and O(files[].random).
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: Where., type: path, required: true}
      owner: {description: Account that owns it., type: str, default: root}
      group: {description: Its group., type: str, default: root}
      mode: {description: Permissions in octal notation., type: str, default: "0644"}
      content: {description: The whole file., type: str}
      block:
        description:
          - Lines kept between two markers in a file that somebody else owns, whose owner and mode stay as they are.
          - An empty text removes them.
        type: str
      marker: {description: Name of the block in its markers., type: str, default: taskstack}
      random: {description: Make a random text of this many bytes in hexadecimal notation once and keep it., type: int}
      part: {description: What the file is for; noted in the list of O(stack)., type: str, default: ""}
  private_files:
    description:
      - Like O(files), with the same suboptions, but neither the diff nor any log shows what is or was in them.
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: Where., type: path, required: true}
      owner: {description: Account that owns it., type: str, default: root}
      group: {description: Its group., type: str, default: root}
      mode: {description: Permissions in octal notation., type: str, default: "0640"}
      content: {description: The whole file., type: str}
      block:
        description:
          - Lines kept between two markers in a file that somebody else owns, whose owner and mode stay as they are.
          - An empty text removes them.
        type: str
      marker: {description: Name of the block in its markers., type: str, default: taskstack}
      random: {description: Make a random text of this many bytes in hexadecimal notation once and keep it., type: int}
      part: {description: What the file is for; noted in the list of O(stack)., type: str, default: ""}
  base:
    description: [Directory that a path of O(files) is below when it is not absolute.]
    type: path
    default: /
  absent:
    description:
      - Files, and directories with all that is in them, that should not be there.
    type: list
    elements: path
    default: []
  absent_when_empty:
    description:
      - Directories that should not be there unless there is something in them, the innermost first.
    type: list
    elements: path
    default: []
  stack:
    description:
      - Name of the stack in whose list of created things all that this creates is noted.
    type: str
  parts:
    description:
      - Files and blocks that earlier runs created for these parts of O(stack), and that are not among O(files) and
        O(private_files) any more, are deleted. A file that somebody has changed since stays.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Write the settings and make the place for uploads
  taskstack.celery.files:
    directories:
      - {paths: [/srv/uploads], owner: www-data, group: www-data, mode: "0750"}
    files:
      - {path: /etc/crate.py, group: www-data, content: "DEBUG = False\n"}
      - {path: /opt/site/settings.py, marker: catmaid, block: "from local import *"}
    private_files:
      - {path: /etc/crate.password, group: www-data, content: "{{ vault_crate_password }}\n"}
    absent:
      - /etc/old.py
"""

RETURN = r"""
paths:
  description: What was changed, in the order of the parameters.
  returned: always
  type: list
  elements: str
  sample: [/srv/uploads, /etc/crate.py]
"""

from ansible_collections.taskstack.celery.plugins.module_utils._errors import FAILURES, sentence
from ansible_collections.taskstack.celery.plugins.module_utils._files.run import ARGS, run
from ansible_collections.taskstack.celery.plugins.module_utils._host.quiet import QuietModule


def main() -> None:
    """Run as a module."""
    module = QuietModule(argument_spec=ARGS, supports_check_mode=True)
    wanted = {**module.params, "private_files": [dict(file) for file in module.params["private_files"]]}
    # Ansible would blacken every text that is also the content of a secret file, such as a line break. Instead, what is
    # secret is kept out of all that is told.
    for file in module.params["private_files"]:
        file.update(content=None, block=None)
    module.no_log_values.clear()
    try:
        module.exit_json(**run(wanted, module.check_mode))
    except FAILURES as exc:
        module.fail_json(msg=sentence(exc))


if __name__ == "__main__":
    main()

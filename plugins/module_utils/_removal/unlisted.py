# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts that a removal deletes, and what nobody but this collection can have created where no list says so. Pure."""

from __future__ import annotations

import shlex

from .._files import created
from .model import VERSIONS, Host, Plan, Stack


def is_ours(account: str, stack: Stack, host: Host) -> bool:
    """Whether the account is the one that the role application created: its home is the stack's."""
    return host.home(account) == stack.home


def unlisted(found: Plan, stack: Stack, listed: set[created.Key], host: Host) -> None:
    """Add what the list of created things does not name to the plan: a stack of the first edition has no list."""
    directory = stack.directory or f"/opt/{stack.name}"
    venv = f"/opt/{stack.name}/venv"
    if stack.settings_file and ("block", stack.settings_file) not in listed:
        # The lines between our markers are ours whoever owns the file.
        found.blocks.append({"path": stack.settings_file, "marker": stack.name})
    ours = is_ours(stack.name, stack, host)
    unlisted = stack.venv is None and ("virtualenv", venv) not in listed and host.exists(venv)
    # Only the account that role application has created can have made a virtualenv that it owns.
    if unlisted and ours and host.owner(venv) == host.uid(stack.name):
        found.absent += [venv + end for end in VERSIONS if host.exists(venv + end)]
    if stack.directory is None and ("directory", directory) not in listed and host.exists(directory):
        found.left.append(
            f"{directory} stays: nothing says whether it was there before the stack. If nothing else uses it: "
            f"rm -r {shlex.quote(directory)}"
        )


def accounts(found: Plan, stack: Stack, entries: list[created.Entry], host: Host, complete: bool) -> None:
    """Delete the accounts that the stack created and that own nothing elsewhere, then their groups."""
    names = [item["name"] for item in entries if item["kind"] == "account"]
    names += [stack.name] if stack.name not in names and is_ours(stack.name, stack, host) else []
    for name in names:
        if host.uid(name) is None:
            continue
        used = host.used_by(name, found.absent)
        if used:
            found.left.append(f"Account {name} stays: {used}. Delete it with: userdel {shlex.quote(name)}")
        else:
            found.accounts.append(name)
    groups = [item["name"] for item in entries if item["kind"] == "group"]
    found.regrouped = [name for name in found.accounts if complete and name not in groups and host.members(name)]
    # The group of an account's own name goes with the account.
    for name in [name for name in groups if name not in found.accounts]:
        others = [account for account in host.members(name) if account not in found.accounts]
        if others:
            found.left.append(f"Group {name} stays: {', '.join(others)} belong to it.")
        else:
            found.groups.append(name)

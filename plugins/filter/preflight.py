# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter: everything that cannot work in an inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: preflight
short_description: Everything that cannot work in a whole inventory
version_added: 1.0.0
description:
  - Looks at the variables of all hosts in the groups C(rabbitmq), C(worker), C(beat) and C(flower), and at nothing on
    the hosts themselves.
  - Finds variables that a role requires and that are missing, that are of the wrong type or misspelt, options of worker
    nodes that are unknown or contradict each other, a second beat, nodes of one name, and queues that nobody consumes.
positional: groups, run
options:
  _input:
    description:
      - The variables of all hosts, C(hostvars).
    type: dict
    required: true
  groups:
    description:
      - The inventory's groups, C(groups).
    type: dict
    required: true
  run:
    description:
      - The hosts of this run, C(ansible_play_hosts_all). Left out, all hosts. Facts of the other ones are not known.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Refuse what cannot work, before anything is changed
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
    quiet: true
  vars:
    problems: "{{ hostvars | taskstack.celery.preflight(groups) }}"
"""

RETURN = r"""
_value:
  description:
    - One sentence per mistake. It begins with the hosts that it is about, names the variable, and ends with the cure.
  type: list
  elements: str
  sample: ["host1: flower_password is not set. Set it, best with ansible-vault."]
"""

import importlib.util
import pathlib
import typing as t

from ansible.module_utils.common.yaml import yaml_load
from ansible.template import accept_lazy_markers
from ansible_collections.taskstack.celery.plugins.plugin_utils._plain import plain
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.variables import Broken
from ansible_collections.taskstack.celery.plugins.plugin_utils._preflight.problems import ROLES, problems

# What the roles use on Windows hosts, and nowhere else.
_COLLECTIONS = ("ansible.windows", "community.windows")
_LIMITED = (
    " The host is not in this run (--limit), so its facts are not known: leave --limit out, or let Ansible cache facts"
    " (fact_caching)."
)
_PREFIXES = ("taskstack_", *(f"{role}_" for roles in ROLES.values() for role in roles))


@accept_lazy_markers
def preflight(
    hostvars: t.Mapping[str, t.Any], groups: t.Mapping[str, t.Sequence[str]], run: t.Sequence[str] | None = None
) -> list[str]:
    """One sentence per mistake."""
    hosts = {host for group in ROLES for host in groups.get(group) or []}
    facts = {host: _ours(hostvars[host], "" if run is None or host in run else _LIMITED) for host in hosts}
    return problems(facts, groups, _specs(), _missing())


def _missing() -> list[str]:
    """The collections for Windows hosts that are not installed on the control node."""
    found = []
    for name in _COLLECTIONS:
        try:
            installed = importlib.util.find_spec(f"ansible_collections.{name}") is not None
        except ModuleNotFoundError:
            installed = False
        found += [] if installed else [name]
    return found


def _ours(variables: t.Mapping[str, t.Any], hint: str) -> dict[str, t.Any]:
    return {name: _value(variables, name, hint) for name in variables if name.startswith(_PREFIXES)}


def _value(variables: t.Mapping[str, t.Any], name: str, hint: str) -> t.Any:
    try:
        return plain(variables[name])
    except Exception as exc:  # whatever a template may raise is the inventory's mistake
        return Broken(str(exc).strip().rstrip(".") + "." + hint)


def _specs() -> dict[str, dict[str, t.Any]]:
    roles = pathlib.Path(__file__).parents[2] / "roles"
    specs = {}
    for role in {role for names in ROLES.values() for role in names}:
        file = roles / role / "meta" / "argument_specs.yml"
        if file.exists():
            specs[role] = yaml_load(file.read_text())["argument_specs"]["main"].get("options", {})
    # These come from the role that calls.
    specs["supervise"] = {name: option for name, option in specs["supervise"].items() if name.startswith("taskstack_")}
    for name in ("windows_tasks_processes", "windows_tasks_kind"):
        specs["windows_tasks"].pop(name, None)
    return specs


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filter's name and function."""
        return {"preflight": preflight}

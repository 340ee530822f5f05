"""For our tests: Ansible loads the plugins that every task uses once, and not again in the process of each task."""

from __future__ import annotations

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import (
    action_loader,
    connection_loader,
    filter_loader,
    lookup_loader,
    shell_loader,
    test_loader,
)

# Each task of each host runs in a process of its own, a copy of the one that reads this.
for _loader, _names in (
    (connection_loader, ("community.docker.docker", "ansible.builtin.local")),
    (shell_loader, ("ansible.builtin.sh",)),
    (action_loader, ("ansible.builtin.normal", "ansible.builtin.command")),
    (lookup_loader, ("ansible.builtin.template", "ansible.builtin.file", "ansible.builtin.fileglob")),
):
    for _name in _names:
        _loader.get(_name, class_only=True)
filter_loader.get("default")
test_loader.get("defined")


class CallbackModule(CallbackBase):
    """What Ansible asks for; it hears of nothing."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "loaded_once"
    CALLBACK_NEEDS_ENABLED = True

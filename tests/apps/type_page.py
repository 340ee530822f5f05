"""Types the page of an application on its control node, as a person with an editor would.

type_page.py NAME [HOST], in a clone of the repository. Commands come from the page; what it tells people to edit is
edited here. HOST is how Ansible reaches the host, where that is not the control node itself.
"""

import os
import pathlib
import pty
import re
import subprocess
import sys

NAME = sys.argv[1]
REACHED = sys.argv[2] if len(sys.argv) > 2 else "ansible_connection: local"
INVENTORY = pathlib.Path("inventories", NAME)
PASSWORD = "open sesame"
#: Fills in what is empty. The same passwords as in tests/apps/NAME/hosts.yml, with which the tests ask later.
EDITOR = f"#!/bin/sh\nsed -i -E 's/^(vault_(rabbitmq_)?(.*)_password):$/\\1: \\3-of-{NAME}/' \"$1\"\n"
SCHEDULE = (
    "beat_schedule:\n  - {{name: of the inventory, task: celery.accumulate, seconds: 3, args: [1, 2], {}expires: 60}}\n"
)


def page() -> str:
    """What is below "Deploy it"."""
    text = pathlib.Path("docs", f"{NAME}.md").read_text()
    return text.partition("## Deploy it\n")[2].partition("\n## ")[0]


def edit_the_inventory() -> None:
    """As the comments of the files say."""
    hosts = INVENTORY / "hosts.yml"
    hint = re.search(r"^#   (hosts: \{.*ansible_connection: local.*)$", hosts.read_text(), re.MULTILINE)
    assert hint, "hosts.yml says what to add where both are the same machine"
    here = hint[1].replace("ansible_connection: local", REACHED)
    hosts.write_text(hosts.read_text().replace("\nall:\n", f"\nall:\n  {here}\n"))
    main = INVENTORY / "group_vars/all/main.yml"
    if NAME == "crate":
        # It ships no schedule, so that its inventory has no beat; and its web pages are a service here.
        beat = "  children:\n    beat: {hosts: {crate1.example.org: }}\n"
        hosts.write_text(hosts.read_text().replace("  children:\n", beat, 1))
        main.write_text(main.read_text().replace("\n# application_web_services:", "\napplication_web_services:"))
    main.write_text(main.read_text() + "\n" + SCHEDULE.format("queue: default, " if NAME == "openrem" else ""))


def typed(script: str) -> None:
    """Run it on a terminal and give the vault's password whenever it is asked for."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("bash", ["bash", "-euc", script])
    said, asked = "", 0
    while True:
        try:
            said += os.read(terminal, 4096).decode("utf-8", "replace")
        except OSError:
            break
        if said.lower().count("vault password") > asked and said.rstrip(" ").endswith(":"):
            asked = said.lower().count("vault password")
            os.write(terminal, f"{PASSWORD}\n".encode())
    print(said)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0, f"The page ends with exit code {code}."
    assert re.search(r"\bhealthy\b|started before", said), "The last command of the page shows the stack."


first = re.search(r"`(make tools)`", page())
assert first, "The page names the first command."
subprocess.run(first[1], shell=True, check=True)
edit_the_inventory()
editor = pathlib.Path("editor").absolute()
editor.write_text(EDITOR)
editor.chmod(0o755)
os.environ.update(EDITOR=str(editor), TERM="dumb", LC_ALL="C.UTF-8")
block = re.search(r"^```text \(not run in one piece.*?\n(.*?)^```$", page(), re.MULTILINE | re.DOTALL)
assert block, "The page has the commands of the control node."
typed(block[1])

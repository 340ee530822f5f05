"""`make deploy` in a fresh clone on a bare machine; the scenario's idempotence step runs it a second time."""

from __future__ import annotations

import re
import typing as t

testinfra_hosts = ["docker://ts-deploy-bare"]


def test_it_says_what_it_did_and_where_things_are(host: t.Any) -> None:
    done = host.run("cd /root/taskstack && make deploy")
    assert done.rc == 0, done.stdout + done.stderr
    assert "nothing had to change" in done.stdout
    assert "20 + 22 = 42, computed by a worker" in done.stdout
    assert re.search(r"Flower +http://127\.0\.0\.1:5555 +user admin, password in .*flower_password", done.stdout)
    assert re.search(r"Management +http://127\.0\.0\.1:15672 +user admin", done.stdout)
    assert "playbooks/remove.yml" in done.stdout


def test_passwords_are_kept_for_root_alone_and_never_shown(host: t.Any) -> None:
    modes = host.check_output("find /root/taskstack/.secrets -printf '%y%m\n'").split()
    # The stack of the first-deployment page has a directory of its own among them.
    assert set(modes) == {"d700", "f600"} and modes.count("f600") >= 4
    passwords = host.check_output("find /root/taskstack/.secrets -type f -exec cat {} +").split()
    shown = host.check_output("cat /root/taskstack/.ansible/log/*")
    assert passwords and not any(password in shown for password in passwords)

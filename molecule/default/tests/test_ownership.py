"""Other people's things: a host with a life of its own is deployed twice, the stack removed, and it is as before."""

from __future__ import annotations

import json
import typing as t

import pytest

pytestmark = pytest.mark.last(2)
testinfra_hosts = ["docker://ts-default-stack"]

# An account and a group with the stack's name, directories of the web server, a broker that serves somebody.
BEFORE = """
set -e
useradd --system --create-home --shell /bin/bash sample
groupadd --system letters; usermod --append --groups www-data,letters sample
mkdir -p /opt/sample /srv/uploads /srv/site
echo text > /opt/sample/README
chown -R www-data:letters /opt/sample; chmod 2775 /opt/sample
chown root:www-data /srv/uploads; chmod 2775 /srv/uploads; echo text > /srv/uploads/picture
printf 'DEBUG = False\\n' > /srv/site/settings.py
chown www-data:sample /srv/site/settings.py; chmod 0640 /srv/site/settings.py
export DEBIAN_FRONTEND=noninteractive
apt-get -q -y install --no-install-recommends rabbitmq-server >/dev/null
rabbitmq-plugins --offline enable rabbitmq_management >/dev/null
service rabbitmq-server start >/dev/null
rabbitmqctl -q await_startup
rabbitmqctl -q add_user admin "$PASSWORD"; rabbitmqctl -q set_user_tags admin administrator
rabbitmqctl -q set_permissions admin '.*' '.*' '.*'
rabbitmqctl -q add_vhost theirs; rabbitmqctl -q add_user them secret
rabbitmqctl -q set_permissions --vhost theirs them '.*' '.*' '.*'
"""
# What Debian's packages and the running broker write is theirs.
FOUND = r"""
find /etc /home /opt /srv /usr/local /var/lib /var/spool -xdev \( -path /var/lib/dpkg -o -path /var/lib/apt \
  -o -path /var/lib/rabbitmq -o -path '/etc/rc?.d' -o -path /etc/ld.so.cache -o -path '/etc/*-' \
  -o -path /var/lib/systemd \) -prune -o -printf '%p %u %g %m %y ' \( -type f -exec sha256sum {} \; -o -printf '\n' \) \
  | sort
"""
CHANGES = {
    "taskstack_share_host": True,
    "application_writable_directories": ["/srv/uploads", "/srv/new/data"],
    "taskstack_settings_file": "/srv/site/settings.py",
}
KINDS = (
    "vhosts",
    "users",
    "permissions",
    "topic_permissions",
    "policies",
    "parameters",
    "queues",
    "exchanges",
    "bindings",
)


def state(host: t.Any) -> dict[str, t.Any]:
    """Files with owner, mode and content; accounts; what the broker holds."""
    export = json.loads(host.check_output("rabbitmqctl -q export_definitions -"))
    broker = {kind: sorted(export.get(kind, []), key=json.dumps) for kind in KINDS}
    return {"files": set(host.check_output(FOUND).splitlines()), "broker": broker}


AGREED = {"remove_queued_tasks": True, "remove_records": True}


def test_a_host_is_as_it_was_before_the_deployment(stack: t.Any) -> None:
    stack.changed(playbook="playbooks/remove.yml", **AGREED)
    stack.host.check_output("PASSWORD=%s bash -c %s", stack.secret("rabbitmq_admin_password"), BEFORE)
    before = state(stack.host)
    stack.changed(**CHANGES)
    assert stack.python("from sample_app.tasks import add; print(add.delay(1, 2).get(timeout=180))") == "3"
    assert "amqp://" in stack.host.check_output("cat /srv/site/settings.py")
    assert stack.changed(**CHANGES) == 0
    stack.host.check_output("celery-sample --run sh -c 'echo text > /srv/new/data/picture'")

    done = stack.play(playbook="playbooks/remove.yml", **CHANGES, **AGREED)

    assert done.returncode == 0, done.stdout[-4000:]
    after = state(stack.host)
    assert after["broker"] == before["broker"]
    assert before["files"] - after["files"] == set()
    # What a task wrote, and where it lies; the playbook says so.
    left = {line.split()[0] for line in after["files"] - before["files"]}
    assert left == {"/srv/new", "/srv/new/data", "/srv/new/data/picture"}
    assert "rm -r /srv/new/data" in " ".join(done.stdout.split())

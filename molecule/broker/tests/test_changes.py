"""What happens when the inventory changes. What a test leaves behind, the next one's play puts right."""

from __future__ import annotations

import pathlib
import ssl
import subprocess
import threading

import pytest

testinfra_hosts = ["docker://ts-broker-bookworm", "docker://ts-broker-trixie"]
FORGET = "sed -i s/TASKSTACK_CONFIGURATION=.*/TASKSTACK_CONFIGURATION=old/ /etc/rabbitmq/rabbitmq-env.conf"
SECRETS = [
    "broker-pa55word",
    "monitor-pa55word",
    "admin-pa55word",
    "shovel-pa55word",
    "new-broker-5ecret",
    "new-admin-5ecret",
]


def pid(host) -> str:
    """The broker's process."""
    return host.check_output("pgrep -x beam.smp")


def test_a_changed_password_works_the_old_one_does_not_and_nobody_sees_either(host, play, log_in, address, tmp_path):
    name, before = host.backend.name, pid(host)
    seen: list[str] = []
    done = threading.Event()

    def watch() -> None:
        # Everything that appears on a command line of the host meanwhile.
        look = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"
        while not done.wait(0.2):
            seen.append(
                subprocess.run(["docker", "exec", name, "sh", "-c", look], capture_output=True, text=True).stdout
            )

    watcher = threading.Thread(target=watch)
    watcher.start()
    new = {"taskstack_broker_password": "new-broker-5ecret", "rabbitmq_admin_password": "new-admin-5ecret"}
    # From a file: what is given with -e on the controller's command line is not ours to hide.
    variables = tmp_path / "variables.yml"
    try:
        variables.write_text("".join(f"{key}: {value}\n" for key, value in new.items()))
        result = play(name, "-vvv", "--diff", "-e", f"@{variables}")
    finally:
        done.set()
        watcher.join()
    assert result.code == 0, result.output
    assert log_in(address(name), "shop", "new-broker-5ecret") and not log_in(address(name), "shop", "broker-pa55word")
    assert log_in(address(name), "admin", "new-admin-5ecret") and not log_in(address(name), "admin", "admin-pa55word")
    assert "as given" in result.output
    assert [secret for secret in SECRETS if secret in result.output] == []
    assert seen and [secret for secret in SECRETS if secret in "".join(seen)] == []
    assert pid(host) == before
    assert play(name).code == 0
    assert log_in(address(name), "shop", "broker-pa55word")


def test_only_what_needs_it_restarts_the_broker(host, play):
    name, before = host.backend.name, pid(host)
    queue = {"queues": [{"name": "later", "vhost": "shop"}]}
    assert play(name, "--diff", rabbitmq_objects=queue).changed == 1
    assert pid(host) == before
    predicted = play(name, "--check", rabbitmq_heartbeat=31)
    assert (predicted.code, pid(host)) == (0, before) and predicted.changed
    assert play(name, rabbitmq_heartbeat=31).code == 0
    assert pid(host) != before
    assert "{ok,31}" in host.check_output("rabbitmqctl --quiet eval 'application:get_env(rabbit, heartbeat).'")


def test_a_restart_that_was_missed_is_made_good(host, play):
    name = host.backend.name
    # As when a run broke off between writing and restarting: the broker was started with something else.
    host.check_output(FORGET)
    host.check_output("systemctl restart rabbitmq-server" if "trixie" in name else "service rabbitmq-server restart")
    before = pid(host)
    assert play(name).code == 0 and pid(host) != before
    between = pid(host)
    host.check_output(FORGET)
    assert play(name).code == 0 and pid(host) == between, "it runs with the right configuration already"


def test_a_stopped_broker_is_started_again(host, play, log_in, address):
    name = host.backend.name
    host.check_output("systemctl stop rabbitmq-server" if "trixie" in name else "service rabbitmq-server stop")
    assert play(name).code == 0
    assert log_in(address(name), "shop", "broker-pa55word")


def test_a_renewed_certificate_is_served_without_a_restart(host, play, address, authority):
    name, before = host.backend.name, pid(host)
    folder = pathlib.Path(authority).parent
    script = pathlib.Path(__file__).parent.parent / "files" / "certificates.sh"
    subprocess.run(["sh", script, folder, "renewed"], check=True)
    renewed = {
        "rabbitmq_tls_certificate_file": str(folder / "renewed.pem"),
        "rabbitmq_tls_key_file": str(folder / "renewed.key"),
    }
    assert play(name, **renewed).code == 0
    served = ssl.get_server_certificate((address(name), 5671))
    assert served == (folder / "renewed.pem").read_text()
    assert pid(host) == before


def test_another_stack_is_refused_and_with_leave_touches_only_its_own(host, play, log_in, address):
    name, before = host.backend.name, pid(host)
    other = {"taskstack_name": "other", "taskstack_broker_password": "other-pa55word", "rabbitmq_objects": {}}
    configuration = host.check_output("cat /etc/rabbitmq/*.conf /etc/rabbitmq/enabled_plugins | sha256sum")
    refused = play(name, rabbitmq_heartbeat=77, **other)
    assert refused.code and "set up by stack shop" in refused.text and "taskstack_share_host=true" in refused.text
    assert refused.changed == 0
    shared = play(name, rabbitmq_heartbeat=77, taskstack_share_host=True, **other)
    assert (shared.code, shared.changed) == (0, 1), shared.output
    assert log_in(address(name), "other", "other-pa55word") and log_in(address(name), "shop", "broker-pa55word")
    assert pid(host) == before
    assert host.check_output("cat /etc/rabbitmq/*.conf /etc/rabbitmq/enabled_plugins | sha256sum") == configuration
    assert play(name).code == 0 and pid(host) == before, "the first stack goes on as before"


def test_everything_in_a_virtual_host_can_be_removed_again(host, play, task):
    name = host.backend.name
    kinds = [
        "policies",
        "operator_policies",
        "topic_permissions",
        "permissions",
        "user_limits",
        "vhost_limits",
        "parameters",
    ]
    kinds += ["global_parameters", "bindings", "exchanges", "queues"]
    scope = {"kinds": kinds, "vhosts": ["a/b c"], "names": "^(?!shop)"}
    predicted = task(name, "--check", state="exact", scope=scope)
    removed = task(name, state="exact", scope=scope)
    assert predicted["changes"] == removed["changes"]
    assert {change["kind"] for change in removed["changes"]} == set(kinds) - {"bindings"}
    assert task(name, state="exact", scope=scope)["changes"] == []
    assert play(name).code == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"management_password": "wrong"}, "Check the password"),
        ({"management_user": "shop-monitor", "management_password": "monitor-pa55word"}, "the tag administrator"),
        ({"management_url": "http://127.0.0.1:9"}, "Is RabbitMQ running"),
        ({"management_url": "https://127.0.0.1:15671"}, "certificate authority"),
        ({"management_url": "https://127.0.0.1:15671", "ca_file": "/nowhere"}, "must be readable PEM"),
        (
            {"policies": [{"name": "p", "pattern": "^", "definition": {"max-length": "ten"}}]},
            "max-length must be an integer",
        ),
        (
            {"policies": [{"name": "p", "pattern": "^", "definition": {"nonsense": 1}}]},
            "not recognised policy settings",
        ),
        ({"queues": [{"name": "in", "vhost": "a/b c", "arguments": {"x-max-length": 3}}]}, "which cannot be altered"),
    ],
)
def test_what_the_module_refuses_it_refuses_in_a_sentence(host, task, options, sentence):
    answer = task(host.backend.name, **options)
    assert sentence in answer["msg"] and "Traceback" not in answer["msg"]


def test_the_module_verifies_the_broker_against_the_given_authority(host, task):
    url = "https://localhost:15671"
    assert task(host.backend.name, management_url=url, ca_file="/etc/rabbitmq/tls/ca.pem")["changed"] is False

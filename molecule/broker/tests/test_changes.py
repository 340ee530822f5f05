"""What happens when the inventory changes, on both releases at once.

What a test leaves behind, the next one's play puts right, and the last one's all of it: a play takes long.
"""

from __future__ import annotations

import pathlib
import ssl
import subprocess
import threading

import pytest

FORGET = "sed -i s/TASKSTACK_CONFIGURATION=.*/TASKSTACK_CONFIGURATION=old/ /etc/rabbitmq/rabbitmq-env.conf"
HEARTBEAT = "rabbitmqctl --quiet eval 'application:get_env(rabbit, heartbeat).'"
SECRETS = [
    "broker-pa55word",
    "monitor-pa55word",
    "admin-pa55word",
    "shovel-pa55word",
    "new-broker-5ecret",
    "new-admin-5ecret",
]
# How the brokers are configured at the moment, beside what the inventory says.
NOW: dict[str, object] = {}


def service(host, verb: str) -> None:
    """As an administrator does it, with systemd and without any init."""
    systemd = "trixie" in host.backend.name
    host.check_output(f"systemctl {verb} rabbitmq-server" if systemd else f"service rabbitmq-server {verb}")


def test_a_changed_password_works_the_old_one_does_not_and_nobody_sees_either(
    brokers, play, pids, log_in, address, tmp_path
):
    before = pids()
    seen: dict[str, list[str]] = {name: [] for name in brokers}
    done = threading.Event()

    def watch(name: str) -> None:
        # Everything that appears on a command line of the host meanwhile.
        look = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"
        while not done.wait(0.3):
            command = ["docker", "exec", name, "sh", "-c", look]
            seen[name].append(subprocess.run(command, capture_output=True, text=True).stdout)

    watchers = [threading.Thread(target=watch, args=(name,)) for name in brokers]
    for watcher in watchers:
        watcher.start()
    new = {"taskstack_broker_password": "new-broker-5ecret", "rabbitmq_admin_password": "new-admin-5ecret"}
    # From a file: what is given with -e on the controller's command line is not ours to hide.
    variables = tmp_path / "variables.yml"
    try:
        variables.write_text("".join(f"{key}: {value}\n" for key, value in new.items()))
        result = play("brokers", "-vvv", "--diff", "-e", f"@{variables}")
    finally:
        done.set()
        for watcher in watchers:
            watcher.join()
    assert result.code == 0, result.output
    assert "as given" in result.output
    assert [secret for secret in SECRETS if secret in result.output] == []
    assert pids() == before
    for name in brokers:
        host = address(name)
        assert log_in(host, "shop", "new-broker-5ecret") and not log_in(host, "shop", "broker-pa55word")
        assert log_in(host, "admin", "new-admin-5ecret") and not log_in(host, "admin", "admin-pa55word")
        assert seen[name] and [secret for secret in SECRETS if secret in "".join(seen[name])] == []


def test_a_stopped_broker_is_started_again_and_a_password_set_back(brokers, play, log_in, address):
    for host in brokers.values():
        service(host, "stop")
    NOW["rabbitmq_heartbeat"] = 31
    result = play("brokers", **NOW)
    assert result.code == 0, result.output
    assert all(log_in(address(name), "shop", "broker-pa55word") for name in brokers)


def test_everything_in_a_virtual_host_can_be_removed_again(brokers, tasks):
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
    exact = {"state": "exact", "scope": {"kinds": kinds, "vhosts": ["a/b c"], "names": "^(?!shop)"}}
    for predicted, removed, again in tasks(exact, exact, exact, check=[0]).values():
        assert predicted["changes"] == removed["changes"]
        assert {change["kind"] for change in removed["changes"]} == set(kinds) - {"bindings"}
        assert again["changes"] == []


def test_a_restart_that_was_missed_is_made_good(brokers, play, pids):
    # As when a run was interrupted between writing and restarting: the broker was started with something else.
    for host in brokers.values():
        host.check_output(FORGET)
        service(host, "restart")
    before = pids()
    result = play("brokers", **NOW)
    assert result.code == 0, result.output
    after = pids()
    assert all(after[name] != before[name] for name in brokers)


def test_neither_a_renewed_certificate_nor_a_forgotten_note_restarts_a_broker(brokers, play, pids, address, authority):
    before = pids()
    folder = pathlib.Path(authority).parent
    script = pathlib.Path(__file__).parent.parent / "files" / "certificates.sh"
    subprocess.run(["sh", script, folder, "renewed"], check=True)
    NOW["rabbitmq_tls_certificate_file"] = str(folder / "renewed.pem")
    NOW["rabbitmq_tls_key_file"] = str(folder / "renewed.key")
    for host in brokers.values():
        host.check_output(FORGET)
    result = play("brokers", **NOW)
    assert result.code == 0, result.output
    assert pids() == before, "it runs with the right configuration already"
    for name in brokers:
        assert ssl.get_server_certificate((address(name), 5671)) == (folder / "renewed.pem").read_text()


def test_another_stack_is_refused_and_with_leave_touches_only_its_own(brokers, play, pids, log_in, address):
    def configuration() -> list[str]:
        files = "cat /etc/rabbitmq/*.conf /etc/rabbitmq/enabled_plugins | sha256sum"
        return [host.check_output(files) for host in brokers.values()]

    before, files = pids(), configuration()
    other = {"taskstack_name": "other", "taskstack_broker_password": "other-pa55word", "rabbitmq_objects": {}}
    refused = play("brokers", **{**NOW, **other, "rabbitmq_heartbeat": 77})
    assert refused.failed == set(brokers) and refused.changes == dict.fromkeys(brokers, 0), refused.output
    assert refused.text.count("taskstack_share_host=true") >= 2 and refused.text.count("set up by stack shop") >= 2
    shared = play("brokers", **{**NOW, **other, "rabbitmq_heartbeat": 77, "taskstack_share_host": True})
    assert (shared.code, shared.changes) == (0, dict.fromkeys(brokers, 1)), shared.output
    for name in brokers:
        assert log_in(address(name), "other", "other-pa55word") and log_in(address(name), "shop", "broker-pa55word")
    assert configuration() == files
    queue = {"queues": [{"name": "later", "vhost": "shop"}]}
    again = play("brokers", "--diff", **{**NOW, "rabbitmq_objects": queue})
    assert (again.code, again.changes) == (0, dict.fromkeys(brokers, 1)), again.output
    assert pids() == before, "the first stack goes on as before, and a new queue restarts nothing"


def test_a_setting_that_needs_it_restarts_the_broker_and_check_mode_does_not(brokers, play, pids):
    before = pids()
    # Back to what the inventory says, if all tests ran.
    other = 31 if NOW.get("rabbitmq_heartbeat", 30) == 30 else 30
    predicted = play("brokers", "--check", rabbitmq_heartbeat=other)
    assert predicted.code == 0 and all(predicted.changes.values()) and pids() == before, predicted.output
    result = play("brokers", rabbitmq_heartbeat=other)
    assert result.code == 0, result.output
    after = pids()
    for name, host in brokers.items():
        assert after[name] != before[name]
        assert f"{{ok,{other}}}" in host.check_output(HEARTBEAT)


REFUSED = [
    ({"management_password": "wrong"}, "Check the password"),
    ({"management_user": "shop-monitor", "management_password": "monitor-pa55word"}, "the tag administrator"),
    ({"management_url": "http://127.0.0.1:9"}, "Is RabbitMQ running"),
    ({"management_url": "https://127.0.0.1:15671"}, "certificate authority"),
    ({"management_url": "https://127.0.0.1:15671", "ca_file": "/nowhere"}, "must be readable PEM"),
    (
        {"policies": [{"name": "p", "pattern": "^", "definition": {"max-length": "ten"}}]},
        "max-length must be an integer",
    ),
    ({"policies": [{"name": "p", "pattern": "^", "definition": {"nonsense": 1}}]}, "not recognised policy settings"),
    ({"queues": [{"name": "in", "vhost": "a/b c", "arguments": {"x-max-length": 3}}]}, "which cannot be altered"),
]


@pytest.fixture(scope="module")
def answers(tasks):
    """What the module said to all of them, and to a broker that it verifies against the given authority."""
    trusted = {"management_url": "https://localhost:15671", "ca_file": "/etc/rabbitmq/tls/ca.pem"}
    return tasks(*(options for options, _sentence in REFUSED), trusted)


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=[sentence for _options, sentence in REFUSED])
def test_what_the_module_refuses_it_refuses_in_a_sentence(brokers, answers, number):
    for name in brokers:
        said = answers[name][number]["msg"]
        assert REFUSED[number][1] in said and "Traceback" not in said


def test_the_module_verifies_the_broker_against_the_given_authority(brokers, answers):
    assert [answers[name][-1]["changed"] for name in brokers] == [False, False]

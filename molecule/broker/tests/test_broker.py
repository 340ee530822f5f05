"""The running broker is asked, not the files."""

from __future__ import annotations

import json
import ssl

import pytest

testinfra_hosts = ["docker://ts-broker-bookworm", "docker://ts-broker-trixie"]


def evaluate(host, expression: str) -> str:
    """An Erlang expression inside the broker."""
    return host.check_output(f"rabbitmqctl --quiet eval '{expression}'").strip()


def api(
    host, path: str, user: str = "admin", password: str = "admin-pa55word", method: str = "GET", body: str = ""
) -> tuple:
    """Status and answer of the management API."""
    login = f"'Basic ' + base64.b64encode(b'{user}:{password}').decode()"
    script = (
        "import http.client, base64, json; c = http.client.HTTPConnection('127.0.0.1', 15672);"
        f"c.request('{method}', '/api/{path}', {body!r} or None, {{'Authorization': {login}}});"
        "r = c.getresponse(); d = r.read().decode(); print(json.dumps([r.status, json.loads(d) if d else None]))"
    )
    return tuple(json.loads(host.check_output("python3 -c %s", script)))


def test_the_broker_uses_the_given_settings(host):
    # One question: each start of rabbitmqctl takes a second.
    keys = ("consumer_timeout", "heartbeat", "channel_max", "vm_memory_high_watermark")
    told = ", ".join(f"application:get_env(rabbit, {key})" for key in keys)
    answer = evaluate(host, f"[{told}, rabbit_disk_monitor:get_disk_free_limit(), node()].")
    assert "".join(answer.split()) == "[{ok,7200000},{ok,30},{ok,512},{ok,0.4},200000000,rabbit@localhost]"


def test_the_broker_rotates_its_log(host):
    handlers = evaluate(host, "[maps:get(config, H) || H <- logger:get_handler_config()].")
    assert "max_no_bytes => 2000000" in handlers and "max_no_files => 3" in handlers


def test_the_broker_may_open_the_given_number_of_files(host):
    # In its own words: the operating system's limit as the broker's process sees it.
    assert "9000" in evaluate(host, 'os:cmd("ulimit -n").')


def test_exactly_the_given_plugins_are_enabled(host):
    enabled = host.check_output("rabbitmq-plugins --quiet list -E --minimal").split()
    assert enabled == ["rabbitmq_management", "rabbitmq_shovel"]


def test_nothing_but_amqp_and_encrypted_management_listens_beyond_loopback(host):
    rows = [line.split()[3] for line in host.check_output("ss -H -l -t -n").splitlines()]
    beyond = {row.rpartition(":")[2] for row in rows if not row.startswith(("127.", "[::1]"))}
    assert beyond == {"5672", "5671"}
    assert {"127.0.0.1:15672", "127.0.0.1:15671", "127.0.0.1:25672"} <= set(rows)


def test_the_application_and_the_administrator_can_log_in(host, log_in, address):
    broker = address(host.backend.name)
    assert log_in(broker, "shop", "broker-pa55word")
    assert log_in(broker, "admin", "admin-pa55word")
    assert not log_in(broker, "shop", "wrong")


def test_guest_cannot_log_in_from_elsewhere(host, log_in, address):
    assert not log_in(address(host.backend.name), "guest", "guest")


def test_guest_is_local_or_absent_as_asked_for(host):
    status, _answer = api(host, "whoami", "guest", "guest")
    assert status == (200 if "bookworm" in host.backend.name else 401)


def test_a_tls_connection_is_verified_against_the_given_authority(host, log_in, address, authority):
    broker = address(host.backend.name)
    assert log_in(broker, "shop", "broker-pa55word", 5671, ssl.create_default_context(cafile=authority))
    with pytest.raises(ssl.SSLCertVerificationError):
        log_in(broker, "shop", "broker-pa55word", 5671, ssl.create_default_context())


def test_the_monitoring_user_may_do_what_status_needs_and_no_more(host):
    login = ("shop-monitor", "monitor-pa55word")
    assert api(host, "queues/shop", *login)[0] == 200
    assert api(host, "queues/shop/taskstack.inspect.x", *login, "PUT", '{"durable": true}')[0] in (201, 204)
    assert (
        api(
            host,
            "queues/shop/taskstack.inspect.x/get",
            *login,
            "POST",
            '{"count":1,"ackmode":"ack_requeue_false","encoding":"auto"}',
        )[0]
        == 200
    )
    assert api(host, "queues/shop/taskstack.inspect.x", *login, "DELETE")[0] == 204
    assert api(host, "queues/shop/celery", *login, "PUT", '{"durable": true}')[0] in (401, 403)
    assert api(host, "queues/a%2Fb%20c", *login)[0] in (401, 403)
    assert api(host, "definitions", *login)[0] in (401, 403)


def test_the_application_may_purge_its_queues_over_http_and_nothing_outside_its_virtual_host(host):
    login = ("shop", "broker-pa55word")
    assert api(host, "queues/shop/purged", *login, "PUT", '{"durable": true}')[0] in (201, 204)
    assert api(host, "queues/shop/purged/contents", *login, "DELETE")[0] == 204
    assert api(host, "queues/shop/purged", *login, "DELETE")[0] == 204
    assert api(host, "queues/a%2Fb%20c", *login)[0] in (401, 403)
    assert api(host, "definitions", *login)[0] in (401, 403)


def test_no_secret_is_in_a_file_that_everybody_can_read(host):
    found = host.run(
        "find /etc /var /usr/local /opt /run /tmp /root -xdev -type f -perm -004 -size -20M -print0"
        " | xargs -0 grep -l -E '(broker|monitor|admin)-pa55word'"
    )
    assert found.stdout == ""


def test_the_broker_does_not_run_as_root(host):
    assert {process.user for process in host.process.filter(comm="beam.smp")} == {"rabbitmq"}

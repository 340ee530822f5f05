"""Hosts leave for good while the others work. Last of all: nothing brings them back."""

from __future__ import annotations

import typing as t

import pytest
from clusterlab.hosts import BROKERS, WORKERS, nodes, on, queues, until
from clusterlab.plays import SAID, play

pytestmark = pytest.mark.last(2)
LEAVING = [BROKERS[2], WORKERS[1]]
STACK = r"\( -name '*taskstack*' -o -name 'celery-count*' -o -path '/opt/count*' -o -path '*/system/count*' \)"
BROKER = r"\( -path '/etc/rabbitmq*' -o -path '/var/lib/rabbitmq*' -o -path '/var/log/rabbitmq*' \)"
ELSEWHERE = "-not -path '/proc/*' -not -path '/var/cache/*' -not -path '/var/lib/dpkg/*' -not -path '/etc/apt/*'"
MESSAGES = """
import base64, json, urllib.request
login = "Basic " + base64.b64encode(b"{}:{}").decode()
page = "http://127.0.0.1:15672/api/queues/count/stranded"
answer = urllib.request.urlopen(urllib.request.Request(page, headers=dict(Authorization=login)), timeout=9)
print(json.load(answer).get("messages", 0))
"""


def test_a_broker_and_a_worker_host_leave_and_the_others_go_on(costs_no_task: t.Any) -> None:
    limit = ["remove.yml", "--limit", ",".join(LEAVING)]
    # Only this node has the message of a classic queue.
    on(WORKERS[0], "celery-count", "--run", "python", "-m", "countapp", "strand", LEAVING[0], "stranded")
    # The playbook asks the management API, which hears of a message seconds later.
    login = SAID.get("taskstack_broker_user", "count"), SAID.get("taskstack_broker_password", "broker-pa55word")
    counted = ["python3", "-c", MESSAGES.format(*login)]
    until("it is counted", lambda: on(LEAVING[0], *counted).strip() == "1", 120)
    refused = play(*limit, code=2)
    assert "1 tasks wait in the queues of stack count" in refused.text and "Nothing was removed" in refused.text
    predicted, done = play(*limit, "--check", remove_queued_tasks=True, remove_records=True), list[t.Any]()
    assert len(nodes(BROKERS[0])) == 3

    costs_no_task(lambda: done.append(play(*limit, remove_queued_tasks=True, remove_records=True)))
    assert done[0].changed == predicted.changed
    assert nodes(BROKERS[0], "list_members") == [f"rabbit@{host}" for host in BROKERS[:2]]
    for host, what in [(LEAVING[0], STACK), (LEAVING[0], BROKER), (LEAVING[1], STACK)]:
        assert on(host, "sh", "-c", f"find / -xdev {what} {ELSEWHERE} 2>/dev/null", check=False) == ""
    # What the stack has beside them stays; its queues have no copy more on the one that left.
    left = queues()
    assert {"celery", "batch"} <= left.keys() and len(left["celery"]["members"]) == 2

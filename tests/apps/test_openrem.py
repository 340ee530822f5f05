"""OpenREM, the package from PyPI on Python 2.7 and Celery 4.2, deployed by inventories/openrem."""

import json
import re

import pytest

EXPORT = "remapp.exports.ct_export.ctxlsx"
# What OpenREM's Tasks page does, in Python 3: method, address, and login.
ASK = """python3 - <<'END'
import base64, urllib.error, urllib.request
request = urllib.request.Request("{url}", method="{method}")
if "{login}":
    request.add_header("Authorization", "Basic " + base64.b64encode(b"{login}").decode())
try:
    with urllib.request.urlopen(request, timeout=10) as answer:
        print(answer.status, answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code, "")
except urllib.error.URLError as error:
    print(0, error)
END"""


def ask(stack, url, login="", method="GET"):
    status, _, body = stack.sh(ASK.format(url=url, login=login, method=method)).partition(" ")
    return int(status), body


def test_worker_beat_and_flower_run_under_supervisord(stack):
    assert stack.programs() == {"openrem-default": "RUNNING", "openrem-beat": "RUNNING", "openrem-flower": "RUNNING"}


def test_status_names_the_tasks_that_are_missing_without_the_dicom_package(stack):
    status = stack.status()
    kinds = {finding["kind"]: finding["problem"] for finding in status["findings"]}
    # Beat sends one of them every minute: each is refused.
    assert kinds.keys() - {"tasks_refused", "schedule_refused", "settings_outdated"} == {
        "worker_lacks_tasks",
        "schedule_unknown_task",
    }
    assert "remapp.netdicom.keepalive.keep_alive, which no worker knows" in kinds["schedule_unknown_task"]
    problem = kinds["worker_lacks_tasks"]
    assert "default@openrem1.example.org" in problem
    # All that the inventory expects of this package, and nothing else, is there.
    lacking = set(re.findall(r"remapp\.[\w.]+\w", problem))
    assert "remapp.netdicom.keepalive.keep_alive" in lacking
    assert {name.split(".")[1] for name in lacking} == {"netdicom", "tools"}
    (worker,) = status["workers"]
    assert worker["state"] == "up"
    assert (worker["celery"], worker["python"].rpartition(".")[0]) == ("4.2.2", "2.7")
    assert EXPORT in worker["registered"]


def test_what_its_tasks_page_asks_is_answered(stack):
    status, queues = ask(stack, "http://localhost:15672/api/queues", "guest:guest")
    assert status == 200
    assert "default" in [queue["name"] for queue in json.loads(queues)]
    assert ask(stack, "http://localhost:5555/api/tasks")[0] == 200
    assert ask(stack, "http://localhost:15672/api/queues/%2f/default/contents", "guest:guest", "DELETE")[0] == 204


@pytest.mark.parametrize("port", [5555, 15672])
def test_nobody_else_may_ask(stack, port):
    address = stack.sh("hostname -I").split()[0]
    assert ask(stack, f"http://{address}:{port}/", "guest:guest")[0] == 0


def exports(stack):
    """How many exports OpenREM knows of."""
    rows = "sqlite3.connect('/var/openrem/openrem.db').execute('SELECT count(*) FROM remapp_exports').fetchone()"
    return int(stack.sh(f'python3 -c "import sqlite3; print(*{rows})"'))


SEND = f"celery-openrem call {EXPORT} --args '[{{}}, false, null, null, null]'"
# The database is locked, so the export cannot end before its worker is killed.
SEND_AND_KILL = f"""
python3 - <<'END' &
import sqlite3, time
connection = sqlite3.connect("/var/openrem/openrem.db", isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
time.sleep(60)
END
sleep 1
{SEND}
timeout 30 sh -c 'until grep -qas {EXPORT} /var/lib/taskstack/openrem/recorder/open/*; do sleep 0.1; done'
pid=$(supervisorctl pid openrem-default)
kill -KILL $pid $(pgrep -P $pid)
kill %1
"""


def test_its_own_export_runs(stack):
    stack.sh(SEND)
    stack.wait_until(lambda: exports(stack) == 1, "A row in the table of exports")


def test_an_export_that_was_killed_is_sent_again_and_runs(stack):
    stack.sh(SEND_AND_KILL)
    stack.wait_until(lambda: stack.programs()["openrem-default"] == "RUNNING", "The supervisor to start it again")
    assert exports(stack) == 1
    stack.wait_until(stack.resubmitted, "The export to be sent again")
    stack.wait_until(lambda: exports(stack) == 2, "A second row in the table of exports")
    assert stack.resubmitted() == []


def test_the_web_pages_send_tasks_with_their_own_login_once_they_were_restarted(stack):
    assert "settings_outdated" in stack.problems()
    stack.restart_web_pages()
    assert stack.web() == 200 and "settings_outdated" not in stack.problems()


def test_beat_sends_the_task_of_the_inventory_beside_the_application_s_own(stack):
    stack.wait_until(lambda: (stack.entry() or {}).get("state") == "succeeded", "The task of the inventory to run")
    entries = {row["entry"] for row in stack.status()["schedule"]}
    assert entries > {"of the inventory"}, entries


def test_stopping_leaves_no_process_behind(stack):
    assert any("openremproject" in line for line in stack.processes("www-data"))
    stack.stop()
    assert stack.processes("www-data") == []


def test_removing_it_leaves_the_host_as_it_was(stack):
    stack.play("remove.yml", "-e", "remove_queued_tasks=true remove_records=true")
    assert stack.differences() == []

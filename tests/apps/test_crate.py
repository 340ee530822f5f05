"""CRATE, the package from PyPI, deployed by inventories/crate."""

import json
import pathlib
import re
import subprocess

import yaml

# As CRATE's users have it: the virtualenv is activated and the settings are named.
CRATE = (
    "runuser -u www-data -- env PATH=/opt/crate/venv/bin:/usr/bin:/bin"
    " CRATE_WEB_LOCAL_SETTINGS=/opt/crate/site/settings.py"
)
PROCESS = "crate_anon.crateweb.consent.tasks.process_patient_response"
PAGE = pathlib.Path("docs/crate.md").read_text()
QUEUE_ALL = "crate_anon.crateweb.consent.tasks.resubmit_unprocessed_tasks_task"
RESUBMIT = ["/opt/crate/venv/bin/crate_django_manage", "resubmit_unprocessed_tasks"]


def example():
    """What the module's own documentation has for CRATE."""
    name = "taskstack.celery.resubmit"
    shown = subprocess.run(["ansible-doc", "-j", name], capture_output=True, text=True, check=True).stdout
    tasks = [task[name] for task in yaml.safe_load(json.loads(shown)[name]["examples"])]
    (found,) = [task for task in tasks if task and task.get("command") == RESUBMIT]
    return found


def look(stack, *options):
    """What the page's command says."""
    wish = re.search(r"playbooks/resubmit\.yml \\\n +-e '(.*)'\n", PAGE)[1]
    return stack.play("resubmit.yml", "-e", wish, *options)


def rows(stack, verb):
    return int(stack.sh(f"{CRATE} python - {verb} 2>/dev/null < /root/apps/crate/rows.py").split("unprocessed:")[1])


def recorded(stack, task):
    return [entry for entry in stack.status()["tasks"] if entry["name"] == task]


def test_worker_beat_and_flower_run_under_supervisord(stack):
    assert stack.programs() == {"crate-consent": "RUNNING", "crate-beat": "RUNNING", "crate-flower": "RUNNING"}


def test_status_calls_it_healthy_and_every_expected_task_is_registered(stack):
    status = stack.status()
    assert status.get("problems") == [], status
    assert status["healthy"]
    (worker,) = status["workers"]
    assert worker["state"] == "up"
    assert (worker["celery"], worker["python"].rpartition(".")[0]) == ("5.2.7", "3.11")
    assert PROCESS in worker["registered"]


def test_its_own_health_check_sees_the_same_worker(stack):
    assert "consent@crate1.example.org" in stack.sh(f"{CRATE} crate_celery_status 2>&1")


def test_the_web_pages_were_restarted_by_the_deployment(stack):
    assert stack.web() == 200


def test_beat_sends_the_task_of_the_inventory_to_an_application_without_a_schedule(stack):
    stack.wait_until(lambda: (stack.entry() or {}).get("state") == "succeeded", "The task of the inventory to run")


def test_its_own_task_finishes(stack):
    send = "from crate_anon.crateweb.consent.tasks import test_email_rdbm_task as task; task.delay()"
    count = "from crate_anon.crateweb.consent.models import Email; print(Email.objects.count())"
    stack.sh(f"{CRATE} python -c '{send}' 2>/dev/null")
    asked = f"{CRATE} crate_django_manage shell -c '{count}' 2>/dev/null"
    stack.wait_until(lambda: stack.sh(asked).split()[-1] == "1", "The mail to the research database manager")


def test_resubmit_asked_twice_at_once_processes_eight_rows_exactly_once(stack):
    stack.sh("supervisorctl stop crate-beat")
    assert rows(stack, "make") == 8
    # A worker that is busy for long: it is there, answers, and takes nothing.
    stack.sh("celery-crate control cancel_consumer celery")
    # Check mode tells that it would run and what it would touch, and queues nothing.
    assert re.search(r"^0 found, .* 0 skipped .*$", PAGE, re.MULTILINE)[0] in look(stack, "--check")
    both = [stack.start("resubmit", **example()) for _ in range(2)]
    results = [stack.result(process) for process in both]
    assert sorted(result["changed"] for result in results) == [False, True], results
    assert re.search(r"^0 found, .* skipped: .*$", PAGE, re.MULTILINE)[0] in look(stack, "--check")
    stack.sh("celery-crate control add_consumer celery")
    stack.wait_until(lambda: rows(stack, "count") == 0, "All rows processed")
    assert len(recorded(stack, QUEUE_ALL)) == 1
    assert len(recorded(stack, PROCESS)) == 8


def test_a_row_that_waits_for_its_answer_keeps_the_command_from_running(stack):
    assert rows(stack, "wait") == 1
    refusal = re.search(r"`(1 PatientResponse without .*?)`", PAGE)[1]
    for options in (["--check"], []):
        assert refusal in look(stack, *options)
    assert len(recorded(stack, QUEUE_ALL)) <= 1
    assert rows(stack, "count") == 1
    assert rows(stack, "drop") == 0


def test_its_own_health_check_calls_it_well_without_a_worker_and_status_does_not(stack):
    stack.sh("supervisorctl stop crate-consent")
    stack.sh(f"{CRATE} crate_celery_status 2>&1")
    status = stack.status()
    assert [worker["state"] for worker in status["workers"]] == ["missing"] and not status["healthy"]
    stack.sh("supervisorctl start crate-consent")


def test_stopping_leaves_no_process_behind(stack):
    assert any("crate_anon.crateweb.consent" in line for line in stack.processes("www-data"))
    stack.stop()
    assert stack.processes("www-data") == []


def test_removing_it_leaves_the_host_as_it_was(stack):
    stack.play("remove.yml", "-e", "remove_queued_tasks=true remove_records=true")
    assert stack.differences() == []

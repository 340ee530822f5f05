"""Arches, the package from PyPI with PostgreSQL and PostGIS, deployed by inventories/arches."""

import subprocess

MANAGE = "cd /opt/arches/heritage && runuser -u www-data -- /opt/arches/venv/bin/python manage.py shell -v 0 -c"
# As its page has it.
AVAILABLE = ["tools/page-commands", "docs/arches.md#Is it working?"]


def say(stack, code):
    return stack.sh(f'{MANAGE} "{code}" 2>/dev/null').split()


def available(stack):
    """What Arches' own health check says."""
    return stack.sh(subprocess.run(AVAILABLE, capture_output=True, text=True, check=True).stdout).split()[-1]


def test_worker_beat_and_flower_run_under_supervisord(stack):
    assert stack.programs() == {"arches-project": "RUNNING", "arches-beat": "RUNNING", "arches-flower": "RUNNING"}


def test_status_has_nothing_but_the_web_pages_to_restart_and_every_expected_task_is_registered(stack):
    status = stack.status()
    assert {finding["kind"] for finding in status["findings"]} <= {"settings_outdated"}, status
    (worker,) = status["workers"]
    assert (worker["celery"].rpartition(".")[0], worker["python"].rpartition(".")[0]) == ("5.5", "3.11")
    assert "arches.app.tasks.import_business_data" in worker["registered"]


def test_its_own_health_check_agrees(stack):
    assert available(stack) == "True"


def test_its_own_tasks_finish_with_a_result_in_its_database(stack):
    first, second = say(
        stack, "from arches.app.tasks import *; print(message.delay('hello').id, delete_file.delay().id)"
    )[-2:]
    done = f"status = 'SUCCESS' AND task_id IN ('{first}', '{second}')"
    query = f"SELECT count(*) FROM django_celery_results_taskresult WHERE {done}"
    count = f'runuser -u postgres -- psql -At heritage -c "{query}"'
    stack.wait_until(lambda: stack.sh(count).strip() == "2", "Two results in the database")


def test_its_own_health_check_agrees_when_the_worker_is_gone(stack):
    stack.sh("supervisorctl stop arches-project")
    assert available(stack) == "False"
    status = stack.status()
    assert [worker["state"] for worker in status["workers"]] == ["missing"]
    assert not status["healthy"]
    stack.sh("supervisorctl start arches-project")


def test_the_web_pages_send_tasks_once_they_were_restarted_as_the_page_says(stack):
    assert stack.web() == 500
    assert "settings_outdated" in stack.problems()
    stack.restart_web_pages()
    assert stack.web() == 200
    assert stack.status()["healthy"]


def test_beat_sends_the_task_of_the_inventory_beside_the_application_s_own(stack):
    stack.wait_until(lambda: (stack.entry() or {}).get("state") == "succeeded", "The task of the inventory to run")
    entries = {row["entry"] for row in stack.status()["schedule"]}
    assert entries > {"of the inventory"}, entries
    assert "notification" in entries


def test_stopping_leaves_no_process_behind(stack):
    assert stack.processes("www-data")
    stack.stop()
    assert stack.processes("www-data") == []


def test_removing_it_leaves_the_host_as_it_was(stack):
    stack.play("remove.yml", "-e", "remove_queued_tasks=true remove_records=true")
    assert stack.differences() == []

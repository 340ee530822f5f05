"""A stand-in with CATMAID's settings on Celery 4.4.7 and Python 3.9, deployed by inventories/catmaid."""

SEND = """cat > /tmp/send.py <<'END'
import os, sys
sys.path.insert(0, "/opt/catmaid/django/projects")
from mysite.tasks import Job, crop
print(crop.delay(Job({name!r}, {seconds})).id)
END
celery-catmaid --run python /tmp/send.py"""


def send(stack, name, seconds):
    return stack.sh(SEND.format(name=name, seconds=seconds)).split()[-1]


def done(stack, name):
    return stack.sh(f"ls /opt/catmaid/files/{name} 2>/dev/null || true").strip() != ""


def held(stack):
    return [task["id"] for task in stack.status()["tasks"] if task["state"] in ("active", "running")]


def test_worker_beat_and_flower_run_under_supervisord(stack):
    assert stack.programs() == {"catmaid-crop": "RUNNING", "catmaid-beat": "RUNNING", "catmaid-flower": "RUNNING"}


def test_status_has_nothing_but_the_web_pages_to_restart_in_a_stack_that_speaks_pickle_only(stack):
    status = stack.status()
    assert {finding["kind"] for finding in status["findings"]} <= {"settings_outdated"}, status
    (worker,) = status["workers"]
    assert (worker["node"], worker["state"]) == ("crop@catmaid1.example.org", "up")
    assert (worker["celery"], worker["python"].rpartition(".")[0]) == ("4.4.7", "3.9")
    assert status["broker"]["version"].startswith("3.8.")


def test_a_task_with_an_argument_that_only_pickle_can_carry_finishes(stack):
    send(stack, "first", 0)
    stack.wait_until(lambda: done(stack, "first"), "The first job's file")


def test_a_pickled_task_that_was_killed_is_sent_again_and_finishes(stack):
    sent = send(stack, "lost", 15)
    working = "supervisorctl pid catmaid-crop"
    # Begun, and so acknowledged: before that, the broker itself would deliver it again.
    stack.wait_until(lambda: sent in held(stack), "The job to begin", 20)
    stack.sh(f"pid=$({working}); kill -KILL $pid $(pgrep -P $pid)")
    stack.wait_until(lambda: stack.programs()["catmaid-crop"] == "RUNNING", "The supervisor to start the worker again")
    stack.wait_until(stack.resubmitted, "The job to be sent again")
    assert not done(stack, "lost")
    assert stack.resubmitted() == []
    # Its argument cannot go into an answer in JSON, and the worker says all the same what it has in hand.
    stack.wait_until(lambda: sent in held(stack), "The job to begin again", 10)
    guarded = stack.call("resubmit", command=["/bin/true"], command_tasks=["mysite.tasks.crop"])
    assert guarded == {"changed": False}, guarded
    stack.wait_until(lambda: done(stack, "lost"), "The job's file")


def test_the_web_pages_send_tasks_once_they_were_restarted_as_the_page_says(stack):
    assert stack.web() == 500
    assert "settings_outdated" in stack.problems()
    stack.restart_web_pages()
    assert stack.web() == 200
    assert "settings_outdated" not in stack.problems()


def test_beat_sends_the_task_of_the_inventory_beside_the_application_s_own(stack):
    stack.wait_until(lambda: (stack.entry() or {}).get("state") == "succeeded", "The task of the inventory to run")
    entries = {row["entry"] for row in stack.status()["schedule"]}
    assert entries > {"of the inventory"}, entries
    assert "clean-up" in entries


def test_stopping_leaves_no_process_behind(stack):
    assert any("mysite" in line for line in stack.processes("www-data"))
    stack.stop()
    assert stack.processes("www-data") == []


def test_removing_it_leaves_the_host_as_it_was_and_what_its_tasks_wrote(stack):
    stack.play("remove.yml", "-e", "remove_queued_tasks=true remove_records=true")
    assert [line.split()[-1] for line in stack.differences()] == ["/opt/catmaid/files/first", "/opt/catmaid/files/lost"]

"""What was saved of a working stack can be restored: workers, Flower and a waiting client were connected."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

testinfra_hosts = ["docker://ts-systemd-stack"]
ADD = "from sample_app.tasks import add; print(add.delay(2, 3).get(timeout=180))"


def export(host: t.Any) -> dict[str, t.Any]:
    """All that the broker exports, as the first edition saved it."""
    found: dict[str, t.Any] = json.loads(host.check_output("LC_ALL=C.UTF-8 rabbitmqctl --quiet export_definitions -"))
    return found


def restore(stack: t.Any, directory: pathlib.Path, *options: str) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = stack.play(
        *options, playbook="playbooks/restore.yml", backup_directory=str(directory)
    )
    return done


def test_tasks_run_again_after_the_vhost_was_deleted_and_restored(stack: t.Any, tmp_path: pathlib.Path) -> None:
    saved, old = tmp_path / "saved", tmp_path / "old"
    old.mkdir()
    assert stack.changed(playbook="playbooks/backup.yml", backup_directory=str(saved)) > 0
    (old / "definitions.json").write_text(json.dumps(export(stack.host)))
    assert "celery.pidbox" in (old / "definitions.json").read_text().partition('"queues"')[0]
    pids = stack.pids()
    for directory in (saved, old):
        stack.host.check_output("timeout 60 rabbitmqctl --quiet delete_vhost sample")
        if directory == old:
            predicted = restore(stack, directory, "--check")
            assert "queues that are missing or differ: celery, slow" in " ".join(predicted.stdout.split())
        done = restore(stack, directory)
        assert done.returncode == 0, done.stdout[-4000:]
        assert stack.python(ADD) == "5"
    assert " changed=0 " in restore(stack, old).stdout
    # Nobody had to restart them.
    assert {name: pid for name, pid in stack.pids().items() if name != "flower"} == {
        name: pid for name, pid in pids.items() if name != "flower"
    }


def test_a_refused_restore_ends_in_a_sentence(stack: t.Any, tmp_path: pathlib.Path) -> None:
    saved = export(stack.host)
    lost = {"user": "nobody-knows", "vhost": "nowhere", "configure": "", "write": "", "read": ""}
    saved["permissions"].append(lost)
    (tmp_path / "definitions.json").write_text(json.dumps(saved))
    done = restore(stack, tmp_path)
    said = " ".join(done.stdout.split())
    assert done.returncode != 0 and "The broker refused the definitions" in said, done.stdout[-4000:]
    assert stack.host.run("ls -A /var/lib/taskstack | grep restore").stdout == ""

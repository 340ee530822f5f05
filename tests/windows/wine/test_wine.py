"""What the role has written, started and stopped on a machine that Wine plays: real Windows Python, real Celery, real RabbitMQ."""

from __future__ import annotations


def test_the_role_brings_up_two_workers_beat_and_flower(windows):
    run = windows.stage.play()
    assert run.code == 0, run.failure() + windows.logs()
    pids = [windows.pid(process) for process in ("single", "threads", "beat", "flower")]
    assert len(set(pids)) == 4

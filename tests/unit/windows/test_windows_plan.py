"""Scheduled tasks of process definitions, without Ansible."""

from __future__ import annotations

import re

import pytest
from ansible_collections.taskstack.celery.plugins.plugin_utils._plan.windows import duration, logon, plan, stale
from hypothesis import given
from hypothesis import strategies as st

SETTINGS = {
    "name": "shop",
    "app": "shop",
    "venv": r"C:\venv",
    "root": r"C:\ProgramData\taskstack\shop",
    "account": "SYSTEM",
    "has_password": False,
    "interval": 900,
    "duration": 86400,
    "boot_delay": 30,
    "restart_times": ["05:55"],
    "log_bytes": 1,
    "log_keep": 1,
}


def definition(kind: str = "worker", name: str = "shop-mail", *words: str) -> dict:
    return {
        "name": name,
        "kind": kind,
        "argv": ["launcher", kind, *(words or ("--pool=solo",))],
        "directory": r"C:\shop",
        "environment": {},
        "log": "x.log",
        "stop_timeout": 60,
        "ready": None,
        "restart_on": [],
        "state": "started",
    }


@given(st.integers(1, 10**7))
def test_a_duration_reads_back_as_the_same_seconds(seconds):
    shape = r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?"
    days, hours, minutes, rest = re.fullmatch(shape, duration(seconds)).groups()
    assert ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(rest or 0) == seconds


def test_only_workers_are_restarted_at_fixed_times():
    worker, beat = plan([definition(), definition("beat", "shop-beat")], SETTINGS)
    assert [trigger["start_boundary"] for trigger in worker["restart_triggers"]] == ["2026-01-01T05:55:00"]
    assert beat["restart_triggers"] == []


def test_the_launcher_is_left_out_of_what_celery_gets():
    (process,) = plan([definition()], SETTINGS)
    assert process["configuration"]["argv"] == ["-A", "shop", "worker", "--pool=solo"]


def test_without_a_delay_the_boot_trigger_has_no_such_key():
    (process,) = plan([definition()], {**SETTINGS, "boot_delay": 0})
    assert process["triggers"][0] == {"type": "boot", "enabled": True}


def test_what_is_stale_is_of_the_same_kind_and_told_from_its_restart_task():
    host = ["shop-mail", "shop-mail restart", "shop-old", "shop-old restart", "shop-beat", "shop-flower"]
    assert stale(host, [definition()], "worker", SETTINGS) == ["shop-old"]
    assert stale(host, [], "beat", SETTINGS) == ["shop-beat"]
    assert stale(host, [definition("flower", "shop-flower")], "flower", SETTINGS) == []


@pytest.mark.parametrize(
    ("account", "kind"),
    [
        ("SYSTEM", "service_account"),
        (r"NT AUTHORITY\Network Service", "service_account"),
        ("CLINIC\\celery$", "password"),
        ("CLINIC\\celery", "password"),
    ],
)
def test_only_built_in_accounts_log_on_as_such(account, kind):
    assert logon(account) == kind

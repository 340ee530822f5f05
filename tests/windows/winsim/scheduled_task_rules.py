"""What win_scheduled_task's PowerShell refuses or silently ignores beyond its documentation.

Read from win_scheduled_task.ps1 of community.windows 3.1.0, whose legacy parser drops unknown options without a word.
"""

from __future__ import annotations

import re

COMMON = {"enabled", "end_boundary", "execution_time_limit", "start_boundary", "repetition"}
# Type of trigger: the keys it must have, and those it may have.
TRIGGERS: dict[str, tuple[set[str], set[str]]] = {
    "boot": (set(), {"delay"} | COMMON),
    "daily": ({"start_boundary"}, {"days_interval", "random_delay"} | COMMON),
    "time": ({"start_boundary"}, {"random_delay"} | COMMON),
}
BUILT_IN = {
    "system",
    "local service",
    "network service",
    r"nt authority\system",
    r"nt authority\local service",
    r"nt authority\network service",
}
DURATION = re.compile(
    r"P(?=.)(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?\Z",
)
BOUNDARY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\Z")
FORBIDDEN = re.compile(r'[\\/:*?"<>|]')


def seconds(text: object) -> int | None:
    """An XML duration; None when it is none."""
    match = DURATION.match(text) if isinstance(text, str) else None
    if not match:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def mistakes(task: dict) -> list[str]:
    """Everything wrong with the module's parameters."""
    found = []
    if FORBIDDEN.search(task["name"]):
        found.append(f"invalid task name {task['name']!r}")
    account, logon = (task.get("username") or "").lower(), task.get("logon_type")
    if logon == "token_or_password":
        found.append("token_or_password is documented, but the script wants interactive_token_or_password")
    if logon == "service_account" and account not in BUILT_IN:
        found.append(f"logon_type service_account is not for {account}")
    if logon == "s4u" and not task.get("password"):
        found.append("logon_type s4u needs a password")
    found += [f"action without a path: {action}" for action in task.get("actions") or [] if not action.get("path")]
    for trigger in task.get("triggers") or []:
        found += trigger_mistakes(trigger)
    if task.get("execution_time_limit") and seconds(task["execution_time_limit"]) is None:
        found.append(f"execution_time_limit {task['execution_time_limit']!r} is no duration")
    count = task.get("restart_count")
    if count is not None and not 1 <= count <= 255:
        found.append("restart_count is 1 to 255")
    if bool(count) != bool(task.get("restart_interval")):
        found.append("restart_count and restart_interval need each other")
    priority = task.get("priority")
    if priority is not None and not 0 <= priority <= 10:
        found.append("priority is 0 to 10")
    if task.get("state", "present") == "present" and not task.get("actions"):
        found.append("a task without actions cannot be created")
    return found


def trigger_mistakes(trigger: dict) -> list[str]:
    """What is wrong with one trigger."""
    needed, known = TRIGGERS[trigger["type"]]
    given = {key for key in trigger if key != "type"}
    found = [f"a trigger of type {trigger['type']} needs {key}" for key in sorted(needed - given)]
    found += [f"{key} is ignored by a trigger of type {trigger['type']}" for key in sorted(given - known - needed)]
    found += [f"{key} of a trigger is null, which is not the same as absent" for key in given if trigger[key] is None]
    for key in ("start_boundary", "end_boundary"):
        if key in given and not BOUNDARY.match(str(trigger[key])):
            found.append(f"{key} {trigger[key]!r} is not YYYY-MM-DDThh:mm:ss")
    for key in ("delay", "random_delay", "execution_time_limit"):
        if key in given and seconds(trigger[key]) is None:
            found.append(f"{key} {trigger[key]!r} is no duration")
    repetition = trigger.get("repetition")
    if repetition is not None:
        found += repetition_mistakes(repetition)
    return found


def repetition_mistakes(repetition: object) -> list[str]:
    """What is wrong with a trigger's repetition."""
    if not isinstance(repetition, dict):
        return ["repetition is a mapping"]
    interval, duration = seconds(repetition.get("interval")), seconds(repetition.get("duration"))
    if interval is None or not 60 <= interval <= 31 * 86400:
        return [f"repetition interval {repetition.get('interval')!r} is not 1 minute to 31 days"]
    if duration is not None and interval > duration:
        return ["repetition interval is longer than its duration"]
    return []

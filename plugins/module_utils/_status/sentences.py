# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentence of each kind of problem: what is wrong and what to do. Pure, and the last step: nothing reads them."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from .._errors import plain

Problem = t.Mapping[str, t.Any]


def sentence(problem: Problem) -> str:
    """The sentence for a problem of ``problems.problems``."""
    told = SENTENCES[problem["kind"]](problem)
    # Names of tasks, queues and workers come from whoever may publish.
    return plain(f"{problem['where']}: {told}" if problem.get("where") else told)


def command(problem: Problem, verb: str) -> str:
    """``On h1: supervisorctl restart shop-mail``, in the words of the host's supervisor."""
    host, program = problem.get("host") or problem["subject"], problem.get("program")
    name = (program or "").rpartition("-")[0]
    commands = {
        "supervisord": f"supervisorctl {verb} {program}",
        "systemd": f"systemctl {verb} {program}",
        "windows": rf"C:\ProgramData\taskstack\{name}\bin\celery-{program}.bat {verb}",
    }
    line = commands.get(problem.get("supervisor") or "") if program else None
    return f"On {host}: {line}" if line else f"{verb.capitalize()} it on {host}."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}(s)"


def _names(names: t.Iterable[str]) -> str:
    return ", ".join(names)


def _age(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 7200 else f"{seconds / 60:.0f} minutes"


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S}"


def _unseen(p: Problem) -> str:
    what = {
        "broker": f"the broker{' on ' + p['expected'] if p['expected'] else ''}",
        "workers": "the workers",
        "queues": "the queues",
        "tasks": f"the recorded tasks of {p['expected']}",
        "flower": "Flower",
        "beat": f"beat, which should run on {p['expected']}",
    }[p["area"]]
    return f"No host that was asked could look at {what}: unknown. Ask all hosts of the stack, without --limit."


def _broker_member_down(p: Problem) -> str:
    return (
        f"RabbitMQ on {p['subject']} does not answer there: the cluster runs on {p['up']} of "
        f"{p['total']} nodes. Start rabbitmq-server on {p['subject']}, or see its log below /var/log/rabbitmq."
    )


def _worker_missing(p: Problem) -> str:
    node, process = p["subject"], p["process"]
    waiting = [f"{_counted(count, 'task')} in queue {queue}" for queue, count in p["waiting"].items()]
    wait = f" Nobody else consumes: {_names(waiting)}." if waiting else ""
    if process:
        return (
            f"Worker {node} runs (pid {process['pid']}) and is not connected to the broker: it is cut off or hangs. "
            f"See its log. {command(p, 'restart')}{wait}"
        )
    return f"Worker {node} is in the inventory but not connected to the broker. {command(p, 'start')}{wait}"


def _worker_silent(p: Problem) -> str:
    if p["solo"]:
        return (
            f"Worker {p['subject']} is connected but has not answered within {p['deadline']:g} s, and its "
            f"recorder knows of no task that would keep a solo worker from it. It hangs. {command(p, 'restart')}"
        )
    return (
        f"Worker {p['subject']} is connected but has not answered within {p['deadline']:g} s. It hangs, is "
        "cut off, or is being stopped and finishes its tasks; those are unknown until it answers. "
        f"{command(p, 'restart')}"
    )


def _worker_unexpected(p: Problem) -> str:
    process = f" (pid {p['process']['pid']})" if p["process"] else ""
    queues = f" and consumes {_names(p['queues'])}" if p["queues"] else ""
    return (
        f"Worker {p['subject']}{process} runs{queues}, but the inventory has no such worker there: it may run old "
        f"code. Stop it on {p['host']}, or put it back into the inventory and run site.yml."
    )


def _queue_unconsumed(p: Problem) -> str:
    begin = f"{_counted(p['waiting'], 'task')} wait in queue {p['subject']} and"
    if p["stopped"]:
        stopped = _names(p["stopped"])
        return f"{begin} its worker {stopped} is stopped on purpose (state: stopped). Start it with site.yml."
    return f"{begin} no worker consumes it. Give a worker this queue, or purge it."


def _queue_held(p: Problem) -> str:
    held = _names(f"{node} {count}" for node, count in p["workers"].items())
    return (
        f"{_counted(p['waiting'], 'task')} wait in queue {p['subject']}: its workers hold as many scheduled tasks as "
        f"they fetch ahead ({held}) and take nothing else until the first of those is due ({p['due']}). A restart does "
        "not help. A worker that loads taskstack_prefetch is not held: run site.yml, or raise its prefetch_multiplier."
    )


def _queue_stuck(p: Problem) -> str:
    return (
        f"{_counted(p['waiting'], 'task')} wait in queue {p['subject']}, and its workers ({_names(p['workers'])}) run "
        "nothing and take nothing: they are stuck. Restart them."
    )


def _tasks_unrecorded(p: Problem) -> str:
    return (
        f"Worker {p['node']} took {_counted(p['count'], 'task')} without recording them ({p['reason']}) "
        f"between {_time(p['first'])} and {_time(p['last'])} UTC: if it was killed then, they are lost. "
        f"Check the disk and the owner of {p['directory']}."
    )


def _beats_doubled(p: Problem) -> str:
    pids = _names(map(str, p["pids"]))
    should = f"the one on {p['expected']}" if p["expected"] else "none: the inventory has no beat"
    return (
        f"{len(p['pids'])} beats run on {p['subject'].replace(', ', ' and ')} (pids {pids}): scheduled tasks "
        f"are sent {len(p['pids'])} times. Keep {should}."
    )


def _beat_unexpected(p: Problem) -> str:
    expected = p["expected"]
    where = f"on {expected}" if expected else "nowhere"
    twice = ": scheduled tasks are sent twice as soon as that one runs" if expected else ""
    return (
        f"A beat runs on {p['subject']} (pid {p['pids'][0]}), but the inventory has it {where}{twice}. Stop it there."
    )


def _schedule_ended(how: str) -> t.Callable[[Problem], str]:
    return lambda p: (
        f"The scheduled task {p['subject']} ({p['task']}) {how} when it last ended, at {_time(p['when'] or 0)} UTC. "
        "See the log of its worker."
    )


def _celery_versions(p: Problem) -> str:
    listed = _names(f"{node} {version}" for node, version in p["versions"].items())
    return f"Workers run different major versions of Celery ({listed}). Install the same one everywhere."


_SAFE = "tasks that are taken now would be lost with their worker"
SENTENCES: dict[str, t.Callable[[Problem], str]] = {
    "no_host": lambda _: "No host was asked. Is the inventory empty?",
    "host_unasked": lambda p: f"{p['subject']} could not be asked: {p['reason']}",
    "unseen": _unseen,
    "broker_unreachable": lambda p: str(p["detail"]),
    "broker_alarm": lambda p: (
        f"Broker alarm: {p['subject']}. It accepts no messages until that is over: free the memory or the disk."
    ),
    "broker_member_down": _broker_member_down,
    "broker_statistics_off": lambda _: (
        "The broker's statistics are off (management.disable_stats): consumers of queues are known from the workers "
        "only. Switch them on in rabbitmq.conf."
    ),
    "celery_down": lambda _: (
        "Celery is down: the broker runs and no worker is connected to it. No task is being worked on."
    ),
    "worker_missing": _worker_missing,
    "worker_silent": _worker_silent,
    "worker_overdue": lambda p: (
        f"Worker {p['subject']} has not answered for {_age(p['age'])}, the whole of its task: longer than its time "
        f"limit or an hour. It probably hangs: see its log. {command(p, 'restart')}"
    ),
    "worker_frozen": lambda p: (
        f"Worker {p['subject']} is frozen: its process {p['process']['pid']} is stopped (state T), and does nothing "
        f"until somebody lets it go on. On {p['host']}: kill -CONT {p['process']['pid']}"
    ),
    "pool_frozen": lambda p: (
        f"{p['process']['frozen_children']} of the {p['process']['children']} pool processes of worker "
        f"{p['subject']} are frozen (state T): what they hold does not go on. On {p['host']}: "
        f"pkill -CONT -P {p['process']['pid']}"
    ),
    "worker_unexpected": _worker_unexpected,
    "worker_lacks_tasks": lambda p: (
        f"Worker {p['subject']} does not know {_names(p['tasks'])} and throws such tasks away. An import failed "
        "when it started, or it runs old code: see its log, then restart it."
    ),
    "some_worker_lacks_tasks": lambda p: (
        f"At least one worker does not know {_names(p['tasks'])} and throws such tasks away. Which one cannot be "
        "told, since it answers in a serializer that is not decoded: see the workers' logs for a failed import."
    ),
    "queue_cancelled": lambda p: (
        f"Worker {p['subject']} does not consume {_names(p['queues'])}, which the inventory gives it: somebody "
        f"cancelled it, or it runs with old options. {command(p, 'restart')}"
    ),
    "queue_unconsumed": _queue_unconsumed,
    "queue_unavailable": lambda p: f"Queue {p['subject']} is {p['state']} on the broker: look at the cluster's nodes.",
    "queue_degraded": lambda p: (
        f"Queue {p['subject']} lacks its copy on {_names(p['offline'])}: start that node of the broker."
    ),
    "queue_held_by_schedule": _queue_held,
    "queue_stuck": _queue_stuck,
    "tasks_refused": lambda p: (
        f"Worker {p['subject']} refused {_counted(p['count'], 'task')} {p['task']}, the last at {_time(p['last'])} "
        "UTC: it does not know it, or not its serializer. Fix that, restart it, then resubmit with states: [refused]."
    ),
    "settings_outdated": lambda p: (
        f"{_names(sorted({one['name'] for one in p['processes']}))} on {p['subject']} (process "
        f"{_names(str(one['pid']) for one in p['processes'])}) started before {p['settings_file']} changed and uses "
        "the old settings: tasks that it sends may not arrive. Restart it, or add its service to "
        "application_web_services."
    ),
    "recorder_unreadable": lambda p: (
        f"The recorder's directory {p['directory']} cannot be read ({p['reason']}): no taken task is safe. "
        "Have the workers been restarted since the recorder was switched on?"
    ),
    "recorder_read_only": lambda p: (
        f"The recorder's directory {p['directory']} is read-only: {_SAFE}. Remount it writable."
    ),
    "recorder_full": lambda p: f"The disk of the recorder's directory {p['directory']} is full: {_SAFE}. Free space.",
    "tasks_unrecorded": _tasks_unrecorded,
    "records_removed_early": lambda p: (
        f"{p['directory']} had reached worker_recorder_max_bytes: {p['bytes']} bytes of ended tasks were removed "
        "early. Raise the limit, or keep ended tasks for less time."
    ),
    "recorder_over_limit": lambda p: (
        f"{p['directory']} is {p['bytes']} bytes above worker_recorder_max_bytes with tasks that have not ended. "
        "Resubmit lost tasks, or raise the limit."
    ),
    "recorder_silent": lambda p: (
        f"Worker {p['node']} runs, but its recorder has left no sign of life in {p['directory']}: a task that it takes "
        "would be lost with it. Look for 'Cannot record' in its log, run site.yml to repair the directory, restart it."
    ),
    "recorder_owner": lambda p: (
        f"{p['directory']}: {p['folder']} does not belong to {p['user']}, so its workers cannot record there. "
        "Run site.yml: it hands the directory over."
    ),
    "recorder_newer": lambda p: (
        f"The files in {p['directory']} are of a later version ({p['reason']}): which tasks are lost is unknown. "
        "Update the collection on the control node."
    ),
    "records_sending": lambda p: (
        f"{_counted(p['count'], 'message')} in {p['directory']} wait since a resubmit was interrupted. "
        "Run it again, it finishes them: ansible-playbook -i INVENTORY taskstack.celery.resubmit"
    ),
    "records_damaged": lambda p: (
        f"{p['count']} message file(s) in {p['directory']} are damaged, the first is {p['first']}. One that was cut "
        "short was never acknowledged, so the broker still has its message. Remove them when you have looked."
    ),
    "tasks_lost": lambda p: (
        f"{p['count']} task(s) are lost: taken, but never ended, or the broker did not get their next attempt. "
        "Send them again with: ansible-playbook -i INVENTORY taskstack.celery.resubmit"
    ),
    "beat_not_ticking": lambda p: (
        f"Beat on {p['subject']} (pid {p['pid']}) runs, but should have looked at its schedule {_age(p['late'])} ago "
        "and did not: nothing scheduled is sent. A database or broker may not answer it: see its log. "
        f"{command(p, 'restart')}"
    ),
    "schedule_unknown_task": lambda p: (
        f"The scheduled task {p['subject']} is {p['task']}, which no worker knows: it is refused whenever it is sent. "
        "Correct the name of the task, or deploy the code that has it."
    ),
    "schedule_unsent": lambda p: (
        f"Beat could not send the scheduled task {p['subject']} ({p['task']}) at {_time(p['when'] or 0)} UTC: "
        f"{p['error']}. See its log."
    ),
    "schedule_refused": _schedule_ended("was refused"),
    "schedule_failed": _schedule_ended("failed"),
    "flower_down": lambda p: f"Flower does not run: {p['subject']} {p['detail']}. Start it, or see its log.",
    "flower_denied": lambda p: f"Flower at {p['subject']} {p['detail']}. Check flower_password.",
    "flower_unreachable": lambda p: f"No answer from Flower at {p['subject']} ({p['detail']}): unknown. See its log.",
    "beats_doubled": _beats_doubled,
    "beat_frozen": lambda p: (
        f"Beat on {p['subject']} is frozen: process {_names(map(str, p['frozen']))} is stopped (state T), so nothing "
        f"scheduled is sent. On {p['subject']}: kill -CONT {' '.join(map(str, p['frozen']))}"
    ),
    "beat_down": lambda p: f"Beat does not run, so nothing scheduled is sent. {command(p, 'start')}",
    "beat_unexpected": _beat_unexpected,
    "celery_versions_differ": _celery_versions,
    "celery_loses_retries": lambda p: (
        f"Worker {p['subject']} has Celery {p['celery']}, which can lose tasks with a countdown or a retry in quorum "
        f"queues with a topic exchange ({_names(p['queues'])}): install 5.6.3 or later."
    ),
    "celery_too_old_for_quorum": lambda p: (
        f"Celery before 5.5 cannot consume quorum queues: update {_names(p['nodes'])}, or use classic queues."
    ),
    "celery_too_old_for_broker": lambda p: (
        f"RabbitMQ {p['subject']} denies the shared transient queues of Celery before 5.6: update "
        f"{_names(p['nodes'])}, or permit transient_nonexcl_queues in rabbitmq.conf."
    ),
}

"""Every fault that is injected: where, how, how it is healed, and as what it has to be told."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from looks import MQ, W1, W2, here, inside, send

Step = t.Callable[[], t.Any]


def on(host: str, command: str) -> Step:
    """A command on a host."""
    return lambda: inside(host, command)


@dataclass(frozen=True)
class Fault:
    """``kinds`` is all that the whole must tell: the cause, and nothing that only follows from it."""

    area: str
    kinds: set[str]
    inject: Step
    heal: Step
    #: Kinds that may be told too, since it depends on the moment whether they have come to that.
    also: set[str] = field(default_factory=set)
    #: Hosts that cannot see it by any means.
    blind: set[str] = field(default_factory=set)


RECORDER, DESCRIPTION = "/var/lib/taskstack/sample/recorder", "/etc/taskstack/sample.json"
PASSWORD = f"json.load(open('{DESCRIPTION}'))['broker']['management_password']"
MAIN = "pgrep -o -f 'bin/celery .* worker -n {}@'"
POOL = "pgrep -P $(" + MAIN + ")"
#: Under systemd a worker that is killed comes back; so it is stopped first where it shall stay away.
CONTROL = "celery-sample control --destination mail@{host} {command} mail"
STRAY = "cd /tmp && setsid celery-sample worker -n {node} -Q stray -c 1 </dev/null >/tmp/stray.log 2>&1 &"
KILL_STRAY = "pkill -9 -f -- '-Q [s]tray'; while pgrep -f -- '-Q [s]tray' >/dev/null; do sleep 0.1; done"
BEAT = "cd /tmp && setsid celery-sample beat -s /tmp/second --pidfile= </dev/null >/tmp/beat.log 2>&1 & sleep 2"
KILL_BEAT = "pkill -9 -f -- '[b]eat -s /tmp/second' || true; rm -f /tmp/second*"


def both(*steps: Step) -> Step:
    """One after the other."""

    def run() -> None:
        for step in steps:
            step()

    return run


def signal(host: str, name: str, who: str) -> Step:
    """Send a signal to processes that a command names."""
    return on(host, f"kill -{name} $({who})")


def edit(code: str) -> Step:
    """Change the description on all hosts; the old one is kept beside."""
    script = f"import json; f = '{DESCRIPTION}'; d = json.load(open(f)); {code}; json.dump(d, open(f, 'w'))"
    command = f'cp -p {DESCRIPTION} {DESCRIPTION}.kept && python3 -c "{script}"'
    return both(*(on(host, command) for host in (MQ, W1, W2)))


RESTORE = both(
    *(on(host, f"mv {DESCRIPTION}.kept {DESCRIPTION}") for host in (MQ, W1, W2)),
)
QUEUES = "rabbitmqctl -q delete_queue -p sample {} </dev/null || true"
BEAM = "pgrep -x beam.smp"

FAULTS: dict[str, Fault] = {
    # -- the broker -------------------------------------------------------------------------------------------------
    "the broker is stopped": Fault(
        "broker",
        {"broker_unreachable"},
        on(MQ, "systemctl stop rabbitmq-server"),
        on(MQ, "systemctl start rabbitmq-server"),
    ),
    "the broker is frozen": Fault(
        "broker",
        {"broker_unreachable"},
        signal(MQ, "STOP", BEAM),
        signal(MQ, "CONT", BEAM),
    ),
    "the management plugin is off": Fault(
        "broker",
        {"broker_unreachable"},
        on(MQ, "rabbitmq-plugins -q disable rabbitmq_management"),
        on(MQ, "rabbitmq-plugins -q enable rabbitmq_management"),
    ),
    "the broker has a memory alarm": Fault(
        "broker",
        {"broker_alarm"},
        on(MQ, "rabbitmqctl -q set_vm_memory_high_watermark 0.00001"),
        on(MQ, "rabbitmqctl -q set_vm_memory_high_watermark 0.4"),
    ),
    "the broker has a disk alarm": Fault(
        "broker",
        {"broker_alarm"},
        on(MQ, "rabbitmqctl -q set_disk_free_limit 900000GB"),
        on(MQ, "rabbitmqctl -q set_disk_free_limit 50MB"),
    ),
    "the monitor's password is another": Fault(
        "broker",
        {"broker_unreachable"},
        on(MQ, "rabbitmqctl -q change_password sample-monitor other"),
        on(
            MQ,
            f'rabbitmqctl -q change_password sample-monitor $(python3 -c "import json; print({PASSWORD})")',
        ),
    ),
    "the monitor may not ask the workers": Fault(
        "workers",
        {"broker_unreachable"},
        on(
            MQ,
            "rabbitmqctl -q list_permissions -p sample | awk '$1 == \"sample-monitor\"' > /tmp/rights && "
            "rabbitmqctl -q set_permissions -p sample sample-monitor '^$' '^$' '^$'",
        ),
        on(
            MQ,
            'read -r _ a b c < /tmp/rights; rabbitmqctl -q set_permissions -p sample sample-monitor "$a" "$b" "$c"',
        ),
    ),
    "the broker's statistics are off": Fault(
        "broker",
        {"broker_statistics_off"},
        on(MQ, "rabbitmqctl -q eval 'application:set_env(rabbitmq_management, disable_management_stats, true).'"),
        on(MQ, "rabbitmqctl -q eval 'application:set_env(rabbitmq_management, disable_management_stats, false).'"),
    ),
    # -- workers ----------------------------------------------------------------------------------------------------
    "a worker is stopped": Fault(
        "workers",
        {"worker_missing"},
        on(W1, "supervisorctl stop sample-mail"),
        on(W1, "supervisorctl start sample-mail"),
    ),
    "a worker under systemd is stopped": Fault(
        "workers",
        {"worker_missing"},
        on(W2, "systemctl stop sample-mail"),
        on(W2, "systemctl start sample-mail"),
    ),
    "all workers are stopped": Fault(
        "workers",
        {"celery_down", "worker_missing"},
        both(on(W1, "supervisorctl stop sample-mail sample-lone"), on(W2, "systemctl stop sample-mail")),
        both(on(W1, "supervisorctl start sample-mail sample-lone"), on(W2, "systemctl start sample-mail")),
    ),
    "a worker is frozen": Fault(
        "workers",
        {"worker_frozen"},
        signal(W1, "STOP", MAIN.format("mail")),
        signal(W1, "CONT", MAIN.format("mail")),
    ),
    "an idle solo worker is frozen": Fault(
        "workers",
        {"worker_frozen"},
        signal(W1, "STOP", MAIN.format("lone")),
        signal(W1, "CONT", MAIN.format("lone")),
    ),
    "the pool of a worker is frozen": Fault(
        "workers",
        {"pool_frozen"},
        signal(W2, "STOP", POOL.format("mail")),
        signal(W2, "CONT", POOL.format("mail")),
        # As long as no task waits, the broker cannot know: the worker answers and has nothing to do.
        blind={MQ},
    ),
    "a worker is cut off from the broker": Fault(
        "workers",
        {"worker_silent"},
        on(W2, f"ip route add blackhole $(getent hosts {MQ} | cut -d' ' -f1)"),
        on(W2, f"ip route del blackhole $(getent hosts {MQ} | cut -d' ' -f1)"),
        also={"worker_missing"},
    ),
    "a worker no longer consumes a queue": Fault(
        "workers",
        {"queue_cancelled"},
        on(W1, CONTROL.format(host=W1, command="cancel_consumer")),
        on(W1, CONTROL.format(host=W1, command="add_consumer")),
    ),
    "a worker lacks a task": Fault(
        "workers",
        {"worker_lacks_tasks"},
        edit("d['expected_tasks'].append('sample_app.tasks.gone')"),
        RESTORE,
    ),
    "a worker runs that the inventory does not know": Fault(
        "workers",
        {"worker_unexpected"},
        on(W1, STRAY.format(node=f"stray@{W1}")),
        on(W1, KILL_STRAY),
    ),
    "a worker of a host that left runs on": Fault(
        "workers",
        {"worker_unexpected"},
        on(W2, STRAY.format(node="mail@ts-truth-gone")),
        on(W2, KILL_STRAY),
    ),
    # -- queues -----------------------------------------------------------------------------------------------------
    "tasks wait in a queue that nobody consumes": Fault(
        "queues",
        {"queue_unconsumed"},
        lambda: send("add", "nobody", 1, 2, count=3),
        on(MQ, QUEUES.format("nobody")),
    ),
    "tasks wait and all pools are frozen": Fault(
        "queues",
        {"pool_frozen"},
        both(
            signal(W1, "STOP", POOL.format("mail")),
            signal(W2, "STOP", POOL.format("mail")),
            lambda: send("add", "mail", 1, 2, count=60),
        ),
        both(signal(W1, "CONT", POOL.format("mail")), signal(W2, "CONT", POOL.format("mail"))),
        also={"queue_stuck"},
    ),
    "tasks wait for a worker that is stopped on purpose": Fault(
        "queues",
        {"queue_unconsumed"},
        both(
            edit("[w.update(state='stopped') for w in d['workers'] if w['node'].startswith('lone@')]"),
            on(W1, "supervisorctl stop sample-lone"),
            lambda: send("add", "lone", 1, 2),
        ),
        both(RESTORE, on(W1, "supervisorctl start sample-lone")),
    ),
    # -- tasks ------------------------------------------------------------------------------------------------------
    "tasks were lost with their worker": Fault(
        "tasks",
        {"tasks_lost"},
        both(
            lambda: send("slow", "mail", 60, count=8),
            on(W1, "sleep 1; pkill -9 -f '[w]orker -n mail@'"),
        ),
        both(
            on(W1, f"rm -f {RECORDER}/open/*"),
            on(W2, f"pkill -9 -f '[w]orker -n mail@'; sleep 2; rm -f {RECORDER}/open/*"),
        ),
    ),
    "a recorder is read-only": Fault(
        "tasks",
        {"recorder_read_only"},
        on(W1, f"mount -t tmpfs -o ro,size=4k tmpfs {RECORDER}"),
        on(W1, f"umount -l {RECORDER}"),
        # What is mounted over it hides the notes of the workers.
        also={"recorder_silent", "recorder_owner"},
    ),
    "the disk of a recorder is full": Fault(
        "tasks",
        {"recorder_full"},
        on(W1, f"mount -t tmpfs -o size=4k tmpfs {RECORDER} && head -c 9999 /dev/zero > {RECORDER}/fill || true"),
        on(W1, f"umount -l {RECORDER}"),
        # What is mounted over it hides the notes of the workers.
        also={"recorder_silent", "recorder_owner"},
    ),
    "the directory of a recorder is gone": Fault(
        "tasks",
        {"recorder_unreadable"},
        on(W2, f"mv {RECORDER} {RECORDER}.away"),
        on(W2, f"mv {RECORDER}.away {RECORDER}"),
    ),
    "a record is damaged": Fault(
        "tasks",
        {"records_damaged"},
        on(W1, f"echo broken > {RECORDER}/open/broken"),
        on(W1, f"rm {RECORDER}/open/broken"),
    ),
    "a worker refuses tasks": Fault(
        "tasks",
        {"tasks_refused"},
        lambda: send("nowhere", "mail"),
        both(
            *(
                on(host, f"rm -f {RECORDER}/failed/*.REFUSED; sed -i /nowhere/d {RECORDER}/history/*")
                for host in (W1, W2)
            )
        ),
    ),
    # -- Flower -----------------------------------------------------------------------------------------------------
    "Flower is stopped": Fault(
        "flower",
        {"flower_down"},
        on(MQ, "supervisorctl stop sample-flower"),
        on(MQ, "supervisorctl start sample-flower"),
    ),
    "Flower is frozen": Fault(
        "flower",
        {"flower_unreachable"},
        on(MQ, "supervisorctl signal STOP sample-flower"),
        on(MQ, "supervisorctl signal CONT sample-flower"),
    ),
    "Flower has another password": Fault(
        "flower",
        {"flower_denied"},
        edit("(d['flower'] or {}).update(password='other')"),
        RESTORE,
    ),
    # -- beat -------------------------------------------------------------------------------------------------------
    "beat is stopped": Fault(
        "beat",
        {"beat_down"},
        on(W1, "supervisorctl stop sample-beat"),
        on(W1, "supervisorctl start sample-beat"),
    ),
    "beat is frozen": Fault(
        "beat",
        {"beat_frozen"},
        on(W1, "supervisorctl signal STOP sample-beat"),
        on(W1, "supervisorctl signal CONT sample-beat"),
    ),
    "two beats run on one host": Fault("beat", {"beats_doubled"}, on(W1, BEAT), on(W1, KILL_BEAT)),
    "beats run on two hosts": Fault(
        "beat",
        {"beats_doubled"},
        on(W2, BEAT),
        on(W2, KILL_BEAT),
        # Where beat belongs it runs, and that host does not see the other one.
        blind={W1},
    ),
    # -- hosts ------------------------------------------------------------------------------------------------------
    "a worker host cannot be reached": Fault(
        "workers",
        {"host_unasked"},
        lambda: here(f"docker pause {W2}"),
        lambda: here(f"docker unpause {W2}"),
        also={"worker_silent", "worker_missing"},
    ),
    "the broker's host cannot be reached": Fault(
        "broker",
        {"host_unasked"},
        lambda: here(f"docker pause {MQ}"),
        lambda: here(f"docker unpause {MQ}"),
    ),
    "a description is damaged": Fault(
        "beat",
        {"host_unasked"},
        on(W1, f"cp -p {DESCRIPTION} {DESCRIPTION}.kept; echo '{{' > {DESCRIPTION}"),
        on(W1, f"mv {DESCRIPTION}.kept {DESCRIPTION}"),
    ),
}

"""What happens to a stack: each event brings it about, waits until it is over, and leaves the stack whole."""

from __future__ import annotations

import subprocess
import typing as t

from clusterlab.hosts import BROKERS, SCENARIO, ask, beam, in_maintenance, nodes, on, running, until
from clusterlab.plays import SAID, Played, after, killed, persist, play

Moments = t.Iterable[int | str]

# The packages of the running stack, and others.
PACKAGES = ["celery==5.7.0", "pytz==2025.1"]
NEW_PACKAGES = ["celery==5.7.0", "pytz==2025.2"]
DATABASE = "/var/lib/rabbitmq/mnesia"


def kill_a_node(host: str = BROKERS[0]) -> None:
    """The broker's process dies at once; systemd starts it again."""
    other = next(name for name in BROKERS if name != host)
    on(host, "pkill", "--signal", "KILL", "--uid", "rabbitmq", "beam")
    until("the others see two nodes", lambda: running(other) == 2, 60)
    until("it is back by itself", lambda: running(other) == 3)


def cut_a_node_off(host: str = BROKERS[1]) -> None:
    """The network of a node is gone until the others have given it up and it has stopped itself, and comes back.

    If it came back in the moment in which they notice, each would believe in a cluster of its own: a person's affair.
    """
    other = next(name for name in BROKERS if name != host)
    stops = times_stopped(host)
    gateway = on(host, "ip", "route", "show", "default").split()[2]
    on(host, "ip", "link", "set", "eth0", "down")
    try:
        until("the others see two nodes", lambda: running(other) == 2, 120)
        until("it stops, since it is the smaller side", lambda: times_stopped(host) > stops, 120)
    finally:
        on(host, "ip", "link", "set", "eth0", "up")
        on(host, "ip", "route", "replace", "default", "via", gateway)
    until("it has healed", lambda: running(other) == 3)


def times_stopped(host: str) -> int:
    """How often a node has found itself on the smaller side of a cut network, as its log says."""
    return on(host, "sh", "-c", "cat /var/log/rabbitmq/rabbit@*.log").count("awaiting recovery")


def restart_the_brokers(killed_at: Moments = ()) -> int:
    """One node after another, by a play that is killed when these tasks begin, before it may end. How often it was."""
    before = {host: beam(host) for host in BROKERS}
    times = persist("restart.yml", "--limit", "rabbitmq", killed_at=killed_at, restart_broker=True)
    assert all(beam(host) != before[host] for host in BROKERS)
    assert in_maintenance() == []
    return times


def upgrade_the_brokers(killed_at: Moments = ()) -> int:
    """A package of the same RabbitMQ with a higher revision comes by the package manager. How often it was killed."""
    before, old = {host: beam(host) for host in BROKERS}, version(BROKERS[0])
    times = persist("site.yml", "--limit", "rabbitmq", "-e", "rabbitmq_upgrade=true", killed_at=killed_at)
    new = {version(host) for host in BROKERS}
    assert len(new) == 1 and old not in new, (old, new)
    assert all(beam(host) != before[host] for host in BROKERS)
    assert in_maintenance() == []
    return times


def version(host: str) -> str:
    """Of the installed package."""
    return on(host, "dpkg-query", "--show", "--showformat=${Version}", "rabbitmq-server")


def offer_a_newer_package() -> None:
    """On all brokers, made on the first."""
    on(BROKERS[0], "bash", "-s", given=(SCENARIO / "files" / "later_package.sh").read_text())
    for host in BROKERS[1:]:
        pack = ["docker", "exec", BROKERS[0], "tar", "--create", "--directory", "/srv", "packages"]
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
            unpack = ["docker", "exec", "--interactive", host, "tar", "--extract", "--directory", "/srv"]
            subprocess.run(unpack, stdin=packed.stdout, check=True)
    for host in BROKERS:
        on(host, "sh", "-c", "echo 'deb [trusted=yes] file:/srv/packages ./' >/etc/apt/sources.list.d/packages.list")


def lose_a_disk(host: str = BROKERS[2], killed_at: Moments = ()) -> int:
    """A node is empty and down. The shipped playbook brings it back, after it was killed so often."""
    on(host, "systemctl", "stop", "rabbitmq-server")
    on(host, "sh", "-c", f"rm -rf {DATABASE}")
    times = persist("site.yml", "--limit", "rabbitmq", killed_at=killed_at)
    assert running(host) == 3
    return times


def change_packages(packages: list[str]) -> Played:
    """Another version of what the application uses, on one worker host after the other."""
    done = play("upgrade.yml", application_packages=packages)
    SAID["application_packages"] = packages
    return done


def rotate(user: str, password: str, killed_after: t.Sequence[float] = ()) -> int:
    """Another login; the play is killed after so many seconds, before it may end. How often it was."""
    old = SAID.get("taskstack_broker_user", "count")
    SAID.update(taskstack_broker_user=user, taskstack_broker_password=password)
    times = sum(killed("rotate_credentials.yml", when=after(seconds), old_user=old) for seconds in killed_after)
    play("rotate_credentials.yml", old_user=old)
    return times


def back_up(directory: str) -> None:
    """Definitions and messages; all nodes rest for the copy."""
    play("backup.yml", backup_messages=True, confirm="yes", backup_directory=directory)
    until("all are back", lambda: running(BROKERS[0]) == len(BROKERS))


def leave_and_return(host: str = BROKERS[2]) -> None:
    """One node leaves the cluster with all that it was installed with, and is deployed anew."""
    others = [name for name in BROKERS if name != host]
    play("remove.yml", "--limit", host, remove_records=True)
    assert nodes(others[0], "list_members") == [f"rabbit@{name}" for name in others]
    play("site.yml", "--limit", "rabbitmq")
    assert running(host) == len(BROKERS)


def deploy(killed_after: t.Sequence[float], **change: t.Any) -> None:
    """site.yml with a change of the inventory is killed after so many seconds, before it may end."""
    SAID.update(change)
    for seconds in killed_after:
        killed("site.yml", when=after(seconds))
    play("site.yml")


def join_and_vanish(node: str, host: str) -> None:
    """A further node joins the cluster and dies: the others know it, and it never comes back."""
    conf = f"listeners.tcp.1 = 127.0.0.1:5690\\ncluster_formation.classic_config.nodes.1 = rabbit@{BROKERS[0]}\\n"
    start = f"""
    printf 'cluster_formation.peer_discovery_backend = classic_config\\n{conf}' >/tmp/gone.conf
    printf '[].\\n' >/tmp/gone.plugins
    chmod 644 /tmp/gone.*
    RABBITMQ_NODENAME={node} RABBITMQ_NODE_PORT=5690 RABBITMQ_CONFIG_FILE=/tmp/gone.conf \\
      RABBITMQ_ENABLED_PLUGINS_FILE=/tmp/gone.plugins rabbitmq-server -detached
    """
    on(host, "sh", "-c", start)
    until("it has joined", lambda: node in nodes(BROKERS[0]), 90)
    on(host, "kill", "-KILL", ask(host, "os getpid []", node).strip('"\n'))
    until("the others know that it is gone", lambda: node not in nodes(BROKERS[0]), 60)
    on(host, "sh", "-c", f"rm -rf /tmp/gone.* {DATABASE}/{node}*")

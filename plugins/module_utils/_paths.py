# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything of a stack is on a host: the table in docs/contracts.md. Pure."""

from __future__ import annotations

from dataclasses import dataclass

WINDOWS_ROOT = r"C:\ProgramData\taskstack"


@dataclass(frozen=True)
class Paths:
    """The paths of one stack; ``below`` joins them as the host's operating system does."""

    slash: str
    launcher: str
    environment_file: str
    #: A change of the application's virtualenv changes this file.
    packages_file: str
    description: str
    schedule: str
    flower_configuration: str
    flower_cookie: str
    flower_packages_file: str
    flower_venv: str
    library: str
    state: str
    log: str
    directory: str
    venv: str

    def below(self, folder: str, *names: str) -> str:
        """A path below a folder."""
        return self.slash.join((folder, *names))

    @property
    def recorder(self) -> str:
        """Where workers keep the messages of their tasks."""
        return self.below(self.state, "recorder")


def paths(name: str, supervisor: str) -> Paths:
    """The paths of a stack on a host that runs its processes by this supervisor."""
    if supervisor == "windows":
        root = f"{WINDOWS_ROOT}\\{name}"
        etc = f"{root}\\etc\\{name}"
        return Paths(
            slash="\\",
            launcher=f"{root}\\bin\\celery-{name}.bat",
            library=f"{root}\\lib",
            state=f"{root}\\state",
            log=f"{root}\\log",
            directory=root,
            venv=f"{root}\\venv",
            flower_venv=f"{root}\\venv",
            # The application's virtualenv has Flower in it.
            flower_packages_file=f"{etc}.packages",
            **_configuration(etc),
        )
    etc = f"/etc/taskstack/{name}"
    return Paths(
        slash="/",
        launcher=f"/usr/local/bin/celery-{name}",
        library=f"/usr/local/lib/taskstack/{name}",
        state=f"/var/lib/taskstack/{name}",
        log=f"/var/log/taskstack/{name}",
        directory=f"/opt/{name}",
        venv=f"/opt/{name}/venv",
        flower_venv=f"/opt/taskstack/{name}/flower",
        flower_packages_file=f"{etc}.flower.packages",
        **_configuration(etc),
    )


def _configuration(stem: str) -> dict[str, str]:
    return {
        "environment_file": f"{stem}.env",
        "packages_file": f"{stem}.packages",
        "description": f"{stem}.json",
        "schedule": f"{stem}.beat.json",
        "flower_configuration": f"{stem}.flower.py",
        "flower_cookie": f"{stem}.flower.cookie",
    }


def restart_file(name: str, kind: str) -> str:
    """What playbooks/restart.yml writes: a new content is a reason to restart all processes of a kind."""
    return f"/etc/taskstack/{name}.{kind}.restart"


def log_rotation(name: str) -> str:
    """How the logs are rotated."""
    return f"/etc/logrotate.d/taskstack-{name}"


def hourly_log_rotation(name: str) -> str:
    """That they are rotated every hour. cron runs no file with a dot in its name."""
    return f"/etc/cron.hourly/taskstack-{name.replace('.', '-')}"


def own_files(name: str) -> list[str]:
    """Every file of a stack on a Linux host that is in a directory which others use too."""
    usual = paths(name, "supervisord")
    return [
        usual.environment_file,
        usual.description,
        *(usual.packages_file + end for end in ("", ".previous", ".next")),
        *(restart_file(name, kind) for kind in ("worker", "beat", "flower")),
        usual.schedule,
        usual.flower_configuration,
        usual.flower_cookie,
        usual.flower_packages_file,
        f"/etc/taskstack/{name}.resubmit.lock",
        log_rotation(name),
        hourly_log_rotation(name),
        usual.launcher,
        f"/usr/local/bin/taskstack-{name}",
    ]

# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order the hosts of a stack change: a mistake reaches one of them, and no queue loses all consumers. Pure."""

from __future__ import annotations

import math
import re
import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """What a run would do on a host."""

    name: str
    changed: bool = False
    #: Whether a process that runs would be restarted or stopped.
    interrupts: bool = False
    stops_beat: bool = False
    starts_beat: bool = False
    #: What its workers consume.
    queues: frozenset[str] = frozenset()


def batch_size(given: t.Any, hosts: int) -> int | None:
    """The number of hosts at a time, from a number or a percentage of the hosts; None if it is neither."""
    text = str(given).strip()
    if percent := re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", text):
        return max(1, math.floor(hosts * float(percent[1]) / 100))
    return int(text) if text.isdecimal() and int(text) > 0 else None


def turns(hosts: t.Sequence[Host], size: int) -> list[list[str]]:
    """The names of the hosts that change at the same time, one list after the other.

    Hosts without a change are in none. Hosts on which nothing is interrupted have nothing to lose and go first,
    together. Of the others the first goes alone, so that a mistake is found there, then ``size`` at a time. A queue
    with consumers on several hosts keeps one of them. Beat starts on its new host after it has stopped on the old one.
    """
    changing = [host for host in hosts if host.changed]
    moves_beat = any(host.stops_beat for host in changing)
    late = [host for host in changing if moves_beat and host.starts_beat and not host.stops_beat]
    free = [host for host in changing if not host.interrupts and host not in late]
    careful = [host for host in changing if host.interrupts and host not in late]
    careful.sort(key=lambda host: not host.stops_beat)
    order = [[host.name for host in free]] if free else []
    order += _batches(careful[:1], hosts, 1) + _batches(careful[1:], hosts, size)
    return order + _batches(late, hosts, size)


def _batches(waiting: t.Sequence[Host], hosts: t.Sequence[Host], size: int) -> list[list[str]]:
    found = []
    left = list(waiting)
    while left:
        batch: list[Host] = []
        for host in left:
            if len(batch) < size and (not batch or not _starves(batch, host, hosts)):
                batch.append(host)
        found.append([host.name for host in batch])
        left = [host for host in left if host not in batch]
    return found


def _starves(batch: t.Sequence[Host], host: Host, hosts: t.Sequence[Host]) -> bool:
    """Whether some queue has consumers in the batch and on this host, and none elsewhere."""
    elsewhere = [other.queues for other in hosts if other not in batch and other != host]
    taken = frozenset().union(*(other.queues for other in batch))
    return any(queue in taken and not any(queue in queues for queues in elsewhere) for queue in host.queues)

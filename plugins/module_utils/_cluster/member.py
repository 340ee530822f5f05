# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens around the start and the stop of one node of a RabbitMQ cluster."""

from __future__ import annotations

import typing as t

from .._clock import Clock
from .._errors import TaskstackError
from . import status as cluster_status
from . import upgrade
from .rabbitmqctl import Nodes
from .status import Status

POLL_SECONDS = 2.0


class Member:
    """One node, the other members of its cluster, and how long to wait for them."""

    def __init__(self, nodes: Nodes, members: list[str], clock: Clock, timeout: int, check_mode: bool) -> None:
        """Nothing is asked yet."""
        self._nodes, self._members, self._clock = nodes, members, clock
        self._timeout, self._check_mode = timeout, check_mode
        self.done: list[str] = []
        self._seen, self._queues = Status.from_json({}), list[cluster_status.Queue]()

    def before_start(self) -> None:
        """When this node has lost its database, let the others forget it: RabbitMQ 4.0 would start it alone."""
        peer = self._peer() if self._nodes.is_new() else None
        if peer and self._nodes.me in peer[1].known:
            sentence = f"{peer[0]} forgets the lost database of {self._nodes.me}"
            self._do(sentence, self._nodes.forget, peer[0], self._nodes.me)

    def check_upgrade(self, installed: str, candidate: str) -> None:
        """Refuse, with all reasons at once, a version that cannot follow, or a moment in which nothing may stop."""
        me = self._nodes.me
        busy = self._stop_problems()
        if busy is None:
            raise TaskstackError(f"{me} does not run, so its upgrade cannot be checked. Start it first.")
        seen = self._nodes.flags(), self._nodes.policies(), self._nodes.declared()
        found = upgrade.problems(installed, candidate, *seen)
        found += busy
        if found:
            why = "; ".join(found)
            raise TaskstackError(f"RabbitMQ {installed} on {me} cannot become {candidate}: {why}. Nothing was changed.")

    def before_stop(self) -> None:
        """Wait until the other nodes can do without this one, then move its clients to them."""
        if len(self._members) == 1 or not self._until(self._stop_problems, f"{self._nodes.me} must not stop now"):
            return
        if self._nodes.me not in self._seen.draining:
            self._do(f"{self._nodes.me} hands over to the others", self._nodes.drain)

    def after_start(self, forget: list[str]) -> list[str]:
        """Make sure that this node is in the cluster, holds its queue replicas and takes clients.

        Returns the nodes that the cluster knows and the inventory does not. The common case costs two queries.
        """
        me = self._nodes.me
        mine = self._nodes.status(me)
        if mine and not forget and cluster_status.settled(mine, self._members, me):
            queues = self._nodes.queues(me)
            if not cluster_status.short(queues, me, self._members) and not cluster_status.lagging(queues, {me}):
                return cluster_status.unlisted(mine, self._members)
        # A network cut halts the smaller side; now and then RabbitMQ 3.10 fails to start again when it heals.
        if mine is None and self._nodes.is_halted() and self._peer():
            self._do(f"{me} starts again after it was cut off", self._nodes.start)
            mine = self._nodes.status(me)
        if mine is None and self._check_mode:
            return []
        peer = self._peer() if mine and mine.known == {me} else None
        if mine and peer and cluster_status.astray(mine, peer[1], me):
            self._come_back(peer[0], me in peer[1].known)
        # Its copies of the queues sleep during maintenance, so that ends before they are waited for.
        if mine and me in mine.draining:
            self._do(f"{me} takes clients again", self._nodes.revive)
        if self._check_mode and self.done:
            return cluster_status.unlisted(mine, self._members) if mine else []
        self._until(self._join_problems, f"{me} is not yet back in its cluster")
        for queue in cluster_status.short(self._queues, me, self._members):
            self._do(f"queue {queue.label} gets a copy on {me}", self._nodes.grow, queue)
        for gone in sorted(set(forget) & self._seen.known):
            self._forget(gone)
        return [node for node in cluster_status.unlisted(self._seen, self._members) if node not in forget]

    def _forget(self, gone: str) -> None:
        if gone in self._members or gone in self._seen.running:
            raise TaskstackError(
                f"{gone} is to be forgotten, but it is {'in the inventory' if gone in self._members else 'running'}. "
                "Stop it and take it out of the group first."
            )
        self._do(f"{self._nodes.me} forgets {gone}", self._nodes.forget, self._nodes.me, gone)

    def _come_back(self, other: str, known: bool) -> None:
        """A node that started without its database forms a cluster of its own: give that up and join the others."""
        held = [f"queue {queue.label}" for queue in self._nodes.queues(self._nodes.me)]
        if held:
            raise TaskstackError(
                f"{self._nodes.me} runs a cluster of its own beside that of {other}, and has {_some(held)}. "
                "Move or drop what they hold, run rabbitmqctl stop_app && rabbitmqctl reset there, and run this again."
            )
        self._do(f"{self._nodes.me} gives up its empty database and joins {other}", self._nodes.reset, other, known)

    def _do(self, sentence: str, action: t.Callable[..., None], *arguments: t.Any) -> None:
        self.done.append(sentence)
        if not self._check_mode:
            action(*arguments)

    def _peer(self) -> tuple[str, Status] | None:
        """Another node that runs, and what it sees; the one in the largest cluster when they disagree."""
        asked = [(node, self._nodes.status(node)) for node in self._members if node != self._nodes.me]
        answers = [(node, status) for node, status in asked if status is not None and status.running]
        return max(answers, key=lambda answer: len(answer[1].known), default=None)

    def _stop_problems(self) -> list[str] | None:
        if not self._look():
            return None
        return cluster_status.stop_problems(self._seen, self._queues, self._members, self._nodes.me)

    def _join_problems(self) -> list[str]:
        me = self._nodes.me
        if not self._look() or me not in self._seen.running:
            return [f"{me} does not answer"]
        peer = self._peer() if self._seen.running == {me} else None
        found = [f"{me} and {peer[0]} do not see each other"] if peer else []
        found += cluster_status.cut_off(self._seen)
        return found + [
            f"queue {label} waits for its copy here" for label in cluster_status.lagging(self._queues, {me})
        ]

    def _look(self) -> bool:
        """Remember how this node sees cluster and queues; each question costs a second."""
        status = self._nodes.status(self._nodes.me)
        if status is not None:
            self._seen, self._queues = status, self._nodes.queues(self._nodes.me)
        return status is not None

    def _until(self, problems: t.Callable[[], list[str] | None], sentence: str) -> bool:
        """Ask until nothing is in the way; false when there is nobody to ask. Check mode does not wait."""
        end = self._clock.monotonic() + (0 if self._check_mode else self._timeout)
        while found := problems():
            if self._clock.monotonic() >= end:
                raise TaskstackError(
                    f"{sentence}: {_some(found)}. Waited {0 if self._check_mode else self._timeout} seconds. "
                    "Fix these and run it again; rabbitmqctl cluster_status shows more."
                )
            self._clock.sleep(POLL_SECONDS)
        return found is not None


def _some(found: list[str]) -> str:
    return "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")

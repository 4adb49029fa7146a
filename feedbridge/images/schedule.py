"""Who is asked when: a modest rate for each host, a few connections at a time, and no more of a host that is dead."""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from feedbridge.images.picture import Trouble

__all__ = ["Schedule", "Task"]

MOST_FAILURES = 3
"""So many failures in a row, and a host counts as dead."""
MOST_DEAD_HOSTS = 5
"""So many hosts that cannot be reached, and none that can: then it is the net that is missing."""
MOST_AT_A_TIME = 4
"""Connections to one host."""


class Task(NamedTuple):
    """``place`` of a picture in the list, its host, and how often it was tried."""

    place: int
    host: str
    tries: int = 0


class _Host:
    __slots__ = ("busy", "dead", "failures", "next", "queued", "waited", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Task] = deque()
        self.next = 0.0
        """The moment from which one more request is in order."""
        self.busy = 0
        self.failures = 0
        self.dead: Trouble | None = None
        self.queued = False
        self.waited = 0.0
        """Seconds it asked to wait, in all."""


class Schedule:
    """Gives tasks to threads. Every task taken is followed by ``done``, or by ``again`` that is granted."""

    def __init__(self, tasks: Iterable[Task], per_second: float, most_wait_seconds: float = 60) -> None:
        self._gap = 1 / per_second
        self._most_wait = most_wait_seconds
        self._change = threading.Condition()
        self._hosts: dict[str, _Host] = {}
        self._queue: list[tuple[float, int, str]] = []
        self._number = 0
        self._left = 0
        self._answered = False
        self._unreachable: set[str] = set()
        self.stopped = False
        self.offline = False
        for task in tasks:
            self._left += 1
            self._host(task.host).waiting.append(task)
        for name in self._hosts:
            self._enqueue(name)

    def dead(self, host: str) -> Trouble | None:
        """Why a host was given up; None when it was not."""
        return self._host(host).dead

    def take(self) -> Task | None:
        """The next task that is in order, waited for; None when all are done, or the run was stopped."""
        with self._change:
            while self._left and not self.stopped:
                now = time.monotonic()
                wait = None
                if self._queue:
                    moment, _, name = self._queue[0]
                    host = self._hosts[name]
                    if not host.waiting:  # it was given up meanwhile
                        heapq.heappop(self._queue)
                        host.queued = False
                        continue
                    if moment < host.next:  # it asked to wait, or was asked on the way of a redirect
                        heapq.heapreplace(self._queue, (host.next, self._count(), name))
                        continue
                    if moment <= now:
                        heapq.heappop(self._queue)
                        host.queued = False
                        task = host.waiting.popleft()
                        host.busy += 1
                        host.next = now + self._gap
                        self._enqueue(name)
                        return task
                    wait = moment - now
                self._change.wait(wait)
            return None

    def pace(self, name: str) -> None:
        """Wait until one more request to a host is in order (the next hop of a redirect)."""
        with self._change:
            host = self._host(name)
            moment = max(time.monotonic(), host.next)
            host.next = moment + self._gap
            while not self.stopped and (wait := moment - time.monotonic()) > 0:
                self._change.wait(wait)

    def again(self, task: Task, seconds: float) -> bool:
        """Try a task once more after some time; its whole host waits so long.

        Returns: False when its host was given up, or would have to be waited for too long in all; then nothing is
                 done, and the task is still to be followed by ``done``.
        """
        with self._change:
            host = self._host(task.host)
            now = time.monotonic()
            longer = max(0.0, now + seconds - max(now, host.next))
            if host.dead is not None or host.waited + longer > self._most_wait:
                return False
            host.waited += longer
            host.busy -= 1
            host.next = max(host.next, now + seconds)
            host.waiting.appendleft(task._replace(tries=task.tries + 1))
            self._answered = True
            self._enqueue(task.host)
            self._change.notify_all()
            return True

    def done(self, task: Task, trouble: Trouble | None = None) -> None:
        """A task is over. ``trouble`` when it is one that concerns the whole host."""
        with self._change:
            host = self._host(task.host)
            host.busy -= 1
            self._left -= 1
            if trouble is None:
                host.failures = 0
                self._answered = True
            else:
                host.failures += 1
                if trouble.certain or host.failures >= MOST_FAILURES:
                    self._give_up(host, trouble)
                if trouble.code in ("images.host", "images.timeout"):
                    self._unreachable.add(task.host)
            if not self._answered and len(self._unreachable) >= MOST_DEAD_HOSTS:
                self.offline = True
                for other in self._hosts.values():
                    self._give_up(other, trouble or host.dead)
            self._enqueue(task.host)
            self._change.notify_all()

    def stop(self) -> None:
        """Give out no more tasks and end every wait."""
        with self._change:
            self.stopped = True
            self._change.notify_all()

    def _give_up(self, host: _Host, trouble: Trouble | None) -> None:
        host.dead = host.dead or trouble
        self._left -= len(host.waiting)
        host.waiting.clear()

    def _host(self, name: str) -> _Host:
        return self._hosts.setdefault(name, _Host())

    def _count(self) -> int:
        self._number += 1
        return self._number

    def _enqueue(self, name: str) -> None:
        host = self._hosts[name]
        if host.waiting and not host.queued and host.busy < MOST_AT_A_TIME:
            host.queued = True
            heapq.heappush(self._queue, (host.next, self._count(), name))

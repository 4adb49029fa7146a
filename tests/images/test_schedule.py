"""Who is asked when."""

from __future__ import annotations

import threading
import time

import pytest

from feedbridge.images.picture import Trouble
from feedbridge.images.schedule import MOST_DEAD_HOSTS, MOST_FAILURES, Schedule, Task

DOWN = Trouble("images.timeout", "silent", "", host_wide=True)


def test_a_host_is_asked_at_its_rate_and_others_meanwhile():
    schedule = Schedule([*(Task(number, "one") for number in range(5)), Task(9, "other")], per_second=20)
    begin = time.monotonic()
    order = []
    while (task := schedule.take()) is not None:
        order.append(task.place)
        schedule.done(task)
    assert time.monotonic() - begin >= 4 / 20
    assert [place for place in order if place != 9] == [0, 1, 2, 3, 4]
    assert order.index(9) <= 1


def test_a_redirect_counts_for_the_host_it_leads_to():
    schedule = Schedule([Task(0, "one")], per_second=10)
    begin = time.monotonic()
    for _ in range(3):
        schedule.pace("one")
    assert schedule.take() == Task(0, "one")
    assert time.monotonic() - begin >= 3 / 10


def test_every_task_is_given_out_once():
    tasks = [Task(number, f"host {number % 7}") for number in range(500)]
    schedule = Schedule(tasks, per_second=1e6)
    taken: list[int] = []

    def work() -> None:
        while (task := schedule.take()) is not None:
            if task.place % 5 == 0 and not task.tries:
                schedule.again(task, 0)
                continue
            taken.append(task.place)
            schedule.done(task)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(500))


@pytest.mark.parametrize(("hosts", "trouble", "tried", "offline"), [
    pytest.param(1, DOWN, MOST_FAILURES, False, id="silent"),
    pytest.param(1, Trouble("images.host", "unknown", "", certain=True), 1, False, id="unknown name"),
    pytest.param(1, None, 20, False, id="well"),
    pytest.param(20, DOWN, MOST_DEAD_HOSTS, True, id="many that are silent"),
    pytest.param(20, Trouble("images.private-address", "private", "", certain=True), 20, False, id="many in private"),
])  # fmt: skip
def test_when_a_host_is_given_up(hosts: int, trouble: Trouble | None, tried: int, offline: bool):
    schedule = Schedule([Task(number, f"host {number % hosts}") for number in range(20)], per_second=1e6)
    taken = 0
    while (task := schedule.take()) is not None:
        taken += 1
        schedule.done(task, trouble)
    assert (taken, schedule.offline) == (tried, offline)


def test_failures_that_are_not_in_a_row_are_forgiven():
    schedule = Schedule([Task(number, "one") for number in range(12)], per_second=1e6)
    while (task := schedule.take()) is not None:
        schedule.done(task, DOWN if task.place % 3 else None)
    assert schedule.dead("one") is None


def test_a_stop_ends_every_wait():
    schedule = Schedule([Task(0, "one"), Task(1, "one")], per_second=0.001)
    schedule.take()
    waiting = threading.Thread(target=schedule.take, daemon=True)
    waiting.start()
    schedule.stop()
    waiting.join(5)
    assert not waiting.is_alive()

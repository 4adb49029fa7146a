"""kill -9 at every step of a run: the next run leaves the platform as the feed says, and nothing is made twice."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from feedbridge.sync.planfile import PlanError
from tests.sync.shops import Box, Good, Nursery, Shop, goods, sandbox

KILLED = -signal.SIGKILL
LENIENT = {"max_delete_share": 1, "few_deletes": 100, "max_shrink": 1}
TEE: dict[str, Good] = {"TEE": {"sizes": {"S": "5.00", "M": "6.00", "L": "7.00"}}}
FIRST = {**goods(4), **TEE}
SECOND = {
    **goods(2, first=3, price="12.00"),  # P001 and P002 go, P003 and P004 change
    "TEE": {"sizes": {"S": "5.00", "L": "7.50"}},  # loses a variant: an update would leave it
    **goods(3, first=5),
}
THIRD = {**goods(2, first=4, price="13.00"), "TEE": {"sizes": {"S": "5.00"}, "brand": "Other"}, **goods(2, first=8)}


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as opened:
        yield opened


@pytest.fixture(scope="module")
def module_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with sandbox(tmp_path_factory.mktemp("box")) as opened:
        yield opened


@pytest.fixture
def box(module_box: Box) -> Box:
    module_box.reset()
    return module_box


def shop_of(folder: Path, box: Box, to: str, **more: Any) -> Shop:
    """A shop for one try; the platforms are empty."""
    box.reset()
    return Shop(folder, box, to=to.split("+"), batch=2, guards=LENIENT, **more)


def walk(folder: Path, box: Box, nursery: Nursery, to: str, at: str, before: list[dict[str, Good]],
         after: dict[str, Good], check: Callable[[Shop, int], None] | None = None) -> int:
    """Kill a run at its first, second, third … step, each in a shop of its own. Returns how many steps it has."""
    for number in itertools.count(1):
        shop = shop_of(folder / f"n{number}", box, to)
        for products in before:
            shop.feed(products)
            assert shop.sync().status == 0
        shop.feed(after)
        ended = nursery.run(shop, at=at, number=number)
        if ended != KILLED:
            assert ended == 0
            return number - 1
        killed = shop.runs()[-1]
        if len(shop.runs()) > len(before):  # it may die before it has written that it began
            assert (killed.status, killed.running) in ((None, False), (0, False))
            if killed.status == 0:  # it died when all was done
                shop.is_as_its_feed()
        (check or mended)(shop, number)
    raise AssertionError


def mended(shop: Shop, number: int) -> None:
    """One clean run puts everything right, says so, and the next has nothing to do."""
    runs = len(shop.runs())
    report = shop.sync()
    assert report.status == 0, number
    assert not report.counts["failed"] and not report.counts["unknown"], number
    shop.is_as_its_feed()
    calls = len(shop.calls())
    assert shop.sync().unchanged, number
    assert len(shop.calls()) == calls
    assert [run.status for run in shop.runs()[runs:]] == [0, 0]


@pytest.mark.parametrize("at", ["event", "commit"])
@pytest.mark.parametrize("to", ["flipsnack", "magento"])
@pytest.mark.parametrize(("before", "after"), [
    pytest.param([], FIRST, id="first"), pytest.param([FIRST], SECOND, id="changes"),
])
def test_a_kill_at_any_step_is_mended_by_the_next_run(tmp_path, box, nursery, to, at, before, after):
    steps = walk(tmp_path, box, nursery, to, at, before, after)
    assert steps >= (15 if at == "event" else 12)


@pytest.mark.parametrize("to", ["flipsnack", "magento"])
@pytest.mark.parametrize("at", ["calling", "answered"])
def test_the_feed_may_have_moved_on_by_the_next_run(tmp_path, box, nursery, to, at):
    """What was tried is then neither what the platform had nor what it is to have."""

    def next_day(shop: Shop, number: int) -> None:
        shop.feed(THIRD)
        mended(shop, number)

    assert walk(tmp_path, box, nursery, to, at, [FIRST], SECOND, next_day) >= 4


@pytest.mark.parametrize("at", ["calling", "answered"])
def test_the_next_run_may_be_killed_too(tmp_path, box, nursery, at):
    def again(shop: Shop, number: int) -> None:
        for step in (1, 2, 3):
            nursery.run(shop, at=at, number=step)
        mended(shop, number)

    assert walk(tmp_path, box, nursery, "flipsnack", at, [FIRST], SECOND, again) >= 6


def test_a_kill_while_the_plan_is_written_leaves_no_plan(tmp_path, box, nursery):
    def unsent(shop: Shop, number: int) -> None:
        assert [call["action"] for call in shop.calls()] == ["products.create"] * 3
        assert not list((shop.folder / "ledger.runs").glob(f"*/{shop.runs()[-1].id}/plan.jsonl"))
        mended(shop, number)

    assert walk(tmp_path, box, nursery, "flipsnack", "line", [FIRST], SECOND, unsent) >= 10


@pytest.mark.parametrize("to", ["flipsnack", "magento"])
def test_a_kill_while_a_plan_is_applied(tmp_path, box, nursery, to):
    """The plan may be applied again when nothing was begun; else it is refused, and a sync puts things right."""
    ends = set()
    for number in itertools.count(1):
        shop = shop_of(tmp_path / f"n{number}", box, to)
        shop.feed(FIRST)
        shop.sync()
        shop.feed(SECOND)
        plan = shop.folder / "plan.jsonl"
        assert shop.plan(plan).status == 0
        if (ended := nursery.run(shop, "apply", at="event", number=number, plan=plan)) != KILLED:
            assert ended == 0
            break
        try:
            report = shop.apply(plan)
            ends.add("applied")
            assert report.status == 0
            assert "dies" not in report.took_over
        except PlanError as exc:
            ends.add(exc.code)
            assert shop.sync().status == 0
        shop.is_as_its_feed()
    assert ends == {"applied", "plan.stale"}
    assert number > 15


@pytest.mark.parametrize("fault", ["hang", "hang-after"])
@pytest.mark.parametrize("to", ["flipsnack", "magento"])
@pytest.mark.parametrize("call", range(1, 6))
def test_a_kill_while_the_platform_works(tmp_path, box, nursery, to, fault, call):
    shop = shop_of(tmp_path / "shop", box, to)
    shop.feed(FIRST)
    shop.sync()
    shop.feed(SECOND)
    calls = len(shop.calls())
    box.faults(f"{fault}:{call}")
    child = nursery.start(shop)
    while len(shop.calls()) < calls + call:
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    assert nursery.ended() == KILLED
    box.faults()
    assert [(run.status, run.running) for run in shop.runs()] == [(0, False), (None, False)]
    mended(shop, call)


def test_what_was_being_created_and_is_gone_by_then(tmp_path, box, nursery):
    """Nobody knows whether Flipsnack has it; that it must go is known."""
    for at, number in itertools.product(("calling", "answered"), (1, 2)):
        shop = shop_of(tmp_path / f"{at}{number}", box, "flipsnack")
        shop.feed(goods(5))
        assert nursery.run(shop, at=at, number=number) == KILLED
        shop.feed({"P005": {"price": "1.00"}})
        mended(shop, number)


def test_what_was_being_deleted_and_is_back(tmp_path, box, nursery):
    for at in ("calling", "answered"):
        shop = shop_of(tmp_path / at, box, "flipsnack")
        shop.feed(FIRST)
        shop.sync()
        shop.feed({"P003": FIRST["P003"], "P004": FIRST["P004"]})
        assert nursery.run(shop, at=at, number=1) == KILLED
        shop.feed({**FIRST, "TEE": {"sizes": {"S": "5.00"}}})
        mended(shop, 1)


def test_a_run_that_died_says_so_to_the_next(tmp_path, box, nursery):
    shop = shop_of(tmp_path / "shop", box, "flipsnack")
    shop.feed(FIRST)
    assert nursery.run(shop, at="written", number=2) == KILLED
    dead = shop.runs()[-1]
    report = shop.sync()
    assert dead.id in report.took_over and "died" in report.took_over
    assert report.counts["created"] == 1  # two calls were written down
    assert [run.status for run in shop.runs()] == [None, 0]
    assert not any(run.running for run in shop.runs())

"""kill -9 at every step of a run: the next run leaves the platform as the feed says, and nothing is made twice."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from feedbridge.sync.planfile import PlanError
from tests.sync.shops import Box, Good, Nursery, Shop, goods, memory, sandbox

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


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def module_box() -> Iterator[Box]:
    with tempfile.TemporaryDirectory(dir=memory()) as name, sandbox(Path(name)) as opened:
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
    """Kill a run at its first, second, third … step, each from the same beginning. Returns how many steps it has."""
    shop = shop_of(folder / "shop", box, to)
    for products in before:
        shop.feed(products)
        assert shop.sync().status == 0
    shop.feed(after)
    shutil.copytree(shop.folder, folder / "base")
    saved = box.saved()
    for number in itertools.count(1):
        shutil.rmtree(shop.folder)
        shutil.copytree(folder / "base", shop.folder)
        box.restore(saved)
        ended = nursery.run(shop, at=at, number=number)
        if ended != KILLED:
            assert ended == 0
            return number - 1
        if len(runs := shop.runs()) > len(before):  # it may die before it has written that it began
            killed = runs[-1]
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


@pytest.mark.parametrize(("to", "at", "before", "after", "least"), [
    pytest.param("flipsnack", "event", [], FIRST, 18, id="flipsnack: the first run"),
    pytest.param("flipsnack", "event", [FIRST], SECOND, 30, id="flipsnack: all kinds of changes"),
    pytest.param("flipsnack", "commit", [FIRST], SECOND, 20, id="flipsnack: between the ledger's transactions"),
    pytest.param("magento", "event", [], FIRST, 20, id="magento: the first run"),
    pytest.param("magento", "event", [FIRST], SECOND, 30, id="magento: all kinds of changes"),
])
def test_a_kill_at_any_step_is_mended_by_the_next_run(folder, box, nursery, to, at, before, after, least):
    assert walk(folder, box, nursery, to, at, before, after) >= least


@pytest.mark.parametrize("to", ["flipsnack", "magento"])
@pytest.mark.parametrize("at", ["calling", "answered"])
def test_the_feed_may_have_moved_on_by_the_next_run(folder, box, nursery, to, at):
    """What was tried is then neither what the platform had nor what it is to have."""

    def next_day(shop: Shop, number: int) -> None:
        shop.feed(THIRD)
        mended(shop, number)

    assert walk(folder, box, nursery, to, at, [FIRST], SECOND, next_day) >= 4


@pytest.mark.parametrize("at", ["calling", "answered"])
def test_the_next_run_may_be_killed_too(folder, box, nursery, at):
    def again(shop: Shop, number: int) -> None:
        for step in (1, 2, 3):
            nursery.run(shop, at=at, number=step)
        mended(shop, number)

    assert walk(folder, box, nursery, "flipsnack", at, [FIRST], SECOND, again) >= 6


def test_a_kill_while_the_plan_is_written_leaves_no_plan(folder, box, nursery):
    def unsent(shop: Shop, number: int) -> None:
        assert not shop.calls()
        assert not list((shop.folder / "ledger.runs").glob(f"*/{shop.runs()[-1].id}/plan.jsonl"))
        mended(shop, number)

    assert walk(folder, box, nursery, "flipsnack", "line", [FIRST], {**FIRST, **goods(2)}, unsent) >= 6


@pytest.mark.parametrize("to", ["flipsnack", "magento"])
def test_a_kill_while_a_plan_is_applied(folder, box, nursery, to):
    """The plan may be applied again when nothing was begun; else it is refused, and a sync puts things right."""
    ends = set()
    for number in itertools.count(1):
        shop = shop_of(folder / f"n{number}", box, to)
        shop.feed(goods(3))
        plan = shop.folder / "plan.jsonl"
        assert shop.plan(plan).status == 0
        if (ended := nursery.run(shop, "apply", at="event", number=number, plan=plan)) != KILLED:
            assert ended == 0
            break
        try:
            report = shop.apply(plan)
            ends.add("applied")
            assert report.status == 0
        except PlanError as exc:
            ends.add(exc.code)
            assert shop.sync().status == 0
        shop.is_as_its_feed()
    assert ends == {"applied", "plan.stale"}
    assert number > 10


@pytest.mark.parametrize("fault", ["hang", "hang-after"])
@pytest.mark.parametrize("to", ["flipsnack", "magento"])
@pytest.mark.parametrize("call", [1, 2, 4])
def test_a_kill_while_the_platform_works(folder, box, nursery, to, fault, call):
    shop = shop_of(folder / "shop", box, to)
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


@pytest.mark.parametrize("to", ["flipsnack", "magento"])
def test_what_was_being_created_and_is_gone_by_then(folder, box, nursery, to):
    """Nobody knows whether the platform has it; that it must not be for sale is known."""
    for at, number in itertools.product(("calling", "answered"), (1, 2)):
        shop = shop_of(folder / f"{at}{number}", box, to)
        shop.feed(goods(5))
        assert nursery.run(shop, at=at, number=number) == KILLED
        shop.feed({"P005": {"price": "1.00"}})
        mended(shop, number)


def test_what_was_being_deleted_and_is_back(folder, box, nursery):
    for at in ("calling", "answered"):
        shop = shop_of(folder / at, box, "flipsnack")
        shop.feed(FIRST)
        shop.sync()
        shop.feed({"P003": FIRST["P003"], "P004": FIRST["P004"]})
        assert nursery.run(shop, at=at, number=1) == KILLED
        shop.feed({**FIRST, "TEE": {"sizes": {"S": "5.00"}}})
        mended(shop, 1)


@pytest.mark.parametrize(("was", "tried", "to_be"), [
    pytest.param({}, {"sizes": {"S": "5.00", "M": "5.00"}}, {"sizes": {"S": "5.00"}}, id="never there: fewer variants"),
    pytest.param({"picture": ""}, {}, {"picture": ""}, id="a picture that was there for a day"),
    pytest.param({"picture": ""}, {}, {"picture": "", "price": "9.00"}, id="another price and no picture"),
    pytest.param({}, {"picture": ""}, {}, id="a picture that was gone for a day"),
    pytest.param({"sizes": {"S": "5.00"}}, {"sizes": {"S": "5.00", "M": "5.00"}}, {"sizes": {"S": "5.00"}}, id="a variant"),
])
@pytest.mark.parametrize("to", ["flipsnack", "magento"])
@pytest.mark.parametrize("kills", [1, 2])
def test_nothing_stays_of_what_was_tried_in_between(folder, box, nursery, to, was, tried, to_be, kills):
    """An update leaves what it does not name: what a killed run sent must be gone all the same."""
    shop = shop_of(folder / "shop", box, to)
    others = goods(3)
    shop.feed({**others, **({"X": {"price": "1.00", **was}} if was else {})})
    shop.sync()
    shop.feed({**others, "X": {"price": "1.00", **tried}})
    assert nursery.run(shop, at="answered", number=1) == KILLED
    shop.feed({**others, "X": {"price": "1.00", **to_be}})
    for number in range(1, kills):
        nursery.run(shop, at="answered", number=number)
    mended(shop, kills)


def test_a_run_that_died_says_so_to_the_next(folder, box, nursery):
    shop = shop_of(folder / "shop", box, "flipsnack")
    shop.feed(FIRST)
    assert nursery.run(shop, at="written", number=2) == KILLED
    dead = shop.runs()[-1]
    report = shop.sync()
    assert dead.id in report.took_over and "died" in report.took_over
    assert report.counts["created"] == 1  # two calls were written down
    assert [run.status for run in shop.runs()] == [None, 0]
    assert not any(run.running for run in shop.runs())

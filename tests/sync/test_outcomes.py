"""What a run says it came to, when a platform takes nothing, or a run ends before it is through: status, counts, words."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedbridge.sync.jobfile import load_jobs
from feedbridge.sync.outcome import Report
from feedbridge.sync.syncing import Options, Sync
from tests.sync.shops import Box, Shop, goods, memory, sandbox

LENIENT = {"max_delete_share": 1, "few_deletes": 1000, "max_shrink": 1}


@pytest.fixture(scope="module")
def module_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with sandbox(tmp_path_factory.mktemp("outcomes")) as opened:
        yield opened


@pytest.fixture
def box(module_box: Box) -> Box:
    module_box.reset()
    return module_box


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        yield Path(name)


def result_of(report: Report, target: str = "flipsnack") -> dict:
    return next(one for one in report.result()["targets"] if one["name"] == target)


# What was tried counts as tried


def told_as_the_ledger_has_it(shop: Shop, report: Report, planned: int) -> None:
    """Report, history and ledger say the same of every item."""
    to = shop.to[0]
    result, states = result_of(report, to), shop.states()
    done = report.targets[to].counts
    assert done.get("unknown", 0) == states.get("unknown", 0) == shop.runs()[-1].counts["unknown"]
    assert done.get("failed", 0) == states.get("failed", 0) == shop.runs()[-1].counts["failed"]
    assert result.get("left", 0) == planned - sum(done.values())


@pytest.mark.parametrize(("to", "faults", "unknown"), [
    ("flipsnack", ["drop-before:2", "maintenance:3-99"], 2), ("magento", ["503:all"], 2), ("magento", ["drop-after:2-99"], 2),
], ids=str)
@pytest.mark.parametrize("how", ["it gives up", "it is stopped"])
def test_what_is_not_known_when_a_run_ends_early_is_counted_so(folder, box, to, faults, unknown, how):
    shop = Shop(folder / "shop", box, to=[to], batch=2)
    shop.feed(goods(10))
    box.faults(*faults)
    stop = (lambda: shop.clock.slept > 20) if how == "it is stopped" else (lambda: False)
    report = shop.sync(stop=stop)
    assert report.status == (130 if how == "it is stopped" else 3)
    assert report.targets[to].counts["unknown"] >= unknown
    told_as_the_ledger_has_it(shop, report, 10)
    box.faults()
    assert shop.sync().status == 0
    shop.is_as_its_feed()


def test_what_a_refused_call_had_taken_in_halves_counts_as_sent(folder, box):
    """The call is refused, one half is taken, then the key goes."""
    shop = Shop(folder / "shop", box, batch=4)
    shop.feed(goods(8))
    box.faults("400:1", "wrong-key:3")
    report = shop.sync()
    assert (report.status, report.targets["flipsnack"].counts) == (3, {"created": 2})
    assert result_of(report)["left"] == 6
    assert shop.states() == {"sent": 2}
    box.faults()
    assert shop.sync().status == 0
    shop.is_as_its_feed()


def test_what_is_away_when_a_run_is_stopped_is_counted_once(folder, box):
    shop = Shop(folder / "shop", box, guards={**LENIENT, "max_lost_share": 1})
    shop.feed(goods(6))
    shop.sync()
    shop.feed(goods(6, text=""))
    box.faults("wrong-key:2")
    report = shop.sync()
    assert (report.status, report.targets["flipsnack"].counts) == (3, {"failed": 6})
    assert all("deleted to be made anew" in failure.message for failure in report.targets["flipsnack"].failures)
    box.faults()
    assert shop.sync().status == 0
    shop.is_as_its_feed()


# A platform that takes nothing


@pytest.mark.parametrize(("to", "products", "faults"), [
    ("flipsnack", 500, ["400:all"]), ("flipsnack", 60, ["400:all"]), ("magento", 500, ["400:all"]),
])
def test_a_platform_that_refuses_every_call_is_let_be(folder, box, to, products, faults):
    shop = Shop(folder / "shop", box, to=[to], batch=500)
    shop.feed(goods(products))
    box.faults(*faults)
    report = shop.sync()
    assert report.status == 3
    assert len(shop.calls()) == 20
    assert report.targets[to].down.code == "refused"
    assert "nothing was taken" in report.targets[to].down.message and "400" in report.targets[to].down.message
    told_as_the_ledger_has_it(shop, report, products)
    box.faults()
    assert shop.sync().status == 0
    shop.is_as_its_feed()


@pytest.mark.parametrize("batch", [1, 10, 500])
@pytest.mark.parametrize("bad", [
    pytest.param(range(1, 31), id="beside each other at the beginning"), pytest.param(range(71, 101), id="at the end"),
    pytest.param(range(3, 101, 4), id="all over"),
])
def test_many_bad_products_do_not_sink_the_others(folder, box, batch, bad):
    shop = Shop(folder / "shop", box, batch=batch)
    shop.feed(goods(100))
    box.faults(*(f"reject:P{one:03}" for one in bad))
    report = shop.sync()
    assert report.status == 1
    assert report.targets["flipsnack"].counts == {"created": 100 - len(bad), "failed": len(bad)}


def test_thirty_bad_ones_of_500(folder, box):
    shop = Shop(folder / "shop", box)
    shop.feed(goods(500))
    box.faults(*(f"reject:P{one:03}" for one in range(1, 31)))
    assert shop.sync().targets["flipsnack"].counts == {"created": 470, "failed": 30}


@pytest.mark.parametrize(("faults", "most"), [
    (["partial:P017"], 2), (["partial:P017", "partial:P400", "partial:P401"], 2), (["partial:P017", "reject:P300"], 25),
], ids=str)
def test_what_a_refusal_names_does_not_go_again_with_the_others(folder, box, faults, most):
    """Code 400 takes nothing: those it names have failed, the rest goes again in one call."""
    shop = Shop(folder / "shop", box)
    shop.feed(goods(500))
    box.faults("errors:whole", *faults)
    report = shop.sync()
    bad = {fault.partition(":")[2] for fault in faults}
    assert (report.status, {failure.key for failure in report.targets["flipsnack"].failures}) == (1, bad)
    assert len(shop.calls()) <= most
    assert len(shop.on("flipsnack")) == 500 - len(bad)


# Nothing taken is no success


@pytest.mark.parametrize(("had", "new", "status"), [
    pytest.param(0, 3, 3, id="all of a place that has nothing yet"),
    pytest.param(20, 10, 3, id="ten and more"),
    pytest.param(20, 9, 1, id="a few"),
])
def test_a_target_that_took_none_of_its_items_failed(folder, box, had, new, status):
    shop = Shop(folder / "shop", box)
    if had:
        shop.feed(goods(had))
        assert shop.sync().status == 0
    shop.feed(goods(had + new))
    box.faults(*(f"partial:P{one:03}" for one in range(had + 1, had + new + 1)))
    for _ in range(2):
        report = shop.sync(metrics=folder)
        assert report.status == status
        assert report.targets["flipsnack"].counts == {"failed": new}
        if status == 3:
            assert f"it took none of {new} items; P{had + 1:03}: " in report.targets["flipsnack"].down.message
            assert "it took none" in shop.runs()[-1].message
    success = [line for line in (folder / "feedbridge_shop.prom").read_text().splitlines() if "last_success" in line]
    assert bool(success) == (status == 1)


def test_what_is_refused_every_night_is_no_failed_delivery(folder, box):
    """Ten that were refused already when the others were taken: a quiet night is not worse than a busy one."""
    shop = Shop(folder / "shop", box)
    shop.feed(goods(20))
    bad = [f"partial:P{one:03}" for one in range(1, 11)]
    box.faults(*bad)
    assert shop.sync().status == 1
    assert [shop.sync().status for _ in range(2)] == [1, 1]
    shop.feed({**goods(20), **goods(10, first=11, price="12.00")})
    box.faults(*bad, *(f"partial:P{one:03}" for one in range(11, 21)))
    assert [shop.sync().status for _ in range(2)] == [3, 3]


def test_what_another_job_has_sent_is_named_as_such(folder, box):
    shop = Shop(folder / "shop", box, alerts={"on": ["failed", "products"]})
    shop.feed(goods(9))
    assert shop.sync().status == 0
    path = shop.folder / "feedbridge.yaml"
    path.write_text(path.read_text().replace('"shop": {', '"store": {'))
    job = load_jobs(path, environment=shop.environment).job("store")
    from feedbridge.sync.telling import problems_of

    with Sync(job, environment=shop.environment) as sync:
        report = sync.sync()
    assert report.status == 3
    assert "it took none of 9 items; P001: " in report.targets["flipsnack"].down.message
    failed, products = problems_of("store", report)
    assert (failed.kind, failed.target, failed.codes) == ("failed", "flipsnack", ("none-taken",))
    assert products.details["codes"] == {"sync.other-job": 9}


# How to go on


def test_what_a_released_plan_left_is_sent_by_the_command_that_is_told(folder, box):
    shop = Shop(folder / "shop", box, to=["magento"], batch=2)
    shop.feed(goods(12))
    shop.sync()
    shop.feed(goods(4))
    assert shop.sync().status == 4
    box.faults("503:3-99")
    report = shop.apply(release=True)
    assert report.status == 3
    assert "feedbridge sync shop --release" in report.targets["magento"].down.mend
    assert "same command" not in report.targets["magento"].down.mend
    box.faults()
    assert shop.sync(Options(release=True)).status == 0
    shop.is_as_its_feed()


def test_what_a_plan_of_a_file_left_is_sent_by_a_sync(folder, box):
    shop = Shop(folder / "shop", box, to=["magento"], batch=2)
    shop.feed(goods(6))
    shop.plan(folder / "plan.jsonl")
    box.faults("503:2-99")
    report = shop.apply(folder / "plan.jsonl")
    assert "feedbridge sync shop sends it" in report.targets["magento"].down.mend
    box.faults()
    assert shop.sync().status == 0
    shop.is_as_its_feed()

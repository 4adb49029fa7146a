"""What is held back, over all runs: which product it is, that it is named everywhere, given out whole, and over when it is."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from feedbridge.sync.history import History
from feedbridge.sync.ledger_rows import HeldRow
from feedbridge.sync.syncing import Options, Report
from tests.sync.shops import Box, Shop, goods, sandbox

LIST = """\
feedbridge: 1
name: list
source: {format: csv}
records: {one: product}
product:
  sku: Sku
  title: Name
  price: {from: Price, currency: EUR}
"""
"""A mapping of one row a product: nothing but the SKU says which it is."""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with sandbox(tmp_path_factory.mktemp("quarantine")) as one:
        yield one


@pytest.fixture
def shop(tmp_path: Path, box: Box) -> Shop:
    return Shop(tmp_path / tmp_path.name, box)


@pytest.fixture
def rows(tmp_path: Path, box: Box) -> Shop:
    """Its products have no key beside their SKU."""
    shop = Shop(tmp_path / tmp_path.name, box, mapping="list.yaml", set={})
    (shop.folder / "list.yaml").write_text(LIST)
    return shop


def listed(shop: Shop, *prices: tuple[str, str]) -> None:
    text = "".join(f"{sku},Name of {sku},{price}\n" for sku, price in prices)
    shop.source.write_text("Sku,Name,Price\n" + text)


def held(shop: Shop) -> list[HeldRow]:
    with shop.ledger() as ledger:
        return ledger.held(ledger.jobs()[0].id)


def skus(shop: Shop) -> list[str]:
    return [row.sku for row in held(shop)]


def export(shop: Shop, name: str = "mend") -> tuple[list[Path], list[HeldRow]]:
    with History(shop.job().file, shop.environment) as history:
        return history.export(shop.job(), shop.folder / name)


def given(paths: list[Path], column: str = "Variant SKU") -> list[str]:
    found: list[str] = []
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found += [row[column] for row in csv.DictReader(file)]
    return found


def replay(shop: Shop, *paths: Path, **changed: str) -> Report:
    """Mend exported files and feed them in."""
    for path in paths:
        text = path.read_text(encoding="utf-8-sig")
        for bad, good in changed.items():
            text = text.replace(bad, good)
        path.write_text(text, encoding="utf-8-sig")
    return shop.sync(Options(sources=tuple(map(str, paths))))


WAS = goods(3)
TEE = {"sizes": {"S": "5.00", "M": "6.00"}}
MENDED = [
    pytest.param({}, {"CAP": {"price": "bad"}}, id="never sent"),
    pytest.param({"CAP": {"price": "7.00"}}, {"CAP": {"price": "bad"}}, id="sent before"),
    pytest.param({"CAP": {"price": "7.00", "handle": "CAP"}}, {"CAP": {"price": "bad", "handle": "CAP"}}, id="SKU for a handle"),
    pytest.param({}, {"TEE": {"sizes": {"S": "5.00", "M": "bad"}}}, id="variants, never sent"),
    pytest.param({"TEE": TEE}, {"TEE": {"sizes": {"S": "5.00", "M": "bad"}}}, id="variants, sent before"),
    pytest.param({"CAP": {"price": "7.00"}}, {"CAP": {"price": "bad"}, "HAT": {"price": "8.00"}}, id="with something new"),
]


@pytest.mark.parametrize(("to", "before", "broken"), [
    *(pytest.param("flipsnack", *case.values, id=case.id) for case in MENDED),
    *(pytest.param("magento", *case.values, id=f"{case.id}, flattened") for case in MENDED if "sent before" in str(case.id)),
])
def test_a_mended_product_is_taken_whatever_holds_its_rows_together(tmp_path: Path, box: Box, to: str, before, broken):
    box.reset()
    shop = Shop(tmp_path / tmp_path.name, box, to=[to])
    shop.feed(WAS | before)
    shop.sync()
    shop.feed(WAS | broken)
    report = shop.sync()
    (name,) = {"CAP", "TEE"} & {*broken}
    assert (report.status, skus(shop), report.header.targets[0].products["held_back"]) == (1, [name], 1)
    told = [change for change in report.changes() if change.op == "held"]
    assert {change.sku for change in told} == {name}  # once, by its own name
    paths, lost = export(shop)
    assert (len(paths), lost) == (1, [])
    report = replay(shop, *paths, bad="9.00")
    assert report.status == 0, report.result()
    assert skus(shop) == []
    with shop.ledger() as ledger:
        assert [row.how for row in ledger.held(1, closed=True)] == ["replayed"]
    shop.source.write_text(shop.source.read_text().replace("bad", "9.00"))
    report = shop.sync()
    assert (report.status, report.header.targets[0].counts.keys()) == (0, {"unchanged"})
    shop.is_as_its_feed()


@pytest.mark.parametrize(("before", "broken"), MENDED)
def test_a_part_of_the_catalogue_closes_what_it_mends(tmp_path: Path, box: Box, before, broken):
    shop = Shop(tmp_path / tmp_path.name, box, reconcile="partial")
    shop.feed(WAS | before)
    shop.sync()
    shop.feed(broken)
    shop.sync()
    assert len(held(shop)) == 1
    shop.feed(goods(1, first=9))
    shop.sync()
    assert len(held(shop)) == 1  # it is not in the source tonight
    shop.feed({**broken, "CAP": {"price": "9.00"}} if "CAP" in broken else {"TEE": TEE})
    shop.sync()
    assert held(shop) == []


def test_a_mended_sku_is_taken_by_its_line(rows: Shop):
    """Nothing says which product a row is whose SKU cannot be read, but where it stood."""
    listed(rows, ("A", "1.00"), ("B", "2.00"), ("C", "3.00"))
    assert rows.sync().status == 0
    listed(rows, ("A", "1.00"), ("B\x01", "2.00"), ("C", "bad"), ("\x01", "7.00"))
    assert rows.sync().status == 1
    assert set(rows.on("flipsnack")) == {"A", "B", "C"}  # B may be any of them
    assert len(held(rows)) == 3
    paths, _ = export(rows)
    text = paths[0].read_text(encoding="utf-8-sig")
    lines = text.splitlines(keepends=True)
    assert [line.split(",")[0] for line in lines] == ["line", "3", "4", "5"]
    mended = "".join([lines[0], "3,,,,B,Name of B,2.50\r\n", lines[2]])
    (rows.folder / "mended.csv").write_text(mended)
    report = rows.sync(Options(sources=(str(rows.folder / "mended.csv"),)))
    assert (report.status, rows.on("flipsnack")["B"]["sell_price"]) == (1, 2.5)
    assert {(row.file, row.line) for row in held(rows)} == {("shop.csv", 4), ("shop.csv", 5)}


def test_a_row_that_is_not_mended_leaves_nothing_of_its_own(rows: Shop):
    listed(rows, ("A", "1.00"), ("", "2.00"), ("C", "bad"))
    rows.sync()
    before = held(rows)
    assert len(before) == 2
    paths, _ = export(rows)
    assert rows.sync(Options(sources=(str(paths[0]),))).status == 1
    assert held(rows) == before
    assert rows.sync().status == 1
    assert [(row.name, row.file, row.line, row.since) for row in held(rows)] == [
        (row.name, row.file, row.line, row.since) for row in before
    ]


def test_a_row_without_a_sku_is_known_by_what_it_says(rows: Shop):
    listed(rows, ("A", "1.00"), ("", "2.00"))
    rows.sync()
    (before,) = held(rows)
    listed(rows, ("A", "1.00"), ("NEW", "5.00"), ("", "2.00"))
    rows.sync()
    (now,) = held(rows)
    assert (now.since_run, now.line) == (before.since_run, 4)


@pytest.mark.parametrize("cell", ["MUG\x01", "\x01"])
def test_nothing_is_deleted_while_a_sku_cannot_be_read(shop: Shop, cell: str):
    shop.feed(goods(3) | {"MUG": {"price": "4.00"}})
    shop.sync()
    before = shop.on("flipsnack")
    shop.source.write_text(shop.source.read_text().replace(",MUG,", f",{cell},"))
    report = shop.sync()
    assert (report.status, shop.on("flipsnack")) == (1, before)
    shop.feed(goods(2))
    shop.source.write_text(shop.source.read_text().replace(",P002,", f",{cell},"))
    assert shop.on("flipsnack") == before
    paths, _ = export(shop)
    report = replay(shop, *paths, **{cell: "MUG", "4.00": "4.50"})
    assert (report.status, shop.on("flipsnack")["MUG"]["sell_price"], held(shop)) == (0, 4.5, [])


def test_a_key_that_two_sources_have_is_two_products(tmp_path: Path, box: Box):
    shop = Shop(tmp_path / tmp_path.name, box, source=["shop.csv", "more.csv"])
    shop.feed({"MUG": {"price": "bad", "handle": "mug"}, "P001": {"price": "1.00"}})
    shop.source.rename(shop.folder / "more.csv")
    shop.feed({"CUP": {"price": "bad", "handle": "mug"}, "P002": {"price": "1.00"}})
    shop.sync()
    assert skus(shop) == ["CUP", "MUG"]
    paths, lost = export(shop)
    assert (sorted(given(paths)), lost, len(paths)) == (["CUP", "MUG"], [], 2)
    more = next(path for path in paths if path.name == "more.csv")
    assert replay(shop, more, bad="3.00").status == 0
    assert (skus(shop), set(shop.on("flipsnack"))) == (["CUP"], {"MUG", "P001", "P002"})
    # the source with the other one alone is mended, too
    shop.source.write_text(shop.source.read_text().replace("bad", "3.00"))
    since = held(shop)[0].since_run
    shop.sync()
    (left,) = held(shop)
    assert (left.sku, left.since_run != since) == ("MUG", True)


def test_one_sku_held_back_twice_is_listed_and_given_out_twice(shop: Shop):
    shop.feed(goods(2) | {"MUG": {"price": "bad"}})
    lines = shop.source.read_text().splitlines(keepends=True)
    shop.source.write_text("".join([*lines, lines[-1].replace("page-of-mug", "page-of-another")]))
    shop.sync()
    assert skus(shop) == ["MUG", "MUG"]
    assert given(export(shop)[0]) == ["MUG", "MUG"]


# -- the export


def test_the_export_has_what_several_nights_held_back(tmp_path: Path, box: Box):
    shop = Shop(tmp_path / tmp_path.name, box, reconcile="partial", keep_runs=1)
    for number in range(4):
        shop.feed({f"H{number}": {"price": "bad"}, f"G{number}": {"price": "1.00"}})
        shop.sync()
    assert skus(shop) == ["H0", "H1", "H2", "H3"]  # their runs' folders are kept
    paths, lost = export(shop)
    assert (sorted(given(paths)), [path.name for path in paths], lost) == (["H0", "H1", "H2", "H3"], ["shop.csv"], [])
    assert replay(shop, *paths, bad="2.00").status == 0
    assert held(shop) == []


def test_columns_that_changed_make_another_file(tmp_path: Path, box: Box):
    shop = Shop(tmp_path / tmp_path.name, box, reconcile="partial")
    shop.feed({"H1": {"price": "bad"}, "P001": {"price": "1.00"}})
    shop.sync()
    shop.feed({"H2": {"price": "bad"}, "P001": {"price": "1.00"}})
    head, rest = shop.source.read_text().split("\n", 1)
    shop.source.write_text("\n".join([f"{head.strip()},Notes", *(f"{line.strip()}," for line in rest.splitlines())]) + "\n")
    shop.sync()
    paths, _ = export(shop)
    assert ([path.name for path in paths], given(paths)) == (["shop.csv", "shop-2.csv"], ["H1", "H2"])
    assert replay(shop, *paths, bad="2.00").status == 0
    assert held(shop) == []


def test_the_export_after_a_replay_that_mended_nothing_is_as_before(shop: Shop):
    shop.feed(goods(2) | {"H1": {"price": "bad"}, "H2": {"price": "bad"}})
    shop.sync()
    whole = export(shop)[0][0].read_bytes()
    shop.feed({"H1": {"price": "worse"}})
    shop.source.rename(shop.folder / "one.csv")
    shop.feed(goods(2) | {"H1": {"price": "bad"}, "H2": {"price": "bad"}})
    assert shop.sync(Options(sources=(str(shop.folder / "one.csv"),))).status == 1
    assert shop.sync().unchanged
    assert export(shop, "again")[0][0].read_bytes() == whole


def test_what_one_of_two_targets_holds_back_is_given_out(tmp_path: Path, box: Box):
    """A feed may ask for more than another: the settings of a target decide what it takes."""
    shop = Shop(tmp_path / tmp_path.name, box)
    target = shop.spec["targets"]["flipsnack"]
    settings = target["settings"]
    other = settings | {"source_hash": f"{shop.source_hash}2", "option_delimiter": "/"}
    shop.write_job(shop.spec | {"targets": {
        "flipsnack": target, "other": target | {"platform": "flipsnack", "settings": other},
    }})
    shop.feed(goods(2) | {"TEE": {"sizes": {"S/36": "5.00", "M/38": "5.00"}}})
    report = shop.sync()
    assert [one.products["held_back"] for one in report.header.targets] == [0, 1]
    assert skus(shop) == ["TEE"]
    paths, lost = export(shop)
    assert (given(paths), lost) == (["TEE-S/36", "TEE-M/38"], [])
    report = replay(shop, *paths, **{",S/36,": ",S 36,", ",M/38,": ",M 38,"})
    assert (report.status, held(shop)) == (0, [])
    assert set(box.flipsnack(f"{shop.source_hash}2")) == {"P001", "P002", "TEE"}


def test_records_that_are_gone_are_named_and_come_back(shop: Shop):
    shop.feed(goods(2) | {"H1": {"price": "bad"}})
    run = shop.sync().run
    with shop.ledger() as ledger:
        shutil.rmtree(ledger.folder / "shop" / run)
    paths, lost = export(shop)
    assert (paths, [row.sku for row in lost]) == ([], ["H1"])
    assert not shop.sync().unchanged  # it reads the feed again, so that they are there
    assert given(export(shop)[0]) == ["H1"]


# -- what is told


def test_a_plan_of_the_same_feed_names_what_is_held_back(shop: Shop):
    shop.feed(goods(3) | {"CAP": {"price": "bad"}})
    shop.sync()
    for again in (shop.plan(), shop.sync(), shop.plan()):
        assert (again.status, again.unchanged) == (1, True)
        (change,) = again.changes()
        assert (change.op, change.sku, change.file, change.line) == ("held", "CAP", "shop.csv", 5)
        assert "bad" in change.reason


def test_what_a_plan_from_a_file_held_back_is_listed(shop: Shop, tmp_path: Path):
    shop.feed(goods(3) | {"CAP": {"price": "bad"}})
    shop.plan(tmp_path / "plan.jsonl")
    assert shop.apply(tmp_path / "plan.jsonl").status == 1
    assert (skus(shop), given(export(shop)[0])) == (["CAP"], ["CAP"])
    assert shop.sync().unchanged


def test_what_a_released_run_mended_is_over(shop: Shop):
    shop.feed(goods(20) | {"CAP": {"price": "bad"}})
    shop.sync()
    shop.feed(goods(4) | {"CAP": {"price": "2.00"}})
    assert (shop.sync().status, skus(shop)) == (4, ["CAP"])
    assert (shop.apply(release=True).status, held(shop)) == (0, [])
    assert shop.sync().unchanged


def standing(shop: Shop) -> list[dict[str, object]]:
    with History(shop.job().file, shop.environment) as history:
        return history.standing(shop.job())[0]["targets"][0]["not_taken"]


def test_what_the_platform_refused_is_seen_afterwards(shop: Shop, box: Box):
    shop.feed(goods(4))
    shop.sync()
    shop.feed(goods(4, price="11.00"))
    box.faults("partial:P003")
    try:
        first = shop.sync()
        shop.sync()
    finally:
        box.faults()
    (item,) = standing(shop)
    began = next(run.started for run in shop.runs() if run.id == first.run)
    assert (item["key"], item["state"], item["since"]) == ("P003", "failed", began)
    words = first.targets["flipsnack"].failures[0].message
    assert words and item["message"] == words
    (change,) = shop.plan().changes()
    assert change.reason == f"field sell_price changed; it was not taken before: {words}"
    shop.sync()
    assert standing(shop) == []


NAMES: list[tuple[str, Callable[[HeldRow], bool]]] = [
    ("TEE", lambda row: row.sku == "TEE"), ("TEE-M", lambda row: row.sku == "TEE"), ("tee-m", lambda row: row.sku == "TEE"),
    ("CAP", lambda row: row.sku == "CAP"), ("page-of-cap", lambda row: row.sku == "CAP"),
]


@pytest.mark.parametrize(("name", "right"), NAMES, ids=[name for name, _ in NAMES])
def test_a_held_back_product_is_found_by_any_name(shop: Shop, name: str, right: Callable[[HeldRow], bool]):
    shop.feed(goods(2) | {"TEE": {"sizes": {"S": "5.00", "M": "bad"}}, "CAP": {"price": "bad"}})
    shop.sync()
    with History(shop.job().file, shop.environment) as history:
        (row,), found = history.held_called(shop.job(), name)
    assert right(row)
    assert [one["code"] for one in found] == ["cell.price-format"]

"""Exports that are not as they were last night: what a run says of them, what it leaves alone, and that the next whole
export brings every platform to what the feed says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import feedbridge
from feedbridge.errors import FeedbridgeError
from feedbridge.platforms.delivery import Parcel
from feedbridge.sync import reading
from feedbridge.sync.syncing import Options
from tests.sync.shops import Box, Good, Shop, goods, sandbox

EVERYWHERE = pytest.mark.parametrize("to", ["flipsnack", "magento"])
TEE: dict[str, Good] = {"TEE": {"title": "Tee", "sizes": {"S": "10.00", "M": "11.00"}, "before": "20.00"}}
FEED = goods(8) | TEE | {"LAST": {"price": "3.00"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with sandbox(tmp_path_factory.mktemp("box")) as box:
        yield box


@pytest.fixture
def box(server):
    server.reset()
    return server


def shop_of(tmp_path: Path, box: Box, to: str = "flipsnack", products: dict[str, Good] | None = None, **more: Any) -> Shop:
    """A shop whose feed was sent."""
    shop = Shop(tmp_path / tmp_path.name, box, to=to.split("+"), **more)
    shop.feed(products if products is not None else FEED)
    assert shop.sync().status == 0
    return shop


def keys(report: Any, op: str) -> list[str]:
    return [change.key for change in report.changes() if change.op == op]


def guards(report: Any) -> list[str]:
    return [guard for guard, *_ in report.holds]


def sent_since(shop: Shop, call: int) -> list[tuple[str, int]]:
    return [(one["action"], one["items"]) for one in shop.box.calls(call)]


def lines(text: str, change: Callable[[str], str | None]) -> str:
    """The text with each line changed; None leaves it out."""
    changed = [change(line) for line in text.splitlines(keepends=True)]
    return "".join(line for line in changed if line is not None)


def is_of(sku: str, line: str) -> bool:
    return line.startswith((f"{sku},", f"page-of-{sku.lower()},"))


def of(sku: str, old: str, new: str) -> Callable[[str], str]:
    """A change of a product's rows."""
    return lambda text: lines(text, lambda line: line.replace(old, new) if is_of(sku, line) else line)


def without(sku: str) -> Callable[[str], str]:
    return lambda text: lines(text, lambda line: None if is_of(sku, line) else line)


HELD_RUNS = [
    pytest.param(lambda text: lines(text, lambda line: line if line.startswith("Handle") else None), "empty-source",
                 "10 products were read at the last complete run", id="header only"),
    pytest.param(lambda text: "".join(text.splitlines(keepends=True)[:6]), "shrunken-source",
                 "5 products, 50% fewer than the 10", id="half the rows"),
    pytest.param(lambda text: text[: len(text) // 2], "shrunken-source", "fewer than the 10", id="half the bytes"),
    pytest.param(lambda text: text.replace("Variant SKU", "Item number"), "lost-column", '"Variant SKU"',
                 id="SKU column renamed"),
    pytest.param(lambda text: text.replace("Variant Compare At Price", "Was"), "lost-column",
                 '"Variant Compare At Price"', id="column of old prices lost"),
    pytest.param(lambda text: text.replace("Vendor", "Maker"), "lost-column", '"Vendor"', id="lost column that changes nothing"),
    pytest.param(lambda text: lines(text, lambda line: line.replace(".00", ".O0")), "all-failing", "all 10 products",
                 id="no price can be read"),
    pytest.param(lambda text: lines(text, lambda line: line.replace("10.00" if line.startswith("page-of-p") else "3.00",
                                                                    "free" if line.startswith("page-of-p") else "4.00")),
                 "many-failing", "8 of 10 products", id="most prices cannot be read"),
    pytest.param(lambda text: lines(text, lambda line: line.replace("P00", "p-00")), "renamed-ids",
                 "may be written in another way", id="SKUs written in another way"),
]


@EVERYWHERE
@pytest.mark.parametrize(("damage", "guard", "words"), HELD_RUNS)
def test_a_guard_holds_the_run_and_a_whole_export_ends_it(tmp_path, box, to, damage, guard, words):
    shop = shop_of(tmp_path, box, to)
    before, call = shop.on(to), box.last_call()
    whole = shop.source.read_bytes()
    shop.source.write_bytes(damage(whole.decode()).encode())
    report = shop.sync()
    assert report.status == 4
    assert guard in guards(report)
    assert words in next(found for name, found, _ in report.holds if name == guard)
    assert all("JOB" not in mend for *_, mend in report.holds)
    assert sent_since(shop, call) == []
    run = shop.runs()[-1]
    assert (run.status, run.finished is not None) == (4, True)
    assert guard in run.message
    shop.source.write_bytes(whole)
    assert shop.sync().status == 0
    assert shop.on(to) == before
    assert sent_since(shop, call) == []
    shop.is_as_its_feed()


@EVERYWHERE
def test_an_empty_file_is_held_though_it_cannot_be_read(tmp_path, box, to):
    shop = shop_of(tmp_path, box, to)
    call, whole = box.last_call(), shop.source.read_bytes()
    shop.source.write_bytes(b"")
    with pytest.raises(FeedbridgeError) as told:
        shop.sync()
    assert (told.value.exit_status, told.value.code) == (4, "guard.empty-source")
    assert "empty" in told.value.message and "nothing was sent" in told.value.message
    assert sent_since(shop, call) == []
    assert shop.runs()[-1].status == 4
    shop.source.write_bytes(whole)
    assert shop.sync().status == 0
    shop.is_as_its_feed()


def test_an_empty_file_is_no_guards_affair_before_anything_was_sent(tmp_path, box):
    shop = Shop(tmp_path / tmp_path.name, box)
    shop.source.write_bytes(b"")
    with pytest.raises(FeedbridgeError) as told:
        shop.sync()
    assert (told.value.exit_status, told.value.code) == (3, "source.empty")


@pytest.mark.parametrize("column", ["Variant Price", "Handle"])
def test_a_lost_column_that_the_mapping_needs_is_named_and_nothing_is_sent(tmp_path, box, column):
    shop = shop_of(tmp_path, box)
    call, whole = box.last_call(), shop.source.read_bytes()
    shop.source.write_bytes(whole.replace(column.encode(), b"Something"))
    with pytest.raises(FeedbridgeError) as told:
        shop.sync()
    assert (told.value.exit_status, told.value.code) == (4, "guard.lost-column")
    assert column in told.value.message
    assert sent_since(shop, call) == []
    assert shop.runs()[-1].status == 4
    shop.source.write_bytes(whole)
    assert shop.sync().status == 0
    shop.is_as_its_feed()


DAMAGES = [
    pytest.param(lambda text: text.rstrip("\r\n")[:-20], ["LAST"], [], "csv.cut-off", id="cut in the last row"),
    pytest.param(lambda text: text[: text.rindex("LAST,") + 2], [], ["LAST"], "csv.cut-off", id="cut in the last SKU"),
    pytest.param(of("P003", "Product 3,", '"Product 3,'), ["P003"], [], "csv.open-quote", id="row swallowed by a quote"),
    pytest.param(lambda text: of("P005", "P005,", "P005,x,y,z,")(without("P002")(text)), ["P005"], ["P002"],
                 "csv.long-row", id="damaged row while another product is gone"),
    pytest.param(of("P003", "10.00", "free"), ["P003"], [], "cell.price-format", id="price that cannot be read"),
    pytest.param(lambda text: text + next(line for line in text.splitlines(keepends=True) if is_of("P003", line))
                 .replace("page-of-p003,Product 3", "TWIN,A twin").replace("10.00", "99.00"), ["P003", "P003"], [], "",
                 id="same SKU in two products"),
    pytest.param(lambda text: text + next(line for line in text.splitlines(keepends=True) if is_of("P003", line))
                 .replace("10.00", "99.00"), ["P003"], [], "", id="same row twice, with another price"),
]


@EVERYWHERE
@pytest.mark.parametrize(("damage", "held", "kept", "code"), DAMAGES)
def test_what_is_in_doubt_stays_and_the_rest_goes(tmp_path, box, to, damage, held, kept, code):
    shop = shop_of(tmp_path, box, to)
    before = shop.on(to)
    # Another product changes that night.
    whole = of("P007", "10.00", "17.00")(shop.source.read_text())
    shop.source.write_text(damage(whole))
    report = shop.sync()
    assert report.status == 1
    assert (keys(report, "held"), keys(report, "keep")) == (held, kept)
    assert keys(report, "update") == ["P007"]
    assert not keys(report, "delete")
    assert not code or code in report.header.findings
    after = shop.on(to)
    assert {key: body for key, body in after.items() if key != "P007"} == {
        key: body for key, body in before.items() if key != "P007"}
    assert after["P007"] != before["P007"]
    if kept:
        assert all("damaged record" in change.message for change in report.changes() if change.op == "keep")
    shop.source.write_text(whole)
    call = box.last_call()
    assert shop.sync().status == 0
    assert sent_since(shop, call) == []
    shop.is_as_its_feed()


def test_deletions_that_wait_for_damaged_rows_can_be_released(tmp_path, box):
    shop = shop_of(tmp_path, box)
    whole = without("P002")(shop.source.read_text())
    shop.source.write_text(of("P005", "P005,", "P005,x,y,z,")(whole))
    report = shop.sync()
    assert (keys(report, "keep"), keys(report, "held")) == (["P002"], ["P005"])
    assert {"P002", "P005"} <= set(shop.on("flipsnack"))
    report = shop.sync(Options(release=True))
    assert (keys(report, "delete"), keys(report, "held")) == (["P002"], ["P005"])
    shop.source.write_text(whole)
    assert shop.sync().status == 0
    shop.is_as_its_feed()


@EVERYWHERE
def test_a_variant_claimed_by_two_products_is_changed_by_neither(tmp_path, box, to):
    shop = shop_of(tmp_path, box, to)
    before = shop.on(to)
    whole = shop.source.read_text()
    twin = 'TWIN,Twin,,Acme,TRUE,Size,S,TEE-S,99.00,,https://pictures.example/t.jpg,active\r\n'
    shop.source.write_text(of("TEE", "10.00", "12.00")(whole) + twin, newline="")
    report = shop.sync()
    assert report.status == 1
    assert shop.on(to) == before
    shop.source.write_text(whole, newline="")
    assert shop.sync().status == 0
    shop.is_as_its_feed()


def test_a_product_that_becomes_a_draft_is_deleted_and_comes_back(tmp_path, box):
    shop = shop_of(tmp_path, box)
    whole = shop.source.read_text()
    shop.source.write_text(of("P003", "active", "draft")(whole))
    report = shop.sync()
    assert (report.status, keys(report, "delete")) == (0, ["P003"])
    assert next(report.changes()).reason == "now draft, which is not for this platform"
    shop.is_as_its_feed()
    shop.source.write_text(whole)
    report = shop.sync()
    assert [(change.op, change.key, change.reason) for change in report.changes()] == [("create", "P003", "back in the feed")]
    shop.is_as_its_feed()


def test_a_draft_is_switched_off_where_products_can_be(tmp_path, box):
    shop = shop_of(tmp_path, box, "magento")
    shop.source.write_text(of("P003", "active", "draft")(shop.source.read_text()))
    report = shop.sync()
    assert [(change.op, change.key, change.reason) for change in report.changes()] == [
        ("update", "P003", "field status changed")]
    shop.is_as_its_feed()


@EVERYWHERE
def test_gone_and_back(tmp_path, box, to):
    shop = shop_of(tmp_path, box, to)
    whole = shop.source.read_text()
    shop.source.write_text(without("P003")(whole))
    report = shop.sync()
    assert [(change.op, change.key, change.reason) for change in report.changes()] == [
        ("delete", "P003", "gone from the feed")]
    assert shop.on(to).get("P003", {"status": 0})["status"] == 0
    shop.is_as_its_feed()
    call = box.last_call()
    shop.sync()
    assert sent_since(shop, call) == []
    shop.source.write_text(whole)
    report = shop.sync()
    assert [(change.op, change.reason) for change in report.changes()] == [("create", "back in the feed")]
    shop.is_as_its_feed()


@EVERYWHERE
def test_back_with_less_than_it_went_with(tmp_path, box, to):
    """A store that switches off still has the old picture of what comes back."""
    shop = shop_of(tmp_path, box, to, goods(6))
    shop.feed(goods(5))
    assert shop.sync().status == 0
    shop.feed(goods(5) | goods(1, first=6, picture=""))
    assert shop.sync().status == 0
    shop.is_as_its_feed()


@pytest.mark.parametrize(
    ("encode", "sent"),
    [
        pytest.param(lambda text: text.encode("utf-16"), [], id="UTF-16"),
        pytest.param(lambda text: text.encode("utf-8-sig"), [], id="UTF-8 with a mark"),
        pytest.param(lambda text: text.replace("Product 3", "Größe 3").encode("cp1252"), ["P003"], id="Windows"),
    ],
)
def test_an_export_in_another_encoding_is_the_same_feed(tmp_path, box, encode, sent):
    shop = shop_of(tmp_path, box)
    shop.source.write_bytes(encode(shop.source.read_text()))
    report = shop.sync()
    assert report.status == 0
    assert [change.key for change in report.changes()] == sent
    shop.is_as_its_feed()
    if sent:
        assert shop.on("flipsnack")["P003"]["title"] == "Größe 3"


def test_a_file_that_changes_while_it_is_read_is_not_sent(tmp_path, box, monkeypatch):
    shop = shop_of(tmp_path, box)
    call, whole = box.last_call(), shop.source.read_text()
    read = reading.run

    def while_read(conversion: Any, working: Path, progress: Any, watch: Any) -> Any:
        def grow(number: int) -> None:
            with shop.source.open("a") as file:
                file.write("NEW,Title,,,TRUE,Title,Default Title,NEW,1.00,,https://pictures.example/n.jpg,active\r\n")

        return read(conversion, working, grow, watch=watch)

    shop.source.write_text(of("P001", "10.00", "11.00")(whole))
    with monkeypatch.context() as patch:
        patch.setattr(reading, "run", while_read)
        with pytest.raises(FeedbridgeError) as told:
            shop.sync()
    assert (told.value.exit_status, told.value.code) == (3, "source.changed")
    assert sent_since(shop, call) == []
    assert shop.sync().status == 0
    assert "NEW" in shop.on("flipsnack")
    shop.is_as_its_feed()


def test_a_missing_file_stops_the_run(tmp_path, box):
    shop = shop_of(tmp_path, box)
    call = box.last_call()
    away = shop.source.rename(tmp_path / "away.csv")
    with pytest.raises(FeedbridgeError) as told:
        shop.sync()
    assert told.value.exit_status in (2, 3)
    assert "shop.csv" in str(told.value)
    away.rename(shop.source)
    shop.sync()
    assert sent_since(shop, call) == []


def test_a_run_that_sends_nothing_is_not_held_by_what_is_held_back(tmp_path, box):
    """As the first run with such a feed: what is held back is named, status 1. With anything to send, the guard holds it."""
    shop = shop_of(tmp_path, box, products=goods(9))
    before, call = shop.on("flipsnack"), box.last_call()
    for night in range(2):
        shop.feed(goods(4) | goods(5, first=5, price="free", text=f"Night {night}"))
        report = shop.sync()
        assert (report.status, guards(report), keys(report, "held")) == (1, [], [f"P00{number}" for number in range(5, 10)])
    held = next(change for change in report.changes() if change.op == "held")  # as the quarantine has it, though it was sent
    with shop.opened() as sync:
        (row,) = (row for row in sync.ledger.held(sync.row.id) if row.sku == "P005")
    assert (held.reason, held.mend, held.code, held.file, held.line) == (row.problem, row.mend, row.codes, row.file, row.line)
    assert '"free"' in held.reason and held.mend and held.line == 6
    shop.feed(goods(3) | goods(5, first=5, price="free"))
    report = shop.sync()
    assert (report.status, guards(report), keys(report, "delete")) == (4, ["many-failing"], ["P004"])
    assert (shop.on("flipsnack"), sent_since(shop, call)) == (before, [])


# Releasing --------------------------------------------------------------------------------------------------------


RELEASED = [pytest.param(*param.values[:2], id=param.id) for param in HELD_RUNS if param.values[1] != "all-failing"]


@EVERYWHERE
@pytest.mark.parametrize(("damage", "guard"), RELEASED)
def test_a_person_can_release_each_guard(tmp_path, box, to, damage, guard):
    shop = shop_of(tmp_path, box, to)
    whole = shop.source.read_bytes()
    shop.source.write_bytes(damage(whole.decode()).encode())
    assert shop.sync().status == 4
    report = shop.apply(release=True)
    assert report.status in (0, 1) and report.released
    held = {key for key, row in shop.rows(to).items() if row.sku in {sku.sku for sku in report.changes() if sku.op in ("held", "keep")}}
    shop.is_as_its_feed(except_for=held)
    assert shop.runs()[-1].kind == "apply"
    # The same export holds no further night.
    again = shop.sync()
    assert again.status == report.status
    assert not again.holds
    shop.source.write_bytes(whole)
    back = shop.sync()
    if back.status == 4:  # as many come back as went
        back = shop.apply(release=True)
    assert back.status == 0
    shop.is_as_its_feed()


@pytest.mark.parametrize("grace", [0, 2])
def test_a_sku_written_in_another_case_is_never_switched_off(tmp_path, box, grace):
    """The store knows no case: the one that is gone is the one that is there."""
    shop = shop_of(tmp_path, box, "magento", {"SKU-6": {"price": "6.00"}, "SKU-7": {"price": "7.00"}}, guards={"grace_runs": grace})
    feed = {"SKU-6": {"price": "6.00"}, "sku-7": {"price": "7.00"}}
    shop.feed(feed)
    done = []
    for _ in range(grace + 3):
        report = shop.sync()
        assert report.status == 0
        done.append(dict(report.targets["magento"].counts))
    assert done[:3] == [{"created": 1}, {"updated": 1}, {}]
    assert not [key for key, body in shop.on("magento").items() if body.get("status") == 0]
    assert set(shop.rows("magento")) == {"SKU-6", "sku-7"}
    shop.feed({"SKU-6": {"price": "6.00"}, "SKU-7": {"price": "7.00"}})
    shop.sync()
    assert keys(shop.sync(), "update") == ["SKU-7"]
    shop.feed({"SKU-6": {"price": "6.00"}})
    report = shop.sync(Options(release=True))
    assert keys(report, "delete") == ["SKU-7"]


@EVERYWHERE
@pytest.mark.parametrize(
    ("guard", "said", "products"),
    [
        pytest.param("mass-delete", {"few_deletes": 0}, goods(10, first=3) | TEE, id="share deleted"),
        pytest.param("mass-delete", {"max_deletes": 1}, goods(10, first=3) | TEE, id="count deleted"),
        pytest.param("mass-change", {"max_changed_share": 0.5}, goods(12, price="11.00") | TEE, id="most change"),
    ],
)
def test_guards_as_the_job_sets_them(tmp_path, box, to, guard, said, products):
    shop = shop_of(tmp_path, box, to, goods(12) | TEE, guards=said)
    shop.feed(products)
    call = box.last_call()
    report = shop.sync()
    assert (report.status, guards(report)) == (4, [guard])
    assert sent_since(shop, call) == []
    assert shop.apply(release=True).status == 0
    shop.is_as_its_feed()


def test_another_feed_name_is_held_and_can_be_released(tmp_path, box):
    shop = shop_of(tmp_path, box)
    target = shop.spec["targets"]["flipsnack"]
    shop.write_job(shop.spec | {"targets": {"flipsnack": target | {"settings": {"source_hash": "elsewhere"}}}})
    report = shop.sync()
    assert (report.status, guards(report)) == (4, ["other-place"])
    assert box.flipsnack("elsewhere") == {}
    assert shop.apply(release=True).status == 0
    assert box.flipsnack("elsewhere") == shop.on("flipsnack")
    report = shop.sync()
    assert (report.status, report.holds) == (0, [])


def test_a_held_plan_that_is_no_longer_true_is_not_sent(tmp_path, box):
    shop = shop_of(tmp_path, box)
    whole, call = shop.source.read_text(), box.last_call()
    shop.source.write_text("".join(whole.splitlines(keepends=True)[:6]))
    assert shop.sync().status == 4
    shop.source.write_text("".join(whole.splitlines(keepends=True)[:5]))
    with pytest.raises(FeedbridgeError) as told:
        shop.apply(release=True)
    assert told.value.code == "plan.stale"
    assert sent_since(shop, call) == []


def test_without_release_a_held_plan_stays_held(tmp_path, box):
    shop = shop_of(tmp_path, box)
    call = box.last_call()
    shop.source.write_text("".join(shop.source.read_text().splitlines(keepends=True)[:6]))
    assert shop.sync().status == 4
    assert shop.apply().status == 4
    assert sent_since(shop, call) == []
    assert shop.apply(release=True).status == 0
    shop.is_as_its_feed()


# Waiting for what is gone -----------------------------------------------------------------------------------------


@EVERYWHERE
@pytest.mark.parametrize("grace", [1, 2])
def test_what_is_gone_is_kept_for_grace_runs(tmp_path, box, to, grace):
    shop = shop_of(tmp_path, box, to, guards={"grace_runs": grace})
    whole = shop.source.read_text()
    shop.source.write_text(without("P003")(whole))
    for run in range(grace):
        report = shop.sync()
        assert (report.status, keys(report, "keep"), keys(report, "delete")) == (0, ["P003"], [])
        left = grace - run
        assert f"kept for {left} more run" in next(report.changes()).message
    shop.source.write_text(whole)  # back in time: it counts anew
    shop.sync()
    assert shop.rows(to)["P003"].missing == 0
    shop.source.write_text(without("P003")(whole))
    for _ in range(grace):
        assert keys(shop.sync(), "keep") == ["P003"]
    assert keys(shop.sync(), "delete") == ["P003"]
    shop.is_as_its_feed()


def test_a_night_held_back_is_no_night_gone(tmp_path, box):
    shop = shop_of(tmp_path, box, guards={"grace_runs": 1})
    whole = shop.source.read_text()
    shop.source.write_text(without("P003")(whole))
    assert keys(shop.sync(), "keep") == ["P003"]
    shop.source.write_text(of("P003", "10.00", "free")(whole))
    assert keys(shop.sync(), "held") == ["P003"]
    shop.source.write_text(without("P003")(whole))
    assert keys(shop.sync(), "keep") == ["P003"]
    assert keys(shop.sync(), "delete") == ["P003"]


def test_a_renamed_product_does_not_wait_for_its_own_variants(tmp_path, box):
    """Its variants have the same SKUs: what is kept would stand in the way of what is new."""
    shop = shop_of(tmp_path, box, guards={"grace_runs": 2})
    shop.source.write_text(lines(shop.source.read_text(), lambda line: line.replace("TEE,", "CREW-TEE,", 1)))
    report = shop.sync()
    assert report.status == 0
    assert [(change.op, change.key) for change in report.changes()] == [("delete", "TEE"), ("create", "CREW-TEE")]
    shop.is_as_its_feed()


def test_a_part_of_the_catalogue_deletes_nothing(tmp_path, box):
    shop = Shop(tmp_path / tmp_path.name, box, reconcile="partial")
    shop.feed(FEED)
    assert shop.sync().status == 0
    shop.feed({"P002": {"price": "12.00"}, "NEW": {"price": "1.00"}})
    report = shop.sync()
    assert (report.status, report.holds) == (0, [])
    assert [(change.op, change.key) for change in report.changes()] == [("update", "P002"), ("create", "NEW")]
    assert set(shop.on("flipsnack")) == {*FEED, "NEW"}
    assert shop.on("flipsnack")["P002"]["sell_price"] == 12
    shop.feed(FEED)
    shop.sync()
    shop.is_as_its_feed(except_for=["NEW"])


def test_skus_written_in_another_way_are_held_though_nothing_would_be_deleted_yet(tmp_path, box):
    shop = shop_of(tmp_path, box, guards={"grace_runs": 3})
    call, whole = box.last_call(), shop.source.read_text()
    shop.source.write_text(lines(whole, lambda line: line.replace("P00", "p-00")))
    for _ in range(2):
        report = shop.sync()
        assert (report.status, guards(report)) == (4, ["renamed-ids"])
    assert sent_since(shop, call) == []
    shop.source.write_text(whole)
    assert shop.sync().status == 0
    shop.is_as_its_feed()


def test_a_part_of_the_catalogue_that_lost_a_column_is_held(tmp_path, box):
    shop = shop_of(tmp_path, box, reconcile="partial")
    shop.source.write_text(shop.source.read_text().replace("Variant Compare At Price", "Was"))
    report = shop.sync()
    assert (report.status, guards(report)) == (4, ["lost-column"])


def test_a_product_that_goes_before_it_is_known_whether_the_store_has_it_is_switched_off(tmp_path, box):
    shop = shop_of(tmp_path, box, "magento")
    shop.feed(FEED | {"NEW": {"price": "1.00"}})
    box.faults("504-after:all")
    assert shop.sync().status == 3
    assert shop.on("magento")["NEW"]["status"] == 1
    box.faults()
    shop.feed(FEED)
    assert shop.sync().status == 0
    assert shop.on("magento")["NEW"]["status"] == 0
    shop.is_as_its_feed()


def test_a_switching_off_that_is_refused_when_tried_again_is_not_done(tmp_path, box):
    shop = shop_of(tmp_path, box, "magento")
    shop.source.write_text(without("P003")(shop.source.read_text()))
    box.faults("drop-before:1", "partial:P003")
    assert shop.sync().status == 1
    assert shop.on("magento")["P003"]["status"] == 1
    box.faults()
    assert shop.sync().status == 0
    assert shop.on("magento")["P003"]["status"] == 0


@pytest.mark.parametrize("after", [{}, {"A": {"price": "12.00"}}], ids=["gone", "sale ended"])
def test_a_deletion_that_is_in_doubt_stays_so_when_the_next_call_is_refused(tmp_path, box, after):
    shop = shop_of(tmp_path, box, "flipsnack", goods(5) | {"A": {"price": "8.00", "before": "12.00"}})
    shop.feed(goods(5) | after)
    box.faults("drop-after:1", "empty:2-9")  # deleted, and nobody learns of it
    assert shop.sync().status == 3
    box.faults("400:first-2")
    shop.sync()
    box.faults()
    assert shop.sync().status == 0
    shop.is_as_its_feed()


# What a person asks for -------------------------------------------------------------------------------------------


@EVERYWHERE
def test_a_lost_ledger_is_adopted_without_duplicates(tmp_path, box, to):
    shop = shop_of(tmp_path, box, to, batch=3)
    for name in ("", "-wal", "-shm"):
        (shop.folder / f"ledger.sqlite{name}").unlink(missing_ok=True)
    shop.feed(FEED | {"P002": {"price": "12.00"}, "NEW": {"price": "1.00"}})
    call = box.last_call()
    report = shop.sync(Options(adopt=True))
    assert report.status == 0
    assert not [one["message"] for one in box.calls(call) if "already exists" in one["message"]]
    shop.is_as_its_feed()
    call = box.last_call()
    assert shop.sync().status == 0
    assert sent_since(shop, call) == []


def test_without_adopting_a_lost_ledger_shows_in_words_and_nothing_is_lost(tmp_path, box):
    shop = shop_of(tmp_path, box)
    for name in ("", "-wal", "-shm"):
        (shop.folder / f"ledger.sqlite{name}").unlink(missing_ok=True)
    before = shop.on("flipsnack")
    report = shop.sync()
    assert report.status == 3
    assert len(report.targets["flipsnack"].failures) == len(FEED)
    assert "already exists" in report.targets["flipsnack"].failures[0].message
    assert shop.on("flipsnack") == before
    assert shop.sync(Options(adopt=True)).status == 0
    assert set(shop.states().items()) == {("sent", len(FEED))}
    assert shop.on("flipsnack") == before


def test_a_code_is_not_part_of_what_is_said_of_a_held_product(tmp_path, box):
    shop = shop_of(tmp_path, box)
    shop.feed({**FEED, "TWO": {"sizes": {"S": "5.00"}}})
    shop.source.write_text(shop.source.read_text().replace("TWO-S", "P001"))
    shop.sync()
    with shop.ledger() as ledger:
        held = ledger.held(ledger.jobs()[0].id)
    assert [row.codes for row in held] == ["flipsnack.F13"]
    assert not any("[" in row.problem for row in held)


@EVERYWHERE
@pytest.mark.parametrize("asked", [frozenset(), frozenset({"P002", "TEE"})], ids=["all", "two"])
def test_resend(tmp_path, box, to, asked):
    shop = shop_of(tmp_path, box, to)
    call = box.last_call()
    report = shop.sync(Options(resend=asked))
    wanted = {key for key, row in shop.rows(to).items() if not asked or row.sku in asked}
    assert set(keys(report, "update")) == wanted
    assert {change.reason for change in report.changes()} == {"sent again on demand"}
    assert sum(items for _, items in sent_since(shop, call)) == len(wanted)
    shop.is_as_its_feed()
    call = box.last_call()
    assert shop.sync().status == 0
    assert sent_since(shop, call) == []


# What a product can turn into -------------------------------------------------------------------------------------


ADULT = {"title": "Tee", "sizes": {"S": "10.00", "M": "11.00"}}
TURNS = [
    pytest.param(
        {"A": {"price": "8.00", "before": "12.00"}}, {"A": {"price": "12.00"}},
        [("replace", "A", "A")], [("update", "A", "A")], id="a sale ends",
    ),
    pytest.param(
        {"A": {"sizes": {"S": "8.00", "M": "9.00"}, "before": "12.00"}}, {"A": {"sizes": {"S": "12.00", "M": "12.00"}}},
        [("replace", "A", "A")], [("update", "A-M", "A"), ("update", "A-S", "A")], id="the sale of variants ends",
    ),
    pytest.param(
        {"A": ADULT}, {"A": ADULT | {"title": "Crew Tee"}},
        [("update", "A", "A")], [("update", "A-M", "A"), ("update", "A-S", "A")], id="title of a product with variants",
    ),
    pytest.param(
        {"A": ADULT}, {"A": {"title": "Tee", "sizes": {"S": "10.00"}}},
        [("replace", "A", "A")], [("delete", "A-M", "A")], id="a variant is gone",
    ),
    pytest.param(
        {"A": ADULT}, {"A": {"title": "Tee", "sizes": {"S": "10.00", "M": "11.00", "L": "12.00"}}},
        [("update", "A", "A")], [("create", "A-L", "A")], id="a variant is new",
    ),
    pytest.param(
        {"A": ADULT}, {"A": {"title": "Tee", "price": "10.00"}},
        [("replace", "A", "A")], [("delete", "A-M", "A"), ("delete", "A-S", "A"), ("create", "A", "A")],
        id="no variants any more",
    ),
    pytest.param(
        {"A": {"price": "8.00", "picture": "https://pictures.example/a.jpg"}}, {"A": {"price": "8.00", "picture": ""}},
        [("replace", "A", "A")], [("update", "A", "A")], id="no picture any more",
    ),
]


@EVERYWHERE
@pytest.mark.parametrize(("before", "after", "flipsnack", "magento"), TURNS)
def test_turns(tmp_path, box, to, before, after, flipsnack, magento):
    others = goods(4)
    shop = shop_of(tmp_path, box, to, others | before)
    shop.feed(others | after)
    report = shop.sync()
    assert report.status == 0
    wanted = flipsnack if to == "flipsnack" else magento
    assert [(change.op, change.key, change.sku) for change in report.changes()] == wanted
    stays = [change.key for change in report.changes() if change.code == "magento.A12"]  # the store keeps what it has
    assert all("special_price" in change.message for change in report.changes() if change.key in stays)
    shop.is_as_its_feed(except_for=stays)
    call = box.last_call()
    assert shop.sync().status == report.status
    assert sent_since(shop, call) == []


def test_the_parent_is_named_when_all_its_variants_change(tmp_path, box):
    shop = shop_of(tmp_path, box, "magento", {"A": ADULT})
    shop.feed({"A": ADULT | {"title": "Crew Tee"}})
    said = {change.reason for change in shop.sync().changes()}
    assert said == {"the product changed, and its 2 variants with it: field name changed"}
    shop.feed({"A": ADULT | {"title": "Crew Tee", "sizes": {"S": "10.00", "M": "15.00"}}})
    assert [change.reason for change in shop.sync().changes()] == ["field price changed"]


def test_an_update_could_not_have_ended_the_sale(tmp_path, box):
    """Why a product is replaced: with ``cleared: keep`` it is updated, and the sandbox still has the old sale price."""
    shop = Shop(tmp_path / tmp_path.name, box, target={"cleared": "keep"})
    shop.feed({"A": {"price": "8.00", "before": "12.00"}})
    shop.sync()
    assert shop.on("flipsnack")["A"]["discount_price"] == 8
    shop.feed({"A": {"price": "12.00"}})
    report = shop.sync()
    change, = report.changes()
    assert (change.op, change.code) == ("update", "flipsnack.A19")
    assert "discount_price" in change.message
    assert shop.on("flipsnack")["A"]["discount_price"] == 8
    assert "discount_price" not in shop.converted("flipsnack")["A"]


@EVERYWHERE
def test_a_variant_moves_from_one_product_to_another(tmp_path, box, to):
    head = "Handle,Title,Vendor,Published,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src,Status\n"

    def write(owners: dict[str, str]) -> None:
        rows = [
            f"{owner},Title {owner},Acme,TRUE,Size,{sku},{sku},5.00,https://pictures.example/{owner}.jpg,active\n"
            for owner in sorted(set(owners.values())) for sku in owners if owners[sku] == owner
        ]
        shop.source.write_text(head + "".join(rows))

    shop = Shop(tmp_path / tmp_path.name, box, to=[to], batch=1)
    owners = {"a1": "A", "a2": "A", "x": "A", "b1": "B", "b2": "B", "y": "B", "c1": "C", "c2": "C"}
    write(owners)
    assert shop.sync().status == 0
    for moved in ({"x": "B"}, {"x": "C"}, {"x": "A", "y": "C"}, {"x": "B", "y": "A"}, {"x": "A", "y": "B"}):
        for sku, owner in moved.items():  # the sandbox puts a variant it did not know behind the others
            del owners[sku]
            owners[sku] = owner
        write(owners)
        report = shop.sync()
        assert report.status == 0, [one.message for one in report.targets[to].failures]
        if to == "flipsnack":  # of two that swap, the first may be refused until the second has let go
            assert shop.on(to) == shop.converted(to)
            assert set(shop.states(to)) == {"sent"}
        else:
            shop.is_as_its_feed()


@EVERYWHERE
def test_a_renamed_product_whose_variants_stay(tmp_path, box, to):
    shop = shop_of(tmp_path, box, to)
    shop.source.write_text(lines(shop.source.read_text(), lambda line: line.replace("TEE,", "CREW,", 1)))
    report = shop.sync()
    assert report.status == 0
    shop.is_as_its_feed()
    ops = {(change.op, change.key) for change in report.changes()}
    if to == "flipsnack":
        assert ops == {("delete", "TEE"), ("create", "CREW")}
    else:
        assert ops == set()  # the store knows variants only, and they are as they were


# Several at once --------------------------------------------------------------------------------------------------


def test_several_sources_are_one_feed(tmp_path, box):
    shop = Shop(tmp_path / tmp_path.name, box, source=["shop.csv", "more-*.csv"])
    shop.feed(goods(3, first=10))
    shop.source.rename(shop.folder / "more-1.csv")
    shop.feed(goods(3, first=20))
    shop.source.rename(shop.folder / "more-2.csv")
    shop.feed(goods(3))
    assert shop.sync().status == 0
    assert set(shop.on("flipsnack")) == {*goods(3), *goods(3, first=10), *goods(3, first=20)}
    (shop.folder / "more-2.csv").unlink()
    report = shop.sync()
    assert (report.status, guards(report)) == (4, ["lost-file", "shrunken-source"])  # a file that did not come is no deletion
    shop.feed(goods(2))
    assert shop.sync().status == 4
    assert shop.apply(release=True).status == 0
    assert set(shop.on("flipsnack")) == {*goods(2), *goods(3, first=10)}


def test_two_targets_of_one_platform_are_two_feeds(tmp_path, box):
    shop = Shop(tmp_path / tmp_path.name, box)
    shop.write_job(shop.spec | {"targets": {
        "print": {"platform": "flipsnack", "sandbox": True, "rate": "off", "settings": {"source_hash": "print"}},
        "web": {"platform": "flipsnack", "sandbox": True, "rate": "off", "settings": {"source_hash": "web"}},
    }})
    shop.feed(FEED)
    assert shop.sync().status == 0
    assert box.flipsnack("print") == box.flipsnack("web") == shop.converted("flipsnack")
    shop.feed(FEED | {"P001": {"price": "77.00"}})
    box.faults("drop-before:2")
    report = shop.sync()
    assert report.status == 0
    assert box.flipsnack("print") == box.flipsnack("web") == shop.converted("flipsnack")


def test_one_target_that_is_down_does_not_stop_the_other(tmp_path, box):
    shop = shop_of(tmp_path, box, "flipsnack+magento")
    shop.feed(FEED | {"P001": {"price": "77.00"}})
    box.faults("flipsnack/wrong-key")
    report = shop.sync()
    assert report.status == 3
    assert report.targets["flipsnack"].down is not None and report.targets["magento"].down is None
    assert shop.on("magento")["P001"] == shop.converted("magento")["P001"]
    assert shop.on("flipsnack")["P001"]["sell_price"] == 10
    box.faults()
    report = shop.sync()
    assert report.status == 0
    assert keys(report, "update") == ["P001"]
    shop.is_as_its_feed()


DIGITAL = "sku,title,group,licence,price,content,status\n"


def test_three_platforms_in_one_job(tmp_path, box):
    """Flipsnack, a Magento store and a FlickRocket folder from one file."""
    folder = tmp_path / tmp_path.name
    shop = Shop(folder, box)
    fixture = Path(feedbridge.__file__).parents[1] / "fixtures" / "digital"
    content = folder / "content"
    content.mkdir()
    for path in (fixture / "content").rglob("*"):
        if path.is_file():
            (content / path.relative_to(fixture / "content")).parent.mkdir(parents=True, exist_ok=True)
            (content / path.relative_to(fixture / "content")).write_bytes(path.read_bytes())
    shop.source.write_bytes((fixture / "catalogue.csv").read_bytes())
    arguments = (fixture / "catalogue.args").read_text().split()
    given = dict(one.split("=", 1) for one in arguments if "=" in one and not one.startswith("-"))
    shop.write_job({
        "source": "shop.csv", "mapping": "digital", "set": {key: value for key, value in given.items() if "." not in key},
        "targets": {
            "flipsnack": {"sandbox": True, "rate": "off", "settings": {"source_hash": "three"}},
            "magento": {"sandbox": True, "rate": "off"},
            "flickrocket": {"outbox": "outbox"},
        },
    })
    report = shop.sync()
    assert report.status in (0, 1)
    for target in report.header.targets:
        products = target.products
        assert products["read"] == products["written"] + products["excluded"] + products["held_back"]
    written = {target.name: target.products["written"] for target in report.header.targets}
    assert written["flickrocket"] and written["magento"]
    assert len([path for path in (folder / "outbox").iterdir() if (path / "product.json").is_file()]) == written["flickrocket"]
    assert len(box.magento()) >= written["magento"]
    again = shop.sync()
    assert again.status == report.status
    assert all(target.counts.get("create", 0) == 0 for target in again.header.targets)
    assert json.loads((next((folder / "outbox").iterdir()) / "product.json").read_bytes())


@pytest.mark.parametrize("after", [
    pytest.param({}, id="gone from the feed, too"),
    pytest.param({"A": {"price": "12.00"}}, id="its sale ended"),
    pytest.param({"A": {"price": "7.00", "before": "12.00"}}, id="its price changed"),
])
def test_a_product_deleted_there_by_hand(tmp_path, box, after):
    """Its next change is refused in the platform's words, every night, until a person says so."""
    shop = shop_of(tmp_path, box, "flipsnack", goods(5) | {"A": {"price": "8.00", "before": "12.00"}})
    delete_by_hand(shop, "A")
    shop.feed(goods(5) | after)
    for _ in range(2):
        report = shop.sync()
        assert (report.status, [failure.key for failure in report.targets["flipsnack"].failures]) == (1, ["A"])
    with shop.opened() as sync:
        sync.ledger.forget(sync.ledger.targets(sync.row.id)[0].id, ["A"])
    assert shop.sync().status == 0
    shop.is_as_its_feed()


def delete_by_hand(shop: Shop, *codes: str) -> None:
    """Somebody deletes products in Flipsnack's own pages."""
    from feedbridge.platforms.flipsnack import PLATFORM

    with shop.opened() as sync:
        delivery = PLATFORM.delivery(
            sync.job.delivery_settings("flipsnack"), PLATFORM.settings(source_hash=shop.source_hash), shop.environment
        )
        answer = delivery.send("delete", [Parcel(code) for code in codes])
        assert all(verdict.state == "taken" for verdict in answer.items.values())

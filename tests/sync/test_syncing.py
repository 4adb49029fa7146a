"""What a run does and leaves beside its calls: what it does not do again, what it keeps, what it refuses to begin."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import feedbridge
from feedbridge.errors import CommandError, SourceError
from feedbridge.sync import reading
from feedbridge.sync.planfile import PlanError
from feedbridge.sync.syncing import Options
from tests.sync.shops import Box, Shop, goods, sandbox


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with sandbox(tmp_path_factory.mktemp("syncing")) as one:
        yield one


@pytest.fixture
def shop(tmp_path: Path, box: Box) -> Shop:
    shop = Shop(tmp_path / tmp_path.name, box)
    shop.feed(goods(5))
    return shop


def told(shop: Shop) -> set[str]:
    return {event for event, _ in shop.events}


def test_the_same_feed_is_not_read_again(shop: Shop):
    first = shop.sync()
    assert "feed.read" in told(shop)
    again = shop.sync()
    assert "feed.read" not in told(shop) and "feed.unchanged" in told(shop)
    assert (again.status, again.unchanged) == (0, True)
    assert again.header.targets[0].counts == {"unchanged": 5}
    assert again.header.targets[0].products == first.header.targets[0].products
    assert len(shop.calls()) == 1
    assert [run.counts["unchanged"] for run in shop.runs()] == [0, 5]


def tables(shop: Shop) -> dict[str, list[tuple[object, ...]]]:
    """All that a ledger holds, but for what it knows of files."""
    with sqlite3.connect(shop.folder / "ledger.sqlite") as connection:
        names = [name for name, in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names if "digest" not in name}


def renamed(shop: Shop) -> None:
    shop.write_job(shop.spec | {"targets": {"flipsnack-2": {"platform": "flipsnack", **shop.spec["targets"]["flipsnack"]}}})


def moved(shop: Shop) -> None:
    target = shop.spec["targets"]["flipsnack"]
    shop.write_job(shop.spec | {"targets": {"flipsnack": target | {"settings": target["settings"] | {"source_hash": "other"}}}})


@pytest.mark.parametrize("change", [
    pytest.param(lambda shop: shop.feed(goods(5, price="11.00")), id="another price"),
    pytest.param(renamed, id="a target renamed"), pytest.param(moved, id="a target in another place"),
])
def test_a_plan_leaves_no_trace_in_the_ledger(shop: Shop, change: object):
    assert shop.plan().header.targets[0].counts == {"create": 5}
    assert not any(tables(shop)[f"feedbridge_{name}"] for name in ("job", "target", "item", "run", "lease"))
    shop.sync()
    before = tables(shop)
    change(shop)  # type: ignore[operator]
    shop.plan()
    assert tables(shop) == before


def test_a_plan_of_a_renamed_target_can_be_applied(shop: Shop):
    shop.sync()
    renamed(shop)
    assert shop.plan(shop.folder / "plan.jsonl").header.targets[0].counts == {"unchanged": 5}
    shop.apply(shop.folder / "plan.jsonl")
    assert [(target.name, target.elsewhere) for target in shop.targets()] == [("flipsnack-2", [])]
    assert len(shop.calls()) == 1


def test_the_same_feed_with_held_back_products_says_so_every_night(shop: Shop):
    shop.feed(goods(4) | {"BAD": {"price": "x"}})
    assert [shop.sync().status for _ in range(3)] == [1, 1, 1]
    assert len(shop.calls()) == 1


def another_price(shop: Shop) -> None:
    shop.feed(goods(5, price="11.00"))


def another_setting(shop: Shop) -> None:
    target = shop.spec["targets"]["flipsnack"]
    shop.write_job(shop.spec | {"targets": {"flipsnack": target | {"settings": target["settings"] | {"item_type": "goods"}}}})


def another_currency(shop: Shop) -> None:
    shop.write_job(shop.spec | {"set": {"currency": "USD"}})


def a_lost_row(shop: Shop) -> None:
    with shop.opened() as sync:
        row = sync.ledger.targets(sync.row.id)[0]
        sync.ledger.forget(row.id, ["P001"])


@pytest.mark.parametrize("change", [another_price, another_setting, another_currency, a_lost_row])
def test_a_feed_is_read_again_when_anything_has_changed(shop: Shop, change: object):
    shop.sync()
    change(shop)  # type: ignore[operator]
    shop.sync()
    assert "feed.read" in told(shop)


def test_a_table_beside_the_mapping_counts_as_the_mapping(shop: Shop):
    (shop.folder / "own.yaml").write_text(
        "feedbridge: 1\nname: own\nextends: shopify\nproduct:\n  title: {from: Title, lookup: {file: titles.csv}}\n"
    )
    (shop.folder / "titles.csv").write_text("from,to\n" + "".join(f"Product {n},Old {n}\n" for n in range(1, 6)))
    shop.write_job(shop.spec | {"mapping": "own.yaml"})
    assert shop.sync().status == 0
    (shop.folder / "titles.csv").write_text((shop.folder / "titles.csv").read_text().replace("Old", "New"))
    report = shop.sync()
    assert report.targets["flipsnack"].counts == {"updated": 5}


def replaced(path: Path, text: str) -> None:
    """As a careful exporter does it."""
    new = path.with_name("new")
    new.write_text(text)
    new.replace(path)


@pytest.mark.parametrize("kind", ["sync", "plan"])
@pytest.mark.parametrize("back", [False, True], ids=["replaced", "replaced, and put back"])
@pytest.mark.parametrize("targets, at", [(1, 1), (2, 1), (2, 2)], ids=["one pass", "first of two", "second of two"])
def test_a_source_that_changes_before_it_is_read_stops_the_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, targets: int, at: int, back: bool, kind: str
):
    """What is sent would not be what the digest of the run says: the next run would take another feed for delivered."""
    if targets == 2:
        other = {**shop.spec["targets"]["flipsnack"], "platform": "flipsnack", "settings": {"source_hash": f"{shop.source_hash}2"}}
        shop.write_job(shop.spec | {"targets": {**shop.spec["targets"], "second": other}})
    passes, old = 0, shop.folder / "old"

    def meanwhile(*given: object, **more: object) -> object:
        nonlocal passes
        passes += 1
        if passes != at:
            return run(*given, **more)
        if back:
            shop.source.rename(old)
        replaced(shop.source, text.replace("10.00", "99.00"))
        try:
            return run(*given, **more)
        finally:
            if back:
                old.rename(shop.source)

    run, text = reading.run, shop.source.read_text()
    monkeypatch.setattr(reading, "run", meanwhile)
    with pytest.raises(SourceError, match=r"was changed while it was read.*nothing was sent") as caught:
        shop.sync() if kind == "sync" else shop.plan()
    assert (caught.value.exit_status, caught.value.code) == (3, "source.changed")
    assert str(caught.value).startswith(str(shop.source))
    assert not shop.calls() and not list(shop.folder.glob("ledger.runs/shop/*/plan.jsonl"))
    monkeypatch.undo()
    assert shop.sync().status == 0
    shop.is_as_its_feed()


def test_a_table_that_changes_before_it_is_read_stops_the_run(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    (shop.folder / "own.yaml").write_text(
        "feedbridge: 1\nname: own\nextends: shopify\nproduct:\n  title: {from: Title, lookup: {file: titles.csv}}\n"
    )
    replaced(titles := shop.folder / "titles.csv", "from,to\n" + "".join(f"Product {n},Old {n}\n" for n in range(1, 6)))
    shop.write_job(shop.spec | {"mapping": "own.yaml"})
    run = reading.run

    def meanwhile(*given: object, **more: object) -> object:
        replaced(titles, titles.read_text().replace("Old", "New"))
        return run(*given, **more)

    monkeypatch.setattr(reading, "run", meanwhile)
    with pytest.raises(SourceError, match="was changed while it was read") as caught:
        shop.sync()
    assert caught.value.where == str(titles)
    assert not shop.calls()


def test_a_mapping_change_that_alters_no_payload_sends_nothing(shop: Shop):
    mapping = shop.folder / "own.yaml"
    text = "feedbridge: 1\nname: own\nextends: shopify\n"
    mapping.write_text(text)
    shop.write_job(shop.spec | {"mapping": "own.yaml"})
    shop.sync()
    mapping.write_text(text + "about: the same in other words\nproduct:\n  brand: Vendor\n")
    report = shop.sync()
    assert "feed.read" in told(shop)
    assert report.header.targets[0].counts == {"unchanged": 5}
    assert len(shop.calls()) == 1


def test_a_plan_changes_nothing(shop: Shop):
    shop.sync()
    shop.feed(goods(4) | {"NEW": {"price": "1.00"}, "BAD": {"price": "x"}})
    before, calls = shop.rows(), len(shop.calls())
    assert shop.plan().status == 1
    assert (shop.rows(), len(shop.calls()), len(shop.runs())) == (before, calls, 1)


def test_run_folders_are_kept_as_long_as_the_job_says(shop: Shop):
    shop.write_job(shop.spec | {"keep_runs": 3})
    for number in range(6):
        shop.feed(goods(5, price=f"{number + 1}.00"))
        shop.sync()
    assert len(list((shop.folder / "ledger.runs" / "shop").iterdir())) == 3
    for _ in range(9):
        shop.plan()
    assert len(list((shop.folder / "ledger.runs" / "shop").iterdir())) <= 3 + 5


def test_a_held_plan_outlives_other_plans_and_runs(shop: Shop):
    shop.write_job(shop.spec | {"keep_runs": 1})
    shop.sync()
    shop.feed(goods(1))
    assert shop.sync().status == 4
    for _ in range(8):
        shop.plan()
    assert shop.apply(release=True).status == 0
    shop.is_as_its_feed()


def test_quarantine_of_the_run_that_read_the_feed_stays(shop: Shop):
    shop.write_job(shop.spec | {"keep_runs": 2})
    shop.feed(goods(4) | {"BAD": {"price": "x"}})
    for _ in range(5):
        report = shop.sync()
    assert Path(report.quarantine).is_dir()
    assert "BAD" in (Path(report.quarantine) / "shop.csv").read_text(encoding="utf-8-sig")


def test_two_targets_of_one_place_are_refused(shop: Shop):
    target = shop.spec["targets"]["flipsnack"]
    other = shop.folder / "own.yaml"
    feed = target["settings"]["source_hash"]
    other.write_text(f"feedbridge: 1\nname: own\nextends: shopify\nplatforms: {{flipsnack: {{settings: {{source_hash: {feed}}}}}}}\n")
    second = {"platform": "flipsnack", "sandbox": True, "rate": "off"}
    shop.write_job(shop.spec | {"mapping": "own.yaml", "targets": {"flipsnack": target, "again": second}})
    with pytest.raises(CommandError) as refused:
        shop.sync()
    assert refused.value.code == "job.place-twice"
    assert shop.calls() == []


def test_a_source_of_changes_only_deletes_nothing_but_what_it_says_is_gone(shop: Shop):
    (shop.folder / "changes.yaml").write_text("feedbridge: 1\nname: changes\nextends: shopify\nsource: {format: csv, partial: true}\n")
    shop.write_job({**shop.spec, "mapping": "changes.yaml"})
    shop.sync()
    changes = {"P001": {"price": "10.00", "title": "Product 1", "status": "draft"}, "P002": {"price": "12.00"}}
    shop.feed(changes)
    assert shop.sync().status == 0
    assert set(shop.on("flipsnack")) == {"P002", "P003", "P004", "P005"}
    shop.write_job({**shop.spec, "reconcile": "full"})
    with pytest.raises(CommandError) as refused:
        shop.sync()
    assert refused.value.code == "job.partial"


def test_a_moved_job_file_keeps_its_ledger(shop: Shop):
    shop.sync()
    moved = shop.folder.with_name("moved")
    shutil.move(shop.folder, moved)
    shop.folder = moved
    assert shop.sync().header.targets[0].counts == {"unchanged": 5}


def test_two_job_files_with_one_ledger_must_not_share_a_name(shop: Shop):
    shop.sync()
    other = shop.folder.with_name("other")
    other.mkdir()
    text = json.loads((shop.folder / "feedbridge.yaml").read_text())
    text["state"] = str(shop.folder / "ledger.sqlite")
    (other / "feedbridge.yaml").write_text(json.dumps(text))
    shutil.copy(shop.source, other)
    with pytest.raises(CommandError) as refused:
        feedbridge.sync_job("shop", jobs=other / "feedbridge.yaml", environment=shop.environment)
    assert refused.value.code == "ledger.other-job-file"


def test_api_and_plan_file(shop: Shop, tmp_path: Path):
    report = feedbridge.plan_job("shop", jobs=shop.folder / "feedbridge.yaml", out=tmp_path / "p.jsonl",
                                 environment=shop.environment)
    assert [change.op for change in report.changes()] == ["create"] * 5
    done = feedbridge.apply_plan(tmp_path / "p.jsonl", environment=shop.environment)
    assert done.result()["targets"][0]["done"] == {"created": 5}
    with pytest.raises(PlanError):
        feedbridge.apply_plan(tmp_path / "p.jsonl", environment=shop.environment)
    again = feedbridge.sync_job(jobs=shop.folder / "feedbridge.yaml", resend=["P002"], environment=shop.environment)
    assert again.counts["updated"] == 1


@pytest.mark.parametrize("resend", [frozenset({"P001"}), frozenset()], ids=["one", "all"])
def test_resend(shop: Shop, resend: frozenset[str]):
    shop.sync()
    report = shop.sync(Options(resend=resend))
    assert report.counts["updated"] == (len(resend) or 5)
    shop.is_as_its_feed()


def test_two_jobs_never_fight_over_an_item(shop: Shop):
    other = {**shop.spec, "source": "other.csv"}
    (shop.folder / "feedbridge.yaml").write_text(json.dumps(
        {"feedbridge": 1, "state": "ledger.sqlite", "jobs": {"shop": shop.spec, "other": other}}
    ))
    shop.sync()
    shop.feed({"P005": {"price": "99.00"}, "Q001": {"price": "1.00"}})
    shop.source.rename(shop.folder / "other.csv")
    shop.feed(goods(5))
    jobs = shop.folder / "feedbridge.yaml"
    report = feedbridge.sync_job("other", jobs=jobs, environment=shop.environment)
    assert report.status == 1
    assert [(one["key"], one["code"]) for one in report.result()["targets"][0]["failures"]] == [("P005", "sync.other-job")]
    assert shop.on("flipsnack")["P005"]["sell_price"] == 10
    assert set(shop.on("flipsnack")) == {"P001", "P002", "P003", "P004", "P005", "Q001"}
    shop.feed(goods(4))  # now only the other job has it: this one deletes it, and the other may create it
    assert shop.sync().status == 0
    again = feedbridge.sync_job("other", jobs=jobs, environment=shop.environment)
    assert (again.status, again.counts["created"]) == (0, 1)
    assert shop.on("flipsnack")["P005"]["sell_price"] == 99


@pytest.mark.parametrize("kind", ["sync", "plan"])
@pytest.mark.parametrize("former", [False, True], ids=["of another file", "its former name"])
def test_a_job_that_does_not_say_its_feed_fills_no_other_jobs(shop: Shop, former: bool, kind: str):
    shop.box.reset()
    unsaid = {"flipsnack": {"sandbox": True, "rate": "off"}}
    shop.write_job(shop.spec | {"targets": unsaid})
    assert shop.sync().status == 0
    call = shop.box.last_call()
    file = shop.folder / ("feedbridge.yaml" if former else "other.yaml")
    file.write_text((shop.folder / "feedbridge.yaml").read_text().replace('"shop": {', '"more": {'))

    def run() -> feedbridge.api.Report:
        do = feedbridge.sync_job if kind == "sync" else feedbridge.plan_job
        return do("more", jobs=file, environment=shop.environment)

    with pytest.raises(CommandError, match="fill the same as the job shop; nothing was sent") as refused:
        run()
    assert (refused.value.code, refused.value.exit_status) == ("job.feed-shared", 2)
    assert "write feed: more under settings:" in refused.value.mend
    assert refused.value.mend.startswith("if shop is the former name of this job: feedbridge job rename shop more") == former
    assert shop.box.last_call() == call
    file.write_text(file.read_text().replace('"rate": "off"', '"rate": "off", "settings": {"feed": "feedbridge"}'))
    assert run().header.targets[0].counts == {"refused": 5}  # what is said is done: one feed, and no product in both
    file.write_text(file.read_text().replace('"feed": "feedbridge"', f'"feed": "more {shop.source_hash}"'))
    assert run().header.targets[0].counts == {"create": 5}


def test_a_log_that_cannot_be_written_stops_nothing(shop: Shop):
    def full(event: str, **_: object) -> None:
        raise OSError(28, "No space left on device")

    report = shop.sync(observe=full)
    assert (report.status, report.counts["created"]) == (0, 5)
    shop.is_as_its_feed()


def test_a_fault_of_ours_is_in_the_history(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("nobody thought of this")

    with shop.opened() as sync:
        monkeypatch.setattr(sync, "_planned", broken)
        with pytest.raises(RuntimeError):
            sync.sync()
    run = shop.runs()[-1]
    assert (run.status, "fault" in run.message) == (3, True)


def test_a_plan_needs_no_keys_and_a_sync_names_all(shop: Shop):
    target = {"endpoint": shop.box.url + "/flipsnack/v1/", "rate": "off", "settings": {"feed": "x"}}
    store = {"endpoint": shop.box.url + "/magento/rest", "rate": "off"}
    shop.write_job(shop.spec | {"targets": {"flipsnack": target, "magento": store}})
    assert shop.plan().header.targets[0].counts == {"create": 5}
    with pytest.raises(CommandError) as refused:
        shop.sync()
    assert (refused.value.code, refused.value.exit_status) == ("command.keys", 2)
    assert "FEEDBRIDGE_FLIPSNACK_API_SECRET" in refused.value.message
    assert "FEEDBRIDGE_MAGENTO_ACCESS_TOKEN_SECRET" in refused.value.message


TEES = {f"T{n:02}": {"sizes": {"S": "5.00", "M": "5.00", "L": "5.00"}} for n in range(8)}


def test_variants_that_go_are_counted_as_deletes(shop: Shop):
    shop.feed(TEES)
    shop.sync()
    shop.feed({handle: {"sizes": {"S": "5.00"}} for handle in TEES})
    report = shop.sync()
    assert (report.status, [guard for guard, *_ in report.holds]) == (4, ["mass-delete"])
    assert len(shop.on("flipsnack")["T00"]["variants"]) == 3
    shop.feed(TEES | {"T00": {"sizes": {"S": "5.00"}}})
    assert shop.sync().status == 0  # one may
    shop.is_as_its_feed()


def test_prices_that_came_back_empty_hold_the_run(shop: Shop):
    shop.feed(goods(8))
    shop.sync()
    shop.feed({handle: good | {"price": ""} for handle, good in goods(8).items()})
    report = shop.sync()
    assert report.status == 4
    assert "lost-field" in [guard for guard, *_ in report.holds] or "all-failing" in [guard for guard, *_ in report.holds]
    assert shop.on("flipsnack")["P001"]["sell_price"] == 10


def test_a_sale_that_ends_for_all_is_released_and_never_empties_the_catalogue(shop: Shop):
    shop.feed(goods(250, before="12.00"))
    shop.sync()
    shop.feed(goods(250, price="12.00"))
    assert [guard for guard, *_ in shop.sync().holds] == ["lost-field"]
    least = []

    def look(event: str, **_: object) -> None:
        if event == "written":
            least.append(len(shop.on("flipsnack")))

    assert shop.apply(release=True, observe=look).status == 0
    assert min(least) >= 150  # at most a hundred are away at once
    shop.is_as_its_feed()


def test_what_is_away_when_a_run_dies_is_told_and_comes_back(shop: Shop, box: Box):
    shop.feed(goods(5, before="12.00"))
    shop.sync()
    shop.feed(goods(4, before="12.00") | {"P005": {"price": "12.00"}})
    box.faults("wrong-key:2-99")
    try:
        report = shop.sync()
    finally:
        box.faults()
    (failure,) = report.result()["targets"][0]["failures"]
    assert (report.status, failure["key"], "deleted to be made anew" in failure["message"]) == (3, "P005", True)
    assert "P005" not in shop.on("flipsnack")
    assert shop.sync().status == 0
    assert "P005" in shop.on("flipsnack")


def grouped(shop: Shop, text: str) -> None:
    (shop.folder / "own.yaml").write_text(
        "feedbridge: 1\nname: own\nsource: {format: csv}\nrecords: {one: variant, group_by: group}\n"
        "product: {sku: group, title: title}\nvariant:\n  sku: sku\n"
        "  price: {from: price, as: money, decimal: ., currency: EUR}\n"
        "  options: [{name: {value: Size}, value: size}]\n"
    )
    shop.write_job({**shop.spec, "mapping": "own.yaml", "set": {}})
    shop.source.write_text("sku,group,title,price,size\n" + text)


KEPT = "".join(f"K{n},K{n},Other {n},5,S\n" for n in range(9))


@pytest.mark.parametrize(("after", "held"), [
    pytest.param("A-S,G9,Aye,5,S\nA-M,G9,Aye,free,M\n", {"G1"}, id="the product is in another group"),
    pytest.param("A-S,G1,Aye,5,S\nA-M,G9,Bee,free,M\n", {"G1"}, id="a variant is in another product"),
    pytest.param("A-S,G1,Aye,5,S\n,,Aye,5,M\n", {"G1"}, id="a variant's SKU cannot be read"),
])
def test_a_held_back_product_in_another_group_is_not_deleted(shop: Shop, after: str, held: set[str]):
    grouped(shop, "A-S,G1,Aye,5,S\nA-M,G1,Aye,5,M\n" + KEPT)
    assert shop.sync().status == 0
    before = shop.on("flipsnack")
    grouped(shop, after + KEPT.replace("K3,K3,Other 3,5", "K3,K3,Other 3,6"))
    report = shop.sync()
    assert report.status == 1
    now = shop.on("flipsnack")
    assert now["G1"] == before["G1"]
    assert now["K3"]["sell_price"] == 6
    assert held <= {change.key for change in report.changes() if change.op == "held"}


@pytest.mark.parametrize("left", [None, "Handle,Title,Variant SKU,Variant Price\n"], ids=["gone", "header only"])
def test_a_file_of_several_that_is_gone_or_empty_holds_the_run(shop: Shop, left: str | None):
    shop.write_job({**shop.spec, "source": "shop*.csv"})
    shop.feed(goods(3, first=90))
    more = shop.folder / "shop2.csv"
    shop.source.rename(more)
    shop.feed(goods(40))
    assert shop.sync().status == 0
    whole = more.read_text()
    if left is None:
        more.unlink()
    else:
        more.write_text(whole.splitlines(keepends=True)[0])
    assert [guard for guard, *_ in shop.sync().holds] == ["lost-file"]
    more.write_text(whole)
    assert shop.sync().status == 0
    assert len(shop.on("flipsnack")) == 43


def test_a_renamed_target_keeps_what_it_has(shop: Shop):
    shop.sync()
    target = shop.spec["targets"]["flipsnack"] | {"platform": "flipsnack"}
    shop.write_job({**shop.spec, "targets": {"catalogue": target}})
    assert shop.sync().header.targets[0].counts == {"unchanged": 5}
    assert len(shop.calls()) == 1


def test_a_ledger_that_knows_nothing_proposes_to_adopt(shop: Shop):
    shop.sync()
    for path in shop.folder.glob("ledger.sqlite*"):
        path.unlink()
    report = shop.sync()
    assert (report.status, "--adopt" in " ".join(report.warnings)) == (3, True)
    assert shop.sync(Options(adopt=True)).status == 0


def replayed(shop: Shop, text: str) -> object:
    path = shop.folder / "mended.csv"
    path.write_text(text)
    return shop.sync(Options(sources=(str(path),)))


def test_a_replay_changes_only_what_was_held_back(shop: Shop):
    shop.feed(goods(3) | {"TEE": {"sizes": {"S": "5.00", "M": "5.00"}}})
    shop.sync()
    shop.feed(goods(3) | {"TEE": {"sizes": {"S": "5.00", "M": "x"}}})
    shop.sync()
    header = shop.source.read_text().splitlines()[0]
    before = shop.on("flipsnack")
    shop.feed({"TEE": {"sizes": {"S": "6.00"}}, "P001": {"price": "0.01"}, "NEW": {"price": "2.00"}})
    mended = shop.source.read_text()
    assert mended.startswith(header)
    shop.feed(goods(3) | {"TEE": {"sizes": {"S": "5.00", "M": "x"}}})
    report = replayed(shop, mended)
    codes = {one["key"]: one["code"] for one in report.result()["targets"][0]["failures"]}  # type: ignore[attr-defined]
    assert codes == {"TEE": "sync.lost-variant", "P001": "sync.not-held", "NEW": "sync.not-held"}
    assert shop.on("flipsnack") == before


def test_a_replay_that_is_not_taken_leaves_the_quarantine_as_it_is(shop: Shop, box: Box):
    shop.feed(goods(3) | {"BAD": {"price": "x"}})
    shop.sync()
    mended = shop.source.read_text().replace(",x,", ",7.00,")
    box.faults("wrong-key:all")
    try:
        assert replayed(shop, mended).status == 3  # type: ignore[attr-defined]
    finally:
        box.faults()
    with shop.ledger() as ledger:
        assert [row.sku for row in ledger.held(ledger.jobs()[0].id)] == ["BAD"]


def test_a_table_changed_after_the_plan_makes_it_stale(shop: Shop, tmp_path: Path):
    (shop.folder / "own.yaml").write_text(
        "feedbridge: 1\nname: own\nextends: shopify\nproduct:\n  title: {from: Title, lookup: {file: titles.csv}}\n"
    )
    titles = shop.folder / "titles.csv"
    titles.write_text("from,to\n" + "".join(f"Product {n},Old {n}\n" for n in range(1, 6)))
    shop.write_job({**shop.spec, "mapping": "own.yaml"})
    shop.plan(tmp_path / "p.jsonl")
    titles.write_text(titles.read_text().replace("Old", "New"))
    with pytest.raises(PlanError) as stale:
        shop.apply(tmp_path / "p.jsonl")
    assert stale.value.code == "plan.stale"
    assert shop.calls() == []


def test_a_field_the_store_keeps_is_told_with_the_sync(tmp_path: Path, box: Box):
    shop = Shop(tmp_path / tmp_path.name, box, to=["magento"])
    grouped(shop, KEPT)
    shop.sync()
    grouped(shop, KEPT.replace("K8,K8,Other 8,5", "K8,K8,Other 8,"))
    report = shop.sync()
    assert report.header.targets[0].counts == {"update": 1, "unchanged": 8}
    told = [one for one in report.result()["targets"][0]["failures"] if one["state"] == "warning"]
    assert [(one["key"], one["code"]) for one in told] == [("K8", "magento.A12")]

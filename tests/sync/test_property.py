"""Whatever happens to a feed, to the network and to single products over some nights: one quiet night later every
platform has what the feed says, and the night after that nothing is sent."""

from __future__ import annotations

import csv
import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from feedbridge.sync.history import History
from feedbridge.sync.model import SENDING
from feedbridge.sync.syncing import Options, Report
from tests.sync.shops import PICTURE, Shop, sandbox

HEADER = ["Handle", "Title", "Vendor", "Published", "Option1 Name", "Option1 Value", "Variant SKU", "Variant Price",
          "Variant Compare At Price", "Image Src", "Status"]
PLATFORMS = ("flipsnack", "magento")
EXAMPLES = int(os.environ.get("FEEDBRIDGE_EXAMPLES", "12"))
NUMBERS = itertools.count()
SKUS = [f"S{number}" for number in range(9)]


@dataclass(frozen=True)
class Product:
    """``variants``: SKU -> price; without any the product is sold by its own SKU. ``bad``: its price cannot be read."""

    title: str = "Title"
    price: str = "10.00"
    before: str = ""
    active: bool = True
    bad: bool = False
    picture: bool = True
    variants: Mapping[str, str] = field(default_factory=dict)


Catalogue = dict[str, Product]
TITLES = st.text(
    st.characters(categories=["Lu", "Ll", "Lo", "Nd", "So", "Sc", "Po"], exclude_characters="<>&"), max_size=12
).map(lambda text: f"T{text}") | st.sampled_from(["Café – 50 %", 'say "hi", twice', "日本語 👕🏽", "O'Neill; a | b"])
PRICES = st.sampled_from(["1.00", "9.90", "10.00", "25.50", "1200.00"])


def names(catalogue: Catalogue) -> set[str]:
    """Every SKU in use: no two products may have one."""
    return {*catalogue, *(sku for product in catalogue.values() for sku in product.variants)}


def changed(catalogue: Catalogue, sku: str, **values: Any) -> None:
    catalogue[sku] = replace(catalogue[sku], **values)


def add(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    free = [sku for sku in SKUS if sku not in names(catalogue)]
    if free:
        catalogue[free[place % len(free)]] = Product(title, price)


def remove(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    catalogue.pop(list(catalogue)[place])


def rename(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    """Another SKU for the product; its variants keep theirs."""
    free = [sku for sku in SKUS if sku not in names(catalogue)]
    if free:
        catalogue[free[other % len(free)]] = catalogue.pop(list(catalogue)[place])


def add_variant(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    sku = list(catalogue)[place]
    free = [one for one in SKUS if one not in names(catalogue)]
    if free:
        changed(catalogue, sku, variants={**catalogue[sku].variants, free[other % len(free)]: price})


def take_variant(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    sku = list(catalogue)[place]
    changed(catalogue, sku, variants=dict(list(catalogue[sku].variants.items())[:-1]))


def move_variant(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    """To another product, or to stand alone."""
    sku = list(catalogue)[place]
    left = dict(catalogue[sku].variants)
    if left:
        variant, price = left.popitem()
        changed(catalogue, sku, variants=left)
        target = list(catalogue)[other % len(catalogue)]
        if target == sku:
            catalogue[variant] = Product(title, price)
        else:
            changed(catalogue, target, variants={**catalogue[target].variants, variant: price})


def absorb(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    """A product becomes another one's variant."""
    sku = list(catalogue)[place]
    target = list(catalogue)[other % len(catalogue)]
    if target != sku and not catalogue[sku].variants:
        del catalogue[sku]
        changed(catalogue, target, variants={**catalogue[target].variants, sku: price})


def set_price(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    changed(catalogue, list(catalogue)[place], price=price)


def set_title(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    changed(catalogue, list(catalogue)[place], title=title)


def begin_or_end_sale(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    sku = list(catalogue)[place]
    changed(catalogue, sku, before="" if catalogue[sku].before else "2000.00")


def draft_or_not(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    sku = list(catalogue)[place]
    changed(catalogue, sku, active=not catalogue[sku].active)


def spoil_or_mend(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    sku = list(catalogue)[place]
    changed(catalogue, sku, bad=not catalogue[sku].bad)


def picture_or_none(catalogue: Catalogue, place: int, other: int, title: str, price: str) -> None:
    sku = list(catalogue)[place]
    changed(catalogue, sku, picture=not catalogue[sku].picture)


EDITS: list[Callable[[Catalogue, int, int, str, str], None]] = [
    set_price, set_title, begin_or_end_sale, add, remove, add_variant, take_variant, move_variant, absorb, rename,
    draft_or_not, spoil_or_mend, picture_or_none,
]
edits = st.tuples(st.sampled_from(EDITS), st.integers(0, 8), st.integers(0, 8), TITLES, PRICES)
CALLS = st.sampled_from(["1", "2", "3", "first-2", "every-2", "2-4", "all"])
call_faults = st.builds(
    "{}{}:{}".format, st.sampled_from(["", "flipsnack/", "magento/"]),
    st.sampled_from([
        "drop-before", "drop-after", "drop-mid", "garbage", "truncated", "empty", "html", "html-after", "redirect",
        "400", "401", "404", "429", "500", "500-after", "502", "503", "504-after", "maintenance",
    ]), CALLS,
) | st.builds("{}:{}".format, st.sampled_from(["31", "32"]), CALLS)
product_faults = st.builds("{}:{}".format, st.sampled_from(["partial", "reject"]), st.sampled_from(SKUS[:4]))
ways = st.sampled_from(["errors:objects", "errors:unnamed", "errors:whole", "success:20", "spelling:other", "http-status:fitting"])


@dataclass(frozen=True)
class Night:
    edits: list[tuple[Any, int, int, str, str]]
    faults: list[str]
    released: bool


def nights(faults: st.SearchStrategy[str]) -> st.SearchStrategy[list[Night]]:
    night = st.builds(
        Night, st.lists(edits, min_size=1, max_size=6), st.lists(faults, min_size=1, max_size=2) | st.lists(ways, max_size=1)
        | st.lists(faults | ways, min_size=2, max_size=3), st.booleans(),
    )
    return st.lists(night, min_size=1, max_size=4)


def edit(catalogue: Catalogue, wanted: list[tuple[Any, int, int, str, str]]) -> None:
    for change, place, other, title, price in wanted:
        if catalogue or change is add:
            change(catalogue, place % max(1, len(catalogue)), other, title, price)


def write(catalogue: Catalogue, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, HEADER, restval="")
        rows.writeheader()
        for sku, product in catalogue.items():
            handle = sku if product.variants else f"page-of-{sku.lower()}"  # what has no variants goes by its own SKU
            whole = {
                "Handle": handle, "Title": product.title, "Vendor": "Acme", "Published": "TRUE",
                "Image Src": PICTURE.format(sku) if product.picture else "",
                "Status": "active" if product.active else "draft",
            }
            for place, (variant, price) in enumerate(product.variants.items() or [(sku, product.price)]):
                rows.writerow((whole if place == 0 else {"Handle": handle}) | {
                    "Option1 Name": ("Size" if product.variants else "Title") if place == 0 else "",
                    "Option1 Value": variant if product.variants else "Default Title", "Variant SKU": variant,
                    "Variant Price": "free" if product.bad else price, "Variant Compare At Price": product.before,
                })


def checked(report: Report) -> Report:
    """What is true of every run: each product and each item is counted once."""
    for target in report.header.targets:
        products = target.products
        assert products["read"] == products["written"] + products["excluded"] + products["held_back"]
        done = report.targets.get(target.name)
        if done is not None:
            planned = sum(target.counts.get(op, 0) for op in SENDING)
            assert sum(done.counts.values()) <= planned
            if done.down is None and report.status in (0, 1):
                assert sum(done.counts.values()) == planned
                assert not done.counts.get("unknown")
    return report


def quarantine_is_true(shop: Shop, catalogue: Catalogue, folder: Path) -> None:
    """It lists every product that cannot be read, once, and no other; and gives out all of them. One with a single variant may
    be called like that."""
    bad = {sku for sku, product in catalogue.items() if product.bad}
    with History(shop.job().file, shop.environment) as history:
        job = shop.job()
        rows = list(history.held_back(job).rows.values())
        called = {one: sku for sku in bad for one in (sku, *catalogue[sku].variants)}
        assert sorted(called[row.sku] for row in rows) == sorted(bad)
        if not bad:
            return
        files, lost = history.export(job, folder)
    assert not lost
    with files[0].open(encoding="utf-8-sig", newline="") as file:
        given = [row["Variant SKU"] for row in csv.DictReader(file)]
    assert sorted(given) == sorted(one for sku in bad for one in catalogue[sku].variants or [sku])


def plain(platform: str, body: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A product without what a platform does its own way: the order of variants (Flipsnack); members that a store keeps
    although the feed has them no more, and lists that were emptied (Magento, A12)."""
    if platform == "flipsnack":
        return {**body, "variants": sorted(body.get("variants", []), key=lambda one: one["code"])}
    return {name: value for name, value in body.items() if name in wanted or (value != [] and name != "special_price")}


def is_as_its_feed(shop: Shop, platform: str) -> None:
    has, wanted = shop.on(platform), shop.converted(platform)
    if platform == "magento":
        has = {key: body for key, body in has.items() if key in wanted or body["status"] != 0}
    assert set(has) == set(wanted)
    for key, body in wanted.items():
        assert plain(platform, has[key], body) == plain(platform, body, body)
    assert {row.state for row in shop.rows(platform).values()} <= {"sent", "deleted"}


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with sandbox(tmp_path_factory.mktemp("box")) as box:
        yield box


@pytest.mark.parametrize("faults", [call_faults, product_faults], ids=["calls", "products"])
@settings(
    max_examples=EXAMPLES, deadline=None, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), begun=st.lists(edits, min_size=3, max_size=12), batch=st.sampled_from([2, 500]))
def test_after_a_quiet_night_every_platform_is_as_the_feed_says(tmp_path_factory, box, faults, data, begun, batch):
    box.reset()
    shop = Shop(tmp_path_factory.mktemp("shops") / f"shop{next(NUMBERS)}", box, to=PLATFORMS, batch=batch)
    waits = shop.clock.waits(lost_tries=2, unsent_tries=2, patience_seconds=20)
    catalogue: Catalogue = {}
    edit(catalogue, [(add, *rest) for _, *rest in begun[:6]])
    edit(catalogue, begun)
    for night in data.draw(nights(faults), label="nights"):
        edit(catalogue, night.edits)
        note(str(catalogue))
        write(catalogue, shop.source)
        box.faults(*night.faults)
        report = checked(shop.sync(waits=waits))
        if report.status == 4 and night.released:
            checked(shop.apply(release=True, waits=waits))
        note(f"{night.faults}: status {report.status}")
        if report.status != 4:
            quarantine_is_true(shop, catalogue, tmp_path_factory.mktemp("export") / "out")

    box.faults()
    for sku in catalogue:
        changed(catalogue, sku, bad=False)
    write(catalogue, shop.source)
    report = checked(shop.sync())
    if report.status == 4:
        report = checked(shop.apply(release=True))
    # A feed of which a platform takes nothing, since all are drafts, is told of every night.
    well = 1 if "run.nothing-written" in report.header.findings else 0
    assert report.status == well, (report.result(), report.examples)
    for platform in PLATFORMS:
        is_as_its_feed(shop, platform)

    call = box.last_call()
    assert checked(shop.sync()).status == well
    again = checked(shop.sync(Options(resend=frozenset({"NOBODY"}))))  # looks at every item though nothing changed
    assert again.status == well
    assert not [change for change in again.changes() if change.op in SENDING]
    assert box.last_call() == call

"""Licences and prices are looked at in the shop before they are sent, over REST and by folder, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.sync.shops import Box, sandbox
from tests.sync.test_flickrocket_api import BOTH, BookShop

REST: dict[str, Any] = {"flickrocket-api": {}}
FOLDERS: dict[str, Any] = {"flickrocket": {"outbox": "outbox"}}
LOOKING: dict[str, Any] = {"flickrocket": {"outbox": "outbox", "shop": "default"}}
LISTS = ("prices", "licenses")


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with sandbox(tmp_path_factory.mktemp("box"), bucket=None) as running:
        yield running


def open_shop(box: Box, folder: Path, targets: dict[str, Any]) -> BookShop:
    """A shop whose price 49 has pounds only, and whose price 50 and licence 18 are not valid."""
    box.reset()
    (moby,) = (one for one in box.ask("flickrocket/products") if one["id"] == 142995)
    prices, licences = ({one["id"]: one for one in box._store.flickrocket(name)} for name in ("prices", "licenses"))
    with box._store.transaction() as tx:
        pounds = {**prices[46], "id": 49, "title": "UK only", "currencies": [{"currency": "gbp", "price": 2500}]}
        tx.keep_flickrocket("prices", pounds, datetime.now(UTC))
        tx.keep_flickrocket("prices", {**prices[46], "id": 50, "title": "Old", "valid": 0}, datetime.now(UTC))
        tx.keep_flickrocket("licenses", {**licences[16], "id": 18, "valid": False}, datetime.now(UTC))
    shop = BookShop(folder / "books", box, targets)
    if "flickrocket-api" in targets and "flickrocket" not in targets:
        ids = {"BOOK-1": "142995", "BOOK-2": "142998"}
        with box._store.transaction() as tx:
            tx.keep_flickrocket("products", {**moby, "id": 142998, "title": "Book 2"}, datetime.now(UTC))
        shop.books = {name: shop.books[name] | {"FlickRocket ID": number} for name, number in ids.items()}
    return shop


def looked(shop: BookShop, after: int) -> list[str]:
    """Readings of the two lists."""
    return [name for call in shop.box.calls(after) for name in LISTS if f"/{name}" in call["action"]]


@pytest.mark.parametrize(("targets", "columns", "code", "said"), [
    pytest.param(REST, {"Price ID": "9999"}, "flickrocket.K12", "there is no price 9999", id="REST, no such price"),
    pytest.param(REST, {"Licence ID": "77"}, "flickrocket.K12", "there is no licence 77", id="REST, no such licence"),
    pytest.param(REST, {"Price ID": "50"}, "flickrocket.K12", 'price 50 "Old" is not valid', id="REST, a price that is not valid"),
    pytest.param(REST, {"Licence ID": "18"}, "flickrocket.K12", "is not valid", id="REST, a licence that is not valid"),
    pytest.param(REST, {"Price ID": "49"}, "flickrocket.K15", 'price 49 "UK only" has no amount in EUR, USD', id="REST, currency"),
    pytest.param(LOOKING, {"Price ID": "9999"}, "flickrocket.K12", "there is no price 9999", id="folders, no such price"),
    pytest.param(BOTH, {"Price ID": "49"}, "flickrocket.K15", "has no amount in EUR, USD", id="both, currency"),
])
def test_what_the_shop_has_not_is_refused_by_name(box: Box, tmp_path: Path, targets, columns, code, said):
    shop = open_shop(box, tmp_path, targets)
    shop.write(**columns)
    began = box.last_call()
    report = shop.sync()
    name = next(iter(targets))
    (refused,) = (one for one in report.changes() if one.op == "refused" and one.target == name)
    assert (report.status, refused.key, refused.code) == (1, "BOOK-2", code)
    assert said in refused.message
    assert refused.mend
    assert "--currency" not in refused.mend
    assert looked(shop, began) == list(LISTS)
    if name == "flickrocket-api":  # the rest goes on
        assert shop.done(report) == {"updated": 1}
        assert [one["price_license_binding"][0]["price_id"] for one in box.ask("flickrocket/products") if one["id"] == 142998] == [46]
    else:
        assert shop.done(report, name) == {"created": 2}
        assert shop.outbox() == ["BOOK-1", "BOOK-3"]
    began = box.last_call()
    report = shop.sync()
    assert (report.status, [one.code for one in report.changes() if one.op == "refused"]) == (1, [code])
    shop.write(**{"Price ID": "46", "Licence ID": "16"})
    assert shop.sync().status == 0


def test_only_what_is_sent_is_looked_at(box: Box, tmp_path: Path):
    shop = open_shop(box, tmp_path, REST)
    shop.write()
    assert shop.sync().status == 0
    began = box.last_call()
    shop.write(Title="Book 2, anew")
    assert shop.sync().status == 0
    assert looked(shop, began) == []


def test_a_folder_without_a_shop_is_not_looked_at(box: Box, tmp_path: Path):
    shop = open_shop(box, tmp_path, FOLDERS)
    shop.write(**{"Price ID": "9999"})
    began = box.last_call()
    report = shop.sync()
    assert (report.status, shop.done(report, "flickrocket"), box.last_call()) == (0, {"created": 3}, began)


@pytest.mark.parametrize("targets", [pytest.param(REST, id="REST"), pytest.param(LOOKING, id="folders")])
@pytest.mark.parametrize("price", ["47", "9999"])
def test_a_shop_that_cannot_be_asked_is_asked_before_it_is_sent(box: Box, tmp_path: Path, targets, price):
    shop = open_shop(box, tmp_path, targets)
    name = next(iter(targets))
    shop.write()
    assert shop.sync().status == 0
    if name == "flickrocket":
        shop.books["BOOK-4"] = shop.books["BOOK-1"] | {"Title": "Book 4", "File": "BOOK-1.epub", "Price ID": price}
        key = "BOOK-4"
        shop.write()
    else:
        key = "BOOK-2"
        shop.write(**{"Price ID": price})
    box.faults("flickrocket/503:1")
    (change,) = shop.plan().changes()
    assert (change.key, change.code, change.unchecked) == (key, "flickrocket.unchecked", True)
    assert "could not be checked" in change.message
    box.faults("flickrocket/503:1")
    report = shop.sync()
    box.faults()
    if price == "47":
        assert (report.status, sum(shop.done(report, name).values())) == (0, 1)
    else:
        (failure,) = report.targets[name].failures
        assert (report.status, failure.key) == (1, key)
        assert "there is no price 9999; mend: feedbridge flickrocket prices" in failure.message


def test_the_job_may_say_which_currencies(box: Box, tmp_path: Path):
    shop = open_shop(box, tmp_path, {"flickrocket-api": {"currencies": ["gbp"]}})
    shop.write(**{"Price ID": "49"})
    (refused, *others) = (one for one in shop.plan().changes() if one.op == "refused")
    assert (refused.key, others) == ("BOOK-1", [])
    assert "has no amount in GBP" in refused.message

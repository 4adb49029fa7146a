"""What is asked of a ledger beside its runs: where a job delivers now, and what is forgotten or noted by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedbridge.errors import CommandError, FeedbridgeError
from feedbridge.sync.history import History
from feedbridge.sync.jobfile import load_jobs
from feedbridge.sync.ledger_errors import JobRunning
from feedbridge.sync.syncing import Options
from tests.sync.shops import Box, Shop, goods, sandbox

BOOKS = Path(__file__).resolve().parents[2] / "examples" / "books"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with sandbox(tmp_path_factory.mktemp("history")) as one:
        yield one


@pytest.fixture
def shop(tmp_path: Path, box: Box) -> Shop:
    shop = Shop(tmp_path / tmp_path.name, box)
    shop.feed(goods(4))
    return shop


def history(shop: Shop) -> History:
    return History(load_jobs(shop.folder / "feedbridge.yaml", environment=shop.environment), shop.environment)


def to_feed(shop: Shop, name: str) -> None:
    shop.write_job(shop.spec | {"targets": {"flipsnack": shop.spec["targets"]["flipsnack"] | {"settings": {"source_hash": name}}}})


def states(shop: Shop) -> dict[str, dict[str, int]]:
    """Place -> state -> items, as status has them."""
    with history(shop) as opened:
        about, *_ = opened.standing(shop.job())
    return {one["place"].rpartition(" ")[2]: {k: n for k, n in one["states"].items() if n} for one in about["targets"]}


# -- the place a job delivers to


@pytest.fixture
def there_and_back(shop: Shop) -> tuple[str, str]:
    """A feed of 4 products, another of 3, and the first again."""
    one, two = f"{shop.source_hash}one", f"{shop.source_hash}two"
    to_feed(shop, one)
    assert shop.sync().status == 0
    to_feed(shop, two)
    shop.feed(goods(3))
    assert shop.sync(Options(release=True)).status == 0
    to_feed(shop, one)
    return one, two


def test_status_tells_of_the_place_the_job_file_names(shop: Shop, there_and_back: tuple[str, str]):
    one, two = there_and_back
    assert states(shop) == {one: {"sent": 4, "present": 4}}
    to_feed(shop, two)
    assert states(shop) == {two: {"sent": 3, "present": 3}}


def test_a_place_where_nothing_was_sent_yet(shop: Shop, there_and_back: tuple[str, str]):
    new = f"{shop.source_hash}new"
    to_feed(shop, new)
    assert states(shop) == {new: {}}
    with history(shop) as opened, pytest.raises(CommandError, match=f'nothing was sent yet to where "flipsnack".*{new}') as caught:
        opened.forget(shop.job(), None, ["P001"])
    assert there_and_back[0] in caught.value.mend and there_and_back[1] in caught.value.mend


def test_ids_are_those_of_the_place_the_job_file_names(shop: Shop, there_and_back: tuple[str, str]):
    one, two = there_and_back
    (ids := shop.folder / "ids.csv").write_text("sku,id\nP002,142\n")
    with history(shop) as opened:
        assert opened.forget(shop.job(), None, ["P001"]) == 1
        assert opened.import_ids(shop.job(), None, ids) == 1
        rows = {
            row.place.rpartition(" ")[2]: {one.key: one.platform_id for one in opened.ledger.rows(row.id)}
            for row in opened.ledger.targets(opened.job_id(shop.job()))
        }
    assert rows == {one: {"P002": "142", "P003": "", "P004": ""}, two: {"P001": "", "P002": "", "P003": ""}}


def test_a_mapping_with_a_mistake_does_not_hide_what_was_sent(shop: Shop):
    shop.sync()
    (shop.folder / "own.yaml").write_text("feedbridge: 1\nname: own\nextends: nothing\n")
    shop.write_job(shop.spec | {"mapping": "own.yaml"})
    assert states(shop) == {shop.source_hash: {"sent": 4, "present": 4}}


def test_the_mapping_may_name_the_place(shop: Shop):
    (shop.folder / "own.yaml").write_text(
        "feedbridge: 1\nname: own\nextends: shopify\nplatforms: {flipsnack: {settings: {source_hash: "
        f"{shop.source_hash}own}}}}}}\n"
    )
    shop.write_job(shop.spec | {"mapping": "own.yaml", "targets": {"flipsnack": {"sandbox": True, "rate": "off"}}})
    assert shop.sync().status == 0
    assert states(shop) == {f"{shop.source_hash}own": {"sent": 4, "present": 4}}


# -- changes by hand


@pytest.mark.parametrize("change", ["forget", "import"])
def test_nothing_is_changed_by_hand_while_a_run_is_under_way(shop: Shop, change: str):
    """It would be written over by the run, or make it create what it has just created."""
    shop.sync()
    shop.feed(goods(4, price="12.00"))
    (ids := shop.folder / "ids.csv").write_text("sku,id\nP002,142\n")
    asked = []

    def meanwhile(event: str, **fields: object) -> None:
        if event == "calling":
            with history(shop) as opened, pytest.raises(JobRunning, match="is being run by") as caught:
                opened.forget(shop.job(), None, ["P002"]) if change == "forget" else opened.import_ids(shop.job(), None, ids)
            asked.append(caught.value.mend)

    assert shop.sync(observe=meanwhile).status == 0
    assert asked and "wait until it is done" in asked[0]
    shop.is_as_its_feed()
    with history(shop) as opened:
        assert (opened.forget(shop.job(), None, ["P002"]) if change == "forget" else opened.import_ids(shop.job(), None, ids)) == 1


@pytest.fixture
def books(tmp_path: Path) -> Shop:
    """Two books for the uploader, written into the outbox."""
    shop = Shop(tmp_path / "books", Box(""), to=())
    shutil.copytree(BOOKS / "content", shop.folder / "content")
    shop.source.write_text(
        "SKU,Title,Language,Medium,File,Licence ID,Price ID,DRM,Version\n"
        "BOOK-TIDE,The Tide,en,ebook,content/tide-table.epub,16,46,yes,1\n"
        "BOOK-SEA,The Sea,en,ebook,content/tide-table.epub,16,46,yes,1\n"
    )
    shop.write_job({
        "source": "shop.csv", "mapping": "digital", "set": {"currency": "EUR"}, "targets": {"flickrocket": {"outbox": "outbox"}}
    })
    assert shop.sync().status == 0
    return shop


def test_what_still_waits_in_the_outbox_is_not_forgotten(books: Shop):
    """A second folder beside it would make the product twice."""
    outbox = books.folder / "outbox"
    with history(books) as opened:
        with pytest.raises(FeedbridgeError, match=f"still in the outbox: BOOK-TIDE as {outbox}/BOOK-TIDE; nothing") as caught:
            opened.forget(books.job(), None, ["BOOK-TIDE"])
        assert "delete that folder if it was never uploaded, else move it away" in caught.value.mend
        assert set(books.rows("flickrocket")) == {"BOOK-TIDE", "BOOK-SEA"}
        (outbox / "BOOK-TIDE").rename(books.folder / "uploaded")
        assert opened.forget(books.job(), None, ["BOOK-TIDE"]) == 1
    assert books.sync().status == 0
    assert sorted(path.name for path in outbox.iterdir()) == ["BOOK-SEA", "BOOK-TIDE"]
    assert "id" not in json.loads((outbox / "BOOK-TIDE" / "product.json").read_text())["product"]



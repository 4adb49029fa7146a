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
from feedbridge.sync.syncing import Options, Report, Sync
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
    (ids := books.folder / "ids.csv").write_text("sku,id\nBOOK-SEA,142995\n")
    with history(books) as opened:
        with pytest.raises(FeedbridgeError, match=f"still in the outbox: BOOK-TIDE as {outbox}/BOOK-TIDE; nothing") as caught:
            opened.forget(books.job(), None, ["BOOK-TIDE"])
        assert "delete that folder if it was never uploaded, else move it away" in caught.value.mend
        assert set(books.rows("flickrocket")) == {"BOOK-TIDE", "BOOK-SEA"}
        (outbox / "BOOK-TIDE").rename(books.folder / "uploaded")
        assert opened.forget(books.job(), None, ["BOOK-TIDE"]) == 1
        opened.import_ids(books.job(), None, ids)
        assert opened.forget(books.job(), None, ["BOOK-SEA"]) == 1  # its id is known, so it was uploaded
        assert set(books.rows("flickrocket")) == set()
    (outbox / "BOOK-SEA").rename(books.folder / "uploaded too")
    assert books.sync().status == 0
    assert sorted(path.name for path in outbox.iterdir()) == ["BOOK-SEA", "BOOK-TIDE"]
    assert "id" not in json.loads((outbox / "BOOK-TIDE" / "product.json").read_text())["product"]




# -- a job that was renamed


def called(shop: Shop, name: str, /, **jobs: object) -> None:
    """The job file with the shop's job under this name."""
    (shop.folder / "feedbridge.yaml").write_text(
        json.dumps({"feedbridge": 1, "state": "ledger.sqlite", "jobs": {name: shop.spec, **jobs}})
    )


def run(shop: Shop, name: str) -> Report:
    job = load_jobs(shop.folder / "feedbridge.yaml", environment=shop.environment).job(name)
    with Sync(job, environment=shop.environment) as sync:
        return sync.sync()


def rename(shop: Shop, old: str, new: str) -> None:
    with history(shop) as opened:
        opened.rename(old, opened.file.job(new))


@pytest.mark.parametrize("nights", [0, 1, 2], ids=["at once", "after a night", "after two"])
def test_a_renamed_job_keeps_what_it_has_sent(shop: Shop, nights: int):
    """Also when it ran under its new name before anybody saw that all was refused, and created what was new by then."""
    shop.feed(goods(4) | {"BAD": {"price": "x"}})
    shop.sync()
    called(shop, "store")
    for night in range(nights):
        shop.feed(goods(5 + night, price="11.00") | {"BAD": {"price": "x"}})
        report = run(shop, "store")
        refused = [one for one in report.result()["targets"][0]["failures"] if one["code"] == "sync.other-job"]
        assert len(refused) == 4
        assert refused[0]["mend"].startswith("if shop is the former name of this job: feedbridge job rename shop store; else")
    before = {path.name for path in (shop.folder / "ledger.runs").glob("*/*")}
    with history(shop) as opened:
        assert opened.former_names() == ["shop"]
    rename(shop, "shop", "store")
    shop.feed(goods(7, price="12.00") | {"BAD": {"price": "x"}})
    report = run(shop, "store")
    assert report.targets["flipsnack"].counts == {"updated": 4 + nights, "created": 3 - nights}
    shop.is_as_its_feed()
    assert before <= {path.name for path in (shop.folder / "ledger.runs" / "store").iterdir()}
    assert not (shop.folder / "ledger.runs" / "shop").exists()
    with history(shop) as opened:
        job = opened.file.job("store")
        _, runs, held = opened.standing(job)
        assert (len(runs), [row.sku for row in held], opened.former_names()) == (nights + 2, ["BAD"], [])
        assert [row.name for row in opened.ledger.jobs()] == ["store"]
        files, lost = opened.export(job, shop.folder / "mend")
        assert ([path.name for path in files], lost) == (["shop.csv"], [])


@pytest.mark.parametrize(
    ("old", "also", "said"),
    [
        pytest.param("never", {}, 'there is no job "never" in the ledger', id="no such job"),
        pytest.param("shop", {"shop": {}}, '"shop" is in the job file itself', id="still there"),
        pytest.param("theirs", {}, '"theirs" is a job of another job file', id="of another file"),
    ],
)
def test_a_job_that_is_not_this_one_under_another_name(shop: Shop, old: str, also: dict[str, object], said: str):
    shop.sync()
    (other := shop.folder / "other.yaml").write_text("")
    with shop.ledger() as ledger:
        ledger.job("theirs", str(other))
    called(shop, "store", **{name: shop.spec for name in also})
    with pytest.raises(CommandError, match=said) as caught:
        rename(shop, old, "store")
    assert "feedbridge job rename OLD NEW" in caught.value.mend
    assert ("former names are: shop" in caught.value.mend) == (not also)


def test_a_job_is_not_renamed_while_it_runs(shop: Shop):
    shop.sync()
    called(shop, "store")
    with shop.ledger() as ledger, ledger.lease(ledger.jobs()[0].id, run="r"), pytest.raises(JobRunning):
        rename(shop, "shop", "store")

"""FlickRocket by folder and over REST in one job, from the first folder to a changed text, against the sandbox."""

from __future__ import annotations

import csv
import io
import json
import shlex
import shutil
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from feedbridge.cli import run
from feedbridge.errors import CommandError
from feedbridge.platforms.flickrocket.client import connect
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.tokens import Tokens, TokenStore
from feedbridge.report.plan_page import render_plan_page
from feedbridge.report.plan_text import render_plan
from feedbridge.sandbox.keys import FLICKROCKET_CLIENT_ID, FLICKROCKET_REFRESH_TOKEN
from feedbridge.sync.forgetting import forget_command
from feedbridge.sync.history import History
from feedbridge.sync.job_schema import job_schema
from feedbridge.sync.jobfile import JobError, load_jobs, needed_variables, read_jobs
from feedbridge.sync.ledger import Ledger
from feedbridge.sync.ledger_address import ledger_url
from feedbridge.sync.starting import readiness, shared_places, start
from feedbridge.sync.syncing import Options
from tests.platforms.flickrocket_media import EPUB, EPUB_PARTS, JPEG, packed
from tests.sync.shops import Box, Nursery, Shop, sandbox

HEADER = ["SKU", "Title", "Description", "Language", "Medium", "File", "Cover", "Licence ID", "Price ID", "Version",
          "Categories", "FlickRocket ID", "Type", "Themes"]
BOTH: dict[str, Any] = {"flickrocket": {"outbox": "outbox"}, "flickrocket-api": {}}


class BookShop(Shop):
    """A shop with ebooks, logged in at the sandbox."""

    def __init__(self, folder: Path, box: Box, targets: dict[str, Any]) -> None:
        super().__init__(folder, box, to=())
        self.environment = {
            "FEEDBRIDGE_FLICKROCKET_HOSTS": f"{box.url}/flickrocket", "FEEDBRIDGE_FLICKROCKET_RATE": "off",
            "FEEDBRIDGE_FLICKROCKET_TOKENS": str(folder / "tokens"),
        }
        TokenStore(environment=self.environment).write("default", Tokens(
            "", FLICKROCKET_REFRESH_TOKEN, datetime(2000, 1, 1, tzinfo=UTC), FLICKROCKET_CLIENT_ID, "1202", "products",
            "this machine",
        ))
        self.to = list(targets)
        self.write_job({"source": "shop.csv", "targets": targets, "guards": {"max_changed_share": 1.0}})
        self.books = {
            f"BOOK-{number}": {"Title": f"Book {number}", "Description": f"<p>About {number}.</p>", "Price ID": "46",
                               "Categories": "4", "Version": "1"}
            for number in (1, 2, 3)
        }
        for name in self.books:
            self.content(name, EPUB)
        (folder / "cover.jpg").write_bytes(JPEG)
        self.write()

    def content(self, name: str, data: bytes) -> None:
        (self.folder / f"{name}.epub").write_bytes(data)

    def write(self, **changed: Any) -> None:
        """The export, with members of BOOK-2 changed."""
        self.books["BOOK-2"] |= changed
        with self.source.open("w", newline="") as file:
            rows = csv.DictWriter(file, HEADER, restval="")
            rows.writeheader()
            for name, book in self.books.items():
                rows.writerow({"SKU": name, "Language": "en", "Medium": "ebook", "File": f"{name}.epub", "Cover": "cover.jpg",
                               "Licence ID": "16", "Type": "digital", **book})

    def uploaded(self) -> dict[str, str]:
        """Drop the whole outbox on the uploader: SKU -> id."""
        request = urllib.request.Request(
            f"{self.box.url}/flickrocket/_/upload", json.dumps({"folders": [str(self.folder / "outbox")]}).encode(),
            {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            products = json.load(answer)["products"]
        assert [one for one in products if one["verdict"] == "refused"] == []
        return {one["folder"].rsplit("/", 1)[-1]: str(one["id"]) for one in products}

    def import_ids(self, ids: dict[str, str], target: str) -> None:
        path = self.folder / "ids.csv"
        path.write_text("sku,id\n" + "".join(f"{sku},{number}\n" for sku, number in ids.items()))
        with self.history() as history:
            history.import_ids(self.job(), target, path)

    def history(self) -> History:
        return History(load_jobs(self.folder / "feedbridge.yaml", environment=self.environment), self.environment)

    def outbox(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "outbox").iterdir())

    def on_flickrocket(self) -> dict[str, dict[str, Any]]:
        return {one["title"]: one for one in self.box.ask("flickrocket/products") if one["title"].startswith("Book")}

    def done(self, report: Any, target: str = "flickrocket-api") -> dict[str, int]:
        return report.targets[target].counts


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with sandbox(tmp_path_factory.mktemp("box"), bucket=None) as running:
        yield running


@pytest.fixture
def shop(box: Box, tmp_path: Path) -> BookShop:
    box.reset()
    return BookShop(tmp_path / "books", box, BOTH)


@pytest.fixture
def live(shop: BookShop) -> BookShop:
    """Three books that FlickRocket has, their ids known."""
    assert shop.sync().status == 0
    shop.import_ids(shop.uploaded(), "flickrocket")
    assert shop.sync().status == 0
    return shop


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as one:
        yield one


def planned(shop: BookShop) -> dict[str, dict[str, int]]:
    return {target.name: target.counts for target in shop.plan().header.targets}


def puts(shop: BookShop, after: int) -> list[dict[str, Any]]:
    """Writes that FlickRocket took."""
    return [call for call in shop.box.calls(after) if call["platform"] == "flickrocket" and call["verdict"] == "taken"
            and "token" not in call["action"]]


def test_the_whole_circle(shop: BookShop):
    report = shop.sync()
    assert (report.status, shop.done(report, "flickrocket"), shop.done(report)) == (0, {"created": 3}, {})
    assert planned(shop)["flickrocket-api"] == {"left": 3}
    text = io.StringIO()
    render_plan(msgspec.to_builtins(shop.plan().header), [], text)
    assert "3 left alone (until the id is known: BOOK-1, BOOK-2, BOOK-3)" in text.getvalue()
    assert report.result()["targets"][1]["no_id"] == {"number": 3, "first": ["BOOK-1", "BOOK-2", "BOOK-3"]}
    assert report.outboxes == {"flickrocket": {"waiting": 3, "new": True, "uploaded": [], "gone": []}}
    ids = shop.uploaded()
    shop.import_ids(ids, "flickrocket")

    report = shop.sync()  # the first time all of it goes over REST once
    assert (report.status, shop.done(report, "flickrocket"), shop.done(report)) == (0, {}, {"updated": 3})
    assert {key: row.platform_id for key, row in shop.rows("flickrocket-api").items()} == ids
    began = shop.box.last_call()
    assert shop.sync().status == 0
    assert shop.box.last_call() == began

    shop.write(Description="<p>About two, at length.</p>", Categories="4|5")
    assert planned(shop) == {"flickrocket": {"unchanged": 3}, "flickrocket-api": {"update": 1, "unchanged": 2}}
    before = shop.outbox()
    report = shop.sync()
    assert (report.status, shop.done(report), shop.outbox()) == (0, {"updated": 1}, before)
    assert len(puts(shop, began)) == 1
    book = shop.on_flickrocket()["Book 2"]
    assert book["locales"][0]["description"] == "<p>About two, at length.</p>"
    assert [one["category_id"] for one in book["categories"]] == [4, 5]
    assert [one["title"] for one in shop.box.ask("flickrocket/products")].count("Book 2") == 1

    shop.content("BOOK-2", packed(*EPUB_PARTS, ("OEBPS/more.xhtml", b"<html/>")))
    assert planned(shop) == {"flickrocket": {"update": 1, "unchanged": 2}, "flickrocket-api": {"unchanged": 3}}
    assert shop.sync().status == 0
    assert shop.outbox() == [*before[:2], "BOOK-2--2", before[2]]
    document = json.loads((shop.folder / "outbox/BOOK-2--2/product.json").read_text())
    assert document["product"] == {"id": int(ids["BOOK-2"])}
    assert len(puts(shop, began)) == 1


def test_what_is_taken_over_changes_nothing_for_the_guards(live: BookShop):
    """More products are written over REST for the first time than it has: they are no changes of what is there."""
    live.books |= {f"BOOK-{number}": live.books["BOOK-1"] | {"Title": f"Book {number}"} for number in range(4, 10)}
    for name in live.books:
        live.content(name, EPUB)
    live.write()
    report = live.sync()
    assert (report.status, live.done(report, "flickrocket")) == (0, {"created": 6})
    for name in ("BOOK-1", "BOOK-2", "BOOK-3"):
        shutil.rmtree(live.folder / "outbox" / name)
    live.import_ids(live.uploaded(), "flickrocket")
    live.write(Title="Book 2, anew")
    report = live.sync()
    assert (report.holds, report.status, live.done(report)) == ([], 0, {"updated": 7})


@pytest.mark.parametrize("at", ["intending", "calling", "answered", "written"])
def test_a_kill_is_settled_by_the_next_run(live: BookShop, nursery: Nursery, at: str):
    live.write(Title="Book 2, killed")
    assert nursery.run(live, at=at, number=1) == -9
    report = live.sync()
    assert report.status == 0
    assert "Book 2, killed" in live.on_flickrocket()
    assert set(live.states("flickrocket-api")) == {"sent"}
    began = live.box.last_call()
    assert live.sync().status == 0
    assert live.box.last_call() == began



@pytest.mark.parametrize("fault", ["503:1", "429:1@3", "drop-before:1", "drop-after:1", "504-after:1", "html-after:1"])
def test_what_breaks_is_mended_in_the_same_run(live: BookShop, fault: str):
    live.write(Title="Book 2, late")
    live.box.faults(f"flickrocket/{fault}")
    report = live.sync()
    live.box.faults()
    assert (report.status, live.done(report)) == (0, {"updated": 1}), report.targets
    assert "Book 2, late" in live.on_flickrocket()


def test_a_refused_permission_stops_and_nothing_is_lost(live: BookShop):
    live.write(Title="Book 2, later")
    live.box.faults("flickrocket/403:1-9")
    assert live.sync().status == 3
    live.box.faults()
    assert live.sync().status == 0
    assert "Book 2, later" in live.on_flickrocket()


def test_an_id_that_comes_while_a_run_goes_on_is_kept(live: BookShop):
    """What the webhook receiver does: it writes without the run's lock."""
    with live.ledger() as other:
        job = other.jobs()[0].id
        (target,) = (row for row in other.targets(job) if row.name == "flickrocket")

        def observe(event: str, **fields: Any) -> None:
            if event == "calling":
                other.set_platform_ids(target.id, {"BOOK-1": "142999"})

        live.write(Title="Book 2, meanwhile")
        assert live.sync(observe=observe).status == 0
    assert live.rows("flickrocket")["BOOK-1"].platform_id == "142999"


def test_the_plan_shows_under_each_target_what_it_sends(live: BookShop):
    live.content("BOOK-2", OTHER_EPUB)
    live.write(Title="Book 2, anew", Description="<p>Anew.</p>")
    report = live.plan()
    assert {change.target: [one.path for one in change.differences] for change in report.changes()} == {
        "flickrocket": ["file files/BOOK-2.epub"],
        "flickrocket-api": ["product.title", "product.locales[en].title", "product.locales[en].description"],
    }
    notes = {
        "flickrocket": "the title and the texts: over REST (target flickrocket-api)",
        "flickrocket-api": "the content or pictures: by folder (target flickrocket)",
    }
    assert {change.target: (change.note, change.message) for change in report.changes()} == {
        target: (note, "") for target, note in notes.items()}
    header, changes = msgspec.to_builtins(report.header), [msgspec.to_builtins(change) for change in report.changes()]
    text = io.StringIO()
    render_plan(header, changes, text, width=1000)
    page = render_plan_page(header, changes).decode()
    for target, note in notes.items():
        (line,) = (line for line in text.getvalue().splitlines() if note in line)
        assert ("locales" in line, "files/BOOK-2.epub" in line) == (target == "flickrocket-api", target == "flickrocket")
        assert note in page
    report = live.sync()
    assert (report.status, live.done(report), live.done(report, "flickrocket")) == (0, {"updated": 1}, {"updated": 1})
    assert planned(live) == {"flickrocket": {"unchanged": 3}, "flickrocket-api": {"unchanged": 3}}


# -- over REST alone


@pytest.fixture
def alone(box: Box, tmp_path: Path) -> BookShop:
    box.reset()
    return BookShop(tmp_path / "books", box, {"flickrocket-api": {}})


def test_ids_come_from_the_feed_or_by_import(alone: BookShop):
    alone.books = {"BOOK-1": alone.books["BOOK-1"] | {"FlickRocket ID": "142995"}, "BOOK-2": alone.books["BOOK-2"]}
    alone.write()
    report = alone.plan()
    told = {change.key: (change.op, change.code) for change in report.changes()}
    assert told == {"BOOK-1": ("update", ""), "BOOK-2": ("create", "flickrocket.no-id")}
    report = alone.sync()
    assert (report.status, alone.done(report)) == (1, {"updated": 1, "failed": 1})
    assert "id of it is not known" in report.targets["flickrocket-api"].failures[0].message
    (failure,) = report.result()["targets"][0]["failures"]
    assert (failure["code"], failure["mend"][:11]) == ("flickrocket.no-id", "give its id")
    assert (report.targets["flickrocket-api"].calls, report.warnings) == (1, [])
    assert [change.reason for change in alone.plan().changes()] == [
        "new; it was not taken before: FlickRocket's id of it is not known, so it cannot be updated over REST"]
    with pytest.raises(CommandError):
        alone.import_ids({"BOOK-2": "0001-26ED-EA4F-AA32"}, "flickrocket-api")
    alone.import_ids({"BOOK-2": "142995"}, "flickrocket-api")
    assert alone.rows("flickrocket-api")["BOOK-2"].platform_id == "142995"
    report = alone.sync()
    assert (report.status, alone.done(report)) == (0, {"updated": 1})


OTHER_EPUB = packed(*EPUB_PARTS, ("OEBPS/more.xhtml", b"<html/>"))


def only_book_2(shop: BookShop, **columns: str) -> None:
    """The feed has this one product, which FlickRocket has, too."""
    shop.books = {"BOOK-2": shop.books["BOOK-2"] | {"FlickRocket ID": "142995"} | columns}
    shop.write()
    assert shop.sync().status == 0


def told(report: Any) -> list[tuple[str, str, str]]:
    return [(change.op, change.key, change.code) for change in report.changes()]


WAITS = [("refused", "BOOK-2", "flickrocket.by-folder")]


def test_content_alone_is_refused_by_name(alone: BookShop):
    only_book_2(alone)
    alone.content("BOOK-2", OTHER_EPUB)
    assert told(alone.plan()) == WAITS
    alone.write(Title="Book 2, anew")
    (change,) = alone.plan().changes()
    assert (change.op, change.code) == ("update", "flickrocket.by-folder")
    assert "content goes by folder" in change.message
    assert {one.path for one in change.differences} == {"product.title", "product.locales[en].title"}


@pytest.mark.parametrize("how", ["sync", "apply", "resend", "a kill"])
def test_content_that_waits_is_named_by_every_run(alone: BookShop, nursery: Nursery, how: str):
    """A text that goes over REST takes nothing away from what is known of the content: it was not sent."""
    only_book_2(alone)
    alone.content("BOOK-2", OTHER_EPUB)
    alone.write(Title="Book 2, anew")
    if how == "a kill":
        assert nursery.run(alone, at="answered", number=1) == -9
        assert told(alone.plan()) == [("settle", "BOOK-2", "flickrocket.by-folder")]
    if how == "apply":
        path = alone.folder / "night.jsonl"
        alone.plan(path)
        report = alone.apply(path)
    else:
        report = alone.sync()
    assert (report.status, sum(alone.done(report).values())) == (1, 1)
    if how == "resend":
        report = alone.sync(Options(resend=frozenset()))
        assert (report.status, alone.done(report)) == (1, {"updated": 1})
    assert "Book 2, anew" in alone.on_flickrocket()
    began = alone.box.last_call()
    for _ in range(2):
        report = alone.sync()
        assert (report.status, told(report)) == (1, WAITS)
    assert [one["message"] for one in report.result()["targets"][0]["failures"]] == [
        "the content or pictures changed: content goes by folder, and is not sent"]
    assert alone.box.last_call() == began
    alone.content("BOOK-2", EPUB)  # the feed goes back
    report = alone.sync()
    assert (report.status, told(report), report.header.targets[0].counts) == (0, [], {"unchanged": 1})


def test_content_that_waits_goes_by_a_folder_target_beside(alone: BookShop):
    only_book_2(alone)
    alone.content("BOOK-2", OTHER_EPUB)
    alone.write(Title="Book 2, anew")
    assert alone.sync().status == 1
    alone.write_job({**alone.spec, "targets": BOTH})
    report = alone.sync()
    assert (report.status, alone.done(report), alone.done(report, "flickrocket")) == (0, {}, {"created": 1})
    assert (alone.folder / "outbox/BOOK-2/files/BOOK-2.epub").read_bytes() == OTHER_EPUB
    assert alone.sync().status == 0


def test_what_waits_is_named_though_the_feed_has_no_files(alone: BookShop):
    """A feed that is to the byte what was sent is not read again, but not while something of it waits."""
    only_book_2(alone, File="", Cover="")
    alone.write(Themes="12", Title="Book 2, anew")
    assert alone.sync().status == 1
    for _ in range(2):
        report = alone.sync()
        assert (report.status, told(report)) == (1, WAITS)
    alone.write(Themes="")
    assert alone.sync().status == 0


def test_a_product_without_content_is_not_taken_for_one_that_has_it(alone: BookShop):
    """The first time, content is taken to be what the feed names, unless FlickRocket shows that there is none."""
    made = alone.box.ask("flickrocket/products")
    with alone.box._store.transaction() as tx:
        (bare,) = (one for one in made if one["id"] == 142995)
        tx.keep_flickrocket("products", {**bare, "content_files": []}, datetime.now(UTC))
    only_book_2(alone)
    assert told(alone.sync()) == WAITS


def test_products_that_are_gone_stay_unless_told_otherwise(alone: BookShop):
    alone.books = {"BOOK-1": alone.books["BOOK-1"] | {"FlickRocket ID": "142995"},
                   "BOOK-2": alone.books["BOOK-2"] | {"FlickRocket ID": "142996", "Medium": "pdf", "File": "BOOK-2.pdf"}}
    (alone.folder / "BOOK-2.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    alone.write()
    assert alone.sync().status == 0
    del alone.books["BOOK-1"]
    alone.write()
    assert [(change.op, change.key) for change in alone.plan().changes()] == [("keep", "BOOK-1")]
    alone.write_job({**alone.spec, "targets": {"flickrocket-api": {"omitted": "delete"}}})
    assert alone.sync().status == 4  # half of the source is gone
    report = alone.apply(release=True)
    assert (report.status, alone.done(report)) == (0, {"deleted": 1})
    assert 142995 not in [one["id"] for one in alone.box.ask("flickrocket/products")]


@pytest.mark.parametrize(("others", "told"), [
    pytest.param(False, ["feedbridge ids forget shop BOOK-2"], id="FlickRocket alone"),
    pytest.param(True, ["feedbridge ids forget --target flickrocket shop BOOK-2",
                        "feedbridge ids forget --target flickrocket-api shop BOOK-2"], id="another platform, too"),
])
def test_what_to_type_for_a_product_that_was_deleted_there(live: BookShop, monkeypatch: pytest.MonkeyPatch, others, told):
    """The command of the message is whole: typed as it stands, the product is made anew."""
    with live.opened() as sync:
        if others:
            sync.ledger.target(sync.row.id, "stores", "magento", "https://shop.example")
    with connect(environment=live.environment) as client:
        client.delete_product(int(live.rows("flickrocket-api")["BOOK-2"].platform_id))
    live.write(Description="<p>Anew.</p>")
    report = live.sync()
    (failure,) = report.targets["flickrocket-api"].failures
    typed = failure.message.partition("say ")[2].split(" && ")
    assert (report.status, typed) == (1, told)

    monkeypatch.chdir(live.folder)
    for name, value in live.environment.items():
        monkeypatch.setenv(name, value)
    assert [run(shlex.split(command)[1:]) for command in typed] == [0] * len(told)
    report = live.sync()
    assert (report.status, live.done(report, "flickrocket")) == (0, {"created": 1})


@pytest.mark.parametrize(("key", "command"), [
    pytest.param("BOOK 2", "feedbridge ids forget shop 'BOOK 2'", id="blank"),
    pytest.param("$(x)", "feedbridge ids forget shop '$(x)'", id="signs of a shell"),
    pytest.param("-2", "feedbridge ids forget shop -- -2", id="like an option"),
])
def test_odd_keys_in_a_command_that_is_typed(tmp_path: Path, key, command):
    with Ledger.open(ledger_url("ledger.sqlite", tmp_path, {})) as ledger:
        job = ledger.job("shop", "").id
        ledger.target(job, "flickrocket", "flickrocket", "outbox")
        assert forget_command(ledger, job, "shop", "flickrocket", key) == command


def test_a_record_is_made_where_the_job_says_so(alone: BookShop):
    alone.write_job({**alone.spec, "targets": {"flickrocket-api": {"create": True}}})
    alone.books = {"BOOK-2": alone.books["BOOK-2"]}
    alone.write()
    (change,) = alone.plan().changes()
    assert (change.op, change.code) == ("create", "flickrocket.by-folder")
    alone.box.faults("flickrocket/drop-after:4")  # prices, licences, the look-up, the create
    report = alone.sync()
    alone.box.faults()
    assert (report.status, alone.done(report)) == (1, {"created": 1})
    assert [one["title"] for one in alone.box.ask("flickrocket/products")].count("Book 2") == 1
    (row,) = alone.rows("flickrocket-api").values()
    book = alone.on_flickrocket()["Book 2"]
    assert row.platform_id == str(book["id"])
    assert told(alone.sync()) == WAITS  # its content is not there yet
    with alone.box._store.transaction() as tx:  # by hand
        content = {"valid": True, "content_type": 1, "download_url": ""}
        tx.keep_flickrocket("products", {**book, "content_files": [content]}, datetime.now(UTC))
    with alone.history() as history:
        history.forget(alone.job(), None, ["BOOK-2"])
    assert alone.sync().status == 1  # found again by its comment
    assert (alone.sync().status, len(alone.on_flickrocket())) == (0, 1)


def test_a_plan_needs_the_login_and_says_so(alone: BookShop):
    alone.environment["FEEDBRIDGE_FLICKROCKET_TOKENS"] = str(alone.folder / "nobody")
    with pytest.raises(FlickRocketError, match="feedbridge flickrocket login") as caught:
        alone.plan()
    assert caught.value.code == "flickrocket.not-logged-in"


# -- in the job file


HEAD = "feedbridge: 1\njobs:\n  shop:\n    source: shop.csv\n    targets: "


@pytest.mark.parametrize(("targets", "mistake"), [
    pytest.param({"flickrocket-api": {}}, "", id="by its name"),
    pytest.param({"rest": {"platform": "flickrocket-api", "shop": "books"}}, "", id="by platform"),
    pytest.param({"flickrocket-api": {"rate": {"per_second": 1}, "settings": {"drm": True}}}, "", id="settings and rate"),
    pytest.param(BOTH, "", id="beside folders"),
    pytest.param({"f": {"platform": "flickrocket", "outbox": "o", "shop": "books", "currencies": ["EUR"]},
                  "flickrocket-api": {}}, "", id="a shop to look in"),
    pytest.param({"flickrocket-api": {"currencies": ["Euro"]}}, "currencies", id="no currency"),
    pytest.param({"a": {"platform": "flickrocket-api"}, "b": {"platform": "flickrocket-api", "shop": "b"}}, "", id="two shops"),
    pytest.param({"a": {"platform": "flickrocket-api"}, "b": {"platform": "flickrocket-api"}}, "same place", id="one shop"),
    pytest.param({"flickrocket-api": {"outbox": "o"}}, "REST needs no outbox", id="an outbox"),
    pytest.param({"flickrocket-api": {"endpoint": "https://x.example"}}, "FEEDBRIDGE_FLICKROCKET_HOSTS", id="an endpoint"),
    pytest.param({"flickrocket-api": {"sandbox": True}}, "FEEDBRIDGE_FLICKROCKET_HOSTS", id="the sandbox"),
    pytest.param({"flickrocket-api": {"shp": "b"}}, 'did you mean "shop"?', id="a slip"),
    pytest.param({"flickrocket-api": {"omitted": "disable"}}, "must be keep or delete", id="omitted"),
    pytest.param({"flickrocket-api": {"by": "folder"}}, "the platform is flickrocket or flickrocket-api", id="by folder"),
    pytest.param({"flickrocket": {"by": "api"}}, "the platform is flickrocket or flickrocket-api", id="by api"),
    pytest.param({"flickrocket": {"outbox": "o", "create": True}}, "is for a flickrocket-api target", id="create by folder"),
    pytest.param({"flickrocket-ap": {}}, 'did you mean "flickrocket-api"?', id="the name"),
])
def test_the_target_in_a_job_file(tmp_path: Path, targets: dict[str, Any], mistake: str):
    def read() -> Any:
        return read_jobs(HEAD + json.dumps(targets) + "\n", tmp_path / "feedbridge.yaml", "feedbridge.yaml")

    if mistake:
        with pytest.raises(JobError, match=r"feedbridge\.yaml:5") as caught:
            read()
        assert mistake in str(caught.value)
        return
    file = read()
    assert {target.platform for target in file.only().spec.targets.values()} == {"flickrocket"}
    assert {file.only().delivery_settings(name).by for name in targets} >= {"api"}
    assert [needed_variables(file.only(), name) for name in targets] == [[]] * len(targets)
    assert shared_places(file) == []
    whole = {"feedbridge": 1, "jobs": {"shop": {"source": "shop.csv", "targets": targets}}}
    assert list(Draft202012Validator(job_schema()).iter_errors(whole)) == []


@pytest.mark.parametrize("targets", [
    pytest.param({"flickrocket": {}}, id="no outbox"),
    pytest.param({"flickrocket-api": {"outbox": "o"}}, id="an outbox"),
    pytest.param({"flickrocket": {"outbox": "o", "create": True}}, id="create by folder"),
])
def test_the_schema_tells_the_ways_apart(targets: dict[str, Any]):
    whole = {"feedbridge": 1, "jobs": {"shop": {"source": "shop.csv", "targets": targets}}}
    assert list(Draft202012Validator(job_schema()).iter_errors(whole))


def test_a_first_job_file_with_both(shop: BookShop):
    started = start([str(shop.source)], to=("flickrocket", "flickrocket-api"), out=shop.folder / "new.yaml", name="books")
    job = read_jobs(started.text, shop.folder / "new.yaml", "new.yaml").job("books")
    assert {name: job.delivery_settings(name).by for name in job.spec.targets} == {"flickrocket": "folder", "flickrocket-api": "api"}
    assert (started.text.count("# shop:"), started.text.count("# omitted:"), started.text.count("# currencies: []")) == (2, 1, 2)
    checks = list(readiness(job, shop.environment))
    assert [check.text for check in checks if not check.ok] == []
    checks = list(readiness(job, {**shop.environment, "FEEDBRIDGE_FLICKROCKET_TOKENS": str(shop.folder / "nobody")}))
    assert ["feedbridge flickrocket login" in check.mend for check in checks if not check.ok] == [True]

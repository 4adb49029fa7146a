"""A mapping that names price models, licences, categories and themes by their titles: from files, and from a shop."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from feedbridge.errors import CommandError, FeedbridgeError, MappingError, SourceError
from feedbridge.platforms.flickrocket import catalogue
from feedbridge.platforms.flickrocket.tokens import Tokens, TokenStore
from feedbridge.run.catalogues import catalogues_of, digests_of
from feedbridge.run.engine import Done, run
from feedbridge.run.job import Job
from feedbridge.run.preparing import prepare
from feedbridge.sandbox.keys import FLICKROCKET_CLIENT_ID, FLICKROCKET_REFRESH_TOKEN
from feedbridge.sandbox.server import SandboxServer

MAPPING = """\
feedbridge: 1
name: books
records: {{one: product}}
product:
  sku: {{from: SKU, required: true}}
  title: {{from: Title, required: true}}
  kind: {{value: digital}}
  digital:
    licences:
      - license_id: {{value: "16"}}
        price_id: {{from: Price model, lookup: {{catalogue: {catalogue}{more}}}}}
"""
TIERS = 'title,id,eur,valid\nBooks tier A,46,29.00,true\nBooks tier B,47,14.90,true\nOld tier,48,1.00,false\n'


def written(folder: Path, *titles: str, catalogue: str = "flickrocket.prices", more: str = "") -> Path:
    """A feed of products that name these price models, and its mapping."""
    lines = [f'SKU-{number},Book {number},"{title}"' for number, title in enumerate(titles, 1)]
    (folder / "books.csv").write_text("\n".join(["SKU,Title,Price model", *lines, ""]), encoding="utf-8")
    (folder / "books.yaml").write_text(MAPPING.format(catalogue=catalogue, more=more), encoding="utf-8")
    return folder / "books.csv"


def prepared(folder: Path, workers: int = 1, **given: str) -> Job:
    return prepare(
        str(folder / "books.csv"), "flickrocket", str(folder / "books.yaml"),
        {name.replace("__", "."): value for name, value in given.items()}, workers, False, None, None,
    )


def price_ids(job: Job) -> tuple[list[int | None], Done]:
    """The price of each product, None for one that is held back, 0 for one without; and the run."""
    from feedbridge.mapping.apply import Applied

    applied = Applied(job.mappings[0], job.sources[0])
    way = applied.ways[None]
    products = [way.product(group)[0] for group in applied.groups()]
    ids = [None if one is None else one.digital.licences[0].price_id if one.digital is not None else 0 for one in products]
    return ids, run(job, None)


def told(done: Done) -> list[tuple[str, str]]:
    return [(one.code, one.message) for some in done.findings.first.values() for one in some if one.code.startswith("cell.")]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        pytest.param("Books tier A", 46, id="exactly"),
        pytest.param("books  TIER b", 47, id="blanks and case"),
        pytest.param("Tier A", ("cell.lookup-missing", '"Books tier A"'), id="unknown, with the nearest"),
        pytest.param("Old tier", ("cell.lookup-missing", '"Old tier" (id 48) is not valid'), id="not valid"),
        pytest.param("47", ("cell.lookup-missing", 'the id of "Books tier B"'), id="an id is no title"),
        pytest.param("Guides", ("cell.lookup-several", "ids 50 and 51"), id="two have it"),
        pytest.param("guide", 52, id="exactly one of two that are alike"),
        pytest.param("GUIDE", ("cell.lookup-several", "ids 52 and 53"), id="alike to two"),
        pytest.param("Half", 55, id="the other of its name is not valid"),
        pytest.param("Cafe\u0301", 57, id="composed otherwise"),
        pytest.param("E\u0301te\u0301", 58, id="composed otherwise, the other way round"),
        pytest.param("CAFE\u0301", 57, id="composed otherwise, and letter case"),
        pytest.param("Books\u200b tier A", ("cell.lookup-missing", '"Books tier A", which only looks like "Books\\u200b tier A"'),
                     id="a sign nobody sees"),
        pytest.param("Books tier \u0410", ("cell.lookup-missing", 'only looks like "Books tier \\u0410"'), id="a Cyrillic letter"),
    ],
)
def test_a_title(tmp_path, title, expected):
    more = "Guides,50,,\nGuides,51,,\nguide,52,,\nGuide,53,,\nHalf,54,,false\nHalf,55,,\n,56,,\nNo id,,,\n"
    more += "Caf\u00e9,57,,\n\u00c9te\u0301,58,,\n"
    (tmp_path / "prices.csv").write_text(TIERS + more, encoding="utf-8")
    written(tmp_path, title)
    ids, done = price_ids(prepared(tmp_path, flickrocket__prices=str(tmp_path / "prices.csv")))
    if isinstance(expected, int):
        assert (ids, told(done)) == ([expected], [])
        return
    code, words = expected
    ((found, message),) = told(done)
    (finding,) = done.findings.first[code]
    assert (ids, found) == ([None], code)
    assert words in message + finding.mend


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        pytest.param("keep", 47, id="kept: a column of ids and titles"),
        pytest.param("empty", 0, id="left out"),
        pytest.param("warning", 0, id="left out with a warning"),
    ],
)
def test_what_is_done_about_a_title_that_is_not_there(tmp_path, missing, expected):
    (tmp_path / "prices.csv").write_text(TIERS)
    written(tmp_path, "47", more=f", missing: {missing}")
    job = prepared(tmp_path, flickrocket__prices=str(tmp_path / "prices.csv"))
    ids, done = price_ids(job)
    assert ids == [expected]
    assert [code for code, _ in told(done)] == (["cell.lookup-missing"] if missing == "warning" else [])


def as_json(path: Path) -> None:
    path.write_text(json.dumps([{"title": "Books tier A", "id": 46, "eur": 29.0, "valid": True},
                                {"id": "47", "title": "Books tier B", "valid": False}]))


def as_book(path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["title", "id", "valid"], ["Books tier A", 46, True], ["Books tier B", "47", False]):
        book.active.append(row)
    book.save(path)


def as_text(text: str) -> Any:
    return lambda path: path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "write", "more"),
    [
        pytest.param("prices.csv", as_text("title,id,valid\nBooks tier A,46,true\nBooks tier B,47,false\n"), "", id="csv"),
        pytest.param("prices.csv", as_text("\ufeffid;Title;valid\r\n46;Books tier A;\r\n47;Books tier B;no\r\n"), "",
                     id="saved again by a spreadsheet"),
        pytest.param("prices.csv", as_text("model,number,valid\nBooks tier A,46,1\nBooks tier B,47,0\n"),
                     ", key: model, value: number", id="columns of other names"),
        pytest.param("prices.json", as_json, "", id="json"),
        pytest.param("prices.xlsx", as_book, "", id="xlsx"),
    ],
)
def test_a_file_beside_the_mapping(tmp_path, name, write, more):
    write(tmp_path / name)
    written(tmp_path, "Books tier A", "Books tier B", more=f", file: {name}{more}")
    job = prepared(tmp_path)
    assert price_ids(job)[0] == [46, None]
    ((one),) = catalogues_of(job.mappings[0])
    assert (one.name, one.origin, one.read, len(one.entries)) == ("flickrocket.prices", name, "", 2)
    assert job.sources[0].findings == []


def test_a_given_file_is_taken_before_the_one_beside_the_mapping(tmp_path):
    (tmp_path / "prices.csv").write_text(TIERS)
    (tmp_path / "other.csv").write_text(TIERS.replace("46", "146"))
    written(tmp_path, "Books tier A", more=", file: prices.csv")
    assert price_ids(prepared(tmp_path))[0] == [46]
    assert price_ids(prepared(tmp_path, flickrocket__prices=str(tmp_path / "other.csv")))[0] == [146]


def test_a_file_may_be_a_parameter(tmp_path):
    (tmp_path / "prices.csv").write_text(TIERS)
    written(tmp_path, "Books tier A", more=', file: "${prices}"')
    path = tmp_path / "books.yaml"
    path.write_text(path.read_text().replace("records:", "parameters: {prices: {about: exported prices}}\nrecords:"))
    assert price_ids(prepared(tmp_path, prices="prices.csv"))[0] == [46]
    assert price_ids(prepared(tmp_path, flickrocket__prices=str(tmp_path / "prices.csv")))[0] == [46]


def test_workers_get_what_was_read(tmp_path):
    """A job goes to other processes as it is, where the system starts them afresh."""
    (tmp_path / "prices.csv").write_text(TIERS)
    written(tmp_path, "Books tier A", "Old tier", more=", file: prices.csv")
    job = prepared(tmp_path)
    (tmp_path / "prices.csv").unlink()
    assert price_ids(pickle.loads(pickle.dumps(job)))[0] == [46, None]


def test_the_digest_of_a_mapping_speaks_of_its_catalogues(tmp_path):
    """Of what can change an answer: not of the order of rows, nor of other columns."""
    def digests(text: str) -> tuple[str, dict[str, str]]:
        (tmp_path / "prices.csv").write_text(text)
        (mapping,) = prepared(tmp_path, flickrocket__prices=str(tmp_path / "prices.csv")).mappings
        return mapping.digest, digests_of(mapping)

    written(tmp_path, "Books tier A")
    header, *rows = TIERS.splitlines()
    first = digests(TIERS)
    assert digests("\n".join([header, *reversed(rows)])) == first
    assert digests(TIERS.replace("29.00", "28.00")) == first
    for changed in (digests(TIERS.replace("46", "49")), digests(TIERS.replace("14.90,true", "14.90,false"))):
        assert changed[0] != first[0] and changed[1] != first[1]


@pytest.mark.parametrize(
    ("catalogue_name", "more", "given", "error", "words"),
    [
        pytest.param("flickrocket.price", "", {}, MappingError, 'did you mean "flickrocket.prices"?', id="no such"),
        pytest.param("prices", "", {}, MappingError, '"prices" is no catalogue', id="no platform"),
        pytest.param("[a]", "", {}, MappingError, "a catalogue is a name", id="no name"),
        pytest.param("flickrocket.prices", ", table: {a: b}", {}, MappingError, "beside catalogue", id="a table, too"),
        pytest.param("flickrocket.prices", "", {"flickrocket__themes": "x.csv"}, CommandError,
                     "the mapping looks nothing up in flickrocket.themes", id="a file nobody asks for"),
        pytest.param("flickrocket.prices", "", {"flickrocket__prices": "none.csv"}, MappingError, "none.csv", id="no file"),
        pytest.param("flickrocket.prices", ", file: none.xlsx", {}, MappingError, "none.xlsx", id="no workbook"),
        pytest.param("flickrocket.prices", ", file: odd.csv", {}, MappingError, 'has no column "title"', id="columns"),
        pytest.param("flickrocket.prices", ", file: odd.json", {}, MappingError, "is no list of objects", id="json shape"),
        pytest.param("flickrocket.prices", ", file: cut.json", {}, MappingError, "is no JSON", id="json cut short"),
        pytest.param("flickrocket.prices", ", file: quote.csv", {}, MappingError, "a quote is wrong", id="open quote"),
        pytest.param("flickrocket.prices", ", file: empty.csv", {}, MappingError, 'has no column "title"', id="empty"),
    ],
)
def test_what_cannot_be_looked_up_in(tmp_path, catalogue_name, more, given, error, words):
    for name, text in {"odd.csv": "name,id\nA,1\n", "odd.json": '{"title": "A"}', "cut.json": '[{"title"',
                       "quote.csv": 'title,id\n"A,1\n', "empty.csv": ""}.items():
        (tmp_path / name).write_text(text)
    written(tmp_path, "A", catalogue=catalogue_name, more=more)
    with pytest.raises(error) as told:
        prepared(tmp_path, **given)
    assert words in str(told.value)


def test_a_catalogue_is_not_read_for_columns_that_are_not_there(tmp_path):
    """The preset for digital goods knows titles, and asks no shop for a feed that has ids."""
    (tmp_path / "ids.csv").write_text("SKU,Title,File,Licence ID,Price ID\nB-1,Book,book.epub,16,46\n")
    (job,) = [prepare(str(tmp_path / "ids.csv"), "flickrocket", "digital", {}, 1, False, None, None)]
    assert catalogues_of(job.mappings[0]) == []


def test_the_preset_takes_titles(tmp_path):
    (tmp_path / "prices.csv").write_text(TIERS)
    (tmp_path / "licenses.csv").write_text("title,id\nStandard,16\n")
    (tmp_path / "categories.csv").write_text("title,id\nFiction,4\nTravel,5\n")
    (tmp_path / "themes.csv").write_text("title,id\nHarbour,12\n")
    (tmp_path / "titles.csv").write_text(
        "SKU,Title,File,Licence title,Price ID,Price model,Compare price model,Category titles,Theme titles\n"
        "B-1,Book,book.epub,Standard,,Books tier B,Books tier A,Fiction|Travel,Harbour\n"
        "B-2,Book two,book.epub,Standard,99,Books tier B,,,\n")
    given = {f"flickrocket.{kind}": str(tmp_path / f"{kind}.csv") for kind in ("prices", "licenses", "categories", "themes")}
    job = prepare(str(tmp_path / "titles.csv"), "flickrocket", "digital", given, 1, False, None, None)
    from feedbridge.mapping.apply import Applied

    applied = Applied(job.mappings[0], job.sources[0])
    first, second = [applied.ways[None].product(group)[0] for group in applied.groups()]
    (licence,) = first.digital.licences
    assert (licence.license_id, licence.price_id, licence.compare_price_id) == (16, 47, 46)
    assert first.category_ids["flickrocket"] == ("4", "5")
    assert [str(one) for one in first.digital.themes] == ["12"]
    assert second.digital.licences[0].price_id == 99


# from the shop


@pytest.fixture(scope="module")
def box(tmp_path_factory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("sandbox"), port=0) as running:
        yield running


@pytest.fixture
def shop(box, tmp_path, monkeypatch) -> SandboxServer:
    """The process's environment is of a user who is logged in at the sandbox."""
    box.store.reset()
    box.set_faults([])
    for name in list(os.environ):
        if name.startswith("FEEDBRIDGE_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(catalogue, "PAUSE_SECONDS", 0.01)
    for name, value in {"HOSTS": f"{box.url}/flickrocket", "TOKENS": str(tmp_path / "tokens"),
                        "CACHE": str(tmp_path / "cache"), "RATE": "off"}.items():
        monkeypatch.setenv(f"FEEDBRIDGE_FLICKROCKET_{name}", value)
    TokenStore(tmp_path / "tokens").write("default", Tokens(
        "", FLICKROCKET_REFRESH_TOKEN, datetime(2000, 1, 1, tzinfo=UTC), FLICKROCKET_CLIENT_ID, "1202", "products,themes",
        "this machine",
    ))
    return box


def test_titles_are_looked_up_in_the_shop(shop, tmp_path):
    written(tmp_path, "Books tier A", "Guides", "Guide")
    job = prepared(tmp_path)
    assert price_ids(job)[0] == [46, 48, None]
    (finding,) = job.sources[0].findings
    assert (finding.code, finding.severity) == ("mapping.catalogue-read", "advice")
    assert "(3 entries)" in finding.message
    again = prepared(tmp_path)
    assert (again.mappings[0].digest, again.sources[0].findings) == (job.mappings[0].digest, [finding])


def aged(folder: Path, by: timedelta, *kinds: str) -> datetime:
    """Make what was kept older; of these kinds only, if any are named. Returns the moment that it then is of."""
    moment = (datetime.now(UTC) - by).replace(microsecond=0)
    for kept in (folder / "cache").iterdir():
        if not kinds or kept.stem.rpartition("-")[2] in kinds:
            kept.write_text(json.dumps({**json.loads(kept.read_bytes()), "read": moment.isoformat()}))
    return moment


def calls(shop: SandboxServer, kind: str = "prices") -> int:
    return sum(call["action"].endswith(f"{kind}.json") for call in shop.calls(1000))


def make_price(shop: SandboxServer, id: int, title: str) -> None:
    with shop.store.transaction() as tx:
        tx.keep_flickrocket("prices", {**tx.flickrocket_things("prices")[0], "id": id, "title": title}, 0.0)


def test_a_shop_that_cannot_be_asked_leaves_what_was_kept_with_a_warning(shop, tmp_path):
    written(tmp_path, "Books tier A")
    prepared(tmp_path)
    aged(tmp_path, timedelta(days=3, hours=5))
    shop.set_faults(["flickrocket/503:all"])
    job = prepared(tmp_path)
    assert price_ids(job)[0] == [46]
    (finding,) = job.sources[0].findings
    assert (finding.code, finding.severity) == ("mapping.catalogue-old", "warning")
    assert "3 days ago" in finding.message


@pytest.mark.parametrize("workers", [pytest.param(1, id="one process"), pytest.param(2, id="workers")])
def test_a_title_that_was_made_since_is_found_by_asking_anew(shop, tmp_path, workers):
    written(tmp_path, "Books tier A")
    before = prepared(tmp_path)
    aged(tmp_path, timedelta(hours=2))
    make_price(shop, 90, "Books tier C")
    written(tmp_path, "Books tier A", *["Books tier C"] * 3)
    asked = calls(shop)
    job = prepared(tmp_path, workers)
    assert price_ids(job)[0] == [46, 90, 90, 90]
    assert calls(shop) == asked + 1
    (finding,) = job.sources[0].findings
    assert "(4 entries)" in finding.message
    assert job.mappings[0].digest != before.mappings[0].digest
    assert prepared(tmp_path).mappings[0].digest == job.mappings[0].digest


@pytest.mark.parametrize(("title", "age", "more", "asked"), [
    pytest.param("Books tier Z", timedelta(hours=2), "", 1, id="missing"),
    pytest.param("Books tier Z", timedelta(hours=2), ", missing: keep", 1, id="missing, and kept"),
    pytest.param("Books tier Z", timedelta(seconds=20), "", 0, id="missing, and just asked"),
    pytest.param("books TIER a", timedelta(hours=2), "", 0, id="there"),
    pytest.param("46", timedelta(hours=2), ", missing: keep", 0, id="an id"),
])
def test_the_shop_is_asked_anew_for_what_it_may_have_by_now(shop, tmp_path, title, age, more, asked):
    written(tmp_path, title, title, more=more)
    prepared(tmp_path)
    aged(tmp_path, age)
    before = calls(shop)
    prepared(tmp_path)
    assert calls(shop) == before + asked


def test_a_title_that_is_missing_says_of_what_moment_the_list_is(shop, tmp_path):
    written(tmp_path, "Books tier A")
    prepared(tmp_path)
    moment = aged(tmp_path, timedelta(hours=2))
    written(tmp_path, "Books tier Z")
    shop.set_faults(["flickrocket/503:all"])  # so it stays as it was
    job = prepared(tmp_path)
    done = price_ids(job)[1]
    assert [one.code for one in job.sources[0].findings] == ["mapping.catalogue-read"]
    (finding,) = done.findings.first["cell.lookup-missing"]
    assert f"in flickrocket.prices (in the shop, as it was at {moment:%Y-%m-%d %H:%M} UTC)" in finding.message
    assert finding.mend.endswith("make it in the shop; if it is there by now, have it read anew: feedbridge flickrocket prices")


THREE = """\
SKU,Title,File,Licence title,Price model,Category titles
B-1,Book,book.epub,Standard,Books tier B,Fiction
"""


def three(folder: Path) -> Job:
    (folder / "titles.csv").write_text(THREE)
    return prepare(str(folder / "titles.csv"), "flickrocket", "digital", {}, 1, False, None, None)


def test_a_shop_that_is_down_is_waited_for_once(shop, tmp_path):
    three(tmp_path)
    aged(tmp_path, timedelta(days=2), "prices", "categories")
    aged(tmp_path, timedelta(days=3), "licenses")
    shop.set_faults(["flickrocket/503:all"])
    before = len(shop.calls(1000))
    job = three(tmp_path)
    assert len(shop.calls(1000)) - before == catalogue.TRIES
    (finding,) = job.sources[0].findings
    assert finding.code == "mapping.catalogue-old"
    for words in ("flickrocket.prices 2 days ago", "flickrocket.categories 2 days ago", "flickrocket.licenses 3 days ago"):
        assert words in finding.message
    assert finding.message.count("cannot be asked") == 1


def test_every_catalogue_s_moment_is_told_at_the_terminal(shop, tmp_path, monkeypatch, capfd):
    from feedbridge.cli import run as typed

    three(tmp_path)
    moments = {kind: aged(tmp_path, timedelta(hours=at), kind) for at, kind in enumerate(("prices", "licenses", "categories"), 1)}
    (tmp_path / "book.epub").write_bytes(b"PK")
    (tmp_path / "feedbridge.yaml").write_text(
        "feedbridge: 1\nstate: ledger.sqlite\njobs:\n"
        "  books: {source: titles.csv, mapping: digital, targets: {flickrocket: {outbox: o}}}\n")
    monkeypatch.chdir(tmp_path)
    told = []
    for words in (["convert", "titles.csv", "--mapping", "digital", "--to", "flickrocket", "--out", "out"], ["plan", "books"], ["sync"]):
        typed(words)
        told.append(capfd.readouterr().err)
    assert "advice: titles are looked up" in told[0]
    aged(tmp_path, timedelta(days=2))
    shop.set_faults(["flickrocket/503:all"])
    typed(["plan", "books"])
    assert "warning: titles are looked up as the shop had them: of flickrocket.categories 2 days ago" in capfd.readouterr().err
    for err in told:
        for kind, moment in moments.items():
            assert f"of flickrocket.{kind} at {moment:%Y-%m-%d %H:%M} UTC" in err


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param("flickrocket.not-logged-in", "feedbridge flickrocket login", id="not logged in"),
        pytest.param("flickrocket.down", "feedbridge flickrocket prices --export prices.csv", id="silent"),
    ],
)
def test_a_shop_that_cannot_be_asked_and_of_which_nothing_was_kept(shop, tmp_path, code, words):
    written(tmp_path, "Books tier A")
    if code == "flickrocket.down":
        catalogue.read("themes", os.environ)  # so that there is a token
        shop.set_faults(["flickrocket/503:all"])
    else:
        TokenStore(tmp_path / "tokens").remove("default")
    with pytest.raises(SourceError) as told:
        prepared(tmp_path)
    assert told.value.code == code
    assert words in told.value.mend and "file: prices.csv}" in told.value.mend
    assert isinstance(told.value.__cause__, FeedbridgeError)

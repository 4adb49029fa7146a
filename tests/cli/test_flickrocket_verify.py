"""``feedbridge flickrocket check``, ``verify``, ``fulfillments`` and ``tracking`` as they are typed, against the sandbox."""

from __future__ import annotations

import csv
import json
import os
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from feedbridge.cli import cli, run
from feedbridge.cli.flickrocket import flickrocket
from feedbridge.platforms.flickrocket.events import EventStore
from feedbridge.platforms.flickrocket.readings import parse_payload
from feedbridge.platforms.flickrocket.tokens import Tokens, TokenStore
from feedbridge.sandbox.keys import FLICKROCKET_CLIENT_ID, FLICKROCKET_REFRESH_TOKEN
from feedbridge.sandbox.server import SandboxServer

Typed = Callable[..., tuple[int, str, str]]
PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"
HEADER = ["SKU", "Title", "Description", "Language", "Medium", "File", "Licence ID", "Price ID", "DRM", "Version", "Categories"]
cli.add_command(flickrocket)
JOBS = """
feedbridge: 1
state: ledger.sqlite
jobs:
  books:
    source: feed.csv
    mapping: digital
    targets:
      flickrocket: {outbox: outbox}
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("sandbox"), port=0) as running:
        yield running


@pytest.fixture
def place(box: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a shop that is logged in."""
    box.store.reset()
    for name in list(os.environ):
        if name.startswith("FEEDBRIDGE_"):
            monkeypatch.delenv(name)
    settings = {
        "HOSTS": f"{box.url}/flickrocket", "TOKENS": str(tmp_path / "tokens"), "RATE": "off",
        "EVENTS": str(tmp_path / "events.sqlite"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"FEEDBRIDGE_FLICKROCKET_{name}", value)
    monkeypatch.setenv("FEEDBRIDGE_SANDBOX_URL", box.url)
    TokenStore(tmp_path / "tokens").write("default", Tokens(
        "", FLICKROCKET_REFRESH_TOKEN, datetime(2000, 1, 1, tzinfo=UTC), FLICKROCKET_CLIENT_ID, "1202", "products,orders",
        "this machine",
    ))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str]) -> Typed:
    """Type a command: its exit status, stdout, stderr."""

    def typed(*words: str | Path) -> tuple[int, str, str]:
        status = run([str(word) for word in words])
        told = capfd.readouterr()
        assert "Traceback" not in told.err and "SECRET" not in told.out + told.err
        return status, told.out, told.err

    return typed


def feed(place: Path, *products: dict[str, str]) -> None:
    (place / "book.pdf").write_bytes(PDF)
    (place / "feedbridge.yaml").write_text(JOBS)
    usual = {"Description": "<p>Words.</p>", "Language": "en", "Medium": "pdf", "File": "book.pdf", "Licence ID": "16",
             "Price ID": "46", "DRM": "yes", "Version": "1", "Categories": "4"}
    with (place / "feed.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows({**usual, **one} for one in products)


def asked(box: SandboxServer, path: str) -> Any:
    with urllib.request.urlopen(f"{box.url}{path}", timeout=30) as answer:
        return json.load(answer)


NIGHT = {"SKU": "NIGHT/1", "Title": "Night sky"}
TIDES = {"SKU": "TIDES", "Title": "Tides"}


def test_from_the_feed_to_an_update(box, place, typed):
    feed(place, NIGHT, TIDES)
    assert typed("sync")[0] == 0
    status, out, err = typed("flickrocket", "check", "outbox")
    assert (status, err) == (0, "2 of 2 ready\n")
    assert 'TIDES "Tides": ready (create)\n' in out
    status, out, err = typed("flickrocket", "verify", "outbox", "--leave", "--job", "books")
    assert status == 1 and err == "0 of 2 live, 2 not there\n"
    assert typed("flickrocket", "upload", "outbox")[0] == 0

    status, out, err = typed("flickrocket", "verify", "outbox", "--leave", "--job", "books", "--csv", "ids.csv")
    assert (status, err) == (0, "2 of 2 live\n2 ids written to the ledger\n")
    assert 'NIGHT/1 "Night sky": live as 14299' in out
    rows = {row["sku"]: row["id"] for row in csv.DictReader((place / "ids.csv").open(newline=""))}
    assert set(rows) == {"NIGHT/1", "TIDES"}
    assert typed("ids", "import", "books", "ids.csv")[0] == 0

    status, out, err = typed("flickrocket", "verify", "outbox", "--leave", "--job", "books", "--json")
    told = json.loads(out)
    assert (status, "written" in err) == (0, False)
    assert {one["sku"]: str(one["id"]) for one in told} == rows
    assert all(one["live"] and one["product_id"].count("-") == 3 for one in told)

    feed(place, {**NIGHT, "Title": "Night skies"}, TIDES)
    status, out, err = typed("sync")
    assert status == 0, err
    (update,) = place.glob("outbox/*--2/product.json")
    assert str(json.loads(update.read_bytes())["product"]["id"]) == rows["NIGHT/1"]
    status, out, err = typed("flickrocket", "verify", "outbox", "--leave", "--job", "books")
    assert (status, err) == (1, "2 of 2 live; 1 not as the folder says\n")
    assert '  differs: title: the folder says "Night skies", the shop has "Night sky"\n' in out
    typed("flickrocket", "upload", update.parent)
    assert typed("flickrocket", "verify", "outbox", "--leave", "--job", "books")[0] == 0
    titles = [one["title"] for one in asked(box, "/_/flickrocket/products")]
    assert titles.count("Night skies") == 1 and "Night sky" not in titles


def test_new_content_of_a_product_stays_and_is_said(box, place, typed):
    """Whether it was uploaded cannot be told, so a person has to be asked."""
    feed(place, TIDES)
    typed("sync")
    typed("flickrocket", "upload", "outbox")
    typed("flickrocket", "verify", "outbox", "--job", "books")
    feed(place, TIDES)
    (place / "book.pdf").write_bytes(PDF + b"%% second edition\n")
    assert typed("sync")[0] == 0
    for _ in range(2):
        status, out, err = typed("flickrocket", "verify", "outbox", "--job", "books")
        assert (status, err) == (0, "1 of 1 live; of 1 it cannot be told whether new content was uploaded\n")
        assert "it cannot be told whether TIDES was uploaded: drop it if you have not, then delete it or move it away" in out
        typed("flickrocket", "upload", "outbox")
    (one,) = json.loads(typed("flickrocket", "verify", "outbox", "--json")[1])
    assert one["content_unknown"] == ["TIDES"]


def test_id_of_an_older_product_is_not_taken_unasked(place, typed):
    feed(place, {"SKU": "WALKS", "Title": "City walks", "Price ID": "48", "Categories": "5", "Description": ""})
    typed("sync")
    _, out, err = typed("flickrocket", "verify", "outbox", "--job", "books", "--csv", "ids.csv")
    assert "older product of the same title" in out and "--adopt" in err
    assert (place / "ids.csv").read_text() == "sku,id\n"
    assert "written to the ledger" not in err
    err = typed("flickrocket", "verify", "outbox", "--job", "books", "--adopt", "--csv", "ids.csv")[2]
    assert "1 id written to the ledger" in err
    assert (place / "ids.csv").read_text() == "sku,id\nWALKS,142996\n"


def test_webhooks_tell_which_is_new(box, place, typed):
    feed(place, TIDES)
    typed("sync")
    for _ in range(2):
        typed("flickrocket", "upload", "outbox")
    status, out, err = typed("flickrocket", "verify", "outbox", "--job", "books")
    assert (status, err) == (1, "0 of 1 live, 1 ambiguous\n")
    assert "142998" in out and "142999" in out
    body = json.dumps({"company_id": 1202, "producer": "shop", "scope": "product/create",
                       "data": {"type": "product", "id": "142999", "long_id": "0001-26ED-EA4F-AA36"}, "hash": "0" * 64})
    with EventStore(place / "events.sqlite") as events:
        events.add(parse_payload(body.encode()))
    status, out, err = typed("flickrocket", "verify", "outbox", "--leave", "--job", "books")
    assert (status, err) == (0, "1 of 1 live\n1 id written to the ledger\n")
    assert "live as 142999" in out


def test_uploaded_folders_go_aside_so_that_nobody_drops_them_again(place, typed):
    feed(place, TIDES)
    typed("sync")
    typed("flickrocket", "upload", "outbox")
    err = typed("flickrocket", "verify", "outbox", "--job", "books")[2]
    assert f"1 uploaded folder moved to {place}/outbox-uploaded" in err
    assert not list((place / "outbox").glob("[!.]*"))
    assert (place / "outbox-uploaded" / "TIDES" / "product.json").is_file()
    assert "1 unchanged" in typed("sync")[2]
    for words in (["check", "outbox"], ["upload", "outbox"], ["verify", "outbox", "--job", "books"]):
        assert typed("flickrocket", *words) == (0, "", "nothing waits in outbox\n")


def test_product_of_another_job_is_not_taken(place, typed):
    feed(place, TIDES)
    (place / "feedbridge.yaml").write_text(JOBS + """
  more:
    source: more.csv
    mapping: digital
    targets:
      flickrocket: {outbox: more}
""")
    (place / "more.csv").write_text((place / "feed.csv").read_text().replace("TIDES", "TIDES-2"))
    typed("sync", "books")
    typed("sync", "more")
    typed("flickrocket", "upload", "outbox")
    assert typed("flickrocket", "verify", "more")[2] == "1 of 1 live\n"  # as far as one can see without the ledger
    assert typed("flickrocket", "verify", "outbox", "--job", "books")[0] == 0
    assert typed("flickrocket", "verify", "more", "--job", "more")[2] == "0 of 1 live, 1 not there\n"


def test_check_of_a_converted_folder_says_how_to_mend(place, typed):
    feed(place, {**TIDES, "Price ID": "99"}, {**NIGHT, "Licence ID": ""})
    typed("convert", "feed.csv", "--mapping", "digital", "--to", "flickrocket", "--out", "out")
    status, out, err = typed("flickrocket", "check", "out")
    assert (status, err) == (1, "0 of 2 ready, 2 not\n")
    assert "  there is no price 99 [flickrocket.K12]\n    mend: " in out
    status, out, _ = typed("flickrocket", "check", "out/flickrocket", "--currency", "EUR", "--currency", "USD", "--json")
    assert status == 1 and [one["ready"] for one in json.loads(out)] == [False, False]


@pytest.mark.parametrize(("words", "status", "told"), [
    pytest.param(["check", "."], 2, "holds no product folder", id="no folder"),
    pytest.param(["check", "none"], 2, "none", id="no such folder"),
    pytest.param(["verify", ".", "--target", "x"], 2, "--job", id="target without job"),
    pytest.param(["fulfillments", "--to", "xlsx"], 2, "--out", id="workbook on stdout"),
    pytest.param(["fulfillments", "--to", "csv", "--from", "soon"], 2, "no date", id="no date"),
    pytest.param(["tracking", "none.csv"], 2, "none.csv", id="no such file"),
])
def test_wrong_commands(place, typed, words, status, told):
    found, out, err = typed("flickrocket", *words)
    assert (found, out) == (status, "") and told in err


def test_job_without_such_a_target(place, typed):
    feed(place, TIDES)
    typed("sync")
    assert typed("flickrocket", "verify", "outbox", "--job", "books", "--target", "magento")[0] == 2
    assert typed("flickrocket", "verify", "outbox", "--job", "other")[0] == 2


def test_wait_ends(place, typed):
    feed(place, TIDES)
    typed("sync")
    assert typed("flickrocket", "verify", "outbox", "--wait", "0.2")[0] == 1


def test_parcels_out_and_tracking_in(box, place, typed):
    status, out, err = typed("flickrocket", "fulfillments", "--open", "--to", "csv")
    assert (status, err) == (0, "1 row of 1 order\n")
    assert [row["order"] for row in csv.DictReader(out.splitlines())] == ["267227"]
    for kind in ("csv", "json", "xlsx"):
        assert typed("flickrocket", "fulfillments", "--to", kind, "--out", f"parcels.{kind}")[0] == 0
    assert len(json.loads((place / "parcels.json").read_bytes())) == 2
    assert sorted(path.name for path in place.glob("*parcels*")) == ["parcels.csv", "parcels.json", "parcels.xlsx"]

    (place / "back.csv").write_text("order,tracking,state\n267227,A1,complete\n267228,00340434161094000001,\n")
    status, out, err = typed("flickrocket", "tracking", "back.csv", "--dry-run")
    assert (status, err) == (0, "1 would send, 1 same\n")
    assert out.startswith("267227: would send: tracking none -> A1, state open -> complete\n")
    assert [one["status"] for one in asked(box, "/_/flickrocket/fulfillments")] == [0, 100]
    assert typed("flickrocket", "tracking", "back.csv", "--out", "result.csv")[2] == "1 sent, 1 same\n"
    assert [row["result"] for row in csv.DictReader((place / "result.csv").open(newline=""))] == ["sent", "same"]
    status, out, err = typed("flickrocket", "tracking", "back.csv", "--json")
    assert (status, err) == (0, "2 same\n")
    assert [one["result"] for one in json.loads(out)] == ["same", "same"]


def test_tracking_that_was_not_taken(box, place, typed):
    (place / "back.csv").write_text("order,tracking\n999,A1\n267227,B\n")
    status, out, err = typed("flickrocket", "tracking", "back.csv")
    assert (status, err) == (1, "1 failed, 1 sent\n")
    assert "404: not found; mend: look at the id" in out


@pytest.mark.parametrize("words", [pytest.param([], id="sent"), pytest.param(["--dry-run"], id="dry run")])
def test_a_tracking_file_with_wrong_lines(box, place, typed, words):
    (place / "back.csv").write_text("sep=;\norder;tracking\n267227;B1|B2\n267228;ÄÖ ß\n;C\n")
    status, out, err = typed("flickrocket", "tracking", "back.csv", "--out", "result.csv", *words)
    done = "would send" if words else "sent"
    assert (status, out) == (
        1, f"267227: {done}: tracking none -> B1,B2\n267228: refused, line 4\nno order: refused, line 5\n")
    assert err == (
        'back.csv:4, column "tracking", order 267228: "ÄÖ ß" is no tracking number: it has LATIN CAPITAL LETTER A WITH DIAERESIS '
        "(U+00C4), and they are of ASCII letters, digits and signs [flickrocket.K33]\n"
        "  mend: write it as it stands on the parcel's label\n"
        'back.csv:5, column "order": the line names no order [flickrocket.K33]\n'
        "  mend: give the order's id, or leave the whole line out\n"
        f"1 {done}, 2 refused\n")
    assert asked(box, "/_/flickrocket/fulfillments")[0]["tracking_number"] == ("" if words else "B1,B2")
    with (place / "result.csv").open(newline="", encoding="utf-8") as file:
        assert [(row["order"], row["result"], row["line"]) for row in csv.DictReader(file)] == [
            ("267227", done, "3"), ("267228", "refused", "4"), ("", "refused", "5")]


def test_of_many_wrong_lines_the_first_are_told(place, typed):
    (place / "back.csv").write_text("order,tracking\n" + "".join(f"{number},#REF!\n" for number in range(1, 31)))
    status, out, err = typed("flickrocket", "tracking", "back.csv")
    assert (status, out.count("refused"), err.count("mend:")) == (1, 30, 20)
    assert err.endswith("and 10 more; --out FILE has them all\n30 refused\n")


def test_nobody_is_logged_in(place, typed):
    TokenStore(place / "tokens").remove("default")
    assert typed("flickrocket", "fulfillments", "--to", "csv")[:2] == (3, "")
    (place / "back.csv").write_text("order,tracking\n267227,A1\n267228,A2\n")
    status, _, err = typed("flickrocket", "tracking", "back.csv", "--out", "result.csv")
    assert status == 3 and "not-logged-in" in err
    assert [row["result"] for row in csv.DictReader((place / "result.csv").open(newline=""))] == ["failed", "not tried"]


@pytest.mark.parametrize(("targets", "given", "asked"), [
    pytest.param("{flickrocket: {outbox: out}, flickrocket-api: {shop: second}}", "default", "second", id="the job's"),
    pytest.param("{flickrocket: {outbox: out}, flickrocket-api: {shop: second}}", "third", "third", id="one that is named"),
    pytest.param("{flickrocket: {outbox: out}}", "default", "default", id="no REST target"),
])
def test_the_shop_that_is_asked_is_the_jobs(tmp_path, targets, given, asked):
    from feedbridge.cli.flickrocket_verify import shop_of

    path = tmp_path / "feedbridge.yaml"
    path.write_text(f"feedbridge: 1\njobs:\n  books: {{source: a.csv, mapping: digital, targets: {targets}}}\n")
    assert shop_of("books", path, given) == asked

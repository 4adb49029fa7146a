"""``feedbridge flickrocket listen --job``: short ids of uploaded products come into the ledger by webhook."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from feedbridge.cli import cli, run
from feedbridge.cli.flickrocket import flickrocket
from feedbridge.cli.flickrocket_webhooks import ids_hook, is_like, ledger_of
from feedbridge.platforms.flickrocket.events import standing_of
from feedbridge.platforms.flickrocket.resources import Product
from feedbridge.platforms.flickrocket.tokens import Tokens, TokenStore
from feedbridge.sandbox.keys import FLICKROCKET_APP_SECRET, FLICKROCKET_CLIENT_ID, FLICKROCKET_REFRESH_TOKEN
from feedbridge.sandbox.server import SandboxServer

cli.add_command(flickrocket)
ROOT = Path(__file__).resolve().parents[2]
FEEDBRIDGE = """
import sys
from feedbridge.cli import cli, run
from feedbridge.cli.flickrocket import flickrocket
cli.add_command(flickrocket)
sys.exit(run(sys.argv[1:]))
"""
JOBS = """feedbridge: 1
state: ledger.sqlite
jobs:
  books:
    source: catalogue.csv
    set: {currency: EUR}
    targets: {flickrocket: {outbox: outbox}, flickrocket-api: {}}
  pictures: {source: catalogue.csv, targets: {flipsnack: {sandbox: true}}}
"""
FEED = """SKU,Title,Description,Language,Medium,File,Cover,Licence ID,Price ID,Version,Type
BUCH-1,The Book,<p>One.</p>,en,ebook,content/buch.epub,content/cover.jpg,16,46,1.0,digital
KARTE-1,A Map,<p>Two.</p>,en,pdf,content/karte.pdf,content/cover.jpg,16,48,,digital
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxServer]:
    shutil.copytree(ROOT / "fixtures/digital", tmp_path / "shop")
    monkeypatch.chdir(tmp_path / "shop")
    Path("feedbridge.yaml").write_text(JOBS)
    Path("catalogue.csv").write_text(FEED)
    for name in [name for name in os.environ if name.startswith("FEEDBRIDGE_")]:
        monkeypatch.delenv(name)
    with SandboxServer(data=tmp_path / "box", port=0, bucket=None, webhook_speed=10**6) as box:
        for name, value in (
            ("HOSTS", f"{box.url}/flickrocket"), ("TOKENS", str(tmp_path / "tokens")), ("RATE", "off"),
            ("APP_SECRET", FLICKROCKET_APP_SECRET), ("EVENTS", str(tmp_path / "events.sqlite")),
        ):
            monkeypatch.setenv(f"FEEDBRIDGE_FLICKROCKET_{name}", value)
        monkeypatch.setenv("FEEDBRIDGE_SANDBOX_URL", box.url)
        TokenStore(environment=os.environ).write("default", Tokens(
            "", FLICKROCKET_REFRESH_TOKEN, datetime(2000, 1, 1, tzinfo=UTC), FLICKROCKET_CLIENT_ID, "1202",
            "products,webhooks", "this machine",
        ))
        yield box


@contextmanager
def listening(*words: str) -> Iterator[queue.Queue[dict[str, Any]]]:
    """The receiver as a process, and the events it tells."""
    told: queue.Queue[dict[str, Any]] = queue.Queue()
    process = subprocess.Popen(
        [sys.executable, "-c", FEEDBRIDGE, "flickrocket", "listen", "--port", "0", "--log-format", "json", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
    )

    def read() -> None:
        assert process.stderr
        for line in process.stderr:
            told.put(json.loads(line) if line.startswith("{") else {"event": "text", "text": line})

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield told
    finally:
        process.terminate()
        process.wait(timeout=30)
        thread.join()


def said(told: queue.Queue[dict[str, Any]], event: str) -> dict[str, Any]:
    ends = time.monotonic() + 30
    while True:
        one = told.get(timeout=max(0.01, ends - time.monotonic()))
        if one["event"] == event:
            return one


def products(box: SandboxServer) -> dict[str, dict[str, Any]]:
    with urllib.request.urlopen(f"{box.url}/_/flickrocket/products", timeout=10) as answer:
        return {one["title"]: one for one in json.load(answer)}


def test_from_the_outbox_to_a_changed_text(shop: SandboxServer, capfd: pytest.CaptureFixture[str]):
    assert run(["sync", "books"]) == 0
    with listening("--job", "books") as told:
        assert run(["flickrocket", "webhooks", "register", said(told, "listening")["url"], "--event", "product/create"]) == 0
        assert run(["flickrocket", "upload", "outbox"]) == 0
        made = {one["item"]: one["id"] for one in (said(told, "ledger.id"), said(told, "ledger.id"))}
    there = products(shop)
    assert made == {"BUCH-1": there["The Book"]["id"], "KARTE-1": there["A Map"]["id"]}
    assert run(["sync", "books"]) == 0
    Path("catalogue.csv").write_text(FEED.replace("<p>Two.</p>", "<p>Two at length.</p>"))
    capfd.readouterr()
    assert run(["sync", "books"]) == 0
    shown = capfd.readouterr()
    assert "1 updated" in shown.out + shown.err
    assert products(shop)["A Map"]["locales"][0]["description"] == "<p>Two at length.</p>"
    assert sorted(path.name for path in Path("outbox").iterdir()) == ["BUCH-1", "KARTE-1"]


def platform_ids(target: str = "flickrocket") -> dict[str, str]:
    with ledger_of("books", None, None) as (history, job, _):
        number = history.target(job, target).id
        return {row.key: row.platform_id for row in history.ledger.rows(number)}


def product(**members: Any) -> Product:
    return Product.model_validate({"id": 143100, "title": "The Book", "version": "1.0", "product_type": 16, **members})


@pytest.mark.parametrize(("members", "scope", "written", "why"), [
    pytest.param({}, "product/create", "143100", "", id="the one"),
    pytest.param({"title": " The  Book "}, "product/update", "143100", "", id="other blanks"),
    pytest.param({"title": "THE B&#111;ok"}, "product/update", "143100", "", id="letter case and HTML's spelling"),
    pytest.param({"title": "Another"}, "product/create", "", "no item without an id", id="another title"),
    pytest.param({"version": "2"}, "product/create", "", "no item without an id", id="another version"),
    pytest.param({"product_type": 7}, "product/create", "", "no item without an id", id="another type"),
    pytest.param({}, "product/delete", "", "of a deletion", id="a deletion"),
    pytest.param(None, "product/create", "", "gone there", id="gone meanwhile"),
])
def test_which_item_a_product_is(shop: SandboxServer, members, scope, written, why):
    assert run(["sync", "books"]) == 0
    told: list[tuple[str, dict[str, Any]]] = []
    standing = standing_of(None if members is None else product(**members), id=143100, scope=scope)
    with ledger_of("books", None, None) as (history, job, names):
        hook = ids_hook(history, job, names, None, lambda event, **fields: told.append((event, fields)), lambda one: None)
        hook(standing)
        hook(standing)  # events come twice
    assert platform_ids()["BUCH-1"] == written
    assert why in " ".join(str(fields.get("why", "")) for _, fields in told)
    assert [event for event, _ in told].count("ledger.id") == bool(written)


def test_two_items_that_look_the_same_get_nothing(shop: SandboxServer):
    twin = FEED.splitlines()[1].replace("BUCH-1", "BUCH-2")
    Path("catalogue.csv").write_text(f"{FEED}{twin}\n")
    assert run(["sync", "books"]) == 0
    told: list[dict[str, Any]] = []
    with ledger_of("books", None, "flickrocket") as (history, job, names):
        ids_hook(history, job, names, "flickrocket", lambda event, **fields: told.append(fields), lambda one: None)(
            standing_of(product(), id=143100))
    assert set(platform_ids().values()) == {""}
    assert "several items have this title and version: BUCH-1, BUCH-2" in told[0]["why"]


def test_an_item_with_an_id_of_its_own_is_never_taken():
    body = json.dumps({"product": {"id": 7, "title": "The Book", "version": "1.0"}}).encode()
    assert not is_like(body, product())
    assert is_like(b'{"product": {"title": "The Book", "version": "1.0"}}', product())
    assert not is_like(b'{"product": {}}', Product.model_validate({"id": 1}))


@pytest.mark.parametrize(("item", "members", "like"), [
    pytest.param({"title": "The Book"}, {}, True, id="an item without a version"),
    pytest.param({"title": "The Book", "version": ""}, {}, False, id="an item whose version is empty"),
    pytest.param({"title": "The Book", "version": "1.0", "product_type": 16}, {"product_type": None}, True, id="a product without a type"),
    pytest.param({"title": "Salt & Sea"}, {"title": "SALT &amp; Sea"}, True, id="HTML's spelling and letter case"),
    pytest.param({"title": "Cafe\u0301"}, {"title": "Caf\u00e9"}, True, id="composed otherwise"),
])
def test_an_item_is_known_as_verify_knows_it(item, members, like):
    assert is_like(json.dumps({"product": item}).encode(), product(**members)) is like


@pytest.mark.parametrize(("words", "status", "message"), [
    pytest.param(["--job", "nothing"], 2, 'there is no job "nothing"', id="no such job"),
    pytest.param(["--job", "pictures"], 2, "no FlickRocket target", id="no such target"),
    pytest.param(["--job", "books", "--target", "flipsnack"], 2, "there are flickrocket, flickrocket-api", id="another target"),
    pytest.param(["--target", "flickrocket"], 2, "--target with --job", id="a target alone"),
    pytest.param(["--job", "books", "--only", "receive"], 2, "working events", id="only receiving"),
])
def test_wrong_words(shop: SandboxServer, capfd: pytest.CaptureFixture[str], words, status, message):
    assert run(["flickrocket", "listen", "--port", "0", *words]) == status
    assert message in capfd.readouterr().err

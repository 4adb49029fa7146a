"""Before and after folders are dropped, over real HTTP against the sandbox."""

from __future__ import annotations

import copy
import json
import os
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from feedbridge.errors import CommandError
from feedbridge.platforms.flickrocket.check import check
from feedbridge.platforms.flickrocket.client import BurstLimiter, BurstRate, Calls, Client, connect
from feedbridge.platforms.flickrocket.hosts import hosts_of
from feedbridge.platforms.flickrocket.product_folders import product_folders, read_folders
from feedbridge.platforms.flickrocket.tokens import Tokens, TokenStore
from feedbridge.platforms.flickrocket.verify import expected, verify
from feedbridge.sandbox.keys import FLICKROCKET_CLIENT_ID, FLICKROCKET_REFRESH_TOKEN
from feedbridge.sandbox.server import SandboxServer
from tests.platforms.flickrocket_oauth import location_of

PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"
BOUND = {"license_id": 16, "price_id": 46, "hd": False, "compare_price_id": None}
OPTIONS = {
    "files": {"main": "replace", "flux_dvd": "none", "preview": "none"}, "add_content_to_uploader": True,
    "add_content_to_shop_owner": True, "send_mail_to_shop_owner": True,
}
NIGHT: dict[str, Any] = {
    "user": {"email": "owner@example.com", "password": "SECRET-PASSWORD"},
    "files": {"main": "night.pdf"},
    "options": OPTIONS,
    "product": {
        "title": "Night sky & stars", "version": "1", "product_type": 7, "drm_protected": True,
        "locales": [{"language_id": "en", "title": "Night sky & stars", "description": "<p>Stars &amp; moons</p>"}],
        "price_license_binding": [BOUND], "categories": [{"category_id": 5}], "themes": [{"theme_id": -1}],
    },
}
MOBY: dict[str, Any] = {
    "user": NIGHT["user"], "files": {"flux_dvd": "", "preview": ""},
    "options": {**OPTIONS, "files": {"main": "none", "flux_dvd": "none", "preview": "none"}}, "product": {"id": 142995},
}


def changed(document: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A document with members of ``product`` put in; ... takes one away."""
    whole = copy.deepcopy(document)
    for name, value in parts.items():
        if value is ...:
            del whole["product"][name]
        else:
            whole["product"][name] = value
    return whole


def dropped(place: Path, name: str, document: Any = NIGHT, content: bytes = PDF, written: float | None = None) -> Path:
    folder = place / name
    folder.mkdir(parents=True)
    (folder / "night.pdf").write_bytes(content)
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    (folder / "product.json").write_bytes(text)
    if written is not None:
        os.utime(folder / "product.json", (written, written))
    return folder


@pytest.fixture(scope="module")
def box(tmp_path_factory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("sandbox"), port=0) as running:
        yield running


def logged_in(box: SandboxServer, folder: Path, refresh_token: str) -> Client:
    store = TokenStore(folder)
    store.write("default", Tokens(
        "", refresh_token, datetime(2000, 1, 1, tzinfo=UTC), FLICKROCKET_CLIENT_ID, "1202", "products,orders", "this machine"))
    hosts = hosts_of({"FEEDBRIDGE_FLICKROCKET_HOSTS": f"{box.url}/flickrocket"})
    return connect(store=store, hosts=hosts, environment={}, rate=BurstRate(per_second=0), pause_seconds=0.02, tries=3)


@pytest.fixture
def shop(box: SandboxServer, tmp_path_factory) -> Iterator[Client]:
    box.store.reset()
    box.set_faults([])
    with logged_in(box, tmp_path_factory.mktemp("shop") / "tokens", FLICKROCKET_REFRESH_TOKEN) as client:
        yield client
    box.set_faults([])


def asked(box: SandboxServer, path: str, given: Any = None, method: str = "GET") -> Any:
    data = None if given is None else json.dumps(given).encode()
    request = urllib.request.Request(f"{box.url}{path}", data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def upload(box: SandboxServer, *folders: Path) -> list[dict[str, Any]]:
    taken = asked(box, "/flickrocket/_/upload", {"folders": [str(one) for one in folders]}, "POST")["products"]
    assert [one["reasons"] for one in taken] == [[] for _ in taken]
    return taken


def put(box: SandboxServer, resource: str, **members: Any) -> None:
    """Change members of all things of a resource, in the shop itself; ``only`` names one id."""
    only = members.pop("only", None)
    things = asked(box, f"/_/flickrocket/{resource}")
    asked(box, f"/_/flickrocket/{resource}", [
        {**one, **members} if only in (None, one["id"]) else one for one in things], "PUT")


def codes(shop: Client, place: Path, *currencies: str) -> list[list[str]]:
    return [[fault.code for fault in one.why] for one in check(shop, read_folders(place), currencies)]


# Folders.


def test_folders_are_found_wherever_they_are(tmp_path):
    single = dropped(tmp_path / "out/flickrocket", "B--2")
    dropped(tmp_path / "out/flickrocket", "B")
    dropped(tmp_path / "out/flickrocket", "B--10")
    dropped(tmp_path / "out/flickrocket", ".B.feedbridge-partial")
    names = ["B", "B--2", "B--10"]
    assert [one.name for one in product_folders(tmp_path / "out")] == names
    assert [one.name for one in product_folders(tmp_path / "out/flickrocket")] == names
    assert [one.name for one in product_folders(single)] == ["B--2"]


def test_nothing_waits_in_an_outbox_whose_folders_were_uploaded(tmp_path):
    assert product_folders(tmp_path) == []
    (tmp_path / ".B.feedbridge-partial").mkdir()
    assert product_folders(tmp_path) == []


def test_folder_without_products_is_an_error(tmp_path):
    (tmp_path / "letters").mkdir()
    with pytest.raises(CommandError) as told:
        product_folders(tmp_path)
    assert told.value.code == "flickrocket.outbox"


@pytest.mark.parametrize("text", [
    pytest.param(b"\xef\xbb\xbf{}", id="mark"),
    pytest.param(b"{", id="cut short"),
    pytest.param(b"[]", id="no object"),
    pytest.param(json.dumps(changed(NIGHT, product_type="7")).encode(), id="a text for a number"),
    pytest.param(json.dumps({**NIGHT, "more": 1}).encode(), id="a member nobody knows"),
    pytest.param(b'{"user": {"email": "a", "password": 1, "note": "SECRET-PASSWORD"}}', id="other members missing"),
])
def test_folder_that_cannot_be_read_is_told(shop, tmp_path, text):
    dropped(tmp_path, "BAD", text)
    (one,) = check(shop, read_folders(tmp_path))
    assert [fault.code for fault in one.why] == ["flickrocket.K1"]
    (standing,) = verify(shop, expected(read_folders(tmp_path)))
    assert standing.state == "unreadable" and standing.why
    assert "SECRET" not in repr(one) + repr(standing) + repr(read_folders(tmp_path)) + json.dumps(standing.shown())


def test_passwords_are_in_no_answer(shop, tmp_path):
    dropped(tmp_path, "N")
    folders = read_folders(tmp_path)
    shown = [*map(repr, folders), *map(repr, check(shop, folders)), *map(repr, expected(folders))]
    assert "SECRET" not in "".join(shown)


# Before.


@pytest.mark.parametrize(("document", "found"), [
    pytest.param(NIGHT, [], id="all there"),
    pytest.param(MOBY, [], id="an update that leaves the licences alone"),
    pytest.param(changed(NIGHT, price_license_binding=...), ["flickrocket.K12"], id="no licence at all"),
    pytest.param(changed(NIGHT, price_license_binding=[]), ["flickrocket.K12"], id="an empty list"),
    pytest.param(changed(NIGHT, price_license_binding=[{**BOUND, "license_id": 99}]), ["flickrocket.K12"], id="licence that is not there"),
    pytest.param(changed(NIGHT, price_license_binding=[{**BOUND, "price_id": 99}]), ["flickrocket.K12"], id="price that is not there"),
    pytest.param(changed(NIGHT, price_license_binding=[{**BOUND, "price_id": None}]), ["flickrocket.K12"], id="licence without a price"),
    pytest.param(changed(NIGHT, price_license_binding=[{**BOUND, "compare_price_id": 99}]), ["flickrocket.K12"],
                 id="compared with nothing"),
    pytest.param(changed(NIGHT, price_license_binding=[BOUND, {**BOUND, "license_id": 99, "price_id": 98}]),
                 ["flickrocket.K12", "flickrocket.K12"], id="the second binding, too"),
    pytest.param(changed(NIGHT, categories=[{"category_id": 99}]), [""], id="category that is not there"),
    pytest.param(changed(NIGHT, themes=[{"theme_id": 99}]), [""], id="theme that is not there"),
    pytest.param(changed(NIGHT, themes=[{"theme_id": 12}, {"theme_id": -1}]), [], id="theme that is there"),
    pytest.param(changed(NIGHT, title=...), ["flickrocket.K6"], id="create without a title"),
    pytest.param(changed(MOBY, id=99), ["flickrocket.K7"], id="update of nothing"),
    pytest.param(changed(MOBY, product_type=7), ["flickrocket.K8"], id="update of another type"),
    pytest.param({**NIGHT, "files": {"main": "Night.pdf"}}, ["flickrocket.K2"], id="file of another letter case"),
    pytest.param({**NIGHT, "files": {}}, ["flickrocket.K6"], id="create without content"),
    pytest.param(changed(NIGHT, price_license_binding=[
        {"license_id": 16, "price": {"title": "New", "currencies": [{"currency": "eur", "price": 1}]}, "hd": False,
         "compare_price_id": None}]), ["flickrocket.K15"], id="new price model without dollars"),
    pytest.param(changed(NIGHT, price_license_binding=[
        {"license_id": 16, "price": {"title": "Guides", "currencies": [{"currency": "eur", "price": 1}]}, "hd": False,
         "compare_price_id": None}]), [], id="price model that is there keeps its amounts"),
])
def test_check_says_what_is_missing(shop, tmp_path, document, found):
    dropped(tmp_path, "N", document)
    assert codes(shop, tmp_path) == [found]
    for one in check(shop, read_folders(tmp_path)):
        assert one.ready is (not found)
        assert all(fault.message and fault.mend for fault in one.why)


@pytest.mark.parametrize(("resource", "only"), [
    pytest.param("prices", 46, id="price"), pytest.param("licenses", 16, id="licence"),
])
def test_what_is_not_valid_does_not_count(box, shop, tmp_path, resource, only):
    dropped(tmp_path, "N")
    dropped(tmp_path, "M", MOBY)  # the shop's own product is bound to the same
    put(box, resource, only=only, valid=0)
    assert codes(shop, tmp_path) == [["flickrocket.K12"], ["flickrocket.K12"]]


@pytest.mark.parametrize(("prices", "given", "found"), [
    pytest.param(["eur usd", "eur usd", "eur"], [], [], id="as most have"),
    pytest.param(["usd", "eur usd", "eur usd"], [], ["flickrocket.K15"], id="most others have more"),
    pytest.param(["usd", "eur usd", "usd"], [], [], id="few others have more"),
    pytest.param(["gbp", "gbp", "gbp"], [], ["flickrocket.K15"], id="neither euro nor dollar"),
    pytest.param(["gbp", "gbp", "gbp"], ["GBP"], [], id="but that was asked for"),
    pytest.param(["eur usd", "eur", "eur"], ["eur", "CHF"], ["flickrocket.K15"], id="one that was asked for is missing"),
    pytest.param(["USD", "usd eur", "usd eur"], ["usd"], [], id="letter case"),
])
def test_prices_have_the_currencies(box, shop, tmp_path, prices, given, found):
    asked(box, "/_/flickrocket/prices", [
        {"id": 46 + at, "title": f"Tier {at}", "valid": 1, "currencies": [{"currency": one, "price": 100} for one in codes.split()]}
        for at, codes in enumerate(prices)], "PUT")
    dropped(tmp_path, "N")
    assert codes(shop, tmp_path, *given) == [found]


def test_currency_that_is_none(shop, tmp_path):
    dropped(tmp_path, "N")
    with pytest.raises(CommandError):
        check(shop, read_folders(tmp_path), ["Euro"])


def test_product_that_is_there_already_is_a_note(box, shop, tmp_path):
    upload(box, dropped(tmp_path, "N"))
    (one,) = check(shop, read_folders(tmp_path))
    assert one.ready and "142998" in one.notes[0] and "twice" in one.notes[0]


@pytest.mark.parametrize(("first", "second", "noted"), [
    pytest.param(NIGHT, NIGHT, True, id="the same"),
    pytest.param(NIGHT, changed(NIGHT, title="NIGHT  sky &amp; stars"), True, id="written otherwise"),
    pytest.param(NIGHT, changed(NIGHT, version=...), True, id="one without a version"),
    pytest.param(NIGHT, changed(NIGHT, version="2"), False, id="another version"),
    pytest.param(NIGHT, changed(NIGHT, product_type=27, drm_protected=False), False, id="another type"),
    pytest.param(NIGHT, changed(NIGHT, id=142995, product_type=...), False, id="an update"),
])
def test_folders_that_nobody_can_tell_apart_are_noted(shop, tmp_path, first, second, noted):
    dropped(tmp_path, "A", first)
    dropped(tmp_path, "B", second)
    one, other = check(shop, read_folders(tmp_path))
    assert one.ready and other.ready
    if noted:
        assert "the folder B would make a product" in one.notes[0] and "the folder A would make" in other.notes[0]
    else:
        assert one.notes == other.notes == ()


def test_folders_of_one_title_get_their_ids_one_by_one(box, shop, tmp_path):
    """As the note says: each is dropped, and verified by its own folder, before the next."""
    ledger = {"A": "", "B": ""}
    for name in ledger:
        upload(box, dropped(tmp_path, name))
        (one,) = verify(shop, expected(read_folders(tmp_path / name), ledger.items()),
                        others={int(id): sku for sku, id in ledger.items() if id})
        ledger[name] = str(one.id)
    assert ledger == {"A": "142998", "B": "142999"}


def test_themes_need_not_be_readable(box, shop, tmp_path):
    """A permission without the scope ``themes``: said, not refused."""
    dropped(tmp_path / "out", "N", changed(NIGHT, themes=[{"theme_id": 12}]))
    back = location_of(
        f"{box.url}/flickrocket/oauth2/auth?client_id={FLICKROCKET_CLIENT_ID}&scope=products&access_type=offline"
        "&redirect_uri=http%3A%2F%2F127.0.0.1%3A8766%2Fflickrocket")
    code = parse_qs(urlsplit(back).query)["code"][0]
    with logged_in(box, tmp_path / "tokens", code) as narrow:
        (one,) = check(narrow, read_folders(tmp_path / "out"))
    assert one.ready and "themes were not checked" in one.notes[0]


# Afterwards.


def test_new_product_is_found_by_its_title(box, shop, tmp_path):
    dropped(tmp_path, "N")
    (before,) = verify(shop, expected(read_folders(tmp_path)))
    assert (before.state, before.id, before.pending) == ("not there", None, True)
    (taken,) = upload(box, tmp_path / "N")
    (after,) = verify(shop, expected(read_folders(tmp_path)))
    assert (after.state, after.id, after.long_id) == ("live", taken["id"], taken["product_id"])
    assert (after.why, after.differs, after.older, after.right) == ((), (), False, True)


@pytest.mark.parametrize(("document", "content", "why"), [
    pytest.param(changed(NIGHT, price_license_binding=[]), PDF, ("no licence", "no price"), id="no licence and no price"),
    pytest.param(changed(NIGHT, price_license_binding=[{**BOUND, "price_id": None}]), PDF, ("no price",), id="no price"),
    pytest.param(NIGHT, b"text", ("no valid content", "not valid", "no release date"), id="no valid content"),
])
def test_why_it_is_not_live(box, shop, tmp_path, document, content, why):
    upload(box, dropped(tmp_path, "N", document, content))
    (one,) = verify(shop, expected(read_folders(tmp_path)))
    assert (one.state, one.why) == ("not live", why)
    assert one.id == 142998 and one.mend


@pytest.mark.parametrize(("resource", "only", "members", "why"), [
    pytest.param("prices", 46, {"valid": 0}, ("price 46 is not valid",), id="price"),
    pytest.param("licenses", 16, {"valid": False}, ("licence 16 is not valid",), id="licence"),
    pytest.param("products", 142998, {"published_at": "0001-01-01T00:00:00"}, ("no release date",), id="not published"),
    pytest.param("products", 142998, {"price_license_binding": [{**BOUND, "license_id": 77}]}, ("there is no licence 77",),
                 id="licence that was deleted"),
])
def test_what_became_invalid_later(box, shop, tmp_path, resource, only, members, why):
    upload(box, dropped(tmp_path, "N"))
    put(box, resource, only=only, **members)
    (one,) = verify(shop, expected(read_folders(tmp_path)))
    assert (one.state, one.why) == ("not live", why)


def test_live_by_its_second_binding(box, shop, tmp_path):
    put(box, "prices", only=47, valid=0)
    upload(box, dropped(tmp_path, "N", changed(NIGHT, price_license_binding=[{**BOUND, "price_id": 47}, {**BOUND, "license_id": 17}])))
    assert verify(shop, expected(read_folders(tmp_path)))[0].live


@pytest.mark.parametrize(("members", "field"), [
    pytest.param({"locales": [{"language_id": "en", "title": "Night sky & stars", "description": "<p>Other</p>"}]},
                 "locales.en.description", id="description"),
    pytest.param({"locales": [{"language_id": "en", "title": "Day", "description": "<p>Stars &amp; moons</p>"}]},
                 "locales.en.title", id="title of a language"),
    pytest.param({"locales": []}, "locales.en", id="a language less"),
    pytest.param({"price_license_binding": [{**BOUND, "price_id": 47}]}, "price_license_binding", id="price"),
    pytest.param({"price_license_binding": [BOUND, {**BOUND, "license_id": 17}]}, "price_license_binding", id="a licence more"),
    pytest.param({"price_license_binding": [{**BOUND, "compare_price_id": 47}]}, "price_license_binding", id="compare price"),
    pytest.param({"categories": []}, "categories", id="category"),
    pytest.param({"drm_protected": False}, "drm_protected", id="DRM"),
])
def test_what_differs_is_named(box, shop, tmp_path, members, field):
    upload(box, dropped(tmp_path, "N"))
    put(box, "products", only=142998, **members)
    (one,) = verify(shop, expected(read_folders(tmp_path)))
    assert [differs.field for differs in one.differs] == [field]
    assert one.live and not one.right


@pytest.mark.parametrize("beside", [pytest.param(0, id="alone"), pytest.param(6, id="beside others")])
@pytest.mark.parametrize("members", [
    pytest.param({"title": "Night sky &amp; stars"}, id="signs in HTML"),
    pytest.param({"title": "NIGHT  SKY & STARS "}, id="letter case and blanks, only for finding it"),
    pytest.param({"locales": [{"language_id": "EN", "title": "Night sky & stars", "description": "<p>Stars &\n moons</p>"}]},
                 id="blanks and signs in a text"),
])
def test_spelling_does_not_hide_a_product(box, shop, tmp_path, members, beside):
    """However few folders there are: the sandbox finds titles that are asked for as they are only."""
    upload(box, dropped(tmp_path, "N"))
    put(box, "products", only=142998, **members)
    for at in range(beside):
        dropped(tmp_path, f"Z{at}", changed(NIGHT, title=f"Nothing {at}"))
    one = verify(shop, expected(read_folders(tmp_path)))[0]
    assert (one.state, one.id) == ("live", 142998)
    assert "142998" in check(shop, read_folders(tmp_path))[0].notes[0]


def test_title_that_no_address_can_hold_is_looked_for_in_the_list(box, shop, tmp_path):
    dropped(tmp_path, "N", changed(NIGHT, title="Night \x07"))
    (one,) = verify(shop, expected(read_folders(tmp_path)))
    assert (one.state, one.why) == ("not there", ("no product has its title, type and version",))


def test_another_spelling_is_looked_for_where_only_another_version_has_the_title(box, shop, tmp_path):
    upload(box, dropped(tmp_path / "1", "M"), dropped(tmp_path / "2", "N", changed(NIGHT, version="2")))
    put(box, "products", only=142999, title="Night sky &amp; stars")
    (one,) = verify(shop, expected(read_folders(tmp_path / "2")))
    assert (one.state, one.id) == ("live", 142999)


def many(box: SandboxServer, number: int = 60) -> None:
    """More products in the shop than one page holds."""
    (first, *_) = asked(box, "/_/flickrocket/products")
    asked(box, "/_/flickrocket/products", [{**first, "id": 150_000 + at, "title": f"Book {at}"} for at in range(number)], "PUT")


def test_list_that_cannot_be_read_whole_says_nothing_of_what_is_missing(box, shop, tmp_path):
    many(box)
    box.set_faults(["pages:repeat"])
    dropped(tmp_path, "N")
    (one,) = verify(shop, expected(read_folders(tmp_path)))
    assert (one.state, one.id, one.pending) == ("unreadable", None, False)
    assert "cannot be told whether it is there" in one.why[0] and "drop" not in one.mend
    (ready,) = check(shop, read_folders(tmp_path))
    assert ready.ready and "not checked whether the shop has it already" in ready.notes[0]


def test_list_is_read_again_while_waiting_only_when_the_shop_has_other_products(box, shop, tmp_path):
    many(box)
    dropped(tmp_path, "N")
    slept: list[float] = []
    lists: list[int] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        lists.append(sum(call["action"].endswith("products.json") for call in box.calls(1000)))
        if len(slept) == 3:
            upload(box, tmp_path / "N")
            put(box, "products", only=max(one["id"] for one in asked(box, "/_/flickrocket/products")), title="NIGHT SKY &amp; STARS")

    (one,) = verify(shop, expected(read_folders(tmp_path)), wait_seconds=600, sleep=sleep, clock=lambda: sum(slept))
    assert one.live and len(slept) == 3
    assert (lists[1] - lists[0], lists[2] - lists[1]) == (1, 1)  # the title alone


def test_update_is_read_by_its_id(box, shop, tmp_path):
    dropped(tmp_path, "M", changed(MOBY, title="Moby-Dick; or, The Whale"))
    (before,) = verify(shop, expected(read_folders(tmp_path)))
    assert before.live and before.pending
    assert [(one.field, one.folder, one.shop) for one in before.differs] == [
        ("title", "Moby-Dick; or, The Whale", "Moby-Dick")]
    upload(box, tmp_path / "M")
    (after,) = verify(shop, expected(read_folders(tmp_path)))
    assert after.right and after.id == 142995 and not after.pending


@pytest.mark.parametrize(("folders", "unknown"), [
    pytest.param({"M": {**MOBY, "files": NIGHT["files"]}}, ["M"], id="content"),
    pytest.param({"M": {**MOBY, "files": {"pictures": ["night.pdf"]}}}, ["M"], id="pictures"),
    pytest.param({"M": changed(MOBY, title="Moby-Dick")}, [], id="texts only"),
    pytest.param({"M": changed(NIGHT, title="Moby-Dick", version="1", product_type=16), "M--2": {**MOBY, "files": NIGHT["files"]}},
                 ["M--2"], id="the second folder"),
    pytest.param({"M": changed(NIGHT, title="Moby-Dick", version="1", product_type=16)}, [], id="a new product"),
])
def test_content_of_an_update_cannot_be_told(shop, tmp_path, folders, unknown):
    for name, document in folders.items():
        dropped(tmp_path, name, document)
    (one,) = verify(shop, expected(read_folders(tmp_path)))
    assert one.live
    assert one.shown()["content_unknown"] == unknown
    told = " ".join(one.notes)
    assert ("cannot be told" in told) is bool(unknown) and all(name in told for name in unknown)


@pytest.mark.parametrize("beside", [pytest.param(0, id="alone"), pytest.param(6, id="beside others")])
def test_answer_about_another_product_is_none(box, shop, tmp_path, beside):
    """A server whose answers are all about product 10."""
    def other(handler: BaseHTTPRequestHandler) -> None:
        name = handler.path.split("?")[0].rpartition("/")[2]
        found = {"count.json": {"count": 1}, "prices.json": {}, "licenses.json": {}}.get(name, {"product": {"id": 10, "title": "Ten"}})
        body = json.dumps(found).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    for at in range(beside + 1):
        dropped(tmp_path, f"M{at}", changed(MOBY, id=143010 + at))
    answering = type("Answering", (BaseHTTPRequestHandler,), {"do_GET": other, "log_message": lambda *words: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        calls = Calls(shop.calls.access, place, BurstLimiter("odd", BurstRate(per_second=0), tmp_path / "rates"))
        folders = read_folders(tmp_path)
        found = verify(Client(calls), expected(folders))
        (ready, *_) = check(Client(calls), folders)
        server.shutdown()
        calls._http.close()
    assert {(one.state, one.id) for one in found} == {("unreadable", None)}
    assert "143010" in found[0].why[0] and found[0].mend
    assert not ready.ready and "143010" in ready.why[0].message


def test_update_of_a_product_that_is_gone(shop, tmp_path):
    dropped(tmp_path, "M", changed(MOBY, id=99))
    (one,) = verify(shop, expected(read_folders(tmp_path)))
    assert (one.state, one.id) == ("not there", None)


def test_two_products_of_a_title_are_named_and_none_is_chosen(box, shop, tmp_path):
    upload(box, dropped(tmp_path, "N"))
    upload(box, tmp_path / "N")
    products = expected(read_folders(tmp_path))
    (one,) = verify(shop, products)
    assert (one.state, one.id) == ("ambiguous", None)
    assert "142998" in one.why[0] and "142999" in one.why[0]
    written = products[0].written
    announced = [({142999: written + 5}, 142999), ({142998: written + 1, 142999: written + 5}, None), ({142998: written - 9000}, None)]
    for told, id in announced:  # by webhooks
        assert verify(shop, products, announced=told)[0].id == id
    assert verify(shop, products, others={142998: "ANOTHER"})[0].id == 142999
    assert verify(shop, products, others={142998: "N"})[0].state == "ambiguous"


def test_what_was_dropped_twice_is_a_note(box, shop, tmp_path):
    upload(box, dropped(tmp_path, "N"))
    upload(box, tmp_path / "N")
    (folder,) = read_folders(tmp_path)
    (one,) = verify(shop, expected([folder], [("N", "142998")]))
    assert (one.state, one.id) == ("live", 142998)
    assert "the shop also has 142999 with this title, type and version" in one.notes[0]
    assert one.shown()["notes"] == list(one.notes)
    (one,) = verify(shop, expected([folder]), announced={142998: folder.written + 5})
    assert one.id == 142998 and "142999" in one.notes[0]
    (one,) = verify(shop, expected([folder], [("N", "142998")]), others={142999: "ANOTHER"})
    assert one.live and one.notes == ()


def test_two_folders_of_a_title_do_not_share_a_product(box, shop, tmp_path):
    dropped(tmp_path, "A")
    dropped(tmp_path, "B")
    upload(box, tmp_path / "A")
    assert [(one.state, one.id) for one in verify(shop, expected(read_folders(tmp_path)))] == [("ambiguous", None)] * 2


def test_product_of_another_version_or_type_is_not_it(box, shop, tmp_path):
    upload(box, dropped(tmp_path / "1", "N"))
    dropped(tmp_path / "2", "N", changed(NIGHT, version="2"))
    dropped(tmp_path / "2", "Z", changed(NIGHT, product_type=27, drm_protected=False))
    for one in verify(shop, expected(read_folders(tmp_path / "2"))):
        assert (one.state, one.id) == ("not there", None)
        assert "142998" in one.why[1] and "ids import" in one.mend


def test_product_that_is_older_than_its_folder_is_marked(box, shop, tmp_path):
    moby = changed(NIGHT, title="Moby-Dick", version="1", product_type=16)  # released in 2024, and in the shop from the start
    dropped(tmp_path, "N", moby)
    (one,) = verify(shop, expected(read_folders(tmp_path)))
    assert one.live and one.older and one.notes
    products = expected(read_folders(tmp_path))
    assert not verify(shop, products, announced={142995: products[0].written})[0].older


def test_many_are_read_from_the_list(box, shop, tmp_path):
    for at in range(12):
        dropped(tmp_path, f"N{at}", changed(NIGHT, title=f"Night {at}", version=str(at)))
    upload(box, tmp_path)
    before = len(box.calls(1000))
    found = verify(shop, expected(read_folders(tmp_path)))
    assert all(one.live for one in found) and len({one.id for one in found}) == 12
    assert len(box.calls(1000)) - before == 5  # token, count, one page, prices, licences


def test_waits_until_all_are_live(box, shop, tmp_path):
    dropped(tmp_path, "N")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            upload(box, tmp_path / "N")
        if len(slept) == 1:
            box.set_faults(["flickrocket/503:first-3"])

    rounds: list[list[str]] = []
    found = verify(shop, expected(read_folders(tmp_path)), wait_seconds=600, sleep=sleep, clock=lambda: sum(slept),
                   told=lambda standings: rounds.append([one.state for one in standings]))
    assert found[0].live
    assert (rounds, len(slept)) == ([["not there"], ["live"]], 2)  # the round between met a busy FlickRocket


def test_waits_no_longer_than_told(shop, tmp_path):
    dropped(tmp_path, "N")
    slept: list[float] = []
    found = verify(shop, expected(read_folders(tmp_path)), wait_seconds=12, sleep=slept.append, clock=lambda: sum(slept))
    assert found[0].state == "not there"
    assert sum(slept) == 12


# Which folder is of which SKU.


@pytest.mark.parametrize(("folders", "ledger", "found"), [
    pytest.param({"A": NIGHT, "A--2": NIGHT}, [], [("A", ("A", "A--2"), None)], id="second folder of a product"),
    pytest.param({"A": NIGHT, "A--2": MOBY}, [], [("A", ("A", "A--2"), 142995)], id="create and update"),
    pytest.param({"A": MOBY, "A--2": NIGHT}, [], [("A", ("A",), 142995), ("A--2", ("A--2",), None)], id="SKU with such an end"),
    pytest.param({"A": NIGHT, "A--2": changed(NIGHT, title="Other")}, [], [("A", ("A",), None), ("A--2", ("A--2",), None)],
                 id="another product"),
    pytest.param({"A": NIGHT, "A--2": changed(NIGHT, title="Other")}, [("A", "")], [("A", ("A", "A--2"), None)],
                 id="the ledger knows one SKU only"),
    pytest.param({"A--2": MOBY}, [("A", "")], [("A", ("A--2",), 142995)], id="first folder is gone"),
    pytest.param({"A": NIGHT, "A--2": NIGHT}, [("A--2", "")], [("A", ("A",), None), ("A--2", ("A--2",), None)],
                 id="the ledger knows the longer SKU"),
    pytest.param({"TEE_042-dbb2d925": NIGHT}, [("TEE/042", "")], [("TEE/042", ("TEE_042-dbb2d925",), None)],
                 id="SKU that is no name of a folder"),
])
def test_products_of_folders(tmp_path, folders, ledger, found):
    for name, document in folders.items():
        dropped(tmp_path, name, document)
    assert [(one.sku, one.folders, one.id) for one in expected(read_folders(tmp_path), ledger)] == found


def test_later_folder_goes_over_the_earlier(tmp_path):
    dropped(tmp_path, "A")
    dropped(tmp_path, "A--2", changed(MOBY, categories=[{"category_id": 4}]))
    (one,) = expected(read_folders(tmp_path))
    assert (one.part["title"], list(one.part["categories"]), one.id) == ("Night sky & stars", [{"category_id": 4}], 142995)


def test_folder_of_two_skus_is_told(shop, tmp_path):
    dropped(tmp_path, "A--2")
    (one,) = verify(shop, expected(read_folders(tmp_path), [("A", ""), ("A--2", "")]))
    assert (one.state, one.id, one.in_ledger) == ("unreadable", None, False)
    assert "A--2" in one.why[0]


def test_id_of_the_ledger_goes_before_the_title(shop, tmp_path):
    dropped(tmp_path, "A")
    (one,) = verify(shop, expected(read_folders(tmp_path), [("A", "142996")]))
    assert (one.id, one.state) == (142996, "live")
    assert "title" in {differs.field for differs in one.differs}

"""Updates over REST against the sandbox: what is sent, what is not, and what every way of failing means."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from feedbridge.errors import FeedbridgeError
from feedbridge.platforms.base import FileUse
from feedbridge.platforms.delivery import Answer, Parcel, Rate, Reach, Verdict, Way
from feedbridge.platforms.flickrocket import PLATFORM
from feedbridge.platforms.flickrocket.api_delivery import FlickRocketApiDelivery
from feedbridge.platforms.flickrocket.delivery import FlickRocketDelivery, FlickRocketDeliverySettings
from feedbridge.platforms.flickrocket.errors import FlickRocketError
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
from feedbridge.platforms.flickrocket.tokens import Tokens, TokenStore
from feedbridge.sandbox.keys import FLICKROCKET_CLIENT_ID, FLICKROCKET_REFRESH_TOKEN
from feedbridge.sandbox.server import SandboxServer

MOBY = 142995
Environment = dict[str, str]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("sandbox"), port=0, bucket=None) as running:
        yield running


def log_in(environment: Environment, shop: str = "default") -> None:
    TokenStore(environment=environment).write(shop, Tokens(
        "", FLICKROCKET_REFRESH_TOKEN, datetime(2000, 1, 1, tzinfo=UTC), FLICKROCKET_CLIENT_ID, "1202", "products",
        "this machine",
    ))


@pytest.fixture
def environment(box: SandboxServer, tmp_path: Path) -> Environment:
    box.store.reset()
    box.set_faults([])
    made = {
        "FEEDBRIDGE_FLICKROCKET_HOSTS": f"{box.url}/flickrocket", "FEEDBRIDGE_FLICKROCKET_TOKENS": str(tmp_path / "tokens"),
        "FEEDBRIDGE_FLICKROCKET_RATE": "off",
    }
    log_in(made)
    return made


@pytest.fixture
def opened(environment: Environment) -> Iterator[Any]:
    """Makes deliveries; each has a good token."""
    made: list[FlickRocketApiDelivery] = []

    def make(**settings: Any) -> FlickRocketApiDelivery:
        one = PLATFORM.delivery(FlickRocketDeliverySettings(by="api", **settings), FlickRocketSettings(), environment)
        assert isinstance(one, FlickRocketApiDelivery)
        one._client.products(["title"]).count()
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


def document(files: dict[str, Any] | None = None, options: dict[str, Any] | None = None, **product: Any) -> bytes:
    whole = {
        "title": "Moby-Dick", "version": "1", "product_type": 16,
        "locales": [{"language_id": "en", "title": "Moby-Dick", "description": "<p>A whale.</p>"}],
        "price_license_binding": [{"license_id": 16, "price_id": 46, "hd": False, "compare_price_id": None}],
        "categories": [{"category_id": 4}], "themes": [{"theme_id": -1}], "groups": [{"group_id": "c-1"}], **product,
    }
    return json.dumps({
        "user": {"email": "a", "password": "b"}, "files": {"main": "book.epub", **(files or {})},
        "options": {"files": {"main": "replace", "flux_dvd": "none", "preview": "none"}, **(options or {})},
        "product": {name: value for name, value in whole.items() if value is not None},
    }).encode()


def parcel(after: bytes, before: bytes = b"", platform_id: str = str(MOBY), changed: tuple[str, ...] = ()) -> Parcel:
    return Parcel("SKU-1", after, before, platform_id, (FileUse("book.epub", "/none/book.epub"),), frozenset(changed))


def moby(box: SandboxServer, number: int = MOBY) -> dict[str, Any]:
    with urllib.request.urlopen(f"{box.url}/_/flickrocket/products", timeout=10) as answer:
        return next((one for one in json.load(answer) if one["id"] == number), {})


def writes(box: SandboxServer) -> list[str]:
    return [call["action"] for call in reversed(box.calls()) if call["action"].split(" ")[0] in ("PUT", "POST", "DELETE")
            and "token" not in call["action"]]


def verdict(answer: Answer) -> tuple[str, str]:
    assert answer.reach is Reach.ANSWERED, answer
    one = answer.items["SKU-1"]
    return one.state, one.message


TEXTS = [{"language_id": "en", "title": "Moby-Dick; or, The Whale", "description": "<p>A white &amp; big whale.</p>"},
         {"language_id": "de", "title": "Moby Dick", "description": "<p>Ein Wal.</p>"}]


# -- what is sent


@pytest.mark.parametrize(("change", "members"), [
    pytest.param({"title": "Moby-Dick; or, The Whale", "locales": TEXTS}, {"title", "locales"}, id="texts"),
    pytest.param({"version": "2"}, {"version"}, id="version"),
    pytest.param(
        {"price_license_binding": [
            {"license_id": 16, "price_id": 47, "hd": False, "compare_price_id": 46},
            {"license_id": 17, "price_id": 48, "hd": False, "compare_price_id": None, "num_users": 5},
        ]}, {"price_license_binding"}, id="bindings",
    ),
    pytest.param({"categories": [{"category_id": 5}, {"category_id": 7}]}, {"categories"}, id="categories"),
    pytest.param({"drm_protected": True}, {"drm_protected"}, id="drm"),
])
def test_only_what_changed_is_sent_and_it_is_there(box, opened, change, members):
    delivery = opened()
    after = parcel(document(**change), document())
    assert delivery.change(after).how == "update"
    assert set(delivery._part(_known(after))) == members
    untouched = {name: value for name, value in moby(box).items() if name not in members}
    answer = delivery.send("update", [after])
    assert verdict(answer) == ("taken", "")
    assert answer.items["SKU-1"].platform_id == str(MOBY)
    now = moby(box)
    for name, value in change.items():
        if isinstance(value, list):
            assert [{key: one.get(key) for key in asked} for one, asked in zip(now[name], value, strict=True)] == value
        else:
            assert now[name] == value
    assert {name: value for name, value in now.items() if name in untouched} == untouched


def _known(one: Parcel) -> Any:
    from feedbridge.platforms.flickrocket.delivery import known_of

    return known_of(one)


def test_of_an_item_that_was_never_sent_all_goes(box, opened):
    delivery = opened()
    after = document(title="Anew", categories=[{"category_id": 6}])
    assert delivery.fresh(parcel(after))[0] == "update"
    assert verdict(delivery.send("update", [parcel(after)])) == ("taken", "")
    now = moby(box)
    assert (now["title"], [one["category_id"] for one in now["categories"]]) == ("Anew", [6])
    assert now["locales"][0]["description"] == "<p>A whale.</p>"


def test_the_item_and_its_place(environment, opened, box):
    delivery = opened()
    assert delivery.place == f"{box.url}/flickrocket company 1202"
    assert (delivery.upserts, delivery.deletes, delivery.rate) == (False, "by hand", Rate())
    assert FLICKROCKET_CLIENT_ID not in delivery.account + delivery.place
    folder = FlickRocketDelivery(FlickRocketDeliverySettings(outbox=Path("out")), FlickRocketSettings(), environment)
    assert delivery.codes(document(id=7)) == folder.codes(document(id=7)) == {"id 7"}
    assert delivery.lists == folder.lists
    assert [len(batch) for batch in delivery.batches("update", [parcel(document())] * 3)] == [1, 1, 1]


def test_who_is_not_logged_in_is_told_how(environment):
    with pytest.raises(FlickRocketError) as caught:
        PLATFORM.delivery(FlickRocketDeliverySettings(by="api", shop="other"), FlickRocketSettings(), environment)
    assert caught.value.code == "flickrocket.not-logged-in"
    assert "feedbridge flickrocket login" in caught.value.mend
    assert isinstance(caught.value, FeedbridgeError)


# -- what an update is, and what it is not


@pytest.mark.parametrize(("after", "before", "changed", "way", "code"), [
    pytest.param({}, {}, (), "same", "", id="nothing"),
    pytest.param({"title": "B"}, {}, (), "update", "", id="a text"),
    pytest.param({}, {}, ("book.epub",), "refused", "flickrocket.by-folder", id="other content only"),
    pytest.param({"themes": [{"theme_id": 12}]}, {}, (), "refused", "flickrocket.by-folder", id="a theme only"),
    pytest.param({"title": "B"}, {}, ("book.epub",), "update", "flickrocket.by-folder", id="a text and content"),
    pytest.param({"title": "B", "groups": [{"group_id": "g"}]}, {}, (), "update", "flickrocket.by-folder", id="text and group"),
    pytest.param({"title": "B", "categories": None}, {}, (), "update", "flickrocket.A6", id="categories gone"),
    pytest.param({"product_type": 7}, {}, (), "refused", "flickrocket.K8", id="another type"),
    pytest.param({"id": 142996}, {}, (), "update", "flickrocket.id-changed", id="another product"),
    pytest.param(
        {"price_license_binding": [{"license_id": 16, "price": {"title": "T", "currencies": []}, "hd": False}]}, {}, (),
        "refused", "flickrocket.by-folder", id="a new price model",
    ),
])
def test_how_a_change_goes(opened, after, before, changed, way, code):
    found = opened().change(parcel(document(**after), document(**before), changed=changed))
    assert (found.how, found.code) == (way, code)
    assert bool(found.message) == bool(code)


def test_without_an_id_nothing_is_sent(box, opened):
    delivery = opened()
    bare = parcel(document(title="B"), document(), "")
    way = delivery.change(bare)
    assert (way.how, way.code) == ("refused", "flickrocket.no-id")
    op, told = delivery.fresh(parcel(document(), platform_id=""))
    assert (op, told.code) == ("create", "flickrocket.no-id")
    before = len(box.calls())
    for action in ("create", "update"):
        assert verdict(delivery.send(action, [bare]))[0] == "failed"
    assert delivery.send("delete", [bare]).items["SKU-1"].state == "failed"
    assert len(box.calls()) == before
    odd = parcel(document(title="B"), document(), "0001-26ED-EA4F-AA32")
    assert delivery.change(odd).code == "flickrocket.K7"
    assert verdict(delivery.send("update", [odd]))[0] == "failed"


def test_beside_folders_each_does_its_part(box, opened, environment, tmp_path):
    rest = opened()
    folder = FlickRocketDelivery(FlickRocketDeliverySettings(outbox=tmp_path / "out"), FlickRocketSettings(), {})
    rest.beside({"out": FlickRocketDeliverySettings(outbox=tmp_path / "out")}, {"SKU-1": str(MOBY)})
    folder.beside({"rest": FlickRocketDeliverySettings(by="api")}, {"SKU-1": str(MOBY)})
    text = parcel(document(title="B"), document(), "")
    content = parcel(document(), document(), "", ("book.epub",))
    both = parcel(document(title="B"), document(), "", ("book.epub",))
    assert [rest.change(one).how for one in (text, content, both)] == ["update", "same", "update"]
    assert [folder.change(one).how for one in (text, content, both)] == ["same", "update", "update"]
    assert rest.change(both) == Way("update", note="the content or pictures: by folder (target out)")
    assert folder.change(both) == Way("update", note="the title: over REST (target rest)")
    assert rest.has(both, Verdict("taken")) is None
    assert verdict(rest.send("update", [text])) == ("taken", "")
    assert moby(box)["title"] == "B"
    rest.beside({"out": FlickRocketDeliverySettings(outbox=tmp_path / "out")}, {})
    assert rest.fresh(parcel(document(), platform_id=""))[0] == "left"


# -- what an answer means


@pytest.mark.parametrize(("fault", "reach", "acted"), [
    pytest.param("429:1@7", Reach.WAIT, False, id="429"),
    pytest.param("503:1", Reach.WAIT, False, id="503"),
    pytest.param("403:1", Reach.STOP, False, id="403"),
    pytest.param("500:1", Reach.UNKNOWN, False, id="500"),
    pytest.param("504-after:1", Reach.UNKNOWN, True, id="504 after"),
    pytest.param("drop-after:1", Reach.UNKNOWN, True, id="lost answer"),
    pytest.param("html-after:1", Reach.UNKNOWN, True, id="a page instead"),
    pytest.param("redirect:1", Reach.STOP, False, id="redirect"),
    pytest.param("400:1", Reach.REFUSED, False, id="400"),
])
def test_how_far_a_call_came(box, opened, fault, reach, acted):
    delivery = opened()
    box.set_faults([fault])
    one = parcel(document(title="B"), document())
    answer = delivery.send("update", [one])
    assert (answer.reach, moby(box)["title"] == "B") == (reach, acted), answer
    assert answer.message
    if fault == "429:1@7":
        assert answer.wait_seconds == 7
    box.set_faults([])
    assert verdict(delivery.send("update", [one])) == ("taken", "")  # an update may be repeated
    assert moby(box)["title"] == "B"


def test_nobody_there_is_unsent(opened, environment, tmp_path):
    environment["FEEDBRIDGE_FLICKROCKET_HOSTS"] = "http://127.0.0.1:9/flickrocket"
    store = TokenStore(environment=environment)
    store.write("default", Tokens(
        "good-for-an-hour", "never-used", datetime.now(UTC) + timedelta(hours=1), FLICKROCKET_CLIENT_ID, "1202", "products",
        "this machine",
    ))
    delivery = PLATFORM.delivery(FlickRocketDeliverySettings(by="api"), FlickRocketSettings(), environment)
    answer = delivery.send("update", [parcel(document(title="B"), document())])
    assert answer.reach is Reach.UNSENT
    assert "good-for-an-hour" not in str(answer)


def test_a_permission_that_was_taken_back_stops(box, opened):
    delivery = opened()
    urllib.request.urlopen(urllib.request.Request(f"{box.url}/_/flickrocket/revoke", b"{}", {"Content-Type": "application/json"}))
    answer = delivery.send("update", [parcel(document(title="B"), document())])
    assert answer.reach is Reach.STOP
    assert "login" in answer.mend


@pytest.mark.parametrize(("change", "number", "said"), [
    pytest.param({"title": "B"}, "999999", "no such product", id="gone there"),
    pytest.param({"categories": [{"category_id": 99}]}, str(MOBY), "there is no 99", id="no such category"),
    pytest.param({"title": "B"}, "142996", "of type 7 there", id="another product's id"),
])
def test_what_is_not_taken_is_said(box, opened, change, number, said):
    delivery = opened()
    answer = delivery.send("update", [parcel(document(**change), document(), number)])
    if answer.reach is Reach.REFUSED:
        assert said in answer.message
    else:
        assert verdict(answer)[0] == "failed"
        assert said in verdict(answer)[1]


def test_a_yes_without_a_deed_is_no_yes(box, opened, monkeypatch):
    """FlickRocket answers 200 and has another title: nothing of it may be taken for done."""
    from feedbridge.platforms.flickrocket.resources import Product

    delivery = opened()
    monkeypatch.setattr(delivery._client, "update_product", lambda number, part: Product.model_validate({**moby(box)}))
    state, message = verdict(delivery.send("update", [parcel(document(title="B", locales=TEXTS), document())]))
    assert state == "failed"
    assert "did not take the title and the texts" in message


@pytest.mark.parametrize("said", [
    pytest.param([{"id": 10, "title": "B"}], id="to the PUT"),
    pytest.param([{"id": MOBY}, {"id": 10, "title": "B"}], id="to the GET after it"),
    pytest.param([{"id": 10}, {"id": 10, "title": "B"}], id="to both"),
])
def test_an_answer_about_another_product_is_no_yes(environment, said):
    """Its id is another product's: it must not come into the ledger."""
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps({"product": said.pop(0) if len(said) > 1 else said[0]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET = answer

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        environment["FEEDBRIDGE_FLICKROCKET_HOSTS"] = f"http://127.0.0.1:{server.server_port}"
        TokenStore(environment=environment).write("default", Tokens(
            "good-for-an-hour", "never-used", datetime.now(UTC) + timedelta(hours=1), FLICKROCKET_CLIENT_ID, "1202",
            "products", "this machine",
        ))
        delivery = PLATFORM.delivery(FlickRocketDeliverySettings(by="api"), FlickRocketSettings(), environment)
        answer = delivery.send("update", [parcel(document(title="B"), document())])
        delivery.close()
        server.shutdown()
    one = answer.items.get("SKU-1", Verdict("unknown", answer.message))
    assert one.state != "taken"
    assert one.platform_id != "10"
    assert str(MOBY) in one.message


def test_deletes_only_where_that_is_wanted(box, opened):
    delivery = opened(omitted="delete")
    assert delivery.deletes == "delete"
    gone = Parcel("SKU-1", document(), b"", str(MOBY))
    assert verdict(delivery.send("delete", [gone])) == ("taken", "")
    assert moby(box) == {}
    state, message = verdict(delivery.send("delete", [gone]))
    assert (state, "ids forget" in message) == ("failed", True)
    assert delivery.change(Parcel("SKU-1", b"{}", document())).how == "update"


# -- records of new products


def test_a_record_is_made_once_whatever_happens(box, opened):
    delivery = opened(create=True)
    new = parcel(document(title="Night sky", product_type=7), platform_id="")
    op, told = delivery.fresh(new)
    assert (op, told.code) == ("create", "flickrocket.by-folder")
    assert "content file has to be uploaded" in told.message
    box.set_faults(["drop-after:2"])  # after the look-up
    assert delivery.send("create", [new]).reach is Reach.UNKNOWN
    box.set_faults([])
    for action in ("update", "create"):
        answer = delivery.send(action, [new])
        assert verdict(answer) == ("taken", "")
    with urllib.request.urlopen(f"{box.url}/_/flickrocket/products") as asked:
        made = [one for one in json.load(asked) if one["title"] == "Night sky"]
    assert [(str(one["id"]), one["comment"], one["product_type"]) for one in made] == [
        (answer.items["SKU-1"].platform_id, "feedbridge SKU-1", 7)]
    other = Parcel("SKU-2", new.body)
    assert delivery.send("update", [other]).items["SKU-2"].state == "failed"

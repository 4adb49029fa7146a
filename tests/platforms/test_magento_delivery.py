"""Products to a store over real HTTP: what is sent, how it is signed, and what each answer is taken for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import pickle
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import msgspec
import pytest
import requests
from pydantic import ValidationError

from feedbridge.errors import CommandError
from feedbridge.platforms.base import Outcome
from feedbridge.platforms.delivery import Answer, Item, Parcel, Rate, Reach
from feedbridge.platforms.magento import PLATFORM
from feedbridge.platforms.magento.delivery import BEARER_KEYS, OAUTH_KEYS, MagentoDelivery, MagentoDeliverySettings
from feedbridge.platforms.magento.payload import Request
from feedbridge.platforms.magento.settings import MagentoSettings
from feedbridge.product import Product, to_light
from tests.platforms.magento_verifier import verify

SECRETS = ("ck+consumer/key=", "cs&consumer secret".replace(" ", "%"), "at-access-token", "ats-access/token~secret")
KEYS = {**dict(zip(OAUTH_KEYS, SECRETS, strict=True)), BEARER_KEYS[0]: "bearer-0123456789"}
ALL_SECRETS = tuple(KEYS.values())
MUG = b'{"id":7,"name":"Mug \xe2\x98\x95","special_price":"","status":1,"enable_product_designer":1,"type":"simple"}'


class Store:
    """A scripted store: each call takes the next answer, the last one stays."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes] | Callable[[BaseHTTPRequestHandler], None]] = []
        self.calls: list[tuple[str, dict[str, str], bytes]] = []
        self.url = ""

    def says(self, status: int, body: Any, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers = [(status, {name.replace("_", "-"): value for name, value in headers.items()}, data)]

    @property
    def sent(self) -> Any:
        return json.loads(self.calls[-1][2])["product"]


@pytest.fixture
def store() -> Iterator[Store]:
    script = Store()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            script.calls.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            if callable(answer):
                answer(self)
                return
            status, headers, data = answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}/rest"
    yield script
    server.shutdown()
    thread.join()
    server.server_close()


def delivery(endpoint: str, environment: dict[str, str] | None = None, **given: Any) -> MagentoDelivery:
    return MagentoDelivery(
        MagentoDeliverySettings(endpoint=endpoint, **given), MagentoSettings(), KEYS if environment is None else environment
    )


def answered(*items: tuple[Any, Any, str, str]) -> Any:
    return [{"response": [dict(zip(("id", "code", "status", "message"), item, strict=True)) for item in items]}]


def good(*ids: Any) -> Any:
    return answered(*((one, "200", "success", "Product Updated Successfully!") for one in ids))


def body(**members: Any) -> bytes:
    whole = {"id": 7, "name": "Mug", "special_price": "", "status": 1, "enable_product_designer": 1, "type": "simple"}
    return json.dumps({**whole, **members}, separators=(",", ":"), ensure_ascii=False).encode()


def converted(**fields: Any) -> Outcome:
    whole = {"sku": "TEE", "title": "Crew Tee", "price": {"amount": "21", "currency": "EUR"}, **fields}
    return PLATFORM.converter(MagentoSettings(), {}).convert(to_light(Product.model_validate(whole)), None)


TEE = {
    "options": [{"name": "Size", "values": ["S", 'M},"x":{']}],
    "variants": [
        {"sku": "30001", "option_values": ["S"]},
        {"sku": 'TEE"\\,{é', "option_values": ['M},"x":{']},
    ],
    "custom_options": [{"title": "Note", "kind": "field", "price": "2.50", "price_type": "fixed"}],
}


# --- items ---


def test_every_entry_is_an_item_of_its_own():
    outcome = converted(**TEE)
    items = delivery("https://shop.example").items(outcome, "TEE")
    assert [item.key for item in items] == ["30001", 'TEE"\\,{é'] == list(outcome.keys)
    assert b",".join(msgspec.json.encode(item.key) + b":" + item.body for item in items) == outcome.body
    assert [delivery("https://shop.example").codes(item.body) for item in items] == [{"30001"}, {'TEE"\\,{é'}]


def test_one_entry_stays_as_it_is():
    assert delivery("https://shop.example").items(Outcome(body=b'"7":' + MUG), "7") == [Item("7", MUG)]
    assert delivery("https://shop.example").items(Outcome(), "7") == []


# --- what is sent ---


def test_the_request_is_exact_and_sound(store: Store, tmp_path: Path):
    outcome = converted(**TEE)
    store.says(200, good(30001, 'TEE"\\,{é'))
    with_delivery = delivery(store.url)
    parcels = [Parcel(item.key, item.body) for item in with_delivery.items(outcome, "TEE")]
    answer = with_delivery.send("create", parcels)
    path, headers, data = store.calls[0]
    assert path == "/rest/V1/product/create/"
    assert headers["content-type"] == "application/json"
    assert data == b'{"product":{' + outcome.body + b"}}"
    Request.model_validate_json(data)
    (tmp_path / "batch-0001.json").write_bytes(data)
    assert verify(tmp_path) == []
    assert answer.reach is Reach.ANSWERED and [one.state for one in answer.items.values()] == ["taken", "taken"]
    assert list(answer.items) == list(outcome.keys)


def escaped(text: str) -> str:
    return quote(text, safe="-._~")


def test_the_signature_is_right(store: Store):
    """Computed again by RFC 5849, from what arrived."""
    store.says(200, good(7))
    with_delivery = delivery(store.url)
    for _ in range(2):
        with_delivery.send("update", [Parcel("7", MUG)])
    nonces = set()
    for path, headers, data in store.calls:
        scheme, _, rest = headers["authorization"].partition(" ")
        given = {name: unquote(value) for name, value in re.findall(r'(\w+)="([^"]*)"', rest)}
        assert scheme == "OAuth"
        assert given["oauth_consumer_key"] == SECRETS[0] and given["oauth_token"] == SECRETS[2]
        assert given["oauth_signature_method"] == "HMAC-SHA256"
        assert abs(int(given["oauth_timestamp"]) - time.time()) < 60
        signature = given.pop("oauth_signature")
        parameters = "&".join(sorted(f"{escaped(name)}={escaped(value)}" for name, value in given.items()))
        base = "&".join(["POST", escaped(store.url.removesuffix("/rest") + path), escaped(parameters)])
        key = f"{escaped(SECRETS[1])}&{escaped(SECRETS[3])}"
        right = base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()
        assert signature == right
        nonces.add(given["oauth_nonce"])
        whole = repr(headers).encode() + data
        assert not any(form.encode() in whole for secret in (SECRETS[1], SECRETS[3]) for form in (secret, escaped(secret)))
    assert len(nonces) == 2


def test_bearer(store: Store):
    store.says(200, good(7))
    delivery(store.url, auth="bearer").send("update", [Parcel("7", MUG)])
    assert store.calls[0][1]["authorization"] == "Bearer bearer-0123456789"


IMAGES = [{"src": "https://x.example/a.jpg"}]
TIERS = [{"price": "9", "qty": "5"}]
OPTIONS = [{"title": "Note", "type": "field", "sort_order": 1, "is_require": 0, "price": 2.5, "price_type": "fixed", "sku": ""}]


@pytest.mark.parametrize(("before", "after", "how", "words", "sent"), [
    pytest.param(body(), body(), "same", "", {}, id="equal"),
    pytest.param(body(custom_options=OPTIONS), body(custom_options=[{**OPTIONS[0], "price": 2.50}]), "same", "", {},
                 id="numbers by value"),
    pytest.param(body(price="7"), body(price="8"), "update", "", {}, id="price"),
    pytest.param(body(), body(images=IMAGES), "update", "", {}, id="new member"),
    pytest.param(body(images=IMAGES, tier_price=TIERS, custom_options=OPTIONS), body(), "update", "",
                 {"images": [], "tier_price": [], "custom_options": []}, id="lists gone"),
    pytest.param(body(images=IMAGES), body(name="Cup"), "update", "", {"images": []}, id="list gone, name changed"),
    pytest.param(body(custom_options=[]), body(), "update", "", {}, id="an empty list gone"),
    pytest.param(body(price="7", category_id="1,2"), body(name="Cup"), "update", "keeps the price and the category_id", {},
                 id="what the store keeps"),
    pytest.param(body(price="7", images=IMAGES), body(), "update", "keeps the price it has", {"images": []}, id="both"),
    pytest.param(body(tier_price=TIERS, images=IMAGES), body(type="configurable"), "update", "keeps the tier_price",
                 {"images": []}, id="a parent takes no tiers"),
    pytest.param(b"", body(), "update", "", {}, id="nothing known"),
])
def test_change(store: Store, before: bytes, after: bytes, how: str, words: str, sent: dict[str, Any]):
    store.says(200, good(7))
    with_delivery = delivery(store.url)
    parcel = Parcel("7", after, before)
    way = with_delivery.change(parcel)
    assert (way.how, way.code) == (how, "magento.A12" if words else "")
    assert words in way.message and bool(way.message) == bool(words) == bool(way.mend)
    with_delivery.send("update", [parcel])
    assert store.sent == {"7": {**json.loads(after), **sent}}
    if not sent:
        assert store.calls[-1][2] == b'{"product":{"7":' + after + b"}}"
    else:
        order = ["id", "name", "special_price", "status", "enable_product_designer", "tier_price", "images", "type",
                 "custom_options"]
        assert [name for name in order if name in store.sent["7"]] == list(store.sent["7"])


def test_gone_products_are_switched_off(store: Store):
    store.says(200, good(7))
    with_delivery = delivery(store.url)
    assert (with_delivery.upserts, with_delivery.deletes) == (True, "disable")
    whole = body(price="7.10", custom_options=OPTIONS, status=1)
    for parcel in (Parcel("7", whole), Parcel("7", b"", whole), Parcel("7", whole, whole)):
        answer = with_delivery.send("delete", [parcel])
        assert answer.items["7"].state == "taken"
        assert store.calls[-1][2] == b'{"product":{"7":' + whole.replace(b'"status":1', b'"status":0') + b"}}"


def test_what_is_not_known_is_not_switched_off(store: Store):
    store.says(200, good(7))
    answer = delivery(store.url).send("delete", [Parcel("7", MUG), Parcel("8")])
    assert [answer.items[key].state for key in "78"] == ["taken", "failed"]
    assert list(store.sent) == ["7"]
    answer = delivery(store.url).send("delete", [Parcel("8")])
    assert answer.items["8"].state == "failed" and len(store.calls) == 1


def test_gone_products_can_be_kept(store: Store):
    with_delivery = delivery(store.url, omitted="keep")
    assert with_delivery.deletes == "by hand"
    assert with_delivery.send("delete", [Parcel("7", MUG)]).items["7"].state == "failed"
    assert store.calls == []


@pytest.mark.parametrize(("given", "sizes"), [
    pytest.param({}, [100, 100, 50], id="a hundred by default"),
    pytest.param({"batch_products": 249}, [249, 1], id="count"),
    pytest.param({"batch_products": 0}, [250], id="no limit"),
    pytest.param({"batch_products": 0, "batch_bytes": 1}, [1] * 250, id="none fits"),
])
def test_batches(given: dict[str, Any], sizes: list[int]):
    parcels = [Parcel(str(n), body(id=n)) for n in range(250)]
    batches = list(delivery("https://shop.example", **given).batches("create", parcels))
    assert [len(batch) for batch in batches] == sizes
    assert [parcel for batch in batches for parcel in batch] == parcels
    assert list(delivery("https://shop.example", **given).batches("create", [])) == []


@pytest.mark.parametrize("action", ["create", "update", "delete"])
def test_batches_keep_to_their_bytes(store: Store, action: Any):
    store.says(200, [])
    before = body(tier_price=TIERS, images=IMAGES, custom_options=OPTIONS, name="é" * 40)
    parcels = [Parcel(f'"{n}é', body(id=f'"{n}é'), before if n % 2 else b"") for n in range(40)]
    with_delivery = delivery(store.url, batch_bytes=2000)
    batches = list(with_delivery.batches(action, iter(parcels)))
    for batch in batches:
        with_delivery.send(action, batch)
    assert 3 < len(batches) < 20
    assert max(len(data) for _, _, data in store.calls) <= 2000


# --- answers ---


def outcome(answer: Answer) -> tuple[str, str]:
    return answer.reach.value, answer.message + " / " + " ".join(one.message for one in answer.items.values())


@pytest.mark.parametrize("status", [200, 404, 500])
def test_the_items_decide_whatever_the_status(store: Store, status: int):
    said = answered(
        (8, 404, "error", "Please pass vaild special_price."), ("7", "200", "SUCCESS", "Product Updated Successfully!"),
        (99, 200, "success", "Who?"), (10, 500, "error", " "),
    )
    store.says(status, [*said, {"response": [7.5]}])
    answer = delivery(store.url).send("create", [Parcel(key, body(id=int(key))) for key in ("7", "8", "9", "10")])
    assert (answer.reach, answer.http_status) == (Reach.ANSWERED, status)
    assert {key: (one.state, one.message) for key, one in answer.items.items()} == {
        "7": ("taken", ""), "8": ("failed", "Please pass vaild special_price."), "9": ("unknown", "was not answered"),
        "10": ("failed", 'the store says "error" with code 500, and no more'),
    }
    assert answer.notes == ("answered 99, which was not sent: Who?", "cannot be read: '7.5'")


HTML = b"<!DOCTYPE html><title>Maintenance</title>"


@pytest.mark.parametrize(("status", "said", "headers", "reach", "words"), [
    pytest.param(200, [], {}, "answered", "was not answered", id="empty list"),
    pytest.param(200, HTML, {}, "unknown", "Maintenance", id="a page"),
    pytest.param(200, b"", {}, "unknown", "the answer is empty", id="nothing"),
    pytest.param(200, b'[{"response": [{"id": 7, "code": "20', {}, "unknown", "200", id="cut"),
    pytest.param(200, {"message": "Later"}, {}, "unknown", "Later", id="an object with 200"),
    pytest.param(400, {"message": "%1 is %2", "parameters": ["a", "b"]}, {}, "refused", "a is b", id="400"),
    pytest.param(413, {"message": "Large"}, {}, "refused", "Large", id="413"),
    pytest.param(413, HTML, {}, "refused", "413", id="413 page"),
    pytest.param(422, {"message": "No"}, {}, "refused", "No", id="422"),
    pytest.param(400, HTML, {}, "unknown", "400", id="400 page"),
    pytest.param(408, {"message": "Slow"}, {}, "unknown", "Slow", id="408"),
    pytest.param(401, {"message": "The signature is invalid."}, {}, "stop", "signature is invalid", id="401"),
    pytest.param(403, {"message": "No"}, {}, "stop", "No", id="403"),
    pytest.param(401, HTML, {}, "stop", "401", id="401 page"),
    pytest.param(403, HTML, {}, "stop", "403", id="403 page"),
    pytest.param(401, [], {}, "stop", "401", id="401 with an empty list"),
    pytest.param(404, good(8), {}, "answered", "was not answered", id="404 for another id"),
    pytest.param(404, {"message": "Request does not match any route."}, {}, "stop", "any route", id="404"),
    pytest.param(404, HTML, {}, "stop", "404", id="404 page"),
    pytest.param(405, {"message": "No"}, {}, "stop", "No", id="405"),
    pytest.param(406, {"message": "No"}, {}, "stop", "No", id="406"),
    pytest.param(500, {"message": "Internal Error"}, {}, "unknown", "Internal Error", id="500"),
    pytest.param(502, HTML, {}, "unknown", "502", id="502"),
    pytest.param(503, HTML, {"Retry_After": "30"}, "unknown", "503", id="503"),
    pytest.param(429, HTML, {}, "wait", "429", id="429 page"),
    pytest.param(429, {"message": "Too many"}, {"Retry_After": "7"}, "wait", "Too many", id="429"),
    pytest.param(429, good(7), {}, "wait", "429", id="429 with items"),
    pytest.param(301, b"", {"Location": "https://www.shop.example/rest/V1/product/create/?token=x"}, "stop",
                 "moved to https://www.shop.example/rest/V1/product/create/ ", id="moved"),
    pytest.param(302, HTML, {"Location": "http://[::1"}, "stop", "has moved ", id="moved to nowhere"),
    pytest.param(307, HTML, {}, "stop", "has moved", id="moved, not saying where"),
])
def test_answer(store: Store, status: int, said: Any, headers: dict[str, str], reach: str, words: str):
    store.says(status, said, **headers)
    answer = delivery(store.url).send("update", [Parcel("7", MUG)])
    assert outcome(answer)[0] == reach and words in outcome(answer)[1]
    assert answer.http_status == status and len(store.calls) == 1
    assert answer.wait_seconds == (float(headers["Retry_After"]) if "Retry_After" in headers else None)
    assert "token=x" not in repr(answer)
    if reach in ("stop", "refused", "unknown"):
        assert answer.mend and not answer.items


@pytest.mark.parametrize(("auth", "words"), [("oauth", "clock"), ("bearer", "enable_integration_as_bearer")])
def test_a_wrong_key_says_what_to_look_at(store: Store, auth: Any, words: str):
    store.says(401, {"message": "No"})
    assert words in delivery(store.url, auth=auth).send("update", [Parcel("7", MUG)]).mend


def test_a_connection_that_dies_leaves_it_unknown(store: Store):
    def die(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    store.answers = [die]
    answer = delivery(store.url).send("update", [Parcel("7", MUG)])
    assert answer.reach is Reach.UNKNOWN and answer.message and "no harm" in answer.mend
    assert len(store.calls) == 1


def test_no_connection_sends_nothing():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    answer = delivery(f"http://127.0.0.1:{port}").send("update", [Parcel("7", MUG)])
    assert answer.reach is Reach.UNSENT and answer.message and answer.mend
    box = MagentoDelivery(
        MagentoDeliverySettings(sandbox=True), MagentoSettings(), {"FEEDBRIDGE_SANDBOX_URL": f"http://127.0.0.1:{port}"}
    )
    assert box.send("update", [Parcel("7", MUG)]).mend == "start it: feedbridge sandbox"


# --- secrets ---


@pytest.mark.parametrize("auth", ["oauth", "bearer"])
@pytest.mark.parametrize("said", [
    pytest.param(lambda text: text.encode(), id="as a page"),
    pytest.param(lambda text: ("." * 190 + text).encode(), id="where the text is cut"),
    pytest.param(lambda text: {"message": "%1", "parameters": [text]}, id="of the call"),
    pytest.param(lambda text: answered((7, 404, "error", text)), id="of an item"),
    pytest.param(lambda text: answered((8, 404, "error", text)), id="of an item that was not sent"),
    pytest.param(lambda text: [{"response": [{"x": text}, "." * 190 + text]}], id="of no item"),
])
def test_no_key_is_in_what_is_told(store: Store, caplog: pytest.LogCaptureFixture, auth: Any, said: Any):
    caplog.set_level(logging.DEBUG)
    with_delivery = delivery(store.url, auth=auth)
    used = ALL_SECRETS[:4] if auth == "oauth" else ALL_SECRETS[4:]
    for secret in used:
        for form in (secret, quote(secret, safe=""), secret.replace("/", "\\/")):
            store.says(400, said(f'{form} oauth_signature="AbC%3D"'))
            answer = with_delivery.send("update", [Parcel("7", MUG)])
            told = repr(answer) + repr(vars(with_delivery)) + with_delivery.place + with_delivery.account + caplog.text
            assert "***" in repr(answer) or "…" in repr(answer)
            for one in used:
                assert one not in told and quote(one, safe="") not in told and one[:8] not in repr(answer)
            assert "AbC" not in told


def test_keys_stay_in_their_process():
    with pytest.raises(TypeError):
        pickle.dumps(delivery("https://shop.example")._keys)


# --- settings ---


@pytest.mark.parametrize("missing", OAUTH_KEYS)
def test_a_missing_key_is_named(missing: str):
    with pytest.raises(CommandError) as caught:
        delivery("https://shop.example", {**KEYS, missing: " "})
    assert f"{missing} is not set" in caught.value.message and caught.value.mend
    assert not any(secret in str(caught.value) for secret in ALL_SECRETS)


def test_each_way_needs_its_own_keys():
    oauth, bearer = {name: KEYS[name] for name in OAUTH_KEYS}, {BEARER_KEYS[0]: KEYS[BEARER_KEYS[0]]}
    delivery("https://shop.example", oauth)
    delivery("https://shop.example", bearer, auth="bearer")
    with pytest.raises(CommandError, match="used with auth: bearer only"):
        delivery("https://shop.example", bearer)
    with pytest.raises(CommandError, match=BEARER_KEYS[0]):
        delivery("https://shop.example", oauth, auth="bearer")


@pytest.mark.parametrize("value", [
    pytest.param("two\nlines", id="line"), pytest.param("two words", id="blank"), pytest.param("schlüssel", id="ASCII"),
])
def test_a_key_no_header_can_carry_is_refused(value: str):
    with pytest.raises(CommandError) as caught:
        delivery("https://shop.example", {BEARER_KEYS[0]: value}, auth="bearer")
    assert BEARER_KEYS[0] in caught.value.message and value not in str(caught.value)


@pytest.mark.parametrize(("endpoint", "place"), [
    pytest.param("https://Shop.Example/rest", "https://shop.example/rest/V1/product/create/", id="host in any case"),
    pytest.param("https://shop.example/rest/", "https://shop.example/rest/V1/product/create/", id="slash"),
    pytest.param("https://shop.example", "https://shop.example/V1/product/create/", id="no /rest"),
    pytest.param("https://shop.example:8443/x/rest/de", "https://shop.example:8443/x/rest/de/V1/product/create/", id="view"),
    pytest.param("https://shop.example/rest/V1/product/create/", "https://shop.example/rest/V1/product/create/", id="whole"),
    pytest.param("https://shop.example/rest/V1/product/create", "https://shop.example/rest/V1/product/create/", id="cut"),
])
def test_place(endpoint: str, place: str):
    assert delivery(endpoint).place == place


def test_account_is_of_the_store_and_its_key():
    base = delivery("https://shop.example")
    assert re.fullmatch("[0-9a-f]{64}", base.account)
    assert delivery("https://shop.example/").account == base.account
    assert delivery("https://other.example").account != base.account
    assert delivery("https://shop.example", {**KEYS, OAUTH_KEYS[0]: "another"}).account != base.account


@pytest.mark.parametrize("given", [
    pytest.param({}, id="no endpoint"),
    pytest.param({"endpoint": "http://shop.example"}, id="not https"),
    pytest.param({"endpoint": "https://u:p@shop.example"}, id="login"),
    pytest.param({"sandbox": True, "auth": "basic"}, id="auth"),
    pytest.param({"sandbox": True, "batch_products": -1}, id="negative"),
    pytest.param({"sandbox": True, "api_key": "x"}, id="unknown key"),
])
def test_settings_that_are_refused(given: dict[str, Any]):
    with pytest.raises(ValidationError):
        MagentoDeliverySettings.model_validate(given)


@pytest.mark.parametrize(("endpoint", "rate", "given"), [
    pytest.param("https://shop.example", None, Rate(per_second=2), id="default"),
    pytest.param("https://shop.example", Rate(per_minute=600), Rate(per_minute=600), id="configured"),
    pytest.param("http://127.0.0.1:1", "off", Rate(), id="off on this machine"),
    pytest.param("https://shop.example", "off", None, id="off elsewhere"),
    pytest.param("https://shop.example", Rate(), None, id="no limit elsewhere"),
    pytest.param("https://shop.example?x=1", None, None, id="an endpoint with a query"),
])
def test_rate_and_endpoint(endpoint: str, rate: Any, given: Rate | None):
    if given is None:
        with pytest.raises(CommandError):
            delivery(endpoint, rate=rate)
    else:
        assert delivery(endpoint, rate=rate).rate == given


@pytest.mark.parametrize("url", ["https://shop.example", "ftp://127.0.0.1", "http://127.0.0.1.example.com", "127.0.0.1", "http://[::1"])
def test_the_sandbox_is_on_this_machine(url: str):
    with pytest.raises(CommandError, match="FEEDBRIDGE_SANDBOX_URL"):
        MagentoDelivery(MagentoDeliverySettings(sandbox=True), MagentoSettings(), {"FEEDBRIDGE_SANDBOX_URL": url})


def test_platform_knows_its_delivery():
    assert PLATFORM.delivery is MagentoDelivery and PLATFORM.delivery_settings is MagentoDeliverySettings


# --- the sandbox ---


@contextmanager
def sandbox(data: Path, *faults: str) -> Iterator[tuple[Any, Callable[..., MagentoDelivery]]]:
    pytest.importorskip("flask")
    from feedbridge.sandbox.server import SandboxServer

    with SandboxServer(data=data, port=0, faults=faults, rates=False) as box:
        def made(**given: Any) -> MagentoDelivery:
            # The real keys are there too, and must not be used.
            return MagentoDelivery(
                MagentoDeliverySettings(sandbox=True, **given), MagentoSettings(),
                {**KEYS, "FEEDBRIDGE_SANDBOX_URL": box.url},
            )

        yield box, made


def test_against_the_sandbox(tmp_path: Path):
    with sandbox(tmp_path, "partial:30002") as (box, made):
        with_delivery = made()
        tees = converted(title="Tee", images=[{"src": "https://x.example/a.jpg"}], variants=[
            {"sku": "30001", "title": "S"}, {"sku": "30002", "title": "M"},
        ])
        parcels = [Parcel(item.key, item.body) for item in with_delivery.items(tees, "TEE")]
        answer = with_delivery.send("create", parcels)
        assert {key: one.state for key, one in answer.items.items()} == {"30001": "taken", "30002": "failed"}

        bare = with_delivery.items(converted(title="Tee", variants=[{"sku": "30001", "title": "S"}]), "TEE")[0]
        answer = with_delivery.send("update", [Parcel("30001", bare.body, parcels[0].body)])
        assert answer.items["30001"].state == "taken"
        assert with_delivery.send("delete", [Parcel("30001", bare.body)]).items["30001"].state == "taken"
        kept = json.dumps(requests.get(f"{box.url}/_/magento", timeout=10).json())
        assert '"images": []' in kept and '"status": 0' in kept and "30002" not in kept


@pytest.mark.parametrize(("fault", "auth", "reach"), [
    pytest.param("wrong-key", "oauth", Reach.STOP, id="wrong key"),
    pytest.param("bearer:off", "bearer", Reach.STOP, id="bearer is off"),
    pytest.param("bearer:on", "bearer", Reach.ANSWERED, id="bearer is on"),
    pytest.param("drop-after:all", "oauth", Reach.UNKNOWN, id="dropped after"),
    pytest.param("drop-mid:all", "oauth", Reach.UNKNOWN, id="dropped in the middle"),
    pytest.param("429:all", "oauth", Reach.WAIT, id="too many"),
    pytest.param("500:all", "oauth", Reach.UNKNOWN, id="error"),
    pytest.param("redirect:all", "oauth", Reach.STOP, id="redirect"),
    pytest.param("reject:7", "oauth", Reach.REFUSED, id="rejected"),
    pytest.param("html:all", "oauth", Reach.UNKNOWN, id="a page"),
    pytest.param("truncated:all", "oauth", Reach.UNKNOWN, id="truncated"),
])
def test_faults_of_the_sandbox(tmp_path: Path, fault: str, auth: Any, reach: Reach):
    with sandbox(tmp_path, *([fault] if fault else [])) as (_, made):
        answer = made(auth=auth).send("update", [Parcel("7", MUG)])
    assert answer.reach is reach, answer

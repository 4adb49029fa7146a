"""What arrives at Flipsnack, and what is made of its answers: over real HTTP, with answers of every documented shape."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from feedbridge.errors import CommandError
from feedbridge.platforms import platforms
from feedbridge.platforms.base import Outcome
from feedbridge.platforms.delivery import Answer, Parcel, Rate, Reach
from feedbridge.platforms.flipsnack.delivery import FlipsnackDelivery, FlipsnackDeliverySettings
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.platforms.flipsnack.signing import ENDPOINT, request_bytes
from feedbridge.sandbox.server import SandboxServer

KEY, SECRET = "KEY-0001", "SECRET-0001"
KEYS = {"FEEDBRIDGE_FLIPSNACK_API_KEY": KEY, "FEEDBRIDGE_FLIPSNACK_API_SECRET": SECRET}
REAL = {"FEEDBRIDGE_FLIPSNACK_API_KEY": "REAL-KEY", "FEEDBRIDGE_FLIPSNACK_API_SECRET": "REAL-SECRET"}
DEMO = FlipsnackSettings(feed="demo-feed")
DEMO_HASH = "2d67d6d3542967f637ca1b1ee9cf76ed50adb1dfd0ee2617e1b8f3bb50dd274b"
MUG = rb'{"type":"product","code":"MUG-1","title":"Caf\u00e9 mug","sell_price":12.5,"currency":"EUR"}'


class Platform:
    """Answers every POST with the same; keeps what arrived."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b'{"code": 200, "status": "", "data": {"message": "Products updated successfully", "Errors": []}}'
        self.headers: dict[str, str] = {}
        self.arrived: list[tuple[str, dict[str, str], bytes]] = []
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                platform.arrived.append((self.path, dict(self.headers), body))
                self.send_response(platform.status)
                sent = platform.body.replace(b"{signature}", fields_of(body)["signature"].encode())
                for name, value in {"Content-Length": str(len(sent)), **platform.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}/v1/"

    def says(self, body: Any, status: int = 200, **headers: str) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def fields_of(body: bytes) -> dict[str, str]:
    """The text parts of a multipart body, in order."""
    boundary = body[: body.index(b"\r\n")]
    fields = {}
    for part in body.split(boundary)[1:-1]:
        head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = re.fullmatch(rb'Content-Disposition: form-data; name="([^"]+)"', head)
        assert name, f"a part is no plain text field: {head!r}"
        fields[name[1].decode()] = value.removesuffix(b"\r\n").decode()
    return fields


@pytest.fixture
def platform() -> Iterator[Platform]:
    one = Platform()
    thread = threading.Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield one
    one.server.shutdown()
    one.server.server_close()
    thread.join(10)


def delivery(
    endpoint: str | None = None, settings: FlipsnackSettings = DEMO, environment: dict[str, str] | None = None,
    **delivery_settings: Any,
) -> FlipsnackDelivery:
    made = FlipsnackDeliverySettings(endpoint=endpoint, **delivery_settings)
    return FlipsnackDelivery(made, settings, KEYS if environment is None else environment)


def product(code: str, *variants: str, **members: Any) -> bytes:
    whole: dict[str, Any] = {"type": "product", "code": code, **members}
    if variants:
        whole["variants"] = [{"code": one, "parent_code": code, "attribute": {"options1": one}} for one in variants]
    return json.dumps(whole, separators=(",", ":")).encode()


def parcels(*codes: str, variants: tuple[str, ...] = ()) -> list[Parcel]:
    return [Parcel(code, product(code, *(f"{code}{end}" for end in variants))) for code in codes]


# What is sent


@pytest.mark.parametrize(("action", "sent", "expected", "signature"), [
    pytest.param("create", [Parcel("MUG-1", MUG)], {"action": "products.create", "products": f"[{MUG.decode()}]"},
                 "67d87837e3fbaf831c3a4a58a978f575", id="create"),
    pytest.param("delete", parcels("MUG-1", "MUG-2"),
                 {"action": "products.delete", "productsSKU": '["MUG-1","MUG-2"]'},
                 "7b50f7ba59244e9f724017eb32e293f0", id="delete"),
])
def test_the_published_way_of_signing_is_what_arrives(platform, action, sent, expected, signature):
    assert delivery(platform.endpoint).send(action, sent).reach is Reach.ANSWERED
    ((path, headers, body),) = platform.arrived
    assert path == "/v1/"
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert fields_of(body) == expected | {"apiKey": KEY, "sourceHash": DEMO_HASH, "signature": signature}
    assert SECRET.encode() not in body and SECRET not in str(headers)


def test_an_update_carries_all_products_in_one_array(platform):
    settings = FlipsnackSettings(feed="demo-feed", extra_parameters={"feedName": "Spring", "note": ""})
    delivery(platform.endpoint, settings).send("update", [Parcel("MUG-1", MUG), Parcel("B", product("B"))])
    body = platform.arrived[0][2]
    fields = fields_of(body)
    assert fields["action"] == "products.update" and (fields["feedName"], fields["note"]) == ("Spring", "")
    assert fields["products"] == f"[{MUG.decode()},{product('B').decode()}]"
    text = SECRET + "".join(name + fields[name] for name in sorted(fields) if name != "signature")
    assert fields["signature"] == hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    assert len(body) <= request_bytes(fields["products"], settings)


def test_a_secret_in_a_products_text_is_not_sent(platform):
    answer = delivery(platform.endpoint).send("create", [Parcel("A", product("A", title=f"our {SECRET}!"))])
    assert (answer.reach, platform.arrived) == (Reach.REFUSED, [])
    assert SECRET not in repr(answer)


# What an item is


def test_a_product_is_one_item():
    (item,) = delivery().items(Outcome(body=MUG, keys=("MUG-1", "MUG-1-S")), "MUG-1")
    assert (item.key, item.body, item.files) == ("MUG-1", MUG, ())


@pytest.mark.parametrize(("body", "codes"), [
    pytest.param(MUG, {"MUG-1"}, id="alone"),
    pytest.param(product("TEE", "TEE-S", "TEE-M"), {"TEE", "TEE-S", "TEE-M"}, id="variants"),
    pytest.param(b"", set(), id="nothing known"),
    pytest.param(b"[1]", set(), id="no product"),
    pytest.param(b'{"code": 5, "variants": [3, {"code": null}]}', set(), id="no codes"),
])
def test_codes_are_the_products_and_its_variants(body, codes):
    assert delivery().codes(body) == codes


TEE = {"type": "product", "code": "TEE", "title": "Tee", "sell_price": 20, "attribute": {"name1": "Size", "options1": "S,M"},
       "variants": [{"code": "TEE-S", "price": 20, "visible": True}, {"code": "TEE-M", "price": 21}]}


def changed(**members: Any) -> bytes:
    return json.dumps({name: value for name, value in (TEE | members).items() if value is not None}).encode()


@pytest.mark.parametrize(("now", "how", "gone"), [
    pytest.param(changed(), "same", "", id="same"),
    pytest.param(json.dumps(TEE, indent=1, sort_keys=True).encode(), "same", "", id="written differently"),
    pytest.param(changed(sell_price=20.00), "same", "", id="the same number"),
    pytest.param(changed(sell_price=21), "update", "", id="a value"),
    pytest.param(changed(description="New"), "update", "", id="a further field"),
    pytest.param(changed(type="service"), "update", "", id="another type"),
    pytest.param(changed(variants=TEE["variants"][::-1]), "update", "", id="variants in another order"),
    pytest.param(changed(variants=[*TEE["variants"], {"code": "TEE-L"}]), "update", "", id="a further variant"),
    pytest.param(changed(title=None), "replace", "title", id="a field gone"),
    pytest.param(changed(attribute={"name1": "Size"}), "replace", "attribute.options1", id="an inner field gone"),
    pytest.param(changed(variants=TEE["variants"][:1]), "replace", "variants[TEE-M]", id="a variant gone"),
    pytest.param(changed(variants=None), "replace", "variants[TEE-S], variants[TEE-M]", id="all variants gone"),
    pytest.param(changed(variants=[{"code": "TEE-M", "price": 21}, {"code": "TEE-S", "price": 1}]), "replace",
                 "variants[TEE-S].visible", id="a variant's field gone"),
])
def test_a_change_is_an_update_unless_something_is_gone(now, how, gone):
    parcel = Parcel("TEE", now, before=changed())
    assert delivery().change(parcel).how == how
    kept = delivery(cleared="keep").change(parcel)
    if how == "replace":
        assert (kept.how, kept.code) == ("update", "flipsnack.A19") and kept.mend
        assert kept.message.endswith(f": {gone}")
    else:
        assert (kept.how, kept.message) == (how, "")


def test_what_the_platform_has_is_not_guessed():
    assert delivery().change(Parcel("TEE", changed())).how == "replace"
    assert delivery(cleared="keep").change(Parcel("TEE", changed())).message


# Calls


@pytest.mark.parametrize(("action", "settings", "sizes"), [
    pytest.param("create", DEMO, [500, 500, 3], id="500 products"),
    pytest.param("update", FlipsnackSettings(batch_products=400), [400, 400, 203], id="as set"),
    pytest.param("delete", DEMO, [500, 500, 3], id="500 codes"),
])
def test_calls_hold_at_most_so_many_products(action, settings, sizes):
    sent = parcels(*(f"SKU-{number}" for number in range(1_003)))
    made = list(delivery(settings=settings).batches(action, iter(sent)))
    assert [len(batch) for batch in made] == sizes
    assert [parcel for batch in made for parcel in batch] == sent


@pytest.mark.parametrize("action", ["create", "update", "delete"])
def test_calls_stay_within_the_bytes(platform, action):
    settings = FlipsnackSettings(batch_bytes=4_000)
    one = delivery(platform.endpoint, settings)
    sent = [Parcel(f"{number:0150}", product(f"{number:0150}", title="x" * 50)) for number in range(60)]
    made = list(one.batches(action, sent))
    assert [parcel for batch in made for parcel in batch] == sent and max(map(len, made)) > 2
    for batch in made:
        one.send(action, batch)
    assert max(len(body) for _, _, body in platform.arrived) <= 4_000


def test_a_product_too_big_for_a_call_goes_alone():
    big = Parcel("B", product("B", title="x" * 9_000))
    made = list(delivery(settings=FlipsnackSettings(batch_bytes=4_000)).batches("create", [*parcels("A"), big, *parcels("C")]))
    assert [[parcel.key for parcel in batch] for batch in made] == [["A"], ["B"], ["C"]]
    assert list(delivery().batches("create", [])) == []


# Answers

SENT = parcels("MUG-1", "MUG-1-BLUE", "TEE", variants=("-S", "-M"))


def states(answer: Answer) -> dict[str, str]:
    return {key: verdict.state for key, verdict in answer.items.items()}


def success(errors: Any = None, **members: Any) -> dict[str, Any]:
    return {"code": 200, "status": "", "data": {"message": "Products updated successfully", "Errors": errors}} | members


@pytest.mark.parametrize("body", [
    pytest.param(success([]), id="as documented"),
    pytest.param(success(None), id="no errors"),
    pytest.param(success({}), id="errors an empty object"),
    pytest.param(success(""), id="errors an empty text"),
    pytest.param({"code": "200", "Data": {"message": "ok", "errors": []}}, id="the other spelling"),
    pytest.param({"code": 20, "status": "OK"}, id="20 without data"),
    pytest.param({"code": " 20 ", "data": None}, id="20 as text"),
    pytest.param({"code": 200.0, "data": ["Products updated successfully"]}, id="data is a message"),
    pytest.param(b"\xef\xbb\xbf" + json.dumps(success([])).encode(), id="with a byte order mark"),
])
def test_success_means_that_all_were_taken(platform, body):
    platform.says(body)
    answer = delivery(platform.endpoint).send("create", SENT)
    assert answer.reach is Reach.ANSWERED and answer.http_status == 200
    assert states(answer) == dict.fromkeys(["MUG-1", "MUG-1-BLUE", "TEE"], "taken")


F, T, U = "failed", "taken", "unknown"


@pytest.mark.parametrize(("errors", "expected"), [
    pytest.param(['Product with SKU "MUG-1" is invalid'], (F, T, T), id="a sentence"),
    pytest.param(["MUG-1-BLUE: bad"], (T, F, T), id="the longest code"),
    pytest.param(["MUG-1, bad", "MUG-1-BLUE bad."], (F, F, T), id="two sentences"),
    pytest.param(["(TEE-M) has no price"], (T, T, F), id="a variant"),
    pytest.param([{"code": "MUG-1", "message": "bad"}], (F, T, T), id="an object"),
    pytest.param([{"SKU": "TEE-S", "error": "like MUG-1"}], (T, T, F), id="an object that mentions another"),
    pytest.param([{"code": 30, "product": "TEE", "message": "bad"}], (T, T, F), id="an error code beside"),
    pytest.param([{"product": {"code": "TEE"}, "errors": ["no title", "no price"]}], (T, T, F), id="nested"),
    pytest.param({"MUG-1": ["bad", "worse"], "TEE-M": "no"}, (F, T, F), id="by code"),
    pytest.param({"products": {"TEE": {"price": ["is missing"]}}}, (T, T, F), id="by code, deeper"),
    pytest.param([["TEE-S is bad"]], (T, T, F), id="a list in a list"),
    pytest.param("MUG-1 is bad", (F, T, T), id="one text"),
    pytest.param(["1 product is invalid"], (U, U, U), id="names none"),
    pytest.param(["MUG-1 is bad", "another is bad"], (F, U, U), id="names one of two"),
    pytest.param(["MUG-1 and TEE-S clash"], (U, U, U), id="names two at once"),
    pytest.param(["MUG-1-RED is bad"], (U, U, U), id="a code that was not sent"),
    pytest.param(["XMUG-1 and MUG-12 are bad"], (U, U, U), id="codes inside others"),
    pytest.param(["mug-1 is bad"], (U, U, U), id="another case"),
    pytest.param(["There is no tee, TEE time"], (U, U, U), id="a code that could be any word"),
    pytest.param(['SKU: TEE is bad'], (T, T, F), id="such a code, introduced"),
    pytest.param(['"TEE" is bad'], (T, T, F), id="such a code, quoted"),
    pytest.param({"0": "bad", "2": "bad"}, (U, U, U), id="by position"),
    pytest.param([0, 2], (U, U, U), id="positions"),
    pytest.param(2, (U, U, U), id="a count"),
    pytest.param(True, (U, U, U), id="yes"),
    pytest.param([{"message": "bad"}], (U, U, U), id="an object that names none"),
    pytest.param([{"code": "NEW-9", "message": "bad"}], (U, U, U), id="an object about what was not sent"),
    pytest.param(["x" * 50_000 + " MUG-1"], (U, U, U), id="too long to read"),
])
@pytest.mark.parametrize("action", ["create", "delete"])
def test_errors_within_a_success(platform, action, errors, expected):
    platform.says(success(errors))
    answer = delivery(platform.endpoint).send(action, SENT)
    assert answer.reach is Reach.ANSWERED
    assert tuple(states(answer).values()) == expected
    assert all(verdict.message for verdict in answer.items.values() if verdict.state != "taken")


@pytest.mark.parametrize(("errors", "expected"), [
    pytest.param(["Title is longer than 30 characters"], U, id="a number in passing"),
    pytest.param(["product 30 has no title"], F, id="a number introduced"),
    pytest.param([{"code": "30", "message": "Missing title"}], U, id="an error code, as text"),
    pytest.param([{"code": 30, "message": "Missing title"}], U, id="an error code"),
    pytest.param([{"sku": 30, "message": "Missing title"}], F, id="a SKU as a number"),
    pytest.param({"30": "Missing title"}, F, id="by code"),
])
def test_codes_that_look_like_other_numbers(platform, errors, expected):
    platform.says(success(errors))
    answer = delivery(platform.endpoint).send("create", parcels("30", "31"))
    assert states(answer) == {"30": expected, "31": T if expected == F else U}


def test_a_list_of_messages_in_a_success_is_not_taken_for_success(platform):
    platform.says({"code": 200, "data": ["Products updated successfully", "MUG-1 was not created successfully"]})
    assert tuple(states(delivery(platform.endpoint).send("create", SENT)).values()) == (F, T, T)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(("code", "reach", "mend"), [
    pytest.param(22, Reach.WAIT, "later", id="22"),
    pytest.param(31, Reach.WAIT, "later", id="31"),
    pytest.param("32", Reach.WAIT, "later", id="32 as text"),
    pytest.param(30, Reach.STOP, "update feedbridge", id="30"),
    pytest.param(40, Reach.STOP, "endpoint", id="40"),
    pytest.param(41, Reach.STOP, "FEEDBRIDGE_FLIPSNACK_API_KEY", id="41"),
    pytest.param(42, Reach.STOP, "endpoint", id="42"),
    pytest.param(43, Reach.STOP, "source_hash", id="43"),
    pytest.param("44", Reach.STOP, "FEEDBRIDGE_FLIPSNACK_API_SECRET", id="44 as text"),
    pytest.param(51, Reach.STOP, "batch_products", id="51"),
    pytest.param(401, Reach.STOP, "plan", id="401"),
    pytest.param(400, Reach.REFUSED, "mend the products", id="400"),
])
def test_codes_decide_whatever_the_http_status(platform, status, code, reach, mend):
    platform.says({"code": code, "status": "Says no", "data": ["First thing", "MUG-1"]}, status)
    answer = delivery(platform.endpoint).send("create", SENT)
    assert (answer.reach, answer.items, answer.http_status, answer.wait_seconds) == (reach, {}, status, None)
    assert answer.message == f"Flipsnack answered {code}: Says no; First thing; MUG-1"
    assert mend in answer.mend


HTML = b"<html><title>Bad Gateway</title></html>"


@pytest.mark.parametrize(("body", "status", "headers", "reach", "wait"), [
    pytest.param({"code": 45}, 200, {}, Reach.UNKNOWN, None, id="an unknown code"),
    pytest.param({"code": 45}, 409, {}, Reach.REFUSED, None, id="an unknown code, refused"),
    pytest.param({"code": 45}, 500, {}, Reach.UNKNOWN, None, id="an unknown code, at fault"),
    pytest.param({"code": 31}, 429, {"Retry_After": "7"}, Reach.WAIT, 7, id="31 with a time"),
    pytest.param({"code": 999}, 429, {"Retry_After": "9999999"}, Reach.WAIT, 3600, id="429 with an unknown code"),
    pytest.param(success([]), 500, {}, Reach.UNKNOWN, None, id="success and 500"),
    pytest.param(success([]), 404, {}, Reach.UNKNOWN, None, id="success and 404"),
    pytest.param({"code": 404}, 404, {}, Reach.STOP, None, id="a code that is the HTTP status"),
    pytest.param({"code": 307}, 307, {}, Reach.STOP, None, id="a code that is that of a redirect"),
    pytest.param({"message": "Forbidden"}, 403, {}, Reach.STOP, None, id="JSON of somebody else"),
    pytest.param({"code": True}, 200, {}, Reach.UNKNOWN, None, id="a code that is none"),
    pytest.param({"code": "OK"}, 200, {}, Reach.UNKNOWN, None, id="a code in words"),
    pytest.param([200], 200, {}, Reach.UNKNOWN, None, id="a list"),
    pytest.param(b"", 200, {}, Reach.UNKNOWN, None, id="nothing"),
    pytest.param(b'{"code": 200, "data"', 200, {}, Reach.UNKNOWN, None, id="half an answer"),
    pytest.param(b"\xff\xfe\x00", 200, {}, Reach.UNKNOWN, None, id="bytes"),
    pytest.param(b"[" * 200_000, 200, {}, Reach.UNKNOWN, None, id="deep"),
    pytest.param(b'{"code": ' + b"9" * 9_000 + b"}", 200, {}, Reach.UNKNOWN, None, id="endless digits"),
    pytest.param(HTML, 200, {}, Reach.UNKNOWN, None, id="a page"),
    pytest.param(HTML, 302, {"Location": "https://new.example.com/v2/"}, Reach.STOP, None, id="302"),
    pytest.param(HTML, 400, {}, Reach.REFUSED, None, id="400"),
    pytest.param(HTML, 401, {}, Reach.STOP, None, id="401"),
    pytest.param(HTML, 404, {}, Reach.STOP, None, id="404"),
    pytest.param(HTML, 405, {}, Reach.STOP, None, id="405"),
    pytest.param(HTML, 408, {}, Reach.UNKNOWN, None, id="408"),
    pytest.param(HTML, 413, {}, Reach.REFUSED, None, id="413"),
    pytest.param(HTML, 429, {}, Reach.WAIT, None, id="429"),
    pytest.param(HTML, 429, {"Retry_After": "12"}, Reach.WAIT, 12, id="429 with a time"),
    pytest.param(HTML, 500, {}, Reach.UNKNOWN, None, id="500"),
    pytest.param(HTML, 502, {}, Reach.UNKNOWN, None, id="502"),
    pytest.param(HTML, 503, {"Retry_After": "5"}, Reach.UNKNOWN, 5, id="503"),
])
@pytest.mark.parametrize("action", ["create", "delete"])
def test_answers_out_of_order(platform, action, body, status, headers, reach, wait):
    platform.says(body, status, **headers)
    answer = delivery(platform.endpoint).send(action, SENT)
    assert (answer.reach, answer.items, answer.wait_seconds, answer.http_status) == (reach, {}, wait, status)
    assert answer.message and answer.mend and "<" not in answer.message
    assert len(platform.arrived) == 1


@pytest.mark.parametrize("depth", [100, 300, 500, 700, 900, 2_000])
@pytest.mark.parametrize("around", [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_however_deep_an_answer_is_it_is_no_success(platform, depth, around):
    nested = around[0] * depth + '"bad"' + around[1] * depth
    platform.says(f'{{"code": 200, "data": {{"Errors": {nested}}}}}'.encode())
    answer = delivery(platform.endpoint).send("create", SENT)
    assert answer.reach is Reach.UNKNOWN or set(states(answer).values()) == {"unknown"}


def test_an_address_that_moved_is_told_without_its_query(platform):
    platform.says(b"", 301, Location=f"https://me:pw@new.example.com:8443/v2/?key={KEY}")
    message = delivery(platform.endpoint).send("create", SENT).message
    assert message.endswith(" to https://new.example.com:8443/v2/")


@pytest.mark.parametrize("body", [
    pytest.param({"code": 44, "status": f"Key {KEY} with {SECRET} gave {{signature}}"}, id="stop"),
    pytest.param(success([f"{SECRET} {KEY.lower()} {{signature}} MUG-1", f"{KEY} {SECRET}"]), id="errors"),
    pytest.param(success([{"sku": "MUG-1", "apiKey": KEY, "x": SECRET, "signature": "{signature}"}]), id="an object"),
    pytest.param({"code": 400, "data": ["x" * 590 + SECRET, SECRET * 300]}, id="where the message is cut"),
    pytest.param({"code": 99, "data": {"a": [KEY, SECRET, "{signature}"]}}, id="an unknown code"),
])
def test_keys_and_signature_are_in_no_answer_even_when_echoed(platform, body):
    platform.says(body)
    one = delivery(platform.endpoint)
    answer = one.send("create", SENT)
    signature = fields_of(platform.arrived[0][2])["signature"]
    for hidden in (SECRET, KEY, KEY.lower(), signature, SECRET[:8]):
        assert hidden not in repr(answer)
    assert SECRET not in repr(one) + repr(vars(one)) + one.place + one.account


def test_messages_are_one_line_and_not_endless(platform):
    platform.says({"code": 400, "status": "a\nb\x1b[31m\u202ec", "data": ["y" * 5_000]})
    message = delivery(platform.endpoint).send("create", SENT).message
    assert message.startswith("Flipsnack answered 400: a b [31m c; yyy") and len(message) == 600


def test_nobody_there_is_unsent():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    answer = delivery(f"http://127.0.0.1:{port}/v1/").send("create", SENT)
    assert (answer.reach, answer.items, answer.http_status) == (Reach.UNSENT, {}, None)
    assert "refused the connection" in answer.message and answer.mend


# Settings


def test_the_platform_says_how_it_is_delivered_to():
    found = platforms()["flipsnack"]
    assert found.delivery is FlipsnackDelivery and found.delivery_settings is FlipsnackDeliverySettings
    one = delivery()
    assert (one.upserts, one.deletes, one.lists) == (False, "delete", {"variants": "code"})


def test_place_and_account():
    one = delivery()
    assert one.place == f"{ENDPOINT} sourceHash {DEMO_HASH}"
    assert delivery("https://API.flipsnack.com/v1").place == one.place
    assert delivery("https://API.flipsnack.com/v1").account == one.account
    assert re.fullmatch("[0-9a-f]{64}", one.account)
    assert delivery(environment=REAL).place == one.place
    accounts = [one.account, delivery(environment=REAL).account, delivery(sandbox=True).account]
    assert len(set(accounts)) == 3
    assert delivery(settings=FlipsnackSettings(feed="other")).place != one.place
    assert delivery(settings=FlipsnackSettings(feed="other")).account == one.account


@pytest.mark.parametrize(("given", "environment", "code", "mend"), [
    pytest.param({}, {}, "flipsnack.F18", "FEEDBRIDGE_FLIPSNACK_API_KEY", id="no keys"),
    pytest.param({}, {"FEEDBRIDGE_FLIPSNACK_API_KEY": KEY}, "flipsnack.F18", "sandbox: true", id="no secret"),
    pytest.param({"endpoint": "https://upload.flipsnack.com/v1/"}, KEYS, "flipsnack.F1", ENDPOINT, id="upload host"),
    pytest.param({"endpoint": "https://api.flipsnack.com/v1/?a=b"}, KEYS, "flipsnack.F1", ENDPOINT, id="a query"),
    pytest.param({"rate": "off"}, KEYS, "flipsnack.F20", "5 calls a second", id="rate off"),
    pytest.param({"rate": {"per_second": 6}}, KEYS, "flipsnack.F20", "5 or less", id="more than 5 a second"),
    pytest.param({"rate": {"per_minute": 61}}, KEYS, "flipsnack.F20", "60 or less", id="more than 60 a minute"),
    pytest.param({"rate": {"per_minute": 0}}, KEYS, "flipsnack.F20", "60 or less", id="no limit a minute"),
    pytest.param({"sandbox": True}, {"FEEDBRIDGE_SANDBOX_URL": "http://192.0.2.1:8765"}, "flipsnack.F1",
                 "127.0.0.1", id="a sandbox elsewhere"),
    pytest.param({"sandbox": True}, {"FEEDBRIDGE_SANDBOX_URL": "http://127.0.0.1.example.com"}, "flipsnack.F1",
                 "127.0.0.1", id="a sandbox with a name like ours"),
    pytest.param({"sandbox": True}, {"FEEDBRIDGE_SANDBOX_URL": "http://127.0.0.1:port"}, "flipsnack.F1",
                 "127.0.0.1", id="a sandbox without a port"),
])
def test_wrong_settings_stop_before_anything_is_sent(given, environment, code, mend):
    with pytest.raises(CommandError) as raised:
        delivery(environment=environment, **given)
    assert raised.value.code == code and mend in raised.value.mend
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(("endpoint", "rate", "expected"), [
    pytest.param(None, None, Rate(per_second=0.5, per_minute=30), id="careful by default"),
    pytest.param("http://127.0.0.1:1/", None, Rate(per_second=0.5, per_minute=30), id="on loopback too"),
    pytest.param(None, {"per_second": 5, "per_minute": 60}, Rate(per_second=5, per_minute=60), id="the most"),
    pytest.param(None, {"per_second": 2}, Rate(per_second=2, per_minute=60), id="a second alone"),
    pytest.param(None, {"per_minute": 20}, Rate(per_second=5, per_minute=20), id="a minute alone"),
    pytest.param("http://127.0.0.1:1/", "off", Rate(), id="off, on loopback"),
    pytest.param("http://[::1]:1/", {"per_second": 100}, Rate(per_second=100), id="any, on loopback"),
])
def test_rates(endpoint, rate, expected):
    assert delivery(endpoint, rate=rate).rate == expected


# The sandbox, which checks with its own code


@pytest.fixture
def box(tmp_path: Path) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path / "sandbox", port=0, rates=False) as server:
        yield server


def in_sandbox(box: SandboxServer, **more: Any) -> FlipsnackDelivery:
    return delivery(environment=REAL | {"FEEDBRIDGE_SANDBOX_URL": box.url}, sandbox=True, **more)


def test_the_sandbox_takes_what_is_sent_and_never_the_real_keys(box):
    one = in_sandbox(box, endpoint=ENDPOINT)
    assert one.place.startswith(f"{box.url}/flipsnack/v1/ sourceHash ")
    sent = [Parcel("MUG-1", MUG), *parcels("TEE", variants=("-S",))]
    for action in ("create", "update", "delete"):
        answer = one.send(action, sent)
        assert states(answer) == {"MUG-1": "taken", "TEE": "taken"}, answer
    assert [call["action"] for call in box.calls()] == ["products.delete", "products.update", "products.create"]
    assert "REAL" not in json.dumps(box.calls())


def test_the_sandbox_takes_a_product_once(box):
    one = in_sandbox(box)
    one.send("create", parcels("A-1"))
    answer = one.send("create", parcels("A-1", "B-1"))
    assert states(answer) == {"A-1": "failed", "B-1": "taken"}
    assert states(one.send("delete", parcels("A-1", "C-1"))) == {"A-1": "taken", "C-1": "failed"}


@pytest.mark.parametrize(("faults", "reach", "expected"), [
    pytest.param(["partial:B-1"], Reach.ANSWERED, (T, F, T), id="partial"),
    pytest.param(["partial:B-1", "errors:objects", "spelling:other"], Reach.ANSWERED, (T, F, T), id="objects"),
    pytest.param(["partial:B-1", "errors:unnamed"], Reach.ANSWERED, (U, U, U), id="unnamed"),
    pytest.param(["partial:B-1", "errors:whole", "http-status:fitting"], Reach.REFUSED, (F,), id="whole"),
    pytest.param(["reject:B-1"], Reach.REFUSED, (), id="rejected"),
    pytest.param(["success:20", "spelling:other"], Reach.ANSWERED, (T, T, T), id="20"),
    pytest.param(["drop-before:1"], Reach.UNKNOWN, (), id="dropped before"),
    pytest.param(["drop-after:1"], Reach.UNKNOWN, (), id="dropped after"),
    pytest.param(["drop-mid:1"], Reach.UNKNOWN, (), id="dropped in between"),
    pytest.param(["hang:1"], Reach.UNKNOWN, (), id="silent"),
    pytest.param(["garbage:1"], Reach.UNKNOWN, (), id="garbage"),
    pytest.param(["truncated:1"], Reach.UNKNOWN, (), id="truncated"),
    pytest.param(["empty:1"], Reach.UNKNOWN, (), id="empty"),
    pytest.param(["html:1"], Reach.UNKNOWN, (), id="a page"),
    pytest.param(["redirect:1"], Reach.STOP, (), id="redirected"),
    pytest.param(["404:1"], Reach.STOP, (), id="404"),
    pytest.param(["429:1@2"], Reach.WAIT, (), id="429"),
    pytest.param(["500-after:1"], Reach.UNKNOWN, (), id="500"),
    pytest.param(["503:1@2"], Reach.UNKNOWN, (), id="503"),
    pytest.param(["maintenance:1"], Reach.WAIT, (), id="maintenance"),
    pytest.param(["31:1"], Reach.WAIT, (), id="31"),
    pytest.param(["wrong-key:1"], Reach.STOP, (), id="wrong key"),
])
def test_faults_of_the_sandbox(box, faults, reach, expected):
    box.set_faults(faults)
    answer = in_sandbox(box, answer_seconds=0.5).send("create", parcels("A-1", "B-1", "C-1"))
    assert (answer.reach, tuple(states(answer).values())) == (reach, expected), answer

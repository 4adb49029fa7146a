"""Flipsnack's calls over HTTP: every code, insert-only creates, merging updates, deletes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from feedbridge.sandbox import keys
from feedbridge.sandbox.flipsnack import merged, signature_of
from feedbridge.sandbox.rates import Rates
from feedbridge.sandbox.server import SandboxServer
from tests.sandbox.calls import FEED, flipsnack, flipsnack_fields, product


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(data=tmp_path_factory.mktemp("box"), port=0, rates=False, most_bytes=200_000) as box:
        yield box


@pytest.fixture
def box(server: SandboxServer) -> SandboxServer:
    server.set_faults([])
    server.store.reset()
    return server


def create(box: SandboxServer, *products: Any, **fields: Any) -> dict[str, Any]:
    return flipsnack(box.url, "products.create", products=list(products), **fields).json()


def errors(answer: dict[str, Any]) -> list[str]:
    assert answer["code"] == 200, answer
    return answer["data"]["Errors"]


@pytest.mark.parametrize(
    ("parameters", "secret", "expected"),
    [
        pytest.param(
            {"action": "collection.getCollection", "apiKey": "45FD-267-7SG7832", "collectionHash": "fxh4k89"},
            "123ABCDE-456-7890-FGH", "26e781d3d1751d82ec284acf4a019def", id="the published vector",
        ),
        pytest.param(
            {"collectionHash": "fxh4k89", "file": "x", "signature": "y", "apiKey": "45FD-267-7SG7832",
             "action": "collection.getCollection"},
            "123ABCDE-456-7890-FGH", "26e781d3d1751d82ec284acf4a019def", id="order, file and signature do not matter",
        ),
        pytest.param(
            {"action": "products.create", "apiKey": "KEY-0001", "sourceHash": FEED, "products":
             r'[{"type":"product","code":"MUG-1","title":"Caf\u00e9 mug","sell_price":12.5,"currency":"EUR"}]'},
            "SECRET-0001", "67d87837e3fbaf831c3a4a58a978f575", id="escaped",
        ),
        pytest.param(
            {"action": "products.create", "apiKey": "KEY-0001", "sourceHash": FEED, "products":
             '[{"type":"product","code":"MUG-1","title":"Café mug","sell_price":12.5,"currency":"EUR"}]'},
            "SECRET-0001", "236af41237ffb2e7191274b6315ecffa", id="UTF-8",
        ),
        pytest.param(
            {"action": "products.delete", "apiKey": "KEY-0001", "sourceHash": FEED, "productsSKU": '["MUG-1","MUG-2"]'},
            "SECRET-0001", "7b50f7ba59244e9f724017eb32e293f0", id="delete",
        ),
    ],
)
def test_signature(parameters, secret, expected):
    assert signature_of(parameters, secret) == expected


def test_create_keeps_the_product_as_it_was_sent(box):
    sent = product("TEE", "TEE-S", "TEE-M", title="Té \u2028 \\u00e9 <b>", attribute={"name1": "Size", "options1": "S,M"})
    assert create(box, sent) == {
        "code": 200, "status": "", "data": {"message": "Products updated successfully", "Errors": []}}
    assert requests.get(f"{box.url}/_/flipsnack/{FEED}", timeout=5).json() == {"TEE": sent}
    feed = requests.get(f"{box.url}/_/feeds", timeout=5).json()["flipsnack"][0]
    assert (feed["sourceHash"], feed["products"], feed["variants"]) == (FEED, 1, 2)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        pytest.param(product("TEE"), 'Product with SKU "TEE": already exists', id="a product's code"),
        pytest.param(product("TEE-S"), 'Product with SKU "TEE-S": already exists', id="a variant's code"),
        pytest.param(product("X", "TEE-S"), 'Product with SKU "X": the variant "TEE-S" already exists', id="variant, variant"),
        pytest.param(product("X", "TEE"), 'Product with SKU "X": the variant "TEE" already exists', id="variant, product"),
    ],
)
def test_create_inserts_only(box, second, message):
    first = product("TEE", "TEE-S")
    assert errors(create(box, first)) == []
    assert errors(create(box, second, product("NEW"))) == [message]
    assert box.store.flipsnack(FEED) == {"TEE": first, "NEW": product("NEW")}


def test_a_code_twice_in_one_call_fails_the_second_time(box):
    assert errors(create(box, product("A", "B"), product("B"), product("A"))) == [
        'Product with SKU "B": already exists', 'Product with SKU "A": already exists']
    assert list(box.store.flipsnack(FEED)) == ["A"]


def test_feeds_are_apart(box):
    assert errors(create(box, product("A"))) == []
    assert errors(create(box, product("A"), sourceHash="other")) == []
    assert set(box.store.flipsnack("other")) == {"A"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"sell_price": "12.50"}, "sell_price must be a number", id="text for a number"),
        pytest.param({"sell_price": True}, "sell_price must be a number", id="true for a number"),
        pytest.param({"title": 5}, "title must be a string", id="number for text"),
        pytest.param({"title": None}, "title must not be null", id="null"),
        pytest.param({"quantity": 5}, "quantity must be a boolean", id="stock for the flag"),
        pytest.param({"sku": "x"}, "sku is not a known field", id="unknown"),
        pytest.param({"attribute": []}, "attribute must be an object", id="list for an object"),
        pytest.param({"attribute": {"name4": "x"}}, "attribute.name4 is not a known field", id="fourth attribute"),
        pytest.param({"type": ""}, "type is missing", id="no type"),
        pytest.param({"title": "\ud800"}, "title must be a string", id="half a character"),
        pytest.param({"variants": {}}, "variants must be an array", id="variants no list"),
        pytest.param({"variants": [{"parent_code": "A"}]}, "variants[0].code is missing", id="variant without code"),
        pytest.param({"variants": [{"code": "B", "sell_price": 1}]}, "variants[0].sell_price is not a known field",
                     id="sell_price in a variant"),
        pytest.param({"variants": [{"code": "B", "attribute": {"name1": "x"}}]},
                     "variants[0].attribute.name1 is not a known field", id="name in a variant"),
        pytest.param({"variants": [{"code": "B", "parent_code": "Z"}]},
                     "variants[0].parent_code is not the code of its product", id="another parent"),
        pytest.param({"variants": [{"code": "B"}, {"code": "B"}]}, "variants[1].code comes twice", id="variant twice"),
        pytest.param({"variants": [{"code": "A"}]}, "variants[0].code comes twice", id="variant named as its product"),
    ],
)
def test_schema_fails_that_product_alone(box, wrong, message):
    assert errors(create(box, product("A") | wrong, product("FINE"))) == [f'Product with SKU "A": {message}']
    assert list(box.store.flipsnack(FEED)) == ["FINE"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('[{"type":"p","code":"A","sell_price":1e999}]', "sell_price must be a number", id="too large a number"),
        pytest.param('[{"type":"p","code":7}]', "Product 1: code must be a string", id="code a number"),
        pytest.param('["A"]', "Product 1: is not an object", id="no object"),
    ],
)
def test_products_without_a_place(box, text, message):
    assert message in errors(flipsnack(box.url, "products.create", products=text).json())[0]


@pytest.mark.parametrize(
    ("action", "fields", "code", "said"),
    [
        pytest.param("products.create", {"products": None}, 30, ["Products parameter is missing"], id="no products"),
        pytest.param("products.create", {"products": "[1]", "sourceHash": None}, 30, ["Source hash parameter is missing"],
                     id="no feed"),
        pytest.param("products.create", {"products": "[1]", "sourceHash": ""}, 30, ["Source hash parameter is missing"],
                     id="feed empty"),
        pytest.param("products.delete", {}, 30, ["Products hashes parameter is missing"], id="no SKUs"),
        pytest.param("products.create", {"products": "[1]", "sourceHash": "x" * 65}, 400,
                     ["Source hash is longer than 64 characters"], id="feed too long"),
        pytest.param("products.create", {"products": "{}"}, 400, ["products is not an array"], id="an object"),
        pytest.param("products.create", {"products": "[]"}, 400, ["products is empty"], id="nothing"),
        pytest.param("products.create", {"products": "[{]"}, 400, None, id="no JSON"),
        pytest.param("products.create", {"products": "[NaN]"}, 400, None, id="NaN"),
        pytest.param("products.create", {"products": '[{"code":"A","code":"B"}]'}, 400, None, id="member twice"),
        pytest.param("products.create", {"products": "[" * 200_00 + "]" * 200_00}, 400, None, id="too deep"),
        pytest.param("products.create", {"products": [{}] * 501}, 51, [], id="501 products"),
        pytest.param("products.delete", {"productsSKU": ["x"] * 501}, 51, [], id="501 SKUs"),
        pytest.param("products.list", {"products": "[]"}, 42, [], id="unknown action"),
        pytest.param("products.create", {"products": "[1]", "apiKey": "KEY-0002"}, 41, [], id="wrong key"),
        pytest.param("products.create", {"products": "[1]", "secret": "x"}, 44, [], id="wrong secret"),
        pytest.param("products.create", {"products": "[1]", "apiSecretKey": keys.FLIPSNACK_API_SECRET}, 40,
                     ["The secret key must not be sent"], id="secret sent"),
        pytest.param("products.create", {"products": "[1]", "apiKey": None}, 30, ["apiKey parameter is missing"], id="no key"),
        pytest.param("products.create", {"products": f'["{"x" * 200_000}"]'}, 400, None, id="too large"),
    ],
)
def test_refused_whole(box, action, fields, code, said):
    answer = flipsnack(box.url, action, **fields)
    assert answer.status_code == 200
    assert answer.json()["code"] == code
    assert said is None or answer.json()["data"] == said
    assert box.store.feeds()["flipsnack"] == []
    call = box.calls()[0]
    assert (call["verdict"], call["code"]) == ("refused", str(code))


def test_500_products_are_taken(box):
    assert errors(create(box, *({"type": "p", "code": f"P{number}"} for number in range(500)))) == []
    assert len(box.store.flipsnack(FEED)) == 500


def send(box: SandboxServer, method: str = "POST", path: str = "/flipsnack/v1/", **options: Any) -> dict[str, Any]:
    return requests.request(method, f"{box.url}{path}", timeout=5, **options).json()


FIELDS = flipsnack_fields("products.create", products='[{"type":"p","code":"A"}]')
PARTS = {name: (None, value) for name, value in FIELDS.items()}


@pytest.mark.parametrize(
    ("code", "options"),
    [
        pytest.param(40, {"method": "GET", "params": FIELDS}, id="GET"),
        pytest.param(40, {"data": FIELDS}, id="urlencoded"),
        pytest.param(40, {"files": PARTS, "params": {"a": "b"}}, id="something in the address"),
        pytest.param(40, {"files": PARTS | {"products": ("products.json", FIELDS["products"])}}, id="products as a file"),
        pytest.param(40, {"files": [*PARTS.items(), ("action", (None, "products.delete"))]}, id="parameter twice"),
        pytest.param(40, {"data": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}, id="no parts"),
        pytest.param(40, {"data": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data"}}, id="no boundary"),
        pytest.param(40, {"files": PARTS, "path": "/flipsnack/v2/"}, id="another address"),
        pytest.param(30, {"files": {name: part for name, part in PARTS.items() if name != "signature"}}, id="no signature"),
        pytest.param(44, {"files": PARTS | {"signature": (None, "0" * 32)}}, id="wrong signature"),
        pytest.param(44, {"files": PARTS | {"signature": (None, FIELDS["signature"].upper())}}, id="upper case"),
        pytest.param(44, {"files": PARTS | {"products": (None, "[]")}}, id="changed after signing"),
        pytest.param(200, {"files": PARTS}, id="as it should be"),
        pytest.param(200, {"files": PARTS, "path": "/flipsnack/v1"}, id="without the slash"),
    ],
)
def test_transport(box, code, options):
    assert send(box, **options)["code"] == code


def test_further_parameters_are_taken_when_they_are_signed(box):
    assert errors(create(box, product("A"), feedName="Summer")) == []


def test_signature_is_over_raw_values(box):
    text = '[{"type":"p","code":"Ü&=+%20 \\n"}]'
    assert errors(flipsnack(box.url, "products.create", products=text).json()) == []
    assert list(box.store.flipsnack(FEED)) == ["Ü&=+%20 \n"]


# --- update


def update(box: SandboxServer, *products: Any) -> dict[str, Any]:
    return flipsnack(box.url, "products.update", products=list(products)).json()


@pytest.mark.parametrize(
    ("now", "given", "expected"),
    [
        pytest.param({"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}, id="members left out stay"),
        pytest.param({"x": {"a": 1, "b": 2}}, {"x": {"b": 3}}, {"x": {"a": 1, "b": 3}}, id="inside objects too"),
        pytest.param({}, {"x": {"b": 3}}, {"x": {"b": 3}}, id="new member"),
        pytest.param(
            {"variants": [{"code": "S", "price": 1}, {"code": "M", "price": 2}]},
            {"variants": [{"code": "M", "visible": False}, {"code": "L"}]},
            {"variants": [{"code": "S", "price": 1}, {"code": "M", "price": 2, "visible": False}, {"code": "L"}]},
            id="variants by code",
        ),
    ],
)
def test_merged(now, given, expected):
    assert merged(now, given) == expected


def test_update_merges(box):
    create(box, product("TEE", "TEE-S", "TEE-M", description="long"))
    assert errors(update(box, {"type": "product", "code": "TEE", "sell_price": 9, "variants": [
        {"code": "TEE-M", "price": 21}, {"code": "TEE-L", "price": 22}]})) == []
    now = box.store.flipsnack(FEED)["TEE"]
    assert (now["sell_price"], now["description"]) == (9, "long")
    assert [(one["code"], one["price"]) for one in now["variants"]] == [("TEE-S", 20), ("TEE-M", 21), ("TEE-L", 22)]
    assert errors(create(box, product("TEE-L"))) == ['Product with SKU "TEE-L": already exists']


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(product("NONE"), 'Product with SKU "NONE": does not exist', id="unknown"),
        pytest.param(product("TEE-S"), 'Product with SKU "TEE-S": is a variant of "TEE", no product', id="a variant"),
        pytest.param(product("TEE", "MUG"), 'Product with SKU "TEE": the variant "MUG" already exists elsewhere', id="taken"),
        pytest.param({"code": "TEE"}, 'Product with SKU "TEE": type is missing', id="type is required here too"),
    ],
)
def test_update_fails_that_product_alone(box, given, message):
    create(box, product("TEE", "TEE-S"), product("MUG"))
    assert errors(update(box, given, product("MUG", title="new"))) == [message]
    assert box.store.flipsnack(FEED) == {"TEE": product("TEE", "TEE-S"), "MUG": product("MUG", title="new")}


# --- delete


def delete(box: SandboxServer, *codes: Any) -> dict[str, Any]:
    return flipsnack(box.url, "products.delete", productsSKU=list(codes)).json()


def test_delete_takes_variants_along_and_the_last_one_the_feed(box):
    create(box, product("TEE", "TEE-S"), product("MUG"))
    assert errors(delete(box, "TEE")) == []
    assert list(box.store.flipsnack(FEED)) == ["MUG"]
    assert errors(create(box, product("TEE-S"))) == []
    assert errors(delete(box, "MUG", "TEE-S")) == []
    assert box.store.feeds()["flipsnack"] == []
    assert requests.get(f"{box.url}/_/flipsnack/{FEED}", timeout=5).status_code == 404


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param("NONE", 'Product with SKU "NONE": does not exist', id="unknown"),
        pytest.param("TEE-S", 'Product with SKU "TEE-S": is a variant of "TEE", no product', id="a variant"),
        pytest.param("MUG", 'Product with SKU "MUG": does not exist', id="twice in one call"),
        pytest.param(7, "Element 1 of productsSKU is no SKU", id="a number"),
        pytest.param("", "Element 1 of productsSKU is no SKU", id="empty"),
    ],
)
def test_delete_fails_that_code_alone(box, code, message):
    create(box, product("TEE", "TEE-S"), product("MUG"))
    codes = ["MUG", code] if code == "MUG" else [code, "MUG"]
    assert errors(delete(box, *codes)) == [message]
    assert list(box.store.flipsnack(FEED)) == ["TEE"]


# --- what is written down


def test_calls_are_written_down_without_secrets(box):
    create(box, product("A"), product("A"))
    create(box, product("B"), apiKey="KEY-9")
    calls = requests.get(f"{box.url}/_/calls?limit=2", timeout=5).json()
    assert [(one["platform"], one["action"], one["verdict"], one["http_status"], one["code"], one["items"], one["failed"])
            for one in calls] == [
        ("flipsnack", "products.create", "refused", 200, "41", 0, 0),
        ("flipsnack", "products.create", "partly taken", 200, "200", 2, 1)]
    signature = flipsnack_fields("products.create", products=[product("A"), product("A")])["signature"]
    for path in box.store.folder.iterdir():
        kept = path.read_bytes()
        assert keys.FLIPSNACK_API_SECRET.encode() not in kept
        assert signature.encode() not in kept


# --- shapes nobody documented


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param("errors:strings", ['Product with SKU "A": already exists'], id="strings"),
        pytest.param("errors:objects", [{"code": "A", "message": "already exists"}], id="objects"),
        pytest.param("errors:unnamed", ["1 product is invalid"], id="unnamed"),
    ],
)
def test_shapes_of_errors(box, fault, expected):
    create(box, product("A"))
    box.set_faults([fault])
    assert errors(create(box, product("A"), product("B"))) == expected
    assert list(box.store.flipsnack(FEED)) == ["A", "B"]


def test_errors_whole_takes_nothing(box):
    create(box, product("A"))
    box.set_faults(["errors:whole"])
    assert create(box, product("A"), product("B")) == {
        "code": 400, "status": "Invalid data", "data": ['Product with SKU "A": already exists']}
    assert list(box.store.flipsnack(FEED)) == ["A"]


@pytest.mark.parametrize(
    ("fault", "fine", "refused"),
    [
        pytest.param("success:20", (200, {"code": 20, "status": "OK"}), (200, {"code": 41}), id="20"),
        pytest.param("spelling:other", (200, {"code": "200", "Data": {"message": "Products updated successfully", "errors": []}}),
                     (200, {"code": "41", "Data": []}), id="spelling"),
        pytest.param("http-status:fitting", (200, {"code": 200}), (401, {"code": 41}), id="status"),
    ],
)
def test_other_shapes_of_answers(box, fault, fine, refused):
    box.set_faults([fault])
    for fields, (status, members) in (({}, fine), ({"apiKey": "x"}, refused)):
        answer = flipsnack(box.url, "products.create", products=[product("A")], **fields)
        assert answer.status_code == status
        assert members.items() <= answer.json().items()


# --- rates


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param([0, 0.1, 0.2, 0.3, 0.4, 0.5], [None] * 5 + [31], id="sixth in a second"),
        pytest.param([0, 0.1, 0.2, 0.3, 0.4, 1.0, 1.05], [None] * 6 + [31], id="a sliding second"),
        pytest.param([number * 0.9 for number in range(62)], [None] * 60 + [32, 32], id="61st in a minute"),
        pytest.param([*(number * 0.9 for number in range(61)), 60], [None] * 60 + [32, None], id="a sliding minute"),
        pytest.param([0, 0, 0, 0, 0, 0, 0.5, 1], [None] * 5 + [31, 31, None], id="refused calls do not count"),
    ],
)
def test_rates(times, expected):
    rates = Rates()
    assert [rates.exceeded("key", now) for now in times] == expected


def test_rates_are_per_key_and_can_be_off():
    rates = Rates(per_second=1)
    assert [rates.exceeded(key, 0) for key in ("a", "b", "a")] == [None, None, 31]
    assert [Rates(per_second=1, on=False).exceeded("a", 0) for _ in range(3)] == [None] * 3


def test_rates_over_http(tmp_path):
    now = [1000.0]
    with SandboxServer(data=tmp_path, port=0, clock=lambda: now[0]) as box:
        codes = [create(box, product(f"A{number}"))["code"] for number in range(6)]
        now[0] += 1
        codes.append(create(box, product("A6"))["code"])
        assert codes == [200] * 5 + [31, 200]
        assert json.loads(box.calls()[1]["code"]) == 31 and "A5" not in box.store.flipsnack(FEED)

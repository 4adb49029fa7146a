"""The Flipsnack payload: what each canonical field becomes, byte for byte."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from feedbridge.errors import CommandError
from feedbridge.platforms.flipsnack import PLATFORM
from feedbridge.platforms.flipsnack.payload import PayloadProduct, PayloadVariant
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.product import Product, to_light
from tests.strategies import products


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def body(fields: dict[str, Any], **given: Any) -> str:
    product = to_light(Product.model_validate({"sku": "TEE", "title": "Tee"} | fields))
    outcome = PLATFORM.converter(FlipsnackSettings(**given), {}).convert(product, None)
    assert outcome.excluded == "" and outcome.body, outcome.problems
    return outcome.body.decode("ascii")


FULL: dict[str, Any] = {
    "sku": "TEE-42", "title": "Café tee", "description": "<p>Soft/light\n</p>", "description_is_html": True,
    "price": eur("20.00"), "sale_price": eur("18.50"), "stock": "12", "quantity_min": 1, "quantity_max": 10,
    "images": [{"src": "https://shop.example/b.jpg"}, {"src": "https://shop.example/a.jpg", "role": "main"}],
    "options": [{"name": "Size", "values": ["S", "M"]}, {"name": "Colour"}],
    "presentation": {
        "item_type": "product", "image_option": "Colour", "element": "button", "quantity_selector": True,
        "area": {"tooltip": "Buy", "color": "#1a73e8", "opacity": "0.50"},
        "button": {"color": "#ffffff", "label": "Add", "label_color": "#000000"},
        "link": {"label": "More", "url": "https://shop.example/tee"},
    },
    "personalisation": {"instructions": "Name", "flat_fee": "2", "per_character": "0.10", "character_length": 12,
                        "mandatory": False},
    "variants": [
        {"sku": "TEE-42-S", "option_values": ["S", "red"], "image": {"src": "https://shop.example/s.jpg"}},
        {"sku": "TEE-42-L", "option_values": ["M", "blue"], "price": eur("21"), "sale_price": eur("19"),
         "status": "draft"},
    ],
}
FULL_BODY = (
    '{"type":"product","code":"TEE-42","title":"Caf\\u00e9 tee","description":"<p>Soft/light\\n</p>",'
    '"image_link":"https://shop.example/a.jpg","sell_price":20,"currency":"EUR","discount_price":18.5,"quantity":true,'
    '"purchasable_qty":{"min":1,"max":10},'
    '"attribute":{"name1":"Size","options1":"S,M","name2":"Colour","options2":"red,blue"},'
    '"image_attribute":"Colour","shop_element":"button",'
    '"area_element":{"tooltip":"Buy","color":"#1a73e8","opacity":0.5},'
    '"shop_button":{"color":"#ffffff","label":"Add","label_color":"#000000"},'
    '"website":{"button":true,"button_label":"More","link":"https://shop.example/tee"},'
    '"customizable_product":{"product":true,"instructions":"Name","flat_fee":2,"per_character":0.1,'
    '"character_length":12,"mandatory":false},'
    '"variants":['
    '{"code":"TEE-42-S","parent_code":"TEE-42","image_link":"https://shop.example/s.jpg","visible":true,'
    '"attribute":{"options1":"S","options2":"red"},"price":20,"discount_price":18.5},'
    '{"code":"TEE-42-L","parent_code":"TEE-42","visible":false,'
    '"attribute":{"options1":"M","options2":"blue"},"price":21,"discount_price":19}]}'
)


def test_every_member_has_its_place():
    assert body(FULL) == FULL_BODY
    written = PayloadProduct.model_validate(json.loads(FULL_BODY, parse_float=Decimal))
    assert set(written.model_fields_set) == set(PayloadProduct.model_fields)


def test_a_bare_product_is_two_members_and_its_title():
    assert body({}) == '{"type":"product","code":"TEE","title":"Tee"}'


@pytest.mark.parametrize(("amount", "written"), [
    pytest.param("12.50", "12.5", id="zero at the end"),
    pytest.param("20.00", "20", id="whole"),
    pytest.param("100", "100", id="whole with zeros"),
    pytest.param("1E+3", "1000", id="exponent"),
    pytest.param("0.0000001", "0.0000001", id="small"),
    pytest.param("0.00", "0", id="free"),
    pytest.param("-0.0", "0", id="minus zero"),
    pytest.param("0E-7", "0", id="zero with exponent"),
    pytest.param("123456789012345678.91", "123456789012345678.91", id="more digits than a float has"),
])
def test_prices_are_their_decimal_digits(amount: str, written: str):
    assert f'"sell_price":{written},"currency":"EUR"' in body({"price": eur(amount)})


@pytest.mark.parametrize(("text", "written"), [
    pytest.param("é", "\\u00e9", id="accent"),
    pytest.param("日本", "\\u65e5\\u672c", id="run"),
    pytest.param("👕", "\\ud83d\\udc55", id="astral as a pair"),
    pytest.param("\u2028", "\\u2028", id="line separator"),
    pytest.param("\x00\x1f", "\\u0000\\u001f", id="control characters"),
    pytest.param("\x7f", "\\u007f", id="DEL is escaped like other control characters"),
    pytest.param('"\\/', '\\"\\\\/', id="slash stays"),
    pytest.param("\r\n\t", "\\r\\n\\t", id="line break"),
    pytest.param("\\u00e9", "\\\\u00e9", id="what looks like an escape"),
])
def test_texts_are_ascii_and_the_same_when_read(text: str, written: str):
    whole = body({"title": text})
    assert whole == '{"type":"product","code":"TEE","title":"' + written + '"}'
    assert json.loads(whole)["title"] == text


def test_half_a_surrogate_pair_is_held_back_not_raised():
    product = to_light(Product(sku="TEE", title="Tee"))
    product.description = "a\ud83d"
    outcome = PLATFORM.converter(FlipsnackSettings(), {}).convert(product, None)
    assert outcome.body == b""
    assert [(f.rule.number, f.problem.field, f.problem.value) for f in outcome.problems if f.rule.number != "A8"] == [
        ("A4", "description", "'a\\ud83d'"),
    ]


SIZE = [{"name": "Size"}]


def _variant(sku: str, value: str, **fields: Any) -> dict[str, Any]:
    return {"sku": sku, "option_values": [value]} | fields


@pytest.mark.parametrize(("fields", "expected"), [
    pytest.param({"price": eur("10"), "sale_price": eur("10")}, (["10", None], []), id="equal is no reduction"),
    pytest.param({"price": eur("10"), "sale_price": eur("11")}, (["10", None], []), id="above is not sent"),
    pytest.param({"price": eur("10"), "sale_price": eur("8"), "options": SIZE, "variants": [_variant("A", "S")]},
                 (["10", "8"], [["10", "8"]]), id="variant takes both prices"),
    pytest.param({"price": eur("10"), "sale_price": eur("8"), "options": SIZE,
                  "variants": [_variant("A", "S", sale_price=eur("7"))]},
                 (["10", "8"], [["10", "7"]]), id="variant with a reduction of its own"),
    pytest.param({"price": eur("10"), "sale_price": eur("8"), "options": SIZE,
                  "variants": [_variant("A", "S", price=eur("12"))]},
                 (["10", "8"], [["12", None]]), id="variant with a price of its own takes no reduction"),
    pytest.param({"options": SIZE, "variants": [_variant("A", "S", price=eur("12")),
                                                _variant("B", "M", price=eur("9"), sale_price=eur("8"))]},
                 (["9", "8"], [["12", None], ["9", "8"]]), id="product without price takes the lowest"),
    pytest.param({"options": SIZE, "variants": [_variant("A", "S"), _variant("B", "M", price=eur("9"))]},
                 (["9", None], [[None, None], ["9", None]]), id="a variant without price stays without"),
])
def test_prices_of_products_and_variants(fields: dict[str, Any], expected: tuple[list[Any], list[Any]]):
    written = json.loads(body(fields), parse_int=str)
    variants = [[variant.get("price"), variant.get("discount_price")] for variant in written.get("variants", [])]
    assert ([written.get("sell_price"), written.get("discount_price")], variants) == expected


def test_values_only_variants_have_follow_the_listed_ones():
    fields = {"options": [{"name": "Size", "values": ["M", "S", "M"]}],
              "variants": [_variant("A", "XL"), _variant("B", "S")]}
    assert json.loads(body(fields))["attribute"] == {"name1": "Size", "options1": "M,S,XL"}
    assert json.loads(body(fields, option_delimiter=" | "))["attribute"]["options1"] == "M | S | XL"


@pytest.mark.parametrize(("fields", "absent"), [
    pytest.param({"presentation": {}}, "area_element", id="empty presentation"),
    pytest.param({"presentation": {"area": {}, "button": {"label": ""}}}, "shop_button", id="empty objects"),
    pytest.param({"description": ""}, "description", id="empty text"),
    pytest.param({"stock": "5"}, "quantity", id="stock is no quantity"),
    pytest.param({"images": [], "options": [], "variants": []}, "variants", id="empty lists"),
])
def test_what_is_empty_is_left_out(fields: dict[str, Any], absent: str):
    assert json.loads(body(fields)) == {"type": "product", "code": "TEE", "title": "Tee"}
    assert absent not in body(fields)


@pytest.mark.parametrize(("images", "sent"), [
    pytest.param([{"src": "1.jpg"}, {"src": "2.jpg"}], "1.jpg", id="the first"),
    pytest.param([{"src": "1.jpg"}, {"src": "2.jpg", "role": "main"}], "2.jpg", id="the main one"),
    pytest.param([{"src": "1.jpg", "position": 3}, {"src": "2.jpg", "position": 1}, {"src": "3.jpg", "position": 2}],
                 "2.jpg", id="the lowest position"),
    pytest.param([{"src": "1.jpg"}, {"src": "2.jpg", "position": 1}], "1.jpg", id="the first without position"),
    pytest.param([{"src": "1.jpg", "position": 1}, {"src": "2.jpg", "position": 2, "role": "main"}], "2.jpg",
                 id="main before position"),
])
def test_one_picture_is_sent(images: list[dict[str, Any]], sent: str):
    whole = [image | {"src": f"https://shop.example/{image['src']}"} for image in images]
    assert json.loads(body({"images": whole}))["image_link"] == f"https://shop.example/{sent}"


def test_type_comes_from_the_source_or_the_setting():
    assert '"type":"item"' in body({}, item_type="item")
    assert '"type":"bundle"' in body({"presentation": {"item_type": "bundle"}}, item_type="item")


def test_keys_are_the_product_and_its_variants():
    product = to_light(Product.model_validate(FULL))
    outcome = PLATFORM.converter(FlipsnackSettings(), {}).convert(product, None)
    assert outcome.keys == ("TEE-42", "TEE-42-S", "TEE-42-L")
    assert outcome.entries == 1


def test_a_product_too_big_for_a_call_of_its_own_is_held_back():
    convert = PLATFORM.converter(FlipsnackSettings(batch_bytes=5_000), {}).convert
    big = convert(to_light(Product(sku="TEE", title="x" * 5_000)), None)
    assert big.body == b"" and "F9" in {found.rule.number for found in big.problems}
    assert convert(to_light(Product(sku="TEE", title="x" * 2_000)), None).body


@pytest.mark.parametrize("data", [
    pytest.param({"type": "product"}, id="no code"),
    pytest.param({"type": "product", "code": ""}, id="empty code"),
    pytest.param({"type": "product", "code": "A", "quantity": 3}, id="quantity is a flag"),
    pytest.param({"type": "product", "code": "A", "sell_price": "12.50"}, id="price as text"),
    pytest.param({"type": "product", "code": "A", "sell_price": True}, id="price as boolean"),
    pytest.param({"type": "product", "code": "A", "sell_price": -1}, id="negative price"),
    pytest.param({"type": "product", "code": "A", "price": 1}, id="variant's price member"),
    pytest.param({"type": "product", "code": "A", "title": 5}, id="title as number"),
    pytest.param({"type": "product", "code": "A", "attribute": {"name4": "x"}}, id="fourth attribute"),
    pytest.param({"type": "product", "code": "A", "variants": [{"code": "B"}]}, id="variant without parent"),
])
def test_the_payload_model_refuses(data: dict[str, Any]):
    with pytest.raises(ValidationError):
        PayloadProduct.model_validate(data)


def test_schema_says_numbers_are_numbers_and_nothing_else_may_appear():
    schema = PLATFORM.payload.model_json_schema()
    price = schema["properties"]["sell_price"]["anyOf"][0]
    assert price == {"type": "number", "minimum": 0}
    assert schema["required"] == ["type", "code"] and schema["additionalProperties"] is False
    assert list(PayloadVariant.model_fields) == [
        "code", "parent_code", "image_link", "visible", "attribute", "price", "discount_price",
    ]


@pytest.mark.parametrize("given", [
    pytest.param({"batch_products": 501}, id="501 products"),
    pytest.param({"batch_products": 0}, id="no products"),
    pytest.param({"batch_bytes": 200_000_001}, id="above 200 MB"),
    pytest.param({"item_type": " "}, id="blank type"),
    pytest.param({"option_delimiter": ""}, id="no delimiter"),
    pytest.param({"extra_parameters": {"apiSecretKey": "x"}}, id="the secret as parameter"),
    pytest.param({"extra_parameters": {"Signature": "x"}}, id="a signature"),
    pytest.param({"extra_parameters": {"feedName": "Größe"}}, id="not ASCII"),
    pytest.param({"delimiter": ","}, id="unknown setting"),
])
def test_settings_refuse(given: dict[str, Any]):
    with pytest.raises(ValidationError):
        FlipsnackSettings(**given)


def test_a_wrong_source_hash_stops_before_the_first_product():
    with pytest.raises(CommandError, match="1 to 64"):
        PLATFORM.converter(FlipsnackSettings(source_hash="x" * 65), {})


@settings(max_examples=200, deadline=None)
@given(products())
def test_what_is_written_is_what_the_model_accepts_and_the_texts_survive(some: Product):
    outcome = PLATFORM.converter(FlipsnackSettings(), {}).convert(to_light(some), None)
    if not outcome.body:
        assert outcome.problems
        return
    written = PayloadProduct.model_validate(json.loads(outcome.body, parse_float=Decimal))
    assert (written.code, written.title) == (some.sku, some.title)
    assert (written.description or "") == (some.description or "")
    if some.price is not None:
        assert written.sell_price == some.price.amount
    assert [v.code for v in written.variants or ()] == [v.sku for v in some.variants]

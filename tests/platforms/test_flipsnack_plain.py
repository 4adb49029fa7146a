"""Products written in one pass: the same bytes as the long way round, and none of which a rule has something to say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from feedbridge.platforms.flipsnack.converter import FlipsnackConverter
from feedbridge.platforms.flipsnack.plain import PlainJson
from feedbridge.platforms.flipsnack.rules import examine
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.product import Product, to_light
from tests.strategies import products

EUR = {"amount": "10.00", "currency": "EUR"}
SIZE = {"name": "Size", "values": ["S", "M"]}
SMALL = {"sku": "TEE-S", "option_values": ["S"]}
CHOSEN = FlipsnackSettings(drafts="write")


def product(**fields: Any) -> Product:
    return to_light(Product.model_validate({"sku": "TEE", "title": "Tee", "price": EUR} | fields))


@settings(max_examples=150, deadline=None)
@given(products())
def test_no_rule_speaks_of_a_plain_product(some: Product):
    if PlainJson(CHOSEN).write(some) is not None:
        assert {found.rule.number for found in examine(some, CHOSEN)} <= {"S6"}


@settings(max_examples=150, deadline=None)
@given(products())
def test_the_bytes_are_those_of_the_payload(some: Product):
    plain = PlainJson(CHOSEN).write(some)
    if plain is None:
        return
    text, keys = plain
    assert keys == (some.sku, *[variant.sku for variant in some.variants])
    assert text.encode() == FlipsnackConverter(CHOSEN, {}).payload_json(some)


PLAIN = [
    pytest.param({}, '"title":"Tee","sell_price":10,"currency":"EUR"}', id="the least"),
    pytest.param(
        {"description": "Größe 👕"}, '"description":"Gr\\u00f6\\u00dfe \\ud83d\\udc55",', id="an astral description",
    ),
    pytest.param({"options": [SIZE]}, '"attribute":{"name1":"Size","options1":"S,M"}}', id="options without variants"),
    pytest.param(
        {"options": [SIZE], "variants": [SMALL]},
        '"variants":[{"code":"TEE-S","parent_code":"TEE","visible":true,"attribute":{"options1":"S"},"price":10}]}',
        id="a variant at the product's price",
    ),
    pytest.param(
        {"price": None, "options": [SIZE], "variants": [SMALL | {"price": EUR}]}, '"sell_price":10,',
        id="the lowest price",
    ),
]


@pytest.mark.parametrize(("fields", "part"), PLAIN)
def test_plain(fields: dict[str, Any], part: str):
    plain = PlainJson(CHOSEN).write(product(**fields))
    assert plain is not None and part in plain[0]


NOT_PLAIN = [
    pytest.param({"title": "Tee 👕"}, id="beyond U+FFFF outside the description"),
    pytest.param({"status": "draft"}, id="a draft"),
    pytest.param({"quantity_min": 2}, id="a least quantity"),
    pytest.param({"presentation": {"item_type": "book"}}, id="presentation"),
    pytest.param({"price": None}, id="no price"),
    pytest.param({"sale_price": {"amount": "8", "currency": "USD"}}, id="two currencies"),
    pytest.param({"sale_price": {"amount": "12", "currency": "EUR"}}, id="reduced above regular"),
    pytest.param({"images": [{"src": "https://shop.example/a.gif"}]}, id="another kind of picture"),
    pytest.param({"options": [{"name": "Size", "values": ["S,M"]}]}, id="a delimiter in a value"),
    pytest.param({"options": [{"name": "A"}, {"name": "A"}]}, id="two options of one name"),
    pytest.param({"options": [{"name": name} for name in "ABCD"]}, id="four options"),
    pytest.param({"variants": [{"sku": "TEE-S"}]}, id="variants without an option"),
    pytest.param({"options": [SIZE], "variants": [SMALL, SMALL]}, id="a variant twice"),
    pytest.param({"options": [SIZE], "variants": [SMALL | {"sku": "TEE"}]}, id="a variant with the product's SKU"),
    pytest.param({"options": [SIZE], "variants": [SMALL | {"option_values": ["XL"]}]}, id="a value the option lacks"),
    pytest.param({"options": [SIZE], "variants": [SMALL | {"option_values": [""]}]}, id="an empty value"),
    pytest.param({"options": [SIZE], "variants": [SMALL | {"option_values": ["S", "red"]}]}, id="a value too many"),
]


@pytest.mark.parametrize("fields", NOT_PLAIN)
def test_not_plain(fields: dict[str, Any]):
    assert PlainJson(CHOSEN).write(product(**fields)) is None


def test_half_a_character_is_not_plain():
    broken = product()
    broken.description = "half \ud83d of it"  # type: ignore[misc]  # light twins can be changed
    assert PlainJson(CHOSEN).write(broken) is None

"""Every rule a product can break: what it says, of which canonical field, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from feedbridge.findings import Severity
from feedbridge.platforms.base import Outcome
from feedbridge.platforms.magento import PLATFORM
from feedbridge.platforms.magento.converter import MagentoConverter
from feedbridge.platforms.magento.settings import MagentoSettings
from feedbridge.product import Product, to_light

EXTENSIONS = "aaaaaaaaaaaaaaaaa,bbbbbbbbbbbbbbbbb,cccccccccccc"
"""50 characters once the store has joined them with a comma and a blank."""
SIZES = [{"name": "Size"}]


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


def tier(quantity: str, price: str | None = None, **more: Any) -> dict[str, Any]:
    return {"quantity": quantity, "price": None if price is None else eur(price), **more}


def option(kind: str, **more: Any) -> dict[str, Any]:
    return {"title": "Gift note", "kind": kind, **more}


def select(*values: dict[str, Any], **more: Any) -> dict[str, Any]:
    return option("drop_down", values=list(values), **more)


def convert(fields: dict[str, Any], **settings: Any) -> Outcome:
    minimal = {"sku": "20417", "title": "Canvas Tote", "price": eur("18.95")}
    product = to_light(Product.model_validate(minimal | fields))
    return MagentoConverter(MagentoSettings(**settings), {}).convert(product, None)


def said(outcome: Outcome) -> list[tuple[str, str]]:
    return [(found.rule.number, found.problem.field) for found in outcome.problems]


@pytest.mark.parametrize(("fields", "number", "field"), [
    pytest.param({"variants": [{"sku": "7"}, {"sku": "8", "ids": {"magento": "7"}}]}, "M2", "variants.1.ids.magento",
                 id="an id of two variants"),
    pytest.param({"variants": [{"sku": "7"}, {"sku": "7"}]}, "M2", "variants.1.sku", id="a SKU of two variants"),
    pytest.param({"ids": {"magento": " "}}, "M4", "ids.magento", id="blank id"),
    pytest.param({"title": " \t"}, "M4", "title", id="blank name"),
    pytest.param({"variants": [{"sku": "7", "title": " "}]}, "M4", "variants.0.title", id="blank name of a variant"),
    pytest.param({"attributes": {"enable_product_designer": "true"}}, "M7", "attributes.enable_product_designer",
                 id="designer is a word"),
    pytest.param({"variants": [{"sku": "7", "attributes": {"enable_product_designer": "2"}}]}, "M7",
                 "variants.0.attributes.enable_product_designer", id="designer of a variant"),
    pytest.param({"price": eur("100000000000000")}, "M8", "price", id="price of 15 digits"),
    pytest.param({"variants": [{"sku": "7"}, {"sku": "8", "price": eur("1E+14")}]}, "M8", "variants.1.price",
                 id="price of a variant"),
    pytest.param({"sale_price": usd("8")}, "M8b", "sale_price", id="sale price in another currency"),
    pytest.param({"variants": [{"sku": "7"}, {"sku": "8", "price": usd("9")}]}, "M8b", "variants.1.price",
                 id="a variant in another currency"),
    pytest.param({"tier_prices": [{"quantity": "5", "price": usd("9")}]}, "M8b", "tier_prices.0.price",
                 id="a tier in another currency"),
    pytest.param({"sale_price": eur("100000000000000")}, "M9", "sale_price", id="sale price of 15 digits"),
    pytest.param({"category_ids": {"magento": ["310", "310"]}}, "M12", "category_ids.magento.1", id="category twice"),
    pytest.param({"category_ids": {"magento": ["310,344"]}}, "M12", "category_ids.magento.0", id="category with comma"),
    pytest.param({"category_ids": {"magento": [" 310"]}}, "M12", "category_ids.magento.0", id="category with blank"),
    pytest.param({"category_ids": {"magento": ["310", ""]}}, "M12", "category_ids.magento.1", id="empty category"),
    pytest.param({"images": [{"src": "a.jpg"}, {"src": " "}]}, "M13", "images.1.src", id="blank picture"),
    pytest.param({"title": "T" * 256}, "M15", "title", id="name too long"),
    pytest.param({"title": "T" * 250, "options": SIZES, "variants": [{"sku": "7", "option_values": ["Large"]}]}, "M15",
                 "title", id="name too long with its option values"),
    pytest.param({"tier_prices": [tier("25")]}, "M18", "tier_prices.0", id="tier without a price"),
    pytest.param({"tier_prices": [tier("0.9999", "9")]}, "M19", "tier_prices.0.quantity", id="tier below one piece"),
    pytest.param({"tier_prices": [tier("1.23456", "9")]}, "M19", "tier_prices.0.quantity", id="tier of 5 decimals"),
    pytest.param({"tier_prices": [tier("100000000", "9")]}, "M19", "tier_prices.0.quantity", id="tier of 9 digits"),
    pytest.param({"variants": [{"sku": "7", "tier_prices": [tier("0.5", "9")]}]}, "M19",
                 "variants.0.tier_prices.0.quantity", id="tier of a variant"),
    pytest.param({"tier_prices": [tier("25", "100000000000000")]}, "M20", "tier_prices.0.price",
                 id="tier of 15 digits"),
    pytest.param({"tier_prices": [tier("15", "9"), tier("15.0", "8")]}, "M22", "tier_prices.1.quantity",
                 id="15 and 15.0"),
    pytest.param({"price": None, "tier_prices": [tier("15", percent_off="10")]}, "M25b", "tier_prices.0.percent_off",
                 id="a percentage of nothing"),
    pytest.param({"custom_options": [option("field", title="n" * 256)]}, "M28", "custom_options.0.title",
                 id="long title"),
    pytest.param({"custom_options": [option("field", title=" ")]}, "M28", "custom_options.0.title", id="blank title"),
    pytest.param({"custom_options": [option("time", sort_order=-1)]}, "M30", "custom_options.0.sort_order",
                 id="sort below 0"),
    pytest.param({"custom_options": [option("time", sort_order=4_294_967_296)]}, "M30", "custom_options.0.sort_order",
                 id="sort above 32 bits"),
    pytest.param({"custom_options": [option("date", price="100000000000000")]}, "M31", "custom_options.0.price",
                 id="option price of 15 digits"),
    pytest.param({"custom_options": [option("date", sku="N" * 65)]}, "M34", "custom_options.0.sku", id="option SKU"),
    pytest.param({"custom_options": [select({"title": "Gold", "sku": "N" * 65})]}, "M34",
                 "custom_options.0.values.0.sku", id="value SKU"),
    pytest.param({"custom_options": [option("area", max_characters=-1)]}, "M35", "custom_options.0.max_characters",
                 id="character limit below 0"),
    pytest.param({"custom_options": [option("field", max_characters=4_294_967_296)]}, "M35",
                 "custom_options.0.max_characters", id="character limit above 32 bits"),
    pytest.param({"custom_options": [option("file", image_size_x=65_536)]}, "M36", "custom_options.0.image_size_x",
                 id="width above 16 bits"),
    pytest.param({"custom_options": [option("file", image_size_y=-1)]}, "M36", "custom_options.0.image_size_y",
                 id="height below 0"),
    pytest.param({"custom_options": [option("file", file_extension="jpég")]}, "M37", "custom_options.0.file_extension",
                 id="no file extension"),
    pytest.param({"custom_options": [option("file", file_extension="*")]}, "M37", "custom_options.0.file_extension",
                 id="a wildcard only"),
    pytest.param({"custom_options": [option("file", file_extension=EXTENSIONS + "c")]},
                 "M37", "custom_options.0.file_extension", id="extensions of 51 characters"),
    pytest.param({"custom_options": [select()]}, "M39", "custom_options.0.values", id="select without values"),
    pytest.param({"custom_options": [select({"title": "Gold", "is_delete": True})]}, "M39", "custom_options.0.values",
                 id="all values deleted"),
    pytest.param({"custom_options": [select({"title": "Gold"}, {"title": "S" * 256})]}, "M40",
                 "custom_options.0.values.1.title", id="long title of a value"),
    pytest.param({"custom_options": [select({"title": "Gold", "price": "-1E+14"})]}, "M40",
                 "custom_options.0.values.0.price", id="price of a value"),
    pytest.param({"custom_options": [select({"title": "Gold", "sort_order": -1})]}, "M40",
                 "custom_options.0.values.0.sort_order", id="sort order of a value"),
    pytest.param({"custom_options": [select({"title": "A"}), option("file", title="b", values=[{"title": "A"}])]},
                 "M43", "custom_options.1.values", id="values on a file"),
])
def test_holds_back(fields, number, field):
    outcome = convert(fields)
    assert (number, field) in said(outcome)
    assert outcome.body == b""
    assert {found.rule.severity for found in outcome.problems if found.rule.number == number} == {Severity.ERROR}


@pytest.mark.parametrize(("fields", "number", "field"), [
    pytest.param({"price": eur("1.2345678")}, "M10", "price", id="7 decimals"),
    pytest.param({"custom_options": [option("field", price="0.0000001")]}, "M10", "custom_options.0.price",
                 id="7 decimals of an option"),
    pytest.param({"sale_price": eur("18.950")}, "M11", "sale_price", id="sale price as high as the price"),
    pytest.param({"sale_price": eur("0")}, "M11", "sale_price", id="sale price of 0"),
    pytest.param({"variants": [{"sku": "7", "sale_price": eur("20")}]}, "M11", "variants.0.sale_price",
                 id="sale price of a variant above the inherited price"),
    pytest.param({"category_ids": {"magento": ["bags"]}}, "M12b", "category_ids.magento.0", id="category is a word"),
    pytest.param({"category_ids": {"magento": ["0"]}}, "M12b", "category_ids.magento.0", id="category 0"),
    pytest.param({"images": [{"src": "image_url"}]}, "M13b", "images.0.src", id="placeholder of the vendor's sample"),
    pytest.param({"images": [{"src": "ftp://cdn.example.test/a.jpg"}]}, "M13b", "images.0.src", id="ftp address"),
    pytest.param({"images": [{"src": "//cdn.example.test/a.jpg"}]}, "M13b", "images.0.src",
                 id="address without scheme"),
    pytest.param({"variants": [{"sku": "7", "image": {"src": "data:image/png;base64,AA"}}]}, "M13b",
                 "variants.0.image.src", id="data address of a variant"),
    pytest.param({"images": [{"src": "https://cdn.example.test/a.webp"}]}, "M14", "images.0.src", id="webp"),
    pytest.param({"images": [{"src": "/t/a(1).jpg"}]}, "M14", "images.0.src", id="bracket in the name"),
    pytest.param({"ids": {"magento": "T" * 65}}, "M16", "ids.magento", id="long id"),
    pytest.param({"ids": {"magento": " 7"}}, "M16", "ids.magento", id="id with a blank in front"),
    pytest.param({"variants": [{"sku": "tee"}, {"sku": "TEE"}]}, "M16", "variants.1.sku", id="ids differ in case only"),
    pytest.param({"tier_prices": [tier("25", "0")]}, "M21", "tier_prices.0.price", id="free tier"),
    pytest.param({"tier_prices": [tier("25", "18.95")]}, "M23", "tier_prices.0.price",
                 id="tier as dear as the product"),
    pytest.param({"tier_prices": [tier("50", "9"), tier("25", "8")]}, "M23", "tier_prices.0.price",
                 id="dearer than a smaller quantity listed after it"),
    pytest.param({"tier_prices": [tier("25", "16", customer_group="Wholesale")]}, "A20", "tier_prices.0",
                 id="group tier"),
    pytest.param({"tier_prices": [tier("25", "16", website="base")]}, "A20", "tier_prices.0", id="website tier"),
    pytest.param({"custom_options": [option("field", price="-1")]}, "M33", "custom_options.0.price",
                 id="negative modifier"),
    pytest.param({"custom_options": [select({"title": "A", "price": "101", "price_type": "percent"})]}, "M33",
                 "custom_options.0.values.0.price", id="more than 100 percent"),
    pytest.param({"custom_options": [option("file", file_extension="png,EXE")]}, "M38",
                 "custom_options.0.file_extension", id="exe"),
    pytest.param({"custom_options": [option("file", file_extension="pdf", image_size_y=1)]}, "M38",
                 "custom_options.0.file_extension", id="pdf with a picture size"),
    pytest.param({"custom_options": [option("field"), option("area")]}, "M44", "custom_options.1.title",
                 id="title twice"),
])
def test_warns_and_writes(fields, number, field):
    outcome = convert(fields)
    assert (number, field) in said(outcome)
    assert outcome.body.startswith(b'"')
    assert {found.rule.severity for found in outcome.problems if found.rule.number == number} == {Severity.WARNING}


@pytest.mark.parametrize(("fields", "number", "field"), [
    pytest.param({"tier_prices": [tier("25", percent_off="10")]}, "M25", "tier_prices.0.percent_off", id="percentage"),
    pytest.param({"custom_options": [option("date", max_characters=5)]}, "M35b", "custom_options.0.max_characters",
                 id="character limit of a date"),
    pytest.param({"custom_options": [option("area", file_extension="png")]}, "M36b", "custom_options.0.file_extension",
                 id="file extension of an area"),
    pytest.param({"custom_options": [select({"title": "A"}, price="2")]}, "M42", "custom_options.0.price",
                 id="price of a select"),
    pytest.param({"custom_options": [select({"title": "A"}, sku="N")]}, "M42", "custom_options.0.sku",
                 id="SKU of a select"),
])
def test_advises_and_writes(fields, number, field):
    outcome = convert(fields)
    assert (number, field) in said(outcome)
    assert outcome.body.startswith(b'"')
    assert {found.rule.severity for found in outcome.problems} == {Severity.ADVICE}


@pytest.mark.parametrize("fields", [
    pytest.param({"price": eur("0")}, id="free is a price"),
    pytest.param({"price": eur("1E+3")}, id="price with an exponent inside"),
    pytest.param({"price": None}, id="no price"),
    pytest.param({"price": eur("99999999999999.123456")}, id="the largest price"),
    pytest.param({"title": "T" * 255}, id="the longest name"),
    pytest.param({"images": [{"src": "HTTPS://CDN.example.test/A.JPG?x=1#y"}]}, id="address in capitals"),
    pytest.param({"images": [{"src": "https://cdn.example.test/image/123"}]}, id="address without extension"),
    pytest.param({"images": [{"src": "c:\\pictures\\a.gif"}]}, id="path of another system"),
    pytest.param({"categories": [["Bags"]], "category_ids": {"magento": ["310"]}}, id="category with its id"),
    pytest.param({"tier_prices": [tier("2", "18"), tier("10.5", "17.5"), tier("99999999", "0.01")]}, id="tiers"),
    pytest.param({"custom_options": []}, id="no custom options, and said so"),
    pytest.param({"custom_options": [select({"title": "S" * 256, "is_delete": True}, {"title": "0"})]},
                 id="a deleted value is not looked at"),
    pytest.param({"custom_options": [option("file", file_extension=EXTENSIONS)]},
                 id="extensions of 50 characters"),
    pytest.param({"custom_options": [option("file", file_extension="JPG, png", image_size_x=65_535)]},
                 id="picture size"),
    pytest.param({"variants": [{"sku": "7", "price": usd("9")}], "price": None}, id="one currency, whichever"),
    pytest.param({"price": usd("9"), "variants": [{"sku": "7", "price": eur("9")}]}, id="a price no variant inherits"),
])
def test_leaves_alone(fields):
    outcome = convert(fields)
    assert said(outcome) == []
    assert outcome.body


@pytest.mark.parametrize(("fields", "number", "field"), [
    pytest.param({"custom_options": [option("field", required=True)]}, "M45", "custom_options.0.required",
                 id="required option"),
    pytest.param({"variants": [{"sku": "7", "option_values": ["S"]}, {"sku": "8", "option_values": [""]}]}, "M47",
                 "variants.1.option_values.0", id="no value"),
    pytest.param({"variants": [{"sku": "7"}]}, "M47", "variants.0.option_values.0", id="no values at all"),
    pytest.param({"options": []}, "M47", "options", id="no option"),
    pytest.param({"variants": [{"sku": "7", "option_values": ["S"]}, {"sku": "8", "option_values": ["S"]}]}, "M48",
                 "variants.1.option_values", id="same values"),
    pytest.param({"variants": [{"sku": "7", "option_values": ["S"]}, {"sku": "7", "option_values": ["M"]}]}, "M50",
                 "variants.1.sku", id="same SKU"),
    pytest.param({"ids": {"magento": "7"}}, "M2", "variants.0.sku", id="a child with its parent's id"),
])
def test_parent_mode_holds_back(fields, number, field):
    family = {"sku": "30000", "options": SIZES, "variants": [{"sku": "7", "option_values": ["S"]}]}
    assert (number, field) in said(convert(family | fields, parent=True))
    if number != "M2":
        assert number not in {each for each, _ in said(convert(family | fields))}


def test_what_variants_inherit_is_reported_once():
    outcome = convert({"sale_price": eur("20"), "variants": [{"sku": "7"}, {"sku": "8"}, {"sku": "9"}]})
    assert said(outcome) == [("M11", "sale_price")]


def test_currency_of_the_run_is_claimed_or_set():
    assert convert({}).claims == (("currency", "EUR"),)
    assert convert({"price": None}).claims == ()
    assert convert({}, currency="EUR").claims == ()
    assert said(convert({}, currency="USD")) == [("M8b", "price")]
    assert PLATFORM.claims is not None and PLATFORM.claims.number == "M8b"


@pytest.mark.parametrize(("fields", "settings", "notes"), [
    pytest.param({"ids": {"magento": "7"}}, {}, (), id="nothing to note"),
    pytest.param({}, {}, ("A3",), id="SKU of digits as id"),
    pytest.param({"categories": [["Bags"]]}, {"sku_as_id": True}, ("M12c",), id="category names only"),
    pytest.param({"categories": [["Bags"]], "category_ids": {"magento": []}}, {}, ("M12c", "A3"), id="no id was found"),
    pytest.param({"categories": [["Bags"]], "category_ids": {"magento": ["310"]}}, {}, ("A3",), id="category with its id"),
    pytest.param({"sku": "TOTE-1"}, {}, ("A3",), id="SKU as id"),
    pytest.param({"sku": "020417"}, {}, ("A3",), id="SKU with a zero in front"),
    pytest.param({"sku": "TOTE-1"}, {"sku_as_id": True}, (), id="SKU as id, and meant so"),
    pytest.param({"sku": "TOTE-1", "ids": {"magento": "A-1"}}, {}, (), id="the store's id is a word"),
    pytest.param({"sku": "T", "variants": [{"sku": "7", "ids": {"magento": "7"}}]}, {}, ("A9",), id="parent left out"),
    pytest.param({"variants": [{"sku": "S"}, {"sku": "M"}]}, {}, ("A3", "A9"), id="SKUs of variants as ids"),
    pytest.param({"sku": "T", "options": SIZES, "variants": [{"sku": "7", "option_values": ["S"]}]}, {"parent": True},
                 ("A3",), id="SKU of the parent as id"),
])
def test_notes_what_is_said_once_a_run(fields, settings, notes):
    outcome = convert(fields, **settings)
    assert (outcome.notes, outcome.problems) == (notes, [])
    assert set(notes) <= {rule.number for rule in PLATFORM.rules if rule.severity is Severity.WARNING}


def test_a_lone_surrogate_holds_back_instead_of_raising():
    product: Any = to_light(Product.model_validate({"sku": "7", "title": "Tote"}))
    product.title = "Tote \ud83d"
    outcome = MagentoConverter(MagentoSettings(), {}).convert(product, None)
    assert said(outcome) == [("M1", "title")]
    assert outcome.problems[0].problem.value == "Tote \\ud83d"
    assert outcome.body == b""


def test_every_documented_number_is_there():
    numbers = {rule.number for rule in PLATFORM.rules}
    assert {f"M{n}" for n in range(1, 60)} <= numbers

"""Flipsnack's rules of one product: what they find, where, and what they leave alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from feedbridge.findings import Severity
from feedbridge.platforms.flipsnack import PLATFORM
from feedbridge.platforms.flipsnack.rules import RULES, is_number
from feedbridge.platforms.flipsnack.settings import FlipsnackSettings
from feedbridge.product import AreaElement, Money, Personalisation, Presentation, Product, light, to_light

EUR = {"amount": "10.00", "currency": "EUR"}
USD = {"amount": "10.00", "currency": "USD"}
SIZE = {"name": "Size", "values": ["S", "M"]}
COLOUR = {"name": "Colour", "values": ["red", "blue"]}
JPG = {"src": "https://shop.example/a.jpg"}


def eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def version(sku: str, *values: str, **fields: Any) -> dict[str, Any]:
    return {"sku": sku, "option_values": values, **fields}


def product(**fields: Any) -> Product:
    return to_light(Product.model_validate({"sku": "TEE", "title": "Tee", "price": EUR} | fields))


def found(fields: dict[str, Any], **given: Any) -> list[tuple[str, str]]:
    """(number, field) of everything that is found, in order."""
    outcome = PLATFORM.converter(FlipsnackSettings(**given), {}).convert(product(**fields), None)
    return [(problem.rule.number, problem.problem.field) for problem in outcome.problems]


REFUSED = [
    pytest.param({"options": [SIZE], "variants": [version("TEE", "S")]}, [("F12", "variants.0.sku")],
                 id="variant has the product's SKU"),
    pytest.param({"options": [SIZE], "variants": [version("A", "S"), version("A", "M")]}, [("F12", "variants.1.sku")],
                 id="two variants with one SKU"),
    pytest.param({"price": eur("1E+31")}, [("F14", "price")], id="absurdly large price"),
    pytest.param({"price": eur("1E-31")}, [("F14", "price")], id="absurdly small price"),
    pytest.param({"personalisation": {"flat_fee": "-1"}}, [("F14", "personalisation.flat_fee")], id="negative fee"),
    pytest.param({"options": [{"name": n} for n in "ABCD"]}, [("F16", "options.3.name")], id="four options"),
    pytest.param({"options": [SIZE, COLOUR], "variants": [version("A", "S")]}, [("A6", "variants.0.option_values.1")],
                 id="value missing at the end"),
    pytest.param({"options": [SIZE, COLOUR], "variants": [version("A", "", "red")]},
                 [("A6", "variants.0.option_values.0")], id="value empty"),
    pytest.param({"options": [SIZE], "variants": [version("A", "S", "red")]}, [("A6", "variants.0.option_values.1")],
                 id="value too many"),
    pytest.param({"options": [SIZE], "variants": [version("A", "S"), version("B", "M"), version("C", "S")]},
                 [("A6", "variants.2.option_values.0")], id="same combination"),
    pytest.param({"options": [{"name": "Size", "values": ["S", "M,L"]}]}, [("A6", "options.0.values.1")],
                 id="delimiter in a listed value"),
    pytest.param({"options": [{"name": "Size"}], "variants": [version("A", "S,M")]},
                 [("A6", "variants.0.option_values.0")], id="delimiter in a variant's value"),
    pytest.param({"presentation": {"item_type": ""}}, [("A7", "presentation.item_type")], id="empty type"),
    pytest.param({"presentation": {"area": {"color": "red"}}}, [("A11", "presentation.area.color")], id="colour word"),
    pytest.param({"presentation": {"button": {"color": "#12345", "label_color": "#1234567"}}},
                 [("A11", "presentation.button.color"), ("A11", "presentation.button.label_color")],
                 id="colours too short and too long"),
    pytest.param({"presentation": {"area": {"opacity": "100.01"}}}, [("A11", "presentation.area.opacity")],
                 id="opacity above 100"),
    pytest.param({"presentation": {"area": {"opacity": "-1"}}}, [("A11", "presentation.area.opacity")],
                 id="opacity below 0"),
    pytest.param({"variants": [version("A")]}, [("A18", "variants.0.option_values.0")], id="variant without options"),
    pytest.param({"quantity_min": 0}, [("A24", "quantity_min")], id="least quantity 0"),
    pytest.param({"quantity_max": -1}, [("A24", "quantity_max")], id="most quantity negative"),
    pytest.param({"quantity_min": 3, "quantity_max": 2}, [("A24", "quantity_min")], id="min above max"),
    pytest.param({"personalisation": {"character_length": 0}}, [("A24", "personalisation.character_length")],
                 id="no characters"),
    pytest.param({"images": [{"src": "pictures/a.jpg"}]}, [("A24", "images.0.src")], id="picture is a path"),
    pytest.param({"images": [{"src": "ftp://shop.example/a.jpg"}]}, [("A24", "images.0.src")], id="picture by ftp"),
    pytest.param({"images": [{"src": "https:///a.jpg"}]}, [("A24", "images.0.src")], id="picture without host"),
    pytest.param({"images": [{"src": "https://shop.example/a b.jpg"}]}, [("A24", "images.0.src")],
                 id="blank in an address"),
    pytest.param({"options": [SIZE], "variants": [version("A", "S", image={"src": "//shop.example/a.jpg"})]},
                 [("A24", "variants.0.image.src")], id="variant's picture without scheme"),
    pytest.param({"presentation": {"link": {"url": "shop.example"}}}, [("A24", "presentation.link.url")],
                 id="link without scheme"),
    pytest.param({"presentation": {"link": {"label": "More"}}}, [("A24", "presentation.link.url")],
                 id="button without link"),
    pytest.param({"sale_price": USD}, [("S3", "sale_price")], id="reduced price in another currency"),
    pytest.param({"options": [SIZE], "variants": [version("A", "S", price=USD)]}, [("S3", "variants.0.price")],
                 id="variant in another currency"),
    pytest.param({"price": None, "options": [SIZE],
                  "variants": [version("A", "S", price=EUR), version("B", "M", price=USD)]},
                 [("S3", "variants.1.price")], id="variants in two currencies"),
]


@pytest.mark.parametrize(("fields", "expected"), REFUSED)
def test_products_that_are_held_back(fields: dict[str, Any], expected: list[tuple[str, str]]):
    assert found(fields) == expected
    outcome = PLATFORM.converter(FlipsnackSettings(), {}).convert(product(**fields), None)
    assert outcome.body == b"" and {f.rule.severity for f in outcome.problems} == {Severity.ERROR}


WARNED = [
    pytest.param({"price": None}, [("A8", "price")], id="no price"),
    pytest.param({"price": None, "options": [SIZE], "variants": [version("A", "S", price=EUR), version("B", "M")]},
                 [("A8", "variants.1.price")], id="one variant without price"),
    pytest.param({"sale_price": eur("10.01")}, [("A9", "sale_price")], id="reduced above regular"),
    pytest.param({"options": [SIZE], "variants": [version("A", "S", sale_price=eur("11"))]},
                 [("A9", "variants.0.sale_price")], id="variant's reduced above the product's regular"),
    pytest.param({"price": None, "sale_price": EUR}, [("A8", "price"), ("A9", "sale_price")], id="reduced alone"),
    pytest.param({"options": [SIZE], "presentation": {"image_option": "size"}}, [("A10", "presentation.image_option")],
                 id="picture option in another case"),
    pytest.param({"images": [{"src": "https://shop.example/a.gif"}]}, [("S2", "images.0.src")], id="gif"),
    pytest.param({"images": [{"src": "https://shop.example/show?file=a.jpg"}]}, [("S2", "images.0.src")],
                 id="ending only in the query"),
    pytest.param({"options": [SIZE], "variants": [version("A", "XL")]}, [("S4", "variants.0.option_values.0")],
                 id="value the option does not list"),
    pytest.param({"options": [SIZE, SIZE]}, [("S7", "options.1.name")], id="two options of one name"),
]


@pytest.mark.parametrize(("images", "notes"), [
    pytest.param([JPG], (), id="one picture"),
    pytest.param([JPG, {"src": "https://shop.example/b.jpg"}], ("S6",), id="two pictures"),
    pytest.param([{"src": "pictures/b.jpg"}, JPG | {"role": "main"}], ("S6",), id="the second picture is the main one"),
])
def test_further_pictures_are_said_once_a_run(images: list[dict[str, Any]], notes: tuple[str, ...]):
    outcome = PLATFORM.converter(FlipsnackSettings(), {}).convert(product(images=images), None)
    assert (outcome.problems, outcome.notes) == ([], notes)


@pytest.mark.parametrize(("fields", "expected"), WARNED)
def test_products_that_are_written_with_a_word(fields: dict[str, Any], expected: list[tuple[str, str]]):
    assert found(fields) == expected
    outcome = PLATFORM.converter(FlipsnackSettings(), {}).convert(product(**fields), None)
    assert outcome.body.startswith(b'{"type":"product","code":"TEE"')


@pytest.mark.parametrize("fields", [
    pytest.param({}, id="bare"),
    pytest.param({"price": eur("0")}, id="free is a price"),
    pytest.param({"sale_price": EUR}, id="reduced equals regular"),
    pytest.param({"options": [SIZE, COLOUR], "variants": [version("A", "S", "red"), version("B", "S", "blue")]},
                 id="variants that differ in the second option"),
    pytest.param({"price": None, "options": [SIZE], "variants": [version("A", "S", price=EUR)]},
                 id="price of the variant"),
    pytest.param({"options": [{"name": "Size, wide", "values": ["S"]}]}, id="delimiter in an option's name"),
    pytest.param({"images": [{"src": "HTTPS://shop.example:8443/ä/a.WebP?v=1#x"}]}, id="unusual but whole address"),
    pytest.param({"presentation": {"area": {"opacity": "0.5", "color": "#AbCdEf"}, "link": {"shown": False}}},
                 id="opacity of either scale, hidden button"),
    pytest.param({"quantity_min": 1, "quantity_max": 1}, id="exactly one"),
])
def test_products_nothing_is_said_of(fields: dict[str, Any]):
    assert found(fields) == []


def test_another_delimiter_frees_the_comma():
    fields = {"options": [{"name": "Size", "values": ["S, short"]}], "variants": [version("A", "S, short")]}
    assert found(fields) == [("A6", "options.0.values.0"), ("A6", "variants.0.option_values.0")]
    assert found(fields, option_delimiter="|") == []


def test_further_pictures_can_be_kept_quiet():
    assert found({"images": [JPG, JPG]}, further_images="ignore") == []


@pytest.mark.parametrize("status", ["draft", "archived"])
def test_products_that_are_not_active_are_excluded_unless_wanted(status: str):
    convert = PLATFORM.converter(FlipsnackSettings(), {}).convert
    outcome = convert(product(status=status, price=None), None)
    assert (outcome.excluded, outcome.body) == (status, b"")
    assert [(f.rule.number, f.rule.severity, f.problem.value) for f in outcome.problems] == [
        ("S1", Severity.ADVICE, status),
    ]
    written = PLATFORM.converter(FlipsnackSettings(drafts="write"), {}).convert(product(status=status), None)
    assert written.excluded == "" and written.problems == [] and b'"code":"TEE"' in written.body


def test_every_documented_rule_and_choice_is_there():
    assert [rule.number for rule in RULES if rule.number[0] in "FA"] == [
        *(f"F{n}" for n in range(1, 23)), *(f"A{n}" for n in range(1, 27)),
    ]


@pytest.mark.parametrize(("number", "fits"), [
    pytest.param(Decimal("999999999999999999999999999999"), True, id="30 digits"),
    pytest.param(Decimal("1E+30"), False, id="31 digits"),
    pytest.param(Decimal("1E-30"), True, id="30 decimals"),
    pytest.param(Decimal("1E-31"), False, id="31 decimals"),
    pytest.param(Decimal("0E-400"), True, id="zero, however written"),
    pytest.param(Decimal("-0"), True, id="minus zero"),
    pytest.param(Decimal("-0.01"), False, id="negative"),
    pytest.param(Decimal("NaN"), False, id="not a number"),
    pytest.param(Decimal("Infinity"), False, id="infinite"),
    pytest.param(3, True, id="integer"),
    pytest.param(-3, False, id="negative integer"),
])
def test_numbers_that_can_be_sent(number: Decimal | int, fits: bool):
    assert is_number(number) is fits


NAN = Decimal("NaN")


@pytest.mark.parametrize(("field", "value", "place"), [
    pytest.param("price", light(Money)(amount=NAN, currency="EUR"), "price", id="price"),
    pytest.param("sale_price", light(Money)(amount=NAN, currency="EUR"), "sale_price", id="reduced price"),
    pytest.param("personalisation", light(Personalisation)(flat_fee=NAN), "personalisation.flat_fee", id="fee"),
    pytest.param("presentation", light(Presentation)(area=light(AreaElement)(opacity=NAN)),
                 "presentation.area.opacity", id="opacity"),
    pytest.param("quantity_min", NAN, "quantity_min", id="quantity"),
])
def test_what_is_no_number_is_found_not_raised(field: str, value: Any, place: str):
    broken = product()
    setattr(broken, field, value)
    outcome = PLATFORM.converter(FlipsnackSettings(), {}).convert(broken, None)
    assert [(f.rule.number, f.problem.field, f.problem.value) for f in outcome.problems] == [("F14", place, "NaN")]
    assert outcome.body == b""


@pytest.mark.parametrize(
    ("address", "words"),
    [
        pytest.param("https://c.example/a b.jpg", ("holds a blank", "write %20"), id="a blank"),
        pytest.param("/a.jpg", ("is not an absolute http(s) address", "can be downloaded"), id="a path"),
        pytest.param("my pictures/a b.jpg", ("is not an absolute http(s) address", "can be downloaded"), id="both"),
    ],
)
def test_an_address_is_told_what_is_wrong_with_it(address, words):
    from feedbridge.platforms.flipsnack.rules import _no_link

    problem = _no_link("images.0.src", f'picture "{address}"', address, "give an address where it can be downloaded")
    assert words[0] in problem.message and words[1] in problem.mend

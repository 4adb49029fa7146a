"""What a path makes of a document."""

from __future__ import annotations

import pytest

from feedbridge.errors import MappingError, SourceError
from tests.mapping.trial import Documents, one, tried

DOCUMENTS = [
    pytest.param("brand: maker.name", {"maker": {"name": "Acme"}}, {"brand": "Acme"}, id="a path"),
    pytest.param("brand: makers.1", {"makers": ["One", "Two"]}, {"brand": "Two"}, id="a place in a list"),
    pytest.param("brand: makers.5", {"makers": ["One"]}, {}, id="behind the end of a list"),
    pytest.param(
        'brand: "makers[?main].name | [0]"',
        {"makers": [{"name": "A"}, {"name": "B", "main": True}]},
        {"brand": "B"},
        id="JMESPath",
    ),
    pytest.param(
        'tags: "tags[*].name"',
        {"tags": [{"name": "red"}, {"name": "blue"}]},
        {"tags": ["red", "blue"]},
        id="a JMESPath list",
    ),
    pytest.param('brand: {from: m, join: ", "}', {"m": ["a", "", "b"]}, {"brand": "a, b"}, id="a list joined"),
    pytest.param("quantity_min: m", {"m": 3}, {"quantity_min": 3}, id="a JSON number"),
    pytest.param("stock: m", {"m": 2.5}, {"stock": "2.5"}, id="a JSON number with a point"),
    pytest.param(
        "price: {from: m, currency: EUR}",
        {"m": 12.5},
        {"price": {"amount": "12.5", "currency": "EUR"}},
        id="a JSON price",
    ),
    pytest.param(
        "price: m",
        {"m": {"amount": "12.50", "currency": "EUR"}},
        {"price": {"amount": "12.50", "currency": "EUR"}},
        id="a JSON price object",
    ),
    pytest.param("brand: m", {"m": None}, {}, id="null is nothing"),
    pytest.param("brand: m", {"m": []}, {}, id="an empty list is nothing"),
    pytest.param("attributes: {flag: m}", {"m": False}, {"attributes": {"flag": "false"}}, id="false is a value"),
    pytest.param(
        "status: {when: {column: m, is: false}, then: {value: draft}}",
        {"m": False},
        {"status": "draft"},
        id="a condition on false",
    ),
    pytest.param(
        "images:\n  - {each: pics, src: url, alt: '^Name'}",
        {"pics": [{"url": "a.jpg"}, {"url": "b.jpg"}]},
        {"images": [{"src": "a.jpg", "alt": "Tea pot"}, {"src": "b.jpg", "alt": "Tea pot"}]},
        id="each, with a way back",
    ),
    pytest.param(
        "images:\n  - {each: pics, src: url}",
        {"pics": {"url": "a.jpg"}},
        {"images": [{"src": "a.jpg"}]},
        id="each of one object",
    ),
    pytest.param("images:\n  - {each: pics, src: url}", {"pics": None}, {}, id="each of nothing"),
]


@pytest.mark.parametrize(("spec", "document", "expected"), DOCUMENTS)
def test_a_path_reads(spec, document, expected):
    trial = one(spec, document, documents=True)
    assert trial.fields() == {"sku": "A-1", "title": "Tea pot", **expected}
    assert trial.findings == [] and trial.quick


@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param({"a": 1}, "cell.text-shape", id="an object for a text"),
        pytest.param([1], "cell.text-shape", id="a list for a text"),
    ],
)
def test_a_shape_that_does_not_fit_is_named(value, code):
    trial = one("brand: m", {"m": value}, documents=True)
    assert trial.codes == [code] and trial.product is None


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param("brand: 'tags[?'", id="in a field"),
        pytest.param("images: [{each: 'a[', src: b}]", id="in each"),
        pytest.param("brand: {template: '{tags[?}'}", id="in a template"),
        pytest.param("brand: {when: {column: 'a[', empty: true}, then: b}", id="in a condition"),
    ],
)
def test_a_path_that_is_none_is_a_mistake_of_the_mapping(spec):
    with pytest.raises(MappingError, match=r"shop\.yaml:\d+"):
        one(spec, {}, documents=True)


def test_a_function_that_cannot_be_applied_holds_back():
    trial = one("brand: \"join(', ', m)\"", {"m": [1, 2]}, documents=True)
    assert trial.codes == ["mapping.path"] and trial.product is None


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param("brand: {template: '{m}'}", id="in a template"),
        pytest.param("brand: {all: [m, Name], join: ' '}", id="joined"),
        pytest.param("brand: {from: m, lookup: {table: {a: b}}}", id="looked up"),
    ],
)
@pytest.mark.parametrize("value", [{"a": 1}, [1, [2]]])
def test_an_object_or_list_never_becomes_part_of_a_text(spec, value):
    trial = one(spec, {"m": value}, documents=True)
    assert trial.codes == ["cell.text-shape"] and trial.product is None
    assert not trial.quick


def test_numbers_in_a_template_are_written_as_a_person_would():
    trial = one("brand: {template: '{m} x {n}'}", {"m": 1000.0, "n": True}, documents=True)
    assert trial.fields()["brand"] == "1000.0 x true"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("product: {sku: Id, title: Name, images: [{each: 'sort(m)', src: a}]}\n", id="each"),
        pytest.param("records: {variants: 'sort(m)'}\nproduct: {sku: Id, title: Name}\nvariant: {sku: a}\n", id="list"),
    ],
)
def test_an_expression_for_inner_lists_that_cannot_be_applied_holds_back(text):
    (trial,) = tried(text, Documents([{"Id": "1", "Name": "x", "m": ["a", 1]}]))
    assert trial.codes == ["mapping.path"] and trial.product is None


def test_an_expression_for_the_key_that_cannot_be_applied_stops_the_run():
    text = "records: {one: variant, group_by: \"join('-', m)\"}\n"
    text += "product: {sku: Id, title: Name}\nvariant: {sku: Id}\n"
    with pytest.raises(SourceError, match="cannot be worked out"):
        tried(text, Documents([{"Id": "1", "Name": "x", "m": [1]}]))

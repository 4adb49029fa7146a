"""What a spec makes of a cell, in tables and in documents, by both paths."""

from __future__ import annotations

import pytest

from tests.mapping.trial import BASE, one

FIELDS = [
    pytest.param(
        "brand: Maker", {"Maker": " Acme "}, {"brand": "Acme"}, id="a bare column, blanks at its ends taken off"
    ),
    pytest.param("brand: [Marke, Maker]", {"Maker": "Acme"}, {"brand": "Acme"}, id="aliases: the first that is there"),
    pytest.param("brand: {first_filled: [A, B]}", {"A": " ", "B": "Acme"}, {"brand": "Acme"}, id="first filled"),
    pytest.param(
        "brand: {first_filled: [A, B]}", {"A": "One", "B": "Two"}, {"brand": "One"}, id="first filled, both are"
    ),
    pytest.param(
        'brand: {all: [A, B, C], join: " / "}',
        {"A": "One", "B": "", "C": "Two"},
        {"brand": "One / Two"},
        id="all joined, empty ones left out",
    ),
    pytest.param("tags: {all: [A, B]}", {"A": "red", "B": "blue"}, {"tags": ["red", "blue"]}, id="all as a list"),
    pytest.param("brand: {value: Acme}", {}, {"brand": "Acme"}, id="a constant"),
    pytest.param("kind: {value: digital}", {}, {"kind": "digital"}, id="a constant among choices"),
    pytest.param(
        'slug: {template: "{Id|lower}-{Name|slug}"}',
        {"Name": "Tea Pot XL!"},
        {"slug": "a-1-tea-pot-xl"},
        id="a template with filters",
    ),
    pytest.param(
        'slug: {template: "{Id|lower}-{X|upper}"}', {"X": ""}, {}, id="a template is empty as soon as a column is"
    ),
    pytest.param(
        "status: {when: {column: Old, is: [yes, 'Ja']}, then: {value: archived}, else: {value: active}}",
        {"Old": "JA"},
        {"status": "archived"},
        id="when is, without case",
    ),
    pytest.param(
        "status: {when: {column: Old, matches: '^x'}, then: {value: draft}}",
        {"Old": "xy"},
        {"status": "draft"},
        id="when matches",
    ),
    pytest.param(
        "status: {when: {column: Old, matches: '^x'}, then: {value: draft}}",
        {"Old": "yx"},
        {},
        id="when does not match, no else",
    ),
    pytest.param(
        "brand: {when: {column: A, empty: true}, then: B, else: A}",
        {"A": "", "B": "Two"},
        {"brand": "Two"},
        id="when empty, branches are columns",
    ),
    pytest.param(
        "brand: {when: {column: A, empty: true}, then: B, else: A}",
        {"A": "One", "B": "Two"},
        {"brand": "One"},
        id="when not empty, else",
    ),
    pytest.param(
        "brand: {from: Maker, default: unknown}", {"Maker": "  "}, {"brand": "unknown"}, id="default of an empty cell"
    ),
    pytest.param(
        "quantity_min: {from: Min, default: 2}", {"Min": ""}, {"quantity_min": 2}, id="a default is read like a cell"
    ),
    pytest.param(
        "brand: {from: M, regex: {find: '[A-Z]+'}}", {"M": "by ACME Ltd"}, {"brand": "ACME"}, id="regex keeps the match"
    ),
    pytest.param(
        "brand: {from: M, regex: {find: 'by (\\w+)'}}",
        {"M": "by Acme Ltd"},
        {"brand": "Acme"},
        id="regex keeps the first group",
    ),
    pytest.param(
        "brand: {from: M, regex: {find: '^by '}}", {"M": "Acme"}, {}, id="regex without a match leaves nothing"
    ),
    pytest.param(
        "brand: {from: M, regex: {find: '(\\w)o', replace: '\\1'}}",
        {"M": "Foo Zoo"},
        {"brand": "Fo Zo"},
        id="regex rewrites every match",
    ),
    pytest.param(
        "brand: {from: M, replace: {'&': and, '.': ''}}", {"M": "B & Co."}, {"brand": "B and Co"}, id="replace"
    ),
    pytest.param("brand: {from: M, case: upper}", {"M": "acme"}, {"brand": "ACME"}, id="upper case"),
    pytest.param("brand: {from: M, case: title}", {"M": "acme ltd"}, {"brand": "Acme Ltd"}, id="title case"),
    pytest.param(
        "short_description: {from: M, strip_html: true}",
        {"M": "<p>a &amp; b</p>"},
        {"short_description": "a & b"},
        id="HTML taken out",
    ),
    pytest.param("short_description: {from: M, strip_html: true}", {"M": "<p> </p>"}, {}, id="only HTML is nothing"),
    pytest.param(
        "description: {from: M, as: html}",
        {"M": "<p>a</p>"},
        {"description": "<p>a</p>", "description_is_html": True},
        id="HTML is known as HTML",
    ),
    pytest.param(
        "description: {from: M, as: html, strip: true}",
        {"M": "<p>a</p>"},
        {"description": "a"},
        id="stripped HTML is text",
    ),
    pytest.param("description: {from: M, as: html}", {"M": ""}, {}, id="no description is no HTML"),
    pytest.param(
        "brand: {from: M, lookup: {table: {A: Acme}}}",
        {"M": " a "},
        {"brand": "Acme"},
        id="a table, without case and blanks",
    ),
    pytest.param(
        "brand: {from: M, lookup: {table: {A: Acme}, missing: keep}}",
        {"M": "B"},
        {"brand": "B"},
        id="not in the table: kept",
    ),
    pytest.param(
        "brand: {from: M, lookup: {table: {A: Acme}, missing: empty}}", {"M": "B"}, {}, id="not in the table: left out"
    ),
    pytest.param(
        "tags: {from: M, lookup: {table: {r: red}, missing: keep}}",
        {"M": "r, blue"},
        {"tags": ["red", "blue"]},
        id="a table for each item of a list",
    ),
    pytest.param(
        "categories: {from: M, separator: '>', lookup: {table: {'A > B': 'X > Y'}}}",
        {"M": "A > B"},
        {"categories": [["X", "Y"]]},
        id="a table for category paths",
    ),
    pytest.param(
        "price: {from: P, currency: EUR, decimal: ','}",
        {"P": "1.299,50"},
        {"price": {"amount": "1299.50", "currency": "EUR"}},
        id="a price",
    ),
    pytest.param(
        "price: {from: P, decimal: '.', currency_from: C}",
        {"P": "5.00", "C": "usd"},
        {"price": {"amount": "5.00", "currency": "USD"}},
        id="a price's currency from a column",
    ),
    pytest.param(
        "price: {from: P, decimal: '.', currency: EUR, currency_from: [C]}",
        {"P": "5.00", "C": ""},
        {"price": {"amount": "5.00", "currency": "EUR"}},
        id="an empty currency column leaves the fixed one",
    ),
    pytest.param(
        "price: {value: '5.00', decimal: '.', currency: EUR, currency_from: [C]}",
        {"C": "USD"},
        {"price": {"amount": "5.00", "currency": "USD"}},
        id="a constant price in the record's currency",
    ),
    pytest.param(
        "prices: [{from: P, currency: EUR, decimal: '.'}, {from: Q, currency: USD, decimal: '.'}]",
        {"P": "5.00", "Q": ""},
        {"prices": [{"amount": "5.00", "currency": "EUR"}]},
        id="prices in several currencies",
    ),
    pytest.param(
        "compare_at_price: {from: U, currency: EUR, decimal: '.'}\nprice: {from: P, currency: EUR, decimal: '.'}",
        {"U": "9.00", "P": "5.00"},
        {"price": {"amount": "9.00", "currency": "EUR"}, "sale_price": {"amount": "5.00", "currency": "EUR"}},
        id="a compare-at price above the price",
    ),
    pytest.param(
        "compare_at_price: {from: U, currency: EUR, decimal: '.'}\nprice: {from: P, currency: EUR, decimal: '.'}",
        {"U": "5.00", "P": "5.00"},
        {"price": {"amount": "5.00", "currency": "EUR"}},
        id="a compare-at price that is not above it",
    ),
    pytest.param("tags: T", {"T": "a, b,, a"}, {"tags": ["a", "b"]}, id="a list"),
    pytest.param("tags: T", {"T": " , ,"}, {}, id="a list of nothing"),
    pytest.param(
        "categories: {from: T, as: category_path, separator: '>'}",
        {"T": "A > B"},
        {"categories": [["A", "B"]]},
        id="one category path",
    ),
    pytest.param(
        "categories: {from: T, as: category_path, separator: '>'}",
        {"T": " > "},
        {},
        id="a category path of separators only",
    ),
    pytest.param(
        "category_ids: {magento: {from: T, separator: '|'}}",
        {"T": "4|7"},
        {"category_ids": {"magento": ["4", "7"]}},
        id="named lists",
    ),
    pytest.param(
        "ids: {magento: M, flickrocket: F}",
        {"M": "0042", "F": ""},
        {"ids": {"magento": "0042"}},
        id="named identifiers, empty ones left out",
    ),
    pytest.param(
        "attributes: {Material: M, care: {value: hand}}",
        {"M": "Oak"},
        {"attributes": {"Material": "Oak", "care": "hand"}},
        id="attributes",
    ),
    pytest.param(
        "attributes: {w: {from: M, as: decimal, decimal: ','}, b: {from: B, as: boolean}, n: {from: N, as: integer}}",
        {"M": "1,50", "B": "yes", "N": "7"},
        {"attributes": {"w": "1.50", "b": "true", "n": "7"}},
        id="attributes that are checked as numbers are text",
    ),
    pytest.param(
        "digital: {medium: M, themes: {from: T, separator: '|'}}",
        {"M": "ebook", "T": "3|5"},
        {"digital": {"medium": "ebook", "themes": [3, 5]}},
        id="a nested block with choices and whole numbers",
    ),
    pytest.param(
        "presentation: {button: {label: L}, link: {url: U, label: {value: More}}}",
        {"L": "Buy", "U": ""},
        {"presentation": {"button": {"label": "Buy"}}},
        id="blocks in blocks; constants alone make none",
    ),
    pytest.param(
        "translations: {de: {title: T, description: D}}",
        {"T": "Kanne", "D": ""},
        {"translations": [{"locale": "de", "title": "Kanne"}]},
        id="translations",
    ),
    pytest.param("translations: {de: {title: T}}", {"T": ""}, {}, id="a translation of nothing is none"),
    pytest.param("images: P", {"P": "a/b.jpg"}, {"images": [{"src": "a/b.jpg"}]}, id="a bare image column"),
    pytest.param(
        "images:\n  - {src: {from: P, as: list, separator: '|'}, alt: T}",
        {"P": "a.jpg|b.jpg", "T": "Pot"},
        {"images": [{"src": "a.jpg", "alt": "Pot"}, {"src": "b.jpg", "alt": "Pot"}]},
        id="several images in a cell",
    ),
    pytest.param(
        "images:\n  - {src: P, position: N}\n  - {src: Q, position: {value: 1}}",
        {"P": "a.jpg", "N": "2", "Q": "b.jpg"},
        {"images": [{"src": "b.jpg", "position": 1}, {"src": "a.jpg", "position": 2}]},
        id="images by position",
    ),
    pytest.param(
        "images:\n  - P\n  - Q", {"P": "a.jpg", "Q": "a.jpg"}, {"images": [{"src": "a.jpg"}]}, id="the same image once"
    ),
    pytest.param(
        "images:\n  - {for: 'P,Q', src: '${item}', role: {value: '${item}'}}",
        {"P": "a.jpg", "Q": "b.jpg"},
        {"images": [{"src": "a.jpg", "role": "P"}, {"src": "b.jpg", "role": "Q"}]},
        id="one block for each word",
    ),
    pytest.param(
        "tier_prices:\n  - {quantity: {value: 10}, price: {from: P, currency: EUR, decimal: '.'}}",
        {"P": "4.00"},
        {"tier_prices": [{"quantity": "10", "price": {"amount": "4.00", "currency": "EUR"}}]},
        id="a tier price",
    ),
    pytest.param(
        "tier_prices:\n  - {quantity: {value: 10}, price: {from: P, currency: EUR, decimal: '.'}}",
        {"P": ""},
        {},
        id="a tier without price is none",
    ),
    pytest.param(
        "custom_options:\n  - {title: {value: Engraving}, kind: {value: field}, price: {from: P, decimal: '.'}}",
        {"P": "4.00"},
        {"custom_options": [{"title": "Engraving", "kind": "field", "price": "4.00"}]},
        id="a custom option",
    ),
    pytest.param(
        "weight_grams: {from: W, unit: kg, decimal: '.'}", {"W": "1.5"}, {"weight_grams": "1500"}, id="a weight"
    ),
    pytest.param("gtin: G", {"G": "4-006381-333931"}, {"gtin": "4006381333931"}, id="a GTIN"),
    pytest.param("locale: L", {"L": "de_DE"}, {"locale": "de_DE"}, id="a locale"),
]


@pytest.mark.parametrize("documents", [pytest.param(False, id="table"), pytest.param(True, id="document")])
@pytest.mark.parametrize(("spec", "cells", "expected"), FIELDS)
def test_a_spec_reads(spec, cells, expected, documents):
    if documents and "columns" not in spec:
        spec = spec.replace("brand: [Marke, Maker]", "brand: {first_filled: [Marke, Maker]}")
    elif not documents:
        cells = {"Marke": "Acme"} if "Marke" in spec else cells
    trial = one(spec, cells, documents=documents)
    assert trial.fields() == {"sku": "A-1", "title": cells.get("Name", "Tea pot"), **expected}
    assert trial.findings == []
    assert trial.quick


REFUSED = [
    pytest.param("brand: {from: M, required: true}", {"M": " "}, "mapping.required", "M", id="required and empty"),
    pytest.param(
        "brand: {from: M, required: true, lookup: {table: {A: Acme}, missing: empty}}",
        {"M": "B"},
        "mapping.required",
        "M",
        id="required and made empty by a table",
    ),
    pytest.param(
        "brand: {from: M, lookup: {table: {Acme: A}}}", {"M": "Acne"}, "cell.lookup-missing", "M", id="not in the table"
    ),
    pytest.param(
        "price: {from: P, decimal: '.'}", {"P": "5.00"}, "cell.price-no-currency", "P", id="a price without currency"
    ),
    pytest.param(
        "price: {from: P, decimal: '.', currency: EUR, currency_from: C}",
        {"P": "5.00", "C": "EURO"},
        "cell.currency",
        "P",
        id="a currency that is none",
    ),
    pytest.param("digital: {medium: M}", {"M": "papyrus"}, "cell.choice", "M", id="none of the choices"),
    pytest.param(
        "digital: {themes: T}", {"T": "3,x"}, "cell.integer-format", "T", id="not a whole number in a list of them"
    ),
    pytest.param("locale: L", {"L": "German"}, "model.invalid", "L", id="not a locale"),
    pytest.param(
        "sku: {from: S, as: text}", {"S": "A\nB"}, "model.invalid", "S", id="a SKU over two lines, read as text"
    ),
    pytest.param("gtin: {from: G, as: text}", {"G": "abc"}, "model.invalid", "G", id="a GTIN read as text"),
    pytest.param("gtin: {from: G, as: identifier}", {"G": "abc"}, "model.invalid", "G", id="a GTIN read as identifier"),
    pytest.param(
        "length_mm: {from: W, as: decimal, decimal: '.'}",
        {"W": "-1"},
        "model.invalid",
        "W",
        id="a negative length, read as a decimal",
    ),
    pytest.param(
        "tier_prices:\n  - {quantity: Q, percent_off: {value: 5, decimal: '.'}}",
        {"Q": "0"},
        "model.invalid",
        "Q",
        id="a tier from quantity 0",
    ),
    pytest.param("status: S", {"S": "maybe"}, "cell.status", "S", id="no status"),
    pytest.param("brand: M", {"M": "a\x07b"}, "cell.text-control", "M", id="a control character"),
]


@pytest.mark.parametrize("documents", [pytest.param(False, id="table"), pytest.param(True, id="document")])
@pytest.mark.parametrize(("spec", "cells", "code", "column"), REFUSED)
def test_a_spec_holds_back(spec, cells, code, column, documents):
    base = spec if not spec.startswith("sku") else None
    text = None if base else f"product:\n  title: Name\n  {spec}\n"
    trial = one(text or spec, cells, documents=documents)
    assert trial.product is None and not trial.quick
    (finding,) = trial.findings
    assert finding.code.startswith(code)
    assert finding.column == column
    assert finding.line == (1 if documents else 2)
    assert finding.pointer == ("/0" if documents else "")
    assert finding.value == cells[column].strip()


WARNED = [
    pytest.param("gtin: G", {"G": "4006381333932"}, "cell.gtin-check-digit", id="a wrong GTIN is left out"),
    pytest.param(
        "brand: {from: M, lookup: {table: {A: Acme}, missing: warning}}",
        {"M": "B"},
        "cell.lookup-missing",
        id="not in the table, with a warning",
    ),
    pytest.param(
        "images:\n  - {src: P, alt: T}", {"P": "", "T": "Pot"}, "mapping.incomplete", id="an image without address"
    ),
]


@pytest.mark.parametrize("documents", [pytest.param(False, id="table"), pytest.param(True, id="document")])
@pytest.mark.parametrize(("spec", "cells", "code"), WARNED)
def test_a_spec_warns_and_goes_on(spec, cells, code, documents):
    trial = one(spec, cells, documents=documents)
    assert trial.fields() == {"sku": "A-1", "title": "Tea pot"}
    assert trial.codes == [code]
    assert trial.findings[0].severity == "warning"
    assert trial.findings[0].sku == "A-1"


def test_no_sku_and_no_title_are_said():
    trial = one(BASE, {"Id": "", "Name": ""}, documents=False)
    assert trial.codes == ["mapping.no-sku", "mapping.no-title"]

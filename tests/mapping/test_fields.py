"""What a spec makes of a cell, in tables and in documents, by both paths."""

from __future__ import annotations

import pytest

from feedbridge.errors import CommandError, MappingError
from tests.mapping.trial import Documents, Rows, Trial, applied, mapping_of, tried, tried_group

BASE = "product:\n  sku: Id\n  title: Name\n"


def one(spec: str, cells: dict[str, object], *, documents: bool, folder=None, **parameters: str) -> Trial:
    """The product of one record; ``spec`` is added to a product with SKU and title."""
    text = spec if "product:" in spec else BASE + "".join(f"  {line}\n" for line in spec.splitlines())
    mapping = mapping_of(text, folder, **parameters) if folder else mapping_of(text, **parameters)
    record = {"Id": "A-1", "Name": "Tea pot", **cells}
    source = Documents([record]) if documents else Rows.of({name: str(value) for name, value in record.items()})
    (trial,) = tried(mapping, source)
    return trial


FIELDS = [
    pytest.param("brand: Maker", {"Maker": " Acme "}, {"brand": "Acme"}, id="a bare column, blanks at its ends taken off"),
    pytest.param("brand: [Marke, Maker]", {"Maker": "Acme"}, {"brand": "Acme"}, id="aliases: the first that is there"),
    pytest.param("brand: {first_filled: [A, B]}", {"A": " ", "B": "Acme"}, {"brand": "Acme"}, id="first filled"),
    pytest.param("brand: {first_filled: [A, B]}", {"A": "One", "B": "Two"}, {"brand": "One"}, id="first filled, both are"),
    pytest.param('brand: {all: [A, B, C], join: " / "}', {"A": "One", "B": "", "C": "Two"}, {"brand": "One / Two"}, id="all joined, empty ones left out"),
    pytest.param("tags: {all: [A, B]}", {"A": "red", "B": "blue"}, {"tags": ["red", "blue"]}, id="all as a list"),
    pytest.param("brand: {value: Acme}", {}, {"brand": "Acme"}, id="a constant"),
    pytest.param("kind: {value: digital}", {}, {"kind": "digital"}, id="a constant among choices"),
    pytest.param('slug: {template: "{Id|lower}-{Name|slug}"}', {"Name": "Tea Pot XL!"}, {"slug": "a-1-tea-pot-xl"}, id="a template with filters"),
    pytest.param('slug: {template: "{Id|lower}-{X|upper}"}', {"X": ""}, {}, id="a template is empty as soon as a column is"),
    pytest.param("status: {when: {column: Old, is: [yes, 'Ja']}, then: {value: archived}, else: {value: active}}", {"Old": "JA"}, {"status": "archived"}, id="when is, without case"),
    pytest.param("status: {when: {column: Old, matches: '^x'}, then: {value: draft}}", {"Old": "xy"}, {"status": "draft"}, id="when matches"),
    pytest.param("status: {when: {column: Old, matches: '^x'}, then: {value: draft}}", {"Old": "yx"}, {}, id="when does not match, no else"),
    pytest.param("brand: {when: {column: A, empty: true}, then: B, else: A}", {"A": "", "B": "Two"}, {"brand": "Two"}, id="when empty, branches are columns"),
    pytest.param("brand: {when: {column: A, empty: true}, then: B, else: A}", {"A": "One", "B": "Two"}, {"brand": "One"}, id="when not empty, else"),
    pytest.param("brand: {from: Maker, default: unknown}", {"Maker": "  "}, {"brand": "unknown"}, id="default of an empty cell"),
    pytest.param("quantity_min: {from: Min, default: 2}", {"Min": ""}, {"quantity_min": 2}, id="a default is read like a cell"),
    pytest.param("brand: {from: M, regex: {find: '[A-Z]+'}}", {"M": "by ACME Ltd"}, {"brand": "ACME"}, id="regex keeps the match"),
    pytest.param("brand: {from: M, regex: {find: 'by (\\w+)'}}", {"M": "by Acme Ltd"}, {"brand": "Acme"}, id="regex keeps the first group"),
    pytest.param("brand: {from: M, regex: {find: '^by '}}", {"M": "Acme"}, {}, id="regex without a match leaves nothing"),
    pytest.param("brand: {from: M, regex: {find: '(\\w)o', replace: '\\1'}}", {"M": "Foo Zoo"}, {"brand": "Fo Zo"}, id="regex rewrites every match"),
    pytest.param("brand: {from: M, replace: {'&': and, '.': ''}}", {"M": "B & Co."}, {"brand": "B and Co"}, id="replace"),
    pytest.param("brand: {from: M, case: upper}", {"M": "acme"}, {"brand": "ACME"}, id="upper case"),
    pytest.param("brand: {from: M, case: title}", {"M": "acme ltd"}, {"brand": "Acme Ltd"}, id="title case"),
    pytest.param("short_description: {from: M, strip_html: true}", {"M": "<p>a &amp; b</p>"}, {"short_description": "a & b"}, id="HTML taken out"),
    pytest.param("short_description: {from: M, strip_html: true}", {"M": "<p> </p>"}, {}, id="only HTML is nothing"),
    pytest.param("description: {from: M, as: html}", {"M": "<p>a</p>"}, {"description": "<p>a</p>", "description_is_html": True}, id="HTML is known as HTML"),
    pytest.param("description: {from: M, as: html, strip: true}", {"M": "<p>a</p>"}, {"description": "a"}, id="stripped HTML is text"),
    pytest.param("description: {from: M, as: html}", {"M": ""}, {}, id="no description is no HTML"),
    pytest.param("brand: {from: M, lookup: {table: {A: Acme}}}", {"M": " a "}, {"brand": "Acme"}, id="a table, without case and blanks"),
    pytest.param("brand: {from: M, lookup: {table: {A: Acme}, missing: keep}}", {"M": "B"}, {"brand": "B"}, id="not in the table: kept"),
    pytest.param("brand: {from: M, lookup: {table: {A: Acme}, missing: empty}}", {"M": "B"}, {}, id="not in the table: left out"),
    pytest.param("tags: {from: M, lookup: {table: {r: red}, missing: keep}}", {"M": "r, blue"}, {"tags": ["red", "blue"]}, id="a table for each item of a list"),
    pytest.param("categories: {from: M, separator: '>', lookup: {table: {'A > B': 'X > Y'}}}", {"M": "A > B"}, {"categories": [["X", "Y"]]}, id="a table for category paths"),
    pytest.param("price: {from: P, currency: EUR, decimal: ','}", {"P": "1.299,50"}, {"price": {"amount": "1299.50", "currency": "EUR"}}, id="a price"),
    pytest.param("price: {from: P, decimal: '.', currency_from: C}", {"P": "5.00", "C": "usd"}, {"price": {"amount": "5.00", "currency": "USD"}}, id="a price's currency from a column"),
    pytest.param("price: {from: P, decimal: '.', currency: EUR, currency_from: [C]}", {"P": "5.00", "C": ""}, {"price": {"amount": "5.00", "currency": "EUR"}}, id="an empty currency column leaves the fixed one"),
    pytest.param("price: {value: '5.00', decimal: '.', currency: EUR, currency_from: [C]}", {"C": "USD"}, {"price": {"amount": "5.00", "currency": "USD"}}, id="a constant price in the record's currency"),
    pytest.param("prices: [{from: P, currency: EUR, decimal: '.'}, {from: Q, currency: USD, decimal: '.'}]", {"P": "5.00", "Q": ""}, {"prices": [{"amount": "5.00", "currency": "EUR"}]}, id="prices in several currencies"),
    pytest.param("compare_at_price: {from: U, currency: EUR, decimal: '.'}\nprice: {from: P, currency: EUR, decimal: '.'}", {"U": "9.00", "P": "5.00"}, {"price": {"amount": "9.00", "currency": "EUR"}, "sale_price": {"amount": "5.00", "currency": "EUR"}}, id="a compare-at price above the price"),
    pytest.param("compare_at_price: {from: U, currency: EUR, decimal: '.'}\nprice: {from: P, currency: EUR, decimal: '.'}", {"U": "5.00", "P": "5.00"}, {"price": {"amount": "5.00", "currency": "EUR"}}, id="a compare-at price that is not above it"),
    pytest.param("tags: T", {"T": "a, b,, a"}, {"tags": ["a", "b"]}, id="a list"),
    pytest.param("tags: T", {"T": " , ,"}, {}, id="a list of nothing"),
    pytest.param("categories: {from: T, as: category_path, separator: '>'}", {"T": "A > B"}, {"categories": [["A", "B"]]}, id="one category path"),
    pytest.param("categories: {from: T, as: category_path, separator: '>'}", {"T": " > "}, {}, id="a category path of separators only"),
    pytest.param("category_ids: {magento: {from: T, separator: '|'}}", {"T": "4|7"}, {"category_ids": {"magento": ["4", "7"]}}, id="named lists"),
    pytest.param("ids: {magento: M, flickrocket: F}", {"M": "0042", "F": ""}, {"ids": {"magento": "0042"}}, id="named identifiers, empty ones left out"),
    pytest.param("attributes: {Material: M, care: {value: hand}}", {"M": "Oak"}, {"attributes": {"Material": "Oak", "care": "hand"}}, id="attributes"),
    pytest.param("attributes: {w: {from: M, as: decimal, decimal: ','}, b: {from: B, as: boolean}, n: {from: N, as: integer}}", {"M": "1,50", "B": "yes", "N": "7"}, {"attributes": {"w": "1.50", "b": "true", "n": "7"}}, id="attributes that are checked as numbers are text"),
    pytest.param("digital: {medium: M, themes: {from: T, separator: '|'}}", {"M": "ebook", "T": "3|5"}, {"digital": {"medium": "ebook", "themes": [3, 5]}}, id="a nested block with choices and whole numbers"),
    pytest.param("presentation: {button: {label: L}, link: {url: U, label: {value: More}}}", {"L": "Buy", "U": ""}, {"presentation": {"button": {"label": "Buy"}}}, id="blocks in blocks; constants alone make none"),
    pytest.param("translations: {de: {title: T, description: D}}", {"T": "Kanne", "D": ""}, {"translations": [{"locale": "de", "title": "Kanne"}]}, id="translations"),
    pytest.param("translations: {de: {title: T}}", {"T": ""}, {}, id="a translation of nothing is none"),
    pytest.param("images: P", {"P": "a/b.jpg"}, {"images": [{"src": "a/b.jpg"}]}, id="a bare image column"),
    pytest.param("images:\n  - {src: {from: P, as: list, separator: '|'}, alt: T}", {"P": "a.jpg|b.jpg", "T": "Pot"}, {"images": [{"src": "a.jpg", "alt": "Pot"}, {"src": "b.jpg", "alt": "Pot"}]}, id="several images in a cell"),
    pytest.param("images:\n  - {src: P, position: N}\n  - {src: Q, position: {value: 1}}", {"P": "a.jpg", "N": "2", "Q": "b.jpg"}, {"images": [{"src": "b.jpg", "position": 1}, {"src": "a.jpg", "position": 2}]}, id="images by position"),
    pytest.param("images:\n  - P\n  - Q", {"P": "a.jpg", "Q": "a.jpg"}, {"images": [{"src": "a.jpg"}]}, id="the same image once"),
    pytest.param("images:\n  - {for: 'P,Q', src: '${item}', role: {value: '${item}'}}", {"P": "a.jpg", "Q": "b.jpg"}, {"images": [{"src": "a.jpg", "role": "P"}, {"src": "b.jpg", "role": "Q"}]}, id="one block for each word"),
    pytest.param("tier_prices:\n  - {quantity: {value: 10}, price: {from: P, currency: EUR, decimal: '.'}}", {"P": "4.00"}, {"tier_prices": [{"quantity": "10", "price": {"amount": "4.00", "currency": "EUR"}}]}, id="a tier price"),
    pytest.param("tier_prices:\n  - {quantity: {value: 10}, price: {from: P, currency: EUR, decimal: '.'}}", {"P": ""}, {}, id="a tier without price is none"),
    pytest.param("custom_options:\n  - {title: {value: Engraving}, kind: {value: field}, price: {from: P, decimal: '.'}}", {"P": "4.00"}, {"custom_options": [{"title": "Engraving", "kind": "field", "price": "4.00"}]}, id="a custom option"),
    pytest.param("weight_grams: {from: W, unit: kg, decimal: '.'}", {"W": "1.5"}, {"weight_grams": "1500"}, id="a weight"),
    pytest.param("gtin: G", {"G": "4-006381-333931"}, {"gtin": "4006381333931"}, id="a GTIN"),
    pytest.param("locale: L", {"L": "de_DE"}, {"locale": "de_DE"}, id="a locale"),
]  # fmt: skip


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
    pytest.param("brand: {from: M, required: true, lookup: {table: {A: Acme}, missing: empty}}", {"M": "B"}, "mapping.required", "M", id="required and made empty by a table"),
    pytest.param("brand: {from: M, lookup: {table: {Acme: A}}}", {"M": "Acne"}, "cell.lookup-missing", "M", id="not in the table"),
    pytest.param("price: {from: P, decimal: '.'}", {"P": "5.00"}, "cell.price-no-currency", "P", id="a price without currency"),
    pytest.param("price: {from: P, decimal: '.', currency: EUR, currency_from: C}", {"P": "5.00", "C": "EURO"}, "cell.currency", "P", id="a currency that is none"),
    pytest.param("digital: {medium: M}", {"M": "papyrus"}, "cell.choice", "M", id="none of the choices"),
    pytest.param("digital: {themes: T}", {"T": "3,x"}, "cell.integer-format", "T", id="not a whole number in a list of them"),
    pytest.param("locale: L", {"L": "German"}, "model.invalid", "L", id="not a locale"),
    pytest.param("sku: {from: S, as: text}", {"S": "A\nB"}, "model.invalid", "S", id="a SKU over two lines, read as text"),
    pytest.param("gtin: {from: G, as: text}", {"G": "abc"}, "model.invalid", "G", id="a GTIN read as text"),
    pytest.param("gtin: {from: G, as: identifier}", {"G": "abc"}, "model.invalid", "G", id="a GTIN read as identifier"),
    pytest.param("length_mm: {from: W, as: decimal, decimal: '.'}", {"W": "-1"}, "model.invalid", "W", id="a negative length, read as a decimal"),
    pytest.param("tier_prices:\n  - {quantity: Q, percent_off: {value: 5, decimal: '.'}}", {"Q": "0"}, "model.invalid", "Q", id="a tier from quantity 0"),
    pytest.param("status: S", {"S": "maybe"}, "cell.status", "S", id="no status"),
    pytest.param("brand: M", {"M": "a\x07b"}, "cell.text-control", "M", id="a control character"),
]  # fmt: skip


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
    pytest.param("brand: {from: M, lookup: {table: {A: Acme}, missing: warning}}", {"M": "B"}, "cell.lookup-missing", id="not in the table, with a warning"),
    pytest.param("images:\n  - {src: P, alt: T}", {"P": "", "T": "Pot"}, "mapping.incomplete", id="an image without address"),
]  # fmt: skip


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


# documents only

DOCUMENTS = [
    pytest.param("brand: maker.name", {"maker": {"name": "Acme"}}, {"brand": "Acme"}, id="a path"),
    pytest.param("brand: makers.1", {"makers": ["One", "Two"]}, {"brand": "Two"}, id="a place in a list"),
    pytest.param("brand: makers.5", {"makers": ["One"]}, {}, id="behind the end of a list"),
    pytest.param("brand: \"makers[?main].name | [0]\"", {"makers": [{"name": "A"}, {"name": "B", "main": True}]}, {"brand": "B"}, id="JMESPath"),
    pytest.param("tags: \"tags[*].name\"", {"tags": [{"name": "red"}, {"name": "blue"}]}, {"tags": ["red", "blue"]}, id="a JMESPath list"),
    pytest.param("brand: {from: m, join: \", \"}", {"m": ["a", "", "b"]}, {"brand": "a, b"}, id="a list joined"),
    pytest.param("quantity_min: m", {"m": 3}, {"quantity_min": 3}, id="a JSON number"),
    pytest.param("stock: m", {"m": 2.5}, {"stock": "2.5"}, id="a JSON number with a point"),
    pytest.param("price: {from: m, currency: EUR}", {"m": 12.5}, {"price": {"amount": "12.5", "currency": "EUR"}}, id="a JSON price"),
    pytest.param("price: m", {"m": {"amount": "12.50", "currency": "EUR"}}, {"price": {"amount": "12.50", "currency": "EUR"}}, id="a JSON price object"),
    pytest.param("brand: m", {"m": None}, {}, id="null is nothing"),
    pytest.param("brand: m", {"m": []}, {}, id="an empty list is nothing"),
    pytest.param("attributes: {flag: m}", {"m": False}, {"attributes": {"flag": "false"}}, id="false is a value"),
    pytest.param("status: {when: {column: m, is: false}, then: {value: draft}}", {"m": False}, {"status": "draft"}, id="a condition on false"),
    pytest.param("images:\n  - {each: pics, src: url, alt: '^Name'}", {"pics": [{"url": "a.jpg"}, {"url": "b.jpg"}]}, {"images": [{"src": "a.jpg", "alt": "Tea pot"}, {"src": "b.jpg", "alt": "Tea pot"}]}, id="each, with a way back"),
    pytest.param("images:\n  - {each: pics, src: url}", {"pics": {"url": "a.jpg"}}, {"images": [{"src": "a.jpg"}]}, id="each of one object"),
    pytest.param("images:\n  - {each: pics, src: url}", {"pics": None}, {}, id="each of nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "document", "expected"), DOCUMENTS)
def test_a_path_reads(spec, document, expected):
    trial = one(spec, document, documents=True)
    assert trial.fields() == {"sku": "A-1", "title": "Tea pot", **expected}
    assert trial.findings == [] and trial.quick


@pytest.mark.parametrize(("value", "code"), [
    pytest.param({"a": 1}, "cell.text-shape", id="an object for a text"),
    pytest.param([1], "cell.text-shape", id="a list for a text"),
])
def test_a_shape_that_does_not_fit_is_named(value, code):
    trial = one("brand: m", {"m": value}, documents=True)
    assert trial.codes == [code] and trial.product is None


@pytest.mark.parametrize("spec", [
    pytest.param("brand: 'tags[?'", id="in a field"),
    pytest.param("images: [{each: 'a[', src: b}]", id="in each"),
    pytest.param("brand: {template: '{tags[?}'}", id="in a template"),
    pytest.param("brand: {when: {column: 'a[', empty: true}, then: b}", id="in a condition"),
])
def test_a_path_that_is_none_is_a_mistake_of_the_mapping(spec):
    with pytest.raises(MappingError, match=r"shop\.yaml:\d+"):
        one(spec, {}, documents=True)


def test_a_function_that_cannot_be_applied_holds_back():
    trial = one("brand: \"join(', ', m)\"", {"m": [1, 2]}, documents=True)
    assert trial.codes == ["mapping.path"] and trial.product is None


# lookups from files


def test_a_table_from_a_csv_file_counts_what_it_had(tmp_path):
    (tmp_path / "brands.csv").write_text("code;name\nA;Acme\nB;Best\n", encoding="utf-8")
    mapping = mapping_of(BASE + "  brand: {from: M, lookup: {file: brands.csv, missing: keep}}\n", tmp_path)
    source = Rows.of(*({"Id": str(n), "Name": "x", "M": m} for n, m in enumerate(["A", "b", "C", "", "C"])))
    bound = applied(mapping, source)
    made = [bound.ways[None].build(group) for group in bound.anywhere()]
    assert [product.brand for product in made] == ["Acme", "Best", "C", None, "C"]
    (table,) = bound.tables()
    assert (table.hits, dict(table.misses)) == (2, {"C": 2})


def test_coverage_counts_a_product_once_however_often_it_is_made():
    bound = applied(BASE + "  brand: {from: M, lookup: {table: {A: Acme}, missing: error}}\n", Rows.of({"Id": "1", "Name": "x", "M": "A"}, {"Id": "2", "Name": "x", "M": "B"}))
    for group in bound.groups():
        for _ in range(3):
            tried_group(bound.ways[None], group)
    (table,) = bound.tables()
    assert (table.hits, dict(table.misses)) == (1, {"B": 1})


@pytest.mark.parametrize(("name", "content", "lookup"), [
    pytest.param("t.csv", "name,code\nAcme,A\n", "file: t.csv, key: code, value: name", id="csv, columns named"),
    pytest.param("t.csv", "a\tb\nA\tAcme\n", "file: t.csv", id="csv with tabs"),
    pytest.param("t.yaml", "A: Acme\n", "file: t.yaml", id="yaml"),
])
def test_a_table_from_a_file(tmp_path, name, content, lookup):
    (tmp_path / name).write_text(content, encoding="utf-8")
    trial = one(f"brand: {{from: M, lookup: {{{lookup}}}}}", {"M": "A"}, documents=False, folder=tmp_path)
    assert trial.fields()["brand"] == "Acme"


@pytest.mark.parametrize(("content", "lookup", "words"), [
    pytest.param("a,b\nA,One\nA,Two\n", "file: t.csv", ["t.csv:3", '"A" stands twice'], id="a key twice"),
    pytest.param("code,name\nA,One\n", "file: t.csv, key: cod", ["t.csv:1", 'did you mean "code"?'], id="a column that is not there"),
    pytest.param("", "file: u.csv", ["u.csv", "cannot be read"], id="no such file"),
    pytest.param("", "missing: keep", ["either table or file"], id="neither table nor file"),
    pytest.param("a\nA\n", "file: t.csv", ["t.csv:1"], id="one column only"),
])
def test_a_table_that_is_wrong_is_named(tmp_path, content, lookup, words):
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    with pytest.raises(MappingError) as error:
        one(f"brand: {{from: M, lookup: {{{lookup}}}}}", {"M": "A"}, documents=False, folder=tmp_path)
    assert all(word in str(error.value) for word in words), str(error.value)


# parameters


def test_a_parameter_fills_a_price():
    text = "parameters:\n  currency: {about: of the shop}\n" + BASE + "  price: {from: P, decimal: '.', currency: '${currency}'}\n"
    trial = one(text, {"P": "5.00"}, documents=False, currency="EUR")
    assert trial.fields()["price"] == {"amount": "5.00", "currency": "EUR"}
    with pytest.raises(CommandError, match="--set currency=EUR"):
        one(text, {"P": "5.00"}, documents=False)


def test_a_constant_of_a_parameter_that_was_not_given_is_left_out():
    text = "parameters:\n  locale: {}\n" + BASE + "  locale: {value: '${locale}'}\n"
    assert one(text, {}, documents=False).fields() == {"sku": "A-1", "title": "Tea pot"}
    assert one(text, {}, documents=False, locale="de_DE").fields()["locale"] == "de_DE"


def test_a_column_name_may_be_a_parameter():
    text = "parameters:\n  price_column: {default: Price}\n" + BASE + "  brand: '${price_column}'\n"
    assert one(text, {"Other": "x"}, documents=False, price_column="Other").fields()["brand"] == "x"


def test_a_column_that_may_be_missing_leaves_the_field_out():
    assert one("brand: {from: Maker, optional: true}", {}, documents=False).fields() == {"sku": "A-1", "title": "Tea pot"}
    trial = one("brand: {from: Maker, optional: true, default: Acme}", {}, documents=False)
    assert trial.fields()["brand"] == "Acme"

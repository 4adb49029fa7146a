"""Values that say their own names, products that begin with a row, currencies that need not be asked for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.errors import CommandError
from tests.mapping.trial import Documents, Rows, applied, tried

NAMED = """
columns: optional
records: {one: variant, group_by: Group}
product:
  sku: Id
  title: Name
  attributes:
    fixed: Fixed
    own: {for: 1..3, named_by: "Name ${item}", from: "Value ${item}", varies: true}
variant:
  sku: Id
  price: {from: Price, currency: EUR, decimal: "."}
"""


@pytest.mark.parametrize("source", [Rows.of, lambda *rows: Documents(list(rows))], ids=["table", "documents"])
@pytest.mark.parametrize(
    ("cells", "attributes"),
    [
        pytest.param({"Name 1": "Material", "Value 1": "Oak"}, {"Material": "Oak"}, id="one"),
        pytest.param(
            {"Name 1": "A", "Value 1": "1", "Name 3": "C", "Value 3": "3", "Fixed": "f"},
            {"fixed": "f", "A": "1", "C": "3"},
            id="several, and one under its own key",
        ),
        pytest.param({"Name 1": "Material", "Value 1": ""}, None, id="a name without a value"),
        pytest.param({"Name 1": " ", "Value 1": "Oak"}, None, id="a value without a name"),
        pytest.param({"Value 2": "Oak"}, None, id="no column with names"),
        pytest.param({"Name 1": "A", "Value 1": "1", "Name 2": "A", "Value 2": "2"}, {"A": "2"}, id="one name twice"),
    ],
)
def test_values_that_say_their_own_names(source, cells, attributes):
    (trial,) = tried(NAMED, source({"Id": "1", "Name": "Cup", "Price": "1.00", **cells}))
    assert trial.quick
    assert trial.fields().get("attributes") == attributes


def test_their_columns_count_as_used():
    bound = applied(NAMED, Rows(["Id", "Name", "Name 1", "Value 1", "Other"], []))
    assert bound.unused_columns() == ["Other"]


STARTED = """
columns: optional
records:
  one: variant
  starts: {column: Kind, is: product}
  parent_row: true
  variant_when: {column: Kind, is: version}
product:
  sku: Id
  title: {from: Name, varies: true}
  images: [{src: Picture}]
variant:
  sku: Id
  options: [{name: {value: Size}, value: Size}]
"""


def started(*rows: str):
    return tried(
        STARTED,
        Rows.of(*[dict(zip(("Kind", "Id", "Name", "Size", "Picture"), row.split("|"), strict=True)) for row in rows]),
    )


def test_rows_below_a_product_are_its_versions_and_pictures():
    cup, pot = started("product|C|Cup||", " Version |C-S||S|", "picture||||a.jpg", "product|P|Pot||p.jpg")
    assert cup.fields()["variants"] == [{"sku": "C-S", "option_values": ["S"]}]
    assert cup.fields()["images"] == [{"src": "a.jpg"}]
    assert pot.fields() == {"sku": "P", "title": "Pot", "images": [{"src": "p.jpg"}]}
    assert cup.quick and pot.quick


def test_a_row_that_is_none_of_these_is_named():
    (cup,) = started("product|C|Cup||", "version|C-S||S|", "rule||||")
    assert [(finding.code, finding.line) for finding in cup.findings] == [("mapping.idle-record", 4)]
    assert "nothing of it is used" in cup.findings[0].message
    assert cup.product is not None


def test_rows_above_the_first_product_are_held_back():
    lost, second, cup = started("version|L||S|", "||||x.jpg", "product|C|Cup||")
    assert [trial.codes for trial in (lost, second, cup)] == [["mapping.orphan"], ["mapping.orphan"], []]
    assert [finding.line for trial in (lost, second) for finding in trial.findings] == [2, 3]
    assert lost.product is None and second.product is None


CURRENCY = """
parameters: {{currency: {{about: ISO code{optional}}}}}
product:
  sku: Id
  title: Name
  price: {{from: Price, as: money, currency: "${{currency}}", decimal: "."}}
"""


def test_a_currency_that_prices_may_say_is_not_asked_for():
    rows = Rows.of({"Id": "1", "Name": "Cup", "Price": "5.00 EUR"}, {"Id": "2", "Name": "Pot", "Price": "5.00"})
    with pytest.raises(CommandError, match="does not say the currency"):
        applied(CURRENCY.format(optional=""), rows)
    cup, pot = tried(CURRENCY.format(optional=", optional: true"), rows)
    assert cup.fields()["price"] == {"amount": "5.00", "currency": "EUR"}
    assert pot.codes == ["cell.price-no-currency"]
    _, pot = tried(CURRENCY.format(optional=", optional: true"), rows, currency="EUR")
    assert pot.fields()["price"] == {"amount": "5.00", "currency": "EUR"}


FEED = """
columns: optional
names: {loose: true}
records: {one: variant, group_by: group, differing_options: true, version_option: Version}
product:
  sku: {first_filled: [group, id], required: true}
  title: {from: title, required: true, common: true}
  attributes: {own: {for: 1..2, named_by: "name ${item}", from: "value ${item}", varies: true}}
variant:
  sku: {from: id, required: true}
  title: title
  options: [{name: {value: Color}, value: color}, {name: {value: Size}, value: size}]
"""
CELLS = {
    "g:id": ["1", "2", "3", "a b", ""],
    "Group": ["T", "U", ""],
    "Title": ["Tee S", "Tee M", "Jar", "", "x\x07y"],
    "COLOR": ["red", "blue", ""],
    "size": ["S", "M", ""],
    "name 1": ["A", "", " "],
    "value_1": ["1", ""],
    "Name 2": ["A", "B"],
    "value 2": ["2", ""],
}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.fixed_dictionaries({name: st.sampled_from(pool) for name, pool in CELLS.items()}), max_size=5))
def test_both_paths_agree(rows):
    """``tried`` has the assertions."""
    tried(FEED, Rows(list(CELLS), [[row[name] for name in CELLS] for row in rows]))


def test_a_values_place_goes_with_its_option():
    """Options are in the order of their names, wherever a record has them."""
    mapping = """
records: {one: variant, group_by: Id, differing_options: true}
product: {sku: Id, title: Name}
variant:
  sku: Sku
  options: [{for: 1..3, name: "Name ${item}", value: "Value ${item}"}]
"""
    header = ["Id", "Name", "Sku", "Name 1", "Value 1", "Name 2", "Value 2", "Name 3", "Value 3"]
    first = ["T", "Tee", "1", "Cut", "slim", "Color", "red", "Size", "S"]
    second = ["T", "Tee", "2", "Size", "M", "Cut", "slim", "Color", "blue"]
    source = Rows(header, [first, second])
    bound = applied(mapping, source)
    (group,) = bound.anywhere()
    assembled = bound.common.assembler.assemble(group)
    assert assembled.product is not None
    assert [option.name for option in assembled.product.options] == ["Color", "Size"]
    columns = {field: place.column for field, place in assembled.trace.items() if "option_values" in field}
    assert columns == {
        "variants.0.option_values.0": "Value 2",
        "variants.0.option_values.1": "Value 3",
        "variants.1.option_values.0": "Value 3",
        "variants.1.option_values.1": "Value 1",
    }

"""Variants in inner lists, and records gathered from anywhere in a source."""

from __future__ import annotations

import pytest

from feedbridge.findings import Finding, Severity
from feedbridge.mapping.grouping import Anywhere, adjacent
from feedbridge.mapping.paths import Header
from feedbridge.sources.base import BadCells
from tests.mapping.trial import Documents, tried

# inner lists of documents

PIM = """
records: {variants: items}
product: {sku: id, title: name, brand: brand}
variant:
  sku: id
  title: {template: "{^name} {size}"}
  price: {from: price, currency: EUR}
  options: [{from: options}, {name: {value: Size}, value: size}]
"""


def test_an_inner_list_holds_the_variants():
    (pot,) = tried(
        PIM,
        Documents(
            [{"id": "P", "name": "Pot", "items": [{"id": "1", "size": "M", "price": 5}, {"id": "2", "size": "L"}]}]
        ),
    )
    assert [(variant.sku, variant.title) for variant in pot.product.variants] == [("1", "Pot M"), ("2", "Pot L")]
    assert pot.quick


@pytest.mark.parametrize("items", [None, [], "absent"])
def test_an_inner_list_may_be_empty(items):
    document = {"id": "P", "name": "Pot", "items": items}
    if items == "absent":
        del document["items"]
    (pot,) = tried(PIM, Documents([document]))
    assert pot.product.variants == () and pot.quick


@pytest.mark.parametrize(
    ("items", "code"),
    [
        pytest.param("M", "mapping.variants", id="a text"),
        pytest.param({"id": "1"}, "mapping.variants", id="an object"),
        pytest.param([{"id": "1"}, 5], "mapping.variants", id="a number among them"),
        pytest.param([{"id": "1", "options": "M"}], "mapping.options", id="options that are no map"),
        pytest.param(
            [{"id": "1", "options": {"Size": {}}}, {"id": "2", "options": {"": "M"}}],
            "mapping.options",
            id="an option without name",
        ),
    ],
)
def test_an_inner_list_that_cannot_be_read_holds_the_product_back(items, code):
    (pot,) = tried(PIM, Documents([{"id": "P", "name": "Pot", "items": items}]))
    assert pot.product is None and code in pot.codes


# gathering


def records(count: int, keys: int):
    return [(line + 2, [f"k{line % keys}", f"Title {line}"]) for line in range(count)]


def test_groups_come_in_the_order_of_their_first_rows():
    column = Header(["Key", "Title"]).find("Key")
    assert column is not None
    groups = list(Anywhere(lambda: iter(records(7, 3)), column, False, None, "x").groups())
    assert [group.key for group in groups] == ["k0", "k1", "k2"]
    assert [[record[0] for record in group.members] for group in groups] == [[2, 5, 8], [3, 6], [4, 7]]


@pytest.mark.parametrize("damaged", [False, True])
def test_much_is_gathered_through_files_with_the_same_result(damaged):
    column = Header(["Key", "Title"]).find("Key")
    rows = records(500, 90)
    if damaged:
        row = BadCells(["k7", "x"])
        row.finding, row.raw, row.reliable, row.last_line = (
            Finding(code="x", severity=Severity.ERROR, message="x"),
            "raw",
            1,
            30,
        )
        rows[29] = (31, row)

    def gathered(**limits: int):
        groups = list(Anywhere(lambda: iter(rows), column, False, None, "x", **limits).groups())
        return [
            (group.key, [(record[0], list(record[1]), getattr(record[1], "raw", "")) for record in group.members])
            for group in groups
        ]

    assert gathered(in_memory=10, bucket=7) == gathered()


def test_the_adjacent_way_says_when_a_key_comes_again(tmp_path):
    column = Header(["Key", "Title"]).find("Key")
    groups = list(adjacent(iter(records(4, 2)), column, False))
    assert [group.key for group in groups] == ["k0", "k1", "k0", "k1"]  # the run notices, and gathers

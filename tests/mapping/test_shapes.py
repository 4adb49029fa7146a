"""Nested documents of PIMs: laid flat, recognised, inherited, and taken by the quick path."""

from __future__ import annotations

import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.errors import MappingError
from feedbridge.mapping.akeneo import RAW
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.paths import document_column, plain_path
from feedbridge.mapping.shapes import flattener_of, places_of, shape_names
from feedbridge.mapping.shapes._common import spoken, suffixed
from feedbridge.run.inputs import open_inputs
from feedbridge.sources.json import JsonSource
from tests.mapping.trial import Documents, mapping_of, tried, tried_all

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
ORDINARY = [
    "salsify-json/api.json", "salsify-json/lines.jsonl", "salsify-json/export.json", "plytix-json/older.json",
    "plytix-json/newer.jsonl", "ergonode-json/stream.json", "ergonode-json/pages.json", "inriver-json/entities.json",
    "inriver-json/short.jsonl", "saleslayer-json/connector.json", "pimcore-json/listing.json", "pimcore-json/flat.json",
    "pimcore-variants-json/objects.jsonl",
    "commercetools/products.csv", "commercetools/older.csv",
]  # fmt: skip
PARENTS = """
records:
  {one: variant, parent: {key: up, of: [id], inherit: [values, "by.*"]}}
product: {sku: id, title: values.name}
variant: {sku: id, title: values.name, price: {from: values.price, currency: EUR}, attributes: {brand: by.de.brand},
          options: [{name: {value: Size}, value: values.size}]}
"""


def bound(name: str) -> Applied:
    path = FIXTURES / name
    words = shlex.split(path.with_suffix(".args").read_text())
    given_ = dict(word.split("=", 1) for word in words if "=" in word)
    ((source, mapping),) = open_inputs(str(path), "auto", given_, None)
    assert mapping.name == path.parent.name
    return Applied(mapping, source)


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_export_is_recognised_and_takes_the_quick_path(name):
    trials = tried_all(bound(name))
    assert [[str(one) for one in trial.findings] for trial in trials if not trial.quick and trial.product] == []
    assert sum(trial.product is None for trial in trials) == name.startswith(
        ("ergonode", "pimcore-variants")
    )  # they have one without a title
    assert any(trial.product and trial.product.variants for trial in trials) or "flat" in name


@pytest.mark.parametrize(
    ("preset", "lines"),
    [
        pytest.param(
            "salsify-json", [{"salsify:id": "1", "SKU": "A", "Name": "Pot", "Price": "5"}], id="nothing nested"
        ),
        pytest.param(
            "salsify-json",
            [
                {
                    "salsify:id": "1",
                    "SKU": "A",
                    "Name": "Pot",
                    "Price": "5",
                    "Description": "x",
                    "salsify:digital_assets": [{"salsify:url": "u"}],
                }
            ],
            id="as a general PIM's, too",
        ),
        pytest.param(
            "salsify-json", [{"products": [{"salsify:id": "1", "Name": "Pot", "Tags": ["a"]}]}], id="products only"
        ),
        pytest.param(
            "plytix-json",
            [
                {
                    "id": "1",
                    "sku": "A",
                    "label": "Pot",
                    "product_level": 0,
                    "thumbnail": None,
                    "attributes": {"Price": 5},
                }
            ],
            id="newer Plytix",
        ),
        pytest.param(
            "inriver-json",
            [{"entityId": 1, "summary": {"entityTypeId": "Product"}, "fieldValues": [], "outbound": [{"linkTypeId": "x"}]}],
            id="no fields",
        ),
        pytest.param(
            "pimcore-json",
            [{"data": {"getArticleListing": {"edges": [{"node": {"id": "1", "fullpath": "/a", "sku": "A"}}]}}}],
            id="listing",
        ),
        pytest.param(
            "pimcore-json",
            [
                {
                    "id": 1,
                    "fullpath": "/a",
                    "className": "A",
                    "key": "a",
                    "sku": "A",
                    "name": "Pot",
                    "price": 5,
                    "image": {"id": 3},
                }
            ],
            id="flat Pimcore",
        ),
        pytest.param(
            "pimcore-variants-json",
            [
                {
                    "data": {
                        "getArticleListing": {
                            "edges": [
                                {"node": {"id": "1", "fullpath": "/a", "objectType": "object", "parent": {"id": 2}}}
                            ]
                        }
                    }
                }
            ],
            id="listing with variants",
        ),
        pytest.param(
            "ergonode-json",
            [
                {
                    "data": {
                        "productStream": {
                            "pageInfo": {},
                            "edges": [{"node": {"sku": "A", "attributeList": {"edges": []}}}],
                        }
                    }
                }
            ],
            id="no attributes",
        ),
    ],
)
def test_recognised(tmp_path, preset, lines):
    path = tmp_path / "export.json"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    ((_, mapping),) = open_inputs(str(path), "auto", {}, None)
    assert mapping.name == preset


@pytest.mark.parametrize("edges", ["edges", "nodes"])
@pytest.mark.parametrize("pages", [1, 3])
def test_the_records_of_a_graphql_answer(tmp_path, edges, pages):
    page = {"data": {"getXListing": {"totalCount": 2, edges: [{"node": {"id": 1}}, {"node": {"id": 2}}]}}}
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(page if pages == 1 else [page] * pages, indent=1))
    source = JsonSource(path)
    assert source.findings == []
    records = [record for batch in source.batches() for record in batch.records]
    assert [record[1] for record in records] == [{"node": {"id": 1}}, {"node": {"id": 2}}] * pages
    front = "" if pages == 1 else f"/{pages - 1}"
    assert source.pointer(records[-1]) == f"{front}/data/getXListing/{edges}/1"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("salsify-json/api.json", "salsify-json/lines.jsonl", id="salsify: API and lines, a variant first"),
        pytest.param("ergonode-json/stream.json", "ergonode-json/pages.json", id="ergonode: one page and two"),
        pytest.param("inriver-json/entities.json", "inriver-json/short.jsonl", id="inriver: fields and fieldValues"),
    ],
)
def test_twins_say_the_same(one, other):
    first, second = ([trial.product for trial in tried_all(bound(name))] for name in (one, other))
    assert first == second


@pytest.mark.parametrize(
    ("path", "record", "value", "label"),
    [
        pytest.param('values."Price (EUR)"', {"values": {"Price (EUR)": 5}}, 5, 'values."Price (EUR)"', id="brackets"),
        pytest.param('"Art.-Nr."', {"Art.-Nr.": "7"}, "7", '"Art.-Nr."', id="dots"),
        pytest.param('values."Name"', {"values": {"Name": "x"}}, "x", "values.Name", id="needless quotes are left out"),
        pytest.param('a."b c".0."d|e"', {"a": {"b c": [{"d|e": 1}]}}, 1, 'a.b c.0."d|e"', id="several"),
        pytest.param('a."b.c"', {"a": {"b": {"c": 1}}}, None, 'a."b.c"', id="a dot in quotes is no step"),
        pytest.param(
            "a[?b=='x']", {"a": [{"b": "x"}]}, [{"b": "x"}], "a[?b=='x']", id="expressions stay what they are"
        ),
        pytest.param('a[]."b"', {"a": [{"b": 1}]}, [1], 'a[]."b"', id="quotes in an expression, too"),
    ],
)
def test_steps_in_quotes(path, record, value, label):
    column = document_column(path)
    assert (column.get(record, None), column.label) == (value, label)
    above = document_column(f"^{path}")
    assert above.get({}, record) == value


@pytest.mark.parametrize(
    ("label", "path"),
    [
        ('values."Price (EUR)"', "values.Price (EUR)"), ("a.b", "a.b"), ("a.b[0].c", "a.b"), ("a[].\"x y\"", "a"),
    ],
)  # fmt: skip
def test_the_plain_part_of_a_path(label, path):
    assert plain_path(label) == path


def test_a_parameter_that_is_not_given_names_nothing():
    mapping = (
        "parameters: {title: {optional: true}}\nproduct:\n  sku: id\n  title: {first_filled: ['\"${title}\"', name]}\n"
    )
    (trial,) = tried(mapping, Documents([{"id": "A", "name": "Pot", "${title}": "no"}]))
    assert trial.fields()["title"] == "Pot"
    (trial,) = tried(mapping, Documents([{"id": "A", "name": "Pot", "Web (1)": "yes"}]), title="Web (1)")
    assert trial.fields()["title"] == "yes"


def test_variants_have_what_they_do_not_say_from_all_levels_above():
    (trial,) = tried(PARENTS, Documents([
        {"id": "A-1-S", "up": "A-1", "values": {"size": "S", "price": None}},
        {"id": "A", "values": {"name": "Tee", "price": "5", "size": "none"}, "by": {"de": {"brand": "Hafen"}, "fr": {"brand": "Port"}}},
        {"id": "A-1", "up": "A", "values": {"price": "6", "name": ""}, "by": {"de": {}}},
        {"id": "A-2", "up": "A", "values": {"size": "L"}},
        {"id": "A-1-M", "up": "A-1"},
    ]))  # fmt: skip
    variants = trial.fields()["variants"]
    assert [(v["sku"], v["price"]["amount"], v["option_values"]) for v in variants] == [
        ("A-1-S", "6", ["S"]), ("A-2", "5", ["L"]), ("A-1-M", "6", ["none"])
    ]  # fmt: skip
    assert [v.get("title") for v in variants] == [None, "Tee", None]  # an empty text is said, nothing is not


def test_a_variant_keeps_its_own_document_for_the_quarantine():
    applied = Applied(
        mapping_of(PARENTS),
        Documents(
            [
                {"id": "A", "values": {"name": "Tee", "price": "5"}},
                {"id": "B", "up": "A", "values": {"size": "S"}, RAW: {"own": 1}},
            ]
        ),
    )
    (group,) = applied.anywhere()
    assert applied.raw_record(group.members[0]) == {"own": 1}


def test_parents_in_a_circle_end():
    trials = tried(
        PARENTS,
        Documents([{"id": "A", "up": "B", "values": {"name": "a"}}, {"id": "B", "up": "A", "values": {"name": "b"}}]),
    )
    assert all(trial.product is None for trial in trials)


def test_the_parent_names_the_members_that_are_options():
    text = """
records: {one: variant, children: {names: variants, of: [sku]}}
product: {sku: sku, title: name}
variant: {sku: sku, options: [{columns_named: "^axes", inside: values}]}
"""
    (trial,) = tried(text, Documents([
        {"sku": "P", "name": "Pot", "variants": ["P-1", "P-2"], "axes": ["size", "color"]},
        {"sku": "P-1", "values": {"color": "red", "size": 1, "weight": 5}},
        {"sku": "P-2", "values": {"size": 2}},
    ]))  # fmt: skip
    assert [(o["name"], o["values"]) for o in trial.fields()["options"]] == [("size", ["1", "2"]), ("color", ["red"])]
    assert trial.quick


def test_an_unknown_shape_is_refused():
    with pytest.raises(MappingError, match="there is no shape salsfy; did you mean salsify"):
        mapping_of("records: {shape: salsfy}\nproduct: {sku: a, title: b}\n")


@pytest.mark.parametrize(
    ("keys", "locale", "key"),
    [
        (["en-US", "de-DE"], "de_DE", "de-DE"), (["en", "de-AT"], "de_DE", "de-AT"), (["de", "de-AT"], "de-AT", "de-AT"),
        (["en"], None, None), (["en"], "fr", None), (["zh-Hant-TW"], "zh_TW", "zh-Hant-TW"),
    ],
)  # fmt: skip
def test_the_locale_that_is_meant(keys, locale, key):
    assert spoken(keys, locale) == key


@pytest.mark.parametrize(
    "name", ["name_de", "name_de_DE", "name - de-DE", "name (de)", "name-de", "name.de", "name[de]"]
)
def test_names_that_end_in_a_language(name):
    assert suffixed({"name": "Mug", name: "Becher", "name_fr": "Tasse"}, "de_DE")["name"] == "Becher"
    assert suffixed({"name": "Mug", name: ""}, "de_DE")["name"] == "Mug"
    assert suffixed({"name": "Mug", name: "Becher"}, None)["name"] == "Mug"
    assert suffixed({"name_de": "Sie", "name_de_AT": "Er"}, "de_AT")["name"] == "Er"


@cache
def flatteners() -> dict[str, Any]:
    source = JsonSource(FIXTURES / "salsify-json" / "export.json")
    return {name: flattener_of(name, source) for name in shape_names()}


KEYS = sorted({
    "values", "attributes", "assets", "overwritten_attributes", "num_variations", "product_type", "node", "edges", "nodes",
    "attributeList", "attribute", "code", "translations", "language", "value", "variantList", "bindings", "categoryList",
    "name", "sku", "fields", "fieldValues", "fieldTypeId", "outbound", "inbound", "linkEntity", "linkIndex", "linkTypeId",
    "summary", "entityTypeId", "displayName", "media", "mediaDetails", "url", "product_formats", "STATUS", "ORG", "image",
    "children", "fullpath", "unit", "features", "abbreviation", "currency", "salsify:id", "salsify:digital_assets",
    "salsify:url", "salsify:profile_asset_id", "Name - en-US", "Name", "item_no", "cat", "common", "locale_specific", "de",
    "en_GB", "locale", "scope", "data", "amount", "cvlId", "isMultiValue", "displayValue", "element",
})  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(
        ["", "c1", "aa1", "ChannelNode", "Item", "GLOBAL", "€", "a;b", "/x/y.jpg", "https://x.example/a", "PARENT"]
    )
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(KEYS), TREES, max_size=6),
    st.sampled_from([None, "de", "en_GB", "x"]),
    st.booleans(),
)
def test_whatever_a_document_holds_it_is_laid_flat_and_kept(document, locale, translations):
    for name, flatten in flatteners().items():
        shaped = flatten(document, locale, "web", translations)
        assert shaped[RAW] is document, name
        places = places_of(name, [document])
        assert all(isinstance(one, str) for found in places for one in found)

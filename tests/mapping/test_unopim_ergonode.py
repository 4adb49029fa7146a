"""UnoPim's sections of values, and tables with a row for each language of UnoPim and Ergonode."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.errors import CommandError, MappingError
from feedbridge.mapping.akeneo import RAW
from feedbridge.mapping.load import load_mapping
from feedbridge.mapping.shapes.unopim import flatten, places
from tests.mapping.trial import Documents, Rows, applied, tried

SECTIONS = {
    "common": {"a": 1, "b": 1, "c": 1, "d": 1},
    "locale_specific": {"de_DE": {"b": 2, "c": 2, "d": 2}, "en_US": {"a": 0}},
    "channel_specific": {"web": {"c": 3, "d": 3}, "print": {"a": 0}},
    "channel_locale_specific": {"web": {"de_DE": {"d": 4}, "en_US": {"a": 0}}},
    "categories": ["x"],
}


def laid(values, locale="de_DE", scope="web"):
    return flatten({"sku": "A", "values": values}, locale, scope, False)["values"]


def test_the_later_section_goes_first():
    assert laid(SECTIONS) == {"a": 1, "b": 2, "c": 3, "d": 4, "categories": ["x"]}


@pytest.mark.parametrize("nothing", [None, "", [], {}], ids=["null", "empty text", "list", "object"])
def test_a_later_section_that_says_nothing_leaves_the_value(nothing):
    assert laid({"common": {"a": 1}, "locale_specific": {"de_DE": {"a": nothing}}})["a"] == 1


@pytest.mark.parametrize("value", [0, False, "0"])
def test_zero_and_false_are_values(value):
    assert laid({"common": {"a": 1}, "channel_specific": {"web": {"a": value}}})["a"] == value


def test_other_languages_are_kept_for_translations():
    shaped = flatten({"values": SECTIONS}, "de_DE", "web", True)
    assert shaped["values_by_locale"] == {"de_DE": {"b": 2, "c": 2, "d": 4}, "en_US": {"a": 0}}


def test_what_there_is_to_choose_from():
    assert places([{"values": SECTIONS}, {"values": {"locale_specific": {"fr_FR": {}}}}]) == (
        ["de_DE", "en_US"],
        ["print", "web"],
    )


sections = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["web", "de_DE", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*SECTIONS, "more"]), sections) | sections)
def test_no_document_is_too_odd(values):
    document = {"sku": "A", "values": values}
    assert flatten(document, "de_DE", "web", True)[RAW] is document
    places([document])


@pytest.mark.parametrize("given", [{}, {"locale": "de_DE"}], ids=["nothing", "the locale alone"])
def test_locale_and_channel_are_asked_for(given):
    with pytest.raises(CommandError, match="nothing says which to take"):
        applied(
            load_mapping("unopim-json", {"currency": "EUR", **given}), Documents([{"sku": "A", "values": SECTIONS}])
        )


def family(**more):
    colours = [("tent-red", "red"), ("tent-blue", "blue")]
    return [
        {
            "sku": "tent",
            "type": "configurable",
            "super_attributes": [{"code": "color"}],
            "values": {"common": {"name": "Tent"}},
        },
        {"sku": "group", "type": "variant_group", "parent": "tent", "values": {"common": {"price": {"EUR": "5.00"}}}},
        *(
            {"sku": sku, "type": "simple", "parent": "group", "values": {"common": {"sku": sku, "color": c, **more}}}
            for sku, c in colours
        ),
    ]


def test_a_document_has_what_the_one_above_it_owns():
    (tent,) = tried(
        load_mapping("unopim-json", {"locale": "de_DE", "channel": "web", "currency": "EUR"}), Documents(family())
    )
    assert tent.quick, tent.codes
    assert [(v.sku, v.option_values, str(v.price.amount)) for v in tent.product.variants] == [
        ("tent-red", ("red",), "5.00"),
        ("tent-blue", ("blue",), "5.00"),
    ]


UNOPIM = [
    "channel",
    "locale",
    "sku",
    "type",
    "parent",
    "attribute_family",
    "name",
    "price (EUR)",
    "configurable_attributes",
    "color",
]
SAID = {"locale": "de_DE", "channel": "web", "currency": "EUR"}


def unopim(*rows, **given):
    return tried(load_mapping("unopim-csv", {**SAID, **given}), Rows(UNOPIM, [list(row) for row in rows]))


TENT = ["web", "de_DE", "tent", "configurable", "", "f", "Zelt", "9.00", "color", ""]
TENT_EN = ["web", "en_US", "tent", "configurable", "", "f", "Tent", "9.00", "color", ""]
GROUP = ["web", "de_DE", "tent-g", "variant_group", "tent", "f", "", "8.00", "", ""]
RED = ["web", "de_DE", "tent-red", "simple", "tent-g", "f", "", "", "", "red"]
RED_EN = ["web", "en_US", "tent-red", "simple", "tent-g", "f", "Red one", "", "", "red"]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([TENT, TENT_EN, GROUP, RED, RED_EN], id="in order"),
        pytest.param([RED_EN, RED, GROUP, TENT_EN, TENT], id="backwards"),
        pytest.param([TENT_EN, RED, TENT, GROUP, RED_EN], id="rows apart"),
    ],
)
def test_rows_in_two_languages_and_variants_in_two_levels(rows):
    (tent,) = unopim(*rows)
    assert tent.quick, tent.codes
    assert tent.product.title == "Zelt" and [(t.locale, t.title) for t in tent.product.translations] == [
        ("en_US", "Tent")
    ]
    assert [(v.sku, v.option_values, str(v.price.amount)) for v in tent.product.variants] == [
        ("tent-red", ("red",), "8.00")
    ]


ERGONODE = ["_sku", "_type", "_language", "_children", "_bindings", "name", "color", "price"]


@pytest.mark.parametrize("mark", [",", ";", "|"])
def test_the_lists_of_an_export_have_their_own_separator(mark):
    rows = Rows(
        ERGONODE,
        [
            [
                "S",
                "VARIABLE-PRODUCT",
                "de_DE",
                mark.join(["S-1", " S-2"]),
                mark.join(["color", "size"]),
                "Schuh",
                "",
                "5",
            ],
            ["S-1", "SIMPLE-PRODUCT", "de_DE", "", "", "Rot", "red", "5"],
            ["S-2", "SIMPLE-PRODUCT", "de_DE", "", "", "Blau", "blue", "5"],
        ],
    )
    (shoe,) = tried(load_mapping("ergonode-csv", {"currency": "EUR", "list": mark}), rows)
    assert shoe.quick, shoe.codes
    assert [(v.sku, v.option_values) for v in shoe.product.variants] == [("S-1", ("red",)), ("S-2", ("blue",))]


def test_only_a_variable_product_takes_its_children():
    rows = Rows(
        ERGONODE,
        [
            ["SET", "GROUPING-PRODUCT", "de_DE", "A", "", "Set", "", "9"],
            ["A", "SIMPLE-PRODUCT", "de_DE", "", "", "Ahle", "", "5"],
            ["V", "VARIABLE-PRODUCT", "de_DE", "", "color", "Leer", "", "5"],
        ],
    )
    found = tried(load_mapping("ergonode-csv", {"currency": "EUR"}), rows)
    assert [(trial.product.sku, trial.codes) for trial in found] == [
        ("SET", []),
        ("A", []),
        ("V", ["mapping.no-variants"]),
    ]


HELD = """
columns: optional
records: {one: variant, layers: {by: lang, of: sku, base: de}, parent: {key: parent, of: sku}}
product: {sku: sku, title: name}
variant: {sku: sku}
"""


def test_an_orphan_that_is_held_back_keeps_its_rows_in_other_languages():
    rows = [["a", "lost", "de", "A"], ["a", "lost", "en", "B"], ["b", "", "de", "C"]]
    orphan, other = tried(HELD, Rows(["sku", "parent", "lang", "name"], rows))
    assert orphan.codes == ["mapping.orphan"] and [record[0] for record in orphan.group.records()] == [2, 3]
    assert other.product.sku == "b"


def test_a_record_in_other_languages_only_is_told():
    bound = applied(HELD, Rows(["sku", "parent", "lang", "name"], [["a", "", "fr", "A"], ["b", "", "de", "C"]]))
    told = []
    assert len(list(bound.anywhere(told.extend))) == 2
    assert [(one.code, one.line, one.sku) for one in told] == [("mapping.other-language", 2, "a")]


@pytest.mark.parametrize(
    ("lookup", "words"),
    [
        pytest.param("{given: option, key: code, value: label}", 'did you mean "options"', id="nearly"),
        pytest.param("{given: options, table: {a: b}}", None, id="given counts alone"),
        pytest.param("{file: x.csv, where: {a: b}}", "for given files", id="where without given"),
    ],
)
def test_lookups_in_given_files_are_checked(lookup, words):
    text = f"""
files: {{options: {{has: [code, label], table: true}}}}
product: {{sku: sku, title: name, brand: {{from: brand, lookup: {lookup}}}}}
"""
    rows = Rows(["sku", "name", "brand"], [["a", "A", "x"]])
    if words is None:
        (trial,) = tried(text, rows)
        assert trial.product.brand == "x"
        return
    with pytest.raises(MappingError, match=words):
        applied(text, rows)

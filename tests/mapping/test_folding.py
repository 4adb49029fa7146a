"""Rows that are no records of their own: which record they are put with, and that none is lost or comes out twice."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.findings import Finding, Severity
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.folding import Folded, NotAdjacent, every_row
from feedbridge.sources.base import BadCells
from tests.mapping.trial import Rows, applied, tried, tried_group

FIELDS = """
product:
  sku: sku
  title: name
  brand: brand
  categories: {from: category, as: category_paths, separator: "/", list_separator: "\\n"}
  translations:
    - {each: "@layers", locale: {from: store, lookup: {pairs: "${stores}", missing: once}}, title: name}
variant:
  sku: sku
  price: {from: price, as: money, decimal: ".", currency: EUR}
"""
PARAMETERS = "parameters:\n  stores: {default: 'de=de_DE,fr=fr_FR,en=en_US,at=de_AT'}\n  base: {}\n  channel: {}\n"
LAYERS = "layers: {by: store, of: sku, base: ''}"
NAMED_BASE = "layers: {by: store, of: sku, base: '${base}', only: {channel: '${channel}'}}"
CONTINUED = "continued: {key: sku, columns: [category]}"
COLUMNS = ["sku", "store", "name", "category", "price", "brand", "channel"]


def mapping(*grammar: str) -> str:
    return PARAMETERS + "records:\n  one: variant\n" + "".join(f"  {one}\n" for one in grammar) + FIELDS


def table(*rows: Any) -> Rows:
    return Rows(
        COLUMNS, [row if isinstance(row, BadCells) else [*row, *[""] * (len(COLUMNS) - len(row))] for row in rows]
    )


def bad(*cells: str) -> BadCells:
    row = BadCells([*cells, *[""] * (len(COLUMNS) - len(cells))])
    row.finding = Finding(code="csv.long-row", severity=Severity.ERROR, message="9 cells", line=99)
    row.raw, row.reliable, row.last_line = ",".join(cells), 0, 99
    return row


def lines(group: Any) -> list[int]:
    return [record[0] for record in group.records()]


# rows in another language


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([["A", "", "Pot"], ["A", "de", "Kanne"], ["A", "fr", "Pichet"]], id="below its record"),
        pytest.param([["A", "de", "Kanne"], ["A", "", "Pot"], ["A", "fr", "Pichet"]], id="around its record"),
        pytest.param([["A", "de", "Kanne"], ["A", "fr", "Pichet"], ["A", "", "Pot"]], id="above its record"),
    ],
)
def test_rows_in_other_languages_are_translations(rows):
    pot, cup = tried(mapping(LAYERS), table(*rows, ["B", "", "Cup"]))
    assert pot.product.title == "Pot" and len(lines(pot.group)) == 3 and pot.findings == []
    assert {text.locale: text.title for text in pot.product.translations} == {"de_DE": "Kanne", "fr_FR": "Pichet"}
    assert cup.product.translations == () and pot.quick and cup.quick


def test_rows_that_stand_apart_are_gathered():
    rows = table(["A", "", "Pot"], ["B", "de", "Tasse"], ["A", "de", "Kanne"], ["B", "", "Cup"])
    bound = applied(mapping(LAYERS), rows)
    with pytest.raises(NotAdjacent):
        list(bound.groups())
    pot, cup = tried(mapping(LAYERS), rows)
    assert (pot.product.title, pot.product.translations[0].title, lines(pot.group)) == ("Pot", "Kanne", [2, 4])
    assert (cup.product.title, cup.product.translations[0].title, lines(cup.group)) == ("Cup", "Tasse", [5, 3])


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([["A", "de", "Kanne", "", "9"]], id="one store"),
        pytest.param([["A", "de", "Kanne"], ["A", "fr", "Pichet"]], id="two stores"),
        pytest.param([["A", "de", "Kanne"], ["B", "", "Cup"], ["A", "fr", "Pichet"]], id="apart"),
        pytest.param([["A", "de", "Kanne"], ["", "", "", "X"]], id="with a row that goes on"),
    ],
)
def test_a_store_row_without_its_record_is_no_product(rows):
    lost, *others = tried(mapping(LAYERS, CONTINUED), table(*rows))
    (finding,) = lost.findings
    assert (finding.code, finding.severity, finding.sku) == ("mapping.orphan", "error", "A")
    assert finding.message == 'is the de row of "A", which has no row of its own'
    assert len(lines(lost.group)) == len(rows) - len(others) and all(other.product for other in others)


WEB = {"channel": "web", "base": "de"}


@pytest.mark.parametrize(
    ("rows", "given", "title", "codes"),
    [
        pytest.param(
            [["print", "de", "P"], ["web", "en", "W"]], WEB, "W", ["mapping.other-language", "mapping.other-channel"],
            id="only in another language",
        ),
        pytest.param([["print", "de", "P"], ["web", "de", "W"]], WEB, "W", ["mapping.other-channel"], id="in both"),
        pytest.param([["print", "de", "P"]], WEB, None, ["mapping.channel-missing"], id="not in the channel"),
        pytest.param([["print", "de", "P"], ["", "de", "N"]], WEB, None, ["mapping.channel-missing"], id="in no channel"),
        pytest.param([["WEB ", "DE", "W"]], WEB, "W", [], id="in another spelling"),
    ],
)  # fmt: skip
def test_a_record_is_of_the_channel_that_is_taken_or_held(rows, given, title, codes):
    for order in permutations(rows):
        source = table(*[["A", by, name, "", "1", "", channel] for channel, by, name in order])
        bound, found, groups = noticed(mapping(NAMED_BASE), source, **given)
        (trial,) = [tried_group(bound.ways[None], group) for group in groups]
        assert (trial.product.title if trial.product else None) == title
        assert [one.code for one in found] + trial.codes == codes


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_order_of_rows_does_not_matter(data):
    places = st.tuples(st.sampled_from("ABC"), st.sampled_from(["de", "en"]), st.sampled_from(["web", "print"]))
    rows = [
        [name, by, f"{name} {by} {channel}", "", "1", "", channel]
        for name, by, channel in data.draw(st.lists(places, min_size=1, unique=True))
    ]

    def outcome(rows):
        trials = tried(mapping(NAMED_BASE), table(*rows), **WEB)
        return {one.product.sku: (one.product.title, {t.title for t in one.product.translations}) for one in trials if one.product}

    assert outcome(rows) == outcome(data.draw(st.permutations(rows)))
    assert all(title.endswith(" web") for title, _ in outcome(rows).values())


@pytest.mark.parametrize(
    ("rows", "titles", "told"),
    [
        pytest.param([["A", "", "Pot"], ["A", "de", "Kanne"], ["A", "de", "Topf"]], ["Kanne"], [4], id="two"),
        pytest.param(
            [["A", "", "Pot"], ["A", "de", "Kanne"], ["B", "", "C"], ["A", "DE", "Topf"]], ["Kanne"], [5],
            id="apart, in another case",
        ),
        pytest.param([["A", "", "Pot"], ["A", "de", "Kanne"], ["A", "de", "Kanne"]], ["Kanne"], [], id="the same twice"),
        pytest.param([["A", "", "Pot"], ["A", "de", "Kanne"], ["", "de", "", "W"]], ["Kanne"], [], id="one that goes on"),
    ],
)  # fmt: skip
def test_one_row_a_language(rows, titles, told):
    bound, found, groups = noticed(mapping(LAYERS, CONTINUED), table(*rows))
    product = tried_group(bound.ways[None], groups[0]).product
    assert [text.title for text in product.translations] == titles
    assert [(one.code, one.line, one.sku) for one in found] == [("mapping.conflict", line, "A") for line in told]


def test_a_row_that_goes_on_is_never_the_record():
    rows = table(["A", "", "Pot", "X"], ["B", "", "Cup"], ["A", "de", "Kanne"], ["", "", "", "Z"])
    pot, cup = tried(mapping(LAYERS, CONTINUED), rows)
    assert (pot.product.title, pot.product.categories, lines(pot.group)) == ("Pot", (("X",), ("Z",)), [2, 4, 5])
    assert cup.product.title == "Cup" and cup.product.categories == ()


@pytest.mark.parametrize(
    ("row", "reliable", "held"),
    [
        pytest.param(["A", "de"], 2, [2, 4], id="of another language"),
        pytest.param(["A"], 1, [2, 4], id="of a language that cannot be read"),
        pytest.param(["A", ""], 2, [4], id="a record itself"),
        pytest.param(["A", ""], 0, [2, 4], id="that seems to be of the record"),
        pytest.param([""], 0, [4], id="of no one knows whom"),
        pytest.param(["C", "de"], 2, [4], id="of a record that is not there"),
    ],
)
def test_a_damaged_row_that_stands_apart(row, reliable, held):
    damaged = bad(*row)
    damaged.reliable = reliable
    trials = tried(mapping(LAYERS), table(["A", "", "Pot"], ["B", "", "Cup"], damaged))
    assert sorted(line for trial in trials if trial.product is None for line in lines(trial.group)) == held
    assert {code for trial in trials for code in trial.codes} == {"csv.long-row"}


def test_the_same_name_and_language_again_is_another_record():
    first, second = tried(mapping(LAYERS), table(["A", "", "Pot"], ["A", "de", "Kanne"], ["A", "", "Pot again"]))
    assert first.product.title == "Pot" and second.product.title == "Pot again"


@pytest.mark.parametrize(
    ("given", "title", "others"),
    [
        pytest.param({}, "Kanne", ["Pot"], id="the first row's"),
        pytest.param({"base": "en"}, "Pot", ["Kanne"], id="the one that is named"),
        pytest.param({"base": "EN "}, "Pot", ["Kanne"], id="in another spelling"),
        pytest.param({"base": "it"}, "Kanne", ["Pot"], id="one that no row is in"),
    ],
)
def test_which_language_is_the_products_own(given, title, others):
    (pot,) = tried(mapping(NAMED_BASE), table(["A", "de", "Kanne"], ["A", "en", "Pot"]), **given)
    assert pot.product.title == title and [text.title for text in pot.product.translations] == others


def noticed(text: str, rows: Rows, **given: str) -> tuple[Applied, list[Finding], list[Any]]:
    found: list[Finding] = []
    bound = applied(text, rows, **given)
    groups = list(bound.anywhere(found.extend))
    return bound, found, groups


def test_rows_of_another_channel_are_said_once():
    rows = table(
        ["A", "en", "Pot", "", "1", "", "web"], ["A", "de", "Kanne", "", "1", "", "web"],
        ["A", "en", "POT", "", "2", "", "print"], ["B", "en", "CUP", "", "2", "", "print"], ["B", "en", "Cup", "", "1", "", "web"],
    )  # fmt: skip
    bound, found, groups = noticed(mapping(NAMED_BASE), rows, channel="web", base="en")
    products = [tried_group(bound.ways[None], group).product for group in groups]
    assert [product.title for product in products] == ["Pot", "Cup"]
    assert [(one.code, one.line, one.value) for one in found] == [("mapping.other-channel", 4, "print")]


def test_what_such_a_row_says_beside_texts_is_said_once_a_column():
    rows = table(
        ["A", "", "Pot", "", "1.00", "Acme"], ["A", "de", "Kanne", "", "2.00", "Acme"], ["B", "", "Cup", "", "1.00"],
        ["B", "de", "Tasse", "", "3.00", "Other"], ["B", "fr", "Tasse", "", "1.00", ""],
    )  # fmt: skip
    _, found, _ = noticed(mapping(LAYERS), rows)
    assert [(one.code, one.line, one.column, one.sku) for one in found] == [
        ("mapping.layer-value", 3, "price", "A"),
        ("mapping.layer-value", 5, "brand", "B"),
    ]


# rows that go on


def test_rows_without_a_key_add_to_some_columns():
    (pot, cup) = tried(
        mapping(CONTINUED), table(["A", "", "Pot", "X/Y"], ["", "", "", "Z"], ["", "", "", " "], ["B", "", "Cup"])
    )
    assert pot.product.categories == (("X", "Y"), ("Z",)) and lines(pot.group) == [2, 3, 4] and pot.quick
    assert cup.product.categories == ()


def test_what_they_say_elsewhere_is_said():
    rows = table(["A", "", "Pot", "X", "1.00"], ["", "", "Jug", "Z", "1.00"])
    _, found, _ = noticed(mapping(CONTINUED), rows)
    assert [(one.code, one.line, one.column, one.value, one.sku) for one in found] == [
        ("mapping.continued", 3, "name", "Jug", "A")
    ]


def test_a_column_that_no_field_is_taken_from_may_go_on():
    _, found, _ = noticed(
        mapping(CONTINUED), table(["A", "", "Pot", "", "", "", "web"], ["", "", "", "", "", "", "print"])
    )
    assert found == []


def test_rows_in_another_language_may_go_on_too():
    """As Magento 1 writes them: without SKU, and with the next category."""
    rows = table(["A", "", "Pot", "X"], ["", "de", "Kanne", "Y"], ["", "", "", "Z"], ["", "de", "", "W"])
    (pot,) = tried(mapping(LAYERS, CONTINUED), rows)
    assert pot.product.categories == (("X",), ("Y",), ("Z",), ("W",))
    assert [text.title for text in pot.product.translations] == ["Kanne"]


def test_rows_above_the_first_record_are_told():
    lost, pot = tried(mapping(CONTINUED), table(["", "", "Nobody's"], ["A", "", "Pot"]))
    assert lost.product is None and lost.codes == ["mapping.no-sku"] and pot.product is not None


LISTS = """
records:
  one: variant
  continued: {key: sku, lists: {options: title}}
product:
  sku: sku
  title: name
  images: [{each: "@rows", src: picture}]
  custom_options:
    - each: "@options"
      title: title
      kind: {value: drop_down}
      values: [{each: "@rows", title: value, price: {from: fee, decimal: "."}}]
variant:
  sku: sku
  tier_prices: [{each: "@rows", quantity: from, price: {from: price, as: money, currency: EUR, decimal: "."}}]
"""
LIST_COLUMNS = ["sku", "name", "picture", "title", "value", "fee", "from", "price"]


def test_rows_make_lists():
    rows = [
        ["A", "Pot", "a.jpg", "Wrap", "Plain", "1.50", "5", "4.00"],
        ["", "", "b.jpg", "", "Festive", "2.00", "10", "3.00"],
        ["", "", "", "Card", "Birthday"],
        ["B", "Cup", "c.jpg"],
    ]
    pot, cup = tried(LISTS, Rows(LIST_COLUMNS, [[*row, *[""] * (8 - len(row))] for row in rows]))
    assert [image.src for image in pot.product.images] == ["a.jpg", "b.jpg"]
    assert [(one.title, [value.title for value in one.values]) for one in pot.product.custom_options] == [
        ("Wrap", ["Plain", "Festive"]),
        ("Card", ["Birthday"]),
    ]
    assert [(tier.quantity, tier.price.amount) for tier in pot.product.tier_prices] == [(5, 4), (10, 3)]
    assert pot.quick and cup.quick and [image.src for image in cup.product.images] == ["c.jpg"]


def test_a_mistake_in_a_row_that_goes_on_has_that_rows_line():
    rows = [["A", "Pot", "", "Wrap", "Plain", "1.50", "", ""], ["", "", "", "", "Festive", "much", "", ""]]
    (pot,) = tried(LISTS, Rows(LIST_COLUMNS, rows))
    assert [(one.code, one.line, one.column, one.sku) for one in pot.findings] == [
        ("cell.number-format", 3, "fee", "A")
    ]


# damaged rows


@pytest.mark.parametrize(
    ("grammar", "rows", "held"),
    [
        pytest.param(
            CONTINUED, [["A", "", "Pot"], bad(""), ["", "", "", "Z"], ["B", "", "Cup"]], [2, 3, 4], id="goes on"
        ),
        pytest.param(CONTINUED, [bad("A"), ["", "", "", "Z"], ["B", "", "Cup"]], [2, 3], id="the record, others go on"),
        pytest.param(LAYERS, [["A", "", "Pot"], bad("A", "de"), ["B", "", "Cup"]], [2, 3], id="another language"),
        pytest.param(
            LAYERS, [bad("A"), ["A", "de", "Kanne"], ["B", "", "Cup"]], [2, 3], id="the record, another language"
        ),
    ],
)
def test_a_damaged_row_holds_its_record_back(grammar, rows, held):
    trials = tried(mapping(grammar), table(*rows))
    assert sorted(line for trial in trials if trial.product is None for line in lines(trial.group)) == held
    assert [trial.product.sku for trial in trials if trial.product is not None] == ["B"]


# whatever order rows are in

cells = st.tuples(
    st.sampled_from(["", " ", "A", "B", "C"]), st.sampled_from(["", "de", "fr", "en"]), st.sampled_from(["", "Pot", "Cup"]),
    st.sampled_from(["", "X/Y"]), st.sampled_from(["", "1.00", "2.00"]), st.just(""), st.sampled_from(["web", "print"]),
).map(list)  # fmt: skip
rows_of_a_table = st.lists(cells | cells.map(lambda row: bad(*row)), min_size=1, max_size=12)
KINDS = {
    "layers": (mapping(LAYERS), {}),
    "named": (mapping(NAMED_BASE), {"base": "en", "channel": "web"}),
    "open": (mapping(NAMED_BASE), {}),
    "continued": (mapping(CONTINUED), {}),
    "both": (mapping(LAYERS, CONTINUED), {}),
    "parents": (mapping(LAYERS, CONTINUED, "parent: {key: brand, of: sku}"), {}),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=120, deadline=None)
@given(rows=rows_of_a_table)
def test_every_row_comes_out_once(kind, rows):
    text, given = KINDS[kind]
    source = table(*rows)
    bound = applied(text, source, **given)
    everything = list(range(2, len(rows) + 2))
    if bound.streams():
        try:
            groups = list(bound.groups())
        except NotAdjacent:
            groups = []
        assert not groups or sorted(line for group in groups for line in lines(group)) == everything
        bound.count = 0
    groups = list(bound.anywhere())
    assert sorted(line for group in groups for line in lines(group)) == everything
    assert bound.count == len(rows)
    for group in groups:
        trial = tried_group(bound.ways[None], group)
        if any(isinstance(record[1], BadCells) for record in group.records()):
            assert trial.product is None


@settings(max_examples=100, deadline=None)
@given(rows=rows_of_a_table)
def test_gathered_or_not_adjacent_rows_give_the_same(rows):
    source = table(*[row for row in rows if not isinstance(row, BadCells)])
    bound = applied(mapping(LAYERS, CONTINUED), source)
    try:
        streamed = [lines(group) for group in bound.groups()]
    except NotAdjacent:
        return
    assert [lines(group) for group in bound.anywhere()] == streamed


def test_further_rows_are_counted_with_their_record():
    rows = Folded(["A"])
    rows.own, rows.rows, rows.layers, rows.lines = ["A"], [(3, ["", "x"])], [], []
    assert [record[0] for record in every_row([(2, rows), (4, ["B"])])] == [2, 3, 4]


def test_a_variant_without_its_parent_is_held_back_with_its_other_rows():
    text = mapping(LAYERS, "parent: {key: brand, of: sku}")
    rows = table(["A", "", "Pot", "", "", "GONE"], ["A", "de", "Kanne"], ["B", "", "Cup"])
    orphan, cup = tried(text, rows)
    assert orphan.product is None and orphan.codes == ["mapping.orphan"] and lines(orphan.group) == [2, 3]
    assert cup.product is not None

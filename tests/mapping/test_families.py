"""Records that name their parents, or their variants: none is lost, and none is mixed into another product."""

from __future__ import annotations

import pytest

from feedbridge.findings import Finding, Severity
from feedbridge.mapping.group import Group
from feedbridge.sources.base import BadCells
from tests.mapping.trial import Documents, Rows, Trial, applied, tried, tried_all, tried_group

LONG = Finding(code="csv.long-row", severity=Severity.ERROR, message="too long")


def damaged(*cells: str, width: int, raw: str = "") -> BadCells:
    row = BadCells([*cells[:width], *[""] * (width - len(cells))])
    row.finding, row.raw, row.reliable, row.last_line = LONG, raw or ",".join(cells), 0, 0
    return row


def told(trial: Trial) -> tuple[list[int], list[str], list[str]]:
    """Lines of a product, the SKUs it is written with (none when it is held back), and what is said of it."""
    made = [] if trial.product is None else [v.sku for v in trial.product.variants] or [trial.product.sku]
    return sorted(record[0] for record in trial.group.records()), made, trial.codes


def said(trials: list[Trial], code: str) -> Finding:
    (found,) = [finding for trial in trials for finding in trial.findings if finding.code == code]
    return found


# rows below a damaged one

FILLED = """
records: {one: variant, group_by: Key, fill_down: expected}
product: {sku: Key, title: Title}
variant: {sku: Sku, price: {from: Price, currency: EUR}, options: [{name: {value: Size}, value: Size}]}
"""
KEYED = ["Key", "Title", "Sku", "Price", "Size"]
A1, A2 = ["A", "Tee", "A1", "1", "S"], ["A", "Tee", "A2", "2", "M"]
BELOW, C1 = ["", "", "B2", "3", "L"], ["C", "Cap", "C1", "4", "S"]
BAD_B, BAD = damaged("B", "Bag", "B1", width=5), damaged("", "", "B1", width=5)
HELD = ["csv.long-row"]


@pytest.mark.parametrize("gathered", [False, True])
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(
            [A1, BAD_B, BELOW, C1], [([2], ["A"]), ([3, 4], []), ([5], ["C"])], id="they go with the damaged one"
        ),
        pytest.param(
            [A1, BAD_B, BELOW, BELOW, ["B", "Bag", "B3", "1", "M"], C1],
            [([2], ["A"]), ([3, 4, 5, 6], []), ([7], ["C"])],
            id="its product goes on",
        ),
        pytest.param([A1, BAD, BELOW, C1], [([2, 3, 4], []), ([5], ["C"])], id="it may be the product above itself"),
        pytest.param([BAD, BELOW, C1], [([2, 3], []), ([4], ["C"])], id="nothing above"),
        pytest.param([A1, BAD_B, A2, C1], [([2, 3, 4], []), ([5], ["C"])], id="in the middle of a product"),
        pytest.param([A1, BAD_B, C1], [([2], ["A"]), ([3], []), ([4], ["C"])], id="alone"),
    ],
)
def test_rows_below_a_damaged_one_are_never_the_product_above(rows, expected, gathered):
    bound = applied(FILLED, Rows(KEYED, rows))
    trials = [tried_group(bound.ways[None], group) for group in (bound.anywhere() if gathered else bound.groups())]
    found = sorted(
        ([record[0] for record in trial.group.records()], [] if trial.product is None else [trial.product.sku])
        for trial in trials
    )
    assert found == expected
    assert all(trial.codes[:1] == HELD for trial in trials if trial.product is None)


def test_the_product_further_down_is_held_with_its_damaged_row():
    trials = tried(FILLED, Rows(KEYED, [["B", "Bag", "B0", "1", "S"], A1, BAD_B, BELOW, A2]))
    assert [told(trial) for trial in trials] == [([2, 4, 5], [], HELD), ([3, 6], ["A1", "A2"], [])]


# variants that name their parents

SHOP = """
records:
  one: variant
  parent: {key: Parent, of: [Sku, Id], never_variant_if: {column: Kind, is: model}, always_variant_if: {column: Kind, is: variant}}
product: {sku: Sku, title: Title}
variant: {sku: Sku, price: {from: Price, currency: EUR}, options: [{name: {value: Size}, value: Size}]}
"""
NAMES = ["Id", "Kind", "Sku", "Title", "Price", "Size", "Parent"]
HOOD = ["1", "model", "HOOD", "Hood", "", "", ""]


def variant(sku: str, size: str, parent: str) -> list[str]:
    return ["", "variant", sku, sku, "5", size, parent]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(
            [HOOD, variant("H-1", "S", "HOOD"), variant("H-2", "M", "H-1")],
            [([2, 3, 4], ["H-1", "H-2"], [])],
            id="a variant that is named as a parent is a variant too",
        ),
        pytest.param(
            [HOOD, ["2", "model", "H-1", "x", "", "", "HOOD"], variant("H-2", "M", "H-1")],
            [([2, 3, 4], ["H-2"], [])],
            id="a model between is none",
        ),
        pytest.param(
            [HOOD, variant("H-1", "S", "HOOD"), variant("H-2", "M", "")],
            [([2, 3], ["H-1"], []), ([4], [], ["mapping.orphan"])],
            id="a variant without a parent",
        ),
        pytest.param(
            [variant("H-1", "S", ""), variant("H-2", "M", "H-1")],
            [([2, 3], [], ["mapping.orphan"])],
            id="a variant without a parent, and its own variants",
        ),
        pytest.param(
            [["", "variant", "", "x", "5", "S", ""]], [([2], [], ["mapping.orphan"])], id="a variant without a name"
        ),
        pytest.param([variant("H-1", "S", "H-1")], [([2], [], ["mapping.orphan"])], id="a variant of itself"),
        pytest.param(
            [HOOD, variant("H-1", "S", "HOOD"), [*HOOD[:3], "Another", *HOOD[4:]]],
            [([2, 3], ["H-1"], []), ([4], [], ["mapping.parent-twice"])],
            id="two parents of one name",
        ),
        pytest.param(
            [HOOD, variant("H-1", "S", "HOOD"), HOOD, variant("H-2", "M", "HOOD")],
            [([2, 3, 5], ["H-1", "H-2"], []), ([4], [], ["mapping.parent-twice"])],
            id="the same parent twice",
        ),
        pytest.param(
            [variant("A", "S", "B"), variant("B", "S", "A"), variant("C", "S", "A")],
            [
                ([2], [], ["mapping.parent-circle"]),
                ([4], [], ["mapping.parent-circle"]),
                ([3], [], ["mapping.parent-circle"]),
            ],
            id="parents in a circle",
        ),
        pytest.param(
            [
                ["100", "", "TEE", "Tee", "5", "", ""],
                ["200", "", "100", "Cup", "7", "", ""],
                variant("T-S", "S", "100"),
            ],
            [([2], ["TEE"], ["mapping.name-twice"]), ([3, 4], ["T-S"], [])],
            id="a first name beats another record's second name",
        ),
        pytest.param(
            [["9", "", "TEE", "Tee", "5", "", ""], ["9", "", "CUP", "Cup", "7", "", ""], variant("T-S", "S", "9")],
            [([2, 4], ["T-S"], []), ([3], ["CUP"], ["mapping.name-twice"])],
            id="two records with one second name",
        ),
        pytest.param(
            [damaged("1", "model", "HOOD", "Hood", width=7), variant("H-1", "S", "HOOD"), variant("H-2", "M", "HOOD")],
            [([2, 3, 4], [], HELD)],
            id="a damaged parent",
        ),
    ],
)
def test_who_belongs_to_whom(rows, expected):
    assert [told(trial) for trial in tried(SHOP, Rows(NAMES, rows))] == expected


@pytest.mark.parametrize(
    ("parent", "mend"),
    [
        pytest.param("hood", 'write "HOOD", as its parent does', id="another case"),
        pytest.param("CAFE\N{COMBINING ACUTE ACCENT}", "write it in the same Unicode form", id="another Unicode form"),
        pytest.param("CAP", "give the parent's file as well", id="nothing like it"),
    ],
)
def test_an_orphan_is_named_and_told_what_its_parent_may_be(parent, mend):
    cafe = ["2", "", "CAF\N{LATIN CAPITAL LETTER E WITH ACUTE}", "Cafe", "5", "", ""]
    found = said(tried(SHOP, Rows(NAMES, [HOOD, cafe, variant("H-1", "S", parent)])), "mapping.orphan")
    assert (found.file, found.line, found.column, found.sku, found.value) == ("shop.csv", 4, "Parent", "H-1", parent)
    assert found.mend.startswith(mend)


def test_an_orphan_of_several_files_is_found_in_its_own():
    class Both(Rows):
        def place(self, record):
            return f"{'ab'[record[0] > 2]}.csv", record[0], ""

    assert said(tried(SHOP, Both(NAMES, [HOOD, variant("H-1", "S", "X")])), "mapping.orphan").file == "b.csv"


def test_orphans_in_a_circle_are_no_products_of_their_own():
    mapping = SHOP.replace("parent: {", "parent: {orphans: group, ")
    trials = tried(mapping, Rows(NAMES, [variant("A", "S", "B"), variant("B", "S", "A")]))
    assert [trial.codes for trial in trials] == [["mapping.parent-circle"]] * 2


@pytest.mark.parametrize(
    ("kind", "expected"),
    [pytest.param("", ["mapping.between"], id="not marked"), pytest.param("model", [], id="marked")],
)
def test_what_only_passes_on_is_told_unless_it_is_a_model(kind, expected):
    mapping = SHOP.replace("parent: {", "parent: {inherit: true, ")
    rows = [HOOD, ["2", kind, "H-1", "Red", "", "", "HOOD"], variant("H-2", "M", "H-1")]
    (trial,) = tried(mapping, Rows(NAMES, rows))
    assert trial.codes == expected and told(trial)[:2] == ([2, 3, 4], ["H-2"])


# parents that name their variants

LISTS = """
records:
  one: variant
  children: {names: "Variants[].sku", of: Sku, never_variant_if: {column: Kind, is: model}}
packed: {Variants: {pairs: ",", groups: "|"}}
product: {sku: Sku, title: Title}
variant: {sku: Sku, price: {from: Price, currency: EUR}, options: [{name: {value: Size}, value: Size}]}
"""
PLAIN = LISTS.replace("Variants[].sku", "Variants").replace('packed: {Variants: {pairs: ",", groups: "|"}}\n', "")
LISTED = ["Sku", "Kind", "Title", "Price", "Size", "Variants", "More"]
S, M, Z = ["T-S", "", "S", "1", "S", "", ""], ["T-M", "", "M", "2", "M", "", ""], ["Z", "", "Zip", "3", "", "", ""]
PAIRS = "sku=T-S,size=S|sku=T-M,size=M"


def tee(variants: str, sku: str = "T") -> list[str]:
    return [sku, "model", "Tee", "", "", variants, ""]


@pytest.mark.parametrize(
    ("mapping", "rows", "expected"),
    [
        pytest.param(
            LISTS, [tee(PAIRS), S, M, Z], [([2, 3, 4], ["T-S", "T-M"], []), ([5], ["Z"], [])], id="as it should be"
        ),
        pytest.param(
            LISTS,
            [tee("sku=T-S,size=S,size=L|sku=T-M"), S, M, Z],
            [([2, 3, 4], [], ["cell.packed"]), ([5], ["Z"], [])],
            id="a list that cannot be read",
        ),
        pytest.param(
            LISTS, [tee("rubbish"), S], [([2], [], ["cell.packed"]), ([3], ["T-S"], [])], id="a list that names nothing"
        ),
        pytest.param(
            LISTS,
            [damaged("T", "model", "Tee", " blue", "", "", PAIRS, "", width=7), S, M, Z],
            [([2, 3, 4], [], HELD), ([5], ["Z"], [])],
            id="a damaged parent, its cells beside their columns",
        ),
        pytest.param(
            LISTS,
            [damaged("T", "model", width=7, raw=f'T,model,"Tee,,,"{PAIRS}"'), S, M, Z],
            [([2, 3, 4], [], HELD), ([5], ["Z"], [])],
            id="a damaged parent, its cells lost",
        ),
        pytest.param(
            LISTS,
            [damaged("X", "model", "Tee", "", "", PAIRS, width=7), tee(PAIRS), S, M],
            [([2], [], HELD), ([3, 4, 5], ["T-S", "T-M"], [])],
            id="what a sound parent says is better",
        ),
        pytest.param(
            PLAIN,
            [damaged("T", "model", "Tee", " blue", "", "", "T-S,T-M", "", width=7), S, M, Z],
            [([2, 3, 4], [], HELD), ([5], ["Z"], [])],
            id="a damaged parent with plain names",
        ),
        pytest.param(
            LISTS,
            [tee(PAIRS), tee("sku=T-S,size=S", "U"), S, M],
            [([2, 4, 5], ["T-S", "T-M"], []), ([3], ["U"], ["mapping.no-variants", "mapping.two-parents"])],
            id="a variant that another parent has",
        ),
    ],
)
def test_variants_stay_with_the_parent_that_names_them(mapping, rows, expected):
    assert [told(trial) for trial in tried(mapping, Rows(LISTED, rows))] == expected


def test_a_variant_that_says_its_own_parent_is_told_to_be_there():
    mapping = LISTS.replace("children:", "parent: {key: More, of: Sku}\n  children:")
    rows = [tee(PAIRS), S, [*M[:6], "U"], tee("", "U")]
    trials = tried(mapping, Rows(LISTED, rows))
    assert [trial.group.key for trial in trials] == ["T", "U"] and told(trials[0])[1] == ["T-S"]
    assert '"T-M", which belongs to "U"' in said(trials, "mapping.two-parents").message


def test_the_cell_that_cannot_be_read_is_named():
    found = said(tried(LISTS, Rows(LISTED, [tee("rubbish")])), "cell.packed")
    assert (found.line, found.column, found.sku) == (2, "Variants", "T") and "variants are not known" in found.message


def test_documents_name_their_variants_and_parents():
    mapping = "records: {one: variant, parent: {key: up, of: [id, sku]}}\nproduct: {sku: sku, title: name}\nvariant: {sku: sku}\n"
    documents = [
        {"id": "100", "sku": "TEE", "name": "Tee"},
        {"id": "101", "sku": "T-S", "name": "S", "up": "100"},
        {"id": "200", "sku": "100", "name": "Cup"},
    ]
    trials = tried_all(applied(mapping, Documents(documents)))
    assert [[record[0] for record in trial.group.records()] for trial in trials] == [[1, 2], [3]]
    assert trials[1].codes == ["mapping.name-twice"] and isinstance(trials[0].group, Group)

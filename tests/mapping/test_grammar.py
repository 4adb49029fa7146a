"""Which records make one product, and what becomes of them."""

from __future__ import annotations

import pytest

from feedbridge.findings import Finding, Severity
from feedbridge.sources.base import BadCells
from tests.mapping.trial import Documents, Rows, applied, tried, tried_group

SHOP = """
records: {one: variant, group_by: Handle, fill_down: true, variant_if: [Sku, Size], no_option: {Title: Default Title}}
product:
  sku: Handle
  title: Title
  brand: {from: Brand, default: none}
  attributes: {material: Material}
  translations: {de: {title: De}}
  images: [{src: Img, alt: Alt}]
variant:
  sku: Sku
  price: {from: Price, currency: EUR, decimal: '.'}
  compare_at_price: {from: Was, currency: EUR, decimal: '.'}
  image: VImg
  options: [{name: Axis, value: Size}, {name: Axis2, value: Colour}]
"""
COLUMNS = [
    "Handle",
    "Title",
    "Sku",
    "Price",
    "Axis",
    "Size",
    "Img",
    "Brand",
    "Axis2",
    "Colour",
    "VImg",
    "Was",
    "Alt",
    "Material",
    "De",
]


def shop(*rows: object, mapping: str = SHOP):
    """Rows in the order of COLUMNS, short ones filled up."""
    return tried(
        mapping,
        Rows(
            COLUMNS, [row if isinstance(row, BadCells) else [*row, *[""] * (len(COLUMNS) - len(row))] for row in rows]
        ),
    )


def bad(*cells: str, reliable: int = 0) -> BadCells:
    row = BadCells([*cells, *[""] * (len(COLUMNS) - len(cells))])
    row.finding = Finding(code="csv.long-row", severity=Severity.ERROR, message="17 cells", line=99)
    row.raw, row.reliable, row.last_line = ",".join(cells), reliable, 99
    return row


def skus(trial) -> list[str]:
    return [variant.sku for variant in trial.product.variants]


def lines(trial) -> list[int]:
    return [record[0] for record in trial.group.records()]


# rows of one product


def test_rows_with_the_same_key_are_one_product():
    pot, cup = shop(
        ["pot", "Pot", "P-1", "5.00", "Size", "M", "a.jpg"],
        ["pot", "", "P-2", "6.00", "", "L", "b.jpg"],
        ["cup", "Cup", "C-1", "1.00"],
    )
    assert skus(pot) == ["P-1", "P-2"]
    assert [option.model_dump() for option in pot.product.options] == [{"name": "Size", "values": ("M", "L")}]
    assert [variant.option_values for variant in pot.product.variants] == [("M",), ("L",)]
    assert [image.src for image in pot.product.images] == ["a.jpg", "b.jpg"]
    assert pot.quick and pot.findings == []
    assert cup.product.variants == () and cup.product.price.amount == 1


def test_rows_may_stand_anywhere():
    pot, cup = shop(
        ["pot", "Pot", "P-1", "5.00", "Size", "M"], ["cup", "Cup", "C-1"], ["pot", "", "P-2", "6.00", "", "L"]
    )
    assert skus(pot) == ["P-1", "P-2"] and lines(pot) == [2, 4]
    assert cup.product.sku == "C-1"


def test_a_row_without_key_belongs_to_the_one_above_and_that_is_said():
    (pot,) = shop(["pot", "Pot", "P-1", "5.00", "Size", "M"], ["", "", "P-2", "6.00", "", "L"])
    assert skus(pot) == ["P-1", "P-2"]
    assert [(finding.code, finding.line) for finding in pot.findings] == [("mapping.filled-down", 3)]
    assert not pot.quick


def test_without_fill_down_a_row_without_key_stands_alone():
    first, second = shop(
        ["pot", "Pot", "P-1", "5.00"], ["", "Cup", "C-1", "6.00"], mapping=SHOP.replace("fill_down: true, ", "")
    )
    assert first.product.sku == "P-1"
    assert second.product.sku == "C-1"


def test_a_single_version_without_options_is_the_product_itself():
    (pot,) = shop(["pot", "Pot", "P-1", "5.00", "Title", "Default Title", "", "", "", "", "v.jpg"])
    assert pot.product.sku == "P-1" and pot.product.variants == () and pot.product.options == ()
    assert [image.src for image in pot.product.images] == ["v.jpg"]


def test_a_single_version_with_an_option_stays_a_variant():
    (pot,) = shop(["pot", "Pot", "P-1", "5.00", "Size", "M"])
    assert pot.product.sku == "pot" and skus(pot) == ["P-1"]


def test_rows_that_only_have_an_image_are_no_variants():
    (pot,) = shop(
        ["pot", "Pot", "P-1", "5.00", "Size", "M", "a.jpg"],
        ["pot", "", "", "", "", "", "b.jpg"],
        ["pot", "", "P-2", "5.00", "", "L"],
    )
    assert skus(pot) == ["P-1", "P-2"]
    assert [image.src for image in pot.product.images] == ["a.jpg", "b.jpg"]
    assert pot.quick


def test_a_row_that_gives_nothing_is_named():
    (pot,) = shop(["pot", "Pot", "P-1", "5.00", "Size", "M"], ["pot", "", "", "9.00"])
    assert [(finding.code, finding.line) for finding in pot.findings] == [("mapping.idle-record", 3)]
    assert skus(pot) == ["P-1"]


def test_a_variant_without_sku_gets_one_and_that_is_said():
    (pot,) = shop(["pot", "Pot", "P-1", "5.00", "Size", "M"], ["pot", "", "", "5.00", "", "Größe L"])
    assert skus(pot) == ["P-1", "pot-grösse-l"]
    assert [(finding.code, finding.line) for finding in pot.findings] == [("mapping.sku-made", 3)]


def test_a_compare_at_price_above_the_price_is_the_regular_one():
    (pot,) = shop(
        ["pot", "Pot", "P-1", "5.00", "Size", "M", "", "", "", "", "", "9.00"],
        ["pot", "", "P-2", "5.00", "", "L", "", "", "", "", "", "5.00"],
    )
    first, second = pot.product.variants
    assert (first.price.amount, first.sale_price.amount) == (9, 5)
    assert second.sale_price is None and second.price.amount == 5


# product-level cells of later rows


def test_a_product_cell_that_is_empty_in_the_first_row_comes_from_a_later_one():
    (pot,) = shop(["pot", "Pot", "P-1", "5.00", "Size", "M"], ["pot", "", "P-2", "5.00", "", "L", "", "Acme"])
    assert pot.product.brand == "Acme"
    assert pot.findings == []


@pytest.mark.parametrize(
    ("first", "second", "third", "taken", "where"),
    [
        pytest.param("A", "B", "", "A", [3], id="second differs"),
        pytest.param("", "A", "B", "A", [4], id="third differs from the second"),
        pytest.param("A", "", "B", "A", [4], id="third differs from the first"),
        pytest.param("A", "A ", "A", "A", [], id="all alike"),
    ],
)
@pytest.mark.parametrize("column", ["Brand", "Material", "De"])
def test_a_product_cell_that_differs_is_named(column, first, second, third, taken, where):
    rows = [
        ["pot", "Pot", "P-1", "5.00", "Size", "M"],
        ["pot", "", "P-2", "5.00", "", "L"],
        ["pot", "", "P-3", "5.00", "", "S"],
    ]
    for row, cell in zip(rows, (first, second, third), strict=True):
        row += [""] * (len(COLUMNS) - len(row))
        row[COLUMNS.index(column)] = cell
    (pot,) = shop(*rows)
    if column == "De" and not first:
        where = [3, 4]  # a translation is taken from the first row only, and what others say is named
        taken = None
    product = pot.product
    had = {
        "Brand": product.brand,
        "Material": product.attributes.get("material"),
        "De": product.translations[0].title if product.translations else None,
    }
    assert had[column] == taken
    assert [(finding.code, finding.line, finding.column) for finding in pot.findings] == [
        ("mapping.conflict", line, column) for line in where
    ]


def test_a_condition_that_differs_is_named():
    mapping = SHOP.replace(
        "brand: {from: Brand, default: none}",
        "status: {when: {column: Brand, is: old}, then: {value: archived}, else: {value: active}}",
    )
    (pot,) = shop(
        ["pot", "Pot", "P-1", "5.00", "Size", "M", "", "new"],
        ["pot", "", "P-2", "5.00", "", "L", "", "old"],
        mapping=mapping,
    )
    assert pot.codes == ["mapping.conflict"] and pot.product.status == "active"


# options


def test_an_option_is_named_in_the_first_row_only():
    (pot,) = shop(
        ["pot", "Pot", "P-1", "", "Size", "M", "", "", "Colour", "red"],
        ["pot", "", "P-2", "", "", "L", "", "", "", "blue"],
    )
    assert [variant.option_values for variant in pot.product.variants] == [("M", "red"), ("L", "blue")]
    assert [option.values for option in pot.product.options] == [("M", "L"), ("red", "blue")]


def test_an_option_that_one_variant_lacks_is_empty_there():
    (pot,) = shop(["pot", "Pot", "P-1", "", "Size", "M", "", "", "Colour", "red"], ["pot", "", "P-2", "", "", "L"])
    assert [variant.option_values for variant in pot.product.variants] == [("M", "red"), ("L", "")]


def test_an_option_value_without_a_name_holds_the_product_back():
    (pot,) = shop(["pot", "Pot", "P-1", "", "", "M"])
    assert pot.product is None and pot.codes == ["mapping.option-without-name"]


def test_option_values_may_be_numbers_in_documents():
    mapping = "records: {variants: items}\nproduct: {sku: id, title: name}\nvariant:\n  sku: id\n"
    mapping += "  options: [{name: {value: Size}, value: {from: size, as: integer}}]\n"
    (pot,) = tried(
        mapping, Documents([{"id": "P", "name": "Pot", "items": [{"id": "1", "size": 40}, {"id": "2", "size": 42}]}])
    )
    assert [variant.option_values for variant in pot.product.variants] == [("40",), ("42",)]


# damaged rows


@pytest.mark.parametrize(
    ("rows", "held", "made"),
    [
        pytest.param(
            [bad("pot", "Pot", reliable=5), ["pot", "Pot", "P-2", "5.00", "Size", "M"], ["cup", "Cup"]],
            [2, 3],
            ["cup"],
            id="first row, key known",
        ),
        pytest.param(
            [["pot", "Pot", "P-1"], bad("pot", reliable=5), ["pot", "", "P-3", "", "Size", "L"], ["cup", "Cup"]],
            [2, 3, 4],
            ["cup"],
            id="middle row, key known",
        ),
        pytest.param(
            [["pot", "Pot", "P-1"], ["pot", "", "P-2", "", "Size", "L"], bad("pot", reliable=5), ["cup", "Cup"]],
            [2, 3, 4],
            ["cup"],
            id="last row, key known",
        ),
        pytest.param(
            [["pot", "Pot", "P-1"], bad("pot"), ["pot", "", "P-3", "", "Size", "L"], ["cup", "Cup"]],
            [2, 3, 4],
            ["cup"],
            id="middle row, key in doubt",
        ),
        pytest.param(
            [["pot", "Pot", "P-1"], bad("x"), ["pot", "", "P-3", "", "Size", "L"], ["cup", "Cup"]],
            [2, 3, 4],
            ["cup"],
            id="middle row, key lost",
        ),
        pytest.param([["pot", "Pot", "P-1"], bad("pot"), ["cup", "Cup"]], [2, 3], ["cup"], id="last row, key in doubt"),
        pytest.param(
            [bad("pot"), ["pot", "Pot", "P-2"], ["cup", "Cup"]], [2, 3], ["cup"], id="first row, key in doubt"
        ),
        pytest.param(
            [["pot", "Pot", "P-1"], bad("cup"), ["cup", "Cup"]], [3, 4], ["pot"], id="between two, key in doubt"
        ),
        pytest.param(
            [["pot", "Pot", "P-1"], bad("x"), ["cup", "Cup"]],
            [3],
            ["pot", "cup"],
            id="between two, key lost: it stands alone",
        ),
    ],
)
@pytest.mark.parametrize("gathered", [False, True])
def test_a_damaged_row_holds_back_the_whole_product(rows, held, made, gathered):
    if gathered and any(isinstance(row, BadCells) and row[0] == "x" for row in rows) and len(held) > 1:
        pytest.skip("rows anywhere in a file: a row whose key is lost could be anybody's")
    source = Rows(
        COLUMNS, [row if isinstance(row, BadCells) else [*row, *[""] * (len(COLUMNS) - len(row))] for row in rows]
    )
    bound = applied(SHOP.replace("fill_down: true, ", ""), source)
    trials = [tried_group(bound.ways[None], group) for group in (bound.anywhere() if gathered else bound.groups())]
    assert sorted(line for trial in trials if trial.product is None for line in lines(trial)) == held
    assert [trial.group.key for trial in trials if trial.product is not None] == made


# a parent named by its key

FAMILY = """
records: {one: variant, parent: {key: Parent, of: Sku, never_variant: Model}}
product:
  sku: Sku
  title: Title
  brand: Brand
  images: [Img]
variant:
  sku: Sku
  price: {from: Price, currency: EUR, decimal: '.'}
  options: [{name: {value: Size}, value: Size}]
"""
P = ["Sku", "Parent", "Title", "Price", "Size", "Img", "Brand", "Model"]


def family(*rows: object, mapping: str = FAMILY):
    return tried(
        mapping, Rows(P, [row if isinstance(row, BadCells) else [*row, *[""] * (len(P) - len(row))] for row in rows])
    )


POT = ["pot", "", "Pot", "", "", "pot.jpg", "Acme"]
M, L = ["pot-m", "pot", "Pot M", "5.00", "M", "m.jpg"], ["pot-l", "pot", "", "6.00", "L"]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([POT, M, L], id="parent first"),
        pytest.param([M, POT, L], id="parent between"),
        pytest.param([M, L, POT], id="parent last"),
    ],
)
def test_variants_name_their_parent(rows):
    (pot,) = family(*rows)
    assert pot.product.sku == "pot" and pot.product.title == "Pot" and pot.product.brand == "Acme"
    assert skus(pot) == ["pot-m", "pot-l"]
    assert [image.src for image in pot.product.images] == ["pot.jpg", "m.jpg"]
    assert len(lines(pot)) == 3


def test_a_parent_with_one_child_has_one_variant():
    (pot,) = family(POT, [*M[:3], "5.00", "M"])
    assert skus(pot) == ["pot-m"]


def test_a_record_without_parent_and_children_is_a_product():
    _, cup = family(POT, M, ["cup", "", "Cup", "3.00", "", "cup.jpg"])
    assert cup.product.price.amount == 3 and cup.product.variants == ()
    assert [image.src for image in cup.product.images] == ["cup.jpg"]
    assert cup.quick


def test_a_parent_that_is_only_ever_a_parent_and_has_no_variants_is_named():
    (pot,) = family([*POT, "yes"])
    assert pot.product.variants == () and pot.codes == ["mapping.no-variants"]


def test_models_between_a_parent_and_its_variants_are_counted_and_no_variants():
    sub = ["sub", "pot", "Sub", "", "", "", "", "model"]
    (pot,) = family(POT, sub, ["pot-m", "sub", "", "5.00", "M"])
    assert skus(pot) == ["pot-m"] and sorted(lines(pot)) == [2, 3, 4]


@pytest.mark.parametrize(
    ("orphans", "made"),
    [pytest.param("hold", [None, None], id="held back"), pytest.param("group", ["pot"], id="grouped")],
)
def test_variants_without_their_parent(orphans, made):
    trials = family(
        ["pot-m", "pot", "Pot", "5.00", "M"], L, mapping=FAMILY.replace("of: Sku", f"of: Sku, orphans: {orphans}")
    )
    assert [trial.product.sku if trial.product else None for trial in trials] == made
    assert all("mapping.orphan" in trial.codes for trial in trials)
    if orphans == "group":
        assert skus(trials[0]) == ["pot-m", "pot-l"]


def test_parents_in_a_circle_hold_each_other_back():
    trials = family(["a", "b", "A", "5.00"], ["b", "a", "B", "5.00"])
    assert [trial.product for trial in trials] == [None, None]
    assert sorted(line for trial in trials for line in lines(trial)) == [2, 3]


def test_a_record_that_is_its_own_parent_is_a_parent():
    (pot,) = family(["pot", "pot", "Pot"], M)
    assert skus(pot) == ["pot-m"]


def test_two_parents_of_the_same_name_are_both_kept():
    trials = family(POT, ["pot", "", "Pot again", "1.00"], M)
    assert sorted(line for trial in trials for line in lines(trial)) == [2, 3, 4]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_damaged_row_of_a_family_holds_it_back_whole(at):
    rows: list[object] = [POT, M, L]
    broken = BadCells([*rows[at], *[""] * (len(P) - len(rows[at]))])
    broken.finding = Finding(code="csv.long-row", severity=Severity.ERROR, message="9 cells", line=2 + at)
    broken.raw, broken.reliable, broken.last_line = "", 2, 2 + at
    rows[at] = broken
    trials = family(*rows, ["cup", "", "Cup", "3.00"])
    assert [trial.product.sku for trial in trials if trial.product] == ["cup"]
    assert "csv.long-row" in trials[0].codes and len(lines(trials[0])) == 3


@pytest.mark.parametrize("title", ["name", "name:en"])
def test_a_condition_takes_the_first_of_several_columns_that_is_there(title):
    text = """
records: {one: variant, starts: {column: [name, "name:${locale}"], empty: false}}
parameters: {locale: {about: language}}
columns: optional
product: {sku: slug, title: [name, "name:${locale}"], status: {when: {column: [off, shut], is: x}, then: {value: draft}}}
variant: {sku: sku, options: [{name: {value: size}, value: size}]}
"""
    rows = Rows.of(
        {title: "Tee", "slug": "tee", "sku": "T-S", "size": "S", "shut": "x"},
        {title: "", "slug": "", "sku": "T-M", "size": "M", "shut": ""},
        {title: "Cap", "slug": "cap", "sku": "C", "size": "", "shut": ""},
    )
    found = tried(text, rows, locale="en")
    assert [one.fields()["title"] for one in found] == ["Tee", "Cap"]
    assert [one.fields().get("status", "active") for one in found] == ["draft", "active"]

"""Tables of a PIM: columns by language, channel and currency, models in levels, labels from further files."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import feedbridge
from feedbridge.cells import CellError
from feedbridge.cells.money import MoneyReader
from feedbridge.errors import CommandError
from feedbridge.mapping.load import load_mapping
from feedbridge.run.inputs import open_inputs
from tests.mapping.trial import Rows, applied, tried

SAID = {"locale": "de_DE", "channel": "web", "currency": "EUR", "axes": "color,size", "decimal": "."}


def preset(name: str = "akeneo-csv", **given: str):
    return load_mapping(name, {**(SAID if name == "akeneo-csv" else {}), **given})


def product(cells: dict[str, str], **given: str):
    (trial,) = tried(preset(**given), Rows.of({"sku": "A-1", "family": "mugs", **cells}))
    return trial


@pytest.mark.parametrize(
    ("columns", "title"),
    [
        pytest.param(["name"], "name", id="for all"),
        pytest.param(["name-en_US", "name-de_DE"], "name-de_DE", id="by language"),
        pytest.param(["name-print", "name-web"], "name-web", id="by channel"),
        pytest.param(["name-de_DE-print", "name-de_DE-web", "name-en_US-web"], "name-de_DE-web", id="by both"),
        pytest.param(["label-de_DE", "name-de_DE"], "name-de_DE", id="the first code of the list"),
        pytest.param(["erp_name"], "erp_name", id="another usual code"),
    ],
)
def test_the_column_of_the_wanted_language_and_channel_is_taken(columns, title):
    trial = product({name: name for name in columns})
    assert trial.product.title == title and trial.quick


def test_a_column_of_another_language_is_never_taken_instead():
    trial = product({"name-de_DE": "", "name-en_US": "Mug"})
    assert trial.product is None and trial.codes == ["mapping.no-title"]


def test_codes_of_an_installation_are_named_with_set():
    trial = product({"bezeichnung-de_DE": "Becher", "name-de_DE": "x"}, title="bezeichnung")
    assert trial.product.title == "Becher"


@pytest.mark.parametrize(
    ("columns", "given", "words"),
    [
        pytest.param(["name-de_DE", "name-fr_FR"], {}, ["by locale (de_DE, fr_FR)", "--set locale=de_DE"], id="locale"),
        pytest.param(
            ["name-de_DE"], {"locale": "de_AT"}, ["none of them for de_AT", "--set locale=de_DE"], id="other locale"
        ),
        pytest.param(
            ["text-de_DE-web", "text-de_DE-print"], {"locale": "de_DE"}, ["by channel (web, print)"], id="channel"
        ),
        pytest.param(["text-web"], {}, ["by channel (web)"], id="channel alone"),
        pytest.param(
            ["price-de_DE-web-EUR"], {"locale": "de_DE"}, ["by channel (web)"], id="channel before a currency"
        ),
        pytest.param(
            ["price-EUR", "list_price-USD"], {}, ["by currency (EUR, USD)", "--set currency=EUR"], id="currency"
        ),
    ],
)
def test_what_the_columns_offer_is_asked_for(columns, given, words):
    rows = Rows.of({"sku": "A", "family": "f", "name": "A", **dict.fromkeys(columns, "1")})
    with pytest.raises(CommandError) as error:
        applied(load_mapping("akeneo-csv", given), rows)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize(
    "columns",
    [
        ["X_SELL-groups", "X_SELL-products", "X_SELL-product_models"],
        ["weight", "weight-unit"],
        ["SET-products-quantity"],
    ],
    ids=["associations", "units", "quantities"],
)
def test_other_hyphens_are_no_channel(columns):
    rows = Rows.of({"sku": "A", "family": "f", "name": "A", **dict.fromkeys(columns, "")})
    applied(load_mapping("akeneo-csv", {"currency": "EUR"}), rows)


@pytest.mark.parametrize(
    ("cells", "grams"),
    [
        pytest.param({"weight": "0.35", "weight-unit": "KILOGRAM"}, "350", id="unit in its column"),
        pytest.param({"weight": "350", "weight-unit": "GRAM"}, "350", id="gram"),
        pytest.param({"weight": "1 KILOGRAM"}, "1000", id="unit in the cell"),
        pytest.param({"weight": "", "weight-unit": "KILOGRAM"}, None, id="a unit alone is nothing"),
    ],
)
def test_a_measure_has_its_unit_beside_it(cells, grams):
    trial = product({"name": "A", **cells})
    assert trial.fields().get("weight_grams") == grams


def test_a_unit_nobody_knows_holds_the_product_back():
    trial = product({"name": "A", "weight": "1", "weight-unit": "STONE"})
    assert trial.codes == ["cell.weight-unit"] and trial.findings[0].column == "weight"


# prices of several currencies in one cell


@pytest.mark.parametrize(
    ("text", "decimal", "amount"),
    [
        pytest.param("282.18 EUR,491.01 USD", ".", "282.18", id="first"),
        pytest.param("491.01 USD,282.18 EUR", ".", "282.18", id="second"),
        pytest.param("282,18 EUR,491,01 USD", ",", "282.18", id="decimal commas"),
        pytest.param("491,01 USD, 1.282,18 EUR", ",", "1282.18", id="blank behind"),
        pytest.param("5 EUR", ".", "5", id="one"),
        pytest.param("5.50", ".", "5.50", id="no currency"),
        pytest.param("0.00 EUR,0 USD", ".", "0.00", id="free is a price"),
        pytest.param("5 EUR,5 EUR", ".", "5", id="twice the same"),
    ],
)
def test_the_price_in_the_wanted_currency_is_read(text, decimal, amount):
    price = MoneyReader(currency="EUR", decimal=decimal, among=",").read(text)
    assert (str(price.amount), price.currency) == (amount, "EUR")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("5 USD,6 GBP", "cell.price-other-currency", id="not among them"),
        pytest.param("5 EUR,6 EUR", "cell.price-format", id="two of them"),
        pytest.param("5 EUR,6", "cell.price-format", id="one without a currency"),
        pytest.param("-5 EUR,6 USD", "cell.price-negative", id="negative"),
    ],
)
def test_prices_that_say_nothing_are_refused(text, code):
    with pytest.raises(CellError) as error:
        MoneyReader(currency="EUR", decimal=".", among=",").read(text)
    assert error.value.code == code


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["EUR", "USD", "GBP", "CHF"]), st.decimals(0, 10**6, places=2), min_size=1),
    st.sampled_from([".", ","]),
)
def test_every_price_of_a_cell_can_be_read(prices, decimal):
    text = ",".join(f"{str(amount).replace('.', decimal)} {code}" for code, amount in prices.items())
    for code, amount in prices.items():
        assert MoneyReader(currency=code, decimal=decimal, among=",").read(text).amount == amount


def test_a_decimal_mark_is_decided_price_by_price():
    rows = Rows.of(
        {"sku": "A", "family": "f", "name": "A", "price": "2,5 EUR,3,75 USD"},
        {"sku": "B", "family": "f", "name": "B", "price": "1 EUR"},
    )
    found = tried(load_mapping("akeneo-csv", {"currency": "EUR", "currencies": "USD"}), rows)
    assert [str(trial.product.price.amount) for trial in found] == ["2.5", "1"]
    assert [str(price.amount) for price in found[0].product.prices] == ["3.75"]


# models in levels

ROOT = {"code": "tee", "family_variant": "fv", "name-de_DE": "Hemd", "price-EUR": "10.00", "image": "tee.jpg"}
RED = {
    "code": "tee-red",
    "family_variant": "fv",
    "parent": "tee",
    "color": "red",
    "price-EUR": "12.00",
    "image": "red.jpg",
}
SMALL = {"sku": "tee-red-s", "parent": "tee-red", "size": "s"}
MEDIUM = {"sku": "tee-red-m", "parent": "tee-red", "size": "m", "price-EUR": "13.00"}
HEADER = ["sku", "code", "family_variant", "parent", "categories", "color", "size", "name-de_DE", "description-de_DE",
          "price-EUR", "image", "ean"]  # fmt: skip


def family(*rows: dict[str, str], **given: str):
    return tried(preset(**given), Rows(HEADER, [[row.get(name, "") for name in HEADER] for row in rows]))


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([ROOT, RED, SMALL, MEDIUM], id="from the root down"),
        pytest.param([SMALL, MEDIUM, RED, ROOT], id="variants first"),
        pytest.param([RED, SMALL, ROOT, MEDIUM], id="mixed"),
    ],
)
def test_a_variant_has_what_the_model_above_it_owns(rows):
    (tee,) = family(*rows)
    assert tee.quick, tee.codes
    assert (tee.product.sku, tee.product.title, str(tee.product.price.amount)) == ("tee", "Hemd", "10.00")
    by_sku = {variant.sku: variant for variant in tee.product.variants}
    assert by_sku["tee-red-s"].option_values == ("red", "s") and str(by_sku["tee-red-s"].price.amount) == "12.00"
    assert by_sku["tee-red-m"].option_values == ("red", "m") and str(by_sku["tee-red-m"].price.amount) == "13.00"
    assert [image.src for image in tee.product.images] == ["tee.jpg", "red.jpg"]


def test_what_is_wrong_in_an_inherited_value_is_said_where_it_stands_and_once():
    (tee,) = family(ROOT, {**RED, "price-EUR": "twelve"}, SMALL, {**MEDIUM, "price-EUR": ""})
    assert tee.product is None
    assert [(f.code, f.line, f.column, f.value) for f in tee.findings] == [
        ("cell.price-format", 3, "price-EUR", "twelve")
    ]


def test_texts_that_only_the_variants_have_reach_the_product():
    own = [{**SMALL, "name-de_DE": "Hemd rot S", "description-de_DE": "A"}, {**MEDIUM, "name-de_DE": "Hemd rot M"}]
    (tee,) = family({**ROOT, "name-de_DE": ""}, RED, *own)
    assert tee.product.title == "Hemd rot" and tee.product.description == "A" and tee.codes == []
    own[1]["description-de_DE"] = "B"
    (tee,) = family({**ROOT, "name-de_DE": ""}, RED, *own)
    assert tee.product.description == "A" and tee.codes == ["mapping.conflict"]


def test_a_model_keeps_its_own_text_whatever_its_variants_say():
    (tee,) = family({**ROOT, "description-de_DE": "own"}, RED, {**SMALL, "description-de_DE": "other"})
    assert tee.product.description == "own" and tee.codes == [] and tee.quick


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_both_paths_agree_on_families(data):
    words = {
        "color": ["red", "blue"],
        "size": ["s", "m"],
        "name-de_DE": ["Hemd", "Hemd rot"],
        "description-de_DE": ["x", "y"],
        "price-EUR": ["1.00", "x"],
        "image": ["a.jpg", "../../a.jpg"],
        "ean": ["4006381333931", "1"],
        "categories": ["a", "a,b"],
    }
    rows = [
        dict(row) for row in (ROOT, RED, SMALL, MEDIUM, {"code": "tee-blue", "family_variant": "fv", "parent": "tee"})
    ]
    for row in rows:
        for name, values in words.items():
            choice = data.draw(st.sampled_from([None, None, "", *values]))
            if choice is not None:
                row[name] = choice
    family(*data.draw(st.permutations(rows)))


@pytest.mark.parametrize("axes", [None, "", "color,size"], ids=["not said", "none", "said"])
def test_the_axes_of_a_family_are_asked_for(axes):
    given = {name: value for name, value in SAID.items() if name != "axes"} | ({} if axes is None else {"axes": axes})
    rows = Rows(HEADER, [[row.get(name, "") for name in HEADER] for row in (ROOT, RED, SMALL)])
    if axes is None:
        with pytest.raises(CommandError, match="axes must be known"):
            applied(load_mapping("akeneo-csv", given), rows)
        return
    (tee,) = tried(load_mapping("akeneo-csv", given), rows)
    assert [option.name for option in tee.product.options] == list(filter(None, axes.split(",")))


# labels from further files


def written(folder: Path, name: str, rows: list[list[str]]) -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    return path


PRODUCTS = [
    ["sku", "family", "enabled", "categories", "parent", "name", "color", "material"],
    ["A-1", "f", "1", "shirts,lost", "tee", "A", "red", "red"],
    ["A-2", "f", "1", "shirts", "tee", "B", "blue", "red"],
]
MODELS = [["code", "family_variant", "parent", "categories", "name"], ["tee", "by_color", "", "shirts,lost", "Tee"]]
VARIANTS = [["code", "family", "variant-axes_1", "variant-attributes_1"], ["by_color", "f", "color", "color,sku"]]
OPTIONS = [
    ["attribute", "code", "sort_order", "label-de_DE", "label-en_US"],
    ["material", "red", "1", "Falsch", "Wrong"],
    ["color", "red", "1", "Rot", "Red"],
    ["color", "blue", "2", "", "Blue"],
]
CATEGORIES = [
    ["code", "parent", "label-de_DE"],
    ["shirts", "clothes", "Hemden > Shirts"],
    ["clothes", "master", ""],
    ["master", "", "Katalog"],
    ["loop", "loop", "Kreis"],
]


def read(folder: Path, *tables: list[list[str]], **given: str):
    files = [written(folder, f"{number}.csv", table) for number, table in enumerate(tables)]
    ((source, mapping),) = open_inputs(files, "auto", {"locale": "de_DE", **given}, None)
    assert mapping.name == "akeneo-csv"
    return tried(mapping, source)


def test_codes_become_labels(tmp_path):
    (tee,) = read(tmp_path, PRODUCTS, MODELS, VARIANTS, OPTIONS, CATEGORIES)
    assert tee.quick, tee.codes
    assert [(option.name, option.values) for option in tee.product.options] == [("color", ("Rot", "blue"))]
    assert tee.product.categories == (("Katalog", "clothes", "Hemden > Shirts"), ("lost",))


def test_codes_stay_where_nothing_labels_them(tmp_path):
    (tee,) = read(tmp_path, PRODUCTS, MODELS, VARIANTS)
    assert [(option.name, option.values) for option in tee.product.options] == [("color", ("red", "blue"))]
    assert tee.product.categories == (("shirts",), ("lost",))


def test_labels_of_the_wanted_language_only(tmp_path):
    (tee,) = read(tmp_path, PRODUCTS, MODELS, VARIANTS, OPTIONS, locale="en_US")
    assert tee.product.options[0].values == ("Red", "Blue")
    (tee,) = read(tmp_path, PRODUCTS, MODELS, VARIANTS, OPTIONS, locale="fr_FR")
    assert tee.product.options[0].values == ("red", "blue")


def test_a_models_file_with_labels_of_its_own_is_no_category_file(tmp_path):
    models = [
        ["code", "family_variant", "parent", "categories", "label-de_DE"],
        ["tee", "by_color", "", "shirts", "Hemd"],
    ]
    products = [[*row[:5], *row[6:]] for row in PRODUCTS]
    (tee,) = read(tmp_path, products, models, VARIANTS)
    assert tee.product.title == "Hemd" and len(tee.product.variants) == 2


def test_the_workbook_of_an_export_gives_the_same_products(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    files = []
    for number, table in enumerate([PRODUCTS, MODELS, VARIANTS, OPTIONS, CATEGORIES]):
        book = openpyxl.Workbook()
        for row in table:
            book.active.append(row)
        files.append(tmp_path / f"{number}.xlsx")
        book.save(files[-1])
    ((source, mapping),) = open_inputs(files, "auto", {"locale": "de_DE"}, None)
    (tee,) = tried(mapping, source)
    (same,) = read(tmp_path, PRODUCTS, MODELS, VARIANTS, OPTIONS, CATEGORIES)
    assert tee.fields() == same.fields()


# recognition


@pytest.mark.parametrize(
    ("header", "name"),
    [
        pytest.param("sku;categories;enabled;family;groups;name", "akeneo-csv", id="without suffixes"),
        pytest.param(
            "uuid;ref;categories;enabled;family;parent;groups;PACK-groups", "akeneo-csv", id="another identifier"
        ),
        pytest.param("sku;family;categories;description-de_DE-print;price", "akeneo-csv", id="first generation"),
        pytest.param("sku;family;enabled;title-en_US;price-EUR", "akeneo-csv", id="a chosen few"),
        pytest.param("code;family_variant;parent;categories;name-en_US", "akeneo-csv", id="models"),
        pytest.param(
            "channel;locale;sku;status;type;parent;attribute_family;categories;name;price (EUR)",
            "unopim-csv",
            id="unopim",
        ),
        pytest.param(
            "locale;sku;type;attribute_family;parent;name;price (EUR)", "unopim-csv", id="unopim without channel"
        ),
        pytest.param("_sku;_type;_language;_template;name", "ergonode-csv", id="ergonode"),
    ],
)
def test_exports_are_recognised(tmp_path, header, name):
    path = tmp_path / "x.csv"
    path.write_text(f"{header}\n{';'.join('1' for _ in header.split(';'))}\n", encoding="utf-8")
    ((_, mapping),) = open_inputs([path], "auto", {}, None)
    assert mapping.name == name


def test_an_ordinary_export_is_quick():
    files = [
        "families.products.csv",
        "families.models.csv",
        "families.variants.csv",
        "families.options.csv",
        "families.categories.csv",
    ]
    folder = Path(feedbridge.__file__).parents[1] / "fixtures" / "akeneo-csv"
    said = {"locale": "de_DE", "channel": "ecommerce", "currency": "EUR", "currencies": "USD", "locales": "en_US"}
    ((source, mapping),) = open_inputs([folder / name for name in files], "auto", said, None)
    found = {trial.product.sku: trial.quick for trial in tried(mapping, source)}
    assert found == {"coat": True, "lamp": True, "cup": True}

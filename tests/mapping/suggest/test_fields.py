"""How the proposed fields are read, and what is left to a person."""

from __future__ import annotations

import json

import pytest

from tests.mapping.suggest.proposals import plain, proposed, table


def column(folder, name: str, *values: str, title: str = "Name") -> dict:
    lines = [f"SKU;{title};{name}", *(f"a{n};Red hat {n};{value}" for n, value in enumerate(values))]
    path = folder / "feed.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    draft = proposed(path)
    return {**plain(draft), "decide": draft.decide}


@pytest.mark.parametrize(
    ("name", "values", "spec"),
    [
        pytest.param(
            "Preis (EUR)", ("12,50", "1.299,00"), {"decimal": ",", "currency": "EUR"}, id="currency in the name"
        ),
        pytest.param(
            "price", ("12.50 €", "9.00 €"), {"decimal": ".", "currency": "EUR"}, id="currency beside the amounts"
        ),
        pytest.param("price", ("12.50 €", "9.00 £"), {"decimal": "."}, id="a currency in each value"),
        pytest.param("price", ("12.50", "9.00"), {"decimal": ".", "currency": "${currency}"}, id="currency asked for"),
        pytest.param(
            "price", ("$12.50", "$9.00"), {"decimal": ".", "currency": "${currency}"}, id="a dollar of some land"
        ),
        pytest.param(
            "price",
            ("1.234", "5.678"),
            {"decimal": "${decimal}", "currency": "${currency}"},
            id="a mark that can be both",
        ),
        pytest.param(
            "price cents",
            ("1250", "900"),
            {"minor_units": True, "decimal": "${decimal}", "currency": "${currency}"},
            id="cents",
        ),
    ],
)
def test_prices(name, values, spec, tmp_path):
    made = column(tmp_path, name, *values)
    assert made["product"]["price"] == {"from": name, "as": "money", **spec}
    parameters = made.get("parameters", {})
    assert ("currency" in parameters) == (spec.get("currency") == "${currency}")
    assert "default" not in parameters.get("currency", {})


def test_an_ambiguous_mark_has_no_default(tmp_path):
    made = column(tmp_path, "price", "1.234", "5.678")
    assert "default" not in made["parameters"]["decimal"]
    assert any("two ways" in line for line in made["decide"])


@pytest.mark.parametrize(
    ("name", "values", "field", "spec"),
    [
        pytest.param("Weight (kg)", ("1.5", "0.25"), "weight_grams", {"as": "weight", "decimal": ".", "unit": "kg"}, id="unit in the name"),
        pytest.param("Weight", ("1.5 kg", "300.5 g"), "weight_grams", {"as": "weight", "decimal": "."}, id="unit in the values"),
        pytest.param("Weight", ("1.5", "2.25"), "weight_grams", {"as": "weight", "decimal": ".", "unit": "${weight_unit}"}, id="asked for"),
        pytest.param("Active", ("ja", "nein"), "status", {"as": "status", "values": {"ja": "active", "nein": "draft"}}, id="yes and no"),
        pytest.param("Category", ("A > B", "A > C"), "categories", {"as": "category_path", "separator": ">"}, id="category path"),
        pytest.param("Images", ("https://a.example/1.jpg|https://a.example/2.jpg", "https://a.example/3.jpg"), "images",
                     [{"src": {"from": "Images", "as": "list", "separator": "|"}}], id="several pictures in a cell"),
        pytest.param("Image", ("pics/1.jpg", "pics/2.jpg"), "images",
                     [{"src": {"from": "Image", "as": "image_url", "base": "${media}"}}], id="paths of pictures"),
        pytest.param("Description", ("<p>a</p>", "b"), "description", {"as": "html"}, id="HTML"),
    ],
)  # fmt: skip
def test_readers(name, values, field, spec, tmp_path):
    made = column(tmp_path, name, *values)["product"]
    assert made[field] == (spec if isinstance(spec, list) else {"from": name, **spec})


def test_levels_of_categories_become_one_path(tmp_path):
    path = table(tmp_path, """
        sku, name, department, subcategory
        1, Red hat, Clothes, Hats
        2, Blue hat, Clothes, Hats
        3, Wool sock, Clothes, Socks
        4, Tin mug, Kitchen, Mugs
    """)  # fmt: skip
    spec = plain(proposed(path))["product"]["categories"]
    assert spec == {"all": ["department", "subcategory"], "join": " > ", "as": "category_path", "separator": " > "}


def test_other_languages_are_translations(tmp_path):
    path = table(tmp_path, """
        sku, name_de, name_en
        1, Roter Hut, Red hat
        2, Blauer Hut, Blue hat
    """)  # fmt: skip
    product = plain(proposed(path))["product"]
    assert (product["title"], product["translations"]) == ("name_de", {"en": {"title": "name_en"}})


def test_pictures_of_documents_keep_their_texts(tmp_path):
    path = tmp_path / "feed.json"
    documents = [
        {"sku": f"s{n}", "name": f"Red hat {n}", "images": [{"url": f"https://a.example/{n}.jpg", "alt": "front"}]}
        for n in range(3)
    ]
    path.write_text(json.dumps(documents), encoding="utf-8")
    assert plain(proposed(path))["product"]["images"] == [{"each": "images", "src": "url", "alt": "alt"}]


def test_a_sku_that_is_not_unique_is_said(tmp_path):
    path = table(tmp_path, """
        sku, title
        a, Red hat
        a, Blue hat
        b, Green hat
    """)  # fmt: skip
    draft = proposed(path)
    assert plain(draft)["product"]["sku"] == "sku"
    assert any("not unique" in line for line in draft.decide)
    assert draft.exit_status == 0


def test_without_a_name_for_sku_and_title_they_are_guesses(tmp_path):
    path = table(tmp_path, """
        foo, bar
        x1, Red hat with wool
        x2, Blue hat with wool
    """)  # fmt: skip
    draft = proposed(path)
    assert (draft.labels, draft.exit_status) == ({"foo": "sku", "bar": "title"}, 1)
    assert draft.text().count("# GUESS") == 2


def test_unused_columns_are_listed_with_the_next_best_guess(tmp_path):
    path = table(tmp_path, """
        sku, title, price, price archive
        a, Red hat, 1.50, 2.50
        b, Blue hat, 2.50, 3.50
    """)  # fmt: skip
    assert (
        '#   price archive: amounts, numbers, all different, filled 100%: "2.50", "3.50" - price? '
        in proposed(path).text()
    )


def test_every_line_has_reason_coverage_and_samples(tmp_path):
    path = table(tmp_path, """
        sku, title, brand
        a, Red hat, Kestrel
        b, Blue hat, Oaken
        c, Green hat,
        d, Black hat, Kestrel
    """)  # fmt: skip
    lines = proposed(path).text().splitlines()
    above = lines[lines.index("  brand: brand") - 1]
    assert above == '  # the name is "brand" (en), the values are words that come again; filled 75%; "Kestrel", "Oaken"'


@pytest.mark.parametrize(
    ("header", "rows", "currency"),
    [
        pytest.param("VK brutto (€);UVP", ["12,50;15,00", "9,00;11,00"], "EUR", id="another column's name says it"),
        pytest.param("Preis;UVP", ["12,50 €;15,00", "9,00 €;11,00"], "EUR", id="another column's cells say it"),
        pytest.param("Preis;UVP", ["12,50 €;15,00", "9,00;11,00", "auf Anfrage;12,00"], "EUR", id="most amounts and a text"),
        pytest.param("Preis;UVP", ["12,50 €;15,00", "9,00;11,00", "8,00;12,00"], "${currency}", id="few amounts only"),
        pytest.param("Preis;UVP", ["12,50 €;15,00 $", "9,00 €;11,00"], "${currency}", id="another sign beside an amount"),
        pytest.param("Preis USD;UVP", ["12,50;15,00 $", "9,00;11,00 $"], "USD", id="a sign that fits"),
        pytest.param("Preis (€);EK (CHF);UVP", ["12,50;9,00;15,00", "9,00;8,00;11,00"], "${currency}", id="contradiction"),
        pytest.param("Preis;UVP", ["12,50;15,00", "9,00;11,00"], "${currency}", id="nobody says it"),
    ],
)
def test_one_currency_serves_all_money_columns(header, rows, currency, tmp_path):
    path = tmp_path / "feed.csv"
    lines = [f"SKU;Name;{header}", *(f"a{n};Red hat {n};{row}" for n, row in enumerate(rows))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = plain(proposed(path))
    specs = [spec for spec in made["product"].values() if isinstance(spec, dict) and spec["from"] == "UVP"]
    assert [spec["currency"] for spec in specs] == [currency]
    assert ("currency" in made.get("parameters", {})) == (currency == "${currency}")


@pytest.mark.parametrize(
    ("name", "is_stock"),
    [
        pytest.param("count", True, id="bare"),
        pytest.param("Anzahl", True, id="bare, German"),
        pytest.param("stock count", True, id="of the stock"),
        pytest.param("inventoryCount", True, id="of the inventory"),
        pytest.param("Anzahl Stück", True, id="pieces"),
        pytest.param("core_count", False, id="cores"),
        pytest.param("books_count", False, id="books"),
        pytest.param("subjectCount", False, id="subjects"),
        pytest.param("Anzahl Seiten", False, id="pages"),
        pytest.param("pagecount", False, id="glued"),
    ],
)
def test_a_count_of_something_else_is_no_stock(name, is_stock, tmp_path):
    made = column(tmp_path, name, "3", "14", "27")
    assert (made["product"].get("stock") is not None) == is_stock


@pytest.mark.parametrize(
    ("parent", "is_stock"), [pytest.param("inventory", True, id="stock"), pytest.param("books", False, id="books")]
)
def test_a_count_below_another_word(parent, is_stock, tmp_path):
    path = tmp_path / "feed.json"
    path.write_text(json.dumps([{"sku": f"a{n}", "name": f"Red hat {n}", parent: {"count": n + 3}} for n in range(3)]))
    assert ("stock" in plain(proposed(path))["product"]) == is_stock


@pytest.mark.parametrize(
    ("name", "values", "is_proposed"),
    [
        pytest.param("isbn", ("9780439023481.0", "9780439554930.0"), False, id="a decimal point"),
        pytest.param("isbn13", ("9.78043902348e+12", "9.78043955493e+12"), False, id="an exponent"),
        pytest.param("EAN", ("9,78044E+12", "9,78043E+12"), False, id="an exponent and a comma"),
        pytest.param("isbn", ("439023483.0", "439554934.0"), False, id="short ones"),
        pytest.param("EAN", ("9780439023481", "4006381333931"), True, id="whole"),
    ],
)
def test_spoilt_gtins_are_left_to_a_person(name, values, is_proposed, tmp_path):
    made = column(tmp_path, name, *values)
    assert ("gtin" in made["product"]) == is_proposed
    assert any(f'"{name}" is named like a GTIN' in line and values[0] in line for line in made["decide"]) != is_proposed

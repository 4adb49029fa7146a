"""What a column's name means."""

from __future__ import annotations

import pytest

from feedbridge.mapping.suggest.names import matches, name_parts, shared_prefix, vocabulary


def best(name: str, *above: str) -> str:
    found = matches(name_parts(name), above)
    return found[0].field if found and found[0].strength >= 0.5 else ""


@pytest.mark.parametrize(
    ("name", "field"),
    [
        pytest.param("Artikel-Nr.", "sku", id="German, hyphen and dot"),
        pytest.param("ARTNR", "sku", id="ERP short code"),
        pytest.param("Référence", "sku", id="French"),
        pytest.param("Kód produktu", "sku", id="Czech"),
        pytest.param("Part No", "sku", id="number by another word"),
        pytest.param("itemTitle", "title", id="camel case"),
        pytest.param("PRODUCT_NAME", "title", id="snake case"),
        pytest.param("BEZ1", "title", id="numbered short code"),
        pytest.param("Nazwa produktu", "title", id="Polish"),
        pytest.param("Bruttoverkaufspreis", "price", id="compound word"),
        pytest.param("Cena s DPH", "price", id="with VAT, Czech"),
        pytest.param("Price (incl. VAT)", "price", id="VAT in brackets"),
        pytest.param("prix_promo", "sale_price", id="French, reduced"),
        pytest.param("Einkaufspreis", "cost", id="what the shop pays"),
        pytest.param("g:image_link", "images", id="namespace prefix"),
        pytest.param("EAN 13", "gtin", id="a number that is part of the name"),
        pytest.param("Groesse", "option:Size", id="umlaut written out"),
        pytest.param("Lagerbest.", "stock", id="abbreviated"),
    ],
)
def test_known_names(name, field):
    assert best(name) == field


@pytest.mark.parametrize(
    ("name", "never"),
    [
        pytest.param("price group", "price", id="price group"),
        pytest.param("Preisgruppe", "price", id="price group as one word"),
        pytest.param("image count", "images", id="image count"),
        pytest.param("supplier sku", "sku", id="the supplier's SKU"),
        pytest.param("old sku", "sku", id="a former SKU"),
        pytest.param("delivery date", "stock", id="a date"),
        pytest.param("brand id", "brand", id="an id of the brand"),
        pytest.param("category id", "categories", id="an id of the category"),
        pytest.param("min stock", "stock", id="least stock"),
        pytest.param("tax", "price", id="tax"),
        pytest.param("Outer Barcode", "gtin", id="the carton's barcode"),
        pytest.param("Attribute 1 visible", "status", id="an attribute's flag"),
        pytest.param("Title 2", "title", id="a second title"),
    ],
)
def test_names_that_only_sound_like_a_field(name, never):
    found = {match.field: match.strength for match in matches(name_parts(name))}
    assert found.get(never, 0) < 0.5


@pytest.mark.parametrize(
    ("name", "above", "field"),
    [
        pytest.param("name", ("brand",), "brand", id="the brand's name"),
        pytest.param("amount", ("price",), "price", id="the price's amount"),
        pytest.param("url", ("images",), "images", id="a picture's address"),
        pytest.param("name", ("supplier",), "!supplier", id="the supplier's name is no title"),
    ],
)
def test_steps_of_a_path(name, above, field):
    assert best(name, *above) == field


def test_what_is_taken_off_a_name():
    assert name_parts("Gewicht (kg)").unit == "kg"
    assert name_parts("price_usd").currency == "USD"
    assert name_parts("name-de_DE").locale == "de_DE"
    assert (name_parts("NL_Title_Long").locale, name_parts("NL_Title_Long").tokens) == ("nl", ("title", "long"))
    assert name_parts("Bild 3").number == 3
    assert name_parts("Part No").tokens == ("part", "nr")  # "no" is no language here


def test_a_price_with_tax_goes_before_one_without():
    strength = {name: matches(name_parts(name))[0].strength for name in ("price_net", "price_gross")}
    assert strength["price_gross"] > strength["price_net"]


def test_a_prefix_without_meaning_is_seen():
    assert shared_prefix(["XY_Ref", "XY_Name", "XY_Prix", "Stock"]) == "XY"
    assert shared_prefix(["price a", "price b", "price c"]) == ""


def test_vocabulary_speaks_many_languages():
    languages = {entry.language for entries in vocabulary().values() for entry in entries}
    assert {"en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "cs"} <= languages

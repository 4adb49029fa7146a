"""WooCommerce, Google Merchant and BigCommerce: the same data in every form these formats have gives the same products,
is recognised, and takes the quick path."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from feedbridge.cli import run
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.load import load_mapping
from feedbridge.product import Product, to_model
from feedbridge.run.inputs import open_inputs

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"


def products(path: Path, mapping: str = "auto", **parameters: str) -> list[dict[str, Any]]:
    """The canonical products of a file, every one of them made by the quick path."""
    source, loaded = open_inputs([path], mapping, parameters, None)[0]
    bound = Applied(loaded, source)
    found = []
    for group in bound.anywhere():
        product, precise = bound.common.product(group)
        assert precise is None, [str(finding) for finding in precise.findings]
        assert product is not None
        found.append(to_model(Product, product).model_dump(mode="json", exclude_defaults=True))
    return found


@pytest.mark.parametrize(
    ("one", "other", "parameters"),
    [
        pytest.param("woocommerce/english.csv", "woocommerce/german.csv", {"currency": "EUR"}, id="woocommerce: point and comma"),
        pytest.param("google/text.tsv", "google/rss.xml", {}, id="google: text and RSS"),
        pytest.param("google/rss.xml", "google/atom.xml", {}, id="google: RSS and Atom"),
    ],
)  # fmt: skip
def test_twins(one, other, parameters):
    assert products(FIXTURES / one, **parameters) == products(FIXTURES / other, **parameters) != []


def test_a_feed_with_quoting_off_and_other_headers_differs_in_line_breaks_only():
    plain = json.dumps(products(FIXTURES / "google" / "text.tsv")).replace("\\n", " ")
    assert json.loads(plain) == products(FIXTURES / "google" / "capitals.tsv")


def test_both_templates_of_bigcommerce():
    def told(name: str) -> list[dict[str, Any]]:
        batch = FIXTURES / "bigcommerce" / f"{name}.out" / "flipsnack" / "batch-0001.json"
        return json.loads(batch.read_bytes())

    assert told("older") == told("current") != []


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        pytest.param("woocommerce/english.csv", {"currency": "EUR"}, id="woocommerce"),
        pytest.param("google/text.tsv", {}, id="google"),
        pytest.param("bigcommerce/current.csv", {"currency": "USD", "weight_unit": "lb"}, id="bigcommerce"),
    ],
)
@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_a_table_as_json(name, parameters, form, tmp_path):
    text = (FIXTURES / name).read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter="\t" if name.endswith("tsv") else ","))
    twin = tmp_path / f"twin.{form}"
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    twin.write_text("\n".join(lines) if form == "jsonl" else f"[{','.join(lines)}]", encoding="utf-8")
    assert products(twin, **parameters) == products(FIXTURES / name, **parameters)


# --- WooCommerce in other languages ------------------------------------------------------------------------------------

LANGUAGES = {
    "English": "ID,Type,SKU,Name,Published,Sale price,Regular price,"
    "Categories,Images,Parent,Position,Attribute 1 name,Attribute 1 value(s)",
    "German": "ID,Typ,Artikelnummer,Name,Veröffentlicht,Angebotspreis,Regulärer Preis,"
    "Kategorien,Bilder,Übergeordnetes Produkt,Position,Attribut 1 Name,Attribut 1 Wert(e)",
    "French": "ID,Type,UGS,Nom,Publié,Tarif promo,Tarif régulier,"
    "Catégories,Images,Parent,Position,Nom de l’attribut 1,Valeur(s) de l’attribut 1 ",
    "Spanish": "ID,Tipo,SKU,Nombre,Publicado,Precio rebajado,Precio normal,"
    "Categorías,Imágenes,Superior,Posición,Nombre del atributo 1,Valor(es) del atributo 1",
    "Italian": "ID,Tipo,COD,Nome,Pubblicato,Prezzo in offerta,Prezzo di listino,"
    "Categorie,Immagini,Genitore,Posizione,Attributo 1 nome,Attributo 1 valore(i)",
    "Dutch": "ID,Type,Artikelnummer,Naam,Gepubliceerd,Actieprijs,Reguliere prijs,"
    "Categorieën,Afbeeldingen,Hoofd,Positie,Naam eigenschap 1,Waarde eigenschap 1",
    "Portuguese": "ID,Tipo,SKU,Nome,Publicado,Preço promocional,Preço,"
    "Categorias,Imagens,Ascendente,Posição,Nome do atributo 1,Valores do atributo 1",
    "Polish": "ID,Rodzaj,SKU,Nazwa,Opublikowano,Cena promocyjna,Cena,"
    "Kategorie,Obrazki,Nadrzędny,Pozycja,Nazwa atrybutu 1,Wartości atrybutu 1",
    "Swedish": "ID,Typ,Artikelnummer,Namn,Publicerad,Reapris,Ordinarie pris,"
    "Kategorier,Bilder,Förälder,Position,Attribut 1 namn,Attribut 1 värde(n)",
    "Danish": "ID,Type,Varenummer (SKU),Navn,Udgivet,Udsalgspris,Normalpris,"
    "Kategorier,Billeder,Forælder,Position,Egenskab 1 navn,Egenskab 1 værdi(er)",
    "Norwegian": "ID,Type,SKU,Navn,Publisert,Utsalgspris,Vanlig pris,"
    "Kategorier,Bilder,Forelder,Posisjon,Attribut 1 navn,Attribut 1 verdi(er)",
}
ROWS = """
7,variable,TEE,Tee,1,,,Shirts > Tees,https://shop.example/t.jpg,,0,Size,"S, M"
8,variation,TEE-S,Tee - S,1,"8,50","10,00",,,TEE,1,Size,S
9,variation,TEE-M,Tee - M,1,,"11,00",,,id:7,2,Size,M
"""


@pytest.mark.parametrize("language", LANGUAGES)
def test_woocommerce_is_known_in_other_languages(language, tmp_path):
    path = tmp_path / "products.csv"
    path.write_text(LANGUAGES[language] + ROWS, encoding="utf-8-sig")
    found = products(path, currency="EUR")
    for variant in found[0]["variants"]:
        variant.pop("attributes", None)
    assert found == [
        {
            "sku": "TEE",
            "title": "Tee",
            "categories": [["Shirts", "Tees"]],
            "images": [{"src": "https://shop.example/t.jpg"}],
            "options": [{"name": "Size", "values": ["S", "M"]}],
            "attributes": {"woocommerce_type": "variable"},
            "variants": [
                {
                    "sku": "TEE-S",
                    "option_values": ["S"],
                    "price": {"amount": "10.00", "currency": "EUR"},
                    "sale_price": {"amount": "8.50", "currency": "EUR"},
                },
                {"sku": "TEE-M", "option_values": ["M"], "price": {"amount": "11.00", "currency": "EUR"}},
            ],
        }
    ]


def test_woocommerce_is_recognised_by_every_name_it_reads():
    """The fingerprint names its columns in full, since all of a mapping would take long to load for each file."""
    file = load_mapping("woocommerce").file
    assert file.recognise is not None
    anchors = {anchor.split(" | ")[0]: set(anchor.split(" | ")) for anchor in file.recognise.required}
    for name, anchor in anchors.items():
        assert set(file.names.also[name]) - anchor == set(), name


def test_rows_of_woocommerce_may_end_after_its_own_columns(tmp_path, capsys):
    path = tmp_path / "products.csv"
    header = LANGUAGES["English"]
    rows = [header, "1,simple,A,Plain,1,,5.00,Mugs,https://shop.example/a.jpg,,0", "2,simple,B,Cut,1,,5.00,Mugs", ""]
    path.write_text("\n".join(rows), encoding="utf-8")
    assert run(["check", str(path), "--set", "currency=EUR", "--to", "flipsnack"]) == 0
    said = capsys.readouterr()
    lines = [line for line in (said.out + said.err).splitlines() if "cells; the missing ones" in line]
    assert len(lines) == 1 and ":3:" in lines[0]


def test_a_price_of_a_feed_may_say_its_currency_or_not(tmp_path):
    path = tmp_path / "feed.tsv"
    path.write_text(
        "id\ttitle\tlink\timage_link\tprice\tavailability\tbrand\tcondition\tproduct_type\n"
        "A\tA\thttps://shop.example/a\thttps://shop.example/a.jpg\t$1,299.50 USD\tin stock\tX\tnew\tMugs\n"
        "B\tB\thttps://shop.example/b\thttps://shop.example/b.jpg\t12\tin stock\tX\tnew\tMugs\n",
        encoding="utf-8",
    )
    found = products(path, currency="USD")
    assert [one["price"] for one in found] == [
        {"amount": "1299.50", "currency": "USD"},
        {"amount": "12", "currency": "USD"},
    ]

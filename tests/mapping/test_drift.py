"""Columns that are gone, and what seems to stand for them now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import feedbridge
from feedbridge.mapping.drift import (
    Expected,
    Renamed,
    leaves,
    likely_rename,
    likeness,
    names_of_leaf,
    renaming_block,
)
from feedbridge.mapping.load import load_mapping
from feedbridge.mapping.yaml import key_text


@pytest.mark.parametrize(("old", "new"), [
    pytest.param("Variant SKU", "SKU", id="a word that says nothing"),
    pytest.param("Title", "Product title", id="the same in front"),
    pytest.param("Option1 Name", "Option 1 name", id="blanks"),
    pytest.param("imageUrl", "image_url", id="humps"),
    pytest.param("Kategorie", "Kategorien", id="plural"),
    pytest.param("Handle", "Handel", id="slip"),
    pytest.param("Image Src", "Image Source", id="written out"),
    pytest.param("Google Shopping / MPN", "Google shopping mpn", id="case and signs"),
])  # fmt: skip
def test_alike(old, new):
    assert likely_rename(["Quux", old], ["Other", new]) == (old, new)


@pytest.mark.parametrize(("old", "new"), [
    pytest.param("Option1 Name", "Option2 Name", id="another number"),
    pytest.param("image_link", "additional_image_link", id="more than the old"),
    pytest.param("price", "sale_price", id="another price"),
    pytest.param("Title", "Meta Title", id="another title"),
    pytest.param("name-en_US", "name-de_DE", id="another language"),
    pytest.param("width", "weight", id="another measure"),
    pytest.param("Date sale price starts", "Date sale price ends", id="the other end"),
    pytest.param("Variant Compare At Price", "Variant Inventory Policy", id="the same first word"),
    pytest.param("price", "Price / US", id="a market's"),
    pytest.param("size", "price", id="short words"),
    pytest.param("product", "item", id="words that say nothing"),
])  # fmt: skip
def test_not_alike(old, new):
    assert likely_rename([old], [new]) is None
    assert likeness(old, new) < 62


MAPPING = """\
feedbridge: 1
recognise:
  required: [Id]
  strong: [Name, Body (HTML) | Text, Policy name, Vendor, "*-x"]
columns: optional
product:
  sku: {from: Id, required: true}
  title: {from: Name, required: true}
  description: {from: [Body (HTML), Text], as: html}
  brand: Vendor
  gtin: {from: [Barcode, EAN]}
  images: [{src: Picture}]
"""


@pytest.mark.parametrize(("header", "said"), [
    pytest.param("Id,Name,Body (HTML),Vendor,Barcode", None, id="all there"),
    pytest.param("Id,Name,Text,Vendor,EAN", None, id="known names"),
    pytest.param("Id,Name,Vendor", None, id="gone, but nothing appeared"),
    pytest.param("Id,Name,Vendor,Colour,Size", None, id="what appeared is something else"),
    pytest.param("Id,Name,Text,Vendor,Description", None, id="the field is filled by a known name"),
    pytest.param(
        "Id,Name,Vendor,Description", "`Body (HTML)` is gone, `Description` appeared (for product.description)",
        id="called like the field",
    ),
    pytest.param("Id,Name,Vendor,Body HTML", "`Body (HTML)` is gone, `Body HTML` appeared (for product.description)", id="alike"),
    pytest.param("Id,Name,Vendor,Barcodes", "`Barcode` is gone, `Barcodes` appeared (for product.gtin)", id="optional column"),
    pytest.param("Id,Name,Vendor,Image", "`Picture` is gone, `Image` appeared (for product.images.0.src)", id="image"),
    pytest.param("Id,Name,Vendor,Policy names", "`Policy name` is gone, `Policy names` appeared", id="known by it only"),
    pytest.param(
        "Id,Name,Vendors,Barcodes",
        "`Vendor` is gone, `Vendors` appeared (for product.brand); `Barcode` is gone, `Barcodes` appeared (for product.gtin)",
        id="two in one finding",
    ),
])  # fmt: skip
@pytest.mark.parametrize("documents", [False, True], ids=["table", "documents"])
def test_drift(tmp_path: Path, header: str, said: str | None, documents: bool):
    if documents:  # brackets would be an expression in a path
        header = header.replace("Body (HTML)", "BodyHTML")
    names = header.split(",")
    row = {name: "https://x.example/a.jpg" if name == "Image" else "4006381333931" for name in names}
    mapping = tmp_path / "own.yaml"
    text = MAPPING.replace("Body (HTML)", "BodyHTML") if documents else MAPPING
    mapping.write_text(text, encoding="utf-8")
    source = tmp_path / ("feed.json" if documents else "feed.csv")
    table = f"{header}\n" + ",".join(row.values()) + "\n"
    source.write_text(json.dumps([row]) if documents else table, encoding="utf-8")
    found = feedbridge.check(source, to="flipsnack", mapping=str(mapping)).findings
    told = [finding for finding in found if finding.code == "mapping.header-drift"]
    if documents and said:
        said = said.replace("Body (HTML)", "BodyHTML")
    assert [finding.message for finding in told] == ([said] if said else [])
    for finding in told:
        assert finding.severity == "warning" and finding.file == str(source)
        if "(for " in finding.message:
            assert str(mapping) in finding.mend


def test_a_preset_is_extended(tmp_path: Path):
    source = tmp_path / "shop.csv"
    source.write_text(
        "Handle,Title,Vendor,Variant SKU,Variant Price,Option1 Name,Option1 Value,Image Source\n"
        "pot,Pot,Acme,P-1,5.00,Title,Default Title,https://x.example/a.jpg\n", encoding="utf-8",
    )  # fmt: skip
    found = feedbridge.check(source, to="flipsnack", mapping="shopify", set={"currency": "EUR"}).findings
    (told,) = (finding for finding in found if finding.code == "mapping.header-drift")
    assert told.message == "`Image Src` is gone, `Image Source` appeared (for product.images.0.src)"
    assert "extends: shopify" in told.mend and "[Image Src, Image Source]" in told.mend


def test_a_generation_that_is_known_whole_says_nothing(tmp_path: Path):
    source = tmp_path / "shop.csv"
    source.write_text(
        "URL handle,Title,Description,Vendor,SKU,Price,Option1 name,Option1 value,Product image URL,Published on online store\n"
        "pot,Pot,<p>A pot</p>,Acme,P-1,5.00,Title,Default Title,https://x.example/a.jpg,TRUE\n", encoding="utf-8",
    )  # fmt: skip
    result = feedbridge.check(source, to="flipsnack", mapping="shopify", set={"currency": "EUR"})
    assert result.finding_counts.get("mapping.header-drift") is None


def test_a_general_mapping_says_what_it_might_have_used(tmp_path: Path):
    mapping = tmp_path / "own.yaml"
    mapping.write_text(MAPPING.replace("recognise:", "recognise:\n  fallback: true"), encoding="utf-8")
    source = tmp_path / "feed.csv"
    source.write_text("Id,Name,Vendor,Barcodes\n1,Pot,Acme,4006381333931\n", encoding="utf-8")
    found = feedbridge.check(source, to="flipsnack", mapping=str(mapping)).findings
    (told,) = (finding for finding in found if finding.code == "mapping.header-drift")
    assert told.message == "`Barcodes` is not used, but looks like `Barcode` (for product.gtin)"


BASE = """\
feedbridge: 1
parameters: {currency: {about: ISO code}}
columns: optional
fragments:
  price: {as: money, currency: "${currency}", decimal: ","}
  body: {first_filled: [Body, Text], as: html}
product:
  sku: {from: Id, required: true}
  title: {from: Name, required: true}
  brand: Vendor
  gtin: [Barcode, EAN]
  price: {use: price, from: [Price, VK]}
  description: {use: body}
  status: {when: {column: Kind, is: x}, then: {from: State, as: status}, else: {value: draft}}
  images: [Picture, {src: {from: Photo, as: list}, alt: Alt}]
  attributes: {Colour: Shade}
"""


@pytest.mark.parametrize(("old", "field", "preset", "own"), [
    pytest.param("Vendor", "product.brand", "product: {brand: [Vendor, New]}", "product: {brand: [Vendor, New]}", id="name"),
    pytest.param("EAN", "product.gtin", "product: {gtin: [EAN, New]}", "product: {gtin: [Barcode, EAN, New]}", id="names"),
    pytest.param(
        "Price", "product.price", "product: {price: {use: price, from: [Price, New]}}",
        "product: {price: {use: price, from: [Price, VK, New]}}", id="fragment",
    ),
    pytest.param(
        "Body", "product.description", "product: {description: {use: body, first_filled: [Body, New]}}",
        "product: {description: {use: body, first_filled: [Body, Text, New]}}", id="names in the fragment",
    ),
    pytest.param(
        "State", "product.status.then",
        "product: {status: {when: {column: Kind, is: x}, then: {from: [State, New], as: status}, else: {value: draft}}}",
        "product: {status: {when: {column: Kind, is: x}, then: {from: [State, New], as: status}, else: {value: draft}}}",
        id="branch",
    ),
    pytest.param(
        "Picture", "product.images.0.src", "product: {images: [{from: [Picture, New]}, {src: {from: Photo, as: list}, alt: Alt}]}",
        "product: {images: [{from: [Picture, New]}, {src: {from: Photo, as: list}, alt: Alt}]}", id="item",
    ),
    pytest.param(
        "Photo", "product.images.1.src", "product: {images: [Picture, {src: {from: [Photo, New], as: list}, alt: Alt}]}",
        "product: {images: [Picture, {src: {from: [Photo, New], as: list}, alt: Alt}]}", id="inside an item",
    ),
    pytest.param(
        "Shade", "product.attributes.Colour", "product: {attributes: {Colour: [Shade, New]}}",
        "product: {attributes: {Colour: [Shade, New]}}", id="named",
    ),
])  # fmt: skip
def test_the_remedy_is_the_own_spec_under_a_further_name(tmp_path, monkeypatch, old, field, preset, own):
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    base = load_mapping(str(tmp_path / "base.yaml"), {"currency": "EUR"})
    (leaf,) = (leaf for leaf in leaves(base) if key_text(leaf.path) == field)
    pairs = [(Expected(names_of_leaf(leaf), field, "", 0, leaf), Renamed(old, "New"))]
    assert renaming_block(base, pairs) == own
    monkeypatch.setattr("feedbridge.mapping.drift.is_preset", lambda mapping: True)
    text = renaming_block(base, pairs)
    assert text == f"{{feedbridge: 1, extends: base, columns: optional, {preset}}}"
    (tmp_path / "over.yaml").write_text(text.replace("extends: base", "extends: base.yaml") + "\n", encoding="utf-8")
    over = load_mapping(str(tmp_path / "over.yaml"), {"currency": "EUR"})
    (new,) = (leaf for leaf in leaves(over) if "New" in names_of_leaf(leaf))
    assert (new.path, new.kind, new.parameters) == (leaf.path, leaf.kind, leaf.parameters)
    assert [one.path for one in leaves(over)] == [one.path for one in leaves(base)]


def test_the_remedy_followed_word_by_word_works(tmp_path: Path):
    source, own = tmp_path / "feed.csv", tmp_path / "own.yaml"
    source.write_text('Artikelnummer,Bezeichnung,Verkaufspreise\n1,Hut,"1,50"\n2,Topf,"2,75"\n', encoding="utf-8")
    first = feedbridge.check(source, to="flipsnack", mapping="generic", set={"currency": "EUR"}).findings
    (told,) = (finding for finding in first if finding.code == "mapping.header-drift")
    own.write_text(told.mend[told.mend.index("{") :] + "\n", encoding="utf-8")
    result = feedbridge.check(source, to="flipsnack", mapping=str(own), set={"currency": "EUR"})
    assert result.finding_counts.get("mapping.header-drift") is None
    products = feedbridge.read(source, mapping=str(own), set={"currency": "EUR"})
    prices = [f"{product.price.amount} {product.price.currency}" for product in products]
    assert prices == ["1.50 EUR", "2.75 EUR"]


def test_a_path_in_quotes_is_the_path_without(tmp_path):
    fields = [{"fieldTypeId": "ItemSKU", "value": "A"}, {"fieldTypeId": "ItemColor", "value": "Red"}]
    source = tmp_path / "feed.json"
    entity = {"entityId": 1, "summary": {"displayName": "Mug", "entityTypeId": "Item"}, "fieldValues": fields}
    source.write_text(json.dumps([entity]), encoding="utf-8")
    result = feedbridge.check(source, to="flipsnack", mapping="inriver-json", set={"currency": "EUR"})
    assert result.counts["flipsnack"]["written"] == 1 and "mapping.header-drift" not in result.finding_counts

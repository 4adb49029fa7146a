"""Columns that are gone, and what seems to stand for them now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import feedbridge
from feedbridge.mapping.drift import likely_rename, likeness


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

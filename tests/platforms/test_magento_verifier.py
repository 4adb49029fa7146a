"""The verifier itself can fail: each broken document gets the number of the rule it breaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.platforms.magento_verifier import suspicions, verify

NOTE = {"title": "Note", "type": "field", "sort_order": 1, "is_require": 0, "price": 2.5, "price_type": "fixed",
        "sku": ""}
GOLD = {
    "title": "Gold", "value": "gold", "sort_order": 1, "price": 3, "price_type": "fixed", "sku": "", "is_delete": 0,
}
COLOUR = {"title": "Colour", "type": "drop_down", "sort_order": 1, "is_require": 1, "values": [GOLD]}


def product(**changes: Any) -> dict[str, Any]:
    """A sound product with changes; a member changed to None is taken out."""
    members = {
        "id": 7, "name": "Tote", "price": "18.95", "special_price": "", "category_id": "310,344", "status": 1,
        "enable_product_designer": 1, "tier_price": [{"price": "16", "qty": "25"}], "images": [{"src": "/t/a.jpg"}],
        "type": "simple", "custom_options": [NOTE, COLOUR],
    } | changes
    return {name: value for name, value in members.items() if value is not None}


def written(folder: Path, text: str) -> Path:
    (folder / "batch-0001.json").write_text(text)
    return folder


def document(entry: dict[str, Any], key: str = "7") -> str:
    return json.dumps({"product": {key: entry}}, ensure_ascii=False, separators=(",", ":"))


def test_a_sound_document_passes(tmp_path):
    folder = written(tmp_path, document(product()))
    assert (verify(folder), suspicions(folder)) == ([], [])


@pytest.mark.parametrize(("text", "number"), [
    pytest.param('{"product":[]}', "M1", id="a list"),
    pytest.param('{"product":{}}', "M1", id="no entry"),
    pytest.param('{"product":{"7":{}},"more":1}', "M1", id="another member"),
    pytest.param('{"product":', "M1", id="cut off"),
    pytest.param(document(product())[:-2] + "," + document(product())[12:], "M2", id="a key twice"),
    pytest.param(document(product()).replace('"status":1', '"status":1,"status":0'), "M2", id="a member twice"),
    pytest.param(document(product(), key="8"), "M2", id="key is not the id"),
    pytest.param(document(product()) + "\n", "A18", id="not compact"),
])
def test_broken_document(tmp_path, text, number):
    assert number in {line.split()[0] for line in verify(written(tmp_path, text))}


@pytest.mark.parametrize(("changes", "number"), [
    pytest.param({"id": "7"}, "A2", id="id is text"),
    pytest.param({"name": " "}, "M4", id="blank name"),
    pytest.param({"status": None}, "M4", id="member missing"),
    pytest.param({"sku": "TOTE"}, "A18", id="unknown member"),
    pytest.param({"type": "Simple"}, "M5", id="type in capitals"),
    pytest.param({"status": 2}, "M6", id="status 2"),
    pytest.param({"status": True}, "M6", id="status is a boolean"),
    pytest.param({"enable_product_designer": "1"}, "M7", id="designer is text"),
    pytest.param({"price": 18.95}, "M8", id="price is a number"),
    pytest.param({"price": "1,5"}, "M8", id="price with a comma"),
    pytest.param({"price": "1.50"}, "M8", id="price with a zero behind"),
    pytest.param({"special_price": "Test 11111"}, "M9", id="the documented error"),
    pytest.param({"category_id": "310, 344"}, "M12", id="blank between categories"),
    pytest.param({"category_id": "310,310"}, "M12", id="category twice"),
    pytest.param({"images": [{"src": ""}]}, "M13", id="empty picture"),
    pytest.param({"name": "T" * 256}, "M15", id="long name"),
    pytest.param({"tier_price": [{"price": "16", "qty": "25", "website": 0}]}, "M18", id="another member of a tier"),
    pytest.param({"tier_price": [{"price": "16", "qty": "0.5"}]}, "M19", id="tier below one piece"),
    pytest.param({"tier_price": [{"price": "-1", "qty": "2"}]}, "M20", id="negative tier"),
    pytest.param({"tier_price": [{"price": "2", "qty": "2"}, {"price": "1", "qty": "2"}]}, "M22", id="tier twice"),
    pytest.param({"type": "configurable"}, "M24", id="tiers on a parent"),
    pytest.param({"custom_options": [NOTE | {"type": "text"}]}, "M26", id="a group as type"),
    pytest.param({"custom_options": [NOTE | {"title": ""}]}, "M28", id="no option title"),
    pytest.param({"custom_options": [NOTE | {"is_require": "0"}]}, "M29", id="is_require is text"),
    pytest.param({"custom_options": [NOTE | {"sort_order": -1}]}, "M30", id="negative sort order"),
    pytest.param({"custom_options": [NOTE | {"price": "2.5"}]}, "M31", id="option price is text"),
    pytest.param({"custom_options": [NOTE | {"price_type": "%"}]}, "M32", id="price type"),
    pytest.param({"custom_options": [NOTE | {"sku": "N" * 65}]}, "M34", id="option SKU"),
    pytest.param({"custom_options": [NOTE | {"max_characters": -1}]}, "M35", id="character limit"),
    pytest.param({"custom_options": [NOTE | {"type": "file", "image_size_x": 30}]}, "M36",
                 id="picture size is a number"),
    pytest.param({"custom_options": [NOTE | {"type": "file", "file_extension": "PNG"}]}, "M37",
                 id="extension in capitals"),
    pytest.param({"custom_options": [COLOUR | {"values": [GOLD | {"is_delete": 1}]}]}, "M39", id="all deleted"),
    pytest.param({"custom_options": [COLOUR | {"values": [GOLD | {"title": ""}]}]}, "M40", id="value without title"),
    pytest.param({"custom_options": [COLOUR | {"values": [GOLD | {"is_delete": "no"}, GOLD]}]}, "M41", id="is_delete"),
    pytest.param({"custom_options": [COLOUR | {"price": 2}]}, "A18", id="price of a select"),
    pytest.param({"custom_options": [NOTE | {"values": [GOLD]}]}, "M43", id="values on a field"),
])
def test_broken_product(tmp_path, changes, number):
    assert number in {line.split()[0] for line in verify(written(tmp_path, document(product(**changes))))}


@pytest.mark.parametrize(("changes", "number"), [
    pytest.param({"price": "18.1234567"}, "M10", id="7 decimals"),
    pytest.param({"special_price": "18.95"}, "M11", id="special price not below"),
    pytest.param({"category_id": "bags"}, "M12b", id="category is a word"),
    pytest.param({"images": [{"src": "image_url"}]}, "M13b", id="placeholder"),
    pytest.param({"images": [{"src": "a.webp"}]}, "M14", id="webp"),
    pytest.param({"tier_price": [{"price": "0", "qty": "2"}]}, "M21", id="free tier"),
    pytest.param({"tier_price": [{"price": "19", "qty": "2"}]}, "M23", id="dearer tier"),
    pytest.param({"custom_options": [NOTE | {"price": -1}]}, "M33", id="negative modifier"),
    pytest.param({"custom_options": [NOTE, NOTE]}, "M44", id="title twice"),
])
def test_suspicious_product(tmp_path, changes, number):
    folder = written(tmp_path, document(product(**changes)))
    assert verify(folder) == []
    assert {line.split()[0] for line in suspicions(folder)} == {number}

"""Salsify's export in parts, and Sales Layer's rows without names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from feedbridge.errors import SourceError
from feedbridge.sources.base import BadDocument
from feedbridge.sources.json import JsonSource
from feedbridge.sources.opening import open_source
from feedbridge.sources.shapes_json import SalesLayerSource

PARTS: list[dict[str, Any]] = [
    {"header": {"version": "2012-12", "scope": ["all"]}},
    {"attributes": [{"salsify:id": "Name"}]},
    {"attribute_values": [{"salsify:id": "red"}]},
    {"digital_assets": [{"salsify:id": "img", "salsify:url": "https://x/1.jpg"}]},
    {"products": [{"salsify:id": "A", "Image": "img"}, {"salsify:id": "B"}]},
]


def write(folder: Path, data: Any, name: str = "feed.json", indent: int | None = None) -> Path:
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data, indent=indent))
    return path


def found(source: Any) -> tuple[list[Any], list[str]]:
    batches = list(source.batches())
    return [r for batch in batches for r in batch.records], [f.code for batch in batches for f in batch.findings]


@pytest.mark.parametrize(
    ("parts", "items"),
    [
        pytest.param(PARTS, None, id="all parts"),
        pytest.param(PARTS[:1] + PARTS[-1:], None, id="header and products"),
        pytest.param(PARTS[1:], None, id="no header"),
        pytest.param(PARTS[-1:], None, id="products only"),
        pytest.param(PARTS, "products", id="named"),
    ],
)
def test_the_products_of_salsify_are_the_records(tmp_path, parts, items):
    source = open_source(write(tmp_path, parts, indent=1), items=items)
    records, _ = found(source)
    assert [document["salsify:id"] for _, document, _ in records] == ["A", "B"]
    at = len(parts) - 1
    assert [source.pointer(record) for record in records] == [f"/{at}/products/0", f"/{at}/products/1"]
    lines = source.path.read_text().splitlines()
    assert [lines[line - 1].strip() for line, _, _ in records] == ["{", "{"]


def test_the_parts_of_salsify_are_at_hand(tmp_path):
    source = JsonSource(write(tmp_path, PARTS))
    assert source.parts["digital_assets"] == PARTS[3]["digital_assets"]
    assert "json.list-unused" not in found(source)[1]  # they are used
    assert JsonSource(write(tmp_path, [{"sku": "A"}])).parts == {}


def test_salsify_with_a_part_a_line(tmp_path):
    source = open_source(write(tmp_path, "\n".join(json.dumps(part) for part in PARTS), "feed.jsonl"))
    records, _ = found(source)
    assert [(line, document["salsify:id"]) for line, document, _ in records] == [(5, "A"), (5, "B")]


def test_a_stray_page_among_the_parts_is_held_back(tmp_path):
    records, _ = found(open_source(write(tmp_path, [*PARTS, {"error": "time-out"}])))
    assert isinstance(records[-1][1], BadDocument)
    assert records[-1][1].finding.code == "json.page-without-items"


SCHEMA = {
    "catalogue": ["STATUS", "ID", "name"],
    "products": ["STATUS", "ID", "sku", {"image": ["STATUS", "ID_IMG", "ORG", "THM"]}],
    "product_formats": ["STATUS", "ID", "ID_products", "size"],
}
DATA = {
    "catalogue": [["M", "1", "Mugs"]],
    "products": [["M", "7", "A", [["M", "i1", "https://x/1", "https://x/t"]]], ["D", "8", "B"]],
    "product_formats": [["M", "71", "7", "S"], ["M", "72", "7", "L"]],
}


def layer(data: Any = DATA, schema: Any = SCHEMA) -> dict[str, Any]:
    return {"version": "1.18", "schema": {"languages": ["en"]}, "data_schema": schema, "data": data}


def test_rows_of_sales_layer_become_objects_with_their_variants(tmp_path):
    source = open_source(write(tmp_path, layer(), indent=1))
    records, codes = found(source)
    assert [document for _, document, _ in records] == [
        {
            "STATUS": "M", "ID": "7", "sku": "A",
            "image": [{"STATUS": "M", "ID_IMG": "i1", "ORG": "https://x/1", "THM": "https://x/t"}],
            "product_formats": [
                {"STATUS": "M", "ID": "71", "ID_products": "7", "size": "S"},
                {"STATUS": "M", "ID": "72", "ID_products": "7", "size": "L"},
            ],
        },
        {"STATUS": "D", "ID": "8", "sku": "B", "product_formats": []},
    ]  # fmt: skip
    assert codes == []
    assert [finding.code for finding in source.findings] == ["json.list-unused"]
    assert [source.pointer(record) for record in records] == ["/data/products/0", "/data/products/1"]
    lines = source.path.read_text().splitlines()
    assert [lines[line - 1].strip() for line, _, _ in records] == ["[", "["]


def test_another_table_of_sales_layer_is_named(tmp_path):
    records, _ = found(open_source(write(tmp_path, layer()), items="data.catalogue"))
    assert [document for _, document, _ in records] == [{"STATUS": "M", "ID": "1", "name": "Mugs"}]
    with pytest.raises(SourceError) as caught:
        SalesLayerSource(write(tmp_path, layer()), table="none")
    assert caught.value.code == "json.items-missing"
    assert "data.products (2 rows)" in caught.value.message


@pytest.mark.parametrize(
    ("data", "codes", "held"),
    [
        pytest.param(DATA | {"product_formats": [["M", "99", "9", "S"]]}, ["json.orphan-row"], [], id="orphan"),
        pytest.param(DATA | {"products": [["M", "7", "A", [], "more"]]}, ["json.orphan-row"] * 2, ["json.row-too-long"], id="long row"),
        pytest.param(DATA | {"products": [["M", "7", "A"]]}, ["json.orphan-row"] * 2, ["json.row-too-short"], id="short row"),
        pytest.param(DATA | {"products": ["x"]}, ["json.orphan-row"] * 2, ["json.not-an-object"], id="no row"),
        pytest.param(DATA | {"products": [], "product_formats": []}, ["source.no-records"], [], id="nothing changed"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit_are_told(tmp_path, data, codes, held):
    records, told = found(open_source(write(tmp_path, layer(data))))
    assert told == codes
    assert [record[1].finding.code for record in records if isinstance(record[1], BadDocument)] == held


def test_a_short_row_of_a_variant_is_an_error_of_the_file(tmp_path):
    source = open_source(write(tmp_path, layer(DATA | {"product_formats": [["M", "71", "7"]]})))
    list(source.batches())
    assert [one.code for one in source.findings if one.severity == "error"] == ["json.row-too-short"]


def test_a_member_that_stands_twice_inside_a_row_is_held_back(tmp_path):
    text = json.dumps(layer()).replace('"B"', '{"a": 1, "a": 2}')
    records, _ = found(open_source(write(tmp_path, text)))
    assert [record[1].finding.code for record in records if isinstance(record[1], BadDocument)] == [
        "json.duplicate-key"
    ]


def test_a_broken_answer_is_refused(tmp_path):
    with pytest.raises(SourceError) as caught:
        found(open_source(write(tmp_path, json.dumps(layer())[:-3])))
    assert caught.value.code == "json.broken"

"""Several files as one source: every record still knows its own file, line and pointer."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest

import feedbridge
from feedbridge.sources.base import BadCells, BadDocument
from feedbridge.sources.combined import CombinedSource, CombinedTable
from feedbridge.sources.flat import flat_table
from feedbridge.sources.json import JsonSource
from feedbridge.sources.opening import open_source

FILES = {
    "products.json": '{"products":[\n{"sku":"P1"},\n{"sku":"P2"}]}',
    "empty.json": "[]",
    "models.jsonl": '{"sku":"M1"}\n\n{"sku":\n{"sku":"M2"}\n',
    "pages.json": '[{"_embedded":{"items":[{"sku":"H1"}]}},\n{"_embedded":{"items":[{"sku":"H2"},{"sku":"H3"}]}}]',
    "one.json": '{"product":\n{"sku":"O1"}}',
}
PLACES = [
    ("P1", "products.json", 2, "/products/0"),
    ("P2", "products.json", 3, "/products/1"),
    ("M1", "models.jsonl", 1, ""),
    ("json.broken-line", "models.jsonl", 3, ""),
    ("M2", "models.jsonl", 4, ""),
    ("H1", "pages.json", 1, "/0/_embedded/items/0"),
    ("H2", "pages.json", 2, "/1/_embedded/items/0"),
    ("H3", "pages.json", 2, "/1/_embedded/items/1"),
    ("O1", "one.json", 2, "/product"),
]


def sources(folder: Path, block: int = 1 << 18) -> list[JsonSource]:
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return [JsonSource(folder / name, name=name, block=block) for name in FILES]


def records(source: CombinedSource) -> list[tuple]:
    return [record for batch in source.batches() for record in batch.records]


@pytest.mark.parametrize("block", [5, 1 << 18])
def test_every_record_leads_back_to_its_place(tmp_path, block):
    source = CombinedSource(sources(tmp_path, block))
    found = [
        (record[1].finding.code if isinstance(record[1], BadDocument) else record[1]["sku"], *source.place(record))
        for record in records(source)
    ]
    assert found == PLACES


def test_the_index_runs_on_over_the_files(tmp_path):
    source = CombinedSource(sources(tmp_path))
    assert [record[2] for record in records(source)] == list(range(len(PLACES)))
    assert [int(record[3]) for record in records(source)] == [0, 1, 0, 2, 3, 0, 0, 1, 0]


def test_places_are_known_while_reading_and_at_each_reading(tmp_path):
    source = CombinedSource(sources(tmp_path))
    for _ in range(2):
        places = [source.place(record) for batch in source.batches() for record in batch.records]
        assert places == [place[1:] for place in PLACES]


def test_what_it_says_of_itself(tmp_path):
    parts = sources(tmp_path)
    source = CombinedSource(parts)
    assert (source.kind, source.header, source.folder) == ("documents", [], tmp_path)
    assert source.name == "products.json, empty.json, models.jsonl, pages.json, one.json"
    assert [about["format"] for about in source.about["files"]] == ["json", "json", "jsonl", "json", "json"]
    assert [(finding.code, finding.file) for finding in source.findings] == [("source.no-records", "empty.json")]
    assert source.split(4) == []
    digests = "".join(hashlib.sha256(FILES[name].encode()).hexdigest() for name in FILES)
    assert source.sha256() == hashlib.sha256(digests.encode()).hexdigest()
    assert not source.is_quarantine


def test_findings_of_the_batches_come_through(tmp_path):
    (tmp_path / "a.json").write_text('{"products":[{"sku":"A"}],"brands":[{}]}')
    (tmp_path / "b.json").write_text('[{"sku":"B"}]')
    source = CombinedSource([JsonSource(tmp_path / name, name=name) for name in ("a.json", "b.json")])
    found = [finding for batch in source.batches() for finding in batch.findings]
    assert [(finding.code, finding.file) for finding in found] == [("json.list-unused", "a.json")]


def test_one_quarantine_file_among_them_tells(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"_feedbridge":{"line":3,"code":"c","problem":"p","mend":"","raw":"{x"}}\n')
    (tmp_path / "b.json").write_text('[{"sku":"B"}]')
    source = CombinedSource([JsonSource(tmp_path / name, name=name) for name in ("a.jsonl", "b.json")])
    assert source.is_quarantine
    held, good = records(source)
    assert (held[1].finding.code, held[1].raw, source.place(held)) == ("source.unmended", "{x", ("a.jsonl", 1, ""))
    assert (good[1], source.place(good)) == ({"sku": "B"}, ("b.json", 1, "/0"))


# --- tables --------------------------------------------------------------------------------------------------------

TABLES = {
    "parents.csv": "SKU,Title,Price\nP1,Tee,\nP2,Cup,5\n",
    "variants.csv": 'sku;Parent;price;Size\nV1;P1;9;S\nV2;P1;"9" x;M\nV3;P1;8;L\n',
    "more.jsonl": '{"sku":"V4","Parent":"P1","Size":"XL"}\n{"sku":\n{"sku":"V5","Note":"n"}\n',
}


def tables(folder: Path, *names: str) -> CombinedTable:
    for name, text in TABLES.items():
        (folder / name).write_text(text)
    opened = [open_source(folder / name, name=name) for name in names]
    return CombinedTable([flat_table(one) or one for one in opened])


def test_a_table_has_the_columns_of_all_files(tmp_path):
    table = tables(tmp_path, *TABLES)
    assert table.header == ["SKU", "Title", "Price", "Parent", "Size", "Note"]
    assert [list(record[1]) for record in records(table) if not isinstance(record[1], BadCells)] == [
        ["P1", "Tee", "", "", "", ""],
        ["P2", "Cup", "5", "", "", ""],
        ["V1", "", "9", "P1", "S", ""],
        ["V3", "", "8", "P1", "L", ""],
        ["V4", "", "", "P1", "XL", ""],
        ["V5", "", "", "", "", "n"],
    ]


def test_records_of_a_table_lead_back_to_file_line_and_their_own_shape(tmp_path):
    table = tables(tmp_path, *TABLES)
    assert [(*table.place(record), table.own_cells(record)) for record in records(table)] == [
        ("parents.csv", 2, "", ["P1", "Tee", ""]),
        ("parents.csv", 3, "", ["P2", "Cup", "5"]),
        ("variants.csv", 2, "", ["V1", "P1", "9", "S"]),
        ("variants.csv", 3, "", ["V2", "P1", '"9" x', "M"]),
        ("variants.csv", 4, "", ["V3", "P1", "8", "L"]),
        ("more.jsonl", 1, "", {"sku": "V4", "Parent": "P1", "Size": "XL"}),
        ("more.jsonl", 2, "", {}),
        ("more.jsonl", 3, "", {"sku": "V5", "Note": "n"}),
    ]
    assert [record[2] for record in records(table)] == list(range(8))


def test_a_damaged_row_stays_damaged_and_keeps_its_text(tmp_path):
    table = tables(tmp_path, *TABLES)
    bad = [record for record in records(table) if isinstance(record[1], BadCells)]
    assert [(record[1].finding.code, record[1].raw, record[1].reliable) for record in bad] == [
        ("csv.stray-quote", 'V2;P1;"9" x;M\n', 0),
        ("json.broken-line", '{"sku":', 0),
    ]
    assert all(len(record[1]) == len(table.header) for record in bad)
    own = table.own_cells(bad[0])
    assert isinstance(own, BadCells) and own.reliable == 2
    assert isinstance(table.own_cells(bad[1]), BadDocument)


def test_equal_headers_stay_as_they_are(tmp_path):
    (tmp_path / "a.csv").write_text("sku,Sku,x\n1,2,3\n")
    (tmp_path / "b.csv").write_text("sku,Sku,x\n4,5,6\n")
    table = CombinedTable([open_source(tmp_path / name, name=name) for name in ("a.csv", "b.csv")])
    assert table.header == ["sku", "Sku", "x"]
    assert [record[1] for record in records(table)] == [["1", "2", "3"], ["4", "5", "6"]]


def test_a_name_twice_in_one_of_several_files_is_its_first_that_is_filled(tmp_path):
    (tmp_path / "a.csv").write_text("sku,x,X\nA,,2\nB,1,2\n")
    (tmp_path / "b.csv").write_text("x,sku\n3,C\n")
    table = CombinedTable([open_source(tmp_path / name, name=name) for name in ("a.csv", "b.csv")])
    assert table.header == ["sku", "x"]
    assert [record[1] for record in records(table)] == [["A", "2"], ["B", "1"], ["C", "3"]]
    assert [finding.code for finding in table.findings] == ["csv.duplicate-header"]


def test_one_file_alone_says_of_itself_what_it_is(tmp_path):
    table = tables(tmp_path, "variants.csv")
    assert (table.header, table.name) == (["sku", "Parent", "price", "Size"], "variants.csv")
    assert (table.about["delimiter"], "files" in table.about) == (";", False)


MAPPING = """\
feedbridge: 1
name: family
columns: optional
records: {one: variant, parent: {key: Parent, of: SKU}}
product:
  sku: {from: SKU, required: true}
  title: {from: Title, required: true}
variant:
  sku: SKU
  price: {from: Price, as: money, decimal: ".", currency: EUR, required: true}
  options: [{name: {value: Size}, value: Size}]
"""
FAMILY = {
    "parents.csv": "SKU,Title,Price\nTEE,Tee,\nCUP,Cup,5.00\nHAT,Hat,\n",
    "variants.csv": "Size;Price;SKU;Parent\nS;9.00;TEE-S;TEE\nM;nine;TEE-M;TEE\nS;7.00;HAT-S;HAT\n",
    "more.jsonl": '{"SKU":"TEE-L","Parent":"TEE","Price":9.50,"Size":"L","Weight":0.10}\n',
}


def test_the_quarantine_of_several_files_is_one_file_each_in_its_own_columns_and_feeds_back_in(tmp_path):
    """What belongs together is held back together; mended and given together it is the product that was missing."""
    (tmp_path / "family.yaml").write_text(MAPPING)
    for name, text in FAMILY.items():
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / name) for name in FAMILY]
    out = tmp_path / "out"
    result = feedbridge.convert(files, to="flipsnack", mapping=str(tmp_path / "family.yaml"), names=[*FAMILY], out=out)
    assert [one["code"] for one in result.payload("flipsnack")] == ["CUP", "HAT"]
    held = {path.name: path.read_text("utf-8-sig") for path in (out / "quarantine").iterdir()}
    assert held["parents.csv"].splitlines() == [
        "line,code,problem,mend,SKU,Title,Price",
        "2,held-with-product,belongs to the product that is held back at line 3,,TEE,Tee,",
    ]
    header, *lines = csv.reader(held["variants.csv"].splitlines(), delimiter=";")
    assert header[4:] == ["Size", "Price", "SKU", "Parent"]
    assert [(line[0], line[1], *line[4:]) for line in lines] == [
        ("2", "held-with-product", "S", "9.00", "TEE-S", "TEE"),
        ("3", "cell.price-format", "M", "nine", "TEE-M", "TEE"),
    ]
    (document,) = map(json.loads, held["more.jsonl"].splitlines())
    assert document.pop("_feedbridge")["code"] == "held-with-product"
    assert document == {"SKU": "TEE-L", "Parent": "TEE", "Price": 9.5, "Size": "L", "Weight": 0.1}
    assert '"Weight": 0.10' in held["more.jsonl"]

    path = out / "quarantine" / "variants.csv"
    path.write_text(held["variants.csv"].replace(";nine;", ";9.00;"))
    again = feedbridge.convert(
        sorted(map(str, (out / "quarantine").iterdir())), to="flipsnack", mapping=str(tmp_path / "family.yaml")
    )
    (tee,) = again.payload("flipsnack")
    assert (tee["code"], sorted(one["code"] for one in tee["variants"])) == ("TEE", ["TEE-L", "TEE-M", "TEE-S"])

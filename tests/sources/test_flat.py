"""Documents with nothing nested, read as the table they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feedbridge.sources.base import BadCells, BadDocument
from feedbridge.sources.flat import FlatTable, flat_table
from feedbridge.sources.json import JsonSource


def table_of(folder: Path, text: str, name: str = "feed.jsonl") -> FlatTable | None:
    (folder / name).write_text(text, encoding="utf-8")
    return flat_table(JsonSource(folder / name, name=name))


def flat(folder: Path, text: str, name: str = "feed.jsonl") -> FlatTable:
    found = table_of(folder, text, name)
    assert found is not None
    return found


def records(table: FlatTable) -> list[tuple]:
    return [record for batch in table.batches() for record in batch.records]


def rows(table: FlatTable) -> list[list[str]]:
    return [list(record[1]) for record in records(table)]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        pytest.param('"12,50"', "12,50", id="text as it is"),
        pytest.param('" x "', " x ", id="blanks stay"),
        pytest.param("12.50", "12.50", id="a number with its zeros"),
        pytest.param("0.10", "0.10", id="no binary fraction"),
        pytest.param("1.234", "1.2340", id="three decimals: no thousand"),
        pytest.param("-1.000", "-1.0000", id="three zeros"),
        pytest.param('"1.234"', "1.234", id="text of a number"),
        pytest.param("1e3", "1000", id="written out"),
        pytest.param("1.5e-7", "0.00000015", id="small"),
        pytest.param("1e999999999", "1E+999999999", id="never a gigabyte of zeros"),
        pytest.param("-0.0", "-0.0", id="minus zero"),
        pytest.param("12345678901234567890", "12345678901234567890", id="long identifier"),
        pytest.param("true", "true", id="yes"),
        pytest.param("false", "false", id="no"),
        pytest.param("null", "", id="null"),
        pytest.param('""', "", id="empty"),
    ],
)
def test_a_value_as_a_csv_file_would_have_it(tmp_path, value, cell):
    assert rows(flat(tmp_path, f'{{"sku":"A","x":{value}}}\n')) == [["A", cell]]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"sku":"A","tags":["x"]}\n', id="a list"),
        pytest.param('{"sku":"A","brand":{"name":"x"}}\n', id="an object"),
        pytest.param('{"sku":"A","tags":[]}\n', id="an empty list"),
        pytest.param('{"sku":"A"}\n{"sku":"B"}\n{"sku":"C","brand":{}}\n', id="late"),
        pytest.param('{"sku":\n', id="only damaged lines"),
    ],
)
def test_leaves_other_documents_alone(tmp_path, text):
    assert table_of(tmp_path, text) is None


def test_the_header_is_every_member_in_the_order_they_are_met(tmp_path):
    table = flat(tmp_path, '{"sku":"A","price":"1"}\n{"sku":"B","title":"b"}\n{"ean":"4","sku":"C"}\n')
    assert table.header == ["sku", "price", "title", "ean"]
    assert rows(table) == [["A", "1", "", ""], ["B", "", "b", ""], ["C", "", "", "4"]]


def test_names_that_differ_only_in_case_are_one_column(tmp_path):
    table = flat(tmp_path, '{"SKU":"A","Price":"1"}\n{"sku":"B","price ":"2"}\n')
    assert table.header == ["SKU", "Price"]
    assert rows(table) == [["A", "1"], ["B", "2"]]
    assert table.findings == []


def test_unless_a_document_has_both_which_is_told_as_for_a_csv_file(tmp_path):
    table = flat(tmp_path, '{"sku":"A","SKU":"B"}\n{"SKU":"C"}\n')
    assert rows(table) == [["A", "B"], ["", "C"]]
    assert [(finding.code, finding.column) for finding in table.findings] == [("csv.duplicate-header", "sku")]


ARRAY = '{"shop":"x","products":[\n{"sku":"A"},\n{"sku":"B","title":"b"}]}'


def test_records_lead_back_to_their_line_pointer_and_document(tmp_path):
    table = flat(tmp_path, ARRAY, "feed.json")
    found = records(table)
    assert [table.place(record) for record in found] == [
        ("feed.json", 2, "/products/0"),
        ("feed.json", 3, "/products/1"),
    ]
    assert [table.document_of(record) for record in found] == [{"sku": "A"}, {"sku": "B", "title": "b"}]
    assert [record[2] for record in found] == [0, 1]


def test_a_damaged_line_is_a_damaged_row_with_its_text(tmp_path):
    table = flat(tmp_path, '{"sku":"A","n":1}\n{"sku":"B",\n{"sku":"C","n":3}\n')
    bad = records(table)[1]
    assert rows(table) == [["A", "1"], ["", ""], ["C", "3"]]
    assert isinstance(bad[1], BadCells)
    assert (bad[1].finding.code, bad[1].raw, bad[1].reliable, bad[1].last_line) == (
        "json.broken-line",
        '{"sku":"B",',
        0,
        2,
    )
    assert isinstance(table.document_of(bad), BadDocument)
    assert table.place(bad) == ("feed.jsonl", 2, "")


def test_a_fed_back_file_is_known_and_its_own_member_taken_off(tmp_path):
    why = {"line": 3, "code": "c", "problem": "p", "mend": "m"}
    table = flat(tmp_path, json.dumps({"_feedbridge": why, "sku": "A"}) + "\n")
    assert table.is_quarantine
    assert (table.header, rows(table)) == (["sku"], [["A"]])


def test_it_can_be_read_as_often_as_asked(tmp_path):
    table = flat(tmp_path, ARRAY, "feed.json")
    assert records(table) == records(table)
    assert (table.kind, table.name, table.folder, table.split(4)) == ("table", "feed.json", tmp_path, [])
    assert table.about["format"] == "json"
    assert table.path == tmp_path / "feed.json"
    assert len(table.sha256()) == 64

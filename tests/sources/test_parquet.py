"""Parquet files: what a value becomes, when rows are documents, and what is told, held back or refused."""

from __future__ import annotations

import datetime
import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feedbridge.errors import SourceError
from feedbridge.sources.base import BadCells, BadDocument
from feedbridge.sources.opening import open_source
from feedbridge.sources.parquet import ParquetSource


def written(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def records(source: Any) -> list[Any]:
    return [record for batch in source.batches() for record in batch.records]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        pytest.param(pa.array(["0012", None, ""]), ["0012", "", ""], id="text"),
        pytest.param(pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"], id="text by keys"),
        pytest.param(pa.array([1, None, 2**63 - 1]), ["1", "", "9223372036854775807"], id="whole numbers"),
        pytest.param(pa.array([12.5, 12.0, float("nan")]), ["12.5", "12", ""], id="floats"),
        pytest.param(pa.array([12.1, 1e6, None], pa.float32()), ["12.1", "1000000", ""], id="short floats"),
        pytest.param(pa.array([Decimal("1.10"), Decimal("-0.05"), None], pa.decimal128(12, 2)), ["1.10", "-0.05", ""], id="decimals"),
        pytest.param(pa.array([True, False, None]), ["true", "false", ""], id="booleans"),
        pytest.param(pa.array([datetime.date(2025, 11, 20)] * 3), ["2025-11-20"] * 3, id="dates"),
        pytest.param(
            pa.array([datetime.datetime(2025, 11, 20, 10, 30)] * 3, pa.timestamp("us", "UTC")), ["2025-11-20T10:30:00+00:00"] * 3,
            id="moments with a zone",
        ),
        pytest.param(pa.array([1] * 3, pa.timestamp("ns")), ["1970-01-01T00:00:00.000000001"] * 3, id="nanoseconds"),
        pytest.param(pa.array([datetime.time(10, 30)] * 3), ["10:30:00"] * 3, id="times"),
        pytest.param(pa.array([b"a", "\u00e9".encode(), None]), ["a", "\u00e9", ""], id="bytes"),
        pytest.param(
            pa.array([Decimal("1.234"), Decimal("-0.050"), None], pa.decimal128(10, 3)), ["1.2340", "-0.050", ""],
            id="three decimals",
        ),
        pytest.param(pa.array([1.234, 1234.567, 0.125]), ["1.2340", "1234.567", "0.125"], id="floats of three decimals"),
        pytest.param(pa.nulls(3), ["", "", ""], id="nothing"),
    ],
)  # fmt: skip
def test_cells_of_a_table(tmp_path, values, texts):
    source = open_source(written(tmp_path / "t.parquet", sku=["A", "B", "C"], x=values))
    assert (source.kind, source.header, source.findings) == ("table", ["sku", "x"], [])
    assert records(source) == [(line, [sku, text]) for line, sku, text in zip((2, 3, 4), "ABC", texts, strict=True)]


def test_nested_columns_make_documents(tmp_path):
    path = written(
        tmp_path / "t.parquet",
        sku=["A"], weight=[0.5], note=[None], price=pa.array([Decimal("9.90")]),
        images=[["a", "b"]], size=[{"w": 1, "h": pa.scalar(2.5).as_py()}],
        names=pa.array([[("de", "Becher")]], pa.map_(pa.string(), pa.string())),
        day=[[datetime.date(2025, 11, 20)]],
    )  # fmt: skip
    source = ParquetSource(path)
    assert (source.kind, source.header) == ("documents", [])
    [(line, document, index)] = records(source)
    assert (line, index) == (2, 0)
    assert document == {
        "sku": "A", "weight": Decimal("0.5"), "note": None, "price": Decimal("9.90"), "images": ["a", "b"],
        "size": {"w": 1, "h": Decimal("2.5")}, "names": {"de": "Becher"}, "day": ["2025-11-20"],
    }  # fmt: skip


def test_lines_run_on_over_batches_and_row_groups(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"sku": list(map(str, range(3000)))}), path, row_group_size=700)
    source = ParquetSource(path)
    assert records(source) == [(number + 2, [str(number)]) for number in range(3000)]
    assert max(len(batch.records) for batch in source.batches()) <= 512


def test_a_float_that_lost_digits_holds_its_row_back(tmp_path):
    good, bad = records(ParquetSource(written(tmp_path / "t.parquet", sku=["A", "B"], gtin=[4006381333931.0, 1e17])))
    assert good == (2, ["A", "4006381333931"])
    assert isinstance(bad[1], BadCells)
    assert (bad[1].finding.code, bad[1].finding.line, bad[1].finding.column) == ("frame.float-identifier", 3, "gtin")


def test_what_is_noticed_about_the_file(tmp_path):
    none = ParquetSource(written(tmp_path / "t.parquet", sku=pa.array([], pa.string())))
    assert [finding.code for finding in none.findings] == ["source.header-only"]
    twice = tmp_path / "twice.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["A"]), pa.array(["B"])], ["sku", "SKU"]), twice)
    assert [finding.code for finding in ParquetSource(twice).findings] == ["csv.duplicate-header"]


def test_a_compressed_file_is_read(tmp_path):
    packed = tmp_path / "t.parquet.gz"
    packed.write_bytes(gzip.compress(written(tmp_path / "t.parquet", sku=["A"]).read_bytes()))
    assert records(open_source(packed)) == [(2, ["A"])]


@pytest.mark.parametrize("end", [4, 20, -1, -30])
def test_a_damaged_file_is_refused(tmp_path, end):
    path = written(tmp_path / "t.parquet", sku=["A", "B"])
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(SourceError) as caught:
        records(ParquetSource(path))
    assert caught.value.code == "source.parquet"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(pa.array([b"a", b"a\xff", None]), id="bytes of a table"),
        pytest.param(pa.array([[b"a"], [b"b", b"a\xff"], []]), id="bytes in a list"),
        pytest.param(pa.array([{"y": b"a"}, {"y": b"a\xff"}, None]), id="bytes in an object"),
    ],
)
def test_bytes_that_are_no_text_hold_their_row_back(tmp_path, values):
    source = open_source(written(tmp_path / "t.parquet", sku=["A", "B", "C"], x=values))
    found = [record[1] for record in records(source)]
    assert [isinstance(one, BadCells | BadDocument) for one in found] == [False, True, False]
    assert (found[1].finding.code, found[1].finding.line, found[1].finding.column) == ("source.bytes", 3, "x")


def test_a_number_in_a_document_is_exact(tmp_path):
    source = open_source(written(tmp_path / "t.parquet", sku=["A"], x=[1.234], y=[0.0], tags=[["t"]]))
    assert [str(value) for value in list(records(source)[0][1].values())[1:3]] == ["1.234", "0"]

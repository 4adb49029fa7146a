"""DataFrames: what their values become, and that they give what the file gives."""

from __future__ import annotations

import csv
import datetime
import io
import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedbridge.errors import SourceError
from feedbridge.findings import Severity
from feedbridge.sources.base import BadCells
from feedbridge.sources.frame import FIRST_UNSAFE_FLOAT, ROWS_PER_BATCH, FrameSource


def records(source: FrameSource) -> list[Any]:
    return [record for batch in source.batches() for record in batch.records]


def column(values: Any, **options: Any) -> list[str]:
    frame = pd.DataFrame({"v": pd.Series(values, **options)})
    return [cells[0] for _, cells in records(FrameSource(frame))]


@pytest.mark.parametrize(
    ("values", "options", "expected"),
    [
        pytest.param(["a", "", " NA ", "007"], {}, ["a", "", " NA ", "007"], id="text as it is"),
        pytest.param(["a", None, float("nan"), pd.NA, pd.NaT], {"dtype": object}, ["a", "", "", "", ""], id="nothing"),
        pytest.param(["a", None], {"dtype": "string"}, ["a", ""], id="nullable text"),
        pytest.param(["a", "b", None, "a"], {"dtype": "category"}, ["a", "b", "", "a"], id="categories"),
        pytest.param([True, False], {}, ["true", "false"], id="booleans"),
        pytest.param([True, None], {"dtype": "boolean"}, ["true", ""], id="nullable booleans"),
        pytest.param([12, -3, 4006381333931], {}, ["12", "-3", "4006381333931"], id="integers"),
        pytest.param([2**63, 2**64 - 1], {"dtype": "uint64"}, [str(2**63), str(2**64 - 1)], id="large integers"),
        pytest.param([2**62, None], {"dtype": "Int64"}, [str(2**62), ""], id="nullable integers"),
        pytest.param([10**30, None], {"dtype": object}, [str(10**30), ""], id="integers beyond all"),
        pytest.param([12.0, None, 4006381333931.0], {}, ["12", "", "4006381333931"], id="integers with a gap"),
        pytest.param([12.5, 0.1, 1e-7, 1e15], {}, ["12.5", "0.1", "0.0000001", "1000000000000000"], id="floats"),
        pytest.param([-0.0, -1.5], {}, ["0", "-1.5"], id="minus"),
        pytest.param([12.1, None], {"dtype": "float32"}, ["12.1", ""], id="short floats"),
        pytest.param([12.1, None, 3.0], {"dtype": "Float64"}, ["12.1", "", "3"], id="nullable floats"),
        pytest.param([12.1, None], {"dtype": "Float32"}, ["12.1", ""], id="nullable short floats"),
        pytest.param([math.inf], {}, ["inf"], id="infinity stays visible"),
        pytest.param([Decimal("1.10"), Decimal("1E+2"), Decimal("NaN")], {}, ["1.10", "100", ""], id="decimals"),
        pytest.param([12, 12.0, "12", True, np.int64(5), np.float32(0.1), np.bool_(True)], {"dtype": object},
                     ["12", "12", "12", "true", "5", "0.1", "true"], id="mixed"),
        pytest.param(["2024-01-05", None], {"dtype": "datetime64[ns]"}, ["2024-01-05", ""], id="dates"),
        pytest.param(["2024-01-05", "2024-01-05 10:00"], {"dtype": "datetime64[ns]"},
                     ["2024-01-05T00:00:00", "2024-01-05T10:00:00"], id="times"),
        pytest.param(["2024-01-05T00:00:00+01:00"], {"dtype": "datetime64[ns, Europe/Berlin]"},
                     ["2024-01-05T00:00:00+01:00"], id="times with zone"),
        pytest.param([datetime.date(2024, 1, 5), datetime.time(8, 30)], {"dtype": object}, ["2024-01-05", "08:30:00"],
                     id="date and time"),
        pytest.param([["ä", 1], {"k": Decimal("1.5")}, np.array([1, 2])], {"dtype": object},
                     ['["ä", 1]', '{"k": "1.5"}', "[1, 2]"], id="nested"),
        pytest.param([b"A-1"], {}, ["A-1"], id="bytes"),
    ],
)  # fmt: skip
def test_cells(values, options, expected):
    assert column(values, **options) == expected


def test_lines_count_rows_not_the_index():
    frame = pd.DataFrame({"sku": [f"S{number}" for number in range(2 * ROWS_PER_BATCH + 1)]}).sort_index(
        ascending=False
    )
    found = records(FrameSource(frame))
    assert [line for line, _ in found] == list(range(2, 2 * ROWS_PER_BATCH + 3))
    assert (found[0][1], found[-1][1]) == ([f"S{2 * ROWS_PER_BATCH}"], ["S0"])


def test_what_it_says_of_itself():
    source = FrameSource(pd.DataFrame({1: ["a"], ("b", 2): ["c"]}), folder=Path("pictures"))
    assert source.header == ["1", "('b', 2)"]
    assert (source.kind, source.name, source.folder, source.split(4)) == ("table", "<DataFrame>", Path("pictures"), [])
    assert (source.findings, source.pointer_prefix, source.about) == ([], "", {"format": "dataframe"})
    assert records(source) == records(source) == [(2, ["a", "c"])]


@pytest.mark.parametrize("dtype", ["float64", object, "Float64"])
def test_a_float_that_may_have_lost_digits_holds_its_record_back(dtype):
    values = pd.Series([FIRST_UNSAFE_FLOAT - 1, 40063813339310000.0, -FIRST_UNSAFE_FLOAT], dtype=dtype)
    source = FrameSource(pd.DataFrame({"sku": ["A", "B", "C"], "gtin": values, "n": [1, 2, 3]}))
    good, bad, negative = records(source)
    assert good == (2, ["A", "9007199254740991", "1"])
    assert isinstance(bad[1], BadCells)
    assert isinstance(negative[1], BadCells)
    assert bad[1] == ["B", "40063813339310000", "2"]
    assert (bad[1].reliable, bad[1].last_line, bad[1].raw) == (1, 3, "B,40063813339310000,2")
    finding = bad[1].finding
    assert (finding.code, finding.severity, finding.line, finding.column, finding.value) == (
        "frame.float-identifier", Severity.ERROR, 3, "gtin", "40063813339310000",
    )  # fmt: skip


def test_short_floats_lose_digits_sooner():
    frame = pd.DataFrame({"gtin": pd.Series([2**24 - 1, 4006381333931], dtype="float32")})
    good, bad = records(FrameSource(frame))
    assert good[1][0] == "16777215"
    assert bad[1].finding.code == "frame.float-identifier"
    mixed = FrameSource(pd.DataFrame({"v": pd.Series([np.float64(2**60), "x"], dtype=object)}))
    assert [isinstance(cells, BadCells) for _, cells in records(mixed)] == [True, False]


def test_duplicate_labels():
    source = FrameSource(pd.DataFrame([["a", "b", 3]], columns=["x", "y", "x"]))
    assert [(f.code, f.column, f.message) for f in source.findings] == [
        ("csv.duplicate-header", "x", "2 columns have this name: columns 1, 3")
    ]
    assert records(source) == [(2, ["a", "b", "3"])]


def test_no_rows_and_no_columns():
    source = FrameSource(pd.DataFrame({"sku": []}))
    assert [finding.code for finding in source.findings] == ["source.header-only"]
    assert records(source) == []
    with pytest.raises(SourceError) as caught:
        FrameSource(pd.DataFrame(index=[1, 2]))
    assert caught.value.code == "source.empty"


def test_a_named_index_is_not_lost_in_silence():
    source = FrameSource(pd.DataFrame({"sku": ["A"], "title": ["T"]}).set_index("sku"))
    assert [(f.code, f.column) for f in source.findings] == [("frame.index-unused", "sku")]


def test_sha256_follows_header_and_cells_alone():
    frame = pd.DataFrame({"sku": ["A", "B"], "price": [1.0, 2.5]})
    digest = FrameSource(frame).sha256()
    assert len(digest) == 64
    assert FrameSource(frame.set_axis([7, 8]), name="other").sha256() == digest
    assert FrameSource(frame.astype({"price": object})).sha256() == digest
    changed = [
        frame.rename(columns={"price": "cost"}),
        frame.iloc[::-1],
        frame.assign(price=[1.0, 2.4]),
        pd.DataFrame({"sku": ["AB", ""], "price": [1.0, 2.5]}),
        pd.DataFrame({"sku": ["A", "\ud800"], "price": [1.0, 2.5]}, dtype=object),
    ]
    assert len({digest, *(FrameSource(each).sha256() for each in changed)}) == 6


def test_pandas_is_not_imported_with_it():
    code = "import sys, feedbridge.sources.frame; sys.exit('pandas' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
            st.integers(-(10**18), 10**18),
            st.none() | st.decimals(0, 10**6, places=2).map(float),
            st.booleans(),
        ),
        min_size=1, max_size=20,
    )
)  # fmt: skip
def test_a_frame_read_as_text_gives_the_cells_of_the_file(rows):
    text = io.StringIO()
    csv.writer(text).writerows(
        [["a", "b", "c", "d"], *[["" if cell is None else cell for cell in row] for row in rows]]
    )
    frame = pd.read_csv(io.StringIO(text.getvalue()), dtype=str, keep_default_na=False)
    expected = list(csv.reader(io.StringIO(text.getvalue())))[1:]
    assert [cells for _, cells in records(FrameSource(frame))] == expected


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_floats_are_written_in_full_and_plainly(values):
    for value, text in zip(values, column(values, dtype="float64"), strict=True):
        assert float(text) == value
        assert set(text) <= set("-.0123456789")


def test_the_raw_text_of_a_held_back_row_is_csv():
    frame = pd.DataFrame({"name": ['say "a", b', "x"], "text": ["two\nlines", "y"], "gtin": [2.0**60, 1.0]})
    [batch] = FrameSource(frame).batches()
    held = batch.records[0][1]
    assert isinstance(held, BadCells)
    assert next(csv.reader(io.StringIO(held.raw, newline=""))) == list(held)
    assert list(held) == ['say "a", b', "two\nlines", "1152921504606847000"]


def test_headers_that_a_mapping_cannot_tell_apart_are_told():
    [finding] = FrameSource(pd.DataFrame([[1, 2]], columns=["SKU", "sku "])).findings
    assert (finding.code, finding.column, finding.line) == ("csv.duplicate-header", "SKU", 1)
    assert '"SKU", "sku " are one name' in finding.message


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        pytest.param([1.234, 12.5], ["1.2340", "12.5"], id="floats"),
        pytest.param([Decimal("1.234"), Decimal("0.125")], ["1.2340", "0.125"], id="decimals"),
        pytest.param(["1.234", "12,5"], ["1.234", "12,5"], id="texts stay"),
    ],
)
def test_three_decimals_are_no_thousand(values, texts):
    source = FrameSource(pd.DataFrame({"x": values}))
    assert [cells[0] for batch in source.batches() for _, cells in batch.records] == texts


def test_bytes_that_are_no_text_hold_their_row_back():
    source = FrameSource(pd.DataFrame({"sku": ["A", "B"], "x": [b"a", b"a\xff"]}))
    (_, good), (_, bad) = (record for batch in source.batches() for record in batch.records)
    assert (good, type(bad)) == (["A", "a"], BadCells)
    assert (bad.finding.code, bad.finding.line, bad.finding.column) == ("source.bytes", 3, "x")

"""Damaged files: every reader gives records or says what is wrong, and a run never loses a record on the way."""

from __future__ import annotations

import faulthandler
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import feedbridge
from feedbridge.errors import FeedbridgeError
from feedbridge.sources.base import BadCells, BadDocument
from feedbridge.sources.opening import open_source

HANGS_SECONDS = 60
"""After so long a reading hangs: the test ends with the place where it does."""

ROWS = [(f"SKU-{n}", f"Mug {n}, größer", f"{n}.90", 'a "quoted"\nline') for n in range(1, 25)]
HEADER = ("sku", "title", "price", "note")


def _csv() -> bytes:
    text = ",".join(HEADER) + "\n"
    for row in ROWS:
        text += ",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n"
    return text.encode()


def _xlsx() -> bytes:
    workbook = openpyxl.Workbook()
    for row in (HEADER, *ROWS):
        workbook.active.append(row)
    workbook.active["E1"], workbook.active["E2"] = "made", 45000.5
    workbook.active["E2"].number_format = "yyyy-mm-dd"
    target = io.BytesIO()
    workbook.save(target)
    return target.getvalue()


def _parquet(*, nested: bool = False) -> bytes:
    columns: dict[str, Any] = {name: [row[place] for row in ROWS] for place, name in enumerate(HEADER)}
    columns["weight"] = [float(n) for n in range(len(ROWS))]
    if nested:
        columns["images"] = [["a", "b"] for _ in ROWS]
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def _xml() -> bytes:
    items = "".join(
        f"<item><g:sku>{s}</g:sku><title>{t}</title><g:price>{p} EUR</g:price></item>\n" for s, t, p, _ in ROWS
    )
    return f'<?xml version="1.0"?>\n<rss xmlns:g="http://base.google.com/ns/1.0"><channel>\n{items}</channel></rss>'.encode()


_DOCUMENTS = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
FILES: dict[str, bytes] = {
    "feed.csv": _csv(),
    "feed.tsv": "".join("\t".join(row).replace("\n", " ") + "\n" for row in (HEADER, *ROWS)).encode(),
    "feed.json": json.dumps(_DOCUMENTS, indent=1).encode(),
    "envelope.json": json.dumps({"page": 1, "data": {"products": _DOCUMENTS}}).encode(),
    "salsify.json": json.dumps([{"header": {"version": "2"}}, {"attributes": []}, {"products": _DOCUMENTS}]).encode(),
    "layer.json": json.dumps(
        {"data_schema": {"products": ["STATUS", "ID", *HEADER], "product_formats": ["STATUS", "ID", "ID_products"]},
         "data": {"products": [["M", n, *row] for n, row in enumerate(ROWS)], "product_formats": [["M", 1, 1]]}}
    ).encode(),
    "feed.jsonl": "".join(json.dumps(document) + "\n" for document in _DOCUMENTS).encode(),
    "feed.xml": _xml(),
    "list.xml": b"<l>" + b"".join(b'<p id="1"><a>x</a><a>y</a></p>' for _ in ROWS) + b"</l>",
    "feed.xlsx": _xlsx(),
    "feed.parquet": _parquet(),
    "nested.parquet": _parquet(nested=True),
}  # fmt: skip

damage = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "double", "drop", "insert", "swap"]), st.floats(0, 1), st.integers(0, 255),
        st.integers(1, 40),
    ),
    min_size=1, max_size=6,
)  # fmt: skip
SIGNS = [
    b'"',
    b"\n",
    b"\0",
    b"<",
    b"&",
    b"{",
    b"]",
    b"\xff",
    b"\xef\xbb\xbf",
    b",",
    b"\\",
    b"</item>",
    b"\xed\xa0\x80",
    b"1e999",
]


def damaged(data: bytes, steps: list[tuple[str, float, int, int]]) -> bytes:
    for what, share, byte, length in steps:
        at = int(share * len(data))
        if what == "set":
            data = data[:at] + bytes([byte]) + data[at + 1 :]
        elif what == "cut":
            data = data[: max(at, 1)]
        elif what == "double":
            data = data[: at + length] + data[at:]
        elif what == "drop":
            data = data[:at] + data[at + length :]
        elif what == "insert":
            data = data[:at] + SIGNS[byte % len(SIGNS)] + data[at:]
        else:
            data = data[:at] + data[at : at + length][::-1] + data[at + length :]
    return data


@contextmanager
def written(name: str, data: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        faulthandler.dump_traceback_later(HANGS_SECONDS, exit=True)
        try:
            yield path
        finally:
            faulthandler.cancel_dump_traceback_later()


def read_or_refused(path: Path, **settings_: Any) -> None:
    """Read all of a file. Nothing but records of the right shape and FeedbridgeErrors may come out."""
    try:
        source = open_source(path, **settings_)
        for batch in source.batches():
            for record in batch.records:
                assert type(record[0]) is int and record[0] >= 1
                if source.kind == "table":
                    assert len(record[1]) == len(source.header)
                    assert all(isinstance(cell, str) for cell in record[1])
                    if isinstance(record[1], BadCells):
                        assert record[1].finding.code and record[1].finding.mend
                else:
                    assert isinstance(record[1], dict)
                    if isinstance(record[1], BadDocument):
                        assert record[1].finding.code and record[1].finding.mend
    except FeedbridgeError as error:
        assert error.code and error.message


def _fuzz(examples: int) -> Callable[[Any], Any]:
    quick = settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )  # fmt: skip
    return lambda test: quick(given(steps=damage)(test))


@pytest.mark.parametrize("name", list(FILES))
@_fuzz(60)
def test_a_damaged_file_is_read_or_refused(name, steps):
    with written(name, damaged(FILES[name], steps)) as path:
        read_or_refused(path)


@pytest.mark.parametrize("format", ["csv", "json", "excel", "parquet", "xml"])
@pytest.mark.parametrize("name", ["feed.csv", "feed.json", "feed.xml", "feed.xlsx", "feed.parquet"])
def test_a_format_that_is_not_the_file_s_is_read_or_refused(name, format):
    with written(name, FILES[name]) as path:
        read_or_refused(path, format=format)


@given(data=st.binary(max_size=400), name=st.sampled_from(list(FILES)))
@example(data=b"PK\x05\x06" + b"\0" * 18, name="feed.xlsx")
@example(data=b"PAR1PAR1", name="feed.parquet")
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_any_bytes_are_read_or_refused(data, name):
    with written(name, data) as path:
        read_or_refused(path)


@given(text=st.text(alphabet="<>/&;=\"' abg:!-[]?\n", max_size=60))
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_any_tags_are_read_or_refused(text):
    with written("feed.xml", f"<a><b x='1'>{text}</b><b>{text}</b></a>".encode()) as path:
        read_or_refused(path, format="xml")


MAPPING = """feedbridge: 1
name: fuzz
records: {one: product}
product:
  sku: sku
  title: title
  price: {from: price, as: money, currency: EUR, decimal: "."}
"""


@pytest.mark.parametrize(
    "name", ["feed.csv", "feed.tsv", "feed.json", "feed.jsonl", "layer.json", "feed.xml", "feed.xlsx"]
)
@_fuzz(8)
def test_a_run_over_a_damaged_file_loses_nothing(name, steps):
    with written(name, damaged(FILES[name], steps)) as path:
        mapping = path.with_name("mapping.yaml")
        mapping.write_text(MAPPING)
        try:
            checked = feedbridge.check(path, mapping=str(mapping), to="flipsnack", workers=1)
            out = path.with_name("out")
            result = feedbridge.convert(path, mapping=str(mapping), to="flipsnack", out=out, workers=1)
        except FeedbridgeError as error:
            assert str(error) and error.code != "run.conservation"
            return
        counts = result.counts["flipsnack"]
        assert counts == checked.counts["flipsnack"]
        excluded = counts["excluded"] if isinstance(counts["excluded"], int) else sum(counts["excluded"].values())
        assert counts["read"] == counts["written"] + excluded + counts["held_back"]
        sent = [one for batch in sorted((out / "flipsnack").glob("*.json")) for one in json.loads(batch.read_bytes())]
        assert len(sent) == counts["written"]

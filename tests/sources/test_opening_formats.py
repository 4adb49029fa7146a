"""Workbooks, Parquet and XML are found by their content; what is none of the formats is refused with a remedy."""

from __future__ import annotations

import bz2
import gzip
import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from feedbridge.errors import CommandError, SourceError
from feedbridge.sources.opening import open_source


def workbook() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["sku"])
    book.active.append(["A"])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def parquet() -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table({"sku": ["A"]}), target)
    return target.getvalue()


def packed(**files: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return target.getvalue()


XML = b"<rss><channel><item><sku>A</sku></item></channel></rss>"
LIST = b"<products><product><sku>A</sku></product></products>"
TABLE = b"sku,title\nA,a\nB,b\n"
HELD = b"line,code,problem,mend,sku\r\n2,c,p,m,A\r\n"
HELD_LINE = b'{"_feedbridge":{"line":1,"code":"c"},"sku":"A"}\n'


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def first(source: Any) -> str:
    record = next(record for batch in source.batches() for record in batch.records)
    return str(record[1][0] if source.kind == "table" else record[1]["sku"])


@pytest.mark.parametrize(
    ("name", "data", "format", "codes"),
    [
        pytest.param("feed.xlsx", workbook(), "excel", [], id="workbook"),
        pytest.param("feed.XLSM", workbook(), "excel", [], id="workbook with macros"),
        pytest.param("feed", workbook(), "excel", [], id="workbook without suffix"),
        pytest.param("feed.csv", workbook(), "excel", ["source.format-doubt"], id="workbook named csv"),
        pytest.param("feed.xlsx.zst", zstandard.compress(workbook()), "excel", [], id="compressed workbook"),
        pytest.param("feed.pq", parquet(), "parquet", [], id="Parquet"),
        pytest.param("feed.bin", bz2.compress(parquet()), "parquet", [], id="compressed Parquet"),
        pytest.param("feed.xml", XML, "xml", [], id="XML"),
        pytest.param("feed.xml.gz", gzip.compress(XML), "xml", [], id="compressed XML"),
        pytest.param("feed.zip", packed(feed=XML.decode()), "xml", [], id="zipped XML"),
        pytest.param("feed", XML.decode().encode("utf-16"), "xml", [], id="UTF-16 with its mark"),
        pytest.param("feed", XML.decode().encode("utf-16-le"), "xml", [], id="UTF-16 without a mark"),
        pytest.param("feed.txt", b"\n<!-- made -->\n" + LIST, "xml", [], id="a comment first"),
        pytest.param("feed.txt", LIST, "xml", [], id="a list of elements"),
        pytest.param("feed.csv", XML, "xml", ["source.format-doubt"], id="XML named csv"),
        pytest.param("feed.csv", b"<sku>,<title>\nA,a\n", "csv", [], id="names in angle brackets"),
        pytest.param("feed.txt", b"<sku>,<title>\nA,a\n", "csv", [], id="names in angle brackets, no table suffix"),
        pytest.param("feed.xlsx", TABLE, "csv", ["source.format-doubt"], id="a table named xlsx"),
        pytest.param("feed.xls", TABLE, "csv", ["source.format-doubt"], id="a table named xls"),
        pytest.param("feed.xml", TABLE, "csv", ["source.format-doubt"], id="a table named xml"),
    ],
)
def test_the_format_is_found_out(tmp_path, name, data, format, codes):
    source = open_source(write(tmp_path, name, data))
    assert source.about["format"] == format
    assert [finding.code for finding in source.findings] == codes
    assert first(source) == "A"


@pytest.mark.parametrize(
    ("format", "name", "data", "read_as"),
    [
        pytest.param("csv", "feed.xlsx", workbook(), "excel", id="a preset of tables, a workbook"),
        pytest.param("csv", "feed.csv", workbook(), "excel", id="a workbook named csv"),
        pytest.param("csv", "feed.parquet", parquet(), "parquet", id="a preset of tables, Parquet"),
        pytest.param("csv", "feed.xml", b"<sku>\n<A>\n", "csv", id="CSV is said, CSV it is"),
        pytest.param("excel", "q.csv", HELD, "csv", id="quarantine of a workbook"),
        pytest.param("parquet", "q.jsonl", HELD_LINE, "jsonl", id="quarantine of Parquet documents"),
        pytest.param("xml", "q.jsonl", HELD_LINE, "jsonl", id="quarantine of XML"),
        pytest.param("xml", "feed.txt", XML, "xml", id="XML"),
    ],
)
def test_a_format_that_is_named(tmp_path, format, name, data, read_as):
    source = open_source(write(tmp_path, name, data), format=format)
    assert (source.about["format"], source.findings) == (read_as, [] if b"<A>" not in data else source.findings)


@pytest.mark.parametrize(
    ("format", "data"),
    [
        pytest.param("excel", TABLE, id="no workbook"),
        pytest.param("parquet", workbook(), id="no Parquet"),
        pytest.param("xml", workbook(), id="no XML"),
        pytest.param("xml", b'[{"sku":"A"}]', id="JSON"),
    ],
)
def test_a_format_that_is_named_and_is_another_is_refused(tmp_path, format, data):
    with pytest.raises(SourceError) as caught:
        open_source(write(tmp_path, "feed.dat", data), format=format)
    assert caught.value.code == "source.format"


def test_a_format_that_is_none_is_refused(tmp_path):
    with pytest.raises(CommandError) as caught:
        open_source(write(tmp_path, "feed.dat", TABLE), format="ods")
    assert caught.value.code == "source.format"


@pytest.mark.parametrize(
    ("name", "data", "code", "said"),
    [
        pytest.param("feed.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "source.not-csv", "old Excel", id="xls"),
        pytest.param("feed.xlsb", packed(**{"xl__workbook.bin": ""}), "source.not-csv", ".xlsb", id="xlsb"),
        pytest.param("feed.ods", packed(**{"META-INF__manifest.xml": ""}), "source.not-csv", "LibreOffice", id="ods"),
        pytest.param("feed.docx", packed(**{"[Content_Types].xml": "", "word__a.xml": ""}), "source.not-csv", "text document", id="docx"),
        pytest.param("feed.pdf", b"%PDF-1.7\n", "source.not-csv", "PDF", id="PDF"),
        pytest.param("feed.csv", b"\x89PNG\r\n\x1a\n", "source.not-csv", "picture", id="PNG"),
        pytest.param("feed.csv", b"\xff\xd8\xff\xe0", "source.not-csv", "picture", id="JPEG"),
        pytest.param("feed.xls", b"<html><table><tr><td>sku</td></tr></table></html>", "source.not-csv", "web page", id="HTML named xls"),
        pytest.param("feed.xml", b"<!DOCTYPE html><html></html>", "source.not-csv", "web page", id="a page named xml"),
        pytest.param("feed.zip", packed(a="x", b="y"), "source.archive-members", "2 files", id="zip of several"),
        pytest.param("feed.7z", b"7z\xbc\xaf\x27\x1c\0\0", "source.not-csv", "7z", id="7z"),
    ],
)  # fmt: skip
def test_what_is_no_feed_is_refused_with_a_remedy(tmp_path, name, data, code, said):
    with pytest.raises(SourceError) as caught:
        open_source(write(tmp_path, name, data))
    assert caught.value.code == code
    assert said in caught.value.message
    assert caught.value.mend


@pytest.mark.parametrize(
    ("module", "name", "data", "extra"),
    [("openpyxl", "feed.xlsx", workbook(), "excel"), ("pyarrow", "feed.parquet", parquet(), "parquet")],
)
def test_a_library_that_is_not_installed_is_named(tmp_path, monkeypatch, module, name, data, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(CommandError) as caught:
        open_source(write(tmp_path, name, data))
    assert caught.value.code == "source.extra"
    assert f"pip install 'feedbridge[{extra}]'" in caught.value.mend

"""Open whatever the user names: find out its format by its content and give back a Source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from feedbridge.errors import CommandError, SourceError
from feedbridge.findings import Finding, Severity
from feedbridge.sources.base import Source
from feedbridge.sources.combined import CombinedSource
from feedbridge.sources.csv import CsvSource
from feedbridge.sources.dialect import DELIMITERS
from feedbridge.sources.files import compression, is_compressed, open_binary, strip_compression_suffix
from feedbridge.sources.json import JsonSource
from feedbridge.sources.unpacked import is_workbook, members

__all__ = ["combine", "is_json", "open_source"]

JSON_SUFFIXES = {".json", ".jsonl", ".ndjson"}
EXCEL_SUFFIXES = {".xlsx", ".xlsm", ".xltx", ".xltm", ".xls"}
XML_SUFFIXES = {".xml", ".rss", ".atom"}
SNIFF_BYTES = 4096
TABLE_SUFFIXES = {".csv", ".tsv", ".tab"}
BLANK = " \t\r\n\ufeff\ufffd\0"
"""What may stand before the first sign of a text; U+FFFD is what the byte-order mark of UTF-16 looks like here."""

NAMES = {"csv": "CSV", "json": "JSON", "excel": "an Excel workbook", "parquet": "Parquet", "xml": "XML"}
_SUFFIXES = {"csv": TABLE_SUFFIXES, "json": JSON_SUFFIXES, "excel": EXCEL_SUFFIXES, "parquet": {".parquet", ".pq"}, "xml": XML_SUFFIXES}
_AS_CSV = "open it in a spreadsheet and save it as .xlsx or CSV (UTF-8)"
_AS_FEED = "give the feed itself: a table (CSV, Excel, Parquet), JSON or XML"
_OTHERS = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls), or one with a password", f"{_AS_CSV}, without a password"),
    (b"%PDF", "a PDF document", _AS_FEED),
    (b"\x89PNG", "a picture", _AS_FEED),
    (b"\xff\xd8\xff", "a picture", _AS_FEED),
    (b"GIF8", "a picture", _AS_FEED),
    (b"II*\0", "a picture", _AS_FEED),
    (b"MM\0*", "a picture", _AS_FEED),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and give the file in it"),
    (b"Rar!", "a RAR archive", "unpack it and give the file in it"),
    (b"{\\rtf", "a text document (RTF)", _AS_FEED),
    (b"SQLite format 3", "a database", _AS_FEED),
)
_XML_START = re.compile(r"<(\?xml|!--|!doctype|rss\b|feed\b|rdf:rdf\b)", re.IGNORECASE)
_HTML_START = re.compile(r"(?:<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_ELEMENT_START = re.compile(r"<[A-Za-z_][^<>]*>\s*<")
_HELD_BACK = re.compile(r"""\W*(line\W+code\W+problem\W+mend\b|_feedbridge\b)""")
"""How a file of a quarantine begins: it is read as what it is, whatever the mapping says of the file it comes from."""


def open_source(
    thing: Any, *, name: str | None = None, format: str | None = None, encoding: str | None = None,
    delimiter: str | None = None, quote: str | None = None, quoting: bool = True, header: bool = True,
    skip_lines: int = 0, items: str | None = None, sheet: str | None = None, folder: Path | None = None,
) -> Source:
    """A file (path) or a pandas DataFrame as a Source.

    ``format`` csv, json, excel, parquet or xml; found out by content and suffix when None. Where csv or json is given,
    a workbook or Parquet file is read as what it is: the same table in other clothes. The other settings are those of
    CsvSource, JsonSource, ExcelSource and XmlSource. Raises: SourceError, CommandError.
    """
    if not isinstance(thing, str | Path):
        from feedbridge.sources.frame import FrameSource

        return FrameSource(thing, name=name or "<DataFrame>", folder=folder)
    path = Path(thing)
    shown = name if name is not None else str(path)
    found, doubt = _found(path, shown) if format is None else (_given(path, shown, format), "")
    source: Source
    if found == "json":
        if items is None or items.startswith("data."):
            from feedbridge.sources.shapes_json import SalesLayerSource, is_sales_layer

            if is_sales_layer(path, encoding):
                table = items.removeprefix("data.") if items else "products"
                return SalesLayerSource(path, name=name, table=table, encoding=encoding, folder=folder)
        source = JsonSource(path, name=name, items=items, encoding=encoding, folder=folder)
    elif found == "excel":
        from feedbridge.sources.excel import ExcelSource

        source = ExcelSource(path, name=name, sheet=sheet, has_header=header, skip_lines=skip_lines, folder=folder)
    elif found == "parquet":
        from feedbridge.sources.parquet import ParquetSource

        source = ParquetSource(path, name=name, folder=folder)
    elif found == "xml":
        from feedbridge.sources.xml import XmlSource

        source = XmlSource(path, name=name, items=items, encoding=encoding, folder=folder)
    else:
        source = CsvSource(
            path, name=name, encoding=encoding, delimiter=delimiter, quote=quote, quoting=quoting, has_header=header,
            skip_lines=skip_lines, folder=folder,
        )  # fmt: skip
    if doubt:
        source.findings.append(
            Finding(
                code="source.format-doubt", severity=Severity.WARNING, file=source.name, message=doubt,
                mend="give the file the suffix of what it is, or say source.format in the mapping",
            )
        )  # fmt: skip
    return source


def is_json(path: Path) -> bool:
    """Whether a file is read as JSON: by what it begins with, and by its suffix where that leaves it open."""
    return _found(path, str(path))[0] == "json"


def _given(path: Path, name: str, format: str) -> str:
    """What a file is read as for which the mapping names a format. Raises SourceError when it cannot be that."""
    if format not in NAMES:
        raise CommandError(
            f'there is no format "{format}"; there are {", ".join(NAMES)}', where="source.format", code="source.format"
        )
    if format in ("csv", "json"):
        if is_compressed(path) == "zip" and is_workbook(path):
            _refuse_office(path, name)
            return "excel"
        start = _start(path)
        _refuse_archive(path, name, start)
        return "parquet" if start.startswith(b"PAR1") else "excel" if start.startswith(b"PK\x03\x04") else format
    found, start = _by_content(path, name)
    if found == format:
        return format
    text = start.decode("utf-8", "replace").lstrip(BLANK)
    if _HELD_BACK.match(text) and found in ("", "json"):
        return found or "csv"
    if format == "xml" and not found:
        return format  # it says itself what is wrong
    what = NAMES[found] if found else "something else"
    raise SourceError(
        f"the mapping says it is {NAMES[format]}, but it is {what}", where=name, code="source.format",
        mend="give the right file, or correct source.format in the mapping",
    )


def _found(path: Path, name: str) -> tuple[str, str]:
    """``csv``, ``json``, ``excel``, ``parquet`` or ``xml``, and what is said when suffix and content contradict each
    other. Raises SourceError for files that are none of them."""
    found, start = _by_content(path, name)
    suffix = Path(strip_compression_suffix(path.name)).suffix.lower()
    text = start.decode("utf-8", "replace").lstrip(BLANK).replace("\0", "")
    if found in ("excel", "parquet", "xml"):
        if suffix in _SUFFIXES[found] or suffix not in set().union(*_SUFFIXES.values()):
            return found, ""
        if found == "xml":
            if suffix in JSON_SUFFIXES and not _XML_START.match(text):
                return "json", ""
            if suffix in TABLE_SUFFIXES and not _XML_START.match(text):
                return "csv", ""
        return found, f"it is named {suffix}, but it is {NAMES[found]}: it is read as such"
    if suffix in JSON_SUFFIXES:
        if found == "json" or not _begins_table(text):
            return "json", ""
        return "csv", f"it is named {suffix}, but its text is a table: it is read as CSV"
    if found == "json" and suffix in TABLE_SUFFIXES:
        return "json", f"it is named {suffix}, but its text is JSON: it is read as such"
    if suffix in EXCEL_SUFFIXES | XML_SUFFIXES | _SUFFIXES["parquet"] and not _HTML_START.match(text):
        if suffix in XML_SUFFIXES and not found and not _begins_table(text):
            return "xml", ""
        what = "JSON" if found == "json" else "a table"
        return found or "csv", f"it is named {suffix}, but its text is {what}: it is read as such"
    return found or "csv", ""


def _start(path: Path) -> bytes:
    with closing(open_binary(path)) as stream:
        return stream.read(SNIFF_BYTES)


def _by_content(path: Path, name: str) -> tuple[str, bytes]:
    """``excel``, ``parquet``, ``json`` or ``xml`` when the content says so, else "", and how the file begins."""
    if is_compressed(path) == "zip" and is_workbook(path):
        _refuse_office(path, name)
        return "excel", b""
    start = _start(path)
    _refuse_archive(path, name, start)
    for magic, what, mend in _OTHERS:
        if start.startswith(magic):
            raise SourceError(f"this is {what}, which is not read", where=name, code="source.not-csv", mend=mend)
    if start.startswith(b"PAR1"):
        return "parquet", start
    if start.startswith(b"PK\x03\x04"):
        return "excel", start  # unpacked it is a zip file again: a workbook, or nothing that is read
    text = start.decode("utf-8", "replace").lstrip(BLANK).replace("\0", "")
    if text.startswith("{") or (text.startswith("[") and text[1:].lstrip(BLANK)[:1] in {"{", "]"}):
        return "json", start
    if (_XML_START.match(text) or _ELEMENT_START.match(text)) and not _HTML_START.match(text):
        return "xml", start
    return "", start


def _refuse_archive(path: Path, name: str, start: bytes) -> None:
    """Raises SourceError for a tar archive, and for what is compressed twice."""
    outside = is_compressed(path)
    if start[257:262] == b"ustar":
        what = f"a tar archive{', compressed with ' + outside if outside else ''}"
    elif outside and (inside := compression(start)) and inside != "zip":
        what = f"a file compressed twice, {inside} in {outside}"
    else:
        return
    raise SourceError(
        f"this is {what}, which is not read", where=name, code="source.archive", mend="unpack it and give the file in it"
    )


def _refuse_office(path: Path, name: str) -> None:
    """Raises SourceError for documents of office programs that are no .xlsx."""
    names = {member.lower() for member in members(path)}
    if any(member.startswith("xl/") for member in names) and "xl/workbook.bin" not in names:
        return
    if "xl/workbook.bin" in names:
        what, mend = "a binary Excel workbook (.xlsb)", _AS_CSV
    elif "meta-inf/manifest.xml" in names:
        what, mend = "a document of LibreOffice or OpenOffice", _AS_CSV
    elif any(member.startswith(("word/", "ppt/")) for member in names):
        what, mend = "a text document or presentation", _AS_FEED
    else:
        return
    raise SourceError(f"this is {what}, which is not read", where=name, code="source.not-csv", mend=mend)


def _begins_table(text: str) -> bool:
    """Whether the first lines are cut by a delimiter alike, and none could be a line of JSON. A page of HTML or an
    error message under a JSON name is no table, so that it stays what it is: broken JSON."""
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    if len(lines) < 2 or any(line.lstrip()[:1] in set("{}[]<") for line in lines):
        return False
    return any(0 < lines[0].count(mark) == lines[1].count(mark) for mark in DELIMITERS)


def combine(sources: Sequence[Source]) -> Source:
    """Several files of documents as one, so that parents and variants may be in different files."""
    return sources[0] if len(sources) == 1 else CombinedSource(sources)

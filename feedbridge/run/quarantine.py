"""Held-back records in their source's own shape: mend in a spreadsheet or editor, feed back in as they are."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from feedbridge.findings import Finding
from feedbridge.platforms.output import HashedFile
from feedbridge.sources.base import FRONT_COLUMNS, GUARD, MEMBER, UNMENDED, BadCells, BadDocument

__all__ = ["FRONT_COLUMNS", "MEMBER", "UNMENDED", "DocumentSheet", "QuarantineWriter", "TableSheet", "reasons"]

PROBLEM_CHARS = 500
CELL_CHARS = 32_000
"""Spreadsheets hold 32,767 characters in a cell."""
NAME_BYTES = 180

_PACKED = frozenset((".gz", ".bz2", ".xz", ".zst", ".zip", ".lzma"))
_TABLES = frozenset((".csv", ".tsv", ".tab", ".txt"))
_DOCUMENTS = frozenset((".jsonl", ".ndjson"))
_DATA = _TABLES | _DOCUMENTS | {".json", ".xlsx", ".xls", ".xlsm", ".ods", ".parquet", ".xml", ".feather"}
_NOT_IN_A_NAME = re.compile('[\x00-\x1f\x7f-\x9f<>:"|?*\u2028-\u202e\u2066-\u2069\ud800-\udfff]')
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_ESCAPED_BYTE = re.compile("[\udc00-\udcff]")
"""How a source marks a byte it could not decode: U+DC00 plus the byte."""
_HALF_PAIR = re.compile("[\ud800-\udfff]")


def reasons(findings: Iterable[Finding]) -> tuple[str, str, str]:
    """Code, problem and mend of one record for its front columns: each said once, several joined by ``; ``.

    Problems and mends are one line of at most 500 characters each. A problem names its column; what is said of a column is
    not said once more of the whole record.
    """
    findings = list(findings)
    of_a_column = {finding.message for finding in findings if finding.column}
    codes: dict[str, None] = {}
    problems: dict[str, None] = {}
    mends: dict[str, None] = {}
    for finding in findings:
        codes[finding.code] = None
        said = f'column "{finding.column}": {finding.message}' if finding.column else finding.message
        if finding.column or finding.message not in of_a_column:
            problems[_one_line(said, PROBLEM_CHARS)] = None
        if finding.mend:
            mends[_one_line(finding.mend, PROBLEM_CHARS)] = None
    return "; ".join(codes), "; ".join(problems), "; ".join(mends)


class QuarantineWriter:
    """The ``quarantine/`` folder of a run. A source without held-back records leaves no file, a run without any no
    folder. Raises OutputError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._taken: set[str] = set()
        self._sheets: list[TableSheet | DocumentSheet] = []

    def table(
        self, source_name: str, header: Sequence[str], delimiter: str, quote: str = '"', *, fed_back: bool = False
    ) -> TableSheet:
        """Where held-back rows of one table go; ask once a source.

        ``quote``     the source's quote character; empty when quotes are plain characters there
        ``fed_back``  the source is a quarantine file itself (``Source.is_quarantine``)
        """
        path = self._path(source_name, _TABLES, ".csv")
        sheet = TableSheet(path, list(header), delimiter, quote, fed_back=fed_back)
        self._sheets.append(sheet)
        return sheet

    def documents(self, source_name: str) -> DocumentSheet:
        """Where held-back documents of one source go; ask once a source."""
        sheet = DocumentSheet(self._path(source_name, _DOCUMENTS, ".jsonl"))
        self._sheets.append(sheet)
        return sheet

    def finish(self) -> list[dict[str, Any]]:
        """Close the files: ``{"path", "bytes", "sha256", "records"}`` of each that has records, in the order their
        sources were named; ``path`` as seen from the output folder (``quarantine/shop.csv``)."""
        files = [sheet.close(self.folder.parent) for sheet in self._sheets]
        return [entry for entry in files if entry is not None]

    def _path(self, source_name: str, kept: frozenset[str], suffix: str) -> Path:
        stem, ending = _name_of(source_name, kept, suffix)
        name, number = stem + ending, 1
        # Compared without case: on macOS and Windows Shop.csv and shop.csv are one file.
        while name.casefold() in self._taken:
            number += 1
            name = f"{stem}-{number}{ending}"
        self._taken.add(name.casefold())
        return self.folder / name


def _name_of(source_name: str, kept: frozenset[str], suffix: str) -> tuple[str, str]:
    """Stem and suffix of a source's quarantine file: a plain file name on every system, without a URL's query."""
    if "://" in source_name:
        source_name = re.split(r"[?#]", source_name, maxsplit=1)[0]
    if source_name.startswith("<") and source_name.endswith(">"):
        source_name = source_name[1:-1]
    name = _NOT_IN_A_NAME.sub("_", re.split(r"[/\\]", source_name.rstrip("/\\"))[-1]).strip(" .")
    path = PurePosixPath(name)
    if path.suffix.lower() in _PACKED:
        path = path.with_suffix("")
    ending = path.suffix
    if ending.lower() in kept:
        stem = path.stem
    else:
        stem = path.stem if ending.lower() in _DATA else path.name
        ending = suffix
    stem = stem.encode()[:NAME_BYTES].decode(errors="ignore").strip(" .") or "source"
    return (f"_{stem}" if _DEVICES.match(stem) else stem), ending


class _Sheet:
    """A file that comes into being with its first record."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records = 0
        self.head = 0
        """Bytes before the first record."""
        self._file: HashedFile | None = None

    @property
    def end(self) -> int:
        """Bytes written so far."""
        return self._file.bytes if self._file is not None else 0

    def _open(self) -> HashedFile:
        if self._file is None:
            self._file = HashedFile(self.path)
            self._begin(self._file)
            self.head = self._file.bytes
        return self._file

    def _begin(self, file: HashedFile) -> None:
        """What stands before the first record."""

    def close(self, relative_to: Path) -> dict[str, Any] | None:
        """The file's line in the manifest, or None when there was nothing to hold back."""
        if self._file is None:
            return None
        return {**self._file.close(relative_to), "records": self.records}


class TableSheet(_Sheet):
    """Rows of one table: UTF-8 with a byte-order mark (spreadsheets read it right), CRLF (RFC 4180), and the source's
    own delimiter, quote and header, so that the mapping that read the source reads this."""

    def __init__(
        self, path: Path, header: list[str], delimiter: str, quote: str = '"', *, fed_back: bool = False
    ) -> None:
        super().__init__(path)
        self._header = header
        self._delimiter = delimiter
        self._quote = quote
        self._front = len(FRONT_COLUMNS) if fed_back else 0
        # Without quotes csv.writer would refuse cells with a delimiter; such a source never had any.
        self._writer = csv.writer(self, delimiter=delimiter, quotechar=quote, lineterminator="\r\n") if quote else None

    def write(self, text: str) -> None:
        """Take the text of one row (csv.writer calls this)."""
        self._open().write(_encodable(text).encode())

    def _begin(self, file: HashedFile) -> None:
        file.write(b"\xef\xbb\xbf")
        self._row([*FRONT_COLUMNS, *self._header])

    def _row(self, cells: Sequence[str]) -> None:
        if self._writer is not None:
            self._writer.writerow(cells)
        else:
            self.write(self._delimiter.join(cells) + "\r\n")

    def add(self, line: int, code: str, problem: str, mend: str, cells: Sequence[str]) -> None:
        """Write one record. Of BadCells: the cells that can be trusted, then the rest of the record's raw text in the
        next cell, and one cell too many (UNMENDED)."""
        self._open()
        own = self._broken(cells) if isinstance(cells, BadCells) else cells
        self._row([str(line), self._note(code), self._note(problem), self._note(mend), *own])
        self.records += 1

    def _broken(self, cells: BadCells) -> list[str]:
        if unmended := self._unmended(cells.raw):
            return unmended
        rest = _rest(cells.raw, self._front + cells.reliable, self._delimiter, self._quote)
        whole = [*cells[: cells.reliable], rest if self._quote else _one_line(rest)]
        return [*whole, *[""] * (len(self._header) - len(whole)), UNMENDED]

    def _unmended(self, raw: str) -> list[str]:
        """The row as an earlier run wrote it, when nobody has mended it since; else empty."""
        try:
            rows = list(csv.reader(
                io.StringIO(raw, newline=""), delimiter=self._delimiter, quotechar=self._quote or None, strict=True,
                quoting=csv.QUOTE_MINIMAL if self._quote else csv.QUOTE_NONE,
            ))
        except csv.Error:
            return []
        is_ours = len(rows) == 1 and any(GUARD in cell for cell in rows[0])
        return rows[0][self._front :] if is_ours else []

    def _note(self, text: str) -> str:
        """A cell of ours: one line that no spreadsheet takes for a formula, and no reader for a quoted cell."""
        text = _one_line(text)
        if self._quote != '"':
            text = text.replace('"', "”")
        if not self._quote:
            text = text.replace(self._delimiter, " ")
        return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


class DocumentSheet(_Sheet):
    """Documents of one source, one JSON object a line, ``_feedbridge`` first; numbers exactly as they were read."""

    def add(
        self, line: int, code: str, problem: str, mend: str, document: dict[str, Any], pointer: str = ""
    ) -> None:
        """Write one record. A BadDocument becomes its raw text, as ``_feedbridge.raw``."""
        why: dict[str, Any] = {"line": line, "code": code, "problem": _one_line(problem), "mend": _one_line(mend)}
        if pointer:
            why["pointer"] = pointer
        if isinstance(document, BadDocument):
            entry: dict[str, Any] = {MEMBER: {**why, "raw": document.raw}}
        else:
            entry = {MEMBER: why, **{name: value for name, value in document.items() if name != MEMBER}}
        self._open().write((_json(entry) + "\n").encode())
        self.records += 1


def _one_line(text: str, most: int = CELL_CHARS) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _rest(raw: str, reliable: int, delimiter: str, quote: str) -> str:
    """What follows the first ``reliable`` cells in the raw text of a record."""
    at, end = 0, len(raw)
    for _ in range(reliable):
        if quote and raw.startswith(quote, at):
            at += 1
            while at < end and (raw[at] != quote or raw.startswith(quote, at + 1)):
                at += 2 if raw[at] == quote else 1
        # To the delimiter: only blanks or stray text can stand after a closing quote, and a quote inside a bare cell
        # is a character like any other.
        while at < end and raw[at] != delimiter and raw[at] not in "\r\n":
            at += 1
        if at == end or raw[at] != delimiter:
            break
        at += 1
    return raw[at:].strip("\r\n")


def _encodable(text: str) -> str:
    """UTF-8 has no halves of surrogate pairs: undecodable bytes become ``\\xNN``, other halves ``\\uNNNN``."""
    if text.isascii() or not _HALF_PAIR.search(text):
        return text
    text = _ESCAPED_BYTE.sub(lambda m: f"\\x{ord(m[0]) - 0xDC00:02x}", text)
    return _HALF_PAIR.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def _json(value: Any) -> str:
    """JSON text with every Decimal as the number it is (the json module would want a float)."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_json(str(name))}: {_json(member)}" for name, member in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_json, value)) + "]"
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    if isinstance(value, Decimal):
        return json.dumps(str(value))
    text = json.dumps(value, ensure_ascii=False)
    return _HALF_PAIR.sub(lambda m: f"\\u{ord(m[0]):04x}", text)

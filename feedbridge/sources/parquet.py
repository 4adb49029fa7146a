"""Parquet files: tables, or documents when a column holds lists or objects. Read in batches, never as a whole.

How values become cells (text)::

    null, NaN                   ""
    text                        as it is
    true, false                 true, false
    whole numbers, decimals     exactly
    12.5, 1e6, 12.0             12.5, 1000000, 12; a 32-bit 12.1 is 12.1
    1.234                       1.2340, which no reader takes for a thousand and more
    dates and times             ISO 8601, with their zone
    bytes                       their UTF-8 text; a row with others is held back

In documents texts, whole numbers, true, false and null stay what they are, numbers with a point are Decimal, and the
rest becomes text in the same way.

A row's line is its number counted from 1, behind a header that would be line 1: the first row is line 2, as in the same
table written as CSV. A float of 2**53 or more holds its record back, as in a DataFrame: it may have lost its last digit.
"""

from __future__ import annotations

import csv
import datetime
import importlib.util
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from feedbridge.errors import CommandError, SourceError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.sources.base import BadCells, BadDocument, Batch, Range, Record
from feedbridge.sources.duplicates import duplicate_headers
from feedbridge.sources.files import is_compressed, sha256
from feedbridge.sources.json_parse import encode
from feedbridge.sources.typed import one_way
from feedbridge.sources.unpacked import open_seekable

__all__ = ["ParquetSource"]

ROWS_PER_BATCH = 512
MOST_COLUMNS = 50_000
FIRST_UNSAFE_FLOAT = float(2**53)
_DAMAGE = (
    OSError, ValueError, KeyError, IndexError, TypeError, OverflowError, MemoryError, NotImplementedError, RuntimeError
)  # fmt: skip


class ParquetSource:
    """A Parquet file. See feedbridge.sources.base.Source.

    Raises: SourceError ``source.parquet`` (damaged), ``source.empty`` (no columns), ``csv.columns``, when opened or while
            reading; CommandError ``source.extra``.
    """

    is_quarantine = False
    pointer_prefix = ""

    def __init__(self, path: Path, *, name: str | None = None, folder: Path | None = None) -> None:
        if importlib.util.find_spec("pyarrow") is None:
            raise CommandError(
                "reading Parquet files needs pyarrow, which is not installed",
                where=name or str(path),
                code="source.extra",
                mend="pip install 'feedbridge[parquet]' - or export the table as CSV",
            )
        import pyarrow.types  # type: ignore[import-untyped]  # it has no types

        self.path = path
        self.name = str(path) if name is None else name
        self.folder: Path | None = folder if folder is not None or self.name.startswith("<") else path.parent
        self.findings: list[Finding] = []
        with self._open() as file:
            schema = file.schema_arrow
            rows = file.metadata.num_rows
            names = [str(name) for name in schema.names]
            nested = any(pyarrow.types.is_nested(field.type) for field in schema)
        self.kind: Literal["table", "documents"] = "documents" if nested else "table"
        if not names:
            raise SourceError(
                "the file has no columns",
                where=self.name,
                code="source.empty",
                mend="export it again; is it the right file?",
            )
        if len(names) > MOST_COLUMNS:
            raise SourceError(
                f"{len(names):,} columns; at most {MOST_COLUMNS:,} can be read",
                where=self.name,
                code="csv.columns",
                mend="is this a table of products? Export it again",
            )
        self.header: list[str] = [] if nested else names
        self.about: dict[str, Any] = {
            "format": "parquet", "rows": rows, "columns": len(names), "compression": is_compressed(path),
        }  # fmt: skip
        if nested and len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise SourceError(
                f'two columns are called "{cut(twice)}", and an object can have only one',
                where=self.name,
                code="source.parquet",
                mend="rename one of them",
            )
        self._notice_columns(rows)

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records in file order, from the start at each call. Raises SourceError."""
        line = 2
        with self._open() as file:
            for rows in file.iter_batches(batch_size=ROWS_PER_BATCH, use_threads=False):
                records = self._documents(rows, line) if self.kind == "documents" else self._rows(rows, line)
                line += rows.num_rows
                if records:
                    yield Batch(records, [])

    def split(self, parts: int, *, least_bytes: int = 8 << 20) -> list[Range]:
        """Never: its rows do not lie one behind the other."""
        return []

    def sha256(self) -> str:
        """Digest of the bytes as they lie on disk."""
        return sha256(self.path)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        import pyarrow.parquet  # type: ignore[import-untyped]  # it has no types

        with open_seekable(self.path) as stream:
            try:
                file = pyarrow.parquet.ParquetFile(stream)
                try:
                    yield file
                finally:
                    file.close()
            except _DAMAGE as exc:
                raise SourceError(
                    f"this Parquet file is damaged, or written in a way that is not read: {cut(exc)}", where=self.name,
                    code="source.parquet", mend="write it again, or export the table as CSV",
                ) from exc  # fmt: skip

    def _notice_columns(self, rows: int) -> None:
        if not rows:
            code = "source.header-only" if self.kind == "table" else "source.no-records"
            self.findings.append(
                Finding(
                    code=code, severity=Severity.WARNING, file=self.name, message="columns and no rows",
                    mend="if there should be products, look at how the file is made",
                )
            )  # fmt: skip
        self.findings += duplicate_headers(self.header, self.name, 1)

    def _rows(self, rows: Any, first: int) -> list[Record]:
        unsafe: dict[int, tuple[int, str, bool]] = {}
        columns = [self._column(column, place, unsafe) for place, column in enumerate(rows.columns)]
        records: list[Record] = list(enumerate(map(list, zip(*columns, strict=True)), first))
        for row, (place, value, is_bytes) in unsafe.items():
            records[row] = self._unsafe(records[row], place, value, is_bytes=is_bytes)
        return records

    def _column(self, column: Any, place: int, unsafe: dict[int, tuple[int, str, bool]]) -> list[str]:
        values = column.to_pylist()
        types = set(map(type, values))
        if types <= {str}:
            return list(values)
        if types == {int}:
            return list(map(str, values))
        narrow = _narrow(str(column.type))
        if narrow is not None:
            values = [value if value is None else narrow(value) for value in values]
        for row, value in enumerate(values):
            if type(value) is bytes and not _is_text(value):
                unsafe.setdefault(row, (place, cell_text(value), True))
            elif type(value) is float and FIRST_UNSAFE_FLOAT <= abs(value) < float("inf"):
                unsafe.setdefault(row, (place, cell_text(value), False))
        return [value if type(value) is str else cell_text(value) for value in values]

    def _unsafe(self, record: Record, place: int, value: str, *, is_bytes: bool) -> Record:
        line, cells = record
        bad = BadCells(cells)
        text = io.StringIO(newline="")
        csv.writer(text).writerow(cells)
        bad.raw, bad.reliable, bad.last_line = text.getvalue().removesuffix("\r\n"), place, line
        bad.finding = self._no_text(line, self.header[place], value) if is_bytes else Finding(
            code="frame.float-identifier", severity=Severity.ERROR, file=self.name, line=line, column=self.header[place],
            value=value, message="a number this long is stored as a float: digits may be lost",
            mend="store the column as text, or as whole numbers",
        )  # fmt: skip
        return (line, bad)

    def _no_text(self, line: int, column: str, value: str) -> Finding:
        return Finding(
            code="source.bytes", severity=Severity.ERROR, file=self.name, line=line, column=column, value=cut(value),
            message="these bytes are no UTF-8 text", mend="store the column as text, or leave it out of the file",
        )  # fmt: skip

    def _documents(self, rows: Any, first: int) -> list[Record]:
        columns = [
            (str(field.name), field.type, column) for field, column in zip(rows.schema, rows.columns, strict=True)
        ]
        names = [name for name, _, _ in columns]
        values = [[_member(value, kind) for value in column.to_pylist()] for _, kind, column in columns]
        records: list[Record] = [
            (first + row, dict(zip(names, members, strict=True)), first + row - 2)
            for row, members in enumerate(zip(*values, strict=True))
        ]
        for name, kind, column in columns:
            if not _may_hold_bytes(kind):
                continue
            for row, value in enumerate(column.to_pylist()):
                broken = _broken_bytes(value)
                if broken is not None and not isinstance(records[row][1], BadDocument):
                    line, document, index = records[row]
                    bad = BadDocument(document)
                    bad.finding = self._no_text(line, name, cell_text(broken))
                    bad.raw = encode(document).decode()
                    records[row] = (line, bad, index)
        return records


def _narrow(kind: str) -> Callable[[float], float] | None:
    """How a short float is read as it is written; None for other types."""
    if kind not in ("float", "halffloat"):
        return None
    import numpy  # whoever has pyarrow's tables has pandas, which is built on it

    short = numpy.float32 if kind == "float" else numpy.float16
    return lambda value: float(str(short(value)))


def _exactly(value: float) -> Decimal:
    exact = Decimal(repr(value).removesuffix(".0"))
    return Decimal(format(exact, "f")) if exact else Decimal(0)


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _may_hold_bytes(kind: Any) -> bool:
    return "binary" in str(kind)


def _broken_bytes(value: Any) -> bytes | None:
    """The first bytes in a value, however deep, that are no text."""
    if isinstance(value, bytes):
        return None if _is_text(value) else value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return next((found for one in inner if (found := _broken_bytes(one)) is not None), None)


def cell_text(value: Any) -> str:
    """
    >>> [cell_text(value) for value in (None, True, 12.0, 1e-7, Decimal("1.10"), b"x")]
    ['', 'true', '12', '0.0000001', '1.10', 'x']
    """
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = repr(value)
        if text.endswith(".0"):
            return text[:-2] if value else "0"
        return one_way(format(Decimal(text), "f") if "e" in text else text)
    if isinstance(value, Decimal):
        return one_way(format(value, "f"))
    if isinstance(value, datetime.timedelta):
        return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def _member(value: Any, kind: Any) -> Any:
    """A value of a document, by its Arrow type."""
    import pyarrow.types as types

    if value is None or isinstance(value, (str, bool, int, Decimal)):
        return value
    if isinstance(value, float):
        if value != value:
            return None
        narrow = _narrow(str(kind))
        return (
            _exactly(narrow(value) if narrow else value) if abs(value) != float("inf") else cell_text(value)
        )
    if types.is_struct(kind) and isinstance(value, dict):
        return {kind.field(place).name: _member(value.get(kind.field(place).name), kind.field(place).type)
                for place in range(kind.num_fields)}  # fmt: skip
    if types.is_map(kind):
        pairs = [(_member(key, kind.key_type), _member(item, kind.item_type)) for key, item in value]
        if len({cell_text(key) for key, _ in pairs}) == len(pairs):
            return {cell_text(key): item for key, item in pairs}
        return [{"key": key, "value": item} for key, item in pairs]
    if isinstance(value, list):
        inner = getattr(kind, "value_type", None)
        return [_member(item, inner) for item in value]
    return cell_text(value)

"""A pandas DataFrame: the same products as from the file it was read from.

How values become cells (text)::

    None, NaN, NaT, pandas.NA     ""
    text                          as it is
    True, False                   true, false
    12                            12
    12.5, 1e6, 12.0               12.5, 1000000, 12: pandas makes floats of whole numbers when a column has gaps
    Decimal("1.10")               1.10
    1.234                         1.2340, which no reader takes for a thousand and more
    dates and times               ISO 8601; a datetime column in which every time is midnight gives dates
    lists and dicts               their JSON

A float of 2**53 or more holds its record back (2**24 in a float32 column): floats have 15 to 17 digits, so an order
number read as one may have lost its last.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from feedbridge.errors import SourceError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.sources.base import BadCells, Batch, Range, Record
from feedbridge.sources.duplicates import duplicate_headers
from feedbridge.sources.typed import one_way

if TYPE_CHECKING:
    import pandas

__all__ = ["FrameSource"]

ROWS_PER_BATCH = 512
FIRST_UNSAFE_FLOAT = float(2**53)
FIRST_UNSAFE = {"float32": float(2**24), "float16": float(2**11)}
INFINITY = float("inf")

_encode_rows = msgspec.json.Encoder().encode_lines


class FrameSource:
    """A DataFrame as a table. See feedbridge.sources.base.Source.

    Lines are those of the frame written as CSV without line breaks in its cells: the header is line 1, row ``i``
    (counted from 0, whatever the index says) is line ``i + 2``. Column labels become text.

    Raises: SourceError ``source.empty`` for a frame without columns.
    """

    kind: Literal["table", "documents"] = "table"
    is_quarantine = False
    pointer_prefix = ""

    def __init__(self, frame: pandas.DataFrame, *, name: str = "<DataFrame>", folder: Path | None = None) -> None:
        self._frame = frame
        self.name = name
        self.folder = folder
        self.header: list[str] = [str(label) for label in frame.columns]
        self.about: dict[str, Any] = {"format": "dataframe"}
        if not self.header:
            raise SourceError(
                "the DataFrame has no columns", where=name, code="source.empty", mend="was the right frame given?"
            )
        self._dates_only = {
            place for place in range(len(self.header)) if _is_all_midnight(frame.iloc[:, place])
        }  # asked of whole columns, so that every batch writes them alike
        self.findings: list[Finding] = list(self._noticed())

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records in the frame's order, from the start at each call."""
        for first in range(0, len(self._frame), ROWS_PER_BATCH):
            rows = self._frame.iloc[first : first + ROWS_PER_BATCH]
            unsafe: dict[int, tuple[int, str, bool]] = {}
            columns = [self._column(rows.iloc[:, place], place, unsafe) for place in range(len(self.header))]
            records: list[Record] = list(enumerate(map(list, zip(*columns, strict=True)), first + 2))
            for row, (place, value, is_bytes) in unsafe.items():
                records[row] = self._unsafe(records[row], place, value, is_bytes=is_bytes)
            yield Batch(records, [])

    def split(self, parts: int, *, least_bytes: int = 8 << 20) -> list[Range]:
        """Never: a frame is in this process's memory."""
        return []

    def sha256(self) -> str:
        """Digest of the header and the cells: the same for equal frames, whatever their index."""
        digest = hashlib.sha256(_row_bytes([self.header]))
        for batch in self.batches():
            digest.update(_row_bytes([cells for _, cells in batch.records]))
        return digest.hexdigest()

    def _column(self, series: pandas.Series[Any], place: int, unsafe: dict[int, tuple[int, str, bool]]) -> list[str]:
        """A column's cells; rows with a float too great go to ``unsafe``, by their place in the batch."""
        limit = FIRST_UNSAFE.get(series.dtype.name.lower(), FIRST_UNSAFE_FLOAT)
        values: list[Any]
        if limit < FIRST_UNSAFE_FLOAT:
            values = [_widened(value) for value in series.to_numpy(na_value=float("nan"))]
        else:
            values = series.tolist()
        types = set(map(type, values))
        if types == {str}:
            return values
        if types == {int}:
            return list(map(str, values))
        if any(issubclass(each, float) for each in types):
            for row, value in enumerate(values):
                if isinstance(value, float) and limit <= abs(value) < INFINITY:
                    unsafe.setdefault(row, (place, _float_text(float(value)), False))
        if types == {float}:
            return list(map(_float_text, values))
        if bytes in types:
            for row, value in enumerate(values):
                if isinstance(value, bytes) and not _is_text(value):
                    unsafe[row] = (place, _text(value), True)
        if place in self._dates_only:
            return [text[:10] for text in map(_text, values)]
        return [value if type(value) is str else _text(value) for value in values]

    def _unsafe(self, record: Record, place: int, value: str, *, is_bytes: bool) -> Record:
        line, cells = record
        bad = BadCells(cells)
        bad.raw, bad.reliable, bad.last_line = _as_csv(cells), place, line
        bad.finding = Finding(
            code="source.bytes" if is_bytes else "frame.float-identifier", severity=Severity.ERROR, file=self.name,
            line=line, column=self.header[place], value=cut(value),
            message="these bytes are no UTF-8 text" if is_bytes
            else "a number this long came as a float: digits may be lost",
            mend='decode the column: frame["…"].str.decode(…)' if is_bytes
            else 'read the column as text: dtype={"…": str} in pandas.read_csv',
        )  # fmt: skip
        return (line, bad)

    def _noticed(self) -> Iterator[Finding]:
        if not len(self._frame):
            yield Finding(
                code="source.header-only", severity=Severity.WARNING, file=self.name, message="columns and no rows",
                mend="if there should be products, look at how the frame is made",
            )  # fmt: skip
        yield from duplicate_headers(self.header, self.name, 1)
        names = [str(name) for name in self._frame.index.names if name is not None]
        if names:
            yield Finding(
                code="frame.index-unused", severity=Severity.WARNING, file=self.name, column=names[0],
                message="it is in the index of the frame, which is not read", mend="give frame.reset_index()",
            )  # fmt: skip


def _row_bytes(rows: list[list[str]]) -> bytes:
    try:
        return _encode_rows(rows)
    except UnicodeEncodeError:  # half a character; whoever reads the cell will say so
        return json.dumps(rows).encode()


def _as_csv(cells: list[str]) -> str:
    """
    >>> _as_csv(["a", "b,c", "d"])
    'a,"b,c",d'
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)  # with another line end it would leave line breaks without quotes
    return text.getvalue().removesuffix("\r\n")


def _is_all_midnight(series: pandas.Series[Any]) -> bool:
    if series.dtype.kind != "M" or getattr(series.dtype, "tz", None) is not None:
        return False
    given = series.dropna()
    return bool((given == given.dt.normalize()).all())


def _widened(value: Any) -> float:
    """A short float as it is written: float32 12.1 is 12.1, not 12.100000381."""
    return float(str(value))


def _float_text(value: float) -> str:
    """
    >>> [_float_text(value) for value in (12.5, 12.0, 1e6, 1e-7, 1e22)]
    ['12.5', '12', '1000000', '0.0000001', '10000000000000000000000']
    """
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2] if value else "0"
    if text == "nan":
        return ""
    return one_way(format(Decimal(text), "f") if "e" in text else text)


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(value: Any) -> str:
    """One cell of any kind."""
    import pandas  # whoever has a frame has pandas

    if value is None or value is pandas.NA or value is pandas.NaT:
        return ""
    if isinstance(value, str):
        return str(value)
    if hasattr(value, "dtype"):  # a value or array of numpy
        value = _widened(value) if value.dtype.kind == "f" and not value.shape else value.tolist()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, Decimal):
        return "" if value.is_nan() else one_way(format(value, "f"))
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=_text)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)

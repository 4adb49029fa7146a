"""Excel workbooks (.xlsx): one sheet as a table, its cells as a person sees them.

How values become cells (text)::

    text                        as it is
    12, 12.0                    12; a format of zeros shows them: 12 as 0000 is 0012, as "A-"0000 A-0012
    12.5, 19.989999999999998    12.5, 19.99: Excel knows 15 digits, and shows no more
    1.234                       1.2340, which no reader takes for a thousand and more
    9.5 as 0.00 €               9.5 €: the currency of the format is behind it
    0.19 as 19%                 0.19, with a finding once a column
    cells merged downwards      the first one's value in each row, with a finding
    4006381333931000000         4.006381333931E+18: more than 15 digits are lost to Excel, so what is left is told
    TRUE, FALSE                 TRUE, FALSE
    dates and times             2025-11-20, 2025-11-20T10:30:00, 10:30:00
    formulas                    the value that was calculated last
    errors (#N/A, #REF!)        empty, with a finding; in a column that the mapping uses the row is held back

openpyxl says which number formats are dates; the sheet itself is read here, because a sheet may be too large for
memory, and because a formula that was never calculated must not pass for an empty cell.
"""

from __future__ import annotations

import csv
import datetime
import importlib.util
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from feedbridge.errors import CommandError, SourceError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.sources.base import FRONT_COLUMNS, GUARD, BadCells, Batch, Range, Record, still_twice
from feedbridge.sources.duplicates import duplicate_headers
from feedbridge.sources.excel_book import Cell, Sheet, Workbook
from feedbridge.sources.excel_formats import Format, format_of
from feedbridge.sources.files import is_compressed, sha256
from feedbridge.sources.typed import one_way
from feedbridge.sources.unpacked import open_seekable

__all__ = ["ExcelSource"]

ROWS_PER_BATCH = 512
MOST_DIGITS = 15
_HEAD_ROWS = 20
_WHOLE = re.compile(r"-?[0-9]{1,400}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][-+]?[0-9]{1,4})?")
_LOST = frozenset({"source.excel-error", "source.excel-formula"})
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError, struct.error,
    KeyError, IndexError, OverflowError,
)  # fmt: skip


class ExcelSource:
    """One sheet of a workbook as a table. See feedbridge.sources.base.Source.

    ``sheet``       its name; the first visible one that has rows when None
    ``has_header``  the first row that is not blank names the columns; False: they are ``column 1``, ``column 2`` …
    ``skip_lines``  rows of the sheet before it that are not part of the table

    ``line``    is the row's number in the sheet
    ``needed``  columns whose cells must have a value: a row with an error of the sheet in one of them is held back;
                whoever knows the mapping sets it

    Raises: SourceError ``source.excel``, ``source.excel-sheet``, ``source.excel-size``, ``source.empty``,
            ``csv.columns``, ``csv.huge-cell``, when opened or while reading; CommandError ``source.extra``.
    """

    kind: Literal["table", "documents"] = "table"
    pointer_prefix = ""

    def __init__(
        self, path: Path, *, name: str | None = None, sheet: str | None = None, has_header: bool = True,
        skip_lines: int = 0, folder: Path | None = None,
    ) -> None:  # fmt: skip
        if importlib.util.find_spec("openpyxl") is None:
            raise CommandError(
                "reading Excel workbooks needs openpyxl, which is not installed",
                where=name or str(path),
                code="source.extra",
                mend="pip install 'feedbridge[excel]' - or save the sheet as CSV",
            )
        self.path = path
        self.name = str(path) if name is None else name
        self.folder: Path | None = folder if folder is not None or self.name.startswith("<") else path.parent
        self.findings: list[Finding] = []
        self.header: list[str] = []
        self.is_quarantine = False
        self.blank_rows = 0
        self.needed: Collection[str] = ()
        self._front = 0
        self._skip = skip_lines
        with self._open() as book:
            self._strings = book.strings()
            self._shown = _Shown(book.styles(), book.epoch_1904)
            self._sheet = self._choose(book, sheet)
            self._read_header(book, has_header)
            self._read_merged(book)
        self.about: dict[str, Any] = {
            "format": "excel",
            "sheet": self._sheet.name,
            "compression": "" if (kind := is_compressed(path)) == "zip" else kind,
            "blank_rows": 0,
        }

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records in the sheet's order, from the start at each call. Raises SourceError."""
        records: list[Record] = []
        findings: list[Finding] = []
        told: set[int] = set()
        last, blank = self._data_row - 1, 0
        hidden: set[int] = set()
        hidden_lines: list[int] = []
        merged: dict[int, tuple[int, str]] = {}
        with self._open() as book:
            for line, cells in book.rows(self._sheet, self._strings, hidden):
                if line < self._data_row:
                    continue
                texts, noticed = self._texts(line, cells, told)
                lost = next((one for one in noticed if one.code in _LOST and one.column in self.needed), None)
                findings += [one for one in noticed if one is not lost]
                if not any(texts) and not noticed:
                    continue
                blank += line - last - 1
                last = line
                if line in hidden:
                    hidden_lines.append(line)
                if self._merged:
                    self._fill(line, texts, merged)
                record = self._record(line, texts)
                if lost is not None and not isinstance(record[1], BadCells):
                    record = self._bad(
                        line, texts, lost.code, lost.message.replace(", read as empty", ""), lost.mend, lost.value, lost.column
                    )
                records.append(record)
                if len(records) >= ROWS_PER_BATCH:
                    yield Batch(records, findings)
                    records, findings = [], []
        if hidden_lines:
            findings.append(
                Finding(
                    code="source.excel-hidden-rows", severity=Severity.WARNING, file=self.name, line=hidden_lines[0],
                    message=f"rows that the sheet does not show are read like all others: {len(hidden_lines)}, "
                    f"the first is row {hidden_lines[0]}",
                    mend="if they were filtered out to be left out, delete them, or copy the shown rows to a new workbook",
                )
            )  # fmt: skip
        if records or findings:
            yield Batch(records, findings)
        self.blank_rows = self.about["blank_rows"] = blank

    def split(self, parts: int, *, least_bytes: int = 8 << 20) -> list[Range]:
        """Never: a sheet is compressed."""
        return []

    def sha256(self) -> str:
        """Digest of the bytes as they lie on disk."""
        return sha256(self.path)

    # --- opening -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _open(self) -> Iterator[Workbook]:
        with open_seekable(self.path) as stream:
            try:
                book = Workbook(stream, self.name)
                try:
                    yield book
                finally:
                    book.close()
            except _DAMAGE as exc:
                raise SourceError(
                    f"this workbook is damaged or cut short: {exc}", where=self.name, code="source.excel",
                    mend="open it in a spreadsheet and save it again as .xlsx, or fetch it again",
                ) from exc  # fmt: skip

    def _choose(self, book: Workbook, wanted: str | None) -> Sheet:
        if not book.sheets:
            raise book.damaged("it has no sheet with cells")
        filled: list[Sheet] | None = None
        if wanted is not None:
            named = [sheet for sheet in book.sheets if sheet.name == wanted] or [
                sheet for sheet in book.sheets if sheet.name.strip().casefold() == wanted.strip().casefold()
            ]
            if not named:
                raise SourceError(
                    f'there is no sheet "{wanted}"; there are {self._names(book.sheets)}',
                    where=self.name,
                    code="source.excel-sheet",
                    mend="correct source.sheet",
                )
            return named[0]
        filled = [sheet for sheet in book.sheets if self._has_rows(book, sheet)]
        if not filled:
            raise self._empty("no sheet of the workbook has rows; a sync must never read this as: no products")
        chosen = next((sheet for sheet in filled if not sheet.hidden), filled[0])
        others = [sheet for sheet in filled if sheet is not chosen]
        if others:
            self._notice(
                "source.excel-sheets", Severity.WARNING,
                f'the sheet "{chosen.name}" is read; not read: {self._names(others)}',
                "name the right one with source.sheet, and this is not asked again",
            )  # fmt: skip
        return chosen

    def _has_rows(self, book: Workbook, sheet: Sheet) -> bool:
        return any(True for _ in book.rows(sheet, self._strings))

    def _names(self, sheets: list[Sheet]) -> str:
        shown = ", ".join(f'"{cut(sheet.name)}"' + " (hidden)" * sheet.hidden for sheet in sheets[:20])
        return shown + (f" and {len(sheets) - 20} more" if len(sheets) > 20 else "")

    def _empty(self, why: str) -> SourceError:
        return SourceError(
            why, where=self.name, code="source.empty", mend="export it again and look at it before you send it"
        )

    def _read_header(self, book: Workbook, has_header: bool) -> None:
        head: list[tuple[int, list[str]]] = []
        for line, cells in book.rows(self._sheet, self._strings):
            if line <= self._skip:
                continue
            texts, noticed = self._texts(line, cells, set(), header=True)
            if any(text.strip() for text in texts) or noticed:
                head.append((line, texts))
                if len(head) == 1:
                    self.findings += noticed if has_header else []
            if len(head) > _HEAD_ROWS:
                break
        if not head:
            raise self._empty(
                f'the sheet "{self._sheet.name}" has no rows; a sync must never read this as: no products'
            )
        line, header = head[0]
        while header and not header[-1].strip():
            header.pop()
        if not has_header:
            width = max(len(texts) for _, texts in head)
            self.header = [f"column {number}" for number in range(1, width + 1)]
            self._data_row = line
            return
        self._data_row = line + 1
        self.is_quarantine = tuple(header[: len(FRONT_COLUMNS)]) == FRONT_COLUMNS
        self._front = len(FRONT_COLUMNS) if self.is_quarantine else 0
        self.header = header[self._front :]
        if len(head) == 1:
            self._notice(
                "source.header-only", Severity.WARNING, "a header and no records",
                "if there should be products, export the workbook again",
            )  # fmt: skip
        self._notice_title(line, header, head[1:])
        self.findings += duplicate_headers(self.header, self.name, line)
        for index, column in enumerate(header):
            if not column.strip() and any(len(texts) > index and texts[index] for _, texts in head[1:]):
                self._notice(
                    "csv.empty-header", Severity.WARNING, f"column {index + 1} has values but no name",
                    "give it a name in the header; of merged cells only the first has one", column, line,
                )  # fmt: skip

    def _notice_title(self, line: int, header: list[str], below: list[tuple[int, list[str]]]) -> None:
        """A title above the table passes for its header: the rows below have more cells than it."""
        named = sum(bool(text.strip()) for text in header)
        first = next((row for row in below if sum(map(bool, row[1])) > named), None)
        if named <= 2 and first is not None and all(len(texts) > len(header) for _, texts in below if any(texts)):
            self._notice(
                "source.excel-title", Severity.WARNING,
                f"row {line} is taken for the header, but the rows below it have more cells: it looks like a title",
                f"if row {first[0]} is the header, say source.skip_lines: {first[0] - 1}", header[0], line,
            )  # fmt: skip

    def _notice(self, code: str, severity: Severity, message: str, mend: str, column: str = "", line: int = 0) -> None:
        self.findings.append(
            Finding(code=code, severity=severity, message=message, mend=mend, file=self.name, line=line, column=column)
        )

    def _read_merged(self, book: Workbook) -> None:
        """Cells merged downwards, by their first row: (column, last row)."""
        self._merged: dict[int, list[tuple[int, int]]] = {}
        named: list[str] = []
        first = (0, 0)
        for place, top, bottom, name in book.merged(self._sheet):
            if top >= self._data_row and 0 <= place - self._front < len(self.header):
                self._merged.setdefault(top, []).append((place, bottom))
                first = first if named else (place, top)
                named.append(name)
        if named:
            more = f" and {len(named) - 5} more" if len(named) > 5 else ""
            self._notice(
                "source.excel-merged", Severity.WARNING,
                f"cells are merged over several rows; the value of the first is taken for each: {', '.join(named[:5])}{more}",
                "if it is not meant for all these rows, split the cells and fill in what is", self.header[first[0] - self._front],
                first[1],
            )  # fmt: skip

    def _fill(self, line: int, texts: list[str], merged: dict[int, tuple[int, str]]) -> None:
        """Give a row what cells merged downwards from a row above hold; ``merged`` keeps those by their column."""
        for place, (bottom, text) in list(merged.items()):
            if line > bottom:
                del merged[place]
                continue
            texts += [""] * (place + 1 - len(texts))
            texts[place] = texts[place] or text
        for place, bottom in self._merged.get(line, ()):
            if place < len(texts) and texts[place]:
                merged[place] = (bottom, texts[place])

    # --- rows --------------------------------------------------------------------------------------------------------

    def _texts(
        self, line: int, cells: list[Cell], told: set[int], *, header: bool = False
    ) -> tuple[list[str], list[Finding]]:
        """The texts of a row, and what is said about cells whose value is not there."""
        texts = [""] * (cells[-1].column + 1 if cells else 0)
        noticed: list[Finding] = []
        for cell in cells:
            place = cell.column
            if cell.kind == "str":
                texts[place] = cell.text
                continue
            if cell.formula and not cell.text:
                noticed.append(
                    self._about_cell(
                        "source.excel-formula", line, place, "the formula was never calculated, so it has no value",
                        "open the workbook in a spreadsheet and save it, which calculates it",
                    )
                )  # fmt: skip
                continue
            text, lost = self._shown.text(cell)
            texts[place] = text
            if not text:
                noticed.append(
                    self._about_cell(
                        "source.excel-error", line, place, f"{cut(cell.text)} is an error of the sheet, read as empty",
                        "mend the formula or the cell", cell.text,
                    )
                )  # fmt: skip
            elif not header and ~place not in told and (odd := self._shown.unlike(cell)):
                told.add(~place)
                noticed.append(
                    self._about_cell(
                        "source.excel-format", line, place,
                        f"the sheet shows {odd}, but the number under it is read: {text} (said once a column)",
                        "if what is shown is meant, format the column as text and enter it so", text,
                    )
                )  # fmt: skip
            elif lost and not header and place not in told:
                told.add(place)
                noticed.append(
                    self._about_cell(
                        "source.excel-digits", line, place,
                        f"a number of more than {MOST_DIGITS} digits: Excel has lost its last digits (said once a column)",
                        "format the column as text, and enter or import the numbers again", text,
                    )
                )  # fmt: skip
        return texts, noticed

    def _about_cell(self, code: str, line: int, place: int, message: str, mend: str, value: str = "") -> Finding:
        own = place - self._front
        return Finding(
            code=code, severity=Severity.WARNING, file=self.name, line=line, message=message, mend=mend,
            column=self.header[own] if 0 <= own < len(self.header) else f"column {place + 1}", value=cut(value),
        )  # fmt: skip

    def _record(self, line: int, texts: list[str]) -> Record:
        front, width = self._front, self._front + len(self.header)
        if self._front:
            problem = texts[FRONT_COLUMNS.index("problem")] if len(texts) > front else ""
            if any(GUARD in text for text in texts):
                return self._bad(
                    line, texts, "source.unmended",
                    f"the row was held back before and is not mended yet{': ' * bool(problem)}{cut(problem)}",
                    "mend its cells, then delete the cell behind the last column",
                )  # fmt: skip
            sku = still_twice(problem, texts[front:])
            if sku:
                return self._bad(
                    line, texts, "source.unmended",
                    f"the row was held back before and is not mended yet: {cut(problem)}",
                    f'another product has the SKU "{sku}": give this one its own, or delete the row',
                )  # fmt: skip
        if any(texts[width:]):
            return self._bad(
                line, texts, "csv.long-row", f"{len(texts)} cells, but columns in the header: {width}",
                "give every column a name in the header row (of merged cells only the first has one), or empty the cell",
                next(text for text in texts[width:] if text),
            )  # fmt: skip
        texts += [""] * (width - len(texts))
        return (line, texts[front:width])

    def _bad(
        self, line: int, texts: list[str], code: str, message: str, mend: str, value: str = "", column: str = ""
    ) -> Record:
        width = self._front + len(self.header)
        bad = BadCells((texts + [""] * width)[self._front : width])
        bad.raw, bad.reliable, bad.last_line = _as_csv(texts), 0, line
        bad.finding = Finding(
            code=code, severity=Severity.ERROR, file=self.name, line=line, message=message, mend=mend, value=cut(value),
            column=column,
        )  # fmt: skip
        return (line, bad)


class _Shown:
    """What a person sees in the cells of a workbook."""

    def __init__(self, styles: list[str], epoch_1904: bool) -> None:
        from openpyxl.styles.numbers import (  # type: ignore[import-untyped]  # it has no types
            BUILTIN_FORMATS,
            is_date_format,
            is_timedelta_format,
        )
        from openpyxl.utils.datetime import (  # type: ignore[import-untyped]  # as above
            CALENDAR_MAC_1904,
            CALENDAR_WINDOWS_1900,
            from_excel,
        )

        self._from_excel = from_excel
        self._epoch = CALENDAR_MAC_1904 if epoch_1904 else CALENDAR_WINDOWS_1900
        codes = [
            BUILTIN_FORMATS.get(int(code[1:]), "General") if re.fullmatch("#[0-9]{1,4}", code) else code
            for code in styles
        ]
        self._dates = {index for index, code in enumerate(codes) if is_date_format(code)}
        self._spans = {index for index in self._dates if is_timedelta_format(codes[index])}
        self._formats: dict[int, Format] = {}
        self._odd: dict[int, str] = {}
        for index, (code, given) in enumerate(zip(codes, styles, strict=True)):
            known = format_of(code)
            if known.percent or known.ignored:
                self._odd[index] = "per cent" if known.percent else f"the format {cut(code)}"
            elif known.pieces or (known.currency and given == code):  # the sign of one built into Excel is the reader's
                self._formats[index] = known

    def text(self, cell: Cell) -> tuple[str, bool]:
        """The text of a cell that is no text itself ("" when it has no value), and whether digits of it are lost."""
        text = cell.text.strip()
        if cell.kind == "b":
            return {"1": "TRUE", "0": "FALSE", "true": "TRUE", "false": "FALSE"}.get(text, ""), False
        if cell.kind == "e" or not text:
            return "", False
        if cell.kind == "d":
            return text.removesuffix("T00:00:00").removesuffix("T00:00:00.000"), False
        if not _NUMBER.fullmatch(text):
            return "", False
        if cell.style in self._dates:
            return self._date(float(text), cell.style in self._spans), False
        shown, lost = number_text(text)
        known = self._formats.get(cell.style)
        if known is None or not shown:
            return one_way(shown), lost
        if known.currency:
            return f"{one_way(shown)} {known.currency}", lost
        return known.identifier(shown) if _WHOLE.fullmatch(shown) else one_way(shown), lost

    def unlike(self, cell: Cell) -> str:
        """What a sheet shows in place of a number that is read; empty when it shows the number."""
        if cell.kind != "n" or cell.style in self._dates:
            return ""
        return self._odd.get(cell.style, "")

    def _date(self, value: float, is_span: bool) -> str:
        try:
            found = self._from_excel(value, self._epoch, timedelta=is_span)
        except (ValueError, OverflowError):
            return ""
        if isinstance(found, datetime.timedelta):
            seconds = round(found.total_seconds())
            sign, seconds = "-" if seconds < 0 else "", abs(seconds)
            return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        if isinstance(found, datetime.datetime):
            return found.date().isoformat() if found.time() == datetime.time() else found.isoformat()
        return str(found.isoformat()) if found is not None else ""


def number_text(text: str) -> tuple[str, bool]:
    """
    A number as a person sees it, and whether digits of it are lost.

    >>> [number_text(text)[0] for text in ("12.0", "4.006381333931E+12", "0.1", "1E-7", "19.989999999999998")]
    ['12', '4006381333931', '0.1', '0.0000001', '19.99']
    >>> number_text("12345678901234500000"), number_text("12345678901234567")
    (('1.23456789012345E+19', True), ('12345678901234567', False))
    """
    if _WHOLE.fullmatch(text):
        digits = text.lstrip("-").lstrip("0")
        # Whoever writes more digits than Excel holds, and not zeros in their place, has them from somewhere else.
        if len(digits) <= MOST_DIGITS or digits[MOST_DIGITS:].strip("0"):
            return str(int(text)), False
    value = float(text)
    if value in (float("inf"), float("-inf")):
        return "", False
    if abs(value) >= 10**MOST_DIGITS:
        mantissa, _, exponent = f"{value:.14E}".partition("E")
        return f"{mantissa.rstrip('0').rstrip('.')}E{exponent}", True
    shown = f"{value:.15g}"
    if "e" in shown:
        shown = format(Decimal(shown), "f")
    return ("0" if shown == "-0" else shown), False


def _as_csv(cells: list[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().removesuffix("\r\n")

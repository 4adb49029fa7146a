"""CSV, TSV and their kin. A broken record is held back alone, and what follows it is read as if it were not there.

Quotes follow RFC 4180, strictly. Where they are wrong, the record's first physical line is given up and reading goes on
at the next line that starts a whole record; the lines between belong to the broken one.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Literal

from feedbridge.errors import SourceError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.sources import files
from feedbridge.sources.base import BadCells, Batch, Range, Record
from feedbridge.sources.dialect import CutRecord, cut_record, detect_dialect, own_width
from feedbridge.sources.encoding import (
    BLOCK_BYTES,
    SAMPLE_BYTES,
    Lines,
    detect,
    has_marks,
    marked_bytes,
    without_marks,
)

__all__ = ["QUARANTINE_COLUMNS", "SPLIT_BYTES", "CsvSource", "RangeNotClean"]

QUARANTINE_COLUMNS = ["line", "code", "problem", "mend"]
SPLIT_BYTES = 8 << 20
"""Files smaller than this are read in one piece."""

MOST_COLUMNS = 50_000
MOST_CELL_CHARS = 10_000_000
MOST_RECORD_LINES = 20_000
LOOK_AHEAD_LINES = 200
BATCH_RECORDS = 2000
_ASCII_BLOCKS = 64
_DIALECT_CHARS = 1 << 18
_HEADER_CHARS = 4_000_000
_NARROW = 4
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_OTHER_FORMATS = (
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"\x89PNG", "a picture"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "XML"),
)


class RangeNotClean(Exception):
    """A range cannot be trusted to give what reading the whole file gives: read the file in one piece instead."""


class CsvSource:
    """A table in a text file. See ``feedbridge.sources.base.Source``.

    ``encoding``, ``delimiter``, ``quote``  given instead of detected
    ``quoting``     False: quote characters are ordinary characters
    ``has_header``  False: the columns are called ``column 1``, ``column 2`` …
    ``skip_lines``  physical lines before the header that are not part of the table
    ``folder``      where relative paths in the cells start; the file's own folder when not given
    ``block``       bytes read at a time

    Raises: SourceError when there is no table in the file; CommandError when a setting is wrong.
    """

    kind: Literal["table", "documents"] = "table"
    pointer_prefix = ""

    def __init__(
        self,
        path: Path,
        *,
        name: str | None = None,
        encoding: str | None = None,
        delimiter: str | None = None,
        quote: str | None = None,
        quoting: bool = True,
        has_header: bool = True,
        skip_lines: int = 0,
        folder: Path | None = None,
        block: int = BLOCK_BYTES,
    ) -> None:
        self.path = path
        self.name = name if name is not None else str(path)
        self.folder: Path | None = folder if folder is not None or self.name.startswith("<") else path.parent
        self.findings: list[Finding] = []
        self.is_quarantine = False
        self.front = 0
        self.block = block
        self.trailing_delimiter = False
        self.blank_rows = 0
        self._compression = files.is_compressed(path)
        self._encoding = self._detect_encoding(encoding)
        with closing(self._open()) as stream:
            window = Lines(stream, self._encoding.codec, block=block)
            self._fill(window, skip_lines + 1)
            window.drop(skip_lines)
            self._fill(window, 1)
            self._fill_chars(window, _DIALECT_CHARS)
            sample, chars = 0, 0
            while sample < len(window.lines) and chars < _DIALECT_CHARS:
                chars += len(window.lines[sample])
                sample += 1
            self.dialect = detect_dialect(
                window.lines[:sample], delimiter=delimiter, quote=quote, quoting=quoting
            )
            window.drop(1 if self.dialect.sep_line else 0)
            self._read_header(window, has_header)
        self.about: dict[str, Any] = {
            "format": "csv",
            "encoding": self._encoding.codec,
            "encoding_from": self._encoding.how,
            "bom": bool(self._encoding.bom),
            "delimiter": self.dialect.delimiter,
            "quote": self.dialect.quote,
            "compression": self._compression,
            "blank_rows": 0,
        }
        self._notice_encoding()
        self._notice_columns(has_header)

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records in file order, or those of one range of ``split``.

        ``about["blank_rows"]`` counts the rows without any text that this reading skipped.
        Raises: SourceError; RangeNotClean as soon as a range turns out not to stand on its own.
        """
        with closing(self._open(part.start if part else None)) as stream:
            most = part.end - part.start if part else None
            window = Lines(
                stream, self._encoding.codec, block=self.block, first=part.line if part else 1, most=most
            )
            reading = _Reading(self, window, is_range=part is not None)
            try:
                while window.first < self._data_line and not window.ended:
                    window.read()
                    window.drop(min(len(window.lines), self._data_line - window.first))
                yield from reading.batches()
            except OSError as exc:
                raise SourceError(
                    f"reading broke off: {exc.strerror or exc}",
                    where=f"{self.name}:{window.first}",
                    mend="copy the file to another disk or fetch it again",
                    code="source.unreadable",
                ) from exc
        self.blank_rows = self.about["blank_rows"] = reading.blank_rows

    def split(self, parts: int, *, least_bytes: int = SPLIT_BYTES) -> list[Range]:
        """Ranges that start and end at line ends outside quotes, as far as counting quotes can tell.

        Empty when the file is small, compressed, or in an encoding whose line ends cannot be found among the bytes.
        """
        size = self.path.stat().st_size
        if parts < 2 or self._compression or size < least_bytes or not _has_plain_line_ends(self._encoding.codec):
            return []
        with closing(self._open()) as stream:
            start = self._data_start(stream)
            if start < 0 or start >= size:
                return []
            ranges: list[Range] = []
            begin, line = start, self._data_line
            stream.seek(start)
            cuts = _Cuts(stream, start, self.dialect.quote.encode("latin-1", "replace"))
            for number in range(1, parts):
                found = cuts.after(max(start + (size - start) * number // parts, begin))
                if found is None or found[0] >= size:
                    break
                ranges.append(Range(begin, found[0], line))
                begin, line = found[0], self._data_line + found[1]
            ranges.append(Range(begin, size, line))
        return ranges if len(ranges) > 1 else []

    def sha256(self) -> str:
        """Digest of the bytes as they lie on disk."""
        return files.sha256(self.path)

    # --- opening ---------------------------------------------------------------------------------------------------

    def _open(self, start: int | None = None) -> BinaryIO:
        stream = files.open_binary(self.path)
        if start is not None:
            stream.seek(start)
        else:
            stream.read(len(self._encoding.bom))
        return stream

    def _detect_encoding(self, given: str | None) -> Any:
        with closing(files.open_binary(self.path)) as stream:
            first = stream.read(SAMPLE_BYTES)
            for magic, what in _OTHER_FORMATS:
                if first[:40].lstrip().lower().startswith(magic.lower()):
                    raise SourceError(
                        f"this is {what}, not a table in a text file",
                        where=self.name,
                        mend="save or export it as CSV (UTF-8); for a download, check that you are still logged in",
                        code="source.not-csv",
                    )
            more = (stream.read(SAMPLE_BYTES) for _ in range(_ASCII_BLOCKS - 1))
            return detect(_until_empty(first, more), given)

    def _fill(self, window: Lines, least: int) -> None:
        while len(window.lines) < least and not window.ended:
            window.read()

    def _fill_chars(self, window: Lines, least: int) -> None:
        while window.chars < least and not window.ended:
            window.read()

    def _read_header(self, window: Lines, has_header: bool) -> None:
        while True:
            reader = csv.reader(window.lines, **self.dialect.reader_options())
            done, cells = 0, []
            try:
                for cells in reader:
                    if any(cells):
                        break
                    done = reader.line_num
            except csv.Error as exc:
                cells = []
                if window.ended or window.chars > _HEADER_CHARS:
                    if has_header:
                        raise self._header_error(
                            "csv.header-quote", window.first + done, "the quotes of the header are wrong"
                        ) from exc
                    cells = [""] * own_width(window.lines[done], self.dialect)
                    break
            if cells and (any(cells) or not has_header):
                break
            if window.ended:
                raise SourceError(
                    "the file is empty; a sync must never read this as: no products",
                    where=self.name,
                    mend="export it again and look at its size before you send it",
                    code="source.empty",
                )
            window.read()
        line = window.first + done
        if len(cells) > MOST_COLUMNS:
            raise self._header_error(
                "csv.columns", line, f"{len(cells):,} columns; at most {MOST_COLUMNS:,} can be read"
            )
        if not has_header:
            self.header = [f"column {number}" for number in range(1, len(cells) + 1)]
            self._data_line = line
            return
        if any("\0" in cell or has_marks(cell) for cell in cells):
            raise self._header_error(
                "csv.header-bytes", line, f"the header has bytes that are not {self._encoding.codec} text"
            )
        self._data_line = window.first + reader.line_num
        if cells[:4] == QUARANTINE_COLUMNS:
            self.is_quarantine = True
            self.front = len(QUARANTINE_COLUMNS)
        self.header = cells[self.front :]

    def _header_error(self, code: str, line: int, message: str) -> SourceError:
        return SourceError(
            message,
            where=f"{self.name}:{line}",
            mend="mend the header, or give the delimiter, quote and encoding of the file",
            code=code,
        )

    # --- what is noticed about the file as a whole -----------------------------------------------------------------

    def _notice(self, code: str, severity: Severity, message: str, mend: str, column: str = "", line: int = 0) -> None:
        self.findings.append(
            Finding(
                code=code, severity=severity, message=message, mend=mend, file=self.name, line=line, column=column
            )
        )

    def _notice_encoding(self) -> None:
        if self._encoding.doubt:
            self._notice(
                "source.encoding-doubt", Severity.WARNING, self._encoding.doubt,
                "check a name with an accent in the result, and mend the setting or the export",
            )  # fmt: skip
        if self._encoding.guess:
            self._notice(
                "source.encoding-guessed", Severity.WARNING,
                f'not UTF-8; guessed to be {self._encoding.codec}, which reads "{self._encoding.guess}"',
                f"if that text is right, say encoding: {self._encoding.codec} in the mapping; else name the right one",
            )  # fmt: skip

    def _notice_columns(self, has_header: bool) -> None:
        head = next(self.batches(), None)
        records = head.records if head else []
        if head is None:
            self._notice(
                "source.header-only", Severity.WARNING, "a header and no records",
                "if there should be products, export the file again",
            )  # fmt: skip
        else:
            self.findings += [finding for finding in head.findings if finding.code == "csv.trailing-delimiter"]
            self.trailing_delimiter = bool(self.findings) and self.findings[-1].code == "csv.trailing-delimiter"
        if not has_header:
            return
        line = self._data_line - 1
        for column, count in Counter(name for name in self.header if name.strip()).items():
            if count > 1:
                places = ", ".join(str(n) for n, name in enumerate(self.header, 1) if name == column)
                self._notice(
                    "csv.duplicate-header", Severity.WARNING, f"{count} columns have this name: columns {places}",
                    "rename all but one, or take the others out", column, line,
                )  # fmt: skip
        for index, name in enumerate(self.header):
            if not name.strip() and any(cells[index] for _, cells in records):
                self._notice(
                    "csv.empty-header", Severity.WARNING, f"column {index + 1} has values but no name",
                    "give it a name in the header", name, line,
                )  # fmt: skip

    def _data_start(self, stream: BinaryIO) -> int:
        """Byte offset of the first line of data, or -1 when it is not near the start."""
        begin = len(self._encoding.bom)
        if self._data_line == 1:
            return begin
        head = stream.read(SPLIT_BYTES)
        for number, end in enumerate(re.finditer(rb"\r\n|\n|\r", head), 2):
            if number == self._data_line:
                return begin + end.end()
        return -1


class _Reading:
    """One pass over the records of a file or a range."""

    def __init__(self, source: CsvSource, window: Lines, *, is_range: bool) -> None:
        self.blank_rows = 0
        self._source = source
        self._window = window
        self._is_range = is_range
        self._dialect = source.dialect
        self._options = source.dialect.reader_options()
        self._delimiter_name = _DELIMITER_NAMES.get(self._dialect.delimiter, f'"{self._dialect.delimiter}"')
        self._columns = QUARANTINE_COLUMNS[: source.front] + source.header
        self._width = len(self._columns)
        self._front = source.front
        self._is_quarantine = source.is_quarantine or "quarantine" in source.path.parts
        self._trailing = source.trailing_delimiter
        self._records: list[Record] = []
        self._findings: list[Finding] = []

    def batches(self) -> Iterator[Batch]:
        window = self._window
        needs_more = True
        while window.lines or not window.ended:
            if needs_more:
                window.read()
            self._records, self._findings = [], []
            needs_more = False
            while not needs_more and len(self._records) < BATCH_RECORDS:
                needs_more = not window.lines or not self._read_on()
            records = self._records
            if self._front:
                front = self._front
                records = [(line, c if type(c) is BadCells else c[front:]) for line, c in records]
            if records or self._findings:
                yield Batch(records, self._findings)

    def _read_on(self) -> bool:
        """Read the records in the window up to its end or the first one with wrong quotes.

        Returns whether there are more records in the window: a last one that is not whole waits for the next block.
        """
        window = self._window
        lines, first = window.lines, window.first
        is_clean = not (window.nul or window.marked or window.chars > MOST_CELL_CHARS)
        width = self._width if is_clean else -1  # no record is plainly good in a window that is not
        append = self._records.append
        reader = csv.reader(lines, **self._options)
        start = end = 0
        try:
            for cells in reader:
                end = reader.line_num
                if (
                    len(cells) == width
                    and cells[0]
                    and (end - start == 1 or self._holds_no_row(lines, start, end))
                ):
                    append((first + start, cells))
                elif not self._judge(start, end, cells):
                    self._hold_back(start, end, self._opening(start), swallows=True)
                    return True
                start = end
        except csv.Error:
            end = reader.line_num
            cut = cut_record("".join(lines[start:end]), self._dialect) or CutRecord([], 0, -1)
            is_short = end - start <= MOST_RECORD_LINES and sum(map(len, lines[start:end])) <= MOST_CELL_CHARS
            if is_short and cut.stray < 0 and not window.ended:
                window.drop(start)
                window.unfinished = window.chars
                return False
            self._hold_back(start, end, cut)
            return True
        window.drop(end)
        return False

    def _judge(self, start: int, end: int, cells: list[str]) -> bool:
        """Take in a record that is not plainly good. False when it is one only because a quote is wrong."""
        window, width = self._window, self._width
        if not any(cells) or (end - start == 1 and len(cells) == 1 < width and not cells[0].strip()):
            self.blank_rows += bool(cells)
            return True
        line = window.first + start
        if len(cells) > width and not any(cells[width:]):
            self._notice_trailing(line, len(cells))
            cells = cells[:width]
        if end - start > 1 and (suspicion := self._swallowed(start, end, cells)):
            if suspicion == "certain":
                return False
            finding = self._finding(
                "csv.suspicious-quote", Severity.WARNING, line,
                f"a quoted cell runs to line {line + end - start - 1}, over lines that could be rows of their own",
                "if they are rows, take out the quote that opens it; if they are text, nothing is wrong",
                self._opening(start), window.lines[start],
            )  # fmt: skip
            self._findings.append(finding)
        if window.nul or window.marked or window.chars > MOST_CELL_CHARS:
            trouble = self._bad_characters(line, cells)
            if trouble:
                self._add_bad(start, end, cells, *trouble)
                return True
        if len(cells) > width:
            extra = next(cell for cell in cells[width:] if cell)
            finding = self._finding(
                "csv.long-row", Severity.ERROR, line,
                f"{len(cells)} cells, but columns in the header: {width}",
                f"a cell with a {self._delimiter_name} in it must stand in quotes", None, extra,
            )  # fmt: skip
            self._add_bad(start, end, cells, finding, 0)
            return True
        if len(cells) < width:
            return self._take_short(start, end, cells)
        self._records.append((line, cells))
        return True

    def _take_short(self, start: int, end: int, cells: list[str]) -> bool:
        line = self._window.first + start
        finding = self._finding(
            "csv.short-row", Severity.ERROR if self._is_quarantine else Severity.WARNING, line,
            f"{len(cells)} of {self._width} cells; the missing ones are read as empty",
            "end the row with empty cells, or look whether a delimiter or half of the row is lost", None, cells[-1],
        )  # fmt: skip
        if self._is_quarantine:
            self._add_bad(start, end, cells, finding, len(cells))
            return True
        self._findings.append(finding)
        self._records.append((line, cells + [""] * (self._width - len(cells))))
        return True

    def _bad_characters(self, line: int, cells: list[str]) -> tuple[Finding, int] | None:
        for index, cell in enumerate(cells):
            opened = CutRecord(cells[:index], 0, -1)
            if "\0" in cell:
                return self._finding(
                    "csv.nul", Severity.ERROR, line, "a NUL character: part of the record may be lost",
                    "export the record again, or take the character out", opened, cell.replace("\0", "\u2400"),
                ), index  # fmt: skip
            if has_marks(cell):
                shown = " ".join(f"{byte:02X}" for byte in marked_bytes(cell)[:16])
                return self._finding(
                    "csv.undecodable", Severity.ERROR, line,
                    f"byte {shown} is not {self._source.about['encoding']} text",
                    "write the letter again; if many records are like this, name the right encoding", opened, cell,
                ), index  # fmt: skip
            if len(cell) > MOST_CELL_CHARS:
                return self._finding(
                    "csv.huge-cell", Severity.ERROR, line,
                    f"a cell of more than {MOST_CELL_CHARS:,} characters", "shorten it", opened, cell,
                ), index  # fmt: skip
        return None

    # --- quotes ----------------------------------------------------------------------------------------------------

    def _swallowed(self, start: int, end: int, cells: list[str]) -> Literal["", "suspected", "certain"]:
        """Whether a record of several lines is several records, taken for one because of a quote too many."""
        window, width, delimiter = self._window, self._width, self._dialect.delimiter
        if end - start >= MOST_RECORD_LINES:
            return "certain"
        lines = window.lines[start:end]
        if window.chars > MOST_CELL_CHARS and any(len(c) > MOST_CELL_CHARS and re.search("[\r\n]", c) for c in cells):
            return "certain"
        if len(cells) == width and self._holds_no_row(window.lines, start, end):
            return ""
        lines = [line for line in lines if line.strip()]
        rows = [own_width(line, self._dialect) == width for line in lines]
        if len(cells) != width:
            return "certain" if any(rows[1:]) else ""
        # Prose has a space behind its commas, and rows have none; both can be of the same width.
        ends = [line.count(delimiter) - line.count(delimiter + " ") for line in (lines[0], lines[-1])]
        is_row = [row or dense >= width - 1 for row, dense in zip((rows[0], rows[-1]), ends, strict=True)]
        if not any(rows[1:-1]) and not all(is_row):
            return ""
        is_prose = sum(delimiter + " " in line for line in lines) * 2 > len(lines)
        is_all_rows = rows[0] and sum(rows) * 5 >= len(rows) * 4
        return "certain" if is_all_rows and width >= _NARROW and not is_prose else "suspected"

    def _holds_no_row(self, lines: list[str], start: int, end: int) -> bool:
        """Whether the lines of a record have too few delimiters to be rows. The first and the last line have the
        record's own, so that only both together tell anything."""
        delimiter, need = self._dialect.delimiter, self._width - 1
        if end - start >= MOST_RECORD_LINES:
            return False
        if lines[start].count(delimiter) >= need and lines[end - 1].count(delimiter) >= need:
            return False
        return all(line.count(delimiter) < need for line in lines[start + 1 : end - 1])

    def _opening(self, start: int) -> CutRecord:
        """The quote that makes a record go on behind its first line."""
        return cut_record(self._window.lines[start], self._dialect) or CutRecord([], 0, -1)

    def _hold_back(self, start: int, end: int, broken: CutRecord, swallows: bool = False) -> None:
        """Hold back a record with wrong quotes and drop its lines from the window."""
        if self._is_range:
            raise RangeNotClean
        window = self._window
        text = "".join(window.lines[start:end])
        while not window.ended and len(window.lines) <= start + 2 * LOOK_AHEAD_LINES:
            window.read()
        resumed = self._resync(start)
        before = text[: broken.opened]
        skipped = len(_lines_of(before)) - (0 if before.endswith(("\r", "\n")) or not before else 1)
        line = window.first + start + skipped
        rest = text[broken.opened :]
        lines_in_cell = len(_lines_of(rest[: broken.stray - broken.opened])) if broken.stray >= 0 else 0
        is_end = window.ended and resumed == len(window.lines)
        next_line = f"reading goes on at line {window.first + resumed}"
        reading_on = "nothing behind it could be read" if is_end and resumed > start + 1 else next_line
        if is_end and resumed == start + 1:
            reading_on = "it is the last line"
        if lines_in_cell == 1:
            code, message = "csv.stray-quote", "text follows the closing quote of a cell"
            mend = f"double the quotes inside the cell, or take them out; {reading_on}"
        else:
            code, mend = "csv.open-quote", f"close the quote, or take it out; {reading_on}"
            if swallows:
                message = f"a quote opens here and runs on to line {window.first + end - 1}, over lines that are rows"
            elif lines_in_cell:
                message = f"a quote opens here, and the next one, in line {line + lines_in_cell - 1}, does not close it"
            else:
                message = "a quote opens here and does not close"
        first_line = _lines_of(rest)[0].rstrip("\r\n") if rest else ""
        finding = self._finding(code, Severity.ERROR, line, message, mend, broken, first_line)
        cells = broken.cells + first_line.split(self._dialect.delimiter)
        self._add_bad(start, resumed, cells, finding, len(broken.cells))
        window.drop(resumed)

    def _resync(self, start: int) -> int:
        """The next line, behind ``start``, from which a whole record can be read."""
        window = self._window
        lines = window.lines
        last = min(start + 1 + LOOK_AHEAD_LINES, len(lines))
        fallback = 0
        for place in range(start + 1, last):
            reader = csv.reader(lines[place : place + LOOK_AHEAD_LINES], **self._options)
            try:
                cells = next(reader, [])
            except csv.Error:
                continue
            if not any(cells):
                continue
            if len(cells) > self._width and not any(cells[self._width :]):
                cells = cells[: self._width]
            if len(cells) == self._width:
                end = place + reader.line_num
                if end - place == 1 or self._swallowed(place, end, cells) != "certain":
                    return place
            elif not fallback and reader.line_num == 1 and self._width > len(cells) > max(1, self._width // 2):
                fallback = place
        if window.ended and last == len(lines):
            # The rest of the file: a short row is better than none, and what is not even that belongs to the cell.
            return fallback or len(lines)
        return start + 1

    # --- findings --------------------------------------------------------------------------------------------------

    def _finding(
        self,
        code: str,
        severity: Severity,
        line: int,
        message: str,
        mend: str,
        before: CutRecord | None = None,
        value: str = "",
    ) -> Finding:
        """A finding at a line, and at the column behind the cells in ``before``."""
        index = len(before.cells) if before is not None else -1
        return Finding(
            code=code,
            severity=severity,
            message=message,
            mend=mend,
            file=self._source.name,
            line=line,
            column=self._columns[index] if 0 <= index < self._width else "",
            value=without_marks(cut(value)),
        )

    def _add_bad(self, start: int, end: int, cells: list[str], finding: Finding, reliable: int) -> None:
        width = self._width
        padded = (cells + [""] * (width - len(cells)))[self._front : width]
        bad = BadCells(map(without_marks, padded))
        bad.finding = finding
        bad.raw = without_marks("".join(self._window.lines[start:end]))
        bad.reliable = max(0, min(reliable, width) - self._front)
        bad.last_line = self._window.first + end - 1
        self._records.append((self._window.first + start, bad))

    def _notice_trailing(self, line: int, count: int) -> None:
        if self._trailing:
            return
        if self._is_range:
            raise RangeNotClean  # whether it is the first in the file only a reading from the start can tell
        self._trailing = True
        finding = self._finding(
            "csv.trailing-delimiter", Severity.ADVICE, line,
            f"{count} cells for {self._width} columns, but those at the end are empty: they are left out here and in "
            "every such row",
            f"no {self._delimiter_name} is needed at the end of a row",
        )  # fmt: skip
        self._findings.append(finding)


class _Cuts:
    """Walks forward through a file and finds line ends outside quotes, counting quotes and lines on the way."""

    def __init__(self, stream: BinaryIO, start: int, quote: bytes) -> None:
        self._stream = stream
        self._place = start
        self._quote = quote
        self._quotes = 0
        self._lines = 0
        self._is_after_cr = False

    def after(self, target: int) -> tuple[int, int] | None:
        """The first such place at or behind ``target``, and the lines before it. None when the file ends first."""
        while self._place < target:
            if not self._count(self._stream.read(min(BLOCK_BYTES, target - self._place))):
                return None
        while line := self._stream.readline(BLOCK_BYTES):
            self._count(line)
            if line.endswith(b"\n") and self._quotes % 2 == 0:
                return self._place, self._lines
        return None

    def _count(self, data: bytes) -> bool:
        self._place += len(data)
        self._quotes += data.count(self._quote) if self._quote else 0
        self._lines += data.count(b"\n")
        if b"\r" in data:
            self._lines += data.count(b"\r") - data.count(b"\r\n")
        if self._is_after_cr and data.startswith(b"\n"):
            self._lines -= 1  # the two halves of CRLF, counted apart
        self._is_after_cr = data.endswith(b"\r")
        return bool(data)


def _lines_of(text: str) -> list[str]:
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


def _until_empty(first: bytes, more: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    for block in more:
        if not block:
            return
        yield block


def _has_plain_line_ends(codec: str) -> bool:
    """UTF-8, ASCII and the one-byte encodings that contain ASCII: a byte 0x0A in them is always a line end."""
    if codec in ("utf-8", "ascii"):
        return True
    low, high = bytes(range(128)), bytes(range(128, 256))
    return low.decode(codec, "replace") == low.decode("ascii") and len(high.decode(codec, "replace")) == 128

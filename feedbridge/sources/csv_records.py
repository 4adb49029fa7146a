"""One pass over the records of a CSV file: those that are plainly good quickly, all others with care."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from feedbridge.findings import Finding, Severity, cut
from feedbridge.sources.base import FRONT_COLUMNS, GUARD, UNMENDED, BadCells, Batch, Record, still_twice
from feedbridge.sources.csv_habits import Habits, ShortRows, Swallowed, holds_no_row, swallowed
from feedbridge.sources.dialect import DELIMITER_NAMES, CutRecord, Dialect, cut_record
from feedbridge.sources.encoding import LONGEST_LINE, Lines, has_marks, marked_bytes, without_marks

__all__ = ["Limits", "RangeNotClean", "Reading", "Table"]

LOOK_AHEAD_LINES = 200
BATCH_RECORDS = 2000
_CUT = "…\n"


class RangeNotClean(Exception):
    """A range cannot be trusted to give what reading the whole file gives: read the file in one piece instead."""


class Limits(msgspec.Struct, frozen=True):
    """What is beyond every honest feed: a file with more of it is refused, or its record held back.

    ``line_chars``  of a physical line are held at most; what follows in it is thrown away, and its record held back
    """

    columns: int = 50_000
    header_chars: int = 4_000_000
    cell_chars: int = 10_000_000
    record_lines: int = 20_000
    line_chars: int = LONGEST_LINE


class Table(Protocol):
    """What a reading must know of its source.

    ``front``   columns of ours in front of the header
    ``is_held_back``  rows may be unmended ones of a quarantine file
    ``trailing_delimiter``  rows end in delimiters too many as a rule; None: not known yet
    ``short``   what is known of rows that are short
    """

    name: str
    header: list[str]
    front: int
    about: dict[str, Any]
    dialect: Dialect
    habits: Habits
    limits: Limits
    is_held_back: bool
    trailing_delimiter: bool | None
    short: ShortRows


class Reading:
    """One pass over the records of a file or a range."""

    def __init__(self, source: Table, window: Lines, *, is_range: bool) -> None:
        self.blank_rows = 0
        self._source = source
        self._window = window
        self._is_range = is_range
        self._dialect = source.dialect
        self._options = source.dialect.reader_options()
        self._delimiter_name = DELIMITER_NAMES.get(self._dialect.delimiter, f'"{self._dialect.delimiter}"')
        self._columns = [*FRONT_COLUMNS[: source.front], *source.header]
        self._width = len(self._columns)
        self._front = source.front
        self._limits = source.limits
        self._is_quarantine = source.is_held_back
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
        if window.chars > self._limits.cell_chars:
            self._cut_bombs()
        is_clean = not (window.nul or window.marked or window.chars > self._limits.cell_chars or self._is_quarantine)
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
            limits = self._limits
            is_short = end - start <= limits.record_lines and sum(map(len, lines[start:end])) <= limits.cell_chars
            if is_short and cut.stray < 0 and not window.ended:
                window.drop(start)
                window.unfinished = window.chars
                return False
            self._hold_back(start, end, cut)
            return True
        window.drop(end)
        return False

    def _cut_bombs(self) -> None:
        """Cut lines short that would become millions of cells. They stay too long to be rows, so they are held back."""
        lines, delimiter, most = self._window.lines, self._dialect.delimiter, max(self._limits.columns, self._width)
        for number, line in enumerate(lines):
            if len(line) > self._limits.cell_chars and line.count(delimiter) > most * 10:
                kept = delimiter.join([*line.split(delimiter, most + 1)[:-1], _CUT])
                self._window.chars += len(kept) - len(line)
                lines[number] = kept

    def _judge(self, start: int, end: int, cells: list[str]) -> bool:
        """Take in a record that is not plainly good. False when it is one only because a quote is wrong."""
        window, width = self._window, self._width
        if not any(cells) or (end - start == 1 and len(cells) == 1 < width and not cells[0].strip()):
            self.blank_rows += bool(cells)
            return True
        line = window.first + start
        if len(cells) > width and not any(cells[width:]) and self._source.trailing_delimiter is not False:
            self._notice_trailing(line, len(cells))
            cells = cells[:width]
        if self._is_quarantine and any(GUARD in cell for cell in cells):
            self._add_unmended(start, end, cells, f'mend its cells, then delete the cell "{UNMENDED}"')
            return True
        if self._front and len(cells) > self._front:
            sku = still_twice(cells[FRONT_COLUMNS.index("problem")], cells[self._front :])
            if sku:
                self._add_unmended(start, end, cells, f'another product has the SKU "{sku}": give this one its own, or delete the row')
                return True
        if end - start > 1 and (suspicion := self._swallowed(start, end, cells)):
            if suspicion == "certain":
                return False
            if suspicion == "doubtful":
                self._add_doubtful(start, end, cells)
                return True
            finding = self._finding(
                "csv.suspicious-quote", Severity.WARNING, line,
                f"a quoted cell runs to line {line + end - start - 1}, over lines that could be rows of their own",
                "if they are rows, take out the quote that opens it; if they are text, nothing is wrong",
                self._opening(start), window.lines[start],
            )  # fmt: skip
            self._findings.append(finding)
        if window.nul or window.marked or window.chars > self._limits.cell_chars:
            trouble = self._too_long(start, end) or self._bad_characters(line, cells)
            if trouble:
                self._add_bad(start, end, cells, *trouble)
                return True
        if len(cells) > width:
            extra = next((cell for cell in cells[width:] if cell), "")
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

    def _add_unmended(self, start: int, end: int, cells: list[str], mend: str) -> None:
        said = cells[FRONT_COLUMNS.index("problem")] if self._front and len(cells) > self._front else ""
        finding = self._finding(
            "source.unmended", Severity.ERROR, self._window.first + start,
            f"the row was held back before and is not mended yet{': ' * bool(said)}{cut(said)}",
            mend, None, next(filter(None, cells[self._front :]), ""),
        )  # fmt: skip
        self._add_bad(start, end, self._spread(cells), finding, 0)

    def _spread(self, cells: list[str]) -> list[str]:
        """The cells of an unmended row as they may have been: what could not be read stands in one cell before the guard.
        Only a guess, so that the row is known for part of its product."""
        own = [cell for cell in cells[self._front :] if GUARD not in cell]
        while own and not own[-1]:
            own.pop()
        rest = own.pop().split(self._dialect.delimiter) if own else []
        quotes = self._dialect.quote + " \t\r\n"
        return [*cells[: self._front], *own, *(cell.strip(quotes) for cell in rest)]

    def _add_doubtful(self, start: int, end: int, cells: list[str]) -> None:
        if self._is_range:
            raise RangeNotClean
        line, opening = self._window.first + start, self._opening(start)
        finding = self._finding(
            "csv.suspicious-quote", Severity.ERROR, line,
            f"a quoted cell runs to line {line + end - start - 1}, over lines that look like rows of their own",
            "if they are rows, take out the quote that opens it; if they are text, put a space behind each "
            f"{self._delimiter_name} in them",
            opening, self._window.lines[start],
        )  # fmt: skip
        self._add_bad(start, end, cells, finding, len(opening.cells))

    def _take_short(self, start: int, end: int, cells: list[str]) -> bool:
        line, short = self._window.first + start, self._source.short
        is_last = self._cut_off(end)
        if not short.known:
            short.meet(line, len(cells), is_last)
        elif is_last and (self._is_quarantine or not short.may_end(len(cells))):
            finding = self._finding(
                "csv.cut-off", Severity.ERROR, line,
                f"the file ends in the middle of this row: {len(cells)} of {self._width} cells, and no line end",
                "export the file again; if the row is whole, end it with its empty cells and a line end", None, cells[-1],
            )  # fmt: skip
            self._add_bad(start, end, cells, finding, len(cells) - 1)
            return True
        told = short.told(len(cells), line)
        if told is not None:
            finding = self._finding(
                "csv.short-row", Severity.ERROR if self._is_quarantine else Severity.WARNING, line,
                f"{len(cells)} of {self._width} cells{told}; the missing ones are read as empty",
                "end the row with empty cells, or look whether a delimiter or half of the row is lost", None, cells[-1],
            )  # fmt: skip
            if self._is_quarantine:
                self._add_bad(start, end, cells, finding, len(cells))
                return True
            self._findings.append(finding)
        self._records.append((line, cells + [""] * (self._width - len(cells))))
        return True

    def _cut_off(self, end: int) -> bool:
        """Whether a record is the file's last and has no line end: a short one has most likely lost its rest."""
        lines = self._window.lines
        return self._window.ended and end == len(lines) and not lines[-1].endswith(("\n", "\r"))

    def _too_long(self, start: int, end: int) -> tuple[Finding, int] | None:
        """Of a line that is too long only the start was kept."""
        most = self._limits.line_chars
        if all(len(line) <= most for line in self._window.lines[start:end]):
            return None
        return self._finding(
            "csv.huge-cell", Severity.ERROR, self._window.first + start, f"a line of more than {most:,} characters",
            "shorten its cells; what follows in the line was not read", None, self._window.lines[start],
        ), 0  # fmt: skip

    def _bad_characters(self, line: int, cells: list[str]) -> tuple[Finding, int] | None:
        for index, cell in enumerate(cells[: self._width]):
            if "\0" not in cell and not has_marks(cell) and len(cell) <= self._limits.cell_chars:
                continue
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
            if len(cell) > self._limits.cell_chars:
                return self._finding(
                    "csv.huge-cell", Severity.ERROR, line,
                    f"a cell of more than {self._limits.cell_chars:,} characters", "shorten it", opened, cell,
                ), index  # fmt: skip
        return None

    # --- quotes ----------------------------------------------------------------------------------------------------

    def _swallowed(self, start: int, end: int, cells: list[str]) -> Swallowed:
        """Whether a record of several lines is several records, taken for one because of a quote too many."""
        window, most = self._window, self._limits.cell_chars
        if end - start >= self._limits.record_lines:
            return "certain"
        if window.chars > most and any(len(cell) > most and re.search("[\r\n]", cell) for cell in cells):
            return "certain"
        if len(cells) == self._width and self._holds_no_row(window.lines, start, end):
            return ""
        return swallowed(window.lines[start:end], cells, self._dialect, self._width, self._source.habits)

    def _holds_no_row(self, lines: list[str], start: int, end: int) -> bool:
        if end - start >= self._limits.record_lines:
            return False
        return holds_no_row(lines, start, end, self._dialect.delimiter, self._width)

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
        skipped = len(lines_of(before)) - (0 if before.endswith(("\r", "\n")) or not before else 1)
        line = window.first + start + skipped
        rest = text[broken.opened :]
        lines_in_cell = len(lines_of(rest[: broken.stray - broken.opened])) if broken.stray >= 0 else 0
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
        first_line = lines_of(rest)[0].rstrip("\r\n") if rest else ""
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
        if self._source.trailing_delimiter:  # said before, of the whole file
            return
        finding = self._finding(
            "csv.trailing-delimiter", Severity.ADVICE, line,
            f"{count} cells for {self._width} columns, but those at the end are empty: they are left out here and in "
            "every such row",
            f"no {self._delimiter_name} is needed at the end of a row",
        )  # fmt: skip
        self._findings.append(finding)


def lines_of(text: str) -> list[str]:
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)

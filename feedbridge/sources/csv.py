"""CSV, TSV and their kin. A broken record is held back alone, and what follows it is read as if it were not there.

Quotes follow RFC 4180, strictly. Where they are wrong, the record's first physical line is given up and reading goes on
at the next line that starts a whole record; the lines between belong to the broken one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Literal

from msgspec.structs import replace

from feedbridge.errors import SourceError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.sources import files
from feedbridge.sources.base import FRONT_COLUMNS, BadCells, Batch, Range, Record
from feedbridge.sources.csv_cuts import Cuts, has_plain_line_ends
from feedbridge.sources.csv_habits import Habits, ShortRows
from feedbridge.sources.csv_quoting import looks_unquoted
from feedbridge.sources.csv_records import Limits, RangeNotClean, Reading
from feedbridge.sources.dialect import DELIMITER_NAMES, detect_dialect, own_width
from feedbridge.sources.duplicates import duplicate_headers
from feedbridge.sources.encoding import BLOCK_BYTES, SAMPLE_BYTES, Encoding, Lines, detect, has_marks

__all__ = ["SPLIT_BYTES", "CsvSource", "Limits", "RangeNotClean"]

SPLIT_BYTES = 8 << 20
"""Files smaller than this are read in one piece."""

HABIT_ROWS = 200
HABIT_CHARS = 1 << 20
_ASCII_BLOCKS = 64
_DIALECT_CHARS = 1 << 18
_HELD_BACK = re.compile(r"([\"']?)line\1([^\w\"'\r\n])\1code\1\2\1problem\1\2\1mend\1(?:\2|[\r\n]|$)")
_OTHER_FORMATS = (
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"\x89PNG", "a picture"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "XML"),
)


class CsvSource:
    """A table in a text file. See ``feedbridge.sources.base.Source``.

    ``encoding``, ``delimiter``, ``quote``  given instead of detected
    ``quoting``     False: quote characters are ordinary characters
    ``has_header``  False: the columns are called ``column 1``, ``column 2`` …
    ``skip_lines``  physical lines before the header that are not part of the table
    ``folder``      where relative paths in the cells start; the file's own folder when not given
    ``block``       bytes read at a time
    ``limits``      what is beyond every honest feed

    Of a quarantine file line 1 is the header whatever the settings say; it also tells the delimiter, and the encoding
    is found out: a spreadsheet may have changed both.

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
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self.path = path
        self.name = name if name is not None else str(path)
        self.folder: Path | None = folder if folder is not None or self.name.startswith("<") else path.parent
        self.findings: list[Finding] = []
        self.front = 0
        self.block = block
        self.limits = limits
        self.habits = Habits()
        self.trailing_delimiter: bool | None = None
        """Whether rows end in a delimiter too many as a rule; None while the first rows are looked at."""
        self.short = ShortRows()
        self.blank_rows = 0
        self._compression = files.is_compressed(path)
        start = self._start()
        self.is_quarantine = start is not None
        self.is_held_back = self.is_quarantine or "quarantine" in path.parts
        if start is not None:
            encoding, delimiter, has_header, skip_lines = None, start[2], True, 0
            quote, quoting = (start[1], True) if start[1] else (quote, quoting)
        self._encoding = self._detect_encoding(encoding)
        with closing(self._open()) as stream:
            window = Lines(stream, self._encoding.codec, block=block, longest=limits.line_chars)
            self._fill(window, skip_lines + 1)
            window.drop(skip_lines)
            self._fill(window, 1)
            self._fill_chars(window, _DIALECT_CHARS)
            sample, chars = 0, 0
            while sample < len(window.lines) and chars < _DIALECT_CHARS:
                chars += len(window.lines[sample])
                if sample and chars > limits.header_chars:
                    break
                sample += 1
            self.dialect = detect_dialect(
                window.lines[:sample], delimiter=delimiter, quote=quote, quoting=quoting
            )
            unquoted = None
            if quoting and quote is None and (self.dialect.delimiter, self.dialect.quote) == ("\t", '"'):
                unquoted = self._looks_unquoted(skip_lines + self.dialect.sep_line)
            if unquoted:
                self.dialect = replace(self.dialect, quote="")
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
        self._notice_dialect()
        if unquoted:
            line, cell = unquoted
            self._notice(
                "csv.quoting-off", Severity.WARNING,
                f"quotes are read as ordinary characters, such as those of {cut(cell)}: only so every row has the "
                "header's number of cells",
                "say source.quoting: false in the mapping, and this is not asked again - or, if quotes wrap cells, "
                "source.quote: '\"'", "", line,
            )  # fmt: skip
        self._notice_records()
        if has_header:
            self._notice_columns()

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records in file order, or those of one range of ``split``.

        ``about["blank_rows"]`` counts the rows without any text that this reading skipped.
        Raises: SourceError; RangeNotClean as soon as a range turns out not to stand on its own.
        """
        with closing(self._open(part.start if part else None)) as stream:
            most = part.end - part.start if part else None
            window = Lines(
                stream, self._encoding.codec, block=self.block, first=part.line if part else 1, most=most,
                longest=self.limits.line_chars,
            )  # fmt: skip
            reading = Reading(self, window, is_range=part is not None)
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
        size = files.size(self.path)
        if parts < 2 or self._compression or size < least_bytes or not has_plain_line_ends(self._encoding.codec):
            return []
        with closing(self._open()) as stream:
            start = self._data_start(stream)
            if start < 0 or start >= size:
                return []
            ranges: list[Range] = []
            begin, line = start, self._data_line
            stream.seek(start)
            cuts = Cuts(stream, start, self.dialect.quote.encode("latin-1", "replace"))
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

    def _looks_unquoted(self, above: int) -> tuple[int, str] | None:
        return looks_unquoted(
            self._open,
            lambda stream: Lines(stream, self._encoding.codec, block=self.block, longest=self.limits.line_chars),
            above, self.dialect,
        )  # fmt: skip

    def _start(self) -> re.Match[str] | None:
        """The front columns of a quarantine file, in any encoding that has ASCII in it."""
        with closing(files.open_binary(self.path)) as stream:
            start = stream.read(200).lstrip(b"\xef\xbb\xbf\xff\xfe").replace(b"\0", b"")
        return _HELD_BACK.match(start.decode("latin-1"))

    def _detect_encoding(self, given: str | None) -> Encoding:
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
            if window.open_chars > self.limits.header_chars:
                raise self._too_long(window.first + len(window.lines))

    def _too_long(self, line: int) -> SourceError:
        return SourceError(
            f"a line of more than {self.limits.header_chars:,} characters stands where the header should be",
            where=f"{self.name}:{line}",
            mend="is this a table with one row a line? Export it again as CSV",
            code="source.not-csv",
        )

    def _fill_chars(self, window: Lines, least: int) -> None:
        while window.chars + window.open_chars < least and not window.ended:
            window.read()

    def _read_header(self, window: Lines, has_header: bool) -> None:
        while True:
            for number, text in enumerate(window.lines):
                if len(text) > self.limits.header_chars:
                    raise self._too_long(window.first + number)
                if text.strip():
                    break
            reader = csv.reader(window.lines, **self.dialect.reader_options())
            done, cells = 0, []
            try:
                for cells in reader:
                    if any(cells):
                        break
                    done = reader.line_num
            except csv.Error as exc:
                cells = []
                if window.ended or window.chars > self.limits.header_chars:
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
        if len(cells) > self.limits.columns:
            raise self._header_error(
                "csv.columns", line, f"{len(cells):,} columns; at most {self.limits.columns:,} can be read"
            )
        if not has_header:
            self.header = [f"column {number}" for number in range(1, len(cells) + 1)]
            self._data_line = line
            return
        if any("\0" in cell or has_marks(cell) for cell in cells):
            why = f": {self._encoding.doubt}" if self._encoding.doubt else ""
            raise self._header_error(
                "csv.header-bytes", line, f"the header has bytes that are not {self._encoding.codec} text{why}"
            )
        self._data_line = window.first + reader.line_num
        self.front = len(FRONT_COLUMNS) if self.is_quarantine else 0
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

    def _notice_dialect(self) -> None:
        chosen, rival = self.dialect.delimiter, self.dialect.rival
        if rival:
            shown = "tab" if rival == "\t" else rival
            self._notice(
                "csv.delimiter-doubt", Severity.WARNING,
                f"{DELIMITER_NAMES[chosen]}s and {DELIMITER_NAMES[rival]}s cut the rows about equally well; read with "
                f'{DELIMITER_NAMES[chosen]}s, which gives the columns {" | ".join(self.header[:5])}',
                f'if those are wrong, say --set source.delimiter="{shown}" - else --set '
                f'source.delimiter="{"tab" if chosen == chr(9) else chosen}", and this is not asked again',
            )  # fmt: skip

    def _notice_records(self) -> None:
        """Look at the first records: what is noticed about the file, and what its columns look like."""
        batches = self.batches()
        head = next(batches, None)
        if head is None:
            self._notice(
                "source.header-only", Severity.WARNING, "a header and no records",
                "if there should be products, export the file again",
            )  # fmt: skip
            self._head: list[Record] = []
            return
        self._head = head.records
        found = [finding for finding in head.findings if finding.code == "csv.trailing-delimiter"]
        lines = {finding.line for finding in found}
        first = head.records[:HABIT_ROWS]
        as_a_rule = sum(line in lines for line, _ in first) * 2 > len(first)
        # what a spreadsheet has saved of a quarantine file may end in empty cells where the longest row had one too many
        self.trailing_delimiter = as_a_rule or self.is_quarantine
        if self.trailing_delimiter:
            self.findings += found[:1]
        rows: list[list[str]] = []
        chars = seen = last = 0
        # Counted by record, not by batch: what is learnt must not depend on the size of a block.
        for line, cells in chain(head.records, (record for batch in batches for record in batch.records)):
            chars += sum(map(len, cells))
            if len(rows) >= HABIT_ROWS or chars > HABIT_CHARS:
                break
            seen, last = seen + 1, line
            if not isinstance(cells, BadCells):
                rows.append([""] * self.front + cells)
        self.habits = Habits(rows, self.front + len(self.header))
        self._learn_short_rows(seen, last)

    def _learn_short_rows(self, rows: int, last: int) -> None:
        """From so many first rows, up to a line; of all rows where most of them are short."""
        self.short.count(last)
        is_usual = not self.is_quarantine and self.short.decide(rows)
        if is_usual:
            self.short = ShortRows()
            for _ in self.batches():
                self.short.count()
            self.short.decide(0)
        self.short.known = True

    def _notice_columns(self) -> None:
        line = self._data_line - 1
        self.findings += duplicate_headers(self.header, self.name, line)
        for index, name in enumerate(self.header):
            if not name.strip() and any(cells[index] for _, cells in self._head):
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


def _until_empty(first: bytes, more: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    for block in more:
        if not block:
            return
        yield block

"""How the cells of a table are written: delimiter and quote character, found from a sample, and the anatomy of quotes.

The rules are RFC 4180's. A backslash before a quote is not an escape there: such a record is held back, never guessed.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from feedbridge.errors import CommandError

__all__ = [
    "DELIMITERS", "DELIMITER_NAMES", "CutRecord", "Dialect", "cut_record", "detect_dialect", "own_width", "parse",
]  # fmt: skip

DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
DELIMITERS = tuple(DELIMITER_NAMES)

# The csv module's own limit (131,072) would stop a run at the first long description. It holds for the whole process,
# and 2**31 - 1 is the most that every platform takes; the readers here watch the size themselves.
csv.field_size_limit(max(csv.field_size_limit(), 2**31 - 1))

_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}
_SAMPLE_RECORDS = 2000
_SAMPLE_ERRORS = 50
_RIVAL = 0.75
"""A second delimiter with so much of the best one's score is worth a word: three columns against two are."""
_SEP_LINE = re.compile(r'^"?sep=(.)"?\r?\n?$', re.IGNORECASE)


class Dialect(msgspec.Struct, frozen=True):
    """How cells are written.

    ``delimiter``   one character
    ``quote``       one character, or empty when quotes are ordinary characters
    ``skip_space``  quotes follow a space (``1, "two"``): spaces at the start of a cell do not count
    ``sep_line``    the first line is ``sep=;``, as Excel writes it
    ``rival``       another delimiter that cuts the sample about as well; empty when there is no doubt
    """

    delimiter: str = ","
    quote: str = '"'
    skip_space: bool = False
    sep_line: bool = False
    rival: str = ""

    def reader_options(self) -> dict[str, Any]:
        """Keyword arguments of ``csv.reader``, strict."""
        return {
            "delimiter": self.delimiter,
            "quotechar": self.quote or None,
            "quoting": csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            "skipinitialspace": self.skip_space,
            "strict": True,
        }


class CutRecord(NamedTuple):
    """A record whose quotes do not close, taken apart up to there.

    ``cells``   the cells before the one that is broken
    ``opened``  where in the text its quote opened
    ``stray``   where text follows the closing quote; -1 when the quote never closes
    """

    cells: list[str]
    opened: int
    stray: int


def detect_dialect(
    lines: Sequence[str], *, delimiter: str | None = None, quote: str | None = None, quoting: bool = True
) -> Dialect:
    """Find delimiter and quote character from the first lines of a file, header first; what is given stays.

    A delimiter must cut the header, and the best one cuts the rows into as many cells as the header: where several
    do, the one with more columns. Nothing that does means one column, and a comma.

    Shape:  lines with their ends; a last record that is cut off does no harm.
    Raises: CommandError when what is given is not one character.
    """
    chosen = _one_character("delimiter", _NAMES.get(delimiter.lower(), delimiter)) if delimiter else ""
    quoting = quoting and quote != ""
    chosen_quote = _one_character("quote", quote) if quote and quoting else ""
    if chosen and chosen == chosen_quote:
        raise CommandError(
            f"delimiter and quote are both {chosen}", mend="leave one of them out", code="source.dialect"
        )
    sep = _SEP_LINE.match(lines[0]) if lines else None
    if sep:
        lines = lines[1:]
    if not chosen and sep:
        chosen = sep.group(1)
    if not quoting:
        best, rival = (chosen, "") if chosen else _best_delimiter(lines, "")
        return Dialect(best, "", sep_line=bool(sep), rival=rival)
    best, rival = (chosen, "") if chosen else _best_delimiter(lines, chosen_quote or '"')
    found_quote = chosen_quote or _best_quote(lines, best)
    if not chosen and found_quote != '"':
        best, rival = _best_delimiter(lines, found_quote)
    return Dialect(best, found_quote, _space_before_quotes(lines, best, found_quote), bool(sep), rival)


def parse(lines: Sequence[str], dialect: Dialect) -> list[str] | None:
    """The first record of some lines, or None when its quotes are wrong or do not close."""
    try:
        return next(csv.reader(lines, **dialect.reader_options()), None)
    except csv.Error:
        return None


def cut_record(text: str, dialect: Dialect) -> CutRecord | None:
    """Take a record apart, up to the cell whose quotes are wrong. None when all are right.

    >>> cut_record('1,"two" 2,3', Dialect())
    CutRecord(cells=['1'], opened=2, stray=7)
    """
    delimiter, quote = dialect.delimiter, dialect.quote
    if not quote:
        return None
    end_of_cell = re.compile(f"[{re.escape(delimiter)}\r\n]")
    cells: list[str] = []
    place = 0
    while True:
        if dialect.skip_space:
            while text.startswith(" ", place):
                place += 1
        if text.startswith(quote, place):
            closed = _closing_quote(text, place + 1, quote)
            if closed < 0:
                return CutRecord(cells, place, -1)
            after = closed + 1
            if after < len(text) and text[after] not in (delimiter, "\r", "\n"):
                return CutRecord(cells, place, after)
            cells.append(text[place + 1 : closed].replace(quote + quote, quote))
        else:
            found = end_of_cell.search(text, place)
            after = found.start() if found else len(text)
            cells.append(text[place:after])
        if after >= len(text) or text[after] != delimiter:
            return None
        place = after + 1


def own_width(line: str, dialect: Dialect) -> int:
    """How many cells a physical line has when it is read on its own; a quote that does not close is a character."""
    cells = parse([line], dialect)
    if cells is not None:
        return len(cells)
    cut = cut_record(line, dialect)
    if cut is None:
        return 0
    return len(cut.cells) + 1 + line.count(dialect.delimiter, cut.opened)


def _closing_quote(text: str, place: int, quote: str) -> int:
    while True:
        place = text.find(quote, place)
        if place < 0 or not text.startswith(quote, place + 1):
            return place
        place += 2


def _one_character(what: str, given: str) -> str:
    if len(given) == 1 and given not in "\r\n\0":
        return given
    raise CommandError(
        f'"{given}" cannot be the {what}: it must be one character',
        mend='write it in quotes, for example ";" (for tab the word tab will do)',
        code="source.dialect",
    )


def _best_delimiter(lines: Sequence[str], quote: str) -> tuple[str, str]:
    """The best delimiter, and another that is nearly as good, or ""."""
    scores: dict[str, float] = {}
    for delimiter in DELIMITERS:
        rows = _sample_rows(lines, Dialect(delimiter, quote))
        if not rows or len(rows[0]) < 2:
            continue
        score = _score(rows)
        if delimiter == "," and _commas_are_decimal(lines, quote, score):
            continue
        scores[delimiter] = score
    if not scores:
        return ",", ""
    # Of equals the first in DELIMITERS: max and sorted keep their order.
    best, *others = sorted(scores, key=lambda delimiter: -scores[delimiter])
    return best, others[0] if others and scores[others[0]] >= _RIVAL * scores[best] else ""


def _score(rows: list[list[str]]) -> float:
    width = len(rows[0])
    # Without any row of the header's width the header alone is some evidence, but little.
    alike = sum(len(row) == width for row in rows[1:]) / (len(rows) - 1) if len(rows) > 1 else 1.0
    return (0.1 + alike) * (1 + math.log2(width))


def _commas_are_decimal(lines: Sequence[str], quote: str, score: float) -> bool:
    """Without a header ``1,5;2,5`` could be cut at commas too. Digits around each comma say it is a decimal sign."""
    if not lines or not re.search(r"\d,\d", lines[0]) or re.search(r"[^\d],|,[^\d]", lines[0]):
        return False
    for delimiter in DELIMITERS[1:]:
        rows = _sample_rows(lines, Dialect(delimiter, quote))
        if rows and len(rows[0]) > 1 and all(len(row) == len(rows[0]) for row in rows):
            return True
    return False


def _sample_rows(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    """The records of a sample; of one with broken quotes only the width is estimated, and reading goes on behind it."""
    rows: list[list[str]] = []
    start = errors = 0
    while start < len(lines) and len(rows) < _SAMPLE_RECORDS and errors < _SAMPLE_ERRORS:
        reader = csv.reader(lines[start:], **dialect.reader_options())
        done = 0
        try:
            for row in reader:
                done = reader.line_num
                if row:
                    rows.append(row)
                if len(rows) >= _SAMPLE_RECORDS:
                    break
            return rows
        except csv.Error:
            if reader.line_num >= len(lines) - start:
                return rows  # cut off by the end of the sample, or open to its end: it tells nothing
            rows.append([""] * own_width(lines[start + done], dialect))
            errors += 1
            start += done + 1
    return rows


def _best_quote(lines: Sequence[str], delimiter: str) -> str:
    """``'`` only when it wraps cells in most lines and ``"`` wraps none."""
    d = re.escape(delimiter)
    double = re.compile(f'(?:^|{d}) *"')
    single = re.compile(f"(?:^|{d})'(?:[^']|'')*'(?={d}|\r|\n|$)")
    sample = [line for line in lines[:_SAMPLE_RECORDS] if line.strip()]
    if any(double.search(line) for line in sample):
        return '"'
    wrapped = sum(single.search(line) is not None for line in sample)
    return "'" if wrapped >= 3 and wrapped * 2 > len(sample) else '"'


def _space_before_quotes(lines: Sequence[str], delimiter: str, quote: str) -> bool:
    """Whether a space comes before opening quotes. In a well-formed file without such spaces this never matches:
    inside quotes a quote is doubled, and a closing one is followed by a delimiter or a line end."""
    d, q = re.escape(delimiter), re.escape(quote)
    if delimiter == " " or delimiter == quote:
        return False
    spaced = re.compile(f"{d} +{q}[^{q}{d}\r\n]+{q} *(?:{d}|\r|\n|$)")
    return any(spaced.search(line) for line in lines[:_SAMPLE_RECORDS])

"""What the cells of a table's columns look like, and whether a line of text could be one of its rows.

A quote too many makes rows the text of a cell. Counting delimiters alone cannot tell such rows from prose; that the
price would be a number and the picture a URL again nearly always can.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from feedbridge.sources.dialect import Dialect, cut_record, own_width, parse

__all__ = ["Habits", "ShortRows", "Swallowed", "holds_no_row", "swallowed"]

Swallowed = Literal["", "suspected", "doubtful", "certain"]
"""Whether a record of several lines is several records, taken for one because of a quote too many: no; hardly, it is
worth a word; perhaps, so that the record must not be used; yes, so that its lines are rows of their own."""

Verdict = Literal["row", "text", "unknown"]

NARROW = 4
"""With fewer columns prose often has as many delimiters as a row."""
WIDE = 8
LEAST_FOR_CHOICES = 8
SHOWN_LINES = 10
_NUMBER = re.compile(r"-?\d[\d.,]*").fullmatch
_URL = re.compile(r"(?:https?:)?//\S+").fullmatch


class Habits:
    """What is known of each column from some rows: numbers, URLs, or a few values that come again and again."""

    def __init__(self, rows: Iterable[Sequence[str]] = (), width: int = 0) -> None:
        self._tests: list[tuple[int, Callable[[str], object]]] = []
        sample = [cells for cells in rows if not any("\n" in cell or "\r" in cell for cell in cells)]
        for index in range(width):
            values = [cells[index] for cells in sample if cells[index]]
            if not values:
                continue
            choices = frozenset(values)
            if all(map(_NUMBER, values)):
                self._tests.append((index, _NUMBER))
            elif all(map(_URL, values)):
                self._tests.append((index, _URL))
            elif len(values) >= LEAST_FOR_CHOICES and len(choices) * 4 <= len(values):
                self._tests.append((index, choices.__contains__))

    def judge(self, cells: Sequence[str], first: int, end: int) -> Verdict:
        """Whether cells ``first`` to ``end`` are as in the columns they would be in."""
        fits = fails = 0
        for index, test in self._tests:
            if first <= index < end and cells[index]:
                if test(cells[index]):
                    fits += 1
                else:
                    fails += 1
        if fits > 3 * fails:
            return "row"
        return "text" if fails and fails >= fits else "unknown"


class ShortRows:
    """Rows with fewer cells than the header has, as an exporter writes them that leaves empty cells at the end off.

    ``known``  the first rows were looked at; until then each short row is only met
    ``usual``  most rows are short: then all of the file's are counted, and said once a width
    """

    def __init__(self) -> None:
        self.known = False
        self.usual = False
        self._met: list[tuple[int, int, bool]] = []
        self._rows = 0
        self._widths: dict[int, list[int]] = {}
        """Number of cells -> how many rows have so many, and the first lines."""
        self._before: Counter[int] = Counter()
        """The same without the last row when the file ends in it and has no line end there: it may have lost its rest."""

    def meet(self, line: int, width: int, is_last: bool) -> None:
        """Note a short row. ``is_last``: the file ends in it without a line end."""
        self._met.append((line, width, is_last))

    def count(self, until: int | None = None) -> None:
        """Count the rows met, up to and with a line; leave those behind it out."""
        for line, width, is_last in self._met:
            if until is not None and line > until:
                break
            counted = self._widths.setdefault(width, [0])
            counted[0] += 1
            if len(counted) <= SHOWN_LINES:
                counted.append(line)
            if not is_last:
                self._before[width] += 1
        self._met = []

    def decide(self, rows: int) -> bool:
        """Whether it is usual, after so many rows."""
        self._rows = rows
        self.usual = self._before.total() > 1 and self._before.total() * 2 > rows
        return self.usual

    def may_end(self, width: int) -> bool:
        """Whether the file may end in a row of so many cells and still be whole: when rows before it are as short."""
        if self.usual:
            return min(self._before) <= width
        return self._before[width] > 1 and self._before.total() * 10 >= self._rows

    def told(self, width: int, line: int) -> str | None:
        """What a finding about a short row says of the others; None when an earlier one speaks for it."""
        if not self.usual:
            return ""
        count, *lines = self._widths.get(width, [1, line])
        if line != lines[0]:
            return None
        if count == 1:
            return ""
        shown = ", ".join(map(str, lines)) + (" …" if count > len(lines) else "")
        return f" in {count:,} rows, as most rows of the file are short (lines {shown})"


def holds_no_row(lines: Sequence[str], start: int, end: int, delimiter: str, width: int) -> bool:
    """Whether the lines of a record have too few delimiters to be rows. The first and the last line have the
    record's own, so that only both together tell anything."""
    need = width - 1
    if lines[start].count(delimiter) >= need and lines[end - 1].count(delimiter) >= need:
        return False
    return all(line.count(delimiter) < need for line in lines[start + 1 : end - 1])


def swallowed(lines: Sequence[str], cells: Sequence[str], dialect: Dialect, width: int, habits: Habits) -> Swallowed:
    """Judge a record by its physical lines, which are read on their own for it. See Swallowed.

    Of the first line only what stands behind the opening quote is evidence, and of the last what stands before the
    closing one: the rest are cells of the record in any case.
    """
    delimiter, quote = dialect.delimiter, dialect.quote
    # A line in the middle with a quote of its own closes one cell and opens another: no text of a cell, so no row.
    last = len(lines) - 1
    lines = [
        line
        for number, line in enumerate(lines)
        if line.strip() and (number in (0, last) or quote not in line.replace(quote + quote, ""))
    ]
    rows = [_own_cells(line, dialect) for line in lines]
    exact = [len(row) == width for row in rows]
    # Prose has a space behind its commas, and rows have none; both can be of the same width.
    dense = [line.count(delimiter) - line.count(delimiter + " ") >= width - 1 for line in lines]
    if len(cells) != width:
        if any(exact[1:]):
            return "certain"
        return "doubtful" if len(cells) < width and width >= WIDE and any(dense[1:]) else ""
    inner = any(exact[1:-1]) or (width >= WIDE and any(dense[1:-1]))
    if not inner and not ((exact[0] or dense[0]) and (exact[-1] or dense[-1])):
        return ""
    broken = [index for index, cell in enumerate(cells) if "\n" in cell or "\r" in cell] or [0]
    verdicts = [
        habits.judge(row, broken[0] + 1 if number == 0 else 0, broken[-1] if number == len(rows) - 1 else width)
        for number, row in enumerate(rows)
        if exact[number]
    ]
    if "row" in verdicts:
        is_plain = exact[0] and verdicts[0] == "row" and all(exact[:-1]) and "text" not in verdicts
        return "certain" if is_plain and width >= NARROW else "doubtful"
    if "text" in verdicts:
        return "suspected"
    is_prose = sum(delimiter + " " in line for line in lines) * 2 > len(lines)
    if width < NARROW or is_prose:
        return "suspected"
    return "certain" if exact[0] and sum(exact) * 5 >= len(exact) * 4 else "doubtful"


def _own_cells(line: str, dialect: Dialect) -> list[str]:
    """The cells of a physical line read on its own; a quote that does not close is a character."""
    cells = parse([line], dialect)
    if cells is not None:
        return cells
    cut = cut_record(line, dialect)
    if cut is None:
        return [""] * own_width(line, dialect)
    return cut.cells + line[cut.opened :].rstrip("\r\n").split(dialect.delimiter)

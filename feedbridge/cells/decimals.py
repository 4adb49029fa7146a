"""Decimal marks: which way a number can be read, and which way a whole column is to be read.

``12,50`` can be read one way only, ``1.234`` two ways. A single text never decides that; the mapping
does, or the column: its values that can be read only one way are the evidence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

import msgspec

__all__ = ["AMBIGUOUS", "PLAIN", "Decision", "Mark", "Tally", "decide", "number_in", "read_marked", "shape_of"]

Mark = Literal[".", ","]
PLAIN = "plain"
"""No decimals: both conventions read the same."""
AMBIGUOUS = "ambiguous"
"""One mark with three digits behind it: a thousand and more, or thousandths."""

GROUP_MARKS = " '\u2019\u00a0\u2009\u202f"
"""Marks between groups of three digits that never are decimal marks."""
OVERWHELMING = 10
"""The evidence for one mark must be so many times that for the other."""
MOST_SHOWN = 3
MOST_CONTRADICTING = 5
MOST_REMEMBERED = 1 << 16

_HEAD = r"[1-9][0-9]{0,2}"
_NUMBER = re.compile(
    rf"""[+-]?(?:
      (?P<plain> [0-9]+ | {_HEAD}(?P<a>[{GROUP_MARKS}])[0-9]{{3}}(?:(?P=a)[0-9]{{3}})* )
    | (?P<ambiguous> {_HEAD}[.,][0-9]{{3}} )
    | (?P<dot> [0-9]*\.[0-9]+ | {_HEAD}(?:,[0-9]{{3}}){{2,}}
             | {_HEAD}(?P<b>[{GROUP_MARKS},])[0-9]{{3}}(?:(?P=b)[0-9]{{3}})*\.[0-9]+ )
    | (?P<comma> [0-9]*,[0-9]+ | {_HEAD}(?:\.[0-9]{{3}}){{2,}}
             | {_HEAD}(?P<c>[{GROUP_MARKS}.])[0-9]{{3}}(?:(?P=c)[0-9]{{3}})*,[0-9]+ )
    )""",
    re.VERBOSE,
)
_SHAPES = {"plain": PLAIN, "ambiguous": AMBIGUOUS, "dot": ".", "comma": ","}
_AROUND = re.compile(r"(?P<before>[^0-9]*?)(?P<number>(?:[+-]\s*)?[.,]?[0-9](?:.*[0-9])?)(?P<after>[^0-9]*)")
_GROUPS = {".": str.maketrans("", "", GROUP_MARKS + ","), ",": str.maketrans("", "", GROUP_MARKS + ".")}


def shape_of(text: str) -> str:
    """How a text can be read: ``"."`` or ``","`` (with this decimal mark only), PLAIN, AMBIGUOUS, or empty: no number.

    >>> [shape_of(text) for text in ("12.5", "1.234,56", "0.125", "1 234", "1.234", "1,23,456", "1e5")]
    ['.', ',', '.', 'plain', 'ambiguous', '', '']

    Shape: one sign in front at most, ASCII digits, groups of exactly three with one and the same mark.
    """
    match = _NUMBER.fullmatch(text)
    return _SHAPES[match.lastgroup] if match and match.lastgroup else ""


def read_marked(text: str, mark: str) -> Decimal:
    """The number of a text whose shape goes with this decimal mark; digits behind the mark are kept, zero has no sign.

    >>> read_marked("1.234,50", ","), read_marked("1.234", "."), read_marked("1.234", ",")
    (Decimal('1234.50'), Decimal('1.234'), Decimal('1234'))
    """
    number = Decimal(text.translate(_GROUPS[mark]).replace(",", "."))
    return number if number else number.copy_abs()


def number_in(text: str) -> tuple[str, str, str]:
    """What stands before a number, the number with its sign, and what stands after it (currency, unit).

    >>> number_in("EUR 12,50"), number_in("- 3 kg"), number_in("Rs.500"), number_in("-$.50")
    (('EUR', '12,50', ''), ('', '-3', 'kg'), ('Rs.', '500', ''), ('$', '-.50', ''))

    Returns: three empty texts when there are no digits. The number need not be one: ask ``shape_of``.
    """
    match = _AROUND.fullmatch(text)
    if match is None:
        return "", "", ""
    before, number, after = match["before"], match["number"], match["after"].strip()
    if before and number[0] in ".," and not before[-1].isspace() and unicodedata.category(before[-1]) != "Sc":
        # "Rs.500", "S/.50": the full stop belongs to the word, not to the number
        before, number = before + number[0], number[1:]
    before = before.strip()
    if number[0] in "+-":
        number = number[0] + number[1:].lstrip()
    elif before[:1] in ("-", "+"):
        before, number = before[1:].lstrip(), before[0] + number
    return before, number, after


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """How a column writes its decimals.

    ``mark``           the decimal mark; None when the column does not say, and must not be guessed
    ``reason``         half a sentence for people, with the deciding values and lines
    ``evidence``       up to 3 (line, text) that can be read with this mark only (with ``mark`` None: of either kind)
    ``contradicting``  up to 5 (line, text) that can be read with the other mark only; the reader refuses them
    ``evidence_count`` and the other counts: how many texts of each sort there are
    ``is_mixed``       both marks were seen, and values that both could have written: give the reader
                       ``refuse_ambiguous``, for then some of those may be the minority's
    """

    column: str
    mark: Mark | None
    reason: str
    evidence: tuple[tuple[int, str], ...] = ()
    contradicting: tuple[tuple[int, str], ...] = ()
    evidence_count: int = 0
    contradicting_count: int = 0
    ambiguous_count: int = 0
    plain_count: int = 0
    unreadable_count: int = 0
    is_mixed: bool = False


class Tally:
    """Counts the texts of one column by shape; memory does not grow with the column."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.counts: dict[str, int] = {".": 0, ",": 0, AMBIGUOUS: 0, PLAIN: 0, "": 0}
        self.first: dict[str, list[tuple[int, str]]] = {shape: [] for shape in self.counts}
        self.known: dict[str, str] = {}

    def add(self, line: int, text: Any) -> None:
        """Count one value. Blank texts and JSON numbers (exact anyhow) say nothing."""
        if text.__class__ is not str:
            return
        shape = self.known.get(text)
        if shape is None:
            bare = text.strip()
            if not bare:
                return
            shape = shape_of(bare) or shape_of(number_in(bare)[1])
            if len(self.known) >= MOST_REMEMBERED:
                self.known.clear()
            self.known[text] = shape
        self.counts[shape] += 1
        first = self.first[shape]
        if len(first) < MOST_CONTRADICTING:
            first.append((line, text.strip()))

    def decision(self) -> Decision:
        """What the values counted so far say."""
        counts = self.counts
        mark: Mark | None
        mark, other = (".", ",") if counts["."] >= counts[","] else (",", ".")
        sides = (counts[mark], counts[other])
        shown, against = self.first[mark], self.first[other]
        if not any(sides) and counts[AMBIGUOUS]:
            mark, shown = None, self.first[AMBIGUOUS]
            reason = f"every value with a mark can be read two ways: {_listed(shown)}"
        elif not any(sides):
            reason = "no value has decimals"
        elif sides[0] < OVERWHELMING * sides[1]:
            reason = (
                f"decimal marks are mixed: {sides[0]} values have {_word(mark)}, such as {_listed(shown)}, "
                f"and {sides[1]} have {_word(other)}, such as {_listed(against)}"
            )
            mark, shown = None, [*shown[:2], *against[:1]]
        else:
            reason = f"values have {_word(mark)}: {_listed(shown)}"
            if sides[1]:
                reason += f"; {sides[1]} contradict: {_listed(against)}"
        return Decision(
            column=self.column,
            mark=mark,
            reason=reason,
            evidence=tuple(shown[:MOST_SHOWN]),
            contradicting=tuple(against),
            evidence_count=sides[0],
            contradicting_count=sides[1],
            ambiguous_count=counts[AMBIGUOUS],
            plain_count=counts[PLAIN],
            unreadable_count=counts[""],
            is_mixed=bool(sides[0] and sides[1] and counts[AMBIGUOUS]),
        )


def decide(values: Iterable[tuple[int, str]], column: str) -> Decision:
    """The decimal mark of a column from its (line, text) values, in any order, read once.

    >>> decide([(2, "1.234"), (3, "12,50"), (4, "7")], "Preis").reason
    'values have decimal commas: "12,50" (line 3)'

    The rules: a value that can be read one way only is evidence; ``1.234`` and whole numbers are none. One
    kind of evidence decides; of two kinds one must be ten times the other. Otherwise ``mark`` is None, unless
    the column holds whole numbers only.
    """
    tally = Tally(column)
    for line, text in values:
        tally.add(line, text)
    return tally.decision()


def _word(mark: str) -> str:
    return "decimal points" if mark == "." else "decimal commas"


def _listed(values: list[tuple[int, str]]) -> str:
    return ", ".join(f'"{text[:40]}" (line {line})' for line, text in values[:MOST_SHOWN])

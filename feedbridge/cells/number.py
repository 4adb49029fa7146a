"""Numbers: decimal and integer."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Literal

from feedbridge.cells.base import CellError
from feedbridge.cells.caching import MOST_REMEMBERED, CachingReader
from feedbridge.cells.decimals import AMBIGUOUS, PLAIN, read_marked, shape_of
from feedbridge.cells.plain import MAX_DIGITS, bounded, quoted

__all__ = ["DecimalNumber", "Integer", "MarkedReader"]

MAX_WHOLE_DIGITS = 18
"""Whole numbers of the canonical product fit 64 bits."""

_EXPONENT = re.compile(r"[+-]?[0-9.,]*[0-9][eE][+-]?[0-9]+")
_OTHER = {".": ",", ",": "."}
_NAMES = {".": "decimal points", ",": "decimal commas"}


class MarkedReader(CachingReader):
    """What all readers of numbers share: the decimal mark of their column."""

    noun: ClassVar[str] = "number"
    """Goes into codes (``cell.<noun>-format``) and messages."""

    decimal: Literal[".", ",", "auto"] = "auto"
    """The decimal mark of the column. ``auto`` reads what can be read one way only and refuses ``1.234``."""
    refuse_ambiguous: bool = False
    """Refuse ``1.234`` and ``1,234`` although the decimal mark is known: for columns that mix both marks."""

    def number(self, text: str, raw: Any) -> Decimal:
        """The number of a text without currency or unit; ``raw`` is what messages quote.

        Raises: CellError, code ``cell.<noun>-format``, number-ambiguous, number-length.
        """
        shape = shape_of(text)
        if not shape:
            raise self.no_number(text, raw)
        if shape == AMBIGUOUS and (self.decimal == "auto" or self.refuse_ambiguous):
            raise self.ambiguous(text, raw)
        mark: str = self.decimal
        if mark == "auto":
            mark = "." if shape == PLAIN else shape
        elif shape not in (PLAIN, AMBIGUOUS, mark):
            raise self.contradiction(text, raw)
        if len(text) > MAX_DIGITS and sum(map(str.isdigit, text)) > MAX_DIGITS:
            raise CellError(
                "cell.number-length",
                f"{quoted(raw)} has more than {MAX_DIGITS} digits",
                "check the value at its source",
            )
        return read_marked(text, mark)

    def json_number(self, raw: Any) -> Decimal:
        """A JSON number, exact whatever the column's mark; whole numbers in powers of ten are written out."""
        if isinstance(raw, int) and not isinstance(raw, bool):
            if -(10**MAX_DIGITS) < raw < 10**MAX_DIGITS:
                return Decimal(raw)
            raise CellError(
                "cell.number-length", f"a {self.noun} of more than {MAX_DIGITS} digits", "check the value at its source"
            )
        if isinstance(raw, Decimal):
            number = bounded(raw)
            if not number:
                return Decimal(format(number.copy_abs(), "f"))
            return Decimal(format(number, "f"))
        raise CellError(
            f"cell.{self.noun}-shape",
            f"{quoted(raw)} is not one {self.noun}",
            "point the mapping at a number inside it",
        )

    def no_number(self, text: str, raw: Any) -> CellError:
        if _EXPONENT.fullmatch(text):
            mend = "write all digits; a spreadsheet may have shortened them"
        elif any(c.isdigit() and not c.isascii() for c in text):
            mend = "write digits 0 to 9"
        else:
            mend = f"write it like {self.sample()}"
        return CellError(f"cell.{self.noun}-format", f"{quoted(raw)} is no {self.noun}", mend)

    def sample(self) -> str:
        return "12,50" if self.decimal == "," else "12.50"

    def ambiguous(self, text: str, raw: Any) -> CellError:
        point, comma = read_marked(text, "."), read_marked(text, ",")
        return CellError(
            "cell.number-ambiguous",
            f"{quoted(raw)} can be read as {point} and as {comma}",
            'set decimal: "." or decimal: "," for this column in the mapping'
            if self.decimal == "auto"
            else f"this column mixes decimal marks; write {self.plain(point)} or {self.plain(comma)}",
        )

    def plain(self, number: Decimal) -> str:
        """A number so that it can be read one way only: four decimals, no groups."""
        text = str(number) if number == number.to_integral_value() else f"{number}0"
        return text.replace(".", ",") if self.decimal == "," else text

    def contradiction(self, text: str, raw: Any) -> CellError:
        other = _OTHER[self.decimal]
        number = read_marked(text, other)
        written = format(number, "f")
        return CellError(
            f"cell.{self.noun}-format",
            f"{quoted(raw)} has {_NAMES[other]}, but this column has {_NAMES[self.decimal]}",
            f"write {written.replace('.', ',') if self.decimal == ',' else written}, "
            f'or set decimal: "{other}" in the mapping if the whole column is so'
            + ("; numbers of Excel, JSON and Parquet are typed and need no decimal comma: --set decimal=." * (other == ".")),
        )


class DecimalNumber(MarkedReader):
    """A number with as many decimals as its text has.

    >>> DecimalNumber(decimal=",").read("1.234,50")
    Decimal('1234.50')

    Shape:   one sign in front at most; groups of three, marked by dot, comma, blank or apostrophe; no exponent.
    Returns: Decimal, exactly as written; a JSON number likewise.
    Raises:  CellError, code number-format, number-ambiguous, number-length, number-shape.
    """

    kind: ClassVar[str] = "decimal"

    def read(self, raw: Any) -> Decimal:
        if raw.__class__ is not str:
            return self.json_number(raw)
        known = self.known.get(raw)
        if known is None:
            known = self.number(raw.strip(), raw)
            if len(self.known) >= MOST_REMEMBERED:
                self.known.clear()
            self.known[raw] = known
        return known

    @cached_property
    def known(self) -> dict[str, Decimal]:
        return {}


class Integer(MarkedReader):
    """A whole number. ``12.00`` is one, ``12.50`` is refused rather than rounded.

    >>> Integer().read("12"), Integer(decimal=".").read("1,200")
    (12, 1200)

    Raises: CellError, code integer-format, integer-fraction, number-ambiguous, number-length, integer-shape.
    """

    kind: ClassVar[str] = "integer"
    noun: ClassVar[str] = "integer"

    def read(self, raw: Any) -> int:
        if raw.__class__ is str:
            if len(raw) <= MAX_WHOLE_DIGITS and raw.isdigit() and raw.isascii():
                return int(raw)
            number = self.number(raw.strip(), raw)
        else:
            number = self.json_number(raw)
        whole = int(number)
        if whole != number:
            raise CellError("cell.integer-fraction", f"{quoted(raw)} is not a whole number", "write a whole number")
        if abs(whole) >= 10**MAX_WHOLE_DIGITS:
            raise CellError(
                "cell.number-length",
                f"{quoted(raw)} has more than {MAX_WHOLE_DIGITS} digits",
                "check the value at its source",
            )
        return whole

    def sample(self) -> str:
        return "12"

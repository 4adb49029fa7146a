"""Global Trade Item Numbers: EAN-8, UPC-A (12), EAN-13, GTIN-14."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from feedbridge.cells.base import CellError, Reader
from feedbridge.cells.identifier import is_damaged
from feedbridge.cells.plain import plain_text, quoted, unwrapped
from feedbridge.findings import Severity

__all__ = ["Gtin", "check_digit"]

_SHAPES = frozenset({8, 12, 13, 14})
_BETWEEN = str.maketrans("", "", " -\u00a0\u202f\u2010\u2011")
_ZERO = ord("0")


def check_digit(digits: str) -> str:
    """The last digit that belongs to the digits before it.

    >>> check_digit("400638133393")
    '1'

    Source: GS1 General Specifications, "Standard check digit calculations": from the right, every
            other digit counts three times, the first of them included; the sum is filled up to a multiple of ten.
    """
    code = digits.encode("ascii")
    threes, ones = code[::-2], code[-2::-2]
    weighed = 3 * (sum(threes) - _ZERO * len(threes)) + sum(ones) - _ZERO * len(ones)
    return str(-weighed % 10)


class Gtin(Reader):
    """A GTIN with a right check digit. A wrong one is left out with a warning: a product sells without it.

    >>> Gtin().read("4-006381-333931")
    '4006381333931'

    Shape:   8, 12, 13 or 14 digits once spaces and hyphens are gone; zeros in front stay.
    Returns: str, since an int would lose those zeros.
    Raises:  CellError (warning), code gtin-shape, gtin-check-digit, gtin-isbn10 or identifier-damaged.
    Source:  GS1 General Specifications, "Standard check digit calculations".
    """

    kind: ClassVar[str] = "gtin"

    def read(self, raw: Any) -> str:
        text: str = raw if raw.__class__ is str and raw.isdigit() and raw.isascii() else bare(raw)
        size = len(text)
        if size not in _SHAPES:
            raise wrong_shape(raw, text)
        # the digits of the right number add up to a multiple of ten; each byte is 48 more than its digit
        code = text.encode()
        half = size >> 1
        if (3 * sum(code[-2::-2]) + sum(code[::-2]) - _ZERO * (3 * half + size - half)) % 10:
            raise _warning(
                "cell.gtin-check-digit",
                f"{quoted(raw)}: the last digit should be {check_digit(text[:-1])}",
                "copy the number from the packaging again",
            )
        if not text.strip("0"):
            raise _warning("cell.gtin-shape", f"{quoted(raw)} stands for no product", "leave the cell empty")
        return text


def bare(raw: Any) -> str:
    """The digits without what people put between or around them (``="4006381333931"``). Raises CellError (warning)."""
    if isinstance(raw, str):
        raw = unwrapped(raw)
    if isinstance(raw, Decimal | float) or (isinstance(raw, str) and is_damaged(raw)):
        raise _warning(
            "cell.identifier-damaged",
            f"{quoted(raw)}: a spreadsheet or export has turned this into a number; its digits may be lost",
            "export again with this column as text",
        )
    if isinstance(raw, bool):
        raise _warning("cell.gtin-shape", f"{quoted(raw)} is a yes or no, not a GTIN", "leave the cell empty")
    try:
        text = plain_text(raw, "gtin")
    except CellError as exc:
        raise _warning(exc.code, exc.message, exc.mend) from exc
    if text[:1].isdigit() and text[-1:].isdigit():
        text = text.translate(_BETWEEN)
        if text.isdigit() and text.isascii():
            return text
    raise wrong_shape(raw, text)


def wrong_shape(raw: Any, text: str) -> CellError:
    if (
        len(text) == 10
        and text[:9].isascii()
        and text[:9].isdigit()
        and text[9] in "0123456789Xx"
        and isbn10_holds(text)
    ):
        body = "978" + text[:9]
        return _warning(
            "cell.gtin-isbn10",
            f"{quoted(raw)} is an ISBN of ten digits, which is no GTIN",
            f"write {body}{check_digit(body)}, if the book is sold under its ISBN of thirteen digits",
        )
    mend = "write 8, 12, 13 or 14 digits, or leave the cell empty"
    if text.isascii() and text.isdigit() and 8 < len(text) < 12:
        full = text.zfill(12)
        if check_digit(full[:-1]) == full[-1]:
            mend = f"write {full}, if zeros in front were lost"
    return _warning("cell.gtin-shape", f"{quoted(raw)} is not a number of 8, 12, 13 or 14 digits", mend)


def isbn10_holds(text: str) -> bool:
    """Whether the last character of an ISBN-10 is right (ISO 2108:1992)."""
    digits = [10 if c in "Xx" else int(c) for c in text]
    return sum(digit * weight for digit, weight in zip(digits, range(10, 0, -1), strict=True)) % 11 == 0


def _warning(code: str, message: str, mend: str) -> CellError:
    return CellError(code, message, mend, Severity.WARNING)

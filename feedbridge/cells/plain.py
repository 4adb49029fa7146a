"""Plain text of a raw value: what every reader does before it looks closer."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from feedbridge.cells.base import CellError
from feedbridge.findings import cut

__all__ = ["MAX_DIGITS", "plain_text", "quoted", "unwrapped"]

MAX_DIGITS = 40
"""Longer numbers are damage, and would cost time and memory out of all proportion."""

_MOST = 10**MAX_DIGITS
_WRAPPED = re.compile(r'="[^"]*"')
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def plain_text(raw: Any, kind: str) -> str:
    """The text of a JSON value as a person would write it; a text as it is.

    >>> plain_text(Decimal("1.50"), "text"), plain_text(True, "text"), plain_text(7, "text")
    ('1.50', 'true', '7')

    Raises: CellError, code ``cell.<kind>-shape`` (an object or a list), ``cell.number-length``, ``cell.half-character``
            (half of a surrogate pair: no file or platform can hold it).
    """
    if isinstance(raw, str):
        if not raw.isascii() and _HALF_CHARACTER.search(raw):
            raise CellError(
                "cell.half-character", f"{quoted(raw)} holds half of a character", "export the file again, as UTF-8"
            )
        return raw
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int):
        if -_MOST < raw < _MOST:
            return str(raw)
        raise CellError(
            "cell.number-length", f"a number of more than {MAX_DIGITS} digits", "check the value at its source"
        )
    if isinstance(raw, Decimal):
        return format(bounded(raw), "f")
    shape = "an object" if isinstance(raw, dict) else "a list" if isinstance(raw, list) else f"a {type(raw).__name__}"
    raise CellError(
        f"cell.{kind}-shape", f"{quoted(raw)} is {shape}, not one {kind}", "point the mapping at one value inside it"
    )


def unwrapped(text: str) -> str:
    """What ``="00012"`` stands for: so an export keeps a spreadsheet from taking digits for a number.

    >>> unwrapped('="00012"'), unwrapped('="a"&"b"')
    ('00012', '="a"&"b"')
    """
    return text[2:-1].strip() if _WRAPPED.fullmatch(text) else text


def bounded(number: Decimal) -> Decimal:
    """A finite number of at most MAX_DIGITS digits on either side of its point. Raises CellError."""
    if not number.is_finite():
        raise CellError("cell.number-length", f'"{number}" is not a number', "write digits")
    exponent = number.as_tuple().exponent
    if number.adjusted() >= MAX_DIGITS or (isinstance(exponent, int) and not -MAX_DIGITS <= exponent <= MAX_DIGITS):
        raise CellError(
            "cell.number-length",
            f"{quoted(str(number))} has more than {MAX_DIGITS} digits",
            "check the value at its source",
        )
    return number


def quoted(raw: Any) -> str:
    """A value in double quotes for a message; long ones are cut, what cannot be shown is spelled out.

    >>> quoted("12,50")
    '"12,50"'
    """
    if isinstance(raw, int) and not -_MOST < raw < _MOST:
        return "a very long number"
    try:
        text = cut(raw)
    except ValueError:  # a list or object with a number in it that Python refuses to write out
        text = f"{type(raw).__name__} …"
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return f'"{text}"'

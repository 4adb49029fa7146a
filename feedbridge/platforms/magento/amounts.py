"""Decimals as the request writes them: exact, shortest form, never through a binary float."""

from __future__ import annotations

from decimal import Decimal

import msgspec

__all__ = ["MOST", "PlainAmounts", "decimals", "is_storable", "number", "plain"]

MOST = Decimal(10) ** 14
"""The store's price columns are decimal(20,6): 14 digits before the point, 6 after it."""
STORED_DECIMALS = 6
CACHED = 20_000


def plain(amount: Decimal) -> str:
    """An amount in its shortest form, without an exponent.

    >>> plain(Decimal("16.00")), plain(Decimal("1.5E+3")), plain(Decimal("-0.0"))
    ('16', '1500', '0')
    """
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def decimals(amount: Decimal) -> int:
    """Digits after the point that matter.

    >>> decimals(Decimal("1.2500"))
    2
    """
    return len(plain(amount).partition(".")[2])


def is_storable(amount: Decimal) -> bool:
    """Whether an amount, with either sign, is a number of at most 14 digits before the point."""
    return amount.is_finite() and -MOST < amount < MOST


def number(amount: Decimal) -> int | Decimal | msgspec.Raw:
    """An amount as a JSON number in plain digits: ``3`` for 3.00, ``2.5`` for 2.50."""
    text = plain(amount)
    if text.lstrip("-").isdecimal():
        return int(text)
    shortest = Decimal(text)
    # Decimal itself shows the smallest amounts as 1E-7.
    return msgspec.Raw(text.encode()) if "E" in str(shortest) else shortest


class PlainAmounts(dict[Decimal, str]):
    """Shortest forms met before. ``odd`` turns true when an amount is one that a rule may object to:
    not finite, negative, above 14 digits, or with more than 6 decimals. Odd ones are not kept."""

    odd = False

    def __missing__(self, amount: Decimal) -> str:
        text = plain(amount)
        if not is_storable(amount) or amount < 0 or len(text.partition(".")[2]) > STORED_DECIMALS:
            self.odd = True
            return text
        if len(self) >= CACHED:
            self.clear()
        self[amount] = text
        return text

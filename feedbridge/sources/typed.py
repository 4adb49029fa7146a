"""Typed numbers as cells: a file that has numbers, and not their texts, has no decimal commas and no thousands marks."""

from __future__ import annotations

__all__ = ["one_way"]


def one_way(text: str) -> str:
    """A typed number's text so that it can be read one way only: ``1.234`` gets a zero more, which no group of
    thousands has; all others stay as they are.

    >>> [one_way(text) for text in ("1.234", "-12.125", "12.5", "0.125", "1234.567", "1234")]
    ['1.2340', '-12.1250', '12.5', '0.125', '1234.567', '1234']

    Shape: digits with at most one sign and one decimal point, as a float or Decimal is written.
    """
    if text[-4:-3] != "." or len(text) > 8:
        return text
    whole = text[:-4].lstrip("-")
    return f"{text}0" if 1 <= len(whole) <= 3 and whole[0] != "0" else text

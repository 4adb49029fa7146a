"""What weights and lengths share: a number, its unit, an exact factor."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact
from functools import cached_property
from typing import Any, ClassVar

from feedbridge.cells.base import CellError
from feedbridge.cells.caching import MOST_REMEMBERED
from feedbridge.cells.decimals import number_in
from feedbridge.cells.number import MarkedReader
from feedbridge.cells.plain import plain_text, quoted

__all__ = ["Measure"]

_EXACT = Context(prec=200, traps=[Inexact])
"""Factors are exact by definition; a product that is not would be a mistake here, not in the data."""


class Measure(MarkedReader):
    """A number with a unit, in one canonical unit. A unit in the value itself goes before the mapping's.

    A JSON object has ``unit`` and ``amount`` or ``value``.
    """

    factors: ClassVar[dict[str, Decimal]]
    """Canonical units in one of this unit, by short name."""
    words: ClassVar[dict[str, str]]
    """Short name by every word (case folded) that stands for it."""

    def given_unit(self) -> str | None:
        """The mapping's unit; each measure has its own parameter for it."""
        raise NotImplementedError  # Weight and Length say it; this class is never a reader itself

    def read(self, raw: Any) -> Decimal:
        if raw.__class__ is not str:
            return self.from_json(raw)
        known = self.known.get(raw)
        if known is None:
            if len(self.known) >= MOST_REMEMBERED:
                self.known.clear()
            known = self.known[raw] = self.from_text(raw, None)
        return known

    @cached_property
    def known(self) -> dict[str, Decimal]:
        return {}

    def from_text(self, raw: str, unit: str | None) -> Decimal:
        before, text, after = number_in(raw.strip())
        if not text or before:
            raise self.no_number(raw, raw)
        if after:
            own = self.unit_named(after, raw)
            if unit not in (None, own):
                raise CellError(f"cell.{self.noun}-unit", f"{quoted(raw)} is not in {unit}", "give one unit")
            unit = own
        return self.converted(self.number(text, raw), unit, raw)

    def from_json(self, raw: Any) -> Decimal:
        if not isinstance(raw, dict):
            return self.converted(self.json_number(raw), None, raw)
        amounts = [key for key in ("amount", "value") if key in raw]
        if len(amounts) != 1 or set(raw) - {"unit", *amounts}:
            raise CellError(
                f"cell.{self.noun}-shape",
                f"{quoted(raw)} is not an object of amount and unit",
                "point the mapping at the number inside it",
            )
        unit = self.unit_named(plain_text(raw["unit"], self.noun), raw) if raw.get("unit") is not None else None
        amount = raw[amounts[0]]
        if isinstance(amount, str):
            return self.from_text(amount, unit)
        return self.converted(self.json_number(amount), unit, raw)

    def unit_named(self, word: str, raw: Any) -> str:
        unit = self.words.get(word.strip().removesuffix(".").casefold())
        if unit is None:
            raise CellError(
                f"cell.{self.noun}-unit",
                f"{quoted(raw)}: {quoted(word)} is no unit of {self.noun}",
                f"write one of {', '.join(self.factors)}",
            )
        return unit

    def converted(self, number: Decimal, unit: str | None, raw: Any) -> Decimal:
        unit = unit or self.given_unit()
        if unit is None:
            raise CellError(
                f"cell.{self.noun}-no-unit",
                f"{quoted(raw)} does not say its unit",
                f"give unit in the mapping: {', '.join(self.factors)}",
            )
        if number < 0:
            raise CellError(f"cell.{self.noun}-negative", f"{quoted(raw)} is negative", "write 0 or more")
        size = _EXACT.multiply(number, self.factors[unit])
        return Decimal(format(_EXACT.normalize(size), "f"))


def words_of(spellings: dict[str, str]) -> dict[str, str]:
    """Short name by word, from blank-separated words by short name."""
    return {word.casefold(): unit for unit, words in spellings.items() for word in (unit, *words.split())}

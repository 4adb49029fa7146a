"""Weight, in grams."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Literal

from feedbridge.cells.measure import Measure, words_of

__all__ = ["Weight"]


class Weight(Measure):
    """A weight in grams, exact.

    >>> Weight(unit="kg", decimal=",").read("1,5"), Weight().read("2 lb")
    (Decimal('1500'), Decimal('907.18474'))

    Units:   g; the value's own unit goes before the mapping's.
    Returns: Decimal without zeros at its end.
    Raises:  CellError, code weight-format, weight-unit, weight-no-unit, weight-negative, weight-shape,
             number-ambiguous, number-length.
    Source:  pound and ounce: international avoirdupois pound of 1959, 0.45359237 kg.
    """

    kind: ClassVar[str] = "weight"
    noun: ClassVar[str] = "weight"
    factors: ClassVar[dict[str, Decimal]] = {
        "g": Decimal(1),
        "kg": Decimal(1000),
        "mg": Decimal("0.001"),
        "t": Decimal(1_000_000),
        "lb": Decimal("453.59237"),
        "oz": Decimal("28.349523125"),
    }
    words: ClassVar[dict[str, str]] = words_of(
        {
            "g": "gr gram grams gramm gramme grammes grammi gramos г",
            "kg": "kgs kilo kilos kilogram kilograms kilogramm кг",
            "mg": "milligram milligrams",
            "t": "tonne tonnes ton_metric",
            "lb": "lbs pound pounds pfund livre livres libra libras libbra libbre pond",
            "oz": "ounce ounces unze unzen once onces onza onzas oncia once ons",
        }
    )

    unit: Literal["g", "kg", "mg", "t", "lb", "lbs", "oz"] | None = None
    """Unit of values that do not carry one themselves."""

    def given_unit(self) -> str | None:
        return "lb" if self.unit == "lbs" else self.unit

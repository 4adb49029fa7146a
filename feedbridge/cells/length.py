"""Length, in millimetres."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Literal

from feedbridge.cells.measure import Measure, words_of

__all__ = ["Length"]


class Length(Measure):
    """A length in millimetres, exact.

    >>> Length(unit="cm").read("12.5"), Length().read("2 in")
    (Decimal('125'), Decimal('50.8'))

    Units:   mm; the value's own unit goes before the mapping's.
    Returns: Decimal without zeros at its end.
    Raises:  CellError, code length-format, length-unit, length-no-unit, length-negative, length-shape,
             number-ambiguous, number-length.
    Source:  inch, foot and yard: international yard of 1959, 0.9144 m.
    """

    kind: ClassVar[str] = "length"
    noun: ClassVar[str] = "length"
    factors: ClassVar[dict[str, Decimal]] = {
        "mm": Decimal(1),
        "cm": Decimal(10),
        "dm": Decimal(100),
        "m": Decimal(1000),
        "in": Decimal("25.4"),
        "ft": Decimal("304.8"),
        "yd": Decimal("914.4"),
    }
    words: ClassVar[dict[str, str]] = words_of(
        {
            "mm": "millimeter millimeters millimetre millimetres мм",
            "cm": "centimeter centimeters centimetre centimetres zentimeter см",
            "dm": "decimeter decimeters decimetre decimetres",
            "m": "meter meters metre metres м",
            "in": 'inch inches zoll " ″ ” pouce pouces pulgada pulgadas pollice pollici polegada polegadas duim tum tommer',
            "ft": "foot feet ′",
            "yd": "yard yards",
        }
    )

    unit: Literal["mm", "cm", "dm", "m", "in", "ft", "yd"] | None = None
    """Unit of values that do not carry one themselves."""

    def given_unit(self) -> str | None:
        return self.unit

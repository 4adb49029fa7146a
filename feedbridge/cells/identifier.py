"""Identifiers: SKU, handle, MPN, article number. Text, never a number."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Any, ClassVar

from feedbridge.cells.base import CellError, Reader
from feedbridge.cells.plain import plain_text, quoted, unwrapped

__all__ = ["Identifier", "is_damaged"]

_DAMAGED = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]+|[0-9]+[.,][0-9]+[eE][0-9]+|[0-9]{8,}\.0+")
_DAMAGED_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+|[0-9]+[.,]0+")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Identifier(Reader):
    """The identifier exactly as written. What a spreadsheet has turned into a number is refused, not repaired.

    >>> Identifier().read("00123-A")
    '00123-A'

    ``1E5`` and ``12-05`` are identifiers somebody may well have chosen and pass; ``7.61E+12`` is not.

    ``="00123"``, which keeps the zeros in a spreadsheet, is ``00123``.

    Raises: CellError, code identifier-damaged, identifier-unseen (a control or zero-width character inside),
            identifier-shape; with ``numeric`` also identifier-format.
    """

    kind: ClassVar[str] = "identifier"

    numeric: bool = False
    """The identifiers of this column are digits only: anything else is refused, ``1E5`` as damaged."""

    def read(self, raw: Any) -> str:
        if raw.__class__ is str:
            if raw.isalnum() and not self.numeric:
                return raw
        elif isinstance(raw, Decimal | float):
            raise damaged(raw)
        elif isinstance(raw, bool):
            raise CellError(
                "cell.identifier-shape",
                f"{quoted(raw)} is a yes or no, not an identifier",
                "point the mapping at a text",
            )
        text = unwrapped(plain_text(raw, "identifier").strip())
        if is_damaged(text):
            raise damaged(text)
        if self.numeric and not (text.isascii() and text.isdigit()):
            if _DAMAGED_NUMBER.fullmatch(text):
                raise damaged(text)
            raise CellError("cell.identifier-format", f"{quoted(text)} is not digits only", "write the digits")
        if not text.isprintable():
            for character in text:
                if unicodedata.category(character) in _UNSEEN:
                    raise CellError(
                        "cell.identifier-unseen",
                        f"{quoted(text)} holds a character nobody sees, U+{ord(character):04X}",
                        "type the identifier again",
                    )
        return text


def is_damaged(text: str) -> bool:
    """Whether a spreadsheet has turned an identifier into a number: ``7.61E+12``, ``9780439023480.0``."""
    return ("." in text or "+" in text or "," in text) and _DAMAGED.fullmatch(text) is not None


def damaged(raw: Any) -> CellError:
    return CellError(
        "cell.identifier-damaged",
        f"{quoted(raw)}: a spreadsheet or export has turned this into a number; its digits may be lost",
        "export again with this column as text",
    )

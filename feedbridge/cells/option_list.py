"""Names with values in one cell: ``color=Red,size=M``."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import Field

from feedbridge.cells.base import CellError, Reader
from feedbridge.cells.list import Character, split_cell
from feedbridge.cells.plain import plain_text, quoted

__all__ = ["OptionList"]

_CODE = re.compile(r"\s*[A-Za-z_]\w*\s*")


class OptionList(Reader):
    """Names with their values, in their order.

    >>> OptionList().read("color=Red,size=M")
    (('color', 'Red'), ('size', 'M'))
    >>> OptionList(continued=True).read("material=Cotton, wool,size=M")
    (('material', 'Cotton, wool'), ('size', 'M'))

    Shape:   a JSON object is taken as it is. A pair without a value is left out.
    Returns: tuple of (name, value).
    Raises:  CellError, code option-list-format (a piece without name), option-list-twice (one name with two values),
             list-quote, option-list-shape.
    """

    kind: ClassVar[str] = "option_list"

    separator: Annotated[str, Field(min_length=1)] = ","
    """Text between two pairs."""
    assign: Annotated[str, Field(min_length=1)] = "="
    """Text between name and value."""
    escape: Character | None = None
    """Character before a separator that makes it part of the value."""
    quote: Character | None = None
    """Character around values that hold separators; inside it is written twice."""
    continued: bool = False
    """A piece without ``name=`` belongs to the value before it."""

    def read(self, raw: Any) -> tuple[tuple[str, str], ...]:
        if isinstance(raw, dict):
            pairs = [
                (plain_text(name, "option-list"), plain_text(value, "option-list"))
                for name, value in raw.items()
                if value is not None
            ]
        else:
            pairs = self.pairs(plain_text(raw, "option-list"))
        found: dict[str, str] = {}
        for name, value in pairs:
            name, value = name.strip(), value.strip()
            if value and found.setdefault(name, value) != value:
                raise CellError(
                    "cell.option-list-twice", f'{quoted(raw)} gives "{name}" two values', "keep one of them"
                )
        return tuple(found.items())

    def pairs(self, text: str) -> list[tuple[str, str]]:
        pairs: list[tuple[str, str]] = []
        for piece in self.pieces(text):
            name, assign, value = piece.partition(self.assign)
            if assign and name.strip() and (not self.continued or _CODE.fullmatch(name)):
                pairs.append((name, self.unquoted(value)))
            elif self.continued and pairs:
                pairs[-1] = (pairs[-1][0], pairs[-1][1] + self.separator + piece)
            elif piece.strip():
                raise CellError(
                    "cell.option-list-format",
                    f"{quoted(text)}: {quoted(piece.strip())} is no name with a value",
                    f"write name{self.assign}value, pairs with {self.separator!r} between them",
                )
        return pairs

    def pieces(self, text: str) -> list[str]:
        """The cell cut at separators that are outside quotes."""
        if self.quote is None or self.quote not in text:
            return list(split_cell(text, self.separator, self.escape))
        opened, pieces = f"{self.assign}{self.quote}", [""]
        inside = False
        for part in split_cell(text, self.separator, self.escape):
            pieces[-1] = pieces[-1] + self.separator + part if inside else part
            value = pieces[-1].partition(opened)[2]
            inside = opened in pieces[-1] and (self.quote + value).count(self.quote) % 2 == 1
            if not inside:
                pieces.append("")
        if inside:
            raise CellError(
                "cell.list-quote", f"{quoted(text)}: a quote {self.quote} is opened and not closed", "close it"
            )
        return pieces[:-1]

    def unquoted(self, value: str) -> str:
        bare = value.strip()
        if self.quote is None or not bare.startswith(self.quote):
            return value
        return next(split_cell(bare, "\0", quote=self.quote))

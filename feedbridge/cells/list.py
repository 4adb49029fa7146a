"""Several texts in one cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from feedbridge.cells.base import CellError, Reader
from feedbridge.cells.plain import plain_text, quoted

__all__ = ["ListReader", "split_cell"]

Character = Annotated[str, Field(min_length=1, max_length=1)]


class ListReader(Reader):
    """Several texts in one cell, in their order.

    >>> ListReader().read("red, green, red")
    ('red', 'green')
    >>> ListReader(escape="\\\\").read("Home\\\\, Garden, Sale")
    ('Home, Garden', 'Sale')

    Shape:   empty items are nothing; a JSON list is taken item by item, a JSON number or boolean is one item.
    Returns: tuple of str; empty when the cell holds separators only.
    Raises:  CellError, code list-quote (a quote is not closed, or text follows it), list-item, list-shape.
    """

    kind: ClassVar[str] = "list"

    separator: Annotated[str, Field(min_length=1)] = ","
    """Text between two items."""
    escape: Character | None = None
    """Character before a separator that makes it part of the item; elsewhere it is itself."""
    escape_doubled: bool = False
    """The escape stands for itself when written twice."""
    quote: Character | None = None
    """Character around items that hold separators; inside it is written twice."""
    trim: bool = True
    """Take blanks off the ends of every item."""
    unique: bool = True
    """Keep the first of equal items only."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.quote is not None and (self.quote == self.escape or self.quote in self.separator):
            raise ValueError("quote must differ from escape and separator")
        if self.escape is not None and self.escape in self.separator:
            raise ValueError("escape must not be part of separator")
        if self.escape_doubled and self.escape is None:
            raise ValueError("escape_doubled needs an escape")
        return self

    def read(self, raw: Any) -> tuple[str, ...]:
        if isinstance(raw, list):
            items = [self.item(thing) for thing in raw]
        else:
            text = plain_text(raw, "list")
            items = list(split_cell(text, self.separator, self.escape, self.quote, escape_doubled=self.escape_doubled))
        if self.trim:
            items = [item.strip() for item in items]
        return tuple(dict.fromkeys(filter(None, items))) if self.unique else tuple(filter(None, items))

    def item(self, thing: Any) -> str:
        if thing is None or isinstance(thing, list | dict):
            raise CellError(
                "cell.list-item", f"{quoted(thing)} in a list is no text", "point the mapping at one text of each item"
            )
        return plain_text(thing, "list")


def split_cell(
    text: str, separator: str, escape: str | None = None, quote: str | None = None, *, escape_doubled: bool = False
) -> Iterator[str]:
    """The items of a cell, untrimmed, empty ones included.

    >>> list(split_cell("a|'b|''c'|d", "|", quote="'"))
    ['a', "b|'c", 'd']

    Shape:  a quote counts only at the start of an item (blanks before it are dropped).
    Raises: CellError, code list-quote.
    """
    if (escape is None or escape not in text) and (quote is None or quote not in text):
        yield from text.split(separator)
        return
    place, end = 0, len(text)
    item: list[str] = []
    fresh = True
    while place < end:
        character = text[place]
        if fresh and quote is not None and text[place:].lstrip()[:1] == quote:
            inner, place = _quoted_item(text, text.index(quote, place), quote, separator)
            item.append(inner)
        elif text.startswith(separator, place):
            yield "".join(item)
            item.clear()
            place += len(separator)
            fresh = True
            continue
        elif character == escape and text.startswith(separator, place + 1):
            item.append(separator)
            place += 1 + len(separator)
        elif character == escape and escape_doubled and text.startswith(character, place + 1):
            item.append(character)
            place += 2
        else:
            item.append(character)
            place += 1
        fresh = False
    yield "".join(item)


def _quoted_item(text: str, place: int, quote: str, separator: str) -> tuple[str, int]:
    """The content of a quoted item and the place behind it."""
    parts: list[str] = []
    start = place + 1
    while True:
        close = text.find(quote, start)
        if close < 0:
            raise CellError(
                "cell.list-quote",
                f"{quoted(text)}: a quote {quote} is opened and not closed",
                f"close it, or write {quote} twice",
            )
        parts.append(text[start:close])
        if not text.startswith(quote, close + 1):
            break
        parts.append(quote)
        start = close + 2
    place = close + 1
    rest = text[place:].split(separator, 1)[0]
    if rest.strip():
        raise CellError(
            "cell.list-quote",
            f"{quoted(text)}: {quoted(rest.strip())} follows a closed quote",
            f"put the whole item in {quote}",
        )
    return "".join(parts), place + len(rest)

"""Cells that hold several values: ``color=Red,size=M``, groups of such pairs, JSON text.

Source: Adobe Commerce, "Complex data" of product CSV files; Akeneo, table attributes.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from feedbridge.cells import CellError
from feedbridge.findings import cut
from feedbridge.mapping.schema import Packed

__all__ = ["Unpacker"]

NAME = r"[^\W\d][\w.:-]*"
"""What stands before the ``=`` of a pair: anything else belongs to the value before it."""

BLANKS = re.compile(r"\s*")


class Unpacker:
    """One packed column. The same cell, asked for several members in a row, is read once.

    >>> Unpacker("attributes", Packed(pairs=","))("color=Red, or nearly,size=M")
    {'color': 'Red, or nearly', 'size': 'M'}
    >>> Unpacker("variants", Packed(pairs=",", groups="|"))("sku=A,size=S|sku=B,size=M")
    [{'sku': 'A', 'size': 'S'}, {'sku': 'B', 'size': 'M'}]
    """

    def __init__(self, label: str, packed: Packed) -> None:
        self.label = label
        self.packed = packed
        self.last: Any = ""
        self.value: Any = None
        self.next_group: re.Pattern[str] | None = None
        if packed.pairs is not None:
            assign, pairs = re.escape(packed.assign), re.escape(packed.pairs)
            begin = rf"\s*({NAME}){assign}"
            self.begin = re.compile(begin)
            end = r"\s*$"
            if packed.groups:
                self.next_group = re.compile(rf"{re.escape(packed.groups)}(?={begin}|\s*$)")
                end = rf"\s*(?:{re.escape(packed.groups)}\s*)?$|\s*{re.escape(packed.groups)}{begin}"
            self.next_pair = re.compile(rf"{pairs}(?={begin}|{end})")
            self.ends = re.compile("|".join(one.pattern for one in (self.next_pair, self.next_group) if one is not None))
            """Where a value ends. One search finds the nearer: two would read a long cell over and over."""
            one = r'"(?:[^"]|"")*"'
            self.closed = re.compile(rf"{one}(?:\|{one})*(?=\s*(?:{pairs}|\||$))")

    def __call__(self, raw: Any) -> Any:
        """The cell's values: an object, or a list of objects; None for an empty cell. Raises CellError."""
        if not isinstance(raw, str):
            return raw
        if raw is not self.last:
            self.value = self.unpack(raw)
            self.last = raw
        return self.value

    def unpack(self, raw: str) -> Any:
        text = raw.strip()
        if not text:
            return None
        if self.packed.json_:
            return self.json(text)
        found = self.objects(text)
        if self.next_group is None:
            return found[0]
        return gathered(found, self.packed.gather, self.packed.value) if self.packed.gather else found

    def json(self, text: str) -> Any:
        import json

        try:
            return json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError) as exc:
            raise CellError(
                "cell.packed", f"{cut(text)!r} is not JSON: {str(exc)[:80]}", "mend the cell, or empty it"
            ) from exc

    def objects(self, text: str) -> list[dict[str, Any]]:
        """Groups of ``name=value`` pairs. A value in double quotes ends at its closing quote (several of them, with bars
        between, are a list), else before the next pair or group; a separator at the very end is nothing."""
        found: list[dict[str, Any]] = []
        now: dict[str, Any] = {}
        place = 0
        while (place := BLANKS.match(text, place).end()) < len(text):  # type: ignore[union-attr]  # nothing matches, too
            if self.next_group is not None and (group := self.next_group.match(text, place)):
                found += [now] if now else []
                now, place = {}, group.end()
                continue
            match = self.begin.match(text, place)
            if match is None:
                raise self.wrong(text, place)
            name, place = match[1], match.end()
            closed = self.closed.match(text, place)
            if closed is not None:
                value: str | list[str] = enclosed(closed[0])
                place = BLANKS.match(text, closed.end()).end()  # type: ignore[union-attr]  # as above
            else:
                upcoming = self.ends.search(text, place)
                end = upcoming.start() if upcoming is not None else len(text)
                value, place = text[place:end].strip(), end
            pair = self.next_pair.match(text, place)
            place = pair.end() if pair is not None else place
            if now.setdefault(name, value) != value:
                raise CellError(
                    "cell.packed",
                    f'{cut(text)!r} says "{name}" twice, as {cut(str(now[name]))!r} and as {cut(str(value))!r}',
                    "keep one of the two",
                )
        if now or self.next_group is None:
            found.append(now)
        return found

    def wrong(self, text: str, place: int) -> CellError:
        shape = f"name{self.packed.assign}value{self.packed.pairs}name{self.packed.assign}value"
        return CellError(
            "cell.packed",
            f"{cut(text[place:] or text)!r} is not a pair of name and value",
            f"write {shape}, and put a value that looks like a pair itself in double quotes",
        )


def enclosed(text: str) -> str | list[str]:
    """``"one"`` as its text, ``"one"|"two"`` as a list."""
    found = [item.replace('""', '"').strip() for item in re.findall(r'"((?:[^"]|"")*)"(?:\||$)', text)]
    return found[0] if len(found) == 1 else found


def gathered(objects: list[dict[str, Any]], by: str, value: str | None) -> list[dict[str, Any]]:
    """Objects with the same ``by`` as one: its first object, with all of them that have ``value`` as ``values``."""
    found: dict[str, dict[str, Any]] = {}
    for one in objects:
        key = str(one.get(by, ""))
        values = found.setdefault(key, {**one, "values": []})["values"]
        if value is None or one.get(value):
            values.append(one)
    return list(found.values())

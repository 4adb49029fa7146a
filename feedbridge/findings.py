"""Finding: what is wrong in the data, where, and how to mend it. Collected, never raised."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

__all__ = ["Finding", "Severity", "VALUE_CHARS", "cut", "name_shown"]

VALUE_CHARS = 200
NAME_CHARS = 80


class Severity(StrEnum):
    """``error`` holds the product back (for that platform only when the rule is a platform's),
    ``warning`` is written all the same, ``advice`` never touches the exit status."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


class Finding(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing wrong with one place of the data.

    ``line``     physical line an editor shows (1 is the file's first), of the record's first line
    ``column``   the column of the file, or for JSON the path inside the record
    ``pointer``  JSON Pointer (RFC 6901) of the record, for JSON sources
    ``field``    the canonical field, as ``variants.2.price`` (counted from 0)
    ``platform`` set when a platform's rule found it: only that platform's copy is held back
    ``value``    the offending text, cut at 200 characters
    """

    code: str
    severity: Severity
    message: str
    mend: str = ""
    file: str = ""
    line: int = 0
    column: str = ""
    pointer: str = ""
    sku: str = ""
    field: str = ""
    platform: str = ""
    value: str = ""

    def place(self) -> str:
        """``feed.csv:14, column "Preis", SKU TEE-042``, or ``feed.json:1#/items/3, SKU TEE-042``; parts that are not
        known are left out."""
        text = self.file
        if self.line:
            text += f":{self.line}"
        if self.pointer:
            text += f"#{self.pointer}"
        parts = [text] if text else []
        if self.column:
            parts.append(f'column "{name_shown(self.column)}"')
        if self.sku:
            parts.append(f"SKU {self.sku}")
        return ", ".join(parts)

    def __str__(self) -> str:
        place = self.place()
        text = f"{place}: {self.message} [{self.code}]" if place else f"{self.message} [{self.code}]"
        return f"{text}\n  mend: {self.mend}" if self.mend else text

    def to_dict(self) -> dict[str, Any]:
        """The finding as one JSON object (a line of ``findings.jsonl``)."""
        return msgspec.to_builtins(self)


def name_shown(name: str) -> str:
    """A column's name inside a message: on one line, and not longer than 80 characters.

    >>> print(name_shown("price\\n(net)"))
    price\\n(net)
    """
    text = name
    if not name.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    return text if len(text) <= NAME_CHARS else text[: NAME_CHARS - 1] + "…"


def cut(value: object) -> str:
    """Show a value in a finding: text, at most 200 characters."""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= VALUE_CHARS else text[: VALUE_CHARS - 1] + "…"

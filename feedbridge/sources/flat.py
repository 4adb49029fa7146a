"""Documents without anything nested, read as the table they are: the JSON or NDJSON twin of a CSV file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from feedbridge.findings import Finding
from feedbridge.sources.base import BadCells, BadDocument, Batch, Range, Record, Source, compared
from feedbridge.sources.duplicates import duplicate_headers
from feedbridge.sources.typed import one_way

__all__ = ["FlatTable", "flat_table"]

MOST_DIGITS = 40
"""A number with more zeros keeps its exponent: written out, ``1e999999999`` would fill the memory."""


def cell(value: Any) -> str:
    """A scalar as a CSV export writes it; ``1.234``, which a text could mean two ways, as ``1.2340``."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal) and abs(value.adjusted()) <= MOST_DIGITS:
        return one_way(format(value, "f"))
    return str(value)


def flat_table(source: Source) -> FlatTable | None:
    """A source of documents as a table; None when a document holds a list or an object, there is none, or it is
    a table already."""
    if source.kind == "table":
        return None
    header: dict[str, None] = {}
    together: set[str] = set()
    some = False
    for batch in source.batches():
        for record in batch.records:
            document = record[1]
            if isinstance(document, BadDocument):
                continue
            some = True
            for value in document.values():
                if value.__class__ is dict or value.__class__ is list:
                    return None
            if not document.keys() <= header.keys():
                header.update(dict.fromkeys(document))
            if len(spelt := {compared(name) for name in document}) < len(document):
                together |= {one for one in spelt if sum(compared(name) == one for name in document) > 1}
    return FlatTable(source, list(header), together) if some else None


class FlatTable:
    """Documents as rows. A record is ``(line, cells, index, document)``.

    ``header``  every member's name, in the order they are met; names that differ only in case or blanks are one, unless
                a document has both
    """

    kind: Literal["table", "documents"] = "table"

    def __init__(self, source: Source, header: list[str], together: Collection[str] = ()) -> None:
        self.source = source
        self.path = getattr(source, "path", None)
        self.name = source.name
        self.folder: Path | None = source.folder
        spellings: dict[str, list[str]] = {}
        for name in header:
            same = compared(name)
            spellings.setdefault(name if same in together else same, []).append(name)
        self.header = [names[0] for names in spellings.values()]
        self._spelt = [(names[0], names[1:]) for names in spellings.values()]
        self._plain = len(self.header) == len(header)
        self.findings: list[Finding] = [*source.findings, *duplicate_headers(self.header, source.name, 0)]
        self.is_quarantine = source.is_quarantine
        self.about: dict[str, Any] = source.about
        self.pointer_prefix = source.pointer_prefix
        self.namespaces: frozenset[str] = frozenset(getattr(source, "namespaces", ()))

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records in file order."""
        for batch in self.source.batches(part):
            records: list[Record] = []
            for record in batch.records:
                records.append((record[0], self.cells(record[1], record[0]), *record[2:], record[1]))
            yield Batch(records, batch.findings)

    def cells(self, document: dict[str, Any], line: int) -> list[str]:
        get = document.get
        if self._plain:
            cells = [cell(get(name)) for name in self.header]
        else:
            cells = [
                cell(get(one)) or next(filter(None, map(cell, map(get, others))), "") for one, others in self._spelt
            ]
        if not isinstance(document, BadDocument):
            return cells
        bad = BadCells(cells)
        bad.finding, bad.raw, bad.last_line, bad.reliable = document.finding, document.raw, line, 0
        return bad

    def document_of(self, record: Record) -> dict[str, Any]:
        """The record as the file has it."""
        document: dict[str, Any] = record[-1]
        return document

    def place(self, record: Record) -> tuple[str, int, str]:
        """File, line and JSON Pointer of a record."""
        pointer = getattr(self.source, "pointer", None)
        return self.name, record[0], pointer((record[0], record[-1], *record[2:-1])) if pointer is not None else ""

    def split(self, parts: int, *, least_bytes: int = 8 << 20) -> list[Range]:
        """Read in one piece."""
        return []

    def sha256(self) -> str:
        """Digest of the file."""
        return self.source.sha256()

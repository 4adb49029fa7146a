"""Documents without anything nested, read as the table they are: the JSON or NDJSON twin of a CSV file."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from feedbridge.findings import Finding
from feedbridge.sources.base import BadCells, BadDocument, Batch, Range, Record, Source

__all__ = ["FlatTable", "flat_table"]


def cell(value: Any) -> str:
    """A scalar as a CSV export writes it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def flat_table(source: Source) -> FlatTable | None:
    """A source of documents as a table; None when a document holds a list or an object, or there is none."""
    header: dict[str, None] = {}
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
    return FlatTable(source, list(header)) if some else None


class FlatTable:
    """Documents as rows. A record is ``(line, cells, index, document)``.

    ``header``  every member's name, in the order they are met
    """

    kind: Literal["table", "documents"] = "table"

    def __init__(self, source: Source, header: list[str]) -> None:
        self.source = source
        self.path = getattr(source, "path", None)
        self.name = source.name
        self.folder: Path | None = source.folder
        self.header = header
        self.findings: list[Finding] = list(source.findings)
        self.is_quarantine = source.is_quarantine
        self.about: dict[str, Any] = source.about
        self.pointer_prefix = source.pointer_prefix

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records in file order."""
        for batch in self.source.batches(part):
            records: list[Record] = []
            for record in batch.records:
                records.append((record[0], self.cells(record[1], record[0]), *record[2:], record[1]))
            yield Batch(records, batch.findings)

    def cells(self, document: dict[str, Any], line: int) -> list[str]:
        if not isinstance(document, BadDocument):
            return [cell(document.get(name)) for name in self.header]
        bad = BadCells([cell(document.get(name)) for name in self.header])
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

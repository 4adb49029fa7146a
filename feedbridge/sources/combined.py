"""Several files read as one source (products in one file, their models in another)."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from feedbridge.findings import Finding
from feedbridge.sources.base import BadCells, Batch, Range, Record, Source, compared

__all__ = ["CombinedSource", "CombinedTable"]


class CombinedSource:
    """Documents of several sources, one after another. A record is ``(line, document, index, own index)``: its index
    runs on over the files, and ``place`` leads back."""

    kind: Literal["table", "documents"] = "documents"

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = list(sources)
        self.name = ", ".join(source.name for source in sources)
        self.folder: Path | None = sources[0].folder
        self.header: list[str] = []
        self.findings: list[Finding] = [finding for source in sources for finding in source.findings]
        self.is_quarantine = any(source.is_quarantine for source in sources)
        self.about: dict[str, Any] = {
            "format": "json" if self.kind == "documents" else str(sources[0].about.get("format", "csv")),
            "files": [source.about for source in sources],
        }
        self.pointer_prefix = "/"
        self._starts: list[int] = []

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records of all files in order."""
        index = 0
        starts: list[int] = []
        for source in self.sources:
            starts.append(index)
            if len(starts) > len(self._starts):
                self._starts = list(starts)
            for batch in source.batches():
                records: list[Record] = [
                    (line, document, number, own) for number, (line, document, own) in enumerate(batch.records, index)
                ]
                index += len(records)
                yield Batch(records, batch.findings)

    def place(self, record: Record) -> tuple[str, int, str]:
        """File, line and JSON Pointer of a record."""
        source = self.of(record)
        pointer = getattr(source, "pointer", None)
        return source.name, record[0], pointer((record[0], record[1], record[3])) if pointer is not None else ""

    def place_at(self, line: int, index: int) -> tuple[str, int, str]:
        """File, line and JSON Pointer of the record with that line and index."""
        number = bisect_right(self._starts, index) - 1
        source = self.sources[number]
        record: Record = (line, {}, index - self._starts[number], {})
        place, pointer = getattr(source, "place", None), getattr(source, "pointer", None)
        if place is not None:
            found: tuple[str, int, str] = place(record)
            return found
        return source.name, line, pointer(record) if pointer is not None else ""

    def of(self, record: Record) -> Source:
        """The file a record is from."""
        return self.sources[bisect_right(self._starts, record[2]) - 1]

    def split(self, parts: int, *, least_bytes: int = 8 << 20) -> list[Range]:
        """Cannot be split."""
        return []

    def sha256(self) -> str:
        """Digest over the digests of the files."""
        return hashlib.sha256("".join(source.sha256() for source in self.sources).encode()).hexdigest()


class CombinedTable(CombinedSource):
    """Tables of several files, one after another, under all of their columns; a file's records are empty where it has
    no such column. A record is ``(line, cells, index, number of the file, the file's own record)``.

    ``attached``  further files whose rows belong to these records, by name; they are no records themselves
    """

    kind: Literal["table", "documents"] = "table"

    def __init__(self, sources: Sequence[Source], attached: Mapping[str, Any] | None = None) -> None:
        super().__init__(sources)
        self.attached = dict(attached or {})
        columns: dict[str, str] = {}
        for source in sources:
            for name in source.header:
                columns.setdefault(compared(name), name)
        first = sources[0].header
        if len(sources) == 1 or all(source.header == first for source in sources):
            self.header = list(first)
            self._places = [list(range(len(first))) for _ in sources]
        else:
            self.header = list(columns.values())
            where = {name: place for place, name in enumerate(columns)}
            self._places = [[where[compared(name)] for name in source.header] for source in sources]
        if len(sources) == 1:
            self.about = {**sources[0].about}

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records of all files in order."""
        index = 0
        width = len(self.header)
        for number, (source, places) in enumerate(zip(self.sources, self._places, strict=True)):
            if number == len(self._starts):
                self._starts.append(index)
            same = places == list(range(width))
            for batch in source.batches():
                records: list[Record] = []
                for record in batch.records:
                    cells = record[1] if same else self._wide(record[1], places, width)
                    records.append((record[0], cells, index, number, record))
                    index += 1
                yield Batch(records, batch.findings)

    @staticmethod
    def _wide(cells: list[str], places: list[int], width: int) -> list[str]:
        wide = [""] * width
        for place, cell in zip(places, cells, strict=True):
            wide[place] = wide[place] or cell
        if not isinstance(cells, BadCells):
            return wide
        bad = BadCells(wide)
        bad.finding, bad.raw, bad.last_line, bad.reliable = cells.finding, cells.raw, cells.last_line, 0
        return bad

    def of(self, record: Record) -> Source:
        """The file a record is from."""
        return self.sources[record[3]]

    def place(self, record: Record) -> tuple[str, int, str]:
        """File, line and JSON Pointer of a record."""
        source = self.of(record)
        place = getattr(source, "place", None)
        found: tuple[str, int, str] = place(record[4]) if place is not None else (source.name, record[0], "")
        return found

    def own_cells(self, record: Record) -> Any:
        """The record as its own file has it: cells, or a document."""
        document_of = getattr(self.of(record), "document_of", None)
        return document_of(record[4]) if document_of is not None else record[4][1]

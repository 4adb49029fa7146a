"""Several files of documents read as one source (products in one file, their models in another)."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from feedbridge.findings import Finding
from feedbridge.sources.base import Batch, Range, Record, Source

__all__ = ["CombinedSource"]


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
        self.about: dict[str, Any] = {"format": "json", "files": [source.about for source in sources]}
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
        source = self.sources[bisect_right(self._starts, record[2]) - 1]
        pointer = getattr(source, "pointer", None)
        return source.name, record[0], pointer((record[0], record[1], record[3])) if pointer is not None else ""

    def split(self, parts: int, *, least_bytes: int = 8 << 20) -> list[Range]:
        """Cannot be split."""
        return []

    def sha256(self) -> str:
        """Digest over the digests of the files."""
        return hashlib.sha256("".join(source.sha256() for source in self.sources).encode()).hexdigest()

"""What a source is: something that gives records with their place, as often as asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from feedbridge.findings import Finding

__all__ = [
    "FRONT_COLUMNS", "GUARD", "MEMBER", "UNMENDED", "BadCells", "BadDocument", "Batch", "Range", "Record", "Source",
    "TWICE", "compared", "still_twice",
]  # fmt: skip

FRONT_COLUMNS = ("line", "code", "problem", "mend")
"""In front of the columns of a quarantine file; the reader of a fed-back file takes them off."""
MEMBER = "_feedbridge"
"""The member of a held-back document that says why; the reader takes it off."""
UNMENDED = "feedbridge: mend this row, then delete this cell"
"""One cell too many, behind a row that could not be read. A row of a fed-back file that still has it is held back
again: without it, a broken row could pass for a short one."""
GUARD = UNMENDED.partition(",")[0]
"""By this the cell is known again, also in a table without quotes, where the comma cuts it in two."""

TWICE = "was there before"
"""How a held-back record says that its SKU is another product's; the SKU stands in quotes before it."""


def still_twice(problem: str, values: Iterable[object]) -> str:
    """The SKU for which a fed-back record was held back and that still stands in it; empty when it was changed.
    Written now, alone, it would pass and overwrite the product that has the SKU."""
    match = re.search(rf'"([^"]+)" {TWICE}', problem)
    if match is None:
        return ""
    return match[1] if any(isinstance(value, str) and value.strip() == match[1] for value in values) else ""


Record = tuple[Any, ...]
"""``(line, cells)`` of a table or ``(line, document, index)`` of a list of documents.

``line``   physical line an editor shows of the record's first line; the file's first line is 1
``cells``  list of str, exactly as long as the header (BadCells when the record cannot be trusted)
``document`` dict as parsed; numbers with a point are Decimal (BadDocument when it cannot be trusted)
``index``  place in its list, from 0: the last step of the record's JSON Pointer
"""


def compared(name: str) -> str:
    """A column's name as names are compared: in one Unicode form, blanks folded, without case.

    >>> compared(" SKU ") == compared("sku")
    True
    """
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


class BadCells(list[str]):
    """Cells of a record that could not be read. ``self[:reliable]`` can be trusted, the rest is a guess;
    always as long as the header. ``raw`` is the text of the record's physical lines, ``last_line`` its last."""

    finding: Finding
    raw: str
    reliable: int
    last_line: int


class BadDocument(dict[str, Any]):
    """A document that could not be read: ``raw`` is its text."""

    finding: Finding
    raw: str


class Batch(msgspec.Struct):
    """Some records in file order, and what is noticed about rows that are used all the same (short rows padded)."""

    records: list[Record]
    findings: list[Finding]


class Range(msgspec.Struct, frozen=True):
    """A part of a seekable file that starts and ends at record boundaries: bytes ``start`` to ``end``;
    ``line`` is the physical line at ``start``."""

    start: int
    end: int
    line: int


class Source(Protocol):
    """One file, stream or DataFrame, opened and understood (format, dialect, encoding, header).

    ``name``     as findings show it (the path as the user gave it, ``<stdin>``, ``<DataFrame>``)
    ``folder``   where relative paths in it start, or None
    ``header``   columns of a table exactly as written; empty for documents
    ``findings`` what is noticed about the source as a whole (duplicate or empty header, header only …)
    ``is_quarantine`` it is a file of a ``quarantine/`` folder: its four front columns were taken off
    ``about``    how it was read, for the manifest: ``{"format": "csv", "encoding": "utf-8", "delimiter": ",", …}``
    ``pointer_prefix`` JSON Pointer of the list the documents are in, with a final ``/`` (documents only)
    """

    name: str
    folder: Path | None
    kind: Literal["table", "documents"]
    header: list[str]
    findings: list[Finding]
    is_quarantine: bool
    about: dict[str, Any]
    pointer_prefix: str

    def batches(self, part: Range | None = None) -> Iterator[Batch]:
        """All records in file order, from the start at each call. Raises SourceError."""

    def split(self, parts: int, *, least_bytes: int = 8 << 20) -> list[Range]:
        """Ranges to read side by side: empty when the source cannot be split, or is smaller than ``least_bytes``."""

    def sha256(self) -> str:
        """Digest of the bytes as they lie on disk (compressed files: as compressed)."""

"""JSON Lines: blocks cut at line ends, each line parsed by itself, so that a broken line costs that record alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from feedbridge.errors import SourceError
from feedbridge.sources.base import BadDocument, Record
from feedbridge.sources.json_parse import Fault, decode_line, encode, read_carefully, trusted
from feedbridge.sources.json_refused import Refusals
from feedbridge.sources.json_window import REPLACE_BY_NUL

__all__ = ["LineReader", "blocks_of_lines", "line_ends"]

LINES_PER_BATCH = 2000
LINES_TRIED_TOGETHER = 16
"""Where a block has a line that is not plainly good, so many lines beside it are read with more care."""

_ESCAPED_COLON = re.compile(rb"\\u003[aA]")
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError)


def blocks_of_lines(pieces: Iterable[bytes], name: str, most: int) -> Iterator[bytes]:
    """Blocks of UTF-8 that end at line ends. Raises SourceError for a line of more than ``most`` bytes."""
    parts: list[bytes] = []
    held = 0
    for piece in pieces:
        cut_at = piece.rfind(b"\n") + 1 or piece.rfind(b"\r", 0, -1) + 1
        if cut_at:
            parts.append(piece[:cut_at])
            yield b"".join(parts)
            parts, held = [], 0
            piece = piece[cut_at:]
        parts.append(piece)
        held += len(piece)
        if held > most:
            raise SourceError(
                f"a line is longer than {most:,} bytes", where=name, code="json.item-too-large",
                mend="write one product a line",
            )  # fmt: skip
    yield b"".join(parts)


def line_ends(block: bytes) -> int:
    """How many lines end in a block; a CRLF that is cut in two counts in both."""
    count = block.count(b"\n")
    return count + block.count(b"\r") - block.count(b"\r\n") if b"\r" in block else count


class LineReader:
    """Records of some blocks of lines.

    ``path``    of the list of records where each line is a page
    ``prefix``  JSON Pointer of that list, with a final ``/``
    ``strip``   records are those of a quarantine file
    """

    def __init__(self, refusals: Refusals, path: tuple[str, ...] | None, prefix: str, *, strip: bool = False) -> None:
        self.refusals, self.path, self.prefix, self.strip = refusals, path, prefix, strip

    def batches(self, blocks: Iterable[bytes], line: int = 1) -> Iterator[list[Record]]:
        """The records of all blocks, the first of which begins at ``line``."""
        for block in blocks:
            lines = block.splitlines()
            # A parser cannot tell an escaped colon from a plain one. The backslash alone is found much quicker.
            escaped = b"\\" in block and _ESCAPED_COLON.search(block) is not None
            for first in range(0, len(lines), LINES_PER_BATCH):
                some = lines if len(lines) <= LINES_PER_BATCH else lines[first : first + LINES_PER_BATCH]
                records = self.together(some, line + first, escaped)
                if self.path is not None:
                    records = self.unpacked(records, self.path)
                if records:
                    yield records
            line += len(lines)

    def together(self, lines: list[bytes], line: int, escaped: bool) -> list[Record]:
        """Records of some lines, read at one go when all is well with them."""
        numbers: Iterable[int] = range(line, line + len(lines))
        given = lines
        if b"" in lines:
            numbers = [number for number, text in zip(numbers, lines, strict=True) if text]
            given = [text for text in lines if text]
        try:
            documents = [] if escaped else [decode_line(text) for text in given]
        except _UNREADABLE:
            documents = []
        if not documents or not trusted(documents, sum([text.count(b":") for text in given])):
            return self.apart(lines, line, escaped)
        if self.strip:
            documents = [self.refusals.taken_back(d, number) for number, d in zip(numbers, documents, strict=True)]
        return [(number, document, number - 1) for number, document in zip(numbers, documents, strict=True)]

    def apart(self, lines: list[bytes], line: int, escaped: bool) -> list[Record]:
        """Records of lines not all of which are good: a few lines at a time, then each by itself."""
        if len(lines) > LINES_TRIED_TOGETHER:
            records: list[Record] = []
            for first in range(0, len(lines), LINES_TRIED_TOGETHER):
                some = lines[first : first + LINES_TRIED_TOGETHER]
                records += self.together(some, line + first, escaped and b"\\u003" in b"".join(some))
            return records
        return [
            (number, document, number - 1)
            for number, text in enumerate(lines, line)
            if (document := self.one(text, number)) is not None
        ]

    def one(self, line: bytes, number: int) -> dict[str, Any] | None:
        """One line read by itself; None when it is blank."""
        try:
            document = decode_line(line)
            understood = not _ESCAPED_COLON.search(line) and trusted([document], line.count(b":"))
        except _UNREADABLE:
            understood = False
        if not understood:
            text = line.decode("utf-8", REPLACE_BY_NUL).removeprefix("\ufeff")
            if not text.strip(" \t\r\n"):
                return None
            try:
                document = read_carefully(text)
            except Fault as fault:
                return self.refusals.fault(fault, text, number)
            if not isinstance(document, dict):
                return self.refusals.not_an_object(document, text, number, "")
        return self.refusals.taken_back(document, number) if self.strip else document

    def unpacked(self, records: list[Record], path: tuple[str, ...]) -> list[Record]:
        """The records of pages."""
        found: list[Record] = []
        for record in records:
            line, page, _ = record
            if isinstance(page, BadDocument):
                found.append(record)
                continue
            inner: Any = page
            for step in path:
                inner = inner.get(step) if isinstance(inner, dict) else None
            if not isinstance(inner, list):
                found.append((line, self.refusals.no_items(line, encode(page).decode()), 0))
                continue
            for index, item in enumerate(inner):
                if not isinstance(item, dict):
                    text = encode(item).decode()
                    item = self.refusals.not_an_object(item, text, line, f"{self.prefix}{index}")
                found.append((line, item, index))
        return found

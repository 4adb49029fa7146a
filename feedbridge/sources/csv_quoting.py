"""Whether quotes are ordinary characters in a tab-separated file: feeds may be written with quoting off (``"Pro" pan``)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import BinaryIO

from feedbridge.sources.base import GUARD
from feedbridge.sources.dialect import Dialect
from feedbridge.sources.encoding import Lines

__all__ = ["looks_unquoted"]

LOOKED_AT_CHARS = 64 << 20
"""Quotes that are wrong only behind so much text do not change how the file is read: their rows are held back."""
_RECORD_LINES = 20_000
_RECORD_CHARS = 10_000_000
_BLOCK_BYTES = 1 << 18


def looks_unquoted(
    open_bytes: Callable[[], BinaryIO], open_lines: Callable[[BinaryIO], Lines], above: int, dialect: Dialect
) -> tuple[int, str] | None:
    """The first cell whose quote is an ordinary character, with its line, when all of the file is written so.

    It is when reading with quotes makes rows that do not fit the header, while cut at the delimiter alone every row
    has as many cells as the header, and more cells only begin with a quote than stand in quotes.

    ``open_bytes``  the file from its start, behind a byte-order mark; ``open_lines`` its lines
    ``above``       lines that are not part of the table
    """
    with closing(open_bytes()) as stream:
        if not _has_quoted(stream):
            return None
    with closing(open_bytes()) as stream:
        if _fits_quoted(_lines(open_lines(stream), above), dialect):
            return None
    with closing(open_bytes()) as stream:
        return _fits_unquoted(_lines(open_lines(stream), above), dialect, above)


def _has_quoted(stream: BinaryIO) -> bool:
    """Whether any cell begins with a quote, as far as the bytes tell."""
    last, seen = b"\n", 0
    while seen < LOOKED_AT_CHARS and (block := stream.read(_BLOCK_BYTES)):
        seen += len(block)
        block = last + block.replace(b"\0", b"")
        if b'\t"' in block or b'\n"' in block or b'\r"' in block:
            return True
        last = block[-1:]
    return False


def _lines(window: Lines, above: int) -> Iterator[str]:
    while window.lines or not window.ended:
        if not window.lines:
            window.read()
            continue
        lines = list(window.lines)
        window.drop(len(lines))
        yield from lines[above:]
        above = max(0, above - len(lines))


def _fits_quoted(lines: Iterator[str], dialect: Dialect) -> bool:
    """Whether every record with quotes has the header's width, and none has swallowed whole rows."""
    held: list[str] = []
    chars = begun = 0

    def noted() -> Iterator[str]:
        nonlocal chars
        for line in lines:
            chars += len(line)
            held.append(line)
            if len(held) > _RECORD_LINES or (len(held) > 1 and chars - begun > _RECORD_CHARS):
                raise csv.Error("a record without end")
            yield line

    width = 0
    try:
        for cells in csv.reader(noted(), **dialect.reader_options()):
            width = width or len(cells)
            if any(cells) and any('"' in line for line in held):
                if len(cells) != width:
                    return False
                if len(held) > 1 and width > 1 and all(line.count(dialect.delimiter) == width - 1 for line in held):
                    return False
            held.clear()
            begun = chars
            if chars > LOOKED_AT_CHARS:
                break
    except csv.Error:
        return False
    return True


def _fits_unquoted(lines: Iterator[str], dialect: Dialect, above: int) -> tuple[int, str] | None:
    cuts = -1
    opened = wrapped = 0
    first: tuple[int, str] | None = None
    for number, line in enumerate(lines, above + 1):
        if not line.strip():
            continue
        is_header = cuts < 0
        if is_header:
            cuts = line.count(dialect.delimiter)
        elif line.count(dialect.delimiter) != cuts and GUARD not in line:
            return None
        if '"' not in line:
            continue
        for cell in line.rstrip("\r\n").split(dialect.delimiter):
            if not cell.startswith('"'):
                continue
            if len(cell) > 1 and cell.endswith('"') and '"' not in cell[1:-1].replace('""', ""):
                if is_header:
                    return None
                wrapped += 1
            else:
                opened += 1
                first = first or (number, cell)
    return first if opened >= wrapped else None

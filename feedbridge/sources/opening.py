"""Open whatever the user names: find out its format by its content and give back a Source."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from feedbridge.findings import Finding, Severity
from feedbridge.sources.base import Source
from feedbridge.sources.combined import CombinedSource
from feedbridge.sources.csv import CsvSource
from feedbridge.sources.dialect import DELIMITERS
from feedbridge.sources.files import open_binary, strip_compression_suffix
from feedbridge.sources.json import JsonSource

__all__ = ["combine", "is_json", "open_source"]

JSON_SUFFIXES = {".json", ".jsonl", ".ndjson"}
SNIFF_BYTES = 4096
TABLE_SUFFIXES = {".csv", ".tsv", ".tab"}
BLANK = " \t\r\n\ufeff\ufffd\0"
"""What may stand before the first sign of a text; U+FFFD is what the byte-order mark of UTF-16 looks like here."""


def open_source(
    thing: Any, *, name: str | None = None, format: str | None = None, encoding: str | None = None,
    delimiter: str | None = None, quote: str | None = None, quoting: bool = True, header: bool = True,
    skip_lines: int = 0, items: str | None = None, folder: Path | None = None,
) -> Source:
    """A file (path) or a pandas DataFrame as a Source.

    ``format`` csv or json; found out by content and suffix when None. The other settings are those of
    CsvSource and JsonSource. Raises: SourceError.
    """
    if not isinstance(thing, str | Path):
        from feedbridge.sources.frame import FrameSource

        return FrameSource(thing, name=name or "<DataFrame>", folder=folder)
    path = Path(thing)
    found, doubt = _format(path) if format is None else (format, "")
    source: Source
    if found == "json":
        source = JsonSource(path, name=name, items=items, encoding=encoding, folder=folder)
    else:
        source = CsvSource(
            path, name=name, encoding=encoding, delimiter=delimiter, quote=quote, quoting=quoting, has_header=header,
            skip_lines=skip_lines, folder=folder,
        )  # fmt: skip
    if doubt:
        source.findings.append(
            Finding(
                code="source.format-doubt", severity=Severity.WARNING, file=source.name, message=doubt,
                mend="give the file the suffix of what it is, or say source.format in the mapping",
            )
        )  # fmt: skip
    return source


def is_json(path: Path) -> bool:
    """Whether a file is read as JSON: by what it begins with, and by its suffix where that leaves it open."""
    return _format(path)[0] == "json"


def _format(path: Path) -> tuple[str, str]:
    """``json`` or ``csv``, and what is said when suffix and content contradict each other."""
    with closing(open_binary(path)) as stream:
        start = stream.read(SNIFF_BYTES)
    suffix = Path(strip_compression_suffix(path.name)).suffix.lower()
    text = start.decode("utf-8", "replace").lstrip(BLANK).replace("\0", "")
    begins_json = text.startswith("{") or (text.startswith("[") and text[1:].lstrip(BLANK)[:1] in {"{", "]"})
    if suffix in JSON_SUFFIXES:
        if begins_json or not _begins_table(text):
            return "json", ""
        return "csv", f"it is named {suffix}, but its text is a table: it is read as CSV"
    if begins_json and suffix in TABLE_SUFFIXES:
        return "json", f"it is named {suffix}, but its text is JSON: it is read as such"
    return ("json" if begins_json else "csv"), ""


def _begins_table(text: str) -> bool:
    """Whether the first lines are cut by a delimiter alike, and none could be a line of JSON. A page of HTML or an
    error message under a JSON name is no table, so that it stays what it is: broken JSON."""
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    if len(lines) < 2 or any(line.lstrip()[:1] in set("{}[]<") for line in lines):
        return False
    return any(0 < lines[0].count(mark) == lines[1].count(mark) for mark in DELIMITERS)


def combine(sources: Sequence[Source]) -> Source:
    """Several files of documents as one, so that parents and variants may be in different files."""
    return sources[0] if len(sources) == 1 else CombinedSource(sources)

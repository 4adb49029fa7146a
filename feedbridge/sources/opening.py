"""Open whatever the user names: find out its format by its content and give back a Source."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from feedbridge.sources.base import Source
from feedbridge.sources.combined import CombinedSource
from feedbridge.sources.csv import CsvSource
from feedbridge.sources.files import open_binary, strip_compression_suffix
from feedbridge.sources.json import JsonSource

__all__ = ["combine", "is_json", "open_source"]

JSON_SUFFIXES = {".json", ".jsonl", ".ndjson"}
SNIFF_BYTES = 4096
BLANK = " \t\r\n\ufeff\0"


def open_source(
    thing: Any, *, name: str | None = None, format: str | None = None, encoding: str | None = None,
    delimiter: str | None = None, quote: str | None = None, quoting: bool = True, header: bool = True,
    skip_lines: int = 0, items: str | None = None, folder: Path | None = None,
) -> Source:
    """A file (path) or a pandas DataFrame as a Source.

    ``format`` csv or json; found out by suffix and content when None. The other settings are those of
    CsvSource and JsonSource. Raises: SourceError.
    """
    if not isinstance(thing, str | Path):
        from feedbridge.sources.frame import FrameSource

        return FrameSource(thing, name=name or "<DataFrame>", folder=folder)
    path = Path(thing)
    if format == "json" or format is None and is_json(path):
        return JsonSource(path, name=name, items=items, encoding=encoding, folder=folder)
    return CsvSource(
        path, name=name, encoding=encoding, delimiter=delimiter, quote=quote, quoting=quoting, has_header=header,
        skip_lines=skip_lines, folder=folder,
    )


def is_json(path: Path) -> bool:
    """Whether a file is JSON: by its suffix, or because it begins with ``{`` or ``[{``."""
    with closing(open_binary(path)) as stream:
        start = stream.read(SNIFF_BYTES)
    if Path(strip_compression_suffix(path.name)).suffix.lower() in JSON_SUFFIXES:
        return True
    text = start.decode("utf-8", "replace").lstrip(BLANK).replace("\0", "")
    return text.startswith("{") or (text.startswith("[") and text[1:].lstrip(BLANK)[:1] in {"{", "]"})


def combine(sources: Sequence[Source]) -> Source:
    """Several files of documents as one, so that parents and variants may be in different files."""
    return sources[0] if len(sources) == 1 else CombinedSource(sources)

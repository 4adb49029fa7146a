"""A first line that is no header: a title above the table, and the line in which the columns' names stand."""

from __future__ import annotations

import shlex
from itertools import chain, islice

from feedbridge.sources.base import BadCells, Source

__all__ = ["heading_hint", "sheets_hint"]

LOOKED = 12
"""Records among which the header is looked for."""
ENOUGH = 3
"""So many columns with names from the vocabulary make a header."""
DELIMITERS = ";,\t|"


def heading_hint(source: Source) -> str:
    """What to do about a table whose first line does not look like a header; empty when it may be one."""
    if source.kind != "table" or source.is_quarantine:
        return ""
    from feedbridge.mapping.suggest.proposal import header_sample, named

    def fields(names: list[str]) -> int:
        return named(header_sample(names))

    known = fields(source.header)
    if known >= ENOUGH:
        return ""
    filled = [name for name in source.header if name.strip()]
    best, at, wider = max(known, ENOUGH - 1), 0, False
    for line, cells, *_ in islice(chain.from_iterable(batch.records for batch in source.batches()), LOOKED):
        texts = ways_to_split(source, cells)
        wider = wider or max(sum(map(bool, row)) for row in texts) > len(filled)
        score = max(map(fields, texts))
        if score > best:
            best, at = score, line
    title = (
        f'the first line ("{filled[0][:60]}") does not look like a header' if filled else "the first line is no header"
    )
    file = shlex.quote(str(getattr(source, "path", None) or source.name))
    ask = f"let it be found: feedbridge mapping suggest {file} --out my.yaml"
    if at:
        skip = f"source.skip_lines={at - 1}"
        return (
            f"{title}, but line {at} does: say --set {skip} (in a mapping source: {{skip_lines: {at - 1}}}), or {ask}"
        )
    if len(filled) <= 2 and wider and known < 2:
        return f"{title}: if that is a title, say how many lines stand above the header, --set source.skip_lines=N, or {ask}"
    return ""


def sheets_hint(source: Source) -> str:
    """That a workbook has other sheets, and how to take one of them; empty when there is none."""
    found = next((one for one in source.findings if one.code == "source.excel-sheets"), None)
    return f"{found.message}: if another has the table, say --set source.sheet=NAME" if found is not None else ""


def ways_to_split(source: Source, cells: list[str]) -> list[list[str]]:
    """A row as it is, and as it may be under another header."""
    raw = cells.raw if isinstance(cells, BadCells) else str(source.about.get("delimiter") or ",").join(cells)
    rows = [list(cells), *(raw.split(sign) for sign in DELIMITERS)]
    return [[text.strip().strip('"') for text in row] for row in rows]

"""Columns that a mapping cannot tell apart by their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from feedbridge.findings import Finding, Severity, name_shown
from feedbridge.sources.base import compared

__all__ = ["duplicate_headers"]


def duplicate_headers(header: Sequence[str], file: str, line: int) -> Iterator[Finding]:
    """One warning for each name that several columns have; names that differ only in case or blanks are the same."""
    places: dict[str, list[int]] = {}
    for index, name in enumerate(header):
        if name.strip():
            places.setdefault(compared(name), []).append(index)
    for same in places.values():
        if len(same) > 1:
            names = list(dict.fromkeys(header[index] for index in same))
            message = f"{len(same)} columns have this name: columns {', '.join(str(index + 1) for index in same)}"
            if len(names) > 1:
                shown = ", ".join(f'"{name_shown(name)}"' for name in names)
                message += f"; {shown} are one name to a mapping"
            yield Finding(
                code="csv.duplicate-header", severity=Severity.WARNING, file=file, line=line, column=names[0],
                message=message, mend="rename all but one, or take the others out",
            )  # fmt: skip

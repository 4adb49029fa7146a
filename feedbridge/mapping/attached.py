"""Rows of a further file that belong to records of the main one: tier prices, translations in a file of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from feedbridge.findings import Finding, Severity, cut
from feedbridge.mapping.lookup import STEP
from feedbridge.mapping.paths import Header, normal
from feedbridge.mapping.schema import FileSpec, LookupSpec
from feedbridge.sources.base import BadCells, Record, Source

__all__ = ["AttachedFile", "AttachedRow", "fits"]


def path_to(code: str, labels: dict[str, str], parents: dict[str, str]) -> str:
    """The labels from the root down to a code."""
    steps: list[str] = []
    seen: set[str] = set()
    while code and code not in seen and code in labels:
        seen.add(code)
        steps.append(labels[code])
        code = parents.get(code, "")
    return STEP.join(reversed(steps))


class AttachedRow(list[str]):
    """Cells of a row of a further file; ``file`` is its name."""

    file: str


def fits(spec: FileSpec, header: Iterable[str]) -> bool:
    """Whether a table with these columns is the further file that is meant. ``a | b`` is one or the other, ``*`` anything."""
    have = {normal(name) for name in header}

    def there(anchor: str) -> bool:
        if "*" not in anchor:
            return normal(anchor) in have
        pattern = re.compile(".*".join(map(re.escape, normal(anchor).split("*"))))
        return any(pattern.fullmatch(name) for name in have)

    return all(any(map(there, anchor.split("|"))) for anchor in spec.has) and not any(map(there, spec.lacks))


def some(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


class AttachedFile:
    """A further file, read whole: its rows by the key they name.

    ``findings``  what is noticed about it, its damaged rows among them
    ``asked``     keys of the main file's records
    """

    def __init__(self, name: str, spec: FileSpec, source: Source) -> None:
        self.name = name
        self.spec = spec
        self.source = source
        self.header = Header(source.header)
        self.used: set[str] = set()
        self.asked: set[str] = set()
        self.rows: dict[str, list[Record]] = {}
        self.findings: list[Finding] = list(source.findings)
        self.damaged: dict[str, Record] = {}
        """The first damaged row for each key that it seems to have: its record is held back."""
        self.count = 0
        self.listed: list[list[str]] = []
        """The rows of a table that values are looked up in."""
        if spec.table:
            self.read_table()
            return
        assert spec.key is not None
        key = self.header.find(spec.key)
        assert key is not None  # fits() has seen it, or load says so
        self.used.add(key.label)
        for batch in source.batches():
            self.findings += batch.findings
            for record in batch.records:
                self.count += 1
                if isinstance(record[1], BadCells):
                    self.findings.append(record[1].finding)
                    named = record[1][key.index].strip()  # a guess, perhaps: then no record may have that name
                    if named:
                        self.damaged.setdefault(named, record)
                    continue
                cells = AttachedRow(record[1])
                cells.file = source.name
                value = cells[key.index].strip()
                if value:
                    self.rows.setdefault(value, []).append((record[0], cells))
                else:
                    self.findings.append(self.no_key(record, key.label))

    def read_table(self) -> None:
        """All rows, for lookups."""
        for batch in self.source.batches():
            self.findings += batch.findings
            for record in batch.records:
                self.count += 1
                if isinstance(record[1], BadCells):
                    self.findings.append(record[1].finding)
                else:
                    self.listed.append(record[1])

    def entries(self, spec: LookupSpec) -> dict[str, str] | None:
        """Key -> value of the rows a lookup is meant for; None when one of its columns is not there. Rows without a
        value (a code that has no label in this language) are not in it, except as steps of a path."""
        wanted = (spec.value,) if isinstance(spec.value, str) else spec.value or ()
        values = [column for name in wanted if (column := self.header.find(name)) is not None]
        key = self.header.find(spec.key or "")
        above = self.header.find(spec.parent) if spec.parent else None
        where = {name: (self.header.find(name), text.strip().casefold()) for name, text in spec.where.items() if "${" not in text}
        tests = [(column, text) for column, text in where.values() if column is not None]
        if key is None or not values or (spec.parent and above is None) or len(tests) < len(where):
            return None
        self.used.update(column.label for column in (key, *values, *(one for one, _ in tests), *filter(None, [above])))
        labels: dict[str, str] = {}
        parents: dict[str, str] = {}
        for cells in self.listed:
            if all(cells[column.index].strip().casefold() == text for column, text in tests):
                code = cells[key.index].strip()
                label = ",".join(text for column in values if (text := cells[column.index].strip()))
                if code and (label or above is not None):
                    labels.setdefault(code, label or code)
                    parents.setdefault(code, cells[above.index].strip() if above is not None else "")
        return labels if above is None else {code: path_to(code, labels, parents) for code in labels}

    def no_key(self, record: Record, label: str) -> Finding:
        return Finding(
            code="mapping.unmatched-row", severity=Severity.WARNING, file=self.source.name, line=record[0], column=label,
            message="names no record, so it is not used", mend=f'fill in "{label}"',
        )  # fmt: skip

    def of(self, key: Any) -> list[Record]:
        """The rows for a key."""
        return self.rows.get(key.strip(), []) if isinstance(key, str) else []

    def harm(self, key: Any) -> Finding | None:
        """What is said of a record of which a row here could not be read; None when all could."""
        row = self.damaged.get(key.strip()) if isinstance(key, str) and self.damaged else None
        if row is None:
            return None
        return Finding(
            code="mapping.attached-damaged", severity=Severity.ERROR, file=self.source.name, line=row[0],
            message=f'cannot be read ({row[1].finding.code}), and it seems to belong to "{cut(key.strip())}"',
            mend="mend the row; until then the record would not be complete", value=cut(key.strip()),
        )  # fmt: skip

    def unmatched(self) -> list[Finding]:
        """What is said of rows that name a record the main file does not have."""
        lost = [(rows[0][0], key, len(rows)) for key, rows in self.rows.items() if key not in self.asked]
        if not lost:
            return []
        shown = ", ".join(f'"{cut(key)}" (line {line})' for line, key, _ in lost[:5]) + (" …" if len(lost) > 5 else "")
        return [
            Finding(
                code="mapping.unmatched-row", severity=Severity.WARNING, file=self.source.name, line=lost[0][0],
                message=f"{some(sum(number for *_, number in lost), 'row names', 'rows name')} "
                f"{some(len(lost), 'record', 'records')} that the main file does not have: {shown}",
                mend="give the file they belong to, or take the rows out", value=cut(lost[0][1]),
            )
        ]  # fmt: skip

    def unused_columns(self) -> list[str]:
        """Columns no mapping uses."""
        if self.spec.table and self.used:
            return []  # what is left are labels in other languages
        return [name for name in dict.fromkeys(self.source.header) if name.strip() and name not in self.used]

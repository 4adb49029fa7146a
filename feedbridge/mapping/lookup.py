"""Lookup tables: exchange a value for another, and know how many had an answer."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from feedbridge.cells import CellError
from feedbridge.errors import MappingError
from feedbridge.findings import Severity
from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.schema import LookupSpec
from feedbridge.mapping.yaml import read_text, read_yaml

__all__ = ["STEP", "Table", "guarded", "load_table", "unguarded"]

STEP = "\x1f"
"""What stands between the steps of a path, in answers that are paths."""
FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How a cell begins that a spreadsheet takes for a formula, or that is guarded already. Source: OWASP, CSV injection."""


def guarded(cell: str) -> str:
    """A cell of a table with an apostrophe before what a spreadsheet would run."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """A cell without the apostrophe that keeps it from being a formula; others as they are."""
    return cell[1:] if cell[:1] == "'" and FORMULA.match(cell) else cell


class Table:
    """A table and its coverage in this run: ``hits`` counts answers, ``misses`` what had none."""

    def __init__(
        self, entries: Mapping[str, str | tuple[str, ...]], missing: str, shown: str, unanswered: Iterable[str] = ()
    ) -> None:
        self.entries = entries
        self.unanswered = frozenset(key.strip().casefold() for key in unanswered)
        """Rows of a file whose value is still empty: they answer nothing."""
        self.exact = {key.strip(): value for key, value in entries.items()}
        self.folded: dict[str, str | tuple[str, ...]] = {}
        twice: set[str] = set()
        for key, value in self.exact.items():
            if self.folded.setdefault(key.casefold(), value) != value:
                twice.add(key.casefold())
        for key in twice:  # keys that differ in case only and say different things: only the exact one is an answer
            del self.folded[key]
        self.missing = missing
        self.shown = shown
        self._near: dict[str, str] = {}
        self.hits = 0
        self.misses: Counter[str] = Counter()
        self.column = ""
        """The column that is looked up."""
        self.paths = any(STEP in answer for answer in entries.values() if isinstance(answer, str))
        """Its answers are paths."""
        self.parameter = ""
        """The mapping's parameter that gives the table."""
        self.asked: list[str | None] = []
        """What the product at hand asked for: None for an answer, else the text that had none."""
        self._counted: object = None

    def settle(self, product: object) -> None:
        """Count what one product (its group of records) asked for, however often it is made."""
        if product is not self._counted:
            for missed in self.asked:
                if missed is None:
                    self.hits += 1
                else:
                    self.misses[missed] += 1
            self._counted = product
        self.asked.clear()

    def reset(self, hits: int = 0, misses: Mapping[str, int] | None = None) -> None:
        """Coverage as it was before."""
        self.hits = hits
        self.misses = Counter(misses or {})
        self._counted = None

    def exchange(self, text: str) -> str:
        """The one answer for a value. Raises CellError when there is none, or several."""
        answers = self.answers(text)
        if len(answers) > 1:
            raise CellError(
                "cell.lookup-several",
                f'"{text}" stands for {len(answers)} values in {self.shown}, but the field holds one',
                "give one value in the table",
            )
        return answers[0].replace(STEP, " > ") if answers else ""

    def answers(self, text: str) -> tuple[str, ...]:
        """The answers for a value: of the key as it is written, else compared without case. Raises CellError when there
        is none."""
        key = text.strip()
        found = self.exact.get(key)
        if found is None:
            found = self.folded.get(key.casefold())
        if found is not None:
            self.asked.append(None)
            return (found,) if isinstance(found, str) else found
        self.asked.append(text)
        if self.missing == "keep":
            return (text,)
        if self.missing in {"empty", "once"}:
            return ()
        severity = Severity.WARNING if self.missing == "warning" else Severity.ERROR
        if text.strip().casefold() in self.unanswered:
            message = f'"{text}" has no value yet in the table {self.shown}'
            raise CellError("cell.lookup-missing", message, "fill in its value in the table", severity)
        near = self.nearest(text)
        raise CellError(
            "cell.lookup-missing",
            f'"{text}" is not in the table {self.shown}',
            f'did you mean "{near}"? else add it to the table' if near else "add it to the table",
            severity,
        )

    def nearest(self, text: str) -> str:
        """The key most like a text that is in no row; remembered, since the same text often comes again."""
        near = self._near.get(text)
        if near is None:
            near = self._near[text] = nearest(text, self.entries, 75.0)
        return near


def load_table(spec: LookupSpec, folder: Path, where: str) -> Table:
    """The table of a ``lookup:``. Raises MappingError."""
    if sum(way is not None for way in (spec.table, spec.file, spec.pairs)) != 1:
        raise MappingError("give one of table, pairs and file (or given, a further file)", where=where, code="mapping.lookup")
    if spec.pairs is not None:
        return Table(_pairs(spec.pairs, where), spec.missing, where.split(",")[0])
    if spec.table is not None:
        return Table(spec.table, spec.missing, where.split(",")[0])
    assert spec.file is not None
    path = folder / spec.file
    text = read_text(path, spec.file)
    if path.suffix in {".yaml", ".yml"}:
        plain, _ = read_yaml(text, spec.file)
        if not isinstance(plain, dict):
            raise MappingError("must be a block of key: value", where=spec.file, code="mapping.lookup")
        open_keys = [k for k, v in plain.items() if v in (None, "")]
        entries = {
            k: tuple(map(str, v)) if isinstance(v, list) else str(v) for k, v in plain.items() if v not in (None, "")
        }
        return Table(entries, spec.missing, spec.file, open_keys)
    found, unanswered = _csv_table(text, spec)
    return Table(found, spec.missing, spec.file, unanswered)


def _pairs(text: str, where: str) -> dict[str, str]:
    """``a=b,c=d``; a parameter that was not given is an empty table."""
    if "${" in text:
        return {}
    found: dict[str, str] = {}
    for pair in filter(str.strip, text.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise MappingError(
                f'"{pair.strip()}" is not a pair', where=where, code="mapping.lookup", mend="write german=de_DE,french=fr_FR"
            )
        found[key.strip()] = value.strip()
    return found


def _csv_table(text: str, spec: LookupSpec) -> tuple[dict[str, str], list[str]]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return _entries(rows, spec)
    except csv.Error as exc:
        raise MappingError(
            f"a quote is wrong: {exc}",
            where=f"{spec.file}:{rows.line_num}",
            code="mapping.lookup",
            mend="close it, or double it inside a cell",
        ) from exc


def _entries(rows: Any, spec: LookupSpec) -> tuple[dict[str, str], list[str]]:
    """What the rows say, and the keys of rows with an empty value."""
    header = next(rows, None) or []
    names = [name.strip() for name in header]
    places = []
    taken = spec.value if isinstance(spec.value, str) else None
    for wanted, default in ((spec.key, 0), (taken, 1)):
        if wanted is not None and wanted not in names:
            near = nearest(wanted, names)
            raise MappingError(
                f'has no column "{wanted}"; it has {", ".join(names)}',
                where=f"{spec.file}:1",
                code="mapping.lookup",
                mend=f'did you mean "{near}"?' if near else "",
            )
        places.append(names.index(wanted) if wanted is not None else default)
    key, value = places
    if len(names) <= max(key, value):
        raise MappingError(
            f"has one column only: {', '.join(names)}",
            where=f"{spec.file}:1",
            code="mapping.lookup",
            mend="write what to look up and what to take in two columns",
        )
    entries: dict[str, str] = {}
    unanswered: list[str] = []
    for cells in rows:
        row = [unguarded(cell) for cell in cells] + [""] * (len(names) - len(cells))
        if len(row) > max(key, value) and row[key].strip():
            if not row[value].strip():
                unanswered.append(row[key].strip())
                continue
            old = entries.setdefault(row[key].strip(), row[value].strip())
            if old != row[value].strip():
                raise MappingError(
                    f'"{row[key]}" stands twice, as "{old}" and as "{row[value]}"',
                    where=f"{spec.file}:{rows.line_num}",
                    code="mapping.lookup",
                    mend="keep one of them",
                )
    return entries, unanswered

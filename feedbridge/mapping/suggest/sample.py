"""The part of a source that is looked at: its columns (of a table, or paths in documents) with their profiles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from feedbridge.mapping.paths import EXPRESSION, normal
from feedbridge.mapping.suggest.names import LANGUAGES, NameMatch, NameParts, matches, name_parts, shared_prefix
from feedbridge.mapping.suggest.profile import Profile, profile_of, text_of
from feedbridge.sources.base import BadCells, BadDocument, Source

__all__ = ["Column", "InnerList", "Sample", "columns_of_list", "count_distinct", "read_sample", "reference_of"]

MOST_RECORDS = 5_000
MOST_CELLS = 3_000_000
MOST_PATHS = 5_000
MOST_DEPTH = 6
MOST_UNIQUE = 200_000
LOOKED = 400_000
"""Distinct values that are looked at closely, over all columns."""


@dataclass(slots=True)
class Column:
    """A column of a table, or a path in the documents of a source.

    ``reference``  how a mapping names it; empty when it cannot (``unusable`` says why)
    ``container``  the inner list it stands in, "" for the record itself
    ``values``     one a sampled record (or item of the inner list); None where it is missing
    """

    name: str
    reference: str
    index: int
    container: str = ""
    steps: tuple[str, ...] = ()
    parts: NameParts = field(default_factory=lambda: NameParts((), None, "", "", "", ()))
    meanings: list[NameMatch] = field(default_factory=list)
    profile: Profile = field(default_factory=Profile)
    values: Sequence[Any] = ()
    unusable: str = ""
    unique: bool = False
    """No value twice, as far as was read."""

    def strength(self, name: str) -> float:
        """How strongly the name speaks for a field."""
        return next((match.strength for match in self.meanings if match.field == name), 0.0)

    def text(self, row: int) -> str:
        return text_of(self.values[row])


@dataclass(slots=True)
class InnerList:
    """A list of objects inside the documents."""

    path: str
    reference: str
    steps: tuple[str, ...]
    holders: int = 0
    items: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Sample:
    """``records``: how many were looked at; ``whole``: the source has no more; ``damaged``: could not be read."""

    kind: str
    columns: list[Column]
    records: int
    whole: bool
    damaged: int
    lists: dict[str, InnerList] = field(default_factory=dict)
    has_header: bool = True
    packed_paths: bool = False
    """There were more paths than are looked at."""

    def of(self, container: str = "") -> list[Column]:
        return [column for column in self.columns if column.container == container]


def read_sample(source: Source) -> Sample:
    """The first records of a source as columns with profiles. Raises SourceError."""
    return _table(source) if source.kind == "table" else _documents(source)


def _records(source: Source, most: int) -> Iterator[Any]:
    seen = 0
    for batch in source.batches():
        for record in batch.records:
            yield record[1]
            seen += 1
            if seen >= most:
                return


def _table(source: Source) -> Sample:
    header = source.header
    most = max(50, min(MOST_RECORDS, MOST_CELLS // max(1, len(header))))
    rows: list[list[str]] = []
    damaged = seen = 0
    for cells in _records(source, most + 1):
        seen += 1
        if seen > most:
            break
        if isinstance(cells, BadCells):
            damaged += 1
        else:
            rows.append(cells)
    columns: list[Column] = []
    known: set[str] = set()
    prefix = shared_prefix(header)
    looked = max(20, min(400, LOOKED // max(1, len(header))))
    turned = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    for index, name in enumerate(header):
        column = Column(name, name, index, steps=(name,), values=turned[index])
        if not name.strip():
            column.name, column.unusable, column.reference = f"column {index + 1}", "it has no name in the header", ""
        elif normal(name) in known:
            column.unusable, column.reference = "another column in front of it has the same name", ""
        elif "${" in name:
            column.unusable, column.reference = "its name looks like a parameter", ""
        known.add(normal(name))
        column.parts = name_parts(name)
        column.meanings = matches(column.parts)
        if prefix and name.startswith(prefix) and len(name) > len(prefix) + 1:
            bare = name_parts(name[len(prefix) + 1 :])
            better = matches(bare)
            if better and better[0].strength > (column.meanings[0].strength if column.meanings else 0.0):
                column.parts, column.meanings = bare, better
        if "/" in name and (not column.meanings or not column.meanings[0].whole):
            column.meanings = either(name) or column.meanings
        column.profile = profile_of(column.values, looked)
        columns.append(column)
    return Sample("table", columns, len(rows), seen <= most, damaged)


def either(name: str) -> list[NameMatch]:
    """The meanings of ``SKU / Style``, where one side says something and the other nothing else."""
    sides = [found for side in name.split("/") if (found := matches(name_parts(side)))]
    plain = [found for found in sides if found[0].whole and found[0].strength >= 0.8]
    if len({found[0].field for found in plain}) != 1:
        return []
    return [match._replace(strength=match.strength * 0.9) for match in plain[0]]


def reference_of(steps: Sequence[str]) -> str:
    """A path as a mapping writes it; steps that a dotted path cannot say become JMESPath.

    >>> reference_of(["brand", "name"]), reference_of(["a.b", "c"])
    ('brand.name', '("a.b".c)')
    """
    if all(step and "." not in step and not EXPRESSION.search(step) and step != "^" for step in steps) and not steps[
        0
    ].startswith("^"):
        return ".".join(steps)
    quoted = [step if re.fullmatch(r"[A-Za-z_]\w*", step, re.ASCII) else json.dumps(step) for step in steps]
    return f"({'.'.join(quoted)})"


def _documents(source: Source) -> Sample:
    documents: list[dict[str, Any]] = []
    damaged = seen = 0
    for document in _records(source, MOST_RECORDS + 1):
        seen += 1
        if seen > MOST_RECORDS:
            break
        if isinstance(document, BadDocument):
            damaged += 1
        else:
            documents.append(document)
    lists: dict[str, InnerList] = {}
    paths, many = _flatten(documents, lists, "", ())
    columns = _path_columns(paths, len(documents), "")
    for path, inner in list(lists.items()):
        items = inner.items[: MOST_RECORDS * 2]
        deeper: dict[str, InnerList] = {}
        own, _ = _flatten(items, deeper, path, ())
        columns += _path_columns(own, len(items), path)
        for name, below in deeper.items():
            lists[f"{path}[].{name}"] = below
    return Sample("documents", columns, len(documents), seen <= MOST_RECORDS, damaged, lists, packed_paths=many)


def _path_columns(paths: dict[tuple[str, ...], dict[int, Any]], rows: int, container: str) -> list[Column]:
    looked = max(20, min(400, LOOKED // max(1, len(paths))))
    columns = []
    for steps, found in paths.items():
        values = [found.get(row) for row in range(rows)]
        column = Column(".".join(steps), reference_of(steps), -1, container, steps, values=values)
        if any("${" in step for step in steps):
            column.unusable, column.reference = "its name looks like a parameter", ""
        above = list(steps[:-1])
        last = steps[-1]
        if last in LOCALES and above:  # name.de: a text by language
            column.parts = name_parts(above[-1])._replace(locale=last.replace("-", "_"))
            above = above[:-1]
        else:
            column.parts = name_parts(last)
        column.meanings = matches(column.parts, above)
        column.profile = profile_of(values, looked)
        columns.append(column)
    return columns


LANDS = "DE AT CH US GB FR ES IT NL PL SE CZ PT BR DK".split()
LOCALES = frozenset(
    f"{language}{land}"
    for language in sorted(LANGUAGES)
    for land in ("", *(f"{mark}{land}" for mark in "-_" for land in LANDS))
)  # fmt: skip


def _flatten(
    documents: Sequence[dict[str, Any]], lists: dict[str, InnerList], container: str, above: tuple[str, ...]
) -> tuple[dict[tuple[str, ...], dict[int, Any]], bool]:
    """Path -> record -> value, in first-seen order; lists of objects go to ``lists``."""
    paths: dict[tuple[str, ...], dict[int, Any]] = {}
    many = False

    def walk(value: Any, steps: tuple[str, ...], row: int) -> None:
        nonlocal many
        if isinstance(value, dict) and len(steps) < MOST_DEPTH:
            for key, inner in value.items():
                walk(inner, (*steps, str(key)), row)
            return
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            path = ".".join(steps)
            inner_list = lists.get(path)
            if inner_list is None:
                inner_list = lists[path] = InnerList(path, reference_of(steps), steps)
            inner_list.holders += 1
            if len(inner_list.items) < MOST_RECORDS * 2:
                inner_list.items += [item for item in value if isinstance(item, dict)]
            return
        if steps not in paths:
            if len(paths) >= MOST_PATHS:
                many = True
                return
            paths[steps] = {}
        if not isinstance(value, dict):
            paths[steps][row] = value

    for row, document in enumerate(documents):
        walk(document, above, row)
    return {steps: found for steps, found in paths.items() if steps}, many


def count_distinct(source: Source, columns: Sequence[Column]) -> dict[int, tuple[int, int]]:
    """Filled and distinct values of some columns of a table, over up to 200,000 records: index -> (filled, distinct)."""
    found: dict[int, set[str]] = {column.index: set() for column in columns}
    filled = dict.fromkeys(found, 0)
    most = max(MOST_RECORDS, min(MOST_UNIQUE, 20_000_000 // max(1, len(source.header))))
    for cells in _records(source, most):
        if isinstance(cells, BadCells):
            continue
        for index, seen in found.items():
            text = cells[index].strip()
            if text:
                filled[index] += 1
                seen.add(text)
    return {index: (filled[index], len(seen)) for index, seen in found.items()}


def columns_of_list(inner: InnerList) -> list[Column]:
    """The members of the objects of a list."""
    paths, _ = _flatten(inner.items[:MOST_RECORDS], {}, inner.path, ())
    return _path_columns(paths, min(len(inner.items), MOST_RECORDS), inner.path)

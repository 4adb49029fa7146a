"""Lookup tables: exchange a value for another, and know how many had an answer."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from feedbridge.cells import CellError
from feedbridge.errors import MappingError
from feedbridge.findings import Severity
from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.schema import LookupSpec
from feedbridge.mapping.yaml import read_text, read_yaml

__all__ = [
    "STEP", "Catalogue", "CatalogueTable", "Table", "catalogue_of_rows", "guarded", "load_catalogue", "load_table",
    "unguarded",
]

STEP = "\x1f"
"""What stands between the steps of a path, in answers that are paths."""
FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How a cell begins that a spreadsheet takes for a formula, or that is guarded already. Source: OWASP, CSV injection."""

_LOOK_ALIKE = str.maketrans("АВЕЅІЈКМНОРСТХасеѕіјорхуΑΒΕΖΗΙΚΜΝΟΡΤΥΧο‐‑–—’", "ABESIJKMHOPCTXacesijopxyABEZHIKMNOPTYXo----'")  # fmt: skip
"""Cyrillic and Greek letters, dashes and an apostrophe that look as others do."""


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
        self.loose: dict[str, str] = {}
        """Values that are written otherwise than the title they were taken for."""
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


@dataclass(frozen=True)
class Catalogue:
    """Things of a shop by their titles: what ``lookup: {catalogue: …}`` stands for in a run.

    ``name``     as the mapping has it, ``flickrocket.prices``
    ``origin``   where it is from, for people: a file's name, or the shop
    ``entries``  (title, id, whether it can be used)
    ``read``     when the shop was asked, in ISO 8601; empty for a file
    ``old``      why it is older than it should be
    ``again``    the command that asks the shop anew
    """

    name: str
    origin: str
    entries: tuple[tuple[str, str, bool], ...]
    read: str = ""
    old: str = ""
    again: str = ""

    @property
    def since(self) -> str:
        """When the shop was asked, for people; empty for a file."""
        return f"{datetime.fromisoformat(self.read):%Y-%m-%d %H:%M} UTC" if self.read else ""

    @property
    def shown(self) -> str:
        return f"{self.name} ({self.origin})"

    @property
    def digest(self) -> str:
        """Changes when an answer may: it is of the entries alone, in whatever order they came."""
        return hashlib.sha256(json.dumps([self.name, sorted(self.entries)]).encode()).hexdigest()


class CatalogueTable(Table):
    """A catalogue as a table. A title that several things share is no answer, and what cannot be used is none either."""

    def __init__(self, catalogue: Catalogue, missing: str) -> None:
        super().__init__({}, missing, catalogue.shown)
        self.catalogue = catalogue
        self.lacks = False
        """Whether something was asked for that is neither a title in it nor an id."""
        self.titles: dict[str, list[str]] = {}
        self.alike: dict[str, list[tuple[str, str]]] = {}
        self.unusable: dict[str, list[str]] = {}
        self.ids: dict[str, str] = {}
        for title, id, valid in catalogue.entries:
            self.ids.setdefault(id, title)
            if not title.strip():
                continue
            if not valid:
                self.unusable.setdefault(_alike(title), []).append(id)
                continue
            self.titles.setdefault(_composed(title), []).append(id)
            self.alike.setdefault(_alike(title), []).append((id, title.strip()))

    def answers(self, text: str) -> tuple[str, ...]:
        """The id of the thing with this title, however its letters are composed; of one that differs in blanks and letter
        case only, where it is the only one. Raises CellError when there is none, or several."""
        key = _composed(text)
        found = self.titles.get(key, [])
        taken = key
        if not found:
            near = self.alike.get(_alike(key), [])
            found = [id for id, _ in near]
            taken = near[0][1] if near else ""
        if len(found) == 1:
            self.asked.append(None)
            if taken != key:
                self.loose[key] = taken
            return (found[0],)
        self.lacks = self.lacks or key not in self.ids
        self.asked.append(text)
        if self.missing == "keep":
            return (text,)
        if self.missing in {"empty", "once"}:
            return ()
        severity = Severity.WARNING if self.missing == "warning" else Severity.ERROR
        if found:
            raise CellError(
                "cell.lookup-several",
                f'"{text}" is the title of {len(found)} in {self.shown}: ids {_listed(found)}',
                "give each a title of its own in the shop, or write the id without lookup",
                severity,
            )
        message, mend = self._missing(text)
        raise CellError("cell.lookup-missing", message, mend, severity)

    def _missing(self, text: str) -> tuple[str, str]:
        key = text.strip()
        unusable = self.unusable.get(_alike(key))
        again = "" if self.catalogue.read else ", and export it anew"
        shown, since = self.catalogue.shown, self.catalogue.since
        if since:
            shown = f"{shown.removesuffix(')')}, as it was at {since})"
        if self.catalogue.again:
            again = f"; if it is there by now, have it read anew: {self.catalogue.again}"
        if unusable:
            verb = "are" if len(unusable) > 1 else "is"
            return (
                f'"{text}" (id {_listed(unusable)}) {verb} not valid in {shown}',
                f"name another, or make it valid in the shop{again}",
            )
        if key in self.ids:
            return (
                f'"{text}" is no title in {shown}, but the id of "{self.ids[key]}"',
                "write the title, or leave the lookup out for a column of ids",
            )
        near = self.nearest(text)
        return (
            f'"{text}" is no title in {shown}',
            (f"did you mean {near}? else " if near else "") + f"make it in the shop{again}",
        )

    def nearest(self, text: str) -> str:
        """The titles most like a text, in quotes; one that looks the same is spelled out."""
        near = self._near.get(text)
        if near is None:
            left = list(self.titles)
            found: list[str] = []
            while len(found) < 3 and (one := nearest(text, left, 75.0)):
                same = _looks(one) == _looks(text)
                found.append(f"{_spelled(one)}, which only looks like {_spelled(text)}" if same else f'"{one}"')
                left.remove(one)
            near = self._near[text] = " or ".join(found)
        return near


def _composed(title: str) -> str:
    """A title without blanks round it, its letters composed: "é" may be one sign or two that are shown as one."""
    return unicodedata.normalize("NFC", title.strip())


def _alike(title: str) -> str:
    return unicodedata.normalize("NFC", " ".join(_composed(title).split()).casefold())


def _looks(title: str) -> str:
    """A title as people see it, roughly: signs that are not shown left out, and look-alikes as Latin letters."""
    shown = "".join(sign for sign in title if unicodedata.category(sign) not in ("Cc", "Cf"))
    return " ".join(unicodedata.normalize("NFKC", shown).translate(_LOOK_ALIKE).split())


def _spelled(title: str) -> str:
    """A title in quotes, with codes for all signs beyond ASCII."""
    return f'"{ascii(title.strip())[1:-1]}"'


def _listed(ids: Sequence[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{', '.join(ids[:-1])} and {ids[-1]}"


NOT_VALID = frozenset({"false", "0", "no", "n"})


def catalogue_of_rows(
    name: str, origin: str, header: Sequence[str], rows: Iterable[Sequence[Any]], spec: LookupSpec | None = None
) -> Catalogue:
    """A catalogue of an exported table: its columns ``title`` and ``id`` (or those a lookup names as key and value), and
    ``valid`` where there is one. Raises MappingError."""
    places: dict[str, int] = {}
    for at, column in enumerate(header):
        places.setdefault(str(column).strip().casefold(), at)
    wanted = (
        (spec.key if spec is not None else None) or "title",
        spec.value if spec is not None and isinstance(spec.value, str) else "id",
    )
    for column in wanted:
        if column.casefold() not in places:
            raise MappingError(
                f'has no column "{column}"; it has {", ".join(map(str, header)) or "none"}', where=f"{origin}:1",
                code="mapping.lookup", mend=f"export it anew: feedbridge {name.replace('.', ' ')} --export {origin}",
            )
    title, id = (places[column.casefold()] for column in wanted)
    valid = places.get("valid")
    entries = []
    for row in rows:
        cells = [*("" if cell is None else str(cell) for cell in row), *[""] * (len(header) - len(row))]
        if cells[title].strip() and cells[id].strip():
            can = valid is None or cells[valid].strip().casefold() not in NOT_VALID
            entries.append((cells[title], cells[id].strip(), can))
    return Catalogue(name, origin, tuple(dict.fromkeys(entries)))


def load_catalogue(name: str, path: Path, shown: str, spec: LookupSpec | None = None) -> Catalogue:
    """A catalogue from a file that was exported of it: CSV, or JSON by its suffix. Raises MappingError."""
    text = read_text(path, shown)
    if path.suffix.lower() != ".json":
        header, *rows = list(_csv_rows(text, shown)) or [[]]
        return catalogue_of_rows(name, shown, header, rows, spec)
    try:
        things = json.loads(text, parse_float=str)
    except (ValueError, RecursionError) as exc:
        raise MappingError(f"is no JSON: {exc}", where=shown, code="mapping.lookup", mend="export it anew") from exc
    if not isinstance(things, list) or not all(isinstance(thing, dict) for thing in things):
        raise MappingError("is no list of objects", where=shown, code="mapping.lookup", mend="export it anew")
    header = list(dict.fromkeys(key for thing in things for key in thing)) or ["title", "id"]
    return catalogue_of_rows(name, shown, header, [[thing.get(key) for key in header] for thing in things], spec)


def _csv_rows(text: str, shown: str) -> Iterator[list[str]]:
    first = text.split("\n", 1)[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t|", key=first.count), strict=True)
    try:
        for row in rows:
            yield [unguarded(cell) for cell in row]
    except csv.Error as exc:
        raise _bad_quote(exc, f"{shown}:{rows.line_num}") from exc


def _bad_quote(exc: csv.Error, where: str) -> MappingError:
    return MappingError(
        f"a quote is wrong: {exc}", where=where, code="mapping.lookup", mend="close it, or double it inside a cell"
    )


def load_table(spec: LookupSpec, folder: Path, where: str) -> Table:
    """The table of a ``lookup:``. Raises MappingError."""
    if isinstance(spec.catalogue, Catalogue):
        return CatalogueTable(spec.catalogue, spec.missing)
    if spec.catalogue is not None:
        if spec.file is None or "${" in spec.file:
            raise MappingError(
                f"{spec.catalogue} is looked up in the shop, which is done in a run only", where=where, code="mapping.lookup",
                mend="name an exported file beside it: lookup: {catalogue: …, file: …}",
            )
        return CatalogueTable(load_catalogue(spec.catalogue, folder / spec.file, spec.file, spec), spec.missing)
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
        raise _bad_quote(exc, f"{spec.file}:{rows.line_num}") from exc


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

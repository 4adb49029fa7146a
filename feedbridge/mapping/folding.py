"""Rows that are not records of their own: rows in another language (``layers``), rows that go on (``continued``).

They are put with the record they belong to as the records come, so that grouping, both paths and the
quarantine see one record with all of its rows, and none is lost or becomes a second product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from feedbridge.findings import Finding, Severity, cut
from feedbridge.mapping.paths import Column
from feedbridge.sources.base import BadCells, Record

__all__ = ["Folded", "Folding", "NotAdjacent", "begun_rows", "every_row", "layers_of", "rows_of"]


class NotAdjacent(Exception):
    """Records of one product, or rows of one record, do not stand together: gather the whole source."""


class Folded(list[str]):
    """Cells of a record that has further rows. ``own``: the cells of its first row as they were; ``rows``: the others;
    ``layers``: those of them that say the record in another language; ``lines``: its first row and those that go on
    with it, each as it stands in the file."""

    own: list[str]
    rows: list[Record]
    layers: list[Record]
    lines: list[Record]
    givers: dict[int, Record]
    """Index of a column -> the record above it that its cell is from."""


def layers_of(cells: Any) -> list[Record]:
    """The rows that say a record in another language."""
    return cells.layers if cells.__class__ is Folded else []


def rows_of(cells: Any) -> list[Record]:
    """A record's first row and the rows that go on with it. Line 0 stands for the record's own line."""
    return cells.lines if cells.__class__ is Folded else [(0, cells)]


def begun_rows(column: Column) -> Callable[[Any], list[Record]]:
    """Gives a record's rows as records: one begins where ``column`` is filled, and the rows below go on with it."""

    def begun(cells: Any) -> list[Record]:
        found: list[Record] = []
        lines: list[Record] = []
        for row in [*rows_of(cells), None]:
            if lines and (row is None or isinstance(row[1], BadCells) or not blank(row[1][column.index])):
                found.append(lines[0] if len(lines) == 1 else (lines[0][0], with_rows(lines)))
                lines = []
            if row is not None:
                lines.append(row)
        return found

    return begun


def with_rows(lines: list[Record]) -> Folded:
    cells = Folded(lines[0][1])
    cells.own, cells.rows, cells.layers, cells.lines = lines[0][1], lines[1:], [], lines
    return cells


def every_row(records: list[Record]) -> list[Record]:
    """Records with the further rows they have, each in file order after its own."""
    found: list[Record] = []
    for record in records:
        found.append(record)
        found += getattr(record[1], "rows", ())
    return found


def hold(rows: list[Record], finding: Finding) -> Record:
    """A record that is held back with all of its rows."""
    line, cells, *more = rows[0]
    bad = BadCells(cells)
    bad.finding, bad.reliable, bad.raw, bad.last_line = finding, len(cells), "", line
    bad.rows = rows[1:]  # type: ignore[attr-defined]  # counted and kept with it
    return (line, bad, *more)


def blank(text: str) -> bool:
    return not text or text.isspace()


class Folding:
    """The two grammars for one source.

    ``by``, ``of``     columns of the language and of the record's name; None without ``layers``
    ``base``           what ``by`` holds in the record's own row; None: what the file's first row has. Empty: only
                       the record's own row is without a language, so a record without such a row is held back
    ``only``           columns and what they must hold for a row to be used; None as for ``base``
    ``key``, ``added`` columns of ``continued``: the key, and those whose values are joined; None without
    """

    def __init__(
        self,
        source_name: str,
        by: Column | None,
        of: Column | None,
        base: str | None,
        only: list[tuple[Column, str | None]],
        key: Column | None,
        added: list[Column],
    ) -> None:
        self.source_name = source_name
        self.by = by
        self.of = of
        self.base = base
        self.own_is_bare = base == ""
        self.only = only
        self.key = key
        self.added = {column.index for column in added}
        self.name = of or key
        self.told: set[str] = set()
        self.first_only: list[Column] = []
        """Columns that a field of the record itself is taken from: what a row that goes on says there is not used."""
        self.base_only: list[Column] = []
        """The same of rows in another language."""
        self.layer_columns: list[Column] = []
        """Columns that rows in another language are read for."""
        self.taken: str | None = None
        """What ``by`` holds in the row that says ``taken_columns`` for the record (``layers.own``); None: its own row."""
        self.taken_columns: list[Column] = []

    def columns(self) -> list[Column]:
        """The columns that say what a row is."""
        found = [self.by, self.of, self.key, *(column for column, _ in self.only)]
        return [column for column in found if column is not None]

    def fold(
        self, read: Callable[[], Iterator[Record]], gather: bool, notice: Callable[[list[Finding]], None] | None
    ) -> Iterator[Record]:
        """Records with their further rows. ``read`` gives all rows; it is called once more before with ``gather``.

        Raises: NotAdjacent when rows of a record stand apart, and ``gather`` is not set.
        """
        self.told = set()
        strays = self.strays(read) if gather and self.by is not None else {}
        for run in self.runs(read()):
            if self.by is None:
                yield self.joined(run[0], run[1:], [], notice)
                continue
            if not strays and len(run) == 1 and not self.only and self.is_own_row(run[0][1]):
                yield run[0]  # nearly always
                continue
            name, number = self.named(run[0]), self.own_row(run)
            apart = bool(name) and (number is None or self.is_apart(run[0]))
            if apart and not gather:
                raise NotAdjacent
            if not apart:
                number = number or 0
                run = [*run, *strays.pop((name, True), ())] if name else run
                yield self.whole(run, number, notice)
            elif found := strays.pop((name, False), None):
                yield self.substitute(found, notice)

    def is_own_row(self, cells: list[str]) -> bool:
        """Whether a sound row is plainly the record itself."""
        if cells.__class__ is not list or self.by is None or self.base is None:
            return False
        have = cells[self.by.index]
        return have == self.base or have.strip().casefold() == self.base.strip().casefold()

    def strays(self, read: Callable[[], Iterator[Record]]) -> dict[tuple[str, bool], list[Record]]:
        """Rows that do not stand with their record, by its name, and whether it has a row of its own."""
        named: set[str] = set()
        found: dict[str, list[Record]] = {}
        damaged: list[list[Record]] = []
        for run in self.runs(read()):
            name, number = self.named(run[0]), self.own_row(run)
            if name and isinstance(run[0][1], BadCells):
                damaged.append(run)  # whose it is, is seen when the base is known
            elif number is not None:
                named.add(name)
            elif name:
                found.setdefault(name, []).extend(run)
        for run in damaged:
            name = self.named(run[0])
            if self.is_apart(run[0]):
                found.setdefault(name, []).extend(run)
            else:
                named.add(name)
        return {(name, name in named): rows for name, rows in found.items()}

    def is_apart(self, row: Record) -> bool:
        """Whether a damaged row may be one of a record that stands elsewhere: nothing says that it is the record."""
        cells = row[1]
        if not isinstance(cells, BadCells) or self.by is None:
            return False
        told = [(self.by, self.base), *self.only]
        return not all(
            column.index < cells.reliable
            and wanted is not None
            and cells[column.index].strip().casefold() == wanted.strip().casefold()
            for column, wanted in told
        )

    def whole(self, run: list[Record], number: int, notice: Callable[[list[Finding]], None] | None) -> Record:
        """A record and its rows."""
        rest = [row for place, row in enumerate(run) if place != number]
        return self.joined(run[number], rest, self.layers_among(run[number], rest, notice), notice)

    def substitute(self, run: list[Record], notice: Callable[[list[Finding]], None] | None) -> Record:
        """A record without a row of its own: the first row of the wanted channel stands for it, unless nothing can."""
        assert self.by is not None
        number = next((n for n, row in enumerate(run) if isinstance(row[1], BadCells)), None)
        if number is None:
            number = next((n for n, row in enumerate(run) if self.wanted(row[1])), None)
            if number is None:
                return hold(run, self.no_channel(run))
            if self.own_is_bare:
                return hold(run, self.no_own_row(run[number]))
            if self.taken is None:
                self.tell_other_language(run[number], notice)
        return self.whole(run, number, notice)

    def runs(self, rows: Iterator[Record]) -> Iterator[list[Record]]:
        """Rows that follow each other and name the same record."""
        run: list[Record] = []
        name = ""
        seen: set[tuple[str, ...]] | None = None
        assert self.name is not None
        index = self.name.index
        for row in rows:
            cells = row[1]
            own = cells[index].strip()
            goes_on = not own and self.key is not None
            if isinstance(cells, BadCells):
                if run and (goes_on or (own and own == name)):
                    run.append(row)  # its record is held back with it
                    continue
            elif run and (goes_on or (own and own == name)):
                if goes_on:
                    run.append(row)
                    continue
                if self.by is not None:
                    if seen is None:
                        seen = {self.place(one[1]) for one in run if not isinstance(one[1], BadCells)}
                    place = self.place(cells)
                    if place not in seen:
                        seen.add(place)
                        run.append(row)
                        continue
            if run:
                yield run
            run, name, seen = [row], own, None
        if run:
            yield run

    def place(self, cells: list[str]) -> tuple[str, ...]:
        """What language, store and channel a row is for."""
        assert self.by is not None
        return tuple(cells[column.index].strip().casefold() for column in (self.by, *(column for column, _ in self.only)))

    def named(self, row: Record) -> str:
        assert self.of is not None
        text: str = row[1][self.of.index]
        return text.strip()

    def wanted(self, cells: list[str]) -> bool:
        """Whether a row is of the channel that is asked for; when none is, of the first row's."""
        for number, (column, wanted) in enumerate(self.only):
            have = cells[column.index].strip()
            if wanted is None:
                self.only[number] = (column, have)
                wanted = have
            if have.casefold() != wanted.strip().casefold():
                return False
        return True

    def is_base(self, row: Record) -> bool:
        cells = row[1]
        if isinstance(cells, BadCells) or not self.wanted(cells):
            return False
        assert self.by is not None
        have = cells[self.by.index].strip()
        if self.base is None:
            self.base = have
        return have.casefold() == self.base.strip().casefold()

    def own_row(self, run: list[Record]) -> int | None:
        """Which row of a run is the record itself; None when it is not among them."""
        for number, row in enumerate(run):
            if isinstance(row[1], BadCells) and number == 0:
                return 0
            if (number == 0 or self.named(row)) and self.is_base(row):  # a row that goes on is never the record
                return number
        return None

    def is_layer(self, row: Record) -> bool:
        assert self.by is not None
        cells = row[1]
        return not isinstance(cells, BadCells) and not blank(cells[self.by.index]) and self.wanted(cells)

    def layers_among(
        self, record: Record, rows: list[Record], notice: Callable[[list[Finding]], None] | None
    ) -> list[Record]:
        """The rows that say the record in another language, one for each: what a second one says is told."""
        assert self.by is not None
        found: dict[str, Record] = {}
        for row in rows:
            if not self.is_layer(row):
                continue
            first = found.setdefault(row[1][self.by.index].strip().casefold(), row)
            if first is not row and notice is not None:
                self.tell_twice(row, first, record, notice)
        return list(found.values())

    def joined(
        self,
        record: Record,
        rows: list[Record],
        layers: list[Record],
        notice: Callable[[list[Finding]], None] | None,
    ) -> Record:
        """A record with its rows."""
        if self.by is not None and notice is not None:
            unused = [row for row in rows if not isinstance(row[1], BadCells) and not self.wanted(row[1])]
            if unused:
                self.tell_unused(unused[0], notice)
        if self.taken is not None and notice is not None and not self.row_taken(layers, record):
            self.tell_other_language(record, notice)
        if not rows or isinstance(record[1], BadCells):
            if isinstance(record[1], BadCells) and rows:
                record[1].rows = rows  # type: ignore[attr-defined]  # counted and kept with it
            return record
        cells = Folded(record[1])
        cells.own, cells.rows, cells.layers, cells.lines = record[1], rows, layers, [record]
        in_layers = {id(row) for row in layers}
        for row in rows:
            if isinstance(row[1], BadCells):
                continue
            if id(row) in in_layers and notice is not None:
                self.tell_own_values(row, record, notice)
            if self.key is not None and blank(row[1][self.key.index]):
                cells.lines.append(row)
                self.add(cells, row, record, None if self.by is not None and self.is_layer(row) else notice)
        taken = self.row_taken(layers, record)
        if taken is not None and taken is not record:
            cells.givers = {column.index: taken for column in self.taken_columns}
            for index in cells.givers:
                cells[index] = taken[1][index]
            cells.layers = [record if row is taken else row for row in layers]
        return (record[0], cells, *record[2:])

    def row_taken(self, layers: list[Record], record: Record) -> Record | None:
        """The record's row that says what ``layers.own`` lists; None when none does."""
        if self.by is None or self.taken is None or isinstance(record[1], BadCells):
            return None
        wanted = self.taken.strip().casefold()
        return next((row for row in (record, *layers) if row[1][self.by.index].strip().casefold() == wanted), None)

    def add(
        self, cells: Folded, row: Record, record: Record, notice: Callable[[list[Finding]], None] | None
    ) -> None:
        """The values of a row that goes on."""
        for index in self.added:
            value = row[1][index].strip()
            if value:
                cells[index] = f"{cells[index]}\n{value}" if not blank(cells[index]) else value
        for column in self.first_only if notice is not None else ():
            value = row[1][column.index].strip()
            if value and value != record[1][column.index].strip() and notice is not None:
                message = f'says "{cut(value)}" in a row that goes on with line {record[0]}, '
                message += "where only some columns may: it is not used"
                notice([
                    Finding(
                        code="mapping.continued", severity=Severity.WARNING, file=self.source_name, line=row[0],
                        column=column.label, message=message, mend="write it into the record's first row", value=cut(value),
                        sku=cut(cells[self.name.index].strip()) if self.name is not None else "",
                    )
                ])  # fmt: skip

    def tell_twice(
        self, row: Record, first: Record, record: Record, notice: Callable[[list[Finding]], None]
    ) -> None:
        """A second row in the same language: what it says beside the first is not used."""
        assert self.by is not None
        own = {column.index for column in self.columns()} | self.added
        for column in self.layer_columns:
            value, before = row[1][column.index].strip(), first[1][column.index].strip()
            if value and value != before and column.index not in own:
                language = cut(first[1][self.by.index].strip())
                notice([
                    Finding(
                        code="mapping.conflict", severity=Severity.WARNING, file=self.source_name, line=row[0],
                        column=column.label, value=cut(value), sku=cut(self.named(record)),
                        message=f'says "{cut(value)}", but line {first[0]}, which is for {self.by.label} "{language}" as well, says '
                        + (f'"{cut(before)}"' if before else "nothing") + "; the first is used",
                        mend=f'keep one row for {self.by.label} "{language}"',
                    )
                ])  # fmt: skip
                return

    def no_own_row(self, row: Record) -> Finding:
        """What is said of a record that is there for stores only."""
        assert self.by is not None
        have, name = cut(row[1][self.by.index].strip()), cut(self.named(row))
        return Finding(
            code="mapping.orphan", severity=Severity.ERROR, file=self.source_name, line=row[0], column=self.by.label,
            value=have, sku=name, message=f'is the {have} row of "{name}", which has no row of its own',
            mend=f"add the row of \"{name}\" in which {self.by.label} is empty, or take this one out",
        )  # fmt: skip

    def no_channel(self, run: list[Record]) -> Finding:
        """What is said of a record that is there for other channels only."""
        row = run[0]
        column, wanted = next(
            (column, wanted or "")
            for column, wanted in self.only
            if row[1][column.index].strip().casefold() != (wanted or "").strip().casefold()
        )
        have = list(dict.fromkeys(one[1][column.index].strip() for one in run))
        shown = ", ".join(f'"{cut(one)}"' for one in have[:5]) + (" …" if len(have) > 5 else "")
        return Finding(
            code="mapping.channel-missing", severity=Severity.ERROR, file=self.source_name, line=row[0],
            column=column.label, value=cut(have[0]), sku=cut(self.named(row)),
            message=f'has no row for {column.label} "{cut(wanted)}", only for {shown}',
            mend=f"name the {column.label} that is meant with --set, or take the record out of the file",
        )  # fmt: skip

    def tell_other_language(self, row: Record, notice: Callable[[list[Finding]], None] | None) -> None:
        """A record that is there in other languages only: its first row stands for it."""
        base = self.taken or self.base
        if notice is None or self.by is None or not base or isinstance(row[1], BadCells):
            return
        have = row[1][self.by.index].strip()
        if not have:
            return
        notice([
            Finding(
                code="mapping.other-language", severity=Severity.WARNING, file=self.source_name, line=row[0],
                column=self.by.label, value=cut(have), sku=cut(self.named(row)),
                message=f'has no row for {self.by.label} "{cut(base)}": the one for "{cut(have)}" is used',
                mend=f'add the row for "{cut(base)}", or export the record in that {"currency" if self.taken else "language"}',
            )
        ])  # fmt: skip

    def tell_own_values(self, row: Record, record: Record, notice: Callable[[list[Finding]], None]) -> None:
        """What a row in another language says beside texts (a price, a status): said once for each column."""
        assert self.by is not None
        for column in self.base_only:
            value = row[1][column.index].strip()
            if column.index in {one.index for one in self.taken_columns} and row is self.row_taken([row], record):
                continue
            if value and value != record[1][column.index].strip() and f"column {column.index}" not in self.told:
                self.told.add(f"column {column.index}")
                notice([
                    Finding(
                        code="mapping.layer-value", severity=Severity.ADVICE, file=self.source_name, line=row[0],
                        column=column.label, value=cut(value), sku=cut(self.named(record)),
                        message=f'the row for {self.by.label} "{cut(row[1][self.by.index].strip())}" has a {column.label} of '
                        f'its own ("{cut(value)}"): of such rows only the texts that are translated are used',
                        mend="convert that store by itself, if its own values are wanted: take the other rows out of the file",
                    )
                ])  # fmt: skip

    def tell_unused(self, row: Record, notice: Callable[[list[Finding]], None]) -> None:
        """Rows for another channel than the one that is taken: said once for each."""
        for column, wanted in self.only:
            have = row[1][column.index].strip()
            if wanted is not None and have.casefold() != wanted.strip().casefold() and have not in self.told:
                self.told.add(have)
                notice([
                    Finding(
                        code="mapping.other-channel", severity=Severity.ADVICE, file=self.source_name, line=row[0],
                        column=column.label, value=cut(have),
                        message=f'rows with "{cut(have)}" are not used: {column.label} "{cut(wanted)}" is taken',
                        mend=f"to take it, name it with --set (the mapping's parameter for {column.label})",
                    )
                ])  # fmt: skip

"""What a mapping cannot do for some records of a format, said once a run with their number: ``cautions:``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from feedbridge.cells import CellError
from feedbridge.findings import Finding, Severity, cut
from feedbridge.mapping.assemble import place_of
from feedbridge.mapping.bind import Binder
from feedbridge.mapping.bound import as_text
from feedbridge.mapping.paths import Column
from feedbridge.mapping.schema import Caution, Condition
from feedbridge.sources.base import BadCells, BadDocument, Record, Source

__all__ = ["Cautions"]

Tests = list[tuple[Callable[[Any, Any], bool], Column]]
"""Conditions with their columns."""


class BoundCaution:
    """A caution whose columns are there. ``every``: conditions that all hold; ``any``: of which one is enough (empty:
    none is asked); ``kinds``: whether the values of the first one's column are counted one by one."""

    def __init__(self, caution: Caution, every: Tests, any_of: Tests, kinds: bool) -> None:
        self.caution = caution
        self.every = every
        self.any = any_of
        self.kinds = kinds

    def column(self, cells: Any) -> Column | None:
        """The column by which it holds for a record; None when it does not."""
        for test, _ in self.every:
            if not test(cells, None):
                return None
        if not self.any:
            return self.every[0][1]
        one = next((column for test, column in self.any if test(cells, None)), None)
        return self.every[0][1] if self.every and one is not None else one


class Count:
    """How many records a caution is about, the first of them, and how many of each kind."""

    def __init__(self) -> None:
        self.records = 0
        self.first: Record | None = None
        self.kinds: Counter[str] = Counter()


def bound(caution: Caution, binder: Binder) -> BoundCaution | None:
    """None when a column is missing that it is about."""

    def there(conditions: tuple[Condition, ...]) -> list[tuple[Condition, Column]]:
        return [(one, column) for one in conditions if (column := binder.first_there(one.column)) is not None]

    every, some = there(caution.when), there(caution.any_)
    if len(every) < len(caution.when) or (caution.any_ and not some):
        return None
    binder.used |= {column.label for _, column in (*every, *some)}
    tests = [[(binder.tested(column, one), column) for one, column in conditions] for conditions in (every, some)]
    first, _ = (every or some)[0]
    return BoundCaution(caution, tests[0], tests[1], isinstance(first.is_, tuple))


class Cautions:
    """The cautions of a mapping on one source.

    A source may be read several times, wholly or in part; each reading counts by itself, and what counts is the reading
    that came furthest.
    """

    def __init__(self, cautions: tuple[Caution, ...], binder: Binder, source: Source) -> None:
        self.source = source
        self.bound = [one for caution in cautions if (one := bound(caution, binder)) is not None]
        self.furthest = 0
        self.counts = [Count() for _ in self.bound]

    def watch(self, records: Iterator[Record]) -> Iterator[Record]:
        """The records of one reading, counted."""
        counts = [Count() for _ in self.bound]
        each = list(zip(self.bound, counts, strict=True))
        for number, record in enumerate(records, 1):
            cells = record[1]
            if not isinstance(cells, BadCells | BadDocument):
                for one, count in each:
                    try:
                        column = one.column(cells)
                        if column is None:
                            continue
                        kind = as_text(column.get(cells, None)) if one.kinds else ""
                    except CellError:  # said where a field is read
                        continue
                    count.records += 1
                    count.first = count.first or record
                    if kind:
                        count.kinds[kind] += 1
            if number > self.furthest:
                self.furthest, self.counts = number, counts
            yield record

    def findings(self) -> list[Finding]:
        """One warning for each caution that some record fulfils."""
        return [
            self.finding(one, count, count.first)
            for one, count in zip(self.bound, self.counts, strict=True)
            if count.first is not None
        ]

    def finding(self, one: BoundCaution, count: Count, first: Record) -> Finding:
        file, line, pointer = place_of(self.source, first)
        column = one.column(first[1])
        assert column is not None
        number = "1 record" if count.records == 1 else f"{count.records:,} records"
        kinds = sorted(count.kinds.items(), key=lambda kind: (-kind[1], kind[0]))
        each = [f"{name} {times:,}" if len(kinds) > 1 else name for name, times in kinds]
        listed = f" ({', '.join(each)})" if each else ""
        return Finding(
            code="mapping.caution",
            severity=Severity.WARNING,
            file=file,
            line=line,
            pointer=pointer,
            column=column.label,
            value=cut(as_text(column.get(first[1], None))),
            message=f"{number}{listed}: {one.caution.say}",
            mend=one.caution.mend,
        )

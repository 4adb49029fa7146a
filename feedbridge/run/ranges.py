"""A source read in ranges, side by side, with the same result as in one piece.

Groups in the middle of a range are whole and are processed where it is read. The first and the last may
go on beyond the cut; their records are handed back and joined here, in file order.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from feedbridge.findings import Finding
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.group import Group
from feedbridge.mapping.grouping import adjacent
from feedbridge.run.process import Chunk, Processor
from feedbridge.sources.base import Range, Record, Source
from feedbridge.sources.csv import RangeNotClean

__all__ = ["EdgeRun", "RangeResult", "plan_ranges"]


class RangeResult(msgspec.Struct, array_like=True):
    """What a worker made of one range. ``clean`` False: the cut was at a wrong place, nothing here counts.

    ``leading``, ``trailing``  pickled records of the groups that may go on beyond the cut
    ``whole``   no group lies wholly inside: all records are in ``leading``
    ``tables``  (hits, misses, titles written otherwise) of each lookup table
    """

    clean: bool
    records: int = 0
    chunks: list[Chunk] = []
    leading: bytes = b""
    trailing: bytes = b""
    whole: bool = False
    notices: list[Finding] = []
    tables: list[tuple[int, dict[str, int], dict[str, str]]] = []


def plan_ranges(source: Source, workers: int, range_bytes: int) -> list[Range]:
    """Ranges of about half that size (the results of several wait in memory), at least one a worker; empty when the
    source cannot be split."""
    path = getattr(source, "path", None)
    if path is None:
        return []
    return source.split(max(workers, path.stat().st_size * 2 // range_bytes), least_bytes=range_bytes)


class EdgeRun:
    """Works on ranges (``work``, in a worker) and puts their results together (``chunks``, in the parent)."""

    def __init__(self, processor: Processor, applied: Applied) -> None:
        self.processor = processor
        self.applied = applied
        self.carried: list[Record] = []

    def work(self, part: Range) -> RangeResult:
        """Everything that can be said of one range alone."""
        applied = self.applied
        for table in applied.tables():
            table.reset()
        before = applied.count
        notices: list[Finding] = []
        edges = Edges()
        try:
            groups = applied.groups(part, notices.extend)
            chunks = list(self.processor.chunks(groups if applied.key is None else edges.inside(groups)))
        except RangeNotClean:
            return RangeResult(False)
        return RangeResult(
            True,
            applied.count - before,
            chunks,
            pickle.dumps(in_order(edges.leading)),
            pickle.dumps(in_order(edges.trailing)),
            edges.whole,
            notices,
            [(table.hits, dict(table.misses), table.loose) for table in applied.tables()],
        )

    def chunks(self, result: RangeResult, last: bool) -> Iterator[Chunk]:
        """The result's chunks with those of the groups at the cut before it; at the last also those at the end."""
        if self.applied.key is None:
            yield from result.chunks
            return
        self.carried += pickle.loads(result.leading)
        if not result.whole:
            yield from self.settle()
            yield from result.chunks
            self.carried = pickle.loads(result.trailing)
        if last:
            yield from self.settle()

    def settle(self) -> Iterator[Chunk]:
        records, self.carried = self.carried, []
        assert self.applied.key is not None
        groups = adjacent(iter(records), self.applied.key, self.applied.records_spec.fill_down)
        yield from self.processor.chunks(groups)


class Edges:
    """The groups of a range that may go on beyond its cuts: up to the first with a key, and from the last with a key on.
    ``whole``: there are no two with a key, so all groups are in ``leading``."""

    def __init__(self) -> None:
        self.leading: list[Group] = []
        self.trailing: list[Group] = []
        self.whole = True

    def inside(self, groups: Iterable[Group]) -> Iterator[Group]:
        """The groups between, as they come; the edges are known when all have come."""
        upcoming = iter(groups)
        for group in upcoming:
            self.leading.append(group)
            if group.key:
                break
        for group in upcoming:
            if group.key:
                yield from self.trailing
                self.trailing = []
                self.whole = False
            self.trailing.append(group)
        if self.whole:
            self.leading += self.trailing
            self.trailing = []


def in_order(groups: list[Group]) -> list[Record]:
    """All records of some groups in file order."""
    records: list[Any] = [record for group in groups for record in group.members]
    records.sort(key=lambda record: record[0])
    return records

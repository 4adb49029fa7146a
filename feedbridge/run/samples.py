"""Products that the report shows from source to payload: a dozen, the same whatever the number of workers.

Some from the front of the run, some it had warnings about, some that are held back, and some from anywhere: those
whose place in the source, thoroughly mixed, gives the lowest numbers. So each part of a run can choose for itself, and
the choice among all chosen is the choice among all. Their records are kept as they pass; nothing is read twice.
"""

from __future__ import annotations

import pickle
from heapq import heappush, heapreplace
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from feedbridge.findings import Finding
from feedbridge.mapping.group import Group

if TYPE_CHECKING:
    from feedbridge.run.process import Entry

__all__ = ["Candidate", "Chooser", "Chosen", "Samples", "mixed"]

EACH = 3
"""Samples from the front, of those with warnings, and of those held back."""
ANYWHERE = 4
"""Samples from anywhere."""
MOST_RECORDS = 200
"""A product of more records is no sample: its records are kept in memory."""
ALL = 1 << 32


def mixed(line: int, index: int) -> int:
    """A place in a source as a number below 2^32 that looks like chance.

    Source: Knuth, The Art of Computer Programming, volume 3, section 6.4, multiplicative hashing.
    """
    return (line * 2654435761 + index * 2246822519) & 0xFFFFFFFF


class Candidate(msgspec.Struct, array_like=True, gc=False):
    """A product that may be a sample: its number in the chunk; ``told`` is "", "told" (a warning) or "held"; its place,
    mixed; its pickled group."""

    entry: int
    told: str
    mix: int
    group: bytes


class Chooser:
    """Picks candidates where products are made. ``limit``: a place must be mixed to less than that to matter."""

    def __init__(self) -> None:
        self._lowest: list[int] = []
        self.start()

    def start(self) -> None:
        """A new stretch of the source begins: its first ones may be the first of all."""
        self._count = {"": 0, "told": 0, "held": 0}
        self.limit = ALL

    def consider(self, found: list[Candidate], entry: int, told: str, line: int, index: int, group: Group) -> None:
        """Add a product to ``found`` when it may be a sample."""
        if len(group.members) > MOST_RECORDS:
            return
        mix = mixed(line, index)
        low = len(self._lowest) < ANYWHERE or mix < -self._lowest[0]
        if low:
            (heappush if len(self._lowest) < ANYWHERE else heapreplace)(self._lowest, -mix)
        few = self._count[told] < EACH
        self._count[told] += few
        if low or few:
            found.append(Candidate(entry, told, mix, pickle.dumps(group)))
        if self._count[""] >= EACH and len(self._lowest) == ANYWHERE:
            self.limit = -self._lowest[0]


class Chosen(NamedTuple):
    """One sample: what the run made of it. ``states`` by platform: w, e or h; ``late``: why it was turned away at the
    end, by platform; ``order`` its place among all products."""

    order: int
    source: int
    entry: Entry
    states: str
    findings: list[Finding]
    late: dict[str, str]
    group: bytes


class Samples:
    """Chooses among the candidates where the run comes together; they come in the order of the source."""

    def __init__(self) -> None:
        self._kinds: dict[str, list[Chosen]] = {"": [], "told": [], "held": []}
        self._lowest: list[tuple[int, int, Chosen]] = []

    def add(self, candidate: Candidate, chosen: Chosen) -> None:
        """Take a candidate, with what became of it."""
        kind = self._kinds[candidate.told]
        if len(kind) < EACH:
            kind.append(chosen)
        place = (-candidate.mix, -chosen.order, chosen)
        if len(self._lowest) < ANYWHERE:
            heappush(self._lowest, place)
        elif place[:2] > self._lowest[0][:2]:
            heapreplace(self._lowest, place)

    def chosen(self) -> list[Chosen]:
        """The samples in the order of the run."""
        every = [*(one for kind in self._kinds.values() for one in kind), *(one for _, _, one in self._lowest)]
        return list({one.order: one for one in sorted(every, key=lambda one: one.order)}.values())

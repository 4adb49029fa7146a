"""What becomes one product: its records, before any field is read."""

from __future__ import annotations

import msgspec

from feedbridge.mapping.folding import Folded, every_row
from feedbridge.sources.base import BadCells, Record

__all__ = ["Group", "Inherited", "inheriting"]


class Inherited(list[str]):
    """Cells of a variant, with those of the records above it where its own are empty. ``own``: its own cells;
    ``givers``: index of a column -> the record its cell is from."""

    own: list[str]
    givers: dict[int, Record]


def inheriting(record: Record, above: list[Record], never: set[int]) -> Record:
    """A record with what it leaves empty from the records above it, the nearest first; of a document its ``values``.
    ``never``: columns that are each record's own."""
    cells = record[1]
    if isinstance(cells, dict):
        values: dict[str, object] = {}
        for document in (*(giver[1] for giver in reversed(above)), cells):
            own = document.get("values")
            values |= {k: v for k, v in own.items() if v not in (None, "", [], {})} if isinstance(own, dict) else {}
        return (record[0], type(cells)({**cells, "values": values}), *record[2:])
    givers: dict[int, Record] = {}
    filled: Inherited | Folded
    if cells.__class__ is Folded:
        filled = Folded(cells)
        filled.__dict__.update(cells.__dict__)
    else:
        filled = Inherited(cells)
        filled.own = cells
    for giver in above:
        for index, cell in enumerate(giver[1]):
            if cell and not filled[index].strip() and index not in never and cell.strip():
                filled[index] = cell
                givers[index] = giver
    if not givers:
        return record
    filled.givers = givers
    return (record[0], filled, *record[2:])


class Group(msgspec.Struct, gc=False):
    """The records of one product, in file order.

    ``head``     the record its product-level fields come from
    ``members``  its variant and image records (the head among them when one record is a variant);
                 empty when one record is a product, or a parent has no children
    ``key``      what holds them together (handle, item group, parent's key); "" when a record stands alone
    ``headless`` the parent is not in the source, ``head`` is the first child
    ``order``    place among the products of the source
    ``carriers`` records between parent and variants (sub-models): counted and kept, no variants themselves
    ``told``     what grouping itself has to say of these records, as (record, code, message, mend)
    """

    head: Record
    members: list[Record]
    key: str = ""
    headless: bool = False
    order: int = 0
    carriers: list[Record] = []
    told: list[tuple[Record, str, str, str]] = []

    def own(self) -> list[Record]:
        """Every record of the product once: the head, what is between, the variants, each in file order."""
        if self.members and (self.headless or self.members[0] is self.head):
            return [*self.members, *self.carriers] if self.carriers else self.members
        return [self.head, *self.carriers, *self.members]

    def records(self) -> list[Record]:
        """Every record, each followed by its own further rows."""
        found = self.own()
        for record in found:
            if record[1].__class__ is Folded or record[1].__class__ is BadCells:
                return every_row(found)
        return found

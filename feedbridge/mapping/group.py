"""What becomes one product: its records, before any field is read."""

from __future__ import annotations

import msgspec

from feedbridge.mapping.folding import Folded, every_row
from feedbridge.sources.base import BadCells, Record

__all__ = ["Group"]


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

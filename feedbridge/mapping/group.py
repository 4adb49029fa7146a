"""What becomes one product: its records, before any field is read."""

from __future__ import annotations

import msgspec

from feedbridge.sources.base import Record

__all__ = ["Group"]


class Group(msgspec.Struct, gc=False):
    """The records of one product, in file order.

    ``head``     the record its product-level fields come from
    ``members``  its variant and image records (the head among them when one record is a variant);
                 empty when one record is a product, or a parent has no children
    ``key``      what holds them together (handle, item group, parent's key); "" when a record stands alone
    ``headless`` the parent is not in the source, ``head`` is the first child
    ``order``    place among the products of the source
    """

    head: Record
    members: list[Record]
    key: str = ""
    headless: bool = False
    order: int = 0

    def records(self) -> list[Record]:
        """Every record of the product once, in file order."""
        if self.members and (self.headless or self.members[0] is self.head):
            return self.members
        return [self.head, *self.members]

"""What the parts of the ledger share: the database with its clock, and many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from feedbridge.sync.database import Database
from feedbridge.sync.ledger_values import iso

__all__ = ["SOME", "LedgerPart", "chunks", "many"]

SOME = 500
"""Keys asked for, or rows changed, at once."""

T = TypeVar("T")


class LedgerPart:
    """A part of the ledger; ``Ledger`` is all of them together."""

    _database: Database

    def _now(self) -> str:
        return iso(self._database.clock())


def many(connection: sa.Connection, statement: Any, values: Iterable[dict[str, Any]]) -> None:
    for some in chunks(values, SOME):
        connection.execute(statement, some)


def chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(values)
    while some := list(islice(rest, size)):
        yield some

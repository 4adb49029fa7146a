"""The ledger's part that knows which products are held back, and were."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from feedbridge.sync.lease import Lease, fence
from feedbridge.sync.ledger_part import SOME, LedgerPart, chunks, many
from feedbridge.sync.ledger_rows import HeldRow
from feedbridge.sync.ledger_values import clean, short, time_of, whole
from feedbridge.sync.tables import held

__all__ = ["LedgerHeld"]


class LedgerHeld(LedgerPart):
    """Products that are held back."""

    def note_held(
        self, job_id: int, run: str, rows: Iterable[HeldRow], complete: bool, lease: Lease | None = None
    ) -> None:
        """Note the products a run held back; those that were held before keep their ``since``.

        ``complete``  these are all: those not among them were fixed by the source
        """
        for some in chunks(rows, SOME):
            by_name = {row.name: row for row in some}
            with self._database.write() as connection:
                fence(connection, lease)
                before = connection.execute(_HELD_BEFORE, {"job": job_id, "names": list(by_name)})
                known = {name: since_run for name, since_run in before}
                new = self._database.insert(held)
                many(connection, new.on_conflict_do_update(
                    index_elements=["job_id", "name", "since_run"],
                    set_={
                        name: new.excluded[name]
                        for name in (
                            "sku", "codes", "problem", "mend", "file", "line", "last_run", "closed", "closed_run", "how"
                        )
                    },
                ), (
                    {
                        "job_id": job_id, "name": name, "since_run": known.get(name, run), "sku": clean(row.sku),
                        "codes": clean(row.codes), "problem": clean(row.problem), "mend": clean(row.mend),
                        "file": clean(row.file), "line": row.line, "since": self._now(), "last_run": run, "closed": "",
                        "closed_run": "", "how": "",
                    }
                    for name, row in by_name.items()
                ))
        if complete:
            with self._database.write() as connection:
                fence(connection, lease)
                connection.execute(
                    sa.update(held)
                    .where(held.c.job_id == job_id, held.c.closed_run == "", held.c.last_run != run)
                    .values(closed=self._now(), closed_run=run, how="fixed by the source")
                )

    def held(self, job_id: int, closed: bool = False) -> list[HeldRow]:
        """Products that are held back, by name; ``closed``: those that were, the last closed first."""
        asked = sa.select(*(held.c[name] for name in HeldRow.__struct_fields__)).where(held.c.job_id == job_id)
        if closed:
            asked = asked.where(held.c.closed_run != "").order_by(held.c.closed.desc(), held.c.name)
        else:
            asked = asked.where(held.c.closed_run == "").order_by(held.c.name)
        with self._database.read() as connection:
            return [
                HeldRow(**{**row, "since": time_of(row["since"]), "closed": time_of(row["closed"])})
                for row in connection.execute(asked).mappings()
            ]

    def close_held(
        self, job_id: int, names: Iterable[str], run: str, how: str, lease: Lease | None = None
    ) -> None:
        """Note that products are held back no longer, and why."""
        for some in chunks((short(whole(name)) for name in names), SOME):
            with self._database.write() as connection:
                fence(connection, lease)
                connection.execute(
                    sa.update(held)
                    .where(held.c.job_id == job_id, held.c.closed_run == "", held.c.name.in_(some))
                    .values(closed=self._now(), closed_run=run, how=how)
                )


_HELD_BEFORE = sa.select(held.c.name, held.c.since_run).where(
    held.c.job_id == sa.bindparam("job"), held.c.closed_run == "",
    held.c.name.in_(sa.bindparam("names", expanding=True)),
)

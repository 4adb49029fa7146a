"""The ledger's part that knows which problems go on, and whether a person was told."""

from __future__ import annotations

import sqlalchemy as sa

from feedbridge.sync.database import utc_now
from feedbridge.sync.lease import Lease, fence
from feedbridge.sync.ledger_part import LedgerPart
from feedbridge.sync.ledger_rows import AlertRow
from feedbridge.sync.ledger_values import clean, time_of
from feedbridge.sync.tables import alerts

__all__ = ["LedgerAlerts"]


class LedgerAlerts(LedgerPart):
    """Problems that go on."""

    def alert_state(self, job_id: int) -> dict[str, AlertRow]:
        """Problem -> since when it goes on, and when a person was told."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(alerts).where(alerts.c.job_id == job_id)).all()
        return {
            row.problem: AlertRow(
                problem=row.problem, since=time_of(row.since) or utc_now(), told=time_of(row.told), run=row.run,
                message=row.message,
            )
            for row in rows
        }

    def open_alert(
        self, job_id: int, problem: str, *, run: str = "", message: str = "", told: bool = True,
        lease: Lease | None = None,
    ) -> None:
        """Note a problem; one that goes on keeps its ``since``. ``told``: a person was told just now."""
        now = self._now()
        new = self._database.insert(alerts).values(
            job_id=job_id, problem=problem, since=now, told=now if told else "", run=run, message=clean(message)
        )
        upsert = new.on_conflict_do_update(
            index_elements=["job_id", "problem"],
            set_={name: new.excluded[name] for name in (("told", "message") if told else ("message",))},
        )
        with self._database.write() as connection:
            fence(connection, lease)
            connection.execute(upsert)

    def close_alert(self, job_id: int, problem: str, lease: Lease | None = None) -> None:
        """Note that a problem is over."""
        with self._database.write() as connection:
            fence(connection, lease)
            connection.execute(sa.delete(alerts).where(alerts.c.job_id == job_id, alerts.c.problem == problem))

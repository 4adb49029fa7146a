"""Brings a ledger to the newest shape: one file a step in versions/, run by Alembic when a ledger is older."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from feedbridge.sync.database import Database
from feedbridge.sync.ledger_errors import LedgerError
from feedbridge.sync.tables import VERSION, version

__all__ = ["migrate", "version_of"]

_LOCK = 0x6665_6564_6272_6964
"""PostgreSQL's advisory lock while tables are made: the letters ``feedbrid``."""


def version_of(connection: sa.Connection) -> str | None:
    """The ledger's version, None where there is no ledger yet.

    Raises: LedgerError (``ledger.corrupt``) for a database that is something else.
    """
    if connection.dialect.name == "postgresql":
        encoding, table = connection.exec_driver_sql(
            f"SELECT current_setting('server_encoding'), to_regclass('{version.name}')::text"
        ).one()
        if encoding != "UTF8":
            raise LedgerError(
                f"this database keeps its text as {encoding}, which cannot hold every product",
                mend="make one with: createdb --encoding=UTF8 --template=template0 NAME", code="ledger.open",
            )
        if table is None:
            return None
    else:
        names = {
            row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if version.name not in names:
            if names:
                raise LedgerError(
                    f'this SQLite file belongs to another program: it has a table "{min(names)}" and no ledger',
                    mend="name another place for the ledger (state:)", code="ledger.corrupt",
                )
            return None
    found = connection.execute(sa.select(version.c.version_num)).scalars().all()
    if len(found) != 1 or not found[0]:
        raise LedgerError(
            "the ledger does not say its version", mend="bring it back from a backup, or name another place (state:)",
            code="ledger.corrupt",
        )
    return found[0]


def migrate(database: Database) -> None:
    """Bring a ledger to VERSION, or make it. Several at once wait for each other; an interrupted one leaves no trace.

    Raises: LedgerError.
    """
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        if version_of(connection) == VERSION:
            return
        from alembic import command
        from alembic.config import Config

        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
        command.upgrade(config, VERSION)
        if version_of(connection) != VERSION:
            raise LedgerError("the ledger could not be brought to this version's shape", code="ledger.open")

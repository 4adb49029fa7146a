"""The way to the ledger's database (SQLite or PostgreSQL): short transactions, over connections of their own.

Everything that SQLAlchemy and the drivers raise becomes a LedgerError here, without a password in its message.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from feedbridge.errors import FeedbridgeError
from feedbridge.sync.ledger_address import PERCENT, Address, parse_url
from feedbridge.sync.ledger_errors import SAYS, SAYS_SERVER, LedgerError, of_postgres, of_sqlite, of_system

__all__ = ["WAIT_SECONDS", "Database", "utc_now"]

WAIT_SECONDS = 30.0
CONNECT_SECONDS = 10

for _library in ("psycopg", "sqlalchemy", "alembic"):
    # What they log of a connection that broke is for those who ask for it; Python would print it to stderr.
    logging.getLogger(_library).addHandler(logging.NullHandler())


class Database:
    """An open ledger database: short read and write transactions, over connections of their own.

    ``shown``  its URL without the login     ``path``  the SQLite file; None: PostgreSQL
    """

    def __init__(self, url: str, *, clock: Callable[[], datetime], wait_seconds: float = WAIT_SECONDS) -> None:
        self.url = parse_url(url, Path.cwd(), "state")
        self._address = Address(url, self.url)
        self.shown = self._address.shown
        self.path = Path(self.url.database or "") if self.url.get_backend_name() == "sqlite" else None
        self.clock = clock
        self.wait_seconds = wait_seconds
        self._inode: tuple[int, int] | None = None
        self._opened = False
        self._turn: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
        if self.path is not None:
            self._turn = threading.RLock()  # fairer than SQLite's own way to wait
        self.engine = self._sqlite_engine() if self.path else self._postgres_engine()
        self._writers = self.engine.execution_options(feedbridge_writes=True)

    def __repr__(self) -> str:
        return f"Database({self.shown!r})"

    def _sqlite_engine(self) -> sa.Engine:
        wait = self.wait_seconds
        engine = sa.create_engine(self.url, connect_args={"timeout": wait, "check_same_thread": False})

        @sa.event.listens_for(engine, "connect")
        def prepare(connection: sqlite3.Connection, record: object) -> None:
            connection.isolation_level = None
            for pragma in (f"busy_timeout = {int(wait * 1000)}", "foreign_keys = ON", "synchronous = FULL"):
                connection.execute(f"PRAGMA {pragma}")
            _write_ahead(connection, wait)

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            writes = connection.get_execution_options().get("feedbridge_writes")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    def _postgres_engine(self) -> sa.Engine:
        wanted = {
            "connect_timeout": CONNECT_SECONDS, "application_name": "feedbridge", "keepalives": 1,
            "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 90_000,
            "client_encoding": "utf8",
        }
        try:
            engine = sa.create_engine(
                self.url, pool_pre_ping=True,
                connect_args={name: value for name, value in wanted.items() if name not in self.url.query},
            )
        except ImportError as exc:
            raise LedgerError(
                "the driver for PostgreSQL is not installed", where=self.shown,
                mend="pip install 'feedbridge[postgresql]'", code="ledger.open",
            ) from exc
        wait = int(self.wait_seconds * 1000)

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            if connection.get_execution_options().get("feedbridge_writes"):
                connection.exec_driver_sql(
                    f"SELECT set_config('lock_timeout', '{wait}', true), CASE current_setting('synchronous_commit')"
                    " WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END"
                )

        return engine

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that can say ON CONFLICT, in the words of this database."""
        return postgresql.insert(table) if self.path is None else sqlite.insert(table)

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that reads. Raises LedgerError."""
        with self.edge(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that writes: all of it or nothing, and on the disk when this ends. Raises LedgerError."""
        with self.edge(), self._turn, self._writers.begin() as connection:
            self._still_there()
            yield connection
            self._still_there()

    def now(self, connection: sa.Connection) -> float:
        """Seconds since 1970 by the clock that all who share the ledger have: the server's, else this machine's."""
        if self.path is None:
            return float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())
        return self.clock().timestamp()

    def opened(self) -> None:
        """From here on a database that cannot be reached was there before."""
        self._opened = True
        if self.path is not None:
            with self.edge():
                self._inode = _inode(self.path)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.engine.dispose()

    def _still_there(self) -> None:
        if self._was_taken_away():
            raise self._taken_away()

    def _was_taken_away(self) -> bool:
        """SQLite itself would go on writing into a file that no longer has a name."""
        if self.path is None or self._inode is None:
            return False
        try:
            return _inode(self.path) != self._inode
        except OSError:
            return True

    def _taken_away(self) -> LedgerError:
        return LedgerError(
            "the ledger's file was deleted or replaced while it was in use", where=self.shown,
            mend="leave the file alone while a run is under way, and run again", code="ledger.gone",
        )

    @contextlib.contextmanager
    def edge(self) -> Iterator[None]:
        """What SQLAlchemy and the drivers raise leaves here as LedgerError."""
        try:
            yield
        except FeedbridgeError as exc:
            if isinstance(exc, LedgerError) and not exc.where:
                exc.where = self.shown
            raise
        except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as exc:
            error, hidden = self._explained(exc)
            raise error from (None if hidden else exc)
        except Exception as exc:  # psycopg is imported only where it is used: known by its name
            if type(exc).__module__.partition(".")[0] != "psycopg":
                raise
            error, hidden = self._explained(exc)
            raise error from (None if hidden else exc)

    def _explained(self, exc: Exception) -> tuple[LedgerError, bool]:
        """In our words; and whether something was taken out of the driver's, which no traceback may show then."""
        if self._was_taken_away():
            return self._taken_away(), False
        cause = exc.orig if isinstance(exc, sa.exc.DBAPIError) and exc.orig is not None else exc
        told = " ".join(str(cause).split())
        words = self._address.scrubbed(told)
        hidden = words != told
        if isinstance(exc, sa.exc.TimeoutError):
            code = "ledger.locked"
        elif isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
            code, words = of_system(cause, self._opened)
        elif isinstance(cause, sqlite3.Error):
            code = of_sqlite(cause, self._opened)
        else:
            code = of_postgres(cause, self._opened)
        message, mend = SAYS[code]
        if self.path is None:
            mend = SAYS_SERVER.get(code, mend)
            if code == "ledger.open" and self._address.ambiguous:
                mend += f"; the address has more than one @: {PERCENT}"
        message = f"{message} ({words})" if words else message
        return LedgerError(message, where=self.shown, mend=mend, code=code), hidden


def _inode(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _write_ahead(connection: sqlite3.Connection, wait: float) -> None:
    """Turn the write-ahead log on. SQLite does not wait by itself when several do that at once."""
    until = time.monotonic() + wait
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
            if code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def utc_now() -> datetime:
    """The clock, unless a test brings its own."""
    return datetime.now(UTC)

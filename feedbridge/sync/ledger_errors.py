"""What can go wrong on the ledger, in our words: which errors of SQLite, PostgreSQL and the system mean what."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from feedbridge.errors import FeedbridgeError

__all__ = ["ADOPT", "SAYS", "SAYS_SERVER", "JobRunning", "LeaseLost", "LedgerError", "of_postgres", "of_sqlite", "of_system"]


class LedgerError(FeedbridgeError):
    """The ledger cannot be used.

    ``ledger.open``     it cannot be opened                 ``ledger.locked``  another program does not let go of it
    ``ledger.corrupt``  what is there is no sound ledger    ``ledger.full``    there is no room to write
    ``ledger.newer``    a newer feedbridge made it          ``ledger.gone``    it went away while it was in use
    """


class LeaseLost(LedgerError):
    """Another run has taken the job over; nothing was written."""


class JobRunning(LedgerError):
    """Another run of the job is under way. ``since``: when it began."""

    since: datetime | None = None


ADOPT = "say feedbridge sync JOB --adopt, which updates what the platforms have instead of creating it a second time"
SAYS = {
    "ledger.open": (
        "the ledger cannot be opened",
        "check that the folder exists and may be written, or name another place (state: in the job file, or "
        "FEEDBRIDGE_STATE_URL)",
    ),
    "ledger.corrupt": (
        "this is no sound ledger",
        f"bring the file back from a backup; without one, move it away (or name another place: state:), then {ADOPT}",
    ),
    "ledger.locked": (
        "another program does not let go of the ledger",
        "end the program that holds it open (a database viewer, a backup), and run again",
    ),
    "ledger.full": (
        "the ledger cannot be written, most likely because there is no room left",
        "make room on its disk, and run again: what was not written is found out then",
    ),
    "ledger.gone": (
        "the ledger went away while it was in use",
        "bring its disk back, and run again: what was not written is found out then",
    ),
}
SAYS_SERVER = {
    "ledger.open": "check that the server runs, that the address and login are right, and that this login may make "
    "tables there (GRANT CREATE ON SCHEMA public)",
    "ledger.corrupt": f"have the database looked at, or bring it back from a backup; without one, name another (state:), "
    f"then {ADOPT}",
    "ledger.locked": "end the session that holds the lock (see pg_stat_activity), and run again",
    "ledger.gone": "check the server and the network, and run again: what was not written is found out then",
}


def of_system(exc: OSError, opened: bool) -> tuple[str, str]:
    import errno

    words = exc.strerror or str(exc)
    if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "ledger.full", words
    return "ledger.gone" if opened else "ledger.open", words


_IOERR_ROOM = frozenset((
    sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMMAP,
))


_PASSING = frozenset((
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
))


def of_sqlite(exc: sqlite3.Error, opened: bool) -> str:
    extended = getattr(exc, "sqlite_errorcode", None) or 0
    code = extended & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "ledger.locked"
    if code == sqlite3.SQLITE_FULL or extended in _IOERR_ROOM:
        return "ledger.full"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return "ledger.open"
    if code in _PASSING:
        return "ledger.gone" if opened else "ledger.open"
    return "ledger.corrupt"


def of_postgres(exc: Exception, opened: bool) -> str:
    state = getattr(exc, "sqlstate", None) or ""
    if state in ("53100", "53200"):
        return "ledger.full"
    if state in ("55P03", "57014", "40P01", "40001"):
        return "ledger.locked"
    if state.startswith("28") or state in ("3D000", "42501", "25006", "53300", "3F000"):
        return "ledger.open"
    if state and not state.startswith(("08", "57", "53", "58")):
        return "ledger.corrupt"
    return "ledger.gone" if opened else "ledger.open"

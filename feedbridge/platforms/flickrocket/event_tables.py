"""The SQLite file of webhook events: its table, and how one that an earlier feedbridge made is brought to it."""

from __future__ import annotations

import sqlite3
import time

__all__ = ["VERSION", "prepare"]

VERSION = 2
_TABLE = """
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    place INTEGER NOT NULL,
    scope TEXT NOT NULL, object_id TEXT NOT NULL, long_id TEXT NOT NULL, company_id TEXT NOT NULL, hash TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('new', 'working', 'done', 'failed', 'dismissed')),
    again INTEGER NOT NULL DEFAULT 0,
    times INTEGER NOT NULL DEFAULT 1,
    received REAL NOT NULL, last_received REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    worked REAL,
    message TEXT NOT NULL DEFAULT ''
)
"""
_INDEXES = (
    "CREATE INDEX events_same ON events (hash, scope, object_id)",
    "CREATE INDEX events_queue ON events (state, place)",
)


def prepare(connection: sqlite3.Connection, wait_seconds: float) -> None:
    """Every commit reaches the disk before it returns; the table is there. Raises sqlite3.Error."""
    end = time.monotonic() + wait_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")  # does not wait by itself while another one changes it
            break
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > end:
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise sqlite3.DatabaseError("a newer feedbridge made it")
        if version == 0:
            _make(connection)
        elif version == 1:
            _take_dismissed(connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _make(connection: sqlite3.Connection) -> None:
    if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise sqlite3.DatabaseError("it is a database of something else")
    for statement in (_TABLE, *_INDEXES):
        connection.execute(statement)


def _take_dismissed(connection: sqlite3.Connection) -> None:
    """From version 1, whose events could not be dismissed: SQLite changes a CHECK by a new table only."""
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    connection.execute("ALTER TABLE events RENAME TO events_1")
    connection.execute(_TABLE)
    connection.execute("INSERT INTO events SELECT * FROM events_1")
    connection.execute("DROP TABLE events_1")
    for statement in _INDEXES:
        connection.execute(statement)
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
    if last is not None:  # the number of an event that is forgotten is not given again
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", last)

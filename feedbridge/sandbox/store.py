"""What the sandbox has taken, in one SQLite file: products, calls, tokens. It survives a restart and a kill.

A call's changes and its record are one transaction, committed before the answer is given. No key, signature or token
is stored; of tokens it issued itself, the digest.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from feedbridge.errors import CommandError

__all__ = ["PICTURES", "Store", "Transaction"]

FILE = "sandbox.sqlite3"
PICTURES = "pictures"
"""Folder of the covers that came with FlickRocket's folders."""
VERSION = 2
MOST_CALLS = 100_000
"""Older calls are forgotten."""

TABLES = """
CREATE TABLE flipsnack_products (
    source_hash TEXT NOT NULL, code TEXT NOT NULL, body TEXT NOT NULL, changed REAL NOT NULL,
    PRIMARY KEY (source_hash, code)
);
CREATE TABLE flipsnack_codes (
    source_hash TEXT NOT NULL, code TEXT NOT NULL, product TEXT NOT NULL,
    PRIMARY KEY (source_hash, code)
) WITHOUT ROWID;
CREATE INDEX flipsnack_codes_of_product ON flipsnack_codes (source_hash, product);
CREATE TABLE magento_products (id TEXT PRIMARY KEY, body TEXT NOT NULL, changed REAL NOT NULL);
CREATE TABLE flickrocket_things (
    resource TEXT NOT NULL, id INTEGER NOT NULL, body TEXT NOT NULL, changed REAL NOT NULL,
    PRIMARY KEY (resource, id)
);
CREATE TABLE flickrocket_tokens (
    digest TEXT PRIMARY KEY, kind TEXT NOT NULL, expires REAL, scope TEXT NOT NULL DEFAULT ''
);
CREATE TABLE nonces (digest TEXT PRIMARY KEY, expires REAL NOT NULL);
CREATE TABLE calls (
    number INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, platform TEXT NOT NULL, action TEXT NOT NULL,
    verdict TEXT NOT NULL, http_status INTEGER, code TEXT NOT NULL, items INTEGER NOT NULL, failed INTEGER NOT NULL,
    fault TEXT NOT NULL, message TEXT NOT NULL
);
"""
EVENTS = """
CREATE TABLE flickrocket_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, webhook INTEGER NOT NULL, scope TEXT NOT NULL, data TEXT NOT NULL,
    fault TEXT NOT NULL, made REAL NOT NULL, due REAL NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX flickrocket_events_due ON flickrocket_events (state, due, number);
CREATE TABLE flickrocket_counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
"""Webhook events and the ids given out. ``made`` and ``due`` are seconds of this machine's clock."""
SINCE_1 = f"ALTER TABLE flickrocket_tokens ADD COLUMN scope TEXT NOT NULL DEFAULT '';{EVENTS}"
"""What a file of version 1 lacks."""
NAMES = ("calls", "nonces", "flickrocket_tokens", "flickrocket_things", "flickrocket_events", "flickrocket_counters",
         "magento_products", "flipsnack_codes", "flipsnack_products")


class Store:
    """The sandbox's data under one folder. One process at a time; any number of threads.

    Raises: CommandError when another sandbox has the folder, or its file is none of ours.
    """

    def __init__(self, folder: str | Path, *, fresh: bool = False) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._held = FileLock(self.folder / "sandbox.lock")
            self._held.acquire(timeout=0)
        except Timeout as exc:
            raise CommandError(
                "another sandbox is using this folder", where=str(self.folder), code="sandbox.data-in-use",
                mend="stop the other sandbox, or give this one a folder of its own with --data",
            ) from exc
        except OSError as exc:
            raise CommandError(
                f"cannot keep data here: {exc.strerror or exc}", where=str(self.folder), code="sandbox.data",
                mend="name a folder that can be written with --data",
            ) from exc
        self.path = self.folder / FILE
        self._lock = threading.RLock()
        try:
            if fresh:
                self._forget_pictures()
                for ending in ("", "-wal", "-shm", "-journal"):
                    with suppress(FileNotFoundError):
                        self.path.with_name(FILE + ending).unlink()
            self._connection = self._opened()
        except BaseException:
            self._held.release()
            raise

    def _opened(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                    raise sqlite3.DatabaseError("it holds other tables")
                connection.executescript(f"BEGIN;{TABLES}{EVENTS}PRAGMA user_version = {VERSION};COMMIT;")
            elif version == 1:
                connection.executescript(f"BEGIN;{SINCE_1}PRAGMA user_version = {VERSION};COMMIT;")
            elif version != VERSION:
                raise sqlite3.DatabaseError(f"it is of another version ({version})")
        except sqlite3.Error as exc:
            if connection is not None:
                connection.close()
            raise CommandError(
                f"the sandbox's file cannot be used: {exc}", where=str(self.path), code="sandbox.data",
                mend="begin anew with --fresh, or give another folder with --data",
            ) from exc
        return connection

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """All of it is stored when the block ends, none of it when it raises."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._connection)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """One moment's view."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                yield Transaction(self._connection)
            finally:
                self._connection.execute("COMMIT")

    def reset(self) -> None:
        """Forget everything."""
        with self.transaction() as tx:
            for name in NAMES:
                tx.run(f"DELETE FROM {name}")

        self._forget_pictures()

    def _forget_pictures(self) -> None:
        shutil.rmtree(self.folder / PICTURES, ignore_errors=True)

    def close(self) -> None:
        with self._lock:
            self._connection.close()
        self._held.release()

    # What people and tests ask for.

    def flipsnack(self, source_hash: str) -> dict[str, dict[str, Any]]:
        """The products of a feed as they are now, by code; empty when there is no such feed."""
        with self.reading() as tx:
            return tx.flipsnack_products(source_hash)

    def magento(self) -> dict[str, dict[str, Any]]:
        """The products as they are now, by id."""
        with self.reading() as tx:
            return {name: json.loads(body)
                    for name, body in tx.rows("SELECT id, body FROM magento_products ORDER BY rowid")}

    def flickrocket(self, resource: str) -> list[dict[str, Any]]:
        with self.reading() as tx:
            return tx.flickrocket_things(resource)

    def events(self, limit: int = 1000) -> list[dict[str, Any]]:
        """FlickRocket's latest webhook events, newest first. State: waiting, delivered, given up or dropped."""
        names = ("number", "webhook", "scope", "data", "fault", "made", "due", "state", "tries", "note")
        with self.reading() as tx:
            rows = tx.rows(f"SELECT {', '.join(names)} FROM flickrocket_events ORDER BY number DESC LIMIT ?", limit)
        return [{**dict(zip(names, row, strict=True)), "data": json.loads(row[3])} for row in rows]

    def page(self, platform: str, feed: str, start: int, most: int) -> tuple[int, list[dict[str, Any]]]:
        """How many products a feed has, and those from ``start`` on."""
        table, where, order = {
            "flipsnack": ("flipsnack_products", "source_hash = ?", "rowid"),
            "magento": ("magento_products", "? = ''", "rowid"),
            "flickrocket": ("flickrocket_things", "resource = ?", "id"),
        }[platform]
        with self.reading() as tx:
            total = tx.rows(f"SELECT count(*) FROM {table} WHERE {where}", feed)[0][0]
            rows = tx.rows(
                f"SELECT body FROM {table} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?", feed, most, start)
        return total, [json.loads(body) for (body,) in rows]

    def feeds(self) -> dict[str, Any]:
        """What there is, by platform, with counts."""
        with self.reading() as tx:
            flipsnack = [
                {"sourceHash": source_hash, "products": products, "variants": codes - products, "changed": changed}
                for source_hash, products, codes, changed in tx.rows(
                    "SELECT source_hash, count(*), (SELECT count(*) FROM flipsnack_codes AS c"
                    " WHERE c.source_hash = p.source_hash), max(changed)"
                    " FROM flipsnack_products AS p GROUP BY source_hash ORDER BY min(rowid)"
                )
            ]
            products, changed = tx.rows("SELECT count(*), max(changed) FROM magento_products")[0]
            things = dict(tx.rows("SELECT resource, count(*) FROM flickrocket_things GROUP BY resource"))
        return {"flipsnack": flipsnack, "magento": {"products": products, "changed": changed}, "flickrocket": things}

    def calls(self, limit: int = 100, *, before: int | None = None) -> list[dict[str, Any]]:
        """The latest calls, newest first."""
        names = ("number", "time", "platform", "action", "verdict", "http_status", "code", "items", "failed", "fault",
                 "message")
        with self.reading() as tx:
            rows = tx.rows(
                f"SELECT {', '.join(names)} FROM calls WHERE number < ? ORDER BY number DESC LIMIT ?",
                before if before is not None else 2**62, limit,
            )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def count(self, table: str, where: str = "1", *values: object) -> int:
        with self.reading() as tx:
            return int(tx.rows(f"SELECT count(*) FROM {table} WHERE {where}", *values)[0][0])


class Transaction:
    """Statements of one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, statement: str, *values: object) -> int:
        """Run a statement; how many rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def run_many(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._connection.executemany(statement, rows)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()

    def flipsnack_products(self, source_hash: str) -> dict[str, dict[str, Any]]:
        return {code: json.loads(body) for code, body in self.rows(
            "SELECT code, body FROM flipsnack_products WHERE source_hash = ? ORDER BY rowid", source_hash)}

    def flickrocket_things(self, resource: str) -> list[dict[str, Any]]:
        return [json.loads(body) for (body,) in self.rows(
            "SELECT body FROM flickrocket_things WHERE resource = ? ORDER BY id", resource)]

    def put_flickrocket(self, resource: str, things: Iterable[Mapping[str, Any]], now: float) -> None:
        """Replace all things of a resource."""
        self.run("DELETE FROM flickrocket_things WHERE resource = ?", resource)
        self.run_many("INSERT INTO flickrocket_things VALUES (?, ?, ?, ?)",
                      ((resource, int(thing["id"]), json.dumps(thing), now) for thing in things))

    def flickrocket_thing(self, resource: str, number: int) -> dict[str, Any] | None:
        found = self.rows("SELECT body FROM flickrocket_things WHERE resource = ? AND id = ?", resource, number)
        return json.loads(found[0][0]) if found else None

    def keep_flickrocket(self, resource: str, thing: Mapping[str, Any], now: float) -> None:
        """Store one thing, in the place of the one with its id."""
        self.run("INSERT INTO flickrocket_things VALUES (?, ?, ?, ?) ON CONFLICT (resource, id)"
                 " DO UPDATE SET body = excluded.body, changed = excluded.changed",
                 resource, int(thing["id"]), json.dumps(thing), now)

    def drop_flickrocket(self, resource: str, number: int) -> bool:
        return bool(self.run("DELETE FROM flickrocket_things WHERE resource = ? AND id = ?", resource, number))

    def next_number(self, name: str, above: int = 0) -> int:
        """The next id of a resource: above ``above`` and above all that were ever given out."""
        last = self.rows("SELECT value FROM flickrocket_counters WHERE name = ?", name)
        number = max(above, last[0][0] if last else 0) + 1
        self.run("INSERT INTO flickrocket_counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                 name, number)
        return number

    def record(
        self, *, time: float, platform: str, action: str, verdict: str, http_status: int | None, code: str = "",
        items: int = 0, failed: int = 0, fault: str = "", message: str = "",
    ) -> None:
        """Write down a call. ``http_status`` is None when no answer was given."""
        self.run(
            "INSERT INTO calls (time, platform, action, verdict, http_status, code, items, failed, fault, message)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            time, platform, cleaned(action)[:100], verdict, http_status, code, items, failed, cleaned(fault)[:500],
            cleaned(message)[:500],
        )
        self.run("DELETE FROM calls WHERE number <= (SELECT max(number) FROM calls) - ?", MOST_CALLS)


def cleaned(text: str) -> str:
    """Text that SQLite can hold: half a surrogate pair is spelt out."""
    return text.encode("utf-8", "backslashreplace").decode()

"""The ledger's part that remembers digests of files, so that one that is still the same need not be read again."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

from feedbridge.sync.database import utc_now
from feedbridge.sync.ledger_errors import LedgerError
from feedbridge.sync.ledger_part import SOME, LedgerPart, many
from feedbridge.sync.ledger_values import short
from feedbridge.sync.tables import digests

__all__ = ["LedgerDigests"]

RACY_SECONDS = 2.0


class LedgerDigests(LedgerPart):
    """SHA-256 of files, by path."""

    _noted: dict[str, tuple[int, int, str, str]]

    def digest_of(self, path: str | Path, stat: os.stat_result) -> str | None:
        """The SHA-256 a file had, when it is still the same file by size, time and inode; None: not known."""
        name = _path(path)
        if name is None:
            return None
        found = self._noted.get(name)
        if found is None:
            with self._database.read() as connection:
                row = connection.execute(_DIGEST, {"path": name}).first()
            found = tuple(row) if row else None
        if found and found[:3] == (stat.st_size, stat.st_mtime_ns, str(stat.st_ino)):
            return found[3]
        return None

    def note_digest(self, path: str | Path, stat: os.stat_result, sha256: str) -> None:
        """Remember a file's SHA-256. ``stat``: taken before it was read. Written now and then, and by close().

        A file changed within the last two seconds is not remembered: it may change again within the same tick.
        """
        name = _path(path)
        if name is None or utc_now().timestamp() - stat.st_mtime < RACY_SECONDS:
            return
        self._noted[name] = (stat.st_size, stat.st_mtime_ns, str(stat.st_ino), sha256)
        if len(self._noted) >= SOME:
            try:
                self._write_digests()
            except LedgerError as exc:
                if exc.code != "ledger.open":  # a ledger that may only be read does without
                    raise

    def _write_digests(self) -> None:
        noted, self._noted = self._noted, {}
        if not noted:
            return
        new = self._database.insert(digests)
        upsert = new.on_conflict_do_update(
            index_elements=["path"],
            set_={name: new.excluded[name] for name in ("size", "mtime_ns", "inode", "sha256")},
        )
        with self._database.write() as connection:
            many(connection, upsert, (
                {"path": path, "size": size, "mtime_ns": changed, "inode": inode, "sha256": digest}
                for path, (size, changed, inode, digest) in sorted(noted.items())
            ))


_DIGEST = sa.select(digests.c.size, digests.c.mtime_ns, digests.c.inode, digests.c.sha256).where(
    digests.c.path == sa.bindparam("path")
)


def _path(path: str | Path) -> str | None:
    name = os.path.abspath(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        return None
    return short(name)

"""The ledger's tables, on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

__all__ = [
    "VERSION", "alerts", "batches", "contents", "digests", "held", "identities", "items", "jobs", "leases", "metadata",
    "pending", "runs", "targets", "version",
]

VERSION = "0001"
"""The newest migration (migrations/versions/). Four digits, so that a later one sorts behind."""

metadata = sa.MetaData(naming_convention={
    "pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s",
})
_Key = sa.Text().with_variant(postgresql.VARCHAR(collation="C"), "postgresql")
"""Text that is compared and put in order by code point, as SQLite does by itself."""
_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _table(name: str, *columns: Any, **options: Any) -> sa.Table:
    return sa.Table(f"feedbridge_{name}", metadata, *columns, **options)


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="", **options)


def _of(name: str, table: str, **options: Any) -> sa.Column[int]:
    return sa.Column(
        name, _Id, sa.ForeignKey(f"feedbridge_{table}.id", ondelete="CASCADE"), nullable=False, **options
    )


version = _table("version", sa.Column("version_num", sa.String(32), primary_key=True))
identities = _table("ledger", sa.Column("id", sa.String(32), primary_key=True))
"""One row: by this id a ledger is known, wherever it is and however its address is written."""
jobs = _table(
    "job", sa.Column("id", _Id, primary_key=True), sa.Column("name", _Key, nullable=False), _text("file"),
    _text("columns"), _text("digest"), _text("made"), sa.Index("uq_feedbridge_job_name", "name", unique=True),
)
targets = _table(
    "target", sa.Column("id", _Id, primary_key=True), _of("job_id", "job"),
    sa.Column("name", _Key, nullable=False), _text("platform"), sa.Column("place", _Key, nullable=False),
    sa.Column("generation", sa.BigInteger, nullable=False, server_default="0"), _text("settled"),
    sa.Index("uq_feedbridge_target_job_id", "job_id", "name", "place", unique=True),
)
items = _table(
    "item", _of("target_id", "target", primary_key=True, autoincrement=False), sa.Column("key", _Key, primary_key=True),
    _text("sku"), sa.Column("hash", sa.LargeBinary, nullable=False), _text("state"), _text("action"),
    sa.Column("tried", sa.LargeBinary, nullable=False), _text("platform_id"),
    sa.Column("missing", sa.Integer, nullable=False, server_default="0"), _text("mapping"), _text("message"),
    sqlite_with_rowid=False,
)
contents = _table(
    "content", _of("target_id", "target", primary_key=True, autoincrement=False),
    sa.Column("key", _Key, primary_key=True), sa.Column("body", sa.LargeBinary), sa.Column("files", sa.LargeBinary),
    sqlite_with_rowid=False,
)
batches = _table(
    "batch", sa.Column("id", _Key, primary_key=True), _of("target_id", "target"), _text("run"), _text("action"),
    sa.Column("count", sa.Integer, nullable=False), _text("started"), _text("done"), _text("closed_run"),
    sa.Index("ix_feedbridge_batch_target", "target_id", "done"), sa.Index("ix_feedbridge_batch_run", "run"),
)
pending = _table(
    "pending", sa.Column("batch", _Key, sa.ForeignKey("feedbridge_batch.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", _Key, primary_key=True), sa.Column("was", sa.LargeBinary, nullable=False), _text("mapping"),
    sqlite_with_rowid=False,
)
runs = _table(
    "run", sa.Column("id", _Key, primary_key=True), _of("job_id", "job"),
    sa.Column("number", sa.BigInteger, nullable=False), _text("kind"), _text("started"), _text("finished"),
    sa.Column("status", sa.Integer), _text("counts"), _text("who"), _text("host"),
    sa.Column("pid", sa.BigInteger, nullable=False, server_default="0"), _text("version"), _text("mappings"),
    _text("message"), _text("notes"),
    sa.Index("ix_feedbridge_run_job", "job_id", "number"), sa.Index("ix_feedbridge_run_number", "number"),
)
leases = _table(
    "lease", _of("job_id", "job", primary_key=True, autoincrement=False), _text("token"), _text("run"), _text("who"),
    _text("host"), _text("boot"), sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("ticks", sa.BigInteger, nullable=False), _text("started"),
    sa.Column("heartbeat", sa.Double, nullable=False),
    sa.Column("beats", sa.BigInteger, nullable=False, server_default="0"),
)
digests = _table(
    "digest", sa.Column("path", _Key, primary_key=True), sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("mtime_ns", sa.BigInteger, nullable=False), _text("inode"), _text("sha256"),
)
held = _table(
    "held", _of("job_id", "job", primary_key=True, autoincrement=False), sa.Column("name", _Key, primary_key=True),
    sa.Column("since_run", _Key, primary_key=True), _text("sku"), _text("codes"), _text("problem"), _text("mend"),
    _text("file"), sa.Column("line", sa.BigInteger, nullable=False, server_default="0"), _text("since"),
    _text("last_run"), _text("closed"), _text("closed_run"), _text("how"),
    sa.Index("ix_feedbridge_held_closed", "job_id", "closed_run"),
)
alerts = _table(
    "alert", _of("job_id", "job", primary_key=True, autoincrement=False), sa.Column("problem", _Key, primary_key=True),
    _text("since"), _text("told"), _text("run"), _text("message"),
)

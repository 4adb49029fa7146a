"""The first shape of the ledger."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.Text().with_variant(sa.VARCHAR(collation="C"), "postgresql")
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def table(name: str, *columns: sa.Column[Any], key: tuple[str, ...] = ("id",), **options: Any) -> None:
    op.create_table(
        f"feedbridge_{name}", *columns, sa.PrimaryKeyConstraint(*key, name=f"pk_feedbridge_{name}"), **options
    )


def number() -> sa.Column[int]:
    return sa.Column("id", ID, nullable=False)


def of(parent: str, *, inside: bool = False) -> sa.Column[int]:
    """Column that names the row of another table; ``inside``: part of this table's own key."""
    belongs = sa.ForeignKey(f"feedbridge_{parent}.id", ondelete="CASCADE")
    return sa.Column(f"{parent}_id", ID, belongs, nullable=False, autoincrement=False if inside else "auto")


def key(name: str, *more: Any) -> sa.Column[str]:
    return sa.Column(name, KEY, *more, nullable=False)


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def count(name: str, kind: Any = sa.BigInteger, default: str | None = "0") -> sa.Column[int]:
    return sa.Column(name, kind(), server_default=default, nullable=False)


def blob(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def upgrade() -> None:
    known = op.create_table(
        "feedbridge_ledger", sa.Column("id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feedbridge_ledger"),
    )
    op.bulk_insert(known, [{"id": secrets.token_hex(6)}])
    table("job", number(), key("name"), text("file"), text("columns"), text("digest"), text("made"))
    op.create_index("uq_feedbridge_job_name", "feedbridge_job", ["name"], unique=True)

    table(
        "target", number(), of("job"), key("name"), text("platform"), key("place"), count("generation"), text("settled")
    )
    op.create_index("uq_feedbridge_target_job_id", "feedbridge_target", ["job_id", "name", "place"], unique=True)

    table(
        "item", of("target", inside=True), key("key"), text("sku"), blob("hash"), text("state"), text("action"),
        blob("tried"), text("platform_id"), count("missing", sa.Integer), text("mapping"), text("message"),
        key=("target_id", "key"), sqlite_with_rowid=False,
    )
    table(
        "content", of("target", inside=True), key("key"), blob("body", nullable=True), blob("files", nullable=True),
        key=("target_id", "key"), sqlite_with_rowid=False,
    )

    table(
        "batch", key("id"), of("target"), text("run"), text("action"), count("count", sa.Integer, None),
        text("started"), text("done"), text("closed_run"),
    )
    op.create_index("ix_feedbridge_batch_target", "feedbridge_batch", ["target_id", "done"])
    op.create_index("ix_feedbridge_batch_run", "feedbridge_batch", ["run"])
    table(
        "pending", key("batch", sa.ForeignKey("feedbridge_batch.id", ondelete="CASCADE")), key("key"), blob("was"),
        text("mapping"), key=("batch", "key"), sqlite_with_rowid=False,
    )

    table(
        "run", key("id"), of("job"), count("number", default=None), text("kind"), text("started"), text("finished"),
        sa.Column("status", sa.Integer()), text("counts"), text("who"), text("host"), count("pid"), text("version"),
        text("mappings"), text("message"), text("notes"),
    )
    op.create_index("ix_feedbridge_run_job", "feedbridge_run", ["job_id", "number"])
    op.create_index("ix_feedbridge_run_number", "feedbridge_run", ["number"])
    table(
        "lease", of("job", inside=True), text("token"), text("run"), text("who"), text("host"), text("boot"),
        count("pid", default=None), count("ticks", default=None), text("started"),
        sa.Column("heartbeat", sa.Double(), nullable=False), count("beats"), key=("job_id",),
    )

    table(
        "held", of("job", inside=True), key("name"), key("since_run"), text("sku"), text("codes"), text("problem"),
        text("mend"), text("file"), count("line"), text("since"), text("last_run"), text("closed"), text("closed_run"),
        text("how"), key=("job_id", "name", "since_run"),
    )
    op.create_index("ix_feedbridge_held_closed", "feedbridge_held", ["job_id", "closed_run"])
    table(
        "alert", of("job", inside=True), key("problem"), text("since"), text("told"), text("run"), text("message"),
        key=("job_id", "problem"),
    )
    table(
        "digest", key("path"), count("size", default=None), count("mtime_ns", default=None), text("inode"),
        text("sha256"), key=("path",),
    )


def downgrade() -> None:
    for name in (
        "digest", "alert", "held", "lease", "run", "pending", "batch", "content", "item", "target", "job",
        "ledger",
    ):
        op.drop_table(f"feedbridge_{name}")

"""The ledger's part that knows what every platform has taken, and what was tried.

A call is written down before it is made (``intend``) and its outcome after it (``settle``); whatever dies in between
leaves items whose state is ``unknown``. Rows are in the order of their keys' code points, on every database.
"""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import starmap
from typing import Any

import msgspec
import sqlalchemy as sa

from feedbridge.sync.database import utc_now
from feedbridge.sync.lease import Lease, fence
from feedbridge.sync.ledger_errors import LedgerError
from feedbridge.sync.ledger_part import SOME, LedgerPart, chunks, many
from feedbridge.sync.ledger_rows import BatchRow, Intent, Outcome
from feedbridge.sync.ledger_values import clean, packed, time_of
from feedbridge.sync.model import Row
from feedbridge.sync.tables import batches, contents, items, jobs, pending, targets

__all__ = ["PRESENT", "LedgerItems"]

PAGE = 4096
RETRY_SECONDS = 0.5


class LedgerItems(LedgerPart):
    """Items of a target, and the calls that change them."""

    def rows(self, target_id: int) -> Iterator[Row]:
        """All items of a target in the order of their keys; in pages, so nothing is held open between two rows.

        What changes while one reads shows from the next page on; the target's generation tells.
        """
        after: str | None = None
        while True:
            asked = _ROWS_FIRST if after is None else _ROWS_AFTER
            with self._database.read() as connection:
                page = list(starmap(Row, connection.execute(asked, {"target": target_id, "after": after})))
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].key

    def row(self, target_id: int, key: str) -> Row | None:
        """One item."""
        with self._database.read() as connection:
            found = connection.execute(_ROW.where(items.c.target_id == target_id, items.c.key == key)).first()
            return Row(*found) if found else None

    def not_taken(self, target_id: int, limit: int | None = None) -> list[Row]:
        """Items whose last try the platform refused, or whose outcome is not known, by key; with the platform's words."""
        asked = _ROW.where(items.c.target_id == target_id, items.c.state.in_(("failed", "unknown"))).order_by(items.c.key)
        with self._database.read() as connection:
            return list(starmap(Row, connection.execute(asked.limit(limit) if limit is not None else asked)))

    def sharing(
        self, target_id: int, keys: Iterable[str] | None = None, *, at: tuple[int, str] | None = None
    ) -> dict[str, str]:
        """Items that other jobs have sent to the very same place and that are there, or may be: key -> the job's name.

        ``keys``  of these items only
        ``at``    the job and the place of a target that is not written down yet, instead of its id
        """
        one, other = targets.alias("one"), targets.alias("other")
        here = other.join(items, items.c.target_id == other.c.id).join(jobs, jobs.c.id == other.c.job_id)
        if at is None:
            here = here.join(one, sa.and_(other.c.place == one.c.place, other.c.job_id != one.c.job_id))
            mine = one.c.id == target_id
        else:
            mine = sa.and_(other.c.job_id != at[0], other.c.place == at[1])
        asked = sa.select(items.c.key, jobs.c.name).select_from(here).where(
            mine, items.c.state != "deleted", sa.or_(items.c.hash != b"", items.c.state == "unknown")
        )
        if keys is not None:
            asked = asked.where(items.c.key.in_(list(keys)))
        with self._database.read() as connection:
            return {key: name for key, name in connection.execute(asked)}

    def fillers(self, job_id: int, place: str) -> list[str]:
        """Names of other jobs that have, or may have, something in this very place."""
        asked = (
            sa.select(jobs.c.name).distinct()
            .select_from(targets.join(items, items.c.target_id == targets.c.id).join(jobs, jobs.c.id == targets.c.job_id))
            .where(targets.c.place == place, targets.c.job_id != job_id, sa.or_(PRESENT, items.c.state == "unknown"))
            .order_by(jobs.c.name)
        )
        with self._database.read() as connection:
            return list(connection.execute(asked).scalars())

    def count(self, target_id: int) -> dict[str, int]:
        """State -> items, and ``present``: those the platform is known to have; ``missing``: those of them that the feed
        lacks, where there are any."""
        there, gone = (
            sa.func.sum(sa.case((which, 1), else_=0)) for which in (PRESENT, sa.and_(PRESENT, items.c.missing > 0))
        )
        asked = sa.select(items.c.state, sa.func.count(), there, gone).where(items.c.target_id == target_id)
        with self._database.read() as connection:
            rows = connection.execute(asked.group_by(items.c.state)).all()
        counts = {"sent": 0, "failed": 0, "unknown": 0, "deleted": 0}
        counts.update({state: number for state, number, *_ in rows})
        missing = sum(int(row[3]) for row in rows)
        return {**counts, "present": sum(int(row[2]) for row in rows), **({"missing": missing} if missing else {})}

    def ids(self, target_id: int) -> dict[str, str]:
        """The platform's ids of what a target has; empty where none is known."""
        asked = sa.select(items.c.key, items.c.platform_id).where(items.c.target_id == target_id, PRESENT)
        with self._database.read() as connection:
            return {key: number for key, number in connection.execute(asked)}

    def bodies(self, target_id: int, keys: Iterable[str]) -> dict[str, bytes]:
        """Key -> the body the platform took last; keys without one are left out."""
        return {key: zlib.decompress(body) for key, body in self._contents(target_id, keys, contents.c.body)}

    def files(self, target_id: int, keys: Iterable[str]) -> dict[str, dict[str, str]]:
        """Key -> target -> sha256 of the files it took last; keys without any are left out."""
        return {
            key: msgspec.json.decode(zlib.decompress(files), type=dict[str, str])
            for key, files in self._contents(target_id, keys, contents.c.files)
        }

    def _contents(self, target_id: int, keys: Iterable[str], column: sa.Column[Any]) -> Iterator[tuple[str, bytes]]:
        asked = sa.select(contents.c.key, column).where(
            contents.c.target_id == target_id, contents.c.key.in_(sa.bindparam("keys", expanding=True)),
            column.is_not(None),
        )
        for some in chunks(keys, SOME):
            with self._database.read() as connection:
                rows = connection.execute(asked, {"keys": some}).all()
            yield from ((key, value) for key, value in rows)

    def intend(self, run: str, target_id: int, action: str, items: Sequence[Intent], lease: Lease | None) -> str:
        """Write down a call that is about to be made: its items are ``unknown`` from here on. Returns the batch's id.

        The id goes by content: the same call in the same run has the same. One transaction, tried again when the server
        goes away for a moment.
        Raises: LeaseLost.
        """
        if len({intent.key for intent in items}) != len(items):
            raise ValueError("a batch has a key twice")
        batch = _batch_id(run, target_id, action, items)
        self._again(lambda again: self._intend(batch, run, target_id, action, items, lease, again))
        return batch

    def _intend(
        self, batch: str, run: str, target_id: int, action: str, items: Sequence[Intent], lease: Lease | None,
        again: bool,
    ) -> None:
        with self._database.write() as connection:
            fence(connection, lease)
            if again and connection.execute(_OPEN, {"batch": batch}).first():
                return  # it was written after all
            was: dict[str, bytes] = {}
            for some in chunks((intent.key for intent in items), SOME):
                for key, *rest in connection.execute(_WAS, {"target": target_id, "keys": some}):
                    was[key] = msgspec.msgpack.encode(rest)
            connection.execute(sa.delete(pending).where(pending.c.batch == batch))
            made = self._database.insert(batches).values(
                id=batch, target_id=target_id, run=run, action=action, count=len(items), started=self._now()
            )
            connection.execute(made.on_conflict_do_update(
                index_elements=["id"], set_={"started": made.excluded.started, "done": "", "closed_run": ""}
            ))
            many(connection, sa.insert(pending), (
                {"batch": batch, "key": intent.key, "was": was.get(intent.key, b""), "mapping": intent.mapping}
                for intent in items
            ))
            told = self._database.insert(contents)
            many(connection, told.on_conflict_do_update(
                index_elements=["target_id", "key"], set_={"body": told.excluded["body"]}
            ), (
                {"target_id": target_id, "key": intent.key, "body": packed(intent.body)} for intent in items if intent.body
            ))
            tried = self._database.insert(_ITEMS).values(target_id=target_id)
            many(connection, tried.on_conflict_do_update(
                index_elements=["target_id", "key"],
                set_={name: tried.excluded[name] for name in ("sku", "state", "action", "tried")},
            ), (
                {
                    "target_id": target_id, "key": intent.key, "sku": intent.sku, "hash": b"", "state": "unknown",
                    "action": action, "tried": intent.tried,
                }
                for intent in items
            ))
            _changed(connection, target_id)

    def settle(self, batch: str, outcomes: Sequence[Outcome], lease: Lease | None) -> None:
        """Write down what came of a call. Items without an outcome stay ``unknown``. One transaction, tried again
        when the server goes away for a moment.

        Raises: LeaseLost, ValueError (no such open batch, or a key that is not in it).
        """
        self._again(lambda again: self._settle(batch, outcomes, lease, again))

    def _settle(self, batch: str, outcomes: Sequence[Outcome], lease: Lease | None, again: bool) -> None:
        with self._database.write() as connection:
            fence(connection, lease)
            target_id = connection.execute(_OPEN, {"batch": batch}).scalar_one_or_none()
            if target_id is None:
                if again:
                    return  # it was written after all
                raise ValueError(f"there is no open batch {batch}")
            kept = {
                key: (was, mapping) for key, was, mapping in connection.execute(
                    sa.select(pending.c.key, pending.c.was, pending.c.mapping).where(pending.c.batch == batch)
                )
            }
            strange = [outcome.key for outcome in outcomes if outcome.key not in kept]
            if strange:
                raise ValueError(f"batch {batch} has no item {strange[0]!r}")
            self._note_outcomes(connection, target_id, outcomes, kept)
            connection.execute(sa.delete(pending).where(pending.c.batch == batch))
            connection.execute(sa.update(batches).where(batches.c.id == batch).values(done=self._now()))
            _changed(connection, target_id)

    def _note_outcomes(
        self, connection: sa.Connection, target_id: int, outcomes: Sequence[Outcome],
        kept: Mapping[str, tuple[bytes, str]],
    ) -> None:
        by_state: dict[str, list[Outcome]] = {}
        for outcome in outcomes:
            by_state.setdefault(outcome.state, []).append(outcome)
        sent = by_state.get("sent", ())
        others = [one for state in ("deleted", "failed", "untried") for one in by_state.get(state, ())]
        many(connection, _SENT, (
            {
                "t": target_id, "k": outcome.key, "h": outcome.hash, "p": outcome.platform_id,
                "m": kept[outcome.key][1],
            }
            for outcome in sent
        ))
        for name in ("body", "files"):
            new = self._database.insert(contents)
            many(connection, new.on_conflict_do_update(
                index_elements=["target_id", "key"], set_={name: new.excluded[name]}
            ), (
                {"target_id": target_id, "key": outcome.key, name: packed(getattr(outcome, name))}
                for outcome in (*sent, *others) if getattr(outcome, name) is not None
            ))
        for state in ("failed", "unknown"):
            many(connection, _NOT_TAKEN, (
                {"t": target_id, "k": outcome.key, "s": state, "w": clean(outcome.message), "p": outcome.platform_id}
                for outcome in by_state.get(state, ())
            ))
        deleted = by_state.get("deleted", ())
        many(connection, _DELETED, (
            {"t": target_id, "k": outcome.key, "p": outcome.platform_id} for outcome in deleted
        ))
        many(connection, _NO_CONTENT, ({"t": target_id, "k": outcome.key} for outcome in deleted if outcome.body is None))
        refused = (*by_state.get("failed", ()), *by_state.get("untried", ()))
        many(connection, _NO_CONTENT, ({"t": target_id, "k": one.key} for one in refused if not kept[one.key][0]))
        untried = [(outcome.key, kept[outcome.key][0]) for outcome in by_state.get("untried", ())]
        many(connection, _FORGET, ({"t": target_id, "k": key} for key, was in untried if not was))
        many(connection, _BACK, (
            {"t": target_id, "k": key, **dict(zip(("u", "s", "a", "d"), msgspec.msgpack.decode(was), strict=True))}
            for key, was in untried if was
        ))

    def _again(self, step: Callable[[bool], None]) -> None:
        """Do a step, and again while the server is away, for as long as one waits for a lock."""
        until = time.monotonic() + self._database.wait_seconds
        again = False
        while True:
            try:
                return step(again)
            except LedgerError as exc:
                passing = self._database.path is None and exc.code == "ledger.gone"
                if not passing or time.monotonic() > until:
                    raise
            again = True
            time.sleep(RETRY_SECONDS)

    def open_batches(self, target_id: int) -> list[BatchRow]:
        """Calls that were intended and of which no outcome was written, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                sa.select(batches.c.id, batches.c.run, batches.c.action, batches.c.started)
                .where(batches.c.target_id == target_id, batches.c.done == "")
                .order_by(batches.c.started, batches.c.id)
            ).all()
            return [
                BatchRow(
                    id=row.id, target_id=target_id, run=row.run, action=row.action,
                    started=time_of(row.started) or utc_now(),
                    keys=list(connection.execute(
                        sa.select(pending.c.key).where(pending.c.batch == row.id).order_by(pending.c.key)
                    ).scalars()),
                )
                for row in rows
            ]

    def close_batches(self, target_id: int, run: str, lease: Lease | None = None) -> int:
        """Note that the runs of open batches died; their items stay ``unknown``. Batches of ``run`` itself stay open.
        Returns how many were closed."""
        dead = (batches.c.target_id == target_id, batches.c.done == "", batches.c.run != run)
        with self._database.write() as connection:
            fence(connection, lease)
            connection.execute(
                sa.delete(pending).where(pending.c.batch.in_(sa.select(batches.c.id).where(*dead)))
            )
            return connection.execute(
                sa.update(batches).where(*dead).values(done=self._now(), closed_run=run)
            ).rowcount

    def set_missing(self, target_id: int, missing: Iterable[tuple[str, int]], lease: Lease | None = None) -> None:
        """Note for how many runs in a row the feed lacked each item."""
        self._change(target_id, _MISSING, ({"t": target_id, "k": key, "n": number} for key, number in missing), lease)

    def forget(self, target_id: int, keys: Iterable[str], lease: Lease | None = None) -> None:
        """Take items out of the ledger, as if they had never been sent."""
        for some in chunks(keys, PAGE):
            gone = [{"t": target_id, "k": key} for key in some]
            self._change(target_id, _FORGET, gone, lease, also=_NO_CONTENT)

    def set_platform_ids(self, target_id: int, ids: Mapping[str, str], lease: Lease | None = None) -> None:
        """Note the platform's own ids, by key."""
        self._change(target_id, _PLATFORM_ID, ({"t": target_id, "k": k, "p": p} for k, p in ids.items()), lease)

    def _change(
        self, target_id: int, statement: Any, values: Iterable[dict[str, Any]], lease: Lease | None, also: Any = None
    ) -> None:
        for some in chunks(values, PAGE):
            with self._database.write() as connection:
                fence(connection, lease)
                changed = connection.execute(statement, some).rowcount
                if also is not None:
                    connection.execute(also, some)
                if changed:
                    _changed(connection, target_id)


_ITEMS = items
PRESENT = sa.and_(sa.func.length(items.c.hash) > 0, items.c.state != "deleted")
_ROW = sa.select(*(items.c[name] for name in Row.__struct_fields__))
_PAGE = _ROW.where(items.c.target_id == sa.bindparam("target")).order_by(items.c.key).limit(PAGE)
_ROWS_FIRST = _PAGE
_ROWS_AFTER = _PAGE.where(items.c.key > sa.bindparam("after"))
_WAS = sa.select(items.c.key, items.c.sku, items.c.state, items.c.action, items.c.tried).where(
    items.c.target_id == sa.bindparam("target"), items.c.key.in_(sa.bindparam("keys", expanding=True))
)
_OPEN = sa.select(batches.c.target_id).where(batches.c.id == sa.bindparam("batch"), batches.c.done == "")


def _bound(name: str, of: sa.Column[Any]) -> Any:
    return sa.bindparam(name, type_=of.type)


_THIS = (items.c.target_id == _bound("t", items.c.target_id), items.c.key == _bound("k", items.c.key))
_UPDATE = sa.update(items).where(*_THIS)
_NEW_ID = _bound("p", items.c.platform_id)
_ID_KEPT = sa.case((_NEW_ID == "", items.c.platform_id), else_=_NEW_ID)
_SENT = _UPDATE.values(
    state="sent", hash=_bound("h", items.c.hash), mapping=_bound("m", items.c.mapping), missing=0, message="",
    platform_id=_ID_KEPT,
)
_NOT_TAKEN = _UPDATE.values(
    state=_bound("s", items.c.state), message=_bound("w", items.c.message), platform_id=_ID_KEPT
)
_DELETED = _UPDATE.values(state="deleted", hash=b"", missing=0, message="", platform_id=_NEW_ID)
_BACK = _UPDATE.values(
    sku=_bound("u", items.c.sku), state=_bound("s", items.c.state), action=_bound("a", items.c.action),
    tried=_bound("d", items.c.tried),
)
_MISSING = sa.update(items).where(*_THIS, items.c.missing != _bound("n", items.c.missing)).values(
    missing=_bound("n", items.c.missing)
)
_PLATFORM_ID = sa.update(items).where(*_THIS, items.c.platform_id != _NEW_ID).values(platform_id=_NEW_ID)
_FORGET = sa.delete(items).where(*_THIS)
_NO_CONTENT = sa.delete(contents).where(
    contents.c.target_id == _bound("t", items.c.target_id), contents.c.key == _bound("k", items.c.key)
)


def _changed(connection: sa.Connection, target_id: int) -> None:
    connection.execute(
        sa.update(targets).where(targets.c.id == target_id).values(generation=targets.c.generation + 1, settled="")
    )


def _batch_id(run: str, target_id: int, action: str, intents: Sequence[Intent]) -> str:
    digest = hashlib.sha256(json.dumps([run, target_id, action]).encode())
    for intent in intents:
        key = intent.key.encode()
        digest.update(b"%d:%s%d:%s" % (len(key), key, len(intent.tried), intent.tried))
    return digest.hexdigest()

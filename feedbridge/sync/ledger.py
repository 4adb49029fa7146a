"""The ledger: what every platform has taken, what was tried, who ran when. The only memory between runs.

A call is written down before it is made (``intend``) and its outcome after it (``settle``); whatever dies in between
leaves items whose state is ``unknown``. Rows are in the order of their keys' code points, on every database.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice, starmap
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar, overload

import msgspec
import sqlalchemy as sa

from feedbridge.errors import CommandError
from feedbridge.sync.database import WAIT_SECONDS, Database, utc_now
from feedbridge.sync.lease import Lease, Pace, fence, is_running
from feedbridge.sync.ledger_address import state_folder
from feedbridge.sync.ledger_errors import LedgerError
from feedbridge.sync.model import Row, State
from feedbridge.sync.private_files import make_file, make_folder, private_folder
from feedbridge.sync.tables import (
    VERSION,
    alerts,
    batches,
    contents,
    digests,
    held,
    identities,
    items,
    jobs,
    leases,
    pending,
    runs,
    targets,
)

__all__ = ["AlertRow", "BatchRow", "HeldRow", "Intent", "JobRow", "Ledger", "Outcome", "RunRow", "TargetRow"]

PAGE = 4096
SOME = 500
"""Keys asked for, or rows changed, at once."""
MESSAGE_CHARS = 2000
NAME_CHARS = 500
KEPT_RUNS = 1000
RACY_SECONDS = 2.0
RETRY_SECONDS = 0.5
HELD_UP = ("sync", "apply")

T = TypeVar("T")


class JobRow(msgspec.Struct, frozen=True):
    """A job. ``columns`` and ``digest``: what its last complete run knew."""

    id: int
    name: str
    file: str
    columns: list[str] = []
    digest: str = ""


class TargetRow(msgspec.Struct, frozen=True):
    """A target in one place.

    ``generation``  grows with every change of its items
    ``settled``     fingerprint of what it was last brought to; empty when its items have changed since
    ``elsewhere``   (place, items) of the same target that other places still have
    """

    id: int
    job_id: int
    name: str
    platform: str
    place: str
    generation: int
    settled: str
    elsewhere: list[tuple[str, int]] = []


class RunRow(msgspec.Struct, frozen=True):
    """A run. ``status`` is None while it is under way (``running``), and for good when it died."""

    id: str
    job: str
    kind: str
    started: datetime
    finished: datetime | None
    status: int | None
    counts: dict[str, Any]
    who: str
    host: str
    pid: int
    version: str
    mappings: list[str]
    message: str
    notes: dict[str, Any] = {}
    running: bool = False


class Intent(msgspec.Struct, frozen=True):
    """One item of a call about to be made. ``tried``: hash of what it will have; ``mapping``: what it was made with.

    ``body``  what the platform may have from now on; empty leaves what is known
    """

    key: str
    sku: str
    tried: bytes = b""
    mapping: str = ""
    body: bytes = b""


class Outcome(msgspec.Struct, frozen=True):
    """What came of one item of a call.

    ``untried``  nothing was sent: the item is again what it was before
    ``body``, ``files``  what the platform has now; None leaves what is known, for ``deleted`` nothing. A ``body`` with
                         ``deleted`` is that of an item that was switched off
    """

    key: str
    state: State | Literal["untried"]
    hash: bytes = b""
    body: bytes | None = None
    files: dict[str, str] | None = None
    platform_id: str = ""
    message: str = ""


class BatchRow(msgspec.Struct, frozen=True):
    """A call of which no outcome was written."""

    id: str
    target_id: int
    run: str
    action: str
    started: datetime
    keys: list[str]


class HeldRow(msgspec.Struct, frozen=True):
    """A product that was held back. The ledger fills what comes after ``line``.

    ``how``  ``fixed by the source`` · ``replayed`` · ``gone from the feed``; empty while it is held
    """

    sku: str
    codes: str
    problem: str
    mend: str = ""
    file: str = ""
    line: int = 0
    since: datetime | None = None
    since_run: str = ""
    last_run: str = ""
    closed: datetime | None = None
    closed_run: str = ""
    how: str = ""

    @property
    def name(self) -> str:
        """By this it is known from run to run."""
        return _short(whole(self.sku or f"{self.file}:{self.line}"))


class AlertRow(msgspec.Struct, frozen=True):
    """A problem that goes on. ``told``: when a person was told; None when that did not succeed yet."""

    problem: str
    since: datetime
    told: datetime | None
    run: str = ""
    message: str = ""


class Ledger:
    """An open ledger; a context manager. May be used by several threads. Every method may raise LedgerError.

    ``shown``   its URL without the login
    ``id``      by which it is known, however its URL is written; a copy has the same
    ``folder``  where run folders go (run_folder() makes them): FEEDBRIDGE_RUNS/runs-ID where that is set, else beside an
                SQLite file, and runs-ID in the user's state folder for a server
    """

    def __init__(self, database: Database, identity: str, environment: Mapping[str, str]) -> None:
        self._database = database
        self._noted: dict[str, tuple[int, int, str, str]] = {}
        self.shown = database.shown
        self.id = identity
        place = environment.get("FEEDBRIDGE_RUNS", "").strip()
        if place:
            self.folder = Path(os.path.abspath(Path(place).expanduser())) / f"runs-{identity}"
        elif database.path is not None:
            self.folder = database.path.with_name(f"{database.path.stem}.runs")
        else:
            self.folder = state_folder() / f"runs-{identity}"

    @classmethod
    def open(
        cls, url: str, *, clock: Callable[[], datetime] = utc_now, wait_seconds: float = WAIT_SECONDS,
        environment: Mapping[str, str] | None = None,
    ) -> Ledger:
        """Open a ledger, make it, or bring an older one up to date.

        ``url``           from ledger_url()
        ``wait_seconds``  longest wait for another program's transaction
        ``environment``   where FEEDBRIDGE_RUNS may stand; None: that of the process
        Raises: LedgerError, CommandError (no usable URL).
        """
        from feedbridge.sync.migrations import migrate, version_of

        database = Database(url, clock=clock, wait_seconds=wait_seconds)
        try:
            if database.path is not None:
                with database.edge():
                    make_folder(database.path.parent)
                    make_file(database.path)
            with database.read() as connection:
                found = version_of(connection)
            if found is not None and found > VERSION:
                raise LedgerError(
                    f"a newer feedbridge made this ledger (version {found}; this one knows {VERSION})",
                    mend="install the newer feedbridge, or name another place (state:)", code="ledger.newer",
                )
            if found != VERSION:
                migrate(database)
            with database.read() as connection:
                identity = connection.execute(sa.select(identities.c.id)).scalars().first()
            if not identity:
                raise LedgerError(
                    "the ledger does not say by which id it is known", code="ledger.corrupt",
                    mend="bring it back from a backup, or name another place (state:)",
                )
            database.opened()
        except LedgerError as exc:
            database.close()
            exc.where = exc.where or database.shown
            raise
        except BaseException:
            database.close()
            raise
        return cls(database, identity, os.environ if environment is None else environment)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Ledger({self.shown!r})"

    def close(self) -> None:
        """Let go of all connections. Never raises."""
        try:
            self._write_digests()
        except LedgerError:
            pass
        finally:
            self._database.close()

    def run_folder(self, job: str, run: str = "") -> Path:
        """A job's folder, or a run's in it, made for its owner alone; see private_folder().

        Raises: OSError, LedgerError (``ledger.open``).
        """
        folder = private_folder(private_folder(self.folder) / job)
        return private_folder(folder / run) if run else folder

    # Jobs and targets

    @overload
    def job(self, name: str, file: str, *, make: Literal[True] = True) -> JobRow: ...

    @overload
    def job(self, name: str, file: str, *, make: bool) -> JobRow | None: ...

    def job(self, name: str, file: str, *, make: bool = True) -> JobRow | None:
        """A job by its name.

        ``make``  make it where there is none, and note where its file is now; otherwise nothing is written, and a job
                  that is not there is None
        Raises: CommandError (``ledger.other-job-file``) when another job file has a job of this name here.
        """
        path = os.path.realpath(file) if file else ""
        asked = _JOB.where(jobs.c.name == name)
        with self._database.read() as connection:
            found = connection.execute(asked).first()
        if make and (found is None or (path and found.file != path)):
            with self._database.write() as connection:
                connection.execute(
                    self._database.insert(jobs).values(name=name, file=path, made=self._now()).on_conflict_do_nothing()
                )
                found = connection.execute(asked).one()
                if path and found.file != path:
                    self._check_moved(found, name, file)
                    connection.execute(sa.update(jobs).where(jobs.c.id == found.id).values(file=path))
        if found is None:
            return None
        if path and found.file != path:
            if not make:
                self._check_moved(found, name, file)
            return msgspec.structs.replace(_job(found), file=path)
        return _job(found)

    def _check_moved(self, found: Any, name: str, file: str) -> None:
        if found.file and os.path.exists(found.file):
            raise CommandError(
                f'the ledger {self.shown} has a job "{name}" of another job file, {found.file}', where=file,
                mend="give the jobs different names, or ledgers of their own (state:)", code="ledger.other-job-file",
            )

    def jobs(self) -> list[JobRow]:
        """All jobs, by name."""
        with self._database.read() as connection:
            return [_job(found) for found in connection.execute(_JOB.order_by(jobs.c.name))]

    def set_job(self, job_id: int, *, columns: list[str] | None = None, digest: str | None = None) -> None:
        """Note what a complete run knew; None leaves what is there."""
        values: dict[str, str] = {}
        if columns is not None:
            values["columns"] = _to_json(columns)
        if digest is not None:
            values["digest"] = digest
        if values:
            with self._database.write() as connection:
                connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(values))

    @overload
    def target(
        self, job_id: int, name: str, platform: str, place: str, *, make: Literal[True] = True
    ) -> TargetRow: ...

    @overload
    def target(self, job_id: int, name: str, platform: str, place: str, *, make: bool) -> TargetRow | None: ...

    def target(self, job_id: int, name: str, platform: str, place: str, *, make: bool = True) -> TargetRow | None:
        """A target in a place.

        ``make``  make it where there is none, and note its platform; otherwise nothing is written, and a target that is
                  not there is None
        """
        mine = (targets.c.job_id == job_id, targets.c.name == name, targets.c.place == place)
        with self._database.read() as connection:
            row = self._target(connection, mine)
        if make and (row is None or row.platform != platform):
            with self._database.write() as connection:
                connection.execute(
                    self._database.insert(targets)
                    .values(job_id=job_id, name=name, platform=platform, place=place)
                    .on_conflict_do_nothing()
                )
                connection.execute(
                    sa.update(targets).where(*mine, targets.c.platform != platform).values(platform=platform)
                )
                row = self._target(connection, mine)
        return None if row is None else msgspec.structs.replace(row, platform=platform)

    def _target(self, connection: sa.Connection, mine: Sequence[Any]) -> TargetRow | None:
        found = connection.execute(_TARGET.where(*mine)).first()
        return None if found is None else TargetRow(*found, elsewhere=_elsewhere(connection, found))

    def rename_target(self, job_id: int, place: str, name: str, names: Collection[str]) -> None:
        """Give a place's items to the target that is called otherwise now. ``names``: all that the job has; a target that
        is still there keeps its own."""
        with self._database.read() as connection:
            found = connection.execute(
                sa.select(targets.c.id, targets.c.name).where(targets.c.job_id == job_id, targets.c.place == place)
            ).all()
        if len(found) == 1 and found[0].name != name and found[0].name not in names:
            with self._database.write() as connection:
                connection.execute(sa.update(targets).where(targets.c.id == found[0].id).values(name=name))

    def targets(self, job_id: int) -> list[TargetRow]:
        """All targets of a job, in every place, by name and place."""
        with self._database.read() as connection:
            rows = connection.execute(
                _TARGET.where(targets.c.job_id == job_id).order_by(targets.c.name, targets.c.place)
            ).all()
            return [TargetRow(*found, elsewhere=_elsewhere(connection, found)) for found in rows]

    def set_settled(self, target_id: int, fingerprint: str, lease: Lease | None = None) -> None:
        """Note what a target was brought to; any change of an item takes the note away."""
        with self._database.write() as connection:
            fence(connection, lease)
            connection.execute(sa.update(targets).where(targets.c.id == target_id).values(settled=fingerprint))

    # Runs

    def begin_run(
        self, job_id: int, *, kind: str, who: str, host: str, pid: int, version: str, mappings: Sequence[str] = (),
        run: str | None = None,
    ) -> str:
        """Note that a run begins. Returns its id, as ``20261122T031500Z-4f2a``, which sorts by time."""
        now = self._database.clock().astimezone(UTC)
        values = {
            "job_id": job_id, "kind": kind, "started": _iso(now), "who": clean(who), "host": clean(host), "pid": pid,
            "version": version, "mappings": _to_json(list(mappings)),
        }
        with self._database.write() as connection:
            number = sa.select(sa.func.coalesce(sa.func.max(runs.c.number), 0) + 1).scalar_subquery()
            while True:
                name = run or f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
                made = connection.execute(
                    self._database.insert(runs).values(id=name, number=number, **values).on_conflict_do_nothing()
                    .returning(runs.c.id)
                ).first()
                if made:
                    return name
                if run:
                    raise ValueError(f"there is a run {run} already")

    def note_run(self, run: str, **fields: Any) -> None:
        """Note more of a run: its columns by name (mappings, counts, message, kind, version), all else in ``notes``."""
        columns = ("mappings", "counts", "message", "kind", "version")
        own: dict[str, Any] = {name: fields.pop(name) for name in columns if name in fields}
        values: dict[str, str] = {
            name: _to_json(value) if name in ("mappings", "counts") else clean(value) for name, value in own.items()
        }
        with self._database.write() as connection:
            if fields:
                notes = connection.execute(sa.select(runs.c.notes).where(runs.c.id == run)).scalar_one_or_none()
                values["notes"] = _to_json({**_from_json(notes or "", {}), **fields})
            if values:
                connection.execute(sa.update(runs).where(runs.c.id == run).values(values))

    def finish_run(self, run: str, *, status: int, counts: Mapping[str, Any], message: str = "") -> None:
        """Note how a run ended."""
        with self._database.write() as connection:
            connection.execute(sa.update(runs).where(runs.c.id == run).values(
                finished=self._now(), status=status, counts=_to_json(dict(counts)), message=clean(message)
            ))

    def runs(self, job_id: int | None = None, *, limit: int = 20) -> list[RunRow]:
        """Runs, the newest first."""
        asked = _RUN if job_id is None else _RUN.where(runs.c.job_id == job_id)
        with self._database.read() as connection:
            rows = connection.execute(asked.order_by(*_NEWEST).limit(limit)).mappings().all()
            return self._runs(connection, rows)

    def run(self, run: str) -> RunRow | None:
        """One run by its id."""
        with self._database.read() as connection:
            rows = connection.execute(_RUN.where(runs.c.id == run)).mappings().all()
            return next(iter(self._runs(connection, rows)), None)

    def last_complete(self, job_id: int) -> RunRow | None:
        """The last run that delivered all it was to deliver (status 0 or 1)."""
        asked = _RUN.where(runs.c.job_id == job_id, runs.c.kind.in_(HELD_UP), runs.c.status.in_((0, 1)))
        with self._database.read() as connection:
            rows = connection.execute(asked.order_by(*_NEWEST).limit(1)).mappings().all()
            return next(iter(self._runs(connection, rows)), None)

    def _runs(self, connection: sa.Connection, rows: Sequence[Any]) -> list[RunRow]:
        running: set[str] = set()
        if any(row["status"] is None for row in rows):
            now = self._database.now(connection)
            running = {
                found["run"] for found in connection.execute(sa.select(leases)).mappings() if is_running(found, now)
            }
        return [
            RunRow(
                id=row["id"], job=row["job"], kind=row["kind"], started=_time(row["started"]) or utc_now(),
                finished=_time(row["finished"]), status=row["status"], counts=_from_json(row["counts"], {}),
                who=row["who"], host=row["host"], pid=row["pid"], version=row["version"],
                mappings=_from_json(row["mappings"], []), message=row["message"], notes=_from_json(row["notes"], {}),
                running=row["status"] is None and row["id"] in running,
            )
            for row in rows
        ]

    # Items

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

    def sharing(self, target_id: int, keys: Iterable[str] | None = None) -> dict[str, str]:
        """Items that other jobs have sent to the very same place and that are there, or may be: key -> the job's name.
        ``keys``: of these items only."""
        one, other = targets.alias("one"), targets.alias("other")
        asked = (
            sa.select(items.c.key, jobs.c.name)
            .select_from(
                one.join(other, sa.and_(other.c.place == one.c.place, other.c.job_id != one.c.job_id))
                .join(items, items.c.target_id == other.c.id).join(jobs, jobs.c.id == other.c.job_id)
            )
            .where(
                one.c.id == target_id, items.c.state != "deleted",
                sa.or_(items.c.hash != b"", items.c.state == "unknown"),
            )
        )
        if keys is not None:
            asked = asked.where(items.c.key.in_(list(keys)))
        with self._database.read() as connection:
            return {key: name for key, name in connection.execute(asked)}

    def count(self, target_id: int) -> dict[str, int]:
        """State -> items, and ``present``: those the platform is known to have."""
        there = sa.func.sum(sa.case((_PRESENT, 1), else_=0))
        asked = sa.select(items.c.state, sa.func.count(), there).where(items.c.target_id == target_id)
        with self._database.read() as connection:
            rows = connection.execute(asked.group_by(items.c.state)).all()
        counts = {"sent": 0, "failed": 0, "unknown": 0, "deleted": 0}
        counts.update({state: number for state, number, _ in rows})
        return {**counts, "present": sum(int(present) for _, _, present in rows)}

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
        for some in _chunks(keys, SOME):
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
            for some in _chunks((intent.key for intent in items), SOME):
                for key, *rest in connection.execute(_WAS, {"target": target_id, "keys": some}):
                    was[key] = msgspec.msgpack.encode(rest)
            connection.execute(sa.delete(pending).where(pending.c.batch == batch))
            made = self._database.insert(batches).values(
                id=batch, target_id=target_id, run=run, action=action, count=len(items), started=self._now()
            )
            connection.execute(made.on_conflict_do_update(
                index_elements=["id"], set_={"started": made.excluded.started, "done": "", "closed_run": ""}
            ))
            _many(connection, sa.insert(pending), (
                {"batch": batch, "key": intent.key, "was": was.get(intent.key, b""), "mapping": intent.mapping}
                for intent in items
            ))
            told = self._database.insert(contents)
            _many(connection, told.on_conflict_do_update(
                index_elements=["target_id", "key"], set_={"body": told.excluded["body"]}
            ), (
                {"target_id": target_id, "key": intent.key, "body": _packed(intent.body)} for intent in items if intent.body
            ))
            tried = self._database.insert(_ITEMS).values(target_id=target_id)
            _many(connection, tried.on_conflict_do_update(
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
        _many(connection, _SENT, (
            {
                "t": target_id, "k": outcome.key, "h": outcome.hash, "p": outcome.platform_id,
                "m": kept[outcome.key][1],
            }
            for outcome in sent
        ))
        for name in ("body", "files"):
            new = self._database.insert(contents)
            _many(connection, new.on_conflict_do_update(
                index_elements=["target_id", "key"], set_={name: new.excluded[name]}
            ), (
                {"target_id": target_id, "key": outcome.key, name: _packed(getattr(outcome, name))}
                for outcome in (*sent, *others) if getattr(outcome, name) is not None
            ))
        for state in ("failed", "unknown"):
            _many(connection, _NOT_TAKEN, (
                {"t": target_id, "k": outcome.key, "s": state, "w": clean(outcome.message), "p": outcome.platform_id}
                for outcome in by_state.get(state, ())
            ))
        deleted = by_state.get("deleted", ())
        _many(connection, _DELETED, (
            {"t": target_id, "k": outcome.key, "p": outcome.platform_id} for outcome in deleted
        ))
        _many(connection, _NO_CONTENT, ({"t": target_id, "k": outcome.key} for outcome in deleted if outcome.body is None))
        refused = (*by_state.get("failed", ()), *by_state.get("untried", ()))
        _many(connection, _NO_CONTENT, ({"t": target_id, "k": one.key} for one in refused if not kept[one.key][0]))
        untried = [(outcome.key, kept[outcome.key][0]) for outcome in by_state.get("untried", ())]
        _many(connection, _FORGET, ({"t": target_id, "k": key} for key, was in untried if not was))
        _many(connection, _BACK, (
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
                    started=_time(row.started) or utc_now(),
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
        for some in _chunks(keys, PAGE):
            gone = [{"t": target_id, "k": key} for key in some]
            self._change(target_id, _FORGET, gone, lease, also=_NO_CONTENT)

    def set_platform_ids(self, target_id: int, ids: Mapping[str, str], lease: Lease | None = None) -> None:
        """Note the platform's own ids, by key."""
        self._change(target_id, _PLATFORM_ID, ({"t": target_id, "k": k, "p": p} for k, p in ids.items()), lease)

    def _change(
        self, target_id: int, statement: Any, values: Iterable[dict[str, Any]], lease: Lease | None, also: Any = None
    ) -> None:
        for some in _chunks(values, PAGE):
            with self._database.write() as connection:
                fence(connection, lease)
                changed = connection.execute(statement, some).rowcount
                if also is not None:
                    connection.execute(also, some)
                if changed:
                    _changed(connection, target_id)

    # Digests of files

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
            _many(connection, upsert, (
                {"path": path, "size": size, "mtime_ns": changed, "inode": inode, "sha256": digest}
                for path, (size, changed, inode, digest) in sorted(noted.items())
            ))

    # Quarantine

    def note_held(
        self, job_id: int, run: str, rows: Iterable[HeldRow], complete: bool, lease: Lease | None = None
    ) -> None:
        """Note the products a run held back; those that were held before keep their ``since``.

        ``complete``  these are all: those not among them were fixed by the source
        """
        for some in _chunks(rows, SOME):
            by_name = {row.name: row for row in some}
            with self._database.write() as connection:
                fence(connection, lease)
                before = connection.execute(_HELD_BEFORE, {"job": job_id, "names": list(by_name)})
                known = {name: since_run for name, since_run in before}
                new = self._database.insert(held)
                _many(connection, new.on_conflict_do_update(
                    index_elements=["job_id", "name", "since_run"],
                    set_={
                        name: new.excluded[name]
                        for name in (
                            "codes", "problem", "mend", "file", "line", "last_run", "closed", "closed_run", "how"
                        )
                    },
                ), (
                    {
                        "job_id": job_id, "name": name, "since_run": known.get(name, run), "sku": clean(row.sku),
                        "codes": clean(row.codes), "problem": clean(row.problem), "mend": clean(row.mend),
                        "file": clean(row.file), "line": row.line, "since": self._now(), "last_run": run, "closed": "",
                        "closed_run": "", "how": "",
                    }
                    for name, row in by_name.items()
                ))
        if complete:
            with self._database.write() as connection:
                fence(connection, lease)
                connection.execute(
                    sa.update(held)
                    .where(held.c.job_id == job_id, held.c.closed_run == "", held.c.last_run != run)
                    .values(closed=self._now(), closed_run=run, how="fixed by the source")
                )

    def held(self, job_id: int, closed: bool = False) -> list[HeldRow]:
        """Products that are held back, by name; ``closed``: those that were, the last closed first."""
        asked = sa.select(*(held.c[name] for name in HeldRow.__struct_fields__)).where(held.c.job_id == job_id)
        if closed:
            asked = asked.where(held.c.closed_run != "").order_by(held.c.closed.desc(), held.c.name)
        else:
            asked = asked.where(held.c.closed_run == "").order_by(held.c.name)
        with self._database.read() as connection:
            return [
                HeldRow(**{**row, "since": _time(row["since"]), "closed": _time(row["closed"])})
                for row in connection.execute(asked).mappings()
            ]

    def close_held(
        self, job_id: int, skus: Iterable[str], run: str, how: str, lease: Lease | None = None
    ) -> None:
        """Note that products are held back no longer, and why."""
        for names in _chunks((_short(whole(sku)) for sku in skus), SOME):
            with self._database.write() as connection:
                fence(connection, lease)
                connection.execute(
                    sa.update(held)
                    .where(held.c.job_id == job_id, held.c.closed_run == "", held.c.name.in_(names))
                    .values(closed=self._now(), closed_run=run, how=how)
                )

    # Alerts

    def alert_state(self, job_id: int) -> dict[str, AlertRow]:
        """Problem -> since when it goes on, and when a person was told."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(alerts).where(alerts.c.job_id == job_id)).all()
        return {
            row.problem: AlertRow(
                problem=row.problem, since=_time(row.since) or utc_now(), told=_time(row.told), run=row.run,
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

    # The lease, and what may go

    def lease(self, job_id: int, *, run: str, wait_seconds: float = 0, pace: Pace | None = None) -> Lease:
        """The right to run a job, taken by ``with``. Raises JobRunning there, after ``wait_seconds``."""
        return Lease(self._database, job_id, run=run, wait_seconds=wait_seconds, pace=pace)

    def prune(self, job_id: int, keep: int) -> list[str]:
        """Forget old runs. Returns the ids of those whose folders may go, the oldest first.

        The newest ``keep`` stay, and the last complete one, one under way, and those that products held back now were
        last seen in. Of the others the newest 1000 stay in the ledger without their folders.
        """
        last = self.last_complete(job_id)
        with self._database.write() as connection:
            names = list(connection.execute(
                sa.select(runs.c.id).where(runs.c.job_id == job_id).order_by(*_NEWEST)
            ).scalars())
            needed = {last.id} if last else set()
            needed.update(connection.execute(sa.select(leases.c.run).where(leases.c.job_id == job_id)).scalars())
            needed.update(connection.execute(
                sa.select(held.c.last_run).where(held.c.job_id == job_id, held.c.closed_run == "").distinct()
            ).scalars())
            old = [name for name in names[max(keep, 1):] if name not in needed]
            for some in _chunks(old, SOME):
                connection.execute(
                    sa.delete(batches).where(batches.c.run.in_(some), batches.c.done != "")
                )
            for some in _chunks((name for name in names[max(KEPT_RUNS, keep):] if name not in needed), SOME):
                connection.execute(sa.delete(runs).where(runs.c.id.in_(some)))
                connection.execute(sa.delete(held).where(held.c.job_id == job_id, held.c.closed_run.in_(some)))
        return old[::-1]

    def _now(self) -> str:
        return _iso(self._database.clock())


_ITEMS = items
_PRESENT = sa.and_(sa.func.length(items.c.hash) > 0, items.c.state != "deleted")
_JOB = sa.select(jobs.c.id, jobs.c.name, jobs.c.file, jobs.c.columns, jobs.c.digest)
_TARGET = sa.select(
    targets.c.id, targets.c.job_id, targets.c.name, targets.c.platform, targets.c.place, targets.c.generation,
    targets.c.settled,
)
_NEWEST = (runs.c.number.desc(), runs.c.id.desc())
"""Not by their time: a clock may have been put back in between."""
_RUN = sa.select(runs, jobs.c.name.label("job")).join_from(runs, jobs)
_ROW = sa.select(*(items.c[name] for name in Row.__struct_fields__))
_PAGE = _ROW.where(items.c.target_id == sa.bindparam("target")).order_by(items.c.key).limit(PAGE)
_ROWS_FIRST = _PAGE
_ROWS_AFTER = _PAGE.where(items.c.key > sa.bindparam("after"))
_WAS = sa.select(items.c.key, items.c.sku, items.c.state, items.c.action, items.c.tried).where(
    items.c.target_id == sa.bindparam("target"), items.c.key.in_(sa.bindparam("keys", expanding=True))
)
_OPEN = sa.select(batches.c.target_id).where(batches.c.id == sa.bindparam("batch"), batches.c.done == "")
_HELD_BEFORE = sa.select(held.c.name, held.c.since_run).where(
    held.c.job_id == sa.bindparam("job"), held.c.closed_run == "",
    held.c.name.in_(sa.bindparam("names", expanding=True)),
)
_DIGEST = sa.select(digests.c.size, digests.c.mtime_ns, digests.c.inode, digests.c.sha256).where(
    digests.c.path == sa.bindparam("path")
)


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


def clean(text: str) -> str:
    """A text as every database takes it, and not longer than 2000 characters."""
    kept = whole(text)
    return kept if len(kept) <= MESSAGE_CHARS else kept[: MESSAGE_CHARS - 1] + "…"


def whole(text: str) -> str:
    """A text without NUL and halves of characters.

    >>> whole("a\\0b")
    'a�b'
    """
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _changed(connection: sa.Connection, target_id: int) -> None:
    connection.execute(
        sa.update(targets).where(targets.c.id == target_id).values(generation=targets.c.generation + 1, settled="")
    )


def _elsewhere(connection: sa.Connection, target: Any) -> list[tuple[str, int]]:
    others = connection.execute(
        sa.select(targets.c.id, targets.c.place)
        .where(targets.c.job_id == target.job_id, targets.c.name == target.name, targets.c.id != target.id)
        .order_by(targets.c.place)
    ).all()
    found = []
    for other, place in others:
        number = connection.execute(
            sa.select(sa.func.count()).select_from(items).where(items.c.target_id == other, _PRESENT)
        ).scalar_one()
        if number:
            found.append((place, number))
    return found


def _batch_id(run: str, target_id: int, action: str, intents: Sequence[Intent]) -> str:
    digest = hashlib.sha256(json.dumps([run, target_id, action]).encode())
    for intent in intents:
        key = intent.key.encode()
        digest.update(b"%d:%s%d:%s" % (len(key), key, len(intent.tried), intent.tried))
    return digest.hexdigest()


def _packed(content: bytes | dict[str, str]) -> bytes:
    return zlib.compress(content if isinstance(content, bytes) else msgspec.json.encode(content), 3)


def _many(connection: sa.Connection, statement: Any, values: Iterable[dict[str, Any]]) -> None:
    for some in _chunks(values, SOME):
        connection.execute(statement, some)


def _chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(values)
    while some := list(islice(rest, size)):
        yield some


def _job(found: Any) -> JobRow:
    return JobRow(found.id, found.name, found.file, _from_json(found.columns, []), found.digest)


def _path(path: str | Path) -> str | None:
    name = os.path.abspath(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        return None
    return _short(name)


def _short(name: str) -> str:
    """A name as an index takes it: one that is too long goes by its digest."""
    return name if len(name) <= NAME_CHARS else f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str)


def _from_json(text: str, empty: Any) -> Any:
    return json.loads(text) if text else empty


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

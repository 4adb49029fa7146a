"""The ledger: what every platform has taken, what was tried, who ran when. The only memory between runs.

Jobs, targets and runs are here; items and calls, files' digests, held products and alerts have a part each.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, overload

import msgspec
import sqlalchemy as sa

from feedbridge.errors import CommandError
from feedbridge.sync.database import WAIT_SECONDS, Database, utc_now
from feedbridge.sync.lease import Lease, Pace, fence, is_running
from feedbridge.sync.ledger_address import state_folder
from feedbridge.sync.ledger_alerts import LedgerAlerts
from feedbridge.sync.ledger_digests import LedgerDigests
from feedbridge.sync.ledger_errors import ADOPT, LedgerError
from feedbridge.sync.ledger_held import LedgerHeld
from feedbridge.sync.ledger_items import PRESENT, LedgerItems
from feedbridge.sync.ledger_part import SOME, chunks
from feedbridge.sync.ledger_rows import JobRow, RunRow, TargetRow
from feedbridge.sync.ledger_values import clean, from_json, iso, time_of, to_json
from feedbridge.sync.private_files import make_file, make_folder, private_folder
from feedbridge.sync.tables import (
    VERSION,
    batches,
    contents,
    held,
    identities,
    items,
    jobs,
    leases,
    runs,
    targets,
)

__all__ = ["Ledger"]

KEPT_RUNS = 1000
HELD_UP = ("sync", "apply")


class Ledger(LedgerItems, LedgerDigests, LedgerHeld, LedgerAlerts):
    """An open ledger; a context manager. May be used by several threads. Every method may raise LedgerError.

    ``shown``   its URL without the login
    ``id``      by which it is known, however its URL is written; a copy has the same
    ``folder``  where run folders go (run_folder() makes them): FEEDBRIDGE_RUNS/runs-ID where that is set, else beside an
                SQLite file, and runs-ID in the user's state folder for a server
    """

    def __init__(self, database: Database, identity: str, environment: Mapping[str, str]) -> None:
        self._database = database
        self._noted = {}
        self.shown = database.shown
        self.id = identity
        place = environment.get("FEEDBRIDGE_RUNS", "").strip()
        if place:
            self.folder = Path(os.path.abspath(Path(place).expanduser())) / f"runs-{identity}"
        elif database.path is not None:
            self.folder = _runs_beside(database.path)
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
            was_there = False
            if database.path is not None:
                with database.edge():
                    was_there = database.path.exists()
                    make_folder(database.path.parent)
                    make_file(database.path)
            with database.read() as connection:
                found = version_of(connection)
            if found is not None and found > VERSION:
                raise LedgerError(
                    f"a newer feedbridge made this ledger (version {found}; this one knows {VERSION})",
                    mend="install the newer feedbridge, or name another place (state:)", code="ledger.newer",
                )
            if found is None and was_there and database.path is not None:
                _check_emptied(database.path)
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

    def former_jobs(self, file: str, names: Collection[str]) -> list[str]:
        """Jobs that a job file had once, and that are not among the ``names`` it has now."""
        path = os.path.realpath(file)
        return [job.name for job in self.jobs() if job.file == path and job.name not in names]

    def set_job(self, job_id: int, *, columns: list[str] | None = None, digest: str | None = None) -> None:
        """Note what a complete run knew; None leaves what is there."""
        values: dict[str, str] = {}
        if columns is not None:
            values["columns"] = to_json(columns)
        if digest is not None:
            values["digest"] = digest
        if values:
            with self._database.write() as connection:
                connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(values))

    def rename_job(self, job_id: int, name: str, leases_: Sequence[Lease]) -> None:
        """Give a job another name. What a job of that name has sent meanwhile, and its runs, become this one's."""
        with self._database.write() as connection:
            for lease in leases_:
                fence(connection, lease)
            other = connection.execute(sa.select(jobs.c.id).where(jobs.c.name == name)).scalar_one_or_none()
            if other is not None:
                connection.execute(sa.update(runs).where(runs.c.job_id == other).values(job_id=job_id))
                for found in connection.execute(_TARGET.where(targets.c.job_id == other)).all():
                    _hand_over(connection, found, job_id)
                connection.execute(sa.delete(jobs).where(jobs.c.id == other))
            connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(name=name))
            connection.execute(sa.update(targets).where(targets.c.job_id == job_id).values(
                settled="", generation=targets.c.generation + 1
            ))

    def target(
        self, job_id: int, name: str, platform: str, place: str, *, names: Collection[str] = (), make: bool = True
    ) -> TargetRow:
        """A target in a place.

        ``names``  all targets that the job has now: what another one of this place has, which is none of them, is of a target
                   that was renamed
        ``make``   write down what is new of it: itself, its name, its platform; otherwise nothing is written, and a target
                   that is not there has the id 0
        """
        with self._database.read() as connection:
            row = self._target(connection, job_id, name, platform, place, names)
        if make and (row.id == 0 or (row.name, row.platform) != (name, platform)):
            with self._database.write() as connection:
                if row.id:
                    connection.execute(sa.update(targets).where(targets.c.id == row.id).values(name=name, platform=platform))
                else:
                    connection.execute(
                        self._database.insert(targets)
                        .values(job_id=job_id, name=name, platform=platform, place=place)
                        .on_conflict_do_nothing()
                    )
                row = self._target(connection, job_id, name, platform, place, ())
        return msgspec.structs.replace(row, name=name, platform=platform)

    def _target(
        self, connection: sa.Connection, job_id: int, name: str, platform: str, place: str, names: Collection[str]
    ) -> TargetRow:
        here = connection.execute(_TARGET.where(targets.c.job_id == job_id, targets.c.place == place)).all()
        found = next((one for one in here if one.name == name), None)
        if found is None and names and len(here) == 1 and here[0].name not in names:
            found = here[0]
        row = TargetRow(0, job_id, name, platform, place, 0, "") if found is None else TargetRow(*found)
        return msgspec.structs.replace(row, elsewhere=_elsewhere(connection, row.id, job_id, name))

    def targets(self, job_id: int) -> list[TargetRow]:
        """All targets of a job, in every place, by name and place."""
        with self._database.read() as connection:
            rows = connection.execute(
                _TARGET.where(targets.c.job_id == job_id).order_by(targets.c.name, targets.c.place)
            ).all()
            return [TargetRow(*found, elsewhere=_elsewhere(connection, found.id, job_id, found.name)) for found in rows]

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
            "job_id": job_id, "kind": kind, "started": iso(now), "who": clean(who), "host": clean(host), "pid": pid,
            "version": version, "mappings": to_json(list(mappings)),
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
            name: to_json(value) if name in ("mappings", "counts") else clean(value) for name, value in own.items()
        }
        with self._database.write() as connection:
            if fields:
                notes = connection.execute(sa.select(runs.c.notes).where(runs.c.id == run)).scalar_one_or_none()
                values["notes"] = to_json({**from_json(notes or "", {}), **fields})
            if values:
                connection.execute(sa.update(runs).where(runs.c.id == run).values(values))

    def finish_run(self, run: str, *, status: int, counts: Mapping[str, Any], message: str = "") -> None:
        """Note how a run ended."""
        with self._database.write() as connection:
            connection.execute(sa.update(runs).where(runs.c.id == run).values(
                finished=self._now(), status=status, counts=to_json(dict(counts)), message=clean(message)
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
                id=row["id"], job=row["job"], kind=row["kind"], started=time_of(row["started"]) or utc_now(),
                finished=time_of(row["finished"]), status=row["status"], counts=from_json(row["counts"], {}),
                who=row["who"], host=row["host"], pid=row["pid"], version=row["version"],
                mappings=from_json(row["mappings"], []), message=row["message"], notes=from_json(row["notes"], {}),
                running=row["status"] is None and row["id"] in running,
            )
            for row in rows
        ]

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
            for some in chunks(old, SOME):
                connection.execute(
                    sa.delete(batches).where(batches.c.run.in_(some), batches.c.done != "")
                )
            for some in chunks((name for name in names[max(KEPT_RUNS, keep):] if name not in needed), SOME):
                connection.execute(sa.delete(runs).where(runs.c.id.in_(some)))
                connection.execute(sa.delete(held).where(held.c.job_id == job_id, held.c.closed_run.in_(some)))
        return old[::-1]


def _runs_beside(path: Path) -> Path:
    """Where the run folders of an SQLite ledger are."""
    return path.with_name(f"{path.stem}.runs")


def _check_emptied(path: Path) -> None:
    """A file without a ledger in it is a new one's, unless runs have been here. Raises LedgerError."""
    folder = _runs_beside(path)
    if next(folder.glob("*/*"), None) is not None:
        raise LedgerError(
            f"there is nothing in the ledger, though runs have left their folders in {folder.name}: a full disk or a copy "
            f"that broke off may have emptied it", code="ledger.corrupt",
            mend=f"bring the file back from a backup; without one, delete it, then {ADOPT}",
        )


_JOB = sa.select(jobs.c.id, jobs.c.name, jobs.c.file, jobs.c.columns, jobs.c.digest)
_TARGET = sa.select(
    targets.c.id, targets.c.job_id, targets.c.name, targets.c.platform, targets.c.place, targets.c.generation,
    targets.c.settled,
)
_NEWEST = (runs.c.number.desc(), runs.c.id.desc())
"""Not by their time: a clock may have been put back in between."""
_RUN = sa.select(runs, jobs.c.name.label("job")).join_from(runs, jobs)


def _elsewhere(connection: sa.Connection, target_id: int, job_id: int, name: str) -> list[tuple[str, int]]:
    others = connection.execute(
        sa.select(targets.c.id, targets.c.place)
        .where(targets.c.job_id == job_id, targets.c.name == name, targets.c.id != target_id)
        .order_by(targets.c.place)
    ).all()
    found = []
    for other, place in others:
        number = connection.execute(
            sa.select(sa.func.count()).select_from(items).where(items.c.target_id == other, PRESENT)
        ).scalar_one()
        if number:
            found.append((place, number))
    return found


def _hand_over(connection: sa.Connection, target: Any, job_id: int) -> None:
    """A target of another job becomes this job's; where this one has it, too, its items do. Of an item that both know, that
    one stays which is on the platform."""
    same = (targets.c.job_id == job_id, targets.c.name == target.name, targets.c.place == target.place)
    own = connection.execute(sa.select(targets.c.id).where(*same)).scalar_one_or_none()
    if own is None:
        connection.execute(sa.update(targets).where(targets.c.id == target.id).values(job_id=job_id))
        return
    there = sa.select(items.c.key).where(items.c.target_id == target.id, sa.or_(PRESENT, items.c.state == "unknown"))
    for table in (contents, items):
        connection.execute(sa.delete(table).where(table.c.target_id == own, table.c.key.in_(there)))
    known = sa.select(items.c.key).where(items.c.target_id == own)
    for table in (contents, items):
        connection.execute(sa.delete(table).where(table.c.target_id == target.id, table.c.key.in_(known)))
        connection.execute(sa.update(table).where(table.c.target_id == target.id).values(target_id=own))
    connection.execute(sa.update(batches).where(batches.c.target_id == target.id).values(target_id=own))


def _job(found: Any) -> JobRow:
    return JobRow(found.id, found.name, found.file, from_json(found.columns, []), found.digest)

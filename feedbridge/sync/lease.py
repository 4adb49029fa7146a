"""One run per job: a lease that dies with its owner, and that every write asks for.

On one machine the owner lives exactly as long as its process. From another machine (or container) it is taken for dead
when its heartbeat is five minutes old. A run that was taken for dead and goes on all the same can write nothing.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import sqlalchemy as sa

from feedbridge.sync.database import Database
from feedbridge.sync.ledger_errors import JobRunning, LeaseLost, LedgerError
from feedbridge.sync.ledger_values import time_of
from feedbridge.sync.tables import jobs, leases

__all__ = ["Lease", "Pace", "fence", "is_running", "whoami"]


class Pace(msgspec.Struct, frozen=True):
    """Seconds.

    ``beat``   between two heartbeats                ``stale``  without one, from another machine: dead
    ``ahead``  by which a heartbeat may be ahead of the clock before it proves nothing
    ``watch``  for which such a heartbeat is watched: it moves, or its owner is dead
    ``look``   between two looks while waiting
    """

    beat: float = 20.0
    stale: float = 300.0
    ahead: float = 60.0
    watch: float = 65.0
    look: float = 0.5


class Owner(msgspec.Struct, frozen=True):
    """A process: ``boot`` is the start of its machine and the namespace of its process id, ``ticks`` its own start."""

    host: str
    boot: str
    pid: int
    ticks: int


_HELD: set[str] = set()
"""Tokens this very process holds."""


class Lease:
    """The right to run a job; a context manager. Made by Ledger.lease().

    ``took_over``  who died and left it, in a sentence; else empty
    ``lost``       another run has it now
    Raises: JobRunning, LedgerError.
    """

    def __init__(
        self, database: Database, job_id: int, *, run: str, wait_seconds: float = 0, pace: Pace | None = None
    ) -> None:
        self.job_id = job_id
        self.run = run
        self.token = ""
        self.took_over = ""
        self.lost = False
        self._database = database
        self._wait_seconds = wait_seconds
        self._pace = pace or Pace()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Lease:
        if self.token:
            raise ValueError("a lease is taken once")
        self.token = secrets.token_hex(16)
        _HELD.add(self.token)
        try:
            self._take()
            self._thread = threading.Thread(target=self._keep, name="feedbridge-lease", daemon=True)
            self._thread.start()
        except BaseException:
            self.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"Lease(job_id={self.job_id}, run={self.run!r})"

    def check(self) -> None:
        """Raises LeaseLost when another run has taken over, as far as the last heartbeat knows."""
        if self.lost or not self.token:
            raise lost(self)

    def release(self) -> None:
        """Let go. May be called twice, and fails silently: a lease whose owner is gone is taken over."""
        self._done.set()
        token, self.token = self.token, ""
        if not token:
            return
        mine = sa.delete(leases).where(leases.c.job_id == self.job_id, leases.c.token == token)
        try:
            with contextlib.suppress(LedgerError), self._database.write() as connection:
                connection.execute(mine)
        finally:
            _HELD.discard(token)  # where it could not be deleted, this process itself takes it for dead from here on
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)

    def _take(self) -> None:
        until = time.monotonic() + self._wait_seconds
        watched = Watched(self._pace)
        while True:
            with self._database.write() as connection:
                connection.execute(
                    sa.select(jobs.c.id).where(jobs.c.id == self.job_id).with_for_update(key_share=True)
                )
                found = connection.execute(sa.select(leases).where(leases.c.job_id == self.job_id)).mappings().first()
                now = self._database.now(connection)
                dead = found is not None and watched.is_dead(found, now)
                if found is None or dead:
                    self._write(connection, found, now)
                    return
            assert found is not None
            if time.monotonic() >= until and not watched.undecided:
                raise self._running(found)
            time.sleep(self._pace.look)

    def _write(self, connection: sa.Connection, found: Any, now: float) -> None:
        who, me = whoami(), myself()
        values = {
            "job_id": self.job_id, "token": self.token, "run": self.run, "who": who, "host": me.host, "boot": me.boot,
            "pid": me.pid, "ticks": me.ticks, "started": _iso(now), "heartbeat": now, "beats": 0,
        }
        if found is None:
            connection.execute(sa.insert(leases).values(values))
            return
        connection.execute(sa.update(leases).where(leases.c.job_id == self.job_id).values(values))
        self.took_over = (
            f"run {found['run']} of {found['who']}@{found['host']} (process {found['pid']}, since {found['started']}) "
            "died; its job was taken over"
        )

    def _running(self, found: Any) -> JobRunning:
        name = self._name()
        error = JobRunning(
            f'job "{name}" is being run by {found["who"]}@{found["host"]} (process {found["pid"]}) since '
            f'{found["started"]}, run {found["run"]}',
            where=self._database.shown,
            mend="wait until it is done, or end that process; a run that died is taken over by itself: at once on the "
            f"same machine, after {self._pace.stale / 60:g} minutes from another", code="ledger.running",
        )
        error.since = time_of(found["started"])
        return error

    def _name(self) -> str:
        with self._database.read() as connection:
            return connection.execute(sa.select(jobs.c.name).where(jobs.c.id == self.job_id)).scalar_one_or_none() or ""

    def _keep(self) -> None:
        while not self._done.wait(self._pace.beat):
            token = self.token
            if not token:
                return
            try:
                with self._database.write() as connection:
                    changed = connection.execute(
                        sa.update(leases).where(leases.c.job_id == self.job_id, leases.c.token == token)
                        .values(heartbeat=self._database.now(connection), beats=leases.c.beats + 1)
                    ).rowcount
            except Exception:  # the next beat may get through; when none does, the next write of the run says why
                continue
            if not changed:
                self.lost = bool(self.token)
                return


class Watched:
    """Whether the owner of a lease is dead, over several looks at it.

    ``undecided``  its heartbeat is ahead of the clock, so only looking on can tell
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._seen: tuple[str, int] | None = None
        self._since = 0.0
        self._moved = False
        self.undecided = False

    def is_dead(self, found: Any, now: float) -> bool:
        self.undecided = False
        lives = _lives(Owner(found["host"], found["boot"], found["pid"], found["ticks"]), found["token"])
        if lives is not None:
            return not lives
        seen, clock = (found["token"], found["beats"]), time.monotonic()
        if seen != self._seen:
            self._moved = self._seen is not None
            self._seen, self._since = seen, clock
        still = clock - self._since
        age = now - found["heartbeat"]
        if age > self._pace.stale or still > self._pace.stale:
            return True
        if age < -self._pace.ahead and not self._moved:
            if still >= self._pace.watch:
                return True
            self.undecided = True
        return False


def is_running(found: Any, now: float, pace: Pace | None = None) -> bool:
    """Whether the owner of a lease row lives, as far as one look can tell."""
    return not Watched(pace or Pace()).is_dead(found, now)


def fence(connection: sa.Connection, lease: Lease | None) -> None:
    """Hold a lease until the transaction ends. Raises LeaseLost."""
    if lease is None:
        return
    token = connection.execute(
        sa.select(leases.c.token).where(leases.c.job_id == lease.job_id).with_for_update(read=True)
    ).scalar_one_or_none()
    if not lease.token or token != lease.token:
        lease.lost = True
        raise lost(lease)


def lost(lease: Lease) -> LeaseLost:
    return LeaseLost(
        f"run {lease.run} no longer has its job: another run took it over, or it was let go",
        mend="nothing was written; the other run goes on with what is left, or run again", code="ledger.lease-lost",
    )


def whoami() -> str:
    """The user's name, or number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())


def myself() -> Owner:
    """This process."""
    return Owner(socket.gethostname(), _boot(), os.getpid(), _ticks(os.getpid()) or 0)


def _boot() -> str:
    """Which start of the machine, and which namespace of process ids: containers share the one and not the other."""
    boot = space = ""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    with contextlib.suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return f"{boot} {space}".strip()


def _lives(owner: Owner, token: str) -> bool | None:
    """Whether a process lives; None: it is not one this machine can look at."""
    me = myself()
    if (owner.host, owner.boot) != (me.host, me.boot):
        return None
    if owner.pid == me.pid and owner.ticks == me.ticks:
        return token in _HELD
    ticks = _ticks(owner.pid)
    if ticks is not None:
        return ticks == owner.ticks or (owner.ticks == 0 and ticks > 0)
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since the machine did (proc(5), field 22); 0 for one that is dead and only
    waits to be noticed, None where that cannot be read."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = text[text.rindex(b")") + 2:].split()
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

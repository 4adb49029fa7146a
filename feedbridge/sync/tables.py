"""The ledger's tables, the way to them (SQLite or PostgreSQL), and what can go wrong on it.

Everything that SQLAlchemy and the drivers raise becomes a LedgerError here. No message holds a password, nor anything
else that stands before the ``@`` of an address. What is made here is for its owner alone, whatever the umask.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from feedbridge.errors import CommandError, FeedbridgeError

__all__ = [
    "VERSION", "Database", "JobRunning", "LeaseLost", "LedgerError", "alerts", "batches", "contents", "digests", "held",
    "identities", "items", "jobs", "leases", "ledger_url", "make_file", "make_folder", "metadata", "pending",
    "private_folder", "runs", "state_folder", "targets", "utc_now", "version",
]

VERSION = "0001"
"""The newest migration (migrations/versions/). Four digits, so that a later one sorts behind."""
DEFAULT_FILE = "ledger.sqlite"
WAIT_SECONDS = 30.0
CONNECT_SECONDS = 10


class LedgerError(FeedbridgeError):
    """The ledger cannot be used.

    ``ledger.open``     it cannot be opened                 ``ledger.locked``  another program does not let go of it
    ``ledger.corrupt``  what is there is no sound ledger    ``ledger.full``    there is no room to write
    ``ledger.newer``    a newer feedbridge made it          ``ledger.gone``    it went away while it was in use
    """


class LeaseLost(LedgerError):
    """Another run has taken the job over; nothing was written."""


class JobRunning(LedgerError):
    """Another run of the job is under way."""


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


def ledger_url(given: str | None, folder: Path | None, environment: Mapping[str, str]) -> str:
    """Where the ledger is: FEEDBRIDGE_STATE_URL, else ``given`` (``state:`` of the job file), else an SQLite file in
    the user's state folder.

    ``given`` is a path or a URL; a relative SQLite path starts in ``folder`` (that of the variable in the current one).
    What may be an address with a password is never taken for a path; a path with ``@``, ``=``, ``:`` or ``//`` in it is
    written as ``sqlite:///path``.

    Returns: the URL with a driver and an absolute path; it may hold a password.
    Raises:  CommandError.
    """
    text = environment.get("FEEDBRIDGE_STATE_URL", "").strip()
    if text:
        return _written(text, _url(text, Path.cwd(), "FEEDBRIDGE_STATE_URL"))
    if given and given.strip():
        return _written(given.strip(), _url(given.strip(), folder or Path.cwd(), "state"))
    return _sqlite_url(state_folder() / DEFAULT_FILE).render_as_string(hide_password=False)


def _written(text: str, url: sa.URL) -> str:
    """A PostgreSQL URL stays as it was written: put together again, it would hide that a password has a bare @."""
    if url.get_backend_name() == "sqlite":
        return url.render_as_string(hide_password=False)
    return f"{url.drivername}://{text.partition('://')[2]}"


def state_folder() -> Path:
    """The user's folder for what feedbridge has to remember."""
    import platformdirs

    return Path(platformdirs.user_state_dir("feedbridge"))


def private_folder(path: Path) -> Path:
    """A folder for its owner alone (mode 0700), made with those above it where they are missing; the folder.

    One that is there stays as it is, shared with a group too. Only where everybody may write in it, that is taken away
    when the folder is one's own, and the folder is refused when it is not.

    Raises: OSError, LedgerError (``ledger.open``).
    """
    make_folder(path)
    found = path.stat()
    if not found.st_mode & stat.S_IWOTH:
        return path
    if found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX:
        raise LedgerError(
            "everybody may write in this folder, so what a run goes by is not kept there", where=str(path),
            mend=f"chmod o-w {path}, or name another place with FEEDBRIDGE_RUNS", code="ledger.open",
        )
    with contextlib.suppress(OSError):  # a disk that keeps no modes
        path.chmod(stat.S_IMODE(found.st_mode) & ~stat.S_IWOTH)
    return path


def make_folder(path: Path) -> None:
    """Make a folder and those above it, with mode 0700, where they are missing. Raises OSError."""
    try:
        path.mkdir(mode=0o700)
    except FileNotFoundError:
        if path.parent == path:
            raise
        make_folder(path.parent)
        make_folder(path)
        return
    except OSError:
        if not path.is_dir():
            raise
        return
    with contextlib.suppress(OSError):
        if path.stat().st_mode & 0o777 != 0o700:  # the umask takes from the mode of mkdir
            path.chmod(0o700)


_MAKING = threading.Lock()


def make_file(path: Path) -> None:
    """Make an empty file with mode 0600, where there is none; SQLite gives the same mode to those beside it.

    Raises: OSError.
    """
    # Closing a file lets go of all locks that this process has on it, so no other thread may have opened it by then.
    with _MAKING, contextlib.suppress(FileExistsError):
        handle = os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(OSError):
            os.fchmod(handle, 0o600)
        os.close(handle)


def _sqlite_url(path: Path) -> sa.URL:
    return sa.URL.create("sqlite", database=os.path.abspath(path.expanduser()))


PERCENT = "write @ in a password as %40, / as %2F and ? as %3F"
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def _url(text: str, folder: Path, where: str) -> sa.URL:
    """What is written there, never shown: it may hold a password in any place. Raises CommandError."""
    usual = "write a path (state.sqlite), or a URL: sqlite:///path, postgresql://user@host/database"

    def refuse(message: str, mend: str = usual) -> CommandError:
        return CommandError(message, where=where, mend=mend, code="ledger.open")

    if text == ":memory:" or text.startswith("file:") or "\0" in text:
        raise refuse("the ledger must be a file that stays")
    if "://" not in text:
        path = text[2:] if _DRIVE.match(text) else text
        if ":" in path or "@" in path or "=" in path or "//" in path:
            raise refuse(
                "the ledger's address is neither a path nor a database URL",
                f"{usual}; a path with @, =, : or // in it is written as sqlite:///path",
            )
        return _sqlite_url(folder / Path(text).expanduser())
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise refuse("the ledger's address is no database URL", f"{usual}; {PERCENT}") from None
    backend, _, driver = url.drivername.partition("+")
    if backend == "sqlite":
        database = url.database or ""
        if database in ("", ":memory:") or database.startswith("file:") or "\0" in database:
            raise refuse("the ledger must be a file that stays")
        if url.host or url.username or url.password or driver not in ("", "pysqlite"):
            raise refuse("the ledger's address is no path of an SQLite file")
        return _sqlite_url(folder / Path(database).expanduser())
    if backend in ("postgresql", "postgres"):
        if driver not in ("", "psycopg"):
            raise refuse("feedbridge does not bring this driver for PostgreSQL; it brings psycopg")
        if "@" in (url.host or "") or "@" in text.partition("?")[2]:
            raise refuse("the ledger's address can be read in several ways, and one of them shows its password", PERCENT)
        return url.set(drivername="postgresql+psycopg")
    raise refuse("feedbridge keeps its ledger in SQLite or PostgreSQL only")


_HARMLESS = frozenset((
    "host", "hostaddr", "port", "dbname", "sslmode", "connect_timeout", "application_name", "target_session_attrs",
    "client_encoding", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
))
"""Parameters whose values may be shown."""
_BETWEEN = re.compile(r"[:@/?#&=%\s'\"\\]+")
SHORT = 4
"""Characters. A shorter part of a secret may be in a message by chance, and taking it out would show what it is."""


class _Address:
    """What of a database URL may be shown, and what must be taken out of the words of a driver.

    ``shown``      nothing of what stands between ``://`` and the last ``@``, no value of a parameter not known
    ``ambiguous``  it has several @, so a password may have been cut in the wrong place
    """

    def __init__(self, text: str, url: sa.URL) -> None:
        before, at, after = text.partition("://")[2].rpartition("@")
        self.ambiguous = "@" in before
        self.shown = url.render_as_string(hide_password=True)
        self._long: list[str] = []
        self._short: list[str] = []
        self._names: list[str] = []
        if url.get_backend_name() == "sqlite":
            return
        self.shown = _shown(after, bool(at))
        secret = {before if self.ambiguous else before.partition(":")[2], url.password or ""}
        for name, values in url.query.items():
            several = (values,) if isinstance(values, str) else values
            if name == "user":
                self._names.extend(several)
            elif name not in _HARMLESS:
                secret.update(several)
        if url.username and not self.ambiguous:
            self._names.append(url.username)
        parts: set[str] = set()
        for one in (*secret, *(unquote(one) for one in secret)):
            parts.update((" ".join(one.split()), *_BETWEEN.split(one)))
        for part in sorted(parts - {""}, key=len, reverse=True):
            (self._long if len(part) >= SHORT else self._short).append(part)

    def scrubbed(self, words: str) -> str:
        """A driver's words without secrets; empty where that cannot be done without telling them."""
        if any(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", words, re.IGNORECASE) for part in self._short):
            return ""
        for part in self._long:
            words = re.sub(re.escape(part), "***", words, flags=re.IGNORECASE)
        for name in self._names:
            words = words.replace(f'"{name}"', '"***"')
        return words


def _shown(after: str, login: bool) -> str:
    front = "postgresql+psycopg://" + ("***@" if login else "")
    try:
        place = sa.make_url(f"postgresql://{after}")
    except (sa.exc.ArgumentError, ValueError):
        return front
    query = {name: value if name in _HARMLESS else "***" for name, value in place.query.items()}
    text = sa.URL.create(
        "postgresql", host=place.host, port=place.port, database=place.database, query=query
    ).render_as_string()
    return front + text.partition("://")[2].replace("%2A%2A%2A", "***")


for _library in ("psycopg", "sqlalchemy", "alembic"):
    # What they log of a connection that broke is for those who ask for it; Python would print it to stderr.
    logging.getLogger(_library).addHandler(logging.NullHandler())


class Database:
    """An open ledger database: short read and write transactions, over connections of their own.

    ``shown``  its URL without the login     ``path``  the SQLite file; None: PostgreSQL
    """

    def __init__(self, url: str, *, clock: Callable[[], datetime], wait_seconds: float = WAIT_SECONDS) -> None:
        self.url = _url(url, Path.cwd(), "state")
        self._address = _Address(url, self.url)
        self.shown = self._address.shown
        self.path = Path(self.url.database or "") if self.url.get_backend_name() == "sqlite" else None
        self.clock = clock
        self.wait_seconds = wait_seconds
        self._inode: tuple[int, int] | None = None
        self._opened = False
        self._turn: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
        if self.path is not None:
            self._turn = threading.RLock()  # fairer than SQLite's own way to wait
        self.engine = self._sqlite_engine() if self.path else self._postgres_engine()
        self._writers = self.engine.execution_options(feedbridge_writes=True)

    def __repr__(self) -> str:
        return f"Database({self.shown!r})"

    def _sqlite_engine(self) -> sa.Engine:
        wait = self.wait_seconds
        engine = sa.create_engine(self.url, connect_args={"timeout": wait, "check_same_thread": False})

        @sa.event.listens_for(engine, "connect")
        def prepare(connection: sqlite3.Connection, record: object) -> None:
            connection.isolation_level = None
            for pragma in (f"busy_timeout = {int(wait * 1000)}", "foreign_keys = ON", "synchronous = FULL"):
                connection.execute(f"PRAGMA {pragma}")
            _write_ahead(connection, wait)

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            writes = connection.get_execution_options().get("feedbridge_writes")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    def _postgres_engine(self) -> sa.Engine:
        wanted = {
            "connect_timeout": CONNECT_SECONDS, "application_name": "feedbridge", "keepalives": 1,
            "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 90_000,
            "client_encoding": "utf8",
        }
        try:
            engine = sa.create_engine(
                self.url, pool_pre_ping=True,
                connect_args={name: value for name, value in wanted.items() if name not in self.url.query},
            )
        except ImportError as exc:
            raise LedgerError(
                "the driver for PostgreSQL is not installed", where=self.shown,
                mend="pip install 'feedbridge[postgresql]'", code="ledger.open",
            ) from exc
        wait = int(self.wait_seconds * 1000)

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            if connection.get_execution_options().get("feedbridge_writes"):
                connection.exec_driver_sql(
                    f"SELECT set_config('lock_timeout', '{wait}', true), CASE current_setting('synchronous_commit')"
                    " WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END"
                )

        return engine

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that can say ON CONFLICT, in the words of this database."""
        return postgresql.insert(table) if self.path is None else sqlite.insert(table)

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that reads. Raises LedgerError."""
        with self.edge(), self.engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that writes: all of it or nothing, and on the disk when this ends. Raises LedgerError."""
        with self.edge(), self._turn, self._writers.begin() as connection:
            self._still_there()
            yield connection
            self._still_there()

    def now(self, connection: sa.Connection) -> float:
        """Seconds since 1970 by the clock that all who share the ledger have: the server's, else this machine's."""
        if self.path is None:
            return float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())
        return self.clock().timestamp()

    def opened(self) -> None:
        """From here on a database that cannot be reached was there before."""
        self._opened = True
        if self.path is not None:
            with self.edge():
                self._inode = _inode(self.path)

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.engine.dispose()

    def _still_there(self) -> None:
        if self._was_taken_away():
            raise self._taken_away()

    def _was_taken_away(self) -> bool:
        """SQLite itself would go on writing into a file that no longer has a name."""
        if self.path is None or self._inode is None:
            return False
        try:
            return _inode(self.path) != self._inode
        except OSError:
            return True

    def _taken_away(self) -> LedgerError:
        return LedgerError(
            "the ledger's file was deleted or replaced while it was in use", where=self.shown,
            mend="leave the file alone while a run is under way, and run again", code="ledger.gone",
        )

    @contextlib.contextmanager
    def edge(self) -> Iterator[None]:
        """What SQLAlchemy and the drivers raise leaves here as LedgerError."""
        try:
            yield
        except FeedbridgeError as exc:
            if isinstance(exc, LedgerError) and not exc.where:
                exc.where = self.shown
            raise
        except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as exc:
            error, hidden = self._explained(exc)
            raise error from (None if hidden else exc)
        except Exception as exc:  # psycopg is imported only where it is used: known by its name
            if type(exc).__module__.partition(".")[0] != "psycopg":
                raise
            error, hidden = self._explained(exc)
            raise error from (None if hidden else exc)

    def _explained(self, exc: Exception) -> tuple[LedgerError, bool]:
        """In our words; and whether something was taken out of the driver's, which no traceback may show then."""
        if self._was_taken_away():
            return self._taken_away(), False
        cause = exc.orig if isinstance(exc, sa.exc.DBAPIError) and exc.orig is not None else exc
        told = " ".join(str(cause).split())
        words = self._address.scrubbed(told)
        hidden = words != told
        if isinstance(exc, sa.exc.TimeoutError):
            code = "ledger.locked"
        elif isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
            code, words = _of_system(cause, self._opened)
        elif isinstance(cause, sqlite3.Error):
            code = _of_sqlite(cause, self._opened)
        else:
            code = _of_postgres(cause, self._opened)
        message, mend = _SAYS[code]
        if self.path is None:
            mend = _SAYS_SERVER.get(code, mend)
            if code == "ledger.open" and self._address.ambiguous:
                mend += f"; the address has more than one @: {PERCENT}"
        message = f"{message} ({words})" if words else message
        return LedgerError(message, where=self.shown, mend=mend, code=code), hidden


_SAYS = {
    "ledger.open": (
        "the ledger cannot be opened",
        "check that the folder exists and may be written, or name another place (state: in the job file, or "
        "FEEDBRIDGE_STATE_URL)",
    ),
    "ledger.corrupt": (
        "this is no sound ledger",
        "bring the file back from a backup, or name another place (state:); with an empty ledger the next run sends "
        "every product again",
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
_SAYS_SERVER = {
    "ledger.open": "check that the server runs, that the address and login are right, and that this login may make "
    "tables there (GRANT CREATE ON SCHEMA public)",
    "ledger.corrupt": "have the database looked at, or name another one (state:); with an empty ledger the next run "
    "sends every product again",
    "ledger.locked": "end the session that holds the lock (see pg_stat_activity), and run again",
    "ledger.gone": "check the server and the network, and run again: what was not written is found out then",
}


def _of_system(exc: OSError, opened: bool) -> tuple[str, str]:
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


def _of_sqlite(exc: sqlite3.Error, opened: bool) -> str:
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


def _of_postgres(exc: Exception, opened: bool) -> str:
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


def _inode(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _write_ahead(connection: sqlite3.Connection, wait: float) -> None:
    """Turn the write-ahead log on. SQLite does not wait by itself when several do that at once."""
    until = time.monotonic() + wait
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
            if code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def utc_now() -> datetime:
    """The clock, unless a test brings its own."""
    return datetime.now(UTC)

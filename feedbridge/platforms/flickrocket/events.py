"""Webhook events on disk, and the worker that reads back what they speak of.

FlickRocket is answered as soon as an event is on disk; from then on nobody but us knows of it. So the store is a SQLite
file that is brought to the disk before the answer, and an event stays in it until it is worked.

An event says only that something about an object changed, never what: the object is always read back over the API, so
events may come late, twice or out of order. The hash has no time in it: two changes of a product are the same payload
with the same hash. So an event that is stored already is counted and not stored twice, and when it had been worked
it is worked once more.

::

    new → working → done
     ↑       │ ╰──→ failed → dismissed   after 30 tries in 20 hours; `again` brings it back, `dismiss` puts it aside
     ╰───────╯                           the program ended, the platform is down, a try failed, or the event came again
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from filelock import FileLock, Timeout

from feedbridge.errors import OutputError
from feedbridge.platforms.flickrocket.event_tables import prepare
from feedbridge.platforms.flickrocket.licences import MOST_NUMBER
from feedbridge.platforms.flickrocket.readings import Payload, hash_of, parse_payload
from feedbridge.platforms.flickrocket.resources import LONG_ID, Product

__all__ = [
    "Event", "EventStore", "EventsError", "Observe", "ProductStanding", "Stored", "Worker", "standing_of",
]

WINDOW_SECONDS = 180_000.0
"""As long an event counts as the same: FlickRocket's retries last 173,040 s, and it may be late itself."""
KEPT_SECONDS = 30 * 86_400.0
"""As long a worked event is kept, to be looked at."""
MOST_TRIES = 30
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 3600.0
DOWN_PAUSE_SECONDS = 300.0
POLL_SECONDS = 1.0
"""How often a worker looks for events that another process has stored."""
WAIT_SECONDS = 5.0
MESSAGE_CHARS = 2000
FRESH_SECONDS = 10.0
"""As long it counts whether an event could be stored; then `check` tries anew."""
STATES = ("new", "working", "done", "failed", "dismissed")
PRODUCT_SCOPES = frozenset({"product/create", "product/update", "product/delete"})
SPELLINGS = {"orders/create": "order/create"}
"""Both stand in FlickRocket's pages."""
WAITING = frozenset({
    "flickrocket.down", "flickrocket.authorize-again", "flickrocket.not-logged-in", "flickrocket.token",
})
"""Errors that are of no event in particular: all wait until it is over."""
GONE = "flickrocket.gone"

_SHORT_ID = re.compile(r"[1-9][0-9]{0,15}")
_COLUMNS = "number, scope, object_id, long_id, company_id, state, times, received, last_received, tries, message, body"


class EventsError(OutputError):
    """The file of events cannot be used."""


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event. ``received``, ``last_received``: seconds since 1970, the first and the latest time it came."""

    number: int
    scope: str
    object_id: str
    long_id: str
    company_id: str
    state: str
    times: int
    received: float
    last_received: float
    tries: int
    message: str
    body: str = field(repr=False)

    @property
    def product_id(self) -> int | None:
        """The short id of the product it speaks of; None when it speaks of none."""
        if self.scope in PRODUCT_SCOPES and _SHORT_ID.fullmatch(self.object_id) and int(self.object_id) <= MOST_NUMBER:
            return int(self.object_id)
        return None


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of an event that came in. ``times``: how often it has come; ``new``: it was not known."""

    number: int
    times: int
    new: bool


@dataclass(frozen=True, slots=True)
class ProductStanding:
    """How a product stands, read back from FlickRocket after an event.

    ``scope``    what the event said; it may be late, so believe the rest
    ``product``  as the API gave it; None when there is no such product, or no longer. For another scope than
                 ``product/delete`` look twice before you forget it: wrong hosts have no products either
    ``why``      why it is not live, in plain words; empty when it is
    """

    scope: str
    id: int
    long_id: str = ""
    title: str = ""
    live: bool = False
    why: tuple[str, ...] = ()
    product: Product | None = field(default=None, repr=False)

    @property
    def gone(self) -> bool:
        return self.product is None


def standing_of(
    product: Product | Mapping[str, Any] | None, *, id: int, scope: str = "product/update", long_id: str = ""
) -> ProductStanding:
    """How a product stands; ``product`` is None when there is none of this id.

    >>> standing_of({"id": 7, "title": "City walks", "valid": True, "published_at": "2024-02-01T00:00:00",
    ...              "content_files": [], "price_license_binding": [{"license_id": 16, "price_id": 46}]}, id=7).why
    ('no valid content',)

    Raises: ValueError for a product that is none, or another one.
    """
    if product is None:
        return ProductStanding(scope, id, long_id, why=("there is no such product",))
    found = product if isinstance(product, Product) else Product.model_validate(product)
    if found.id != id:
        raise ValueError(f"asked for product {id}, FlickRocket gave {found.id}")
    why = found.not_live()
    return ProductStanding(scope, id, found.product_id or long_id, found.title or "", not why, why, found)


class EventStore:
    """Events in a SQLite file, which several threads and processes of one machine may use at once.

    ``path``          the file; made, with its folder, when it is not there, for this user's eyes only. On a local disk.
    ``wait_seconds``  longest wait for another process' transaction
    ``clock``         seconds since 1970

    Every method may raise EventsError.
    """

    def __init__(
        self, path: Path | str, *, clock: Callable[[], float] = time.time, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self.path = Path(path).expanduser()
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        self._inherited: list[sqlite3.Connection] = []
        self._latest: tuple[float, EventsError | None] | None = None
        with self._transaction():
            pass
        self.close()  # a server may fork now, and no connection is to be open then

    def add(self, payload: Payload) -> Stored:
        """Store an event, or count it when it is stored; it is on the disk when this returns.

        Shape:  ``payload`` as it came, its hash verified.
        Raises: ValueError for a payload that is no JSON object.
        """
        members = payload if isinstance(payload, Mapping) else parse_payload(payload)
        body = payload if isinstance(payload, str) else (
            bytes(payload).decode("utf-8-sig") if not isinstance(payload, Mapping) else "")
        scope = _text(members.get("scope"))
        scope = SPELLINGS.get(scope, scope)
        data = members.get("data")
        data = data if isinstance(data, Mapping) else {}
        object_id, long_id = _text(data.get("id")), _text(data.get("long_id")).upper()
        hash = hash_of(members)
        now = self._clock()
        with self._remembered(), self._transaction() as connection:
            row = connection.execute(
                "SELECT number, state, times FROM events WHERE hash = ? AND scope = ? AND object_id = ? AND received >= ?"
                " ORDER BY number DESC LIMIT 1", (hash, scope, object_id, now - WINDOW_SECONDS)).fetchone()
            if row is None:
                made = connection.execute(
                    "INSERT INTO events (place, scope, object_id, long_id, company_id, hash, body, state, received,"
                    f" last_received) VALUES ({_LAST}, ?, ?, ?, ?, ?, ?, 'new', ?, ?)",
                    (scope, object_id, long_id if LONG_ID.fullmatch(long_id) else "",
                     _text(members.get("company_id")), hash, body, now, now))
                return Stored(made.lastrowid or 0, 1, True)
            number, state, times = row
            connection.execute(
                "UPDATE events SET times = times + 1, last_received = ? WHERE number = ?", (now, number))
            if state == "working":
                connection.execute("UPDATE events SET again = 1 WHERE number = ?", (number,))
            elif state != "new":
                self._queue_again(connection, number)
            return Stored(number, times + 1, False)

    def check(self, fresh_seconds: float = FRESH_SECONDS) -> None:
        """Whether events can be stored: one is stored and taken away again, in one transaction that reaches the disk.

        Nothing is tried when it is known from the last seconds, be it from a check or from an event that came.
        Raises: EventsError when not.
        """
        with self._lock:  # of many that ask at once, one tries
            if self._latest is not None and 0 <= self._clock() - self._latest[0] < fresh_seconds:
                known = self._latest[1]
                if known is not None:
                    raise EventsError(known.message, where=known.where, mend=known.mend, code=known.code)
                return
            with self._remembered(), self._transaction() as connection:
                connection.execute(
                    "INSERT INTO events (number, place, scope, object_id, long_id, company_id, hash, body, state, received,"
                    " last_received) VALUES (0, 0, '', '', '', '', '', ?, 'done', 0, 0)", ("{}" * 250,))
                connection.execute("DELETE FROM events WHERE number = 0")

    def claim(self) -> Event | None:
        """The next event to be worked, in order of arrival, now ``working``; None when there is none."""
        now = self._clock()
        with self._transaction() as connection:
            # An event due later than any pause is long: the clock was set back.
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM events WHERE state = 'new' AND (due <= ? OR due > ?) ORDER BY place LIMIT 1",
                (now, now + 2 * LONGEST_PAUSE_SECONDS)).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE events SET state = 'working', tries = tries + 1, again = 0 WHERE number = ?", (row[0],))
            event = Event(*row)
        return Event(**{**_members(event), "state": "working", "tries": event.tries + 1})

    def finish(self, event: Event, message: str = "") -> None:
        """It is worked."""
        self._settle(event, "done", message)

    def fail(self, event: Event, message: str) -> None:
        """It is given up, until someone asks for it again or it comes again."""
        self._settle(event, "failed", message)

    def postpone(self, event: Event, seconds: float, message: str) -> None:
        """It is tried again, not before some seconds have passed."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE events SET state = 'new', again = 0, due = ?, message = ? WHERE number = ? AND state = 'working'",
                (self._clock() + seconds, message[:MESSAGE_CHARS], event.number))

    def release(self, event: Event) -> None:
        """It is as it was before it was claimed."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE events SET state = 'new', again = 0, tries = max(0, tries - 1) WHERE number = ? AND state = 'working'",
                (event.number,))

    def recover(self) -> int:
        """Bring back what a worker had in hand when it ended; for the only worker there is. Returns how many."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE events SET state = 'failed', worked = ?, message = 'the program ended at every try' "
                "WHERE state = 'working' AND tries >= ?", (self._clock(), MOST_TRIES))
            return connection.execute("UPDATE events SET state = 'new', again = 0 WHERE state = 'working'").rowcount

    def again(self, numbers: list[int] | None = None) -> int:
        """Work failed events once more: all, or these, of which some may be dismissed. Returns how many."""
        states = "('failed')" if numbers is None else "('failed', 'dismissed')"
        with self._transaction() as connection:
            found = [row[0] for row in connection.execute(f"SELECT number FROM events WHERE state IN {states} ORDER BY place")]
            wanted = found if numbers is None else [number for number in found if number in set(numbers)]
            for number in wanted:
                self._queue_again(connection, number)
            return len(wanted)

    def dismiss(self, numbers: list[int]) -> int:
        """Put failed events aside: nothing can be done for them. They stay to be looked at, as long as worked ones, and an
        event that comes again is worked again. Returns how many."""
        with self._transaction() as connection:
            return sum(connection.execute(
                "UPDATE events SET state = 'dismissed', worked = ? WHERE number = ? AND state = 'failed'",
                (self._clock(), number)).rowcount for number in set(numbers))

    def forget(self, kept_seconds: float = KEPT_SECONDS) -> int:
        """Remove what was worked or dismissed that long ago; failed events stay. Returns how many."""
        with self._transaction() as connection:
            return connection.execute(
                "DELETE FROM events WHERE state IN ('done', 'dismissed') AND max(last_received, worked) < ?",
                (self._clock() - max(kept_seconds, WINDOW_SECONDS),)).rowcount

    def counts(self) -> dict[str, int]:
        """How many events are in each state."""
        found = dict.fromkeys(STATES, 0)
        with self._transaction(writing=False) as connection:
            found.update(connection.execute("SELECT state, count(*) FROM events GROUP BY state").fetchall())
        return found

    def numbers(self, *states: str) -> list[int]:
        """The numbers of the events in these states, in order of arrival."""
        with self._transaction(writing=False) as connection:
            return [number for number, state in connection.execute(
                "SELECT number, state FROM events ORDER BY place") if state in states]

    def events(self, state: str | None = None, limit: int = 100) -> list[Event]:
        """The latest events, newest last."""
        with self._transaction(writing=False) as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM events WHERE ? IS NULL OR state = ? ORDER BY place DESC LIMIT ?",
                (state, state, limit)).fetchall()
        return [Event(*row) for row in reversed(rows)]

    def worker_lock(self) -> FileLock:
        """Held by the one worker of this file; several would mix up the order of arrival."""
        return FileLock(f"{self.path}.worker", timeout=0, mode=0o600, thread_local=False)

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                with suppress(sqlite3.Error):
                    self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _settle(self, event: Event, state: str, message: str) -> None:
        with self._transaction() as connection:
            connection.execute(
                "UPDATE events SET state = ?, worked = ?, message = ? WHERE number = ? AND state = 'working'",
                (state, self._clock(), message[:MESSAGE_CHARS], event.number))
            came_again = connection.execute(
                "SELECT 1 FROM events WHERE number = ? AND again = 1", (event.number,)).fetchone()
            if came_again:
                self._queue_again(connection, event.number)

    @staticmethod
    def _queue_again(connection: sqlite3.Connection, number: int) -> None:
        connection.execute(
            f"UPDATE events SET state = 'new', again = 0, tries = 0, due = 0, place = {_LAST} WHERE number = ?", (number,))

    @contextmanager
    def _remembered(self) -> Iterator[None]:
        """Keeps for `check` whether something could be stored."""
        try:
            yield
        except EventsError as exc:
            self._latest = (self._clock(), exc)
            raise
        self._latest = (self._clock(), None)

    @contextmanager
    def _transaction(self, *, writing: bool = True) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._open()
                connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            except (sqlite3.Error, OSError) as exc:
                raise EventsError(
                    f"the file of webhook events cannot be used: {exc}", where=str(self.path), code="flickrocket.events",
                    mend="see that its disk is local, has room and may be written, and that the file is one of feedbridge; "
                    "FEEDBRIDGE_FLICKROCKET_EVENTS names another",
                ) from exc

    def _open(self) -> sqlite3.Connection:
        """The connection of this process: one that was made before a fork belongs to the parent."""
        if self._connection is not None and self._process == os.getpid():
            return self._connection
        if self._connection is not None:
            self._inherited.append(self._connection)  # never closed here: that is for the parent to do
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        connection = sqlite3.connect(
            self.path, timeout=self._wait_seconds, isolation_level=None, check_same_thread=False)
        try:
            prepare(connection, self._wait_seconds)
        except BaseException:
            connection.close()
            raise
        self._connection, self._process = connection, os.getpid()
        return connection


_LAST = "(SELECT coalesce(max(place), 0) + 1 FROM events)"


def _text(value: Any) -> str:
    """A short text or number of a payload; empty when it is neither."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return str(value)[:200]


def _members(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in Event.__slots__}


class Observe(Protocol):
    """Told what happens: ``observe("event.done", level="info", number=7, …)``."""

    def __call__(self, event: str, *, level: str = "info", **fields: Any) -> object: ...


def _unobserved(event: str, *, level: str = "info", **fields: Any) -> None:
    """Nobody is told."""


class Worker:
    """Works the events of a store one after another, in order of arrival, and only one worker at a time.

    ``fetch``       gives the product of a short id, or None; may raise an error with code ``flickrocket.gone``, which
                    is the same. As ``client.product``.
    ``on_product``  called with every ProductStanding read back; what it raises postpones the event
    ``on_other``    called with every event that is not about a product; without it there is nothing to do for them
    ``company_id``  events of other companies are left alone, when it is given

    Errors that are of no event in particular (the platform is down, nobody is logged in) let all events wait; any other
    postpones the event at hand, 30 times over some 20 hours, and others go on meanwhile.
    """

    def __init__(
        self, store: EventStore, fetch: Callable[[int], Any], on_product: Callable[[ProductStanding], object], *,
        on_other: Callable[[Event], object] | None = None, company_id: str = "", observe: Observe = _unobserved,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS, poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._store = store
        self._fetch = fetch
        self._on_product = on_product
        self._on_other = on_other
        self._company_id = company_id
        self._observe = observe
        self._first_pause_seconds = first_pause_seconds
        self._poll_seconds = poll_seconds
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._waits = 0

    def run(self) -> None:
        """Work until stop(); the event in hand is finished. Waits while another process works the same file."""
        lock = self._store.worker_lock()
        told = False
        while not self._stopping.is_set():
            try:
                lock.acquire()
                break
            except (Timeout, OSError) as exc:
                if not told:
                    self._observe("worker.waiting", level="warning", message=(
                        "another process works these events" if isinstance(exc, Timeout) else str(exc)))
                told = True
                self._stopping.wait(self._poll_seconds)
        else:
            return
        try:
            self._work()
        finally:
            lock.release()

    def stop(self) -> None:
        """Finish the event in hand and end; from any thread, also from a handler of signals."""
        self._stopping.set()
        self._wake.set()

    def wake(self) -> None:
        """There is a new event: look now, not at the next poll."""
        self._wake.set()

    def drain(self) -> int:
        """Work all that is due now, as far as the platform lets us, and return how many were tried.

        Raises: filelock.Timeout when another worker has the file.
        """
        with self._store.worker_lock():
            self._store.recover()
            count = 0
            while not self._stopping.is_set():
                pause = self.work_one()
                if pause is None or pause > 0:
                    break
                count += 1
            return count

    def _work(self) -> None:
        recovered = False
        forgotten = 0.0
        while not self._stopping.is_set():
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                if not recovered:
                    count = self._store.recover()
                    recovered = True
                    if count:
                        self._observe("worker.recovered", level="warning", events=count)
                if time.monotonic() - forgotten > 86_400 or not forgotten:
                    self._store.forget()
                    forgotten = time.monotonic()
                pause = self.work_one()
            except Exception as exc:  # of the store: nothing is lost, and a worker that ends helps nobody
                recovered = False
                self._waits += 1
                pause = self._pause(self._waits)
                self._observe("worker.down", level="error", error=_shown(exc), pause_seconds=pause)
            if pause is None:
                self._wake.wait(self._poll_seconds)
            elif pause:
                self._stopping.wait(pause)

    def work_one(self) -> float | None:
        """Work one event. Returns the seconds to wait before the next one, or None when none is due."""
        event = self._store.claim()
        if event is None:
            return None
        about: dict[str, Any] = {"number": event.number, "scope": event.scope, "id": event.object_id}
        try:
            message = self._worked(event)
        except Exception as exc:  # the shop's own code runs in there; _failed keeps the event
            return self._failed(event, exc, about)
        self._waits = 0
        self._store.finish(event, message)
        self._observe("event.done", **about, message=message)
        return 0.0

    def _worked(self, event: Event) -> str:
        if self._company_id and event.company_id not in ("", self._company_id):
            return f"of company {event.company_id}, not of {self._company_id}: left alone"
        if event.scope in PRODUCT_SCOPES:
            if event.product_id is None:
                raise _Final(f'"{event.object_id}" is no product id')
            try:
                product = self._fetch(event.product_id)
            except Exception as exc:  # any fetch may be given: only its code counts
                if getattr(exc, "code", "") != GONE:
                    raise
                product = None
            standing = standing_of(product, id=event.product_id, scope=event.scope, long_id=event.long_id)
            self._on_product(standing)
            return "gone" if standing.gone else "live" if standing.live else f"not live: {'; '.join(standing.why)}"
        if event.scope == "app/uninstalled":
            self._observe("app.uninstalled", level="warning", company=event.company_id,
                          message="the owner has removed the app: log in again to go on")
        if self._on_other is not None:
            self._on_other(event)
            return ""
        return "nothing to do"

    def _failed(self, event: Event, exc: Exception, about: dict[str, Any]) -> float:
        error = _shown(exc)
        if getattr(exc, "code", "") in WAITING:
            self._store.release(event)
            self._waits += 1
            pause = min(self._pause(self._waits), DOWN_PAUSE_SECONDS)
            self._observe("worker.down", level="error", **about, error=error, pause_seconds=pause)
            return pause
        self._waits = 0
        if isinstance(exc, _Final) or event.tries >= MOST_TRIES:
            self._store.fail(event, error)
            self._observe("event.failed", level="error", **about, error=error)
        else:
            pause = self._pause(event.tries)
            self._store.postpone(event, pause, error)
            self._observe("event.postponed", level="warning", **about, error=error, tries=event.tries, pause_seconds=pause)
        return 0.0

    def _pause(self, tries: int) -> float:
        return min(self._first_pause_seconds * 2.0 ** min(tries - 1, 20), LONGEST_PAUSE_SECONDS)


class _Final(Exception):
    """Trying again is of no use."""


def _shown(exc: Exception) -> str:
    """An error in one line: ours as they are, those of others by their kind too."""
    text = " ".join(str(exc).split())[:MESSAGE_CHARS]
    return text if hasattr(exc, "code") or isinstance(exc, _Final) else f"{type(exc).__name__}: {text}"

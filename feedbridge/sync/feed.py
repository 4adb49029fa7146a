"""The feed as it is now, put on disk so that it can be compared with the ledger in order: flat memory, whatever its size.

A Feed takes every product of a run (it is the engine's Watch) and keeps, for each target, the items the product becomes
there, and the SKUs of the products that were held back or left out. It lives in a temporary folder and is no ledger.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from feedbridge.errors import OutputError
from feedbridge.findings import Finding, Severity
from feedbridge.platforms.base import FileUse
from feedbridge.platforms.delivery import Delivery, Item
from feedbridge.run.process import Entry, Held
from feedbridge.run.quarantine import reasons
from feedbridge.run.stitch import Kept

__all__ = ["Feed", "FeedItem", "Found", "HeldProduct", "KeptRecord", "item_hash", "put_aside", "uses"]

ROWS = 2_000
"""Rows that go into the temporary database at once."""
_TABLES = """
create table item (target integer, key text, sku text, hash blob, at integer, size integer, source integer,
                   line integer, files blob);
create table held (target integer, sku text, source integer, line integer, place integer, codes text, problem text,
                   mend text, damaged integer, key text, named blob);
create table kept (source integer, line integer, place integer, folder text, file text, head integer, start integer,
                   stop integer, digest blob);
create table excluded (target integer, sku text, kind text);
create table claimed (target integer, code text, codes text);
"""
_FILLED = ("item", "held", "kept", "excluded", "claimed")
_INDEXES = """
create index item_key on item (target, key);
create index item_sku on item (target, sku);
create index held_sku on held (target, sku);
create index kept_of on kept (source, line, place);
create index excluded_sku on excluded (target, sku);
"""
Digest = Callable[[str], str]
"""SHA-256 of a content file, as hex."""


class FeedItem(NamedTuple):
    """One item of the feed: ``at`` and ``size`` say where its body lies."""

    key: str
    sku: str
    hash: bytes
    at: int
    size: int
    source: int
    line: int
    files: tuple[tuple[str, str, str], ...]
    """(source, target, sha256)"""


class HeldProduct(NamedTuple):
    """A product that was held back.

    ``place``    in its list, where several begin in one line
    ``damaged``  a record or SKU of it cannot be read, so which product it is, is in doubt
    ``key``      what holds its records together (a handle); ``named``: every SKU its records name, as far as can be read
    """

    sku: str
    source: int
    line: int
    place: int
    codes: str
    problem: str
    mend: str
    damaged: bool
    key: str
    named: tuple[str, ...]


class KeptRecord(NamedTuple):
    """Where a record of a held-back product lies in the run's folder. ``digest``: of what the source says in it."""

    folder: str
    file: str
    head: int
    start: int
    stop: int
    digest: bytes


class Found(NamedTuple):
    """A product of the feed that is sent or left out, and that may be one that was held back before."""

    source: int
    line: int
    place: int
    sku: str
    key: str
    names: frozenset[str]
    """Its SKUs and those of its variants, without case."""


def item_hash(body: bytes, files: tuple[tuple[str, str, str], ...] = ()) -> bytes:
    """What tells whether an item is as the platform took it: SHA-256 of its body and of the files beside it."""
    digest = hashlib.sha256(body)
    for _, target, sha256 in sorted(files, key=lambda file: file[1]):
        digest.update(f"\0{target}\0{sha256}".encode())
    return digest.digest()


class Feed:
    """The items of a feed by target.

    ``sought``  SKUs and keys, without case: products that have one of them are noted in ``found``
    ``lines``   (source, line) of products that are noted there, too

    Raises: OutputError when the temporary folder is full.
    """

    def __init__(
        self, deliveries: list[Delivery], digest: Digest, folder: Path | None = None, *,
        sought: frozenset[str] = frozenset(), lines: Container[tuple[int, int]] = (),
    ) -> None:
        self._deliveries = deliveries
        self._digest = digest
        self._sought = sought
        self._lines = lines
        self._looks = bool(sought or lines)
        self.found: dict[tuple[int, int, int], Found] = {}
        with contextlib.ExitStack() as opened, put_aside():
            self._folder = tempfile.TemporaryDirectory(prefix="feedbridge-sync-", dir=folder)
            opened.callback(self._folder.cleanup)
            base = Path(self._folder.name)
            self._database = sqlite3.connect(base / "feed.sqlite", isolation_level=None)
            opened.callback(self._database.close)
            self._database.executescript("pragma journal_mode=off; pragma synchronous=off; pragma temp_store=file;")
            self._database.executescript(_TABLES)
            self._bodies = (base / "bodies").open("w+b")
            opened.pop_all()
        self._end = 0
        self._marks: tuple[int, ...] = (0, *(0 for _ in _FILLED))
        self._numbers: list[int] = []
        """Of the engine's platforms: the number of the target each stands for."""
        self._working = ""
        self._items: list[tuple[Any, ...]] = []
        self._held: list[tuple[Any, ...]] = []
        self._kept: list[tuple[Any, ...]] = []
        self._excluded: list[tuple[Any, ...]] = []
        self._claimed: list[tuple[Any, ...]] = []
        self.products: list[dict[str, int]] = [
            {"read": 0, "written": 0, "excluded": 0, "held_back": 0} for _ in deliveries
        ]
        self.damaged = 0
        """Held-back products with a record that cannot be read."""
        self.has_files = False
        self._database.execute("begin")

    def begin(self, numbers: list[int], working: str = "") -> None:
        """One run of the engine begins; its platforms stand for the targets with these numbers. ``working``: its folder
        in the run's."""
        self._numbers = numbers
        self._working = working
        self._found_before = dict(self.found)
        self._flush()
        count = self._database.execute
        self._marks = (
            self._end,
            *(count(f"select coalesce(max(rowid), 0) from {table}").fetchone()[0] for table in _FILLED),
        )
        self._damaged_before = self.damaged
        for number in numbers:
            self.products[number] = {"read": 0, "written": 0, "excluded": 0, "held_back": 0}

    def restart(self) -> None:
        """The engine starts this run over."""
        self._items, self._held, self._kept, self._excluded, self._claimed = [], [], [], [], []
        self.found = dict(self._found_before)
        self._end, *rows = self._marks
        with put_aside():
            self._bodies.seek(self._end)
            self._bodies.truncate()
            for table, row in zip(_FILLED, rows, strict=True):
                self._database.execute(f"delete from {table} where rowid > ?", (row,))
        self.damaged = self._damaged_before
        for number in self._numbers:
            self.products[number] = {"read": 0, "written": 0, "excluded": 0, "held_back": 0}

    def take(
        self, source: int, entry: Entry, states: str, told: list[Finding], late: dict[str, str], damaged: bool
    ) -> None:
        """One product of the engine's run."""
        if damaged or ("h" in states and (not entry.sku or any(map(_hides_a_sku, told)))):
            self.damaged += 1
            damaged = True
        if self._looks and ("w" in states or "e" in states):
            self._look(source, entry)
        why: tuple[str, str, str] | None = None
        for place, number in enumerate(self._numbers):
            state, counts = states[place], self.products[number]
            counts["read"] += 1
            if state == "w":
                counts["written"] += 1
                for item in self._deliveries[number].items(entry.outcomes[place], entry.sku):
                    self._add(number, entry, source, item)
            elif state == "e":
                counts["excluded"] += 1
                self._excluded.append((number, entry.sku, entry.outcomes[place].excluded))
            else:
                counts["held_back"] += 1
                if why is None:
                    why = reasons(one for one in told if one.severity is Severity.ERROR)
                    if late:
                        said = next(iter(late.values()))
                        front, _, code = said.rpartition(" [") if said.endswith("]") else (said, "", "")
                        why = (code.removesuffix("]"), front, why[2])
                # whose its SKUs are is in doubt, or what they are to be: nothing that has one of them is touched
                named = entry.outcomes[place].keys if late else entry.named
                # what has no variants goes by its one record's SKU, whatever holds the records together
                sku = named[-1] if entry.sku and named and not entry.variants else entry.sku
                self._held.append((
                    number, sku, source, entry.line, entry.index, *why, damaged, entry.key, msgspec.json.encode(named)
                ))
                self._claimed += [(number, code.casefold(), why[0]) for code in named]
        if len(self._items) >= ROWS or len(self._held) >= ROWS or len(self._excluded) >= ROWS:
            self._flush()

    def keep(self, source: int, line: int, index: int, held: Held, kept: Kept) -> None:
        """One record of a held-back product went into the quarantine."""
        said = msgspec.json.encode((held.cells, held.raw)) + held.document
        self._kept.append((source, line, index, self._working, *kept, hashlib.sha256(said).digest()))

    def _look(self, source: int, entry: Entry) -> None:
        """Note a product that may be one of those sought."""
        names = {entry.sku.casefold(), *(key.casefold() for outcome in entry.outcomes for key in outcome.keys)} - {""}
        if (source, entry.line) in self._lines or not self._sought.isdisjoint((*names, entry.key.casefold())):
            at = (source, entry.line, entry.index)
            before = self.found.get(at)
            self.found[at] = Found(*at, entry.sku, entry.key, frozenset(names) | (before.names if before else frozenset()))

    def _add(self, number: int, entry: Entry, source: int, item: Item) -> None:
        files = tuple((use.source, use.target, self._digest(use.source)) for use in item.files)
        self.has_files = self.has_files or bool(files)
        size = len(item.body)
        try:  # quicker than put_aside, and done for every item
            self._bodies.write(item.body)
        except OSError as exc:
            raise full(exc) from exc
        encoded = msgspec.json.encode(files) if files else b""
        self._items.append(
            (number, item.key, entry.sku, item_hash(item.body, files), self._end, size, source, entry.line, encoded)
        )
        self._end += size

    def _flush(self) -> None:
        database = self._database
        with put_aside():
            database.executemany("insert into item values (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._items)
            database.executemany("insert into held values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._held)
            database.executemany("insert into kept values (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._kept)
            database.executemany("insert into excluded values (?, ?, ?)", self._excluded)
            database.executemany("insert into claimed values (?, ?, ?)", self._claimed)
        self._items, self._held, self._kept, self._excluded, self._claimed = [], [], [], [], []

    def finish(self) -> None:
        """All products were taken: make it ready to be asked."""
        self._flush()
        with put_aside():
            self._database.executescript(_INDEXES)
            self._bodies.flush()

    def items(self, number: int) -> Iterator[FeedItem]:
        """A target's items in the order of their keys (code points)."""
        found = self._database.execute(
            "select key, sku, hash, at, size, source, line, files from item where target = ? order by key", (number,)
        )
        for key, sku, digest, at, size, source, line, files in found:
            yield FeedItem(key, sku, digest, at, size, source, line, _files(files))

    def item(self, number: int, key: str) -> FeedItem | None:
        """One item of a target."""
        found = self._database.execute(
            "select key, sku, hash, at, size, source, line, files from item where target = ? and key = ?", (number, key)
        ).fetchone()
        if found is None:
            return None
        *told, files = found
        return FeedItem._make((*told, _files(files)))

    def body(self, at: int, size: int) -> bytes:
        """The body of an item."""
        return os.pread(self._bodies.fileno(), size, at)

    def held(self, number: int | None = None) -> Iterator[HeldProduct]:
        """Products held back for a target, or for any: as they come in the feed."""
        where, given = ("where target = ?", (number,)) if number is not None else ("", ())
        for row in self._database.execute(
            f"select sku, source, line, place, codes, problem, mend, damaged, key, named from held {where} order by rowid",
            given,
        ):
            sku, source, line, place, codes, problem, mend, damaged, key, named = row
            yield HeldProduct(
                sku, source, line, place, codes, problem, mend, bool(damaged), key, tuple(msgspec.json.decode(named))
            )

    def kept(self, product: HeldProduct) -> list[KeptRecord]:
        """The records of a held-back product: where the first pass that held it back put them."""
        rows = self._database.execute(
            "select folder, file, head, start, stop, digest from kept where source = ? and line = ? and place = ? order by rowid",
            (product.source, product.line, product.place),
        )
        found = [KeptRecord(*row) for row in rows]
        return [one for one in found if one.folder == found[0].folder]

    def claimed(self, number: int) -> dict[str, str]:
        """SKU without case -> codes: every SKU that a held-back product names, its variants' too."""
        return dict(self._database.execute("select code, codes from claimed where target = ?", (number,)))

    def held_skus(self, number: int) -> dict[str, str]:
        """SKU -> codes of the products held back for a target, and of those that share a SKU with one of them: a product
        that comes twice, or whose variant is another's too, is in doubt wherever it stands."""
        found = dict(self._database.execute("select sku, codes from held where target = ? and sku != ''", (number,)))
        claimed = self.claimed(number)
        if claimed:
            codes = self._deliveries[number].codes
            for item in self.items(number):
                both = claimed.keys() & {code.casefold() for code in codes(self.body(item.at, item.size))}
                if both:
                    found.setdefault(item.sku, claimed[min(both)])
        return found

    def excluded_kind(self, number: int, sku: str) -> str:
        """Why a product is not for a target (``draft``); empty when it is not in the feed as such."""
        row = self._database.execute(
            "select kind from excluded where target = ? and sku = ? limit 1", (number, sku)
        ).fetchone()
        return row[0] if row else ""

    def items_of(self, number: int, sku: str) -> int:
        """How many items a product became."""
        found: int = self._database.execute(
            "select count(*) from item where target = ? and sku = ?", (number, sku)
        ).fetchone()[0]
        return found

    def connection(self) -> sqlite3.Connection:
        """The temporary database, for tables of one's own."""
        return self._database

    def close(self) -> None:
        self._database.close()
        with contextlib.suppress(OSError):  # what a full disk did not take is not needed any more
            self._bodies.close()
        self._folder.cleanup()

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _hides_a_sku(finding: Finding) -> bool:
    """Whether a SKU of the product cannot be read, so that it may be any."""
    is_sku = finding.field.rpartition(".")[2] == "sku"
    return is_sku and finding.severity is Severity.ERROR and finding.code.startswith(("cell.", "mapping."))


def _files(encoded: bytes) -> tuple[tuple[str, str, str], ...]:
    return tuple(tuple(file) for file in msgspec.json.decode(encoded)) if encoded else ()


def uses(files: tuple[tuple[str, str, str], ...]) -> tuple[FileUse, ...]:
    """The files of an item as a delivery takes them."""
    return tuple(FileUse(source, target) for source, target, _ in files)


@contextlib.contextmanager
def put_aside() -> Iterator[None]:
    """Whatever the temporary files cannot take leaves here as OutputError."""
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        raise full(exc) from exc


def full(exc: Exception) -> OutputError:
    try:
        where = tempfile.gettempdir()
    except OSError:  # no folder to be found
        where = "TMPDIR"
    return OutputError(
        f"the feed cannot be put aside to be compared: {getattr(exc, 'strerror', None) or exc}; nothing was sent",
        where=where, code="sync.temporary",
        mend="make room there, or set TMPDIR to a folder with room, then run the same command again",
    )

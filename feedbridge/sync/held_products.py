"""Which held-back product is which, from run to run, and where its records lie.

A product that cannot be read has no SKU one could rely on: a handle while its row is broken, its own SKU once it is mended,
nothing at all when the cell with the SKU is the broken one. So a run that reads a feed leaves ``held.jsonl`` in its folder,
with all that is known of every product it held back, and a later run finds the same products by it: by what their records
say, their SKUs, the key that holds their records together. The ledger keeps one name for each (HeldRow.name).
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from feedbridge.errors import CommandError, OutputError, SourceError
from feedbridge.run.inputs import source_paths
from feedbridge.sources.base import FRONT_COLUMNS, MEMBER, Source
from feedbridge.sync.feed import Feed, Found, HeldProduct
from feedbridge.sync.ledger_rows import HeldRow

__all__ = ["HELD", "HeldBefore", "Identity", "Part", "held_now", "name_held", "original_lines", "read_held", "write_held"]

HELD = "held.jsonl"
"""Of a run's folder."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Records of one product that lie side by side in a file of the run's folder; ``head``: bytes of its first lines."""

    file: str
    head: int
    start: int
    stop: int


class Identity(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What is known of a held-back product.

    ``key``       what holds its records together (a handle); ``skus``: those its records name, its variants' too
    ``digest``    of what its records say           ``doubtful``  one of its SKUs cannot be read
    ``parts``     where its records lie; empty when nobody knows any more
    """

    name: str
    sku: str = ""
    key: str = ""
    skus: list[str] = []
    digest: str = ""
    file: str = ""
    line: int = 0
    doubtful: bool = False
    codes: str = ""
    problem: str = ""
    mend: str = ""
    parts: list[Part] = []

    @property
    def row(self) -> HeldRow:
        """As the ledger keeps it."""
        return HeldRow(self.sku, self.codes, self.problem, self.mend, self.file, self.line, name=self.name)

    @property
    def own(self) -> set[str]:
        """Its SKUs without case; the key that holds its records together is none."""
        return {sku.casefold() for sku in self.skus if sku and sku != self.key}

    @property
    def names(self) -> frozenset[str]:
        """All it may be called, without case."""
        return frozenset({one.casefold() for one in (self.sku, self.key, *self.skus) if one})


Marks = Callable[[Identity], Iterable[Any]]
BY: tuple[Marks, ...] = (
    lambda one: [one.digest] if one.digest else [],
    lambda one: [(one.file, one.key.casefold())] if one.key else [],
    lambda one: sorted(one.own) or [one.sku.casefold()] if one.sku or one.own else [],
    lambda one: [one.key.casefold()] if one.key else [],
)
"""By these two runs' products are the same, the surest first."""
BY_PLACE: Marks = lambda one: [(one.file, one.line)] if not one.names else []  # noqa: E731


class HeldBefore:
    """What is held back when a run begins. ``folder``: the job's, with its runs' in it."""

    def __init__(self, rows: Iterable[HeldRow], folder: Path) -> None:
        self.rows = {row.name: row for row in rows}
        self.folder = folder
        runs = {run: read_held(folder / run) or {} for run in {row.last_run for row in self.rows.values()}}
        self.known = {row.name: runs[row.last_run].get(row.name) or _from_row(row) for row in self.rows.values()}
        self._latest: dict[str, str] = {}
        """Run -> when the latest of its products was first held back: names of runs of one second are in no order."""
        for row in self.rows.values():
            self._latest[row.last_run] = max(self._latest.get(row.last_run, ""), row.since.isoformat() if row.since else "")
        self.without_records = [row for row in self.rows.values() if not self.known[row.name].parts]
        """Those whose records nobody has any more."""

    @property
    def sought(self) -> frozenset[str]:
        """What products are called that may be one of these."""
        return frozenset(name for one in self.known.values() for name in one.names)

    @property
    def any_new(self) -> bool:
        """Whether one of them is a product whose SKU nobody knows."""
        return any(one.doubtful or not one.sku for one in self.known.values())

    def same(self, products: list[Identity], whole: bool) -> dict[int, str]:
        """Which of these products (by number) are held back already: number -> name. ``whole``: they are of the same
        source as before, so that a line of it may be the same."""
        left = dict(self.known)
        found: dict[int, str] = {}
        for marks in (*BY, *([BY_PLACE] if whole else [])):
            where: dict[Any, list[str]] = {}
            for name, one in left.items():
                for mark in marks(one):
                    where.setdefault(mark, []).append(name)
            for number, one in enumerate(products) if where else ():
                if number in found:
                    continue
                it = next((
                    name for mark in marks(one) for name in where.get(mark, ())
                    if name in left and (marks is not BY[-1] or not _differ(left[name].own, one.own))
                ), None)
                if it is not None:
                    found[number] = it
                    del left[it]
        return found

    def mended(self, found: Iterable[Found], lines: Mapping[tuple[int, int], tuple[str, int]]) -> dict[str, list[Found]]:
        """Which of them are among products that can be sent: name -> those products.

        ``lines``  (source, line) in a mended file -> (name of that file, line in the source it was taken from)
        """
        by_sku: dict[str, list[str]] = {}
        by_key: dict[str, list[str]] = {}
        by_line: dict[int, list[str]] = {}
        for name, one in self.known.items():
            by_line.setdefault(one.line, []).append(name)
            by_key.setdefault(one.key.casefold(), []).append(name)
            for sku in one.own or one.names:
                by_sku.setdefault(sku, []).append(name)
        mended: dict[str, list[Found]] = {}
        for product in found:
            names = {name for sku in product.names for name in by_sku.get(sku, ())}
            if not names and product.key:
                own = product.names - {product.key.casefold()}
                keyed = by_key.get(product.key.casefold(), [])
                names = {name for name in keyed if self.known[name].doubtful or not _differ(self.known[name].own, own)}
                names = names or set(keyed if len(keyed) == 1 else ())
            if not names and (product.source, product.line) in lines:
                file, line = lines[product.source, product.line]
                there = by_line.get(line, [])
                of_file = [name for name in there if any(Path(part.file).name == file for part in self.known[name].parts)]
                names = set(of_file or (there if len(there) == 1 else ()))
            for name in names:
                mended.setdefault(name, []).append(product)
        return mended

    def may_change(self, mended: Mapping[str, list[Found]]) -> dict[str, frozenset[str]]:
        """SKU of each mended product -> what it may change on a platform, as a Planner takes it."""
        found: dict[str, frozenset[str]] = {"": frozenset()} if self.any_new else {}
        for name, products in mended.items():
            one = self.known[name]
            for product in products:
                names = frozenset() if one.doubtful or not one.names else one.names
                before = found.get(product.sku)
                found[product.sku] = names if before is None else names | before if names and before else frozenset()
        return found

    def called(self, name: str) -> list[HeldRow]:
        """Those that have a SKU, key or name; a SKU may be a variant's."""
        wanted = name.casefold()
        return [row for row in self.rows.values() if name == row.name or wanted in self.known[row.name].names]

    def export(self, out: Path) -> tuple[list[Path], list[HeldRow]]:
        """Write every held-back product's records into a folder, each once, in the shape of the source they are from:
        the files, and the products whose records are not there any more. Raises CommandError, OutputError."""
        lost = list(self.without_records)
        wanted: dict[tuple[str, bytes], list[tuple[Path, Part]]] = {}
        for name, one in sorted(self.known.items(), key=lambda entry: self._place(entry[1])):
            pieces = []
            for part in one.parts:
                path = self.folder / self.rows[name].last_run / part.file
                head = _bytes(path, 0, part.head)
                if head is None or _bytes(path, part.start, part.stop) is None:
                    break
                pieces.append(((path.name, head), (path, part)))
            else:
                for shape, piece in pieces:
                    wanted.setdefault(shape, []).append(piece)
                continue
            lost.append(self.rows[name])
        files = _names_of(wanted)
        for target in files.values():
            if (out / target).exists():
                raise CommandError(
                    "is there already, and may hold what you have mended", where=str(out / target),
                    code="command.quarantine", mend="name another folder, or move the file away",
                )
        try:
            out.mkdir(parents=True, exist_ok=True)
            for shape, pieces_of in wanted.items():
                with (out / files[shape]).open("xb") as file:
                    file.write(shape[1])
                    for path, part in pieces_of:
                        file.write(_bytes(path, part.start, part.stop) or b"")
        except OSError as exc:
            raise OutputError(
                f"cannot write: {exc.strerror or exc}", where=str(out), code="output.write",
                mend="make room or give permission, then run the same command again",
            ) from exc
        return [out / target for target in files.values()], lost

    def _place(self, one: Identity) -> tuple[Any, ...]:
        """In this order they are written: as they came in their source, the oldest source first."""
        run = self.rows[one.name].last_run
        return (self._latest[run], run, *((part.file, part.start) for part in one.parts[:1]), one.name)


def held_now(feed: Feed, place: Callable[[HeldProduct], tuple[str, int]]) -> list[Identity]:
    """The products that a run holds back, each once, whatever the number of its targets; still without a name.
    ``place``: file and line of a product."""
    found: dict[tuple[int, int, int], list[HeldProduct]] = {}
    for one in feed.held():
        found.setdefault((one.source, one.line, one.place), []).append(one)
    products = []
    for several in found.values():
        one, kept = several[0], feed.kept(several[0])
        file, line = place(one)
        parts: list[Part] = []
        for record in kept:
            path = f"{record.folder}/quarantine/{record.file}"
            if parts and parts[-1].file == path and parts[-1].stop == record.start:
                parts[-1] = msgspec.structs.replace(parts[-1], stop=record.stop)
            else:
                parts.append(Part(path, record.head, record.start, record.stop))
        digest = hashlib.sha256(b"".join(record.digest for record in kept)).hexdigest() if kept else ""
        skus = dict.fromkeys(sku for one in several for sku in (*one.named, one.sku) if sku)
        products.append(Identity(
            name="", sku=one.sku, key=one.key, skus=list(skus), digest=digest, file=file, line=line,
            doubtful=any(one.damaged for one in several), codes=_said(one.codes for one in several),
            problem=_said(one.problem for one in several), mend=_said(one.mend for one in several), parts=parts,
        ))
    return products


def name_held(products: list[Identity], before: HeldBefore, whole: bool) -> tuple[list[Identity], set[str]]:
    """The same with names, old ones for those that were held back before; and the old names among them."""
    same = before.same(products, whole)
    taken = {*before.rows}
    named = []
    for number, one in enumerate(products):
        name = same.get(number)
        if name is None:
            plain = name = HeldRow(one.sku or one.key, "", "", file=one.file, line=one.line).name
            count = 1
            while name in taken:
                name = f"{plain} ({one.file}:{one.line}{f', {count}' if count > 1 else ''})"
                count += 1
        taken.add(name)
        named.append(msgspec.structs.replace(one, name=name))
    return named, set(same.values())


def write_held(folder: Path, products: Iterable[Identity]) -> None:
    """Leave what is known of held-back products in a run's folder, for their owner alone. Raises OutputError."""
    path = folder / HELD
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for one in products:
                file.write(msgspec.json.encode(one) + b"\n")
    except OSError as exc:
        raise OutputError(
            f"cannot write: {exc.strerror or exc}", where=str(path), code="sync.run-folder",
            mend="make room or give permission, then run the same command again; nothing was sent",
        ) from exc


def read_held(folder: Path) -> dict[str, Identity] | None:
    """What a run left, by name; None where its folder is gone."""
    try:
        with (folder / HELD).open("rb") as file:
            return {one.name: one for one in (msgspec.json.decode(line, type=Identity) for line in file)}
    except (OSError, msgspec.DecodeError):
        return None


def original_lines(sources: Iterable[Source]) -> dict[tuple[int, int], tuple[str, int]]:
    """Where the records of mended files were: (number of the source, line in it) -> (its file's name, line in the file it
    was taken from). What is no quarantine file, or whose front columns were taken off, says nothing. Raises SourceError."""
    found: dict[tuple[int, int], tuple[str, int]] = {}
    for number, source in enumerate(sources):
        paths = source_paths(source)
        if len(paths) == 1:
            found |= _original_lines(number, paths[0])
    return found


def _original_lines(source: int, path: Path) -> Iterator[tuple[tuple[int, int], tuple[str, int]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
                for number, text in enumerate(file, 1):
                    line = _line_of(text)
                    if line:
                        yield (source, number), (path.name, line)
                return
            first = FRONT_COLUMNS[0]
            delimiter = file.read(len(first) + 1)[len(first) :] or ","
            file.seek(0)
            rows = csv.reader(file, delimiter=delimiter)
            if tuple(next(rows, ())[: len(FRONT_COLUMNS)]) != FRONT_COLUMNS:
                return
            number = rows.line_num + 1
            for row in rows:
                if row and row[0].isascii() and row[0].isdigit():
                    yield (source, number), (path.name, int(row[0]))
                number = rows.line_num + 1
    except (ValueError, TypeError, csv.Error):
        return
    except OSError as exc:
        raise SourceError(
            f"cannot be read: {exc.strerror or exc}", where=str(path), code="source.missing",
            mend="check the path and its permissions",
        ) from exc


def _said(texts: Iterable[str]) -> str:
    """What several targets say of a product, each thing once."""
    return "; ".join(dict.fromkeys(one for text in texts for one in text.split("; ") if one))


def _line_of(text: str) -> int:
    try:
        said = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeEncodeError):
        return 0
    why = said.get(MEMBER) if isinstance(said, dict) else None
    line = why.get("line") if isinstance(why, dict) else None
    return line if isinstance(line, int) else 0


def _from_row(row: HeldRow) -> Identity:
    """What the ledger alone knows."""
    skus = [row.sku] if row.sku else []
    key = row.name if row.sku else ""
    return Identity(name=row.name, sku=row.sku, key=key, skus=skus, file=row.file, line=row.line, doubtful=not row.sku)


def _differ(one: set[str] | frozenset[str], other: set[str] | frozenset[str]) -> bool:
    """Whether two products are called by SKUs, and none of them is the same."""
    return bool(one) and bool(other) and one.isdisjoint(other)


def _bytes(path: Path, start: int, stop: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            file.seek(start)
            found = file.read(stop - start)
    except OSError:
        return None
    return found if len(found) == stop - start else None


def _names_of(shapes: Iterable[tuple[str, bytes]]) -> dict[tuple[str, bytes], str]:
    """A file name for every shape: files of one name and one header are one file."""
    taken: set[str] = set()
    found = {}
    for name, head in shapes:
        path, number = Path(name), 1
        target = name
        while target.casefold() in taken:
            number += 1
            target = f"{path.stem}-{number}{path.suffix}"
        taken.add(target.casefold())
        found[name, head] = target
    return found

"""Catalogues: what a shop has by title (price models, licences …), read before a mapping that names things by title is
applied.

A mapping says ``lookup: {catalogue: flickrocket.prices}``. Where it is taken from, the first that there is:

1. the file a user gives: ``--set flickrocket.prices=prices.csv``
2. the file beside the mapping: ``lookup: {catalogue: flickrocket.prices, file: prices.csv}``
3. the shop itself, by the platform's own means (``Platform.catalogues``), which keep what it said for a while

Where a source names a title that is not in what was kept, the shop is asked anew, once a run: the title may have been
made since.

What was read takes the name's place in the mapping, and the mapping's digest speaks of it, too: with the same source,
mapping and entries a run gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from feedbridge.errors import CommandError, FeedbridgeError, MappingError, SourceError
from feedbridge.findings import Finding, Severity
from feedbridge.mapping.load import Mapping as MappingFile
from feedbridge.mapping.lookup import Catalogue, CatalogueTable, catalogue_of_rows, load_catalogue
from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.paths import Header
from feedbridge.mapping.schema import LookupSpec
from feedbridge.platforms import platform, platform_names
from feedbridge.sources.base import Source
from feedbridge.sources.opening import open_source

__all__ = ["catalogues_of", "digests_of", "with_catalogues"]

ENVIRONMENT = "FEEDBRIDGE_"
RECENT = timedelta(minutes=1)
"""A shop that was asked so short a time ago is not asked anew for a title that it lacks."""
BOOKS = frozenset({".xlsx", ".xlsm"})
LOOKUPS = ("lookup", "values_lookup")
COLUMNS = ("from", "first_filled", "all", "columns_named")


def with_catalogues(
    pairs: Sequence[tuple[Source, MappingFile]], own: Mapping[str, str],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC), given: Mapping[str, str] | None = None,
    limit: int | None = None,
) -> dict[str, str]:
    """Read the catalogues that mappings name, and put them in their places. Returns the settings without those that name
    a catalogue's file.

    ``own``  ``<platform>.<key>`` -> value, as ``--set`` has it     ``given``  variables over those of the environment

    ``limit``  so many products of a source are converted

    A source is given a finding that says how old the catalogues are that the shop was asked for.
    Raises: MappingError (no such catalogue, a file of it is wrong), CommandError (a file for a catalogue that no mapping
    names), SourceError (the shop cannot be asked).
    """
    files = {key: value for key, value in own.items() if _is_catalogue(key)}
    named = {block[key]["catalogue"] for _, mapping in pairs for block, key in _lookups(mapping.plain)}
    idle = [name for name in files if name not in named]
    if idle:
        raise CommandError(
            f"the mapping looks nothing up in {idle[0]}", where=f"--set {idle[0]}", code="command.setting",
            mend=f"leave it out, or write lookup: {{catalogue: {idle[0]}}} where a title is to become an id",
        )
    if named:
        reading = _Reading(files, clock, given or {})
        plain = [(mapping.plain, mapping.digest) for _, mapping in pairs]
        for source, mapping in pairs:
            reading.fill(source, mapping)
        lacking = set().union(*(lacking_titles(source, mapping, limit, reading.can_be_newer) for source, mapping in pairs))
        if any([reading.ask_anew(name) for name in sorted(lacking)]):
            for (source, mapping), (before, digest) in zip(pairs, plain, strict=True):
                mapping.plain, mapping.digest = before, digest
                reading.fill(source, mapping)
        for source, mapping in pairs:
            source.findings += told([one for one in catalogues_of(mapping) if one.read], clock())
    return {key: value for key, value in own.items() if key not in files}


def catalogues_of(mapping: MappingFile) -> list[Catalogue]:
    """The catalogues a mapping was filled in with, each once, by name."""
    found = {
        (one.name, one.origin): one for block, key in _lookups(mapping.plain)
        if isinstance(one := block[key].get("catalogue"), Catalogue)
    }
    return [found[key] for key in sorted(found)]


def digests_of(mapping: MappingFile) -> dict[str, str]:
    """Digests of the catalogues' entries by name. The mapping's own digest has them in it already."""
    return {one.shown: one.digest for one in catalogues_of(mapping)}


def _is_catalogue(key: str) -> bool:
    front, _, name = key.partition(".")
    return front in platform_names() and name in platform(front).catalogues


def _lookups(node: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every block of a plain mapping that looks up in a catalogue, and the key it does so by."""
    if isinstance(node, dict):
        for key, member in node.items():
            if key in LOOKUPS and isinstance(member, dict) and member.get("catalogue") is not None:
                yield node, key
            elif key != "tests":
                yield from _lookups(member)
    elif isinstance(node, list):
        for member in node:
            yield from _lookups(member)


class _Reading:
    """Catalogues as they are read, each once."""

    def __init__(self, files: Mapping[str, str], clock: Callable[[], datetime], given: Mapping[str, str]) -> None:
        self.files = files
        self.clock = clock
        self.known: dict[tuple[str, str], Catalogue] = {}
        self.down: dict[str, str] = {}
        """Platform -> why its shop cannot be asked."""
        self.environment = {key: value for key, value in os.environ.items() if key.startswith(ENVIRONMENT)} | dict(given)

    def fill(self, source: Source, mapping: MappingFile) -> None:
        """Put catalogues into a mapping of our own (``plain`` is not shared)."""
        header = _header(source, mapping)
        used: list[Catalogue] = []

        def filled(node: Any, path: tuple[str | int, ...], inside: bool = False) -> Any:
            if isinstance(node, list):
                return [filled(member, (*path, at), inside) for at, member in enumerate(node)]
            if not isinstance(node, dict):
                return node
            inside = inside or "each" in node
            made = {
                key: filled(member, (*path, key), inside) if key != "tests" else member for key, member in node.items()
            }
            for key in LOOKUPS:
                said = made.get(key)
                if not isinstance(said, dict) or not isinstance(said.get("catalogue"), str):
                    continue
                if inside or _is_there(node, header):
                    one = self.catalogue(said, mapping, (*path, key))
                    used.append(one)
                    made[key] = {**said, "catalogue": one}
            return made

        mapping.plain = filled(mapping.plain, ())
        if not used:
            return
        marks = sorted({(one.name, one.digest) for one in used})
        mapping.digest = hashlib.sha256(json.dumps([mapping.digest, marks]).encode()).hexdigest()

    def catalogue(self, said: Mapping[str, Any], mapping: MappingFile, path: tuple[str | int, ...]) -> Catalogue:
        """What a lookup names. Raises MappingError, SourceError."""
        name = str(said["catalogue"])
        where = mapping.places.where(path)
        _check_name(name, where)
        given, beside = self.files.get(name), said.get("file")
        if given is None and isinstance(beside, str) and "${" not in beside:
            spec = LookupSpec.model_validate(said)
            return self._once((name, str(mapping.folder / beside)), lambda: of_file(name, mapping.folder / beside, beside, spec))
        if given is not None:
            return self._once((name, given), lambda: of_file(name, Path(given), given, None))
        return self._once((name, ""), lambda: self.of_shop(name))

    def of_shop(self, name: str, **how: Any) -> Catalogue:
        """A catalogue of the shop. One that cannot be reached is not waited for a second time. Raises SourceError."""
        front = name.partition(".")[0]
        one = of_shop(name, self.environment, down=self.down.get(front, ""), **how)
        if one.old:
            self.down[front] = one.old
        return one

    def can_be_newer(self, catalogue: Catalogue) -> bool:
        """Whether the shop may say something else than what was kept of it."""
        if not catalogue.read or catalogue.name.partition(".")[0] in self.down:
            return False
        return not timedelta(0) <= self.clock() - datetime.fromisoformat(catalogue.read) < RECENT

    def ask_anew(self, name: str) -> bool:
        """Ask the shop for what was kept of it; where it does not answer, that stays."""
        with suppress(SourceError):
            one = self.of_shop(name, fresh=RECENT, patient=False)
            if not one.old:
                self.known[name, ""] = one
                return True
        return False

    def _once(self, key: tuple[str, str], read: Callable[[], Catalogue]) -> Catalogue:
        if key not in self.known:
            self.known[key] = read()
        return self.known[key]


def _check_name(name: str, where: str) -> None:
    there = [f"{one}.{key}" for one in platform_names() for key in platform(one).catalogues]
    if name not in there:
        near = nearest(name, there)
        raise MappingError(
            f'there is no catalogue "{name}"; there are {", ".join(there)}', where=where, code="mapping.lookup",
            mend=f'did you mean "{near}"?' if near else "",
        )


def _header(source: Source, mapping: MappingFile) -> Header | None:
    """The columns of a table; None for documents and tables of packed cells, which may have anything."""
    if source.kind != "table" or mapping.file.packed:
        return None
    names = mapping.file.names
    return Header(source.header, None, names.also, names.loose)


def _is_there(block: Mapping[str, Any], header: Header | None) -> bool:
    """Whether a table has a column that the block reads; a block that reads none here may read one elsewhere."""
    names: list[str] = []
    for key in COLUMNS:
        said = block.get(key)
        names += [said] if isinstance(said, str) else said if isinstance(said, list) else []
    if header is None or not names or block.get("default") is not None:
        return True
    return any("${" in name or header.place(name.removeprefix("^")) is not None for name in names)


def of_file(name: str, path: Path, shown: str, spec: LookupSpec | None) -> Catalogue:
    """A catalogue from a file that was exported of it: CSV, JSON, or a workbook. Raises MappingError, SourceError."""
    if path.suffix.lower() not in BOOKS or not path.is_file():
        return load_catalogue(name, path, shown, spec)
    book = open_source(path, name=shown)
    rows = [record[1] for batch in book.batches() for record in batch.records]
    return catalogue_of_rows(name, shown, book.header, rows, spec)


def lacking_titles(
    source: Source, mapping: MappingFile, limit: int | None, newer: Callable[[Catalogue], bool]
) -> set[str]:
    """Names of the catalogues that lack something the source asks for, of those that may be newer in the shop. The source
    is read for it, if there are such."""
    from feedbridge.mapping.apply import Applied
    from feedbridge.mapping.grouping import NotAdjacent

    names = {one.name for one in catalogues_of(mapping) if newer(one)}
    found: set[str] = set()
    overlays = [platform(name) for name in mapping.file.platforms if name in platform_names()]
    try:
        applied = Applied(mapping, source, {one.name: one.placed | one.dropped for one in overlays}) if names else None
        tables = [
            table for table in (applied.tables() if applied is not None else ())
            if isinstance(table, CatalogueTable) and table.catalogue.name in names
        ]
        if applied is None or not tables:
            return found
        ways = list({id(way): way for way in applied.ways.values()}.values())
        for gather in (not applied.streams(), True):
            try:
                for group in islice(applied.anywhere() if gather else applied.groups(), limit):
                    for way in ways:
                        way.product(group)
                    found |= {table.catalogue.name for table in tables if table.lacks}
                    if found == names:
                        break
                return found
            except NotAdjacent:  # rows of a product do not stand together
                continue
    except (FeedbridgeError, OSError):  # the run itself says what is wrong with the source
        pass
    return found


def of_shop(name: str, environment: Mapping[str, str], **how: Any) -> Catalogue:
    """A catalogue as the platform's own means give it. Raises SourceError."""
    front, _, kind = name.partition(".")
    try:
        snapshot = platform(front).catalogues[kind](environment, **how)
    except FeedbridgeError as exc:
        offline = (
            f"offline, convert and check take an exported file: --set {name}={kind}.csv (feedbridge {front} {kind} --export "
            f"{kind}.csv), and a job's mapping names it: lookup: {{catalogue: {name}, file: {kind}.csv}}"
        )
        raise SourceError(
            f"titles cannot be looked up: {exc.message}", where=name, code=exc.code,
            mend=f"{exc.mend}; {offline}" if exc.mend else offline,
        ) from exc
    return Catalogue(name, "in the shop", snapshot.entries, snapshot.read.astimezone(UTC).isoformat(), snapshot.old, snapshot.again)


def told(catalogues: Sequence[Catalogue], now: datetime) -> list[Finding]:
    """How old the catalogues are that a shop was asked for. Advice names moments and no ages, so that a run by the same
    catalogues says the same."""
    found = []
    if kept := [one for one in catalogues if not one.old]:
        each = ", ".join(f"of {one.name} at {one.since} ({_counted(one)})" for one in kept)
        found.append(Finding(
            code="mapping.catalogue-read", severity=Severity.ADVICE,
            message=f"titles are looked up as the shop had them: {each}",
            mend=f"they are asked for again after 24 hours, and at once by: {'; '.join(one.again for one in kept)}",
        ))
    if old := [one for one in catalogues if one.old]:
        each = ", ".join(f"of {one.name} {_age(now, one)} ago, at {one.since} ({_counted(one)})" for one in old)
        found.append(Finding(
            code="mapping.catalogue-old", severity=Severity.WARNING,
            message=f"titles are looked up as the shop had them: {each}; it cannot be asked now: "
            + "; ".join(dict.fromkeys(one.old for one in old)),
            mend="run it again when the shop can be reached",
        ))
    return found


def _counted(catalogue: Catalogue) -> str:
    number = len(catalogue.entries)
    return "one entry" if number == 1 else f"{number:,} entries"


def _age(now: datetime, catalogue: Catalogue) -> str:
    age = now - datetime.fromisoformat(catalogue.read)
    hours = max(int(age.total_seconds() // 3600), 0)
    if hours < 1:
        return "less than an hour"
    number, word = (hours, "hour") if hours < 48 else (hours // 24, "day")
    return f"{number} {word}" + ("" if number == 1 else "s")

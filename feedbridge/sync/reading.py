"""A job's sources read into a Feed: opened, recognised and converted as ``convert`` does, for every target."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import feedbridge
from feedbridge.errors import CommandError, FeedbridgeError, MappingError, OutputError, SourceError
from feedbridge.findings import Finding, Severity
from feedbridge.mapping.assemble import place_at
from feedbridge.mapping.load import Mapping
from feedbridge.run.engine import Done, Progress, run
from feedbridge.run.inputs import source_paths
from feedbridge.run.job import Job as Conversion
from feedbridge.run.manifest import manifest_of, write_manifest
from feedbridge.run.preparing import prepare
from feedbridge.sources.files import expand
from feedbridge.sync.feed import Feed, HeldProduct
from feedbridge.sync.jobfile import Job
from feedbridge.sync.ledger import Ledger

__all__ = ["Conversions", "FileDigests", "GuardError", "conversions", "read_into", "sha256_of"]

REFUSED = frozenset({"source.empty", "source.no-products"})
NOT_THERE = frozenset({"mapping.unknown-column"})
FileState = tuple[int, ...]


class GuardError(FeedbridgeError):
    """A guard holds a run that cannot even be planned; nothing was sent."""

    exit_status = 4


@dataclass
class Conversions:
    """What is to be converted: one conversion for every set of targets on different platforms.

    ``passes``  (conversion, {platform: target})
    """

    passes: list[tuple[Conversion, dict[str, str]]]
    digests: list[tuple[str, str]]
    """(path, sha256) of every file that is read."""
    mappings: list[str]
    fingerprint: str
    columns: list[str] = field(default_factory=list)
    headers: set[str] = field(default_factory=set)
    is_table: bool = False
    records: list[tuple[str, int]] = field(default_factory=list)
    """(file, records) of every source, once they are read."""
    ran_before: bool = False
    """Whether the job was complete once: what the mapping needs was there then."""
    states: dict[Path, FileState] = field(default_factory=dict)
    """How every file that is read was before it was opened and its digest taken."""

    def settings(self, target: str) -> Any:
        """The platform's settings of a target, mapping's and job's."""
        for conversion, targets in self.passes:
            for platform, name in targets.items():
                if name == target:
                    return conversion.settings[platform]
        raise KeyError(target)

    def check_unchanged(self) -> None:
        """Raises SourceError when a file is another one than at the beginning: what was read of it may not be what its
        digest says, and a feed that was never read would be taken for delivered."""
        for path, before in self.states.items():
            if _state_of(path) != before:
                raise SourceError(
                    "was changed while it was read, so what was read may not be what stands there now; nothing was sent",
                    where=str(path), code="source.changed",
                    mend="run the same command again when the export is finished; let exports end well before the nightly run",
                )

    @property
    def looked_up(self) -> list[Finding]:
        """How old the catalogues are that titles are looked up in, which is known before the sources are read."""
        found = [one for conversion, _ in self.passes for source in conversion.sources for one in source.findings]
        return [one for one in found if one.code.startswith("mapping.catalogue-")]

    def place(self, product: HeldProduct) -> tuple[str, int]:
        """File and line of a held-back product, as findings show them."""
        file, line, _ = place_at(self.passes[0][0].sources[product.source], product.line, product.place)
        return file, line

    @property
    def shown(self) -> list[str]:
        return [source.name for source in self.passes[0][0].sources]


def conversions(
    job: Job, *, ran_before: bool, sources: list[str] | None = None, mapping: str | None = None,
) -> Conversions:
    """Open a job's sources and check all that can be checked without reading them through.

    ``ran_before``  whether the job was complete once: an export that now is empty is a guard's affair then
    ``sources``     other files than the job's (a mended quarantine)
    """
    wanted = sources or job.sources
    names = None if sources else _names(job)
    passes: list[tuple[Conversion, dict[str, str]]] = []
    try:
        states = {path: _state_of(path) for path in expand(wanted)}
        for targets in _passes(job):
            given = dict(job.spec.set)
            own = {platform: job.platform_settings(name) for platform, name in targets.items()}
            if job.spec.download and "flickrocket" in own:
                own["flickrocket"]["download"] = True
            conversion = prepare(
                wanted, list(targets), mapping or job.mapping, given, job.spec.workers, job.spec.strict, None, names, own,
                _shop_of(job),
            )
            conversion.allow_empty = True
            passes.append((conversion, targets))
    except SourceError as exc:
        if ran_before and exc.code in REFUSED:
            raise _held("empty-source", exc) from exc
        raise
    except (MappingError, CommandError) as exc:
        if ran_before and exc.code in NOT_THERE:
            raise _held("lost-column", exc) from exc
        raise
    first = passes[0][0]
    paths = list(dict.fromkeys(path for source in first.sources for path in source_paths(source)))
    tables = [path for one in first.mappings for path in _tables(one)]
    for path in (*paths, *tables):
        states.setdefault(path, _state_of(path))
    digests = [(str(path), sha256_of(path)) for path in paths]
    mappings = list(dict.fromkeys(one.digest for conversion, _ in passes for one in conversion.mappings))
    said = {
        "version": feedbridge.__version__, "sources": [digest for _, digest in digests], "mappings": mappings,
        "tables": sorted({sha256_of(path) for path in tables}), "job": job.digest,
    }
    return Conversions(
        passes, digests, mappings, hashlib.sha256(json.dumps(said).encode()).hexdigest(),
        headers={column for source in first.sources for column in source.header},
        is_table=all(source.kind == "table" for source in first.sources), ran_before=ran_before, states=states,
    )


@dataclass
class Read:
    """What reading a feed leaves beside the feed itself."""

    findings: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    examples: list[Finding] = field(default_factory=list)
    quarantine: str = ""
    seconds: float = 0


def read_into(feed: Feed, made: Conversions, numbers: dict[str, int], folder: Path, progress: Progress | None) -> Read:
    """Convert, and put everything into the feed. ``numbers``: target -> its number there; ``folder``: for findings and
    quarantine, one sub-folder a pass. Raises SourceError when a file changed meanwhile."""
    read = Read()
    for place, (conversion, targets) in enumerate(made.passes):
        working = folder / ("feed" if place == 0 else f"feed-{place + 1}")
        try:
            working.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise OutputError(
                f"cannot write: {exc.strerror or exc}", where=str(working), code="sync.run-folder",
                mend="make room or give permission, then run the same command again; nothing was sent",
            ) from exc
        feed.begin([numbers[targets[platform]] for platform in conversion.platforms], working.name)
        try:
            done = run(conversion, working, progress, watch=feed)
        except MappingError as exc:
            if made.ran_before and exc.code in NOT_THERE:
                raise _held("lost-column", exc) from exc
            raise
        write_manifest(working, manifest_of(conversion, done))
        _note(read, done, place == 0)
        if place == 0:
            made.columns = sorted({column for one in done.applied for column in one.used_columns()}) if made.is_table else []
            made.records = [
                (source.name, one.count) for source, one in zip(conversion.sources, done.applied, strict=True)
            ]
            read.quarantine = str(working / "quarantine") if done.quarantine else ""
    made.check_unchanged()
    feed.finish()
    return read


def _note(read: Read, done: Done, first: bool) -> None:
    read.errors += done.findings.severities[Severity.ERROR.value]
    if first:
        read.findings = Counter(done.findings.codes)
        read.examples = [one for some in done.findings.first.values() for one in some]
    else:
        for code, number in done.findings.codes.items():
            read.findings[code] = max(read.findings[code], number)


def _passes(job: Job) -> Iterator[dict[str, str]]:
    """Targets in as few sets as possible, each with a platform once: {platform: target}."""
    sets: list[dict[str, str]] = []
    for name, target in job.spec.targets.items():
        fitting = next((one for one in sets if target.platform not in one), None)
        if fitting is None:
            sets.append({target.platform: name})
        else:
            fitting[target.platform] = name
    yield from sets


def _shop_of(job: Job) -> dict[str, str]:
    """Titles are looked up in the shop that a target delivers to, not in another that happens to be logged in."""
    shops = {getattr(job.delivery_settings(name), "shop", "") for name in job.spec.targets} - {""}
    ways = {shop for shop in shops if shop != "default"}
    return {"FEEDBRIDGE_FLICKROCKET_SHOP": ways.pop()} if len(ways) == 1 else {}


def _names(job: Job) -> list[str] | None:
    return None if any(set("*?[") & set(source) for source in job.sources) else job.shown_sources


def _tables(mapping: Mapping) -> Iterator[Path]:
    """The tables beside a mapping: they decide what is sent as the mapping does."""
    def walk(node: Any) -> Iterator[Path]:
        if isinstance(node, dict):
            name = node.get("file")
            if isinstance(name, str) and (mapping.folder / name).is_file():
                yield mapping.folder / name
            for member in node.values():
                yield from walk(member)
        elif isinstance(node, list):
            for member in node:
                yield from walk(member)

    yield from walk(mapping.plain)


MENDS = {
    "empty-source": "export it again; there is nothing in it that could be released",
    "lost-column": "if the column has another name now, put that into the mapping; without it nothing can be sent",
}


def _held(guard: str, exc: FeedbridgeError) -> GuardError:
    # What the mapping's own message proposes is the likest name, and may be that of another price.
    return GuardError(f"{exc.message}; nothing was sent", where=exc.where, code=f"guard.{guard}", mend=MENDS[guard])


def _state_of(path: Path) -> FileState:
    """What tells whether a file is still the same one, also after it was away and came back; empty: it is not there."""
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises SourceError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise SourceError(
            f"cannot be read: {exc.strerror or exc}", where=str(path), code="source.missing",
            mend="check the path and its permissions",
        ) from exc


class FileDigests:
    """SHA-256 of content files; what the ledger knows of an unchanged file is not read again."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._known: dict[tuple[str, int, int, int], str] = {}

    def __call__(self, path: str) -> str:
        """Raises OSError."""
        stat = Path(path).stat()
        mark = (path, stat.st_size, stat.st_mtime_ns, stat.st_ino)
        digest = self._known.get(mark) or self._ledger.digest_of(path, stat)
        if not digest:
            with Path(path).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self._ledger.note_digest(path, stat, digest)
        self._known[mark] = digest
        return digest

"""A run: sources through a mapping to platforms, in one process or several, into one output folder."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from feedbridge.cells.decimals import Decision
from feedbridge.errors import FeedbridgeError, OutputError, SourceError
from feedbridge.findings import Finding
from feedbridge.mapping.apply import Applied
from feedbridge.mapping.group import Group
from feedbridge.mapping.grouping import NotAdjacent
from feedbridge.platforms import Platform, Writer, platform
from feedbridge.product import Product
from feedbridge.rules import Found, Problem
from feedbridge.run.inputs import source_paths
from feedbridge.run.job import Job
from feedbridge.run.overview import of_the_run
from feedbridge.run.pictures import check_pictures
from feedbridge.run.process import Chunk, Processor, finding_of, held_records, index_of
from feedbridge.run.quarantine import QuarantineWriter
from feedbridge.run.ranges import EdgeRun, RangeResult, plan_ranges
from feedbridge.run.stitch import FindingFile, Late, Stitcher, Watch
from feedbridge.sources.base import Source

__all__ = ["Done", "Progress", "run"]

Progress = Callable[[int], None]
"""Called now and then with the number of records read so far."""


@dataclass(slots=True)
class Done:
    """What a run leaves in memory; the rest is in the output folder."""

    stitcher: Stitcher
    findings: FindingFile
    applied: list[Applied]
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    """platform -> what its writer says of its files"""
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    images: dict[str, int] | None = None
    """What the check of pictures found, in numbers; None when there was none."""


def run(
    job: Job,
    working: Path | None,
    progress: Progress | None = None,
    image_progress: Progress | None = None,
    watch: Watch | None = None,
) -> Done:
    """Do a job. ``working``: the folder to write into; None for ``check``, which writes no payload.
    ``image_progress``: told the number of pictures that were checked so far. ``watch``: takes the products instead of
    the platforms' writers; findings and quarantine are written all the same.

    Raises: FeedbridgeError and its children; nothing it wrote is then worth keeping.
    """
    gathered: set[int] = set()
    whole: set[int] = set()
    applied = [
        Applied(mapping, source, keep_of(job)) for mapping, source in zip(job.mappings, job.sources, strict=True)
    ]
    seen = [state_of(source) for source in job.sources]
    while True:
        if watch is not None:
            watch.restart()
        attempt = _Run(job, working, applied, gathered, whole, progress, watch)
        attempt.image_progress = image_progress
        try:
            done = attempt.go()
            for source, before in zip(job.sources, seen, strict=True):
                if state_of(source) != before:
                    raise SourceError(
                        "was changed while it was read, so what was read may be half old and half new; nothing was written",
                        where=source.name,
                        code="source.changed",
                        mend="run the same command again when the export is finished",
                    )
            return done
        except CutInDoubt:
            whole.add(attempt.current)
            attempt.clear()
        except NotAdjacent:
            gathered.add(attempt.current)
            attempt.clear()
        except OSError as exc:
            read = [(source, path) for source in job.sources for path in source_paths(source)]
            of = next((source for source, path in read if exc.filename and str(exc.filename) == str(path)), None)
            if of is not None:
                raise SourceError(
                    f"cannot be read any more: {exc.strerror or exc}; nothing was written", where=of.name,
                    code="source.changed", mend="put it back, then run the same command again",
                ) from exc  # fmt: skip
            raise OutputError(
                f"cannot write: {exc.strerror or exc}",
                code="output.write",
                where=str(exc.filename or working or ""),
                mend="make room or give permission, then run the same command again; nothing half-written was left",
            ) from exc


class _Run:
    def __init__(
        self,
        job: Job,
        working: Path | None,
        applied: list[Applied],
        gathered: set[int],
        whole: set[int],
        progress: Progress | None,
        watch: Watch | None = None,
    ) -> None:
        self.job = job
        self.working = working
        self.applied = applied
        self.gathered = gathered
        self.whole = whole
        self.progress = progress
        self.image_progress: Progress | None = None
        self.current = 0
        self.all: list[Platform] = [platform(name) for name in job.platforms]
        self.findings = FindingFile(working / "findings.jsonl" if working else None)
        writers: list[Writer] = []
        quarantine = None
        if working is not None:
            for target in self.all if watch is None else ():
                (working / target.name).mkdir()
                writers.append(target.writer(job.settings[target.name], working / target.name, job.environment))
            quarantine = QuarantineWriter(working / "quarantine")
        self.quarantine = quarantine
        self.stitcher = Stitcher(self.all, writers, self.findings, quarantine, job.sources, job.limit)
        self.stitcher.written = {} if job.images is not None else None
        self.stitcher.watch = watch

    def clear(self) -> None:
        """Take back what this attempt wrote."""
        import shutil

        self.findings.finish([])
        for applied in self.applied:
            for table in applied.tables():
                table.reset()
        if self.working is not None:
            for path in self.working.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def go(self) -> Done:
        stitcher = self.stitcher
        for number, source in enumerate(self.job.sources):
            self.current = number
            further = [finding for one in self.applied[number].attached.values() for finding in one.findings]
            for finding in [*source.findings, *further]:
                self.findings.add(stitcher.read * 2, finding)
            before = stitcher.records
            with paused_collector():
                self.applied[number].count = 0
                self.source(number)
                stitcher.file_notices()
            if self.job.limit is None:
                self.check_records(number, stitcher.records - before)
            if not self.applied[number].count and not self.job.allow_empty:
                raise SourceError(
                    "holds no records; an export that comes back empty must not empty what was written before",
                    where=source.name,
                    code="source.no-products",
                    mend="export it again, or say --allow-empty if that is meant",
                )
            if stitcher.full():
                break
        late = self.late_findings()
        for finding in [*stitcher.once_a_run(), *of_the_run(self.all, self.applied, stitcher)]:
            late.append((stitcher.read * 2 + 1, finding))
        stitcher.check_law()
        images = self.pictures(late)
        results = {}
        for target, writer in zip(self.all, stitcher.writers, strict=False):
            results[target.name] = writer.finish()
        self.findings.finish(late)
        quarantine = self.quarantine.finish() if self.quarantine is not None else []
        return Done(stitcher, self.findings, self.applied, results, quarantine, images)

    def source(self, number: int) -> None:
        applied = self.applied[number]
        processor = Processor(self.job, number, applied)
        gathered = number in self.gathered or not applied.streams()
        if not gathered and self.job.workers > 1 and self.job.limit is None and applied.splits() and number not in self.whole:
            ranges = plan_ranges(applied.source, self.job.workers, self.job.range_bytes)
            if len(ranges) > 1:
                self.side_by_side(number, processor, ranges)
                return
        groups = applied.anywhere(self.stitcher.notice) if gathered else applied.groups(None, self.stitcher.notice)
        self.take(processor.chunks(groups), gathered or applied.key is None)

    def take(self, chunks: Iterator[Chunk], gathered: bool) -> None:
        for chunk in chunks:
            self.stitcher.take(chunk, gathered)
            if self.progress is not None:
                self.progress(self.stitcher.records)
            if self.stitcher.full():
                return

    def side_by_side(self, number: int, processor: Processor, ranges: list[Any]) -> None:
        """The source in ranges, each in a worker; results are taken in file order. A range that does not begin or end
        cleanly at a record puts the cuts in doubt: the source is then read in one piece, so the result never depends on them."""
        edges = EdgeRun(processor, self.applied[number])
        keyed = self.applied[number].key is not None
        with workers(self.job, number, self.applied[number].decimals) as submit:
            waiting: list[Future[bytes]] = []
            upcoming = iter(ranges)
            for part in ranges[: self.job.workers + 1]:
                waiting.append(submit(part))
                next(upcoming)
            done = 0
            while waiting:
                data = waiting.pop(0).result()
                result = msgspec.msgpack.decode(data, type=RangeResult)
                if not result.clean:
                    raise CutInDoubt
                part = next(upcoming, None)
                if part is not None:
                    waiting.append(submit(part))
                self.merge_tables(number, result)
                self.stitcher.notice(result.notices)
                for chunk in edges.chunks(result, last=done == len(ranges) - 1):
                    self.stitcher.take(chunk, not keyed)
                if self.progress is not None:
                    self.progress(self.stitcher.records)
                self.applied[number].count += result.records
                done += 1

    def merge_tables(self, number: int, result: RangeResult) -> None:
        for table, (hits, misses, loose) in zip(self.applied[number].tables(), result.tables, strict=True):
            table.hits += hits
            table.misses.update(misses)
            table.loose.update(loose)

    def pictures(self, late: list[tuple[int, Finding]]) -> dict[str, int] | None:
        """The check of the pictures, when it is asked for: its findings go into ``late``."""
        if self.job.images is None:
            return None
        written = self.stitcher.written or {}
        sources = [
            (applied, number in self.gathered or not applied.streams(), bytes(written.get(number, b"")))
            for number, applied in enumerate(self.applied)
        ]
        found, summary = check_pictures(self.job.images, self.job.platforms, sources, self.image_progress)
        late += found
        return summary

    def check_records(self, number: int, taken: int) -> None:
        count = self.applied[number].count
        if count != taken:
            raise FeedbridgeError(
                f"{count} records were read, but {taken} came out; nothing was written",
                where=self.job.sources[number].name,
                code="run.conservation",
                mend="this is a fault of feedbridge: please report it with the source file",
            )

    def late_findings(self) -> list[tuple[int, Finding]]:
        """Findings and quarantine records of products that were turned away at the end: read once more."""
        found: list[tuple[int, Finding]] = []
        by_source: dict[int, dict[tuple[int, int], list[Late]]] = {}
        for late in self.stitcher.late:
            by_source.setdefault(late.source, {}).setdefault((late.line, late.index), []).append(late)
        for number, wanted in by_source.items():
            applied = self.applied[number]
            gathered = number in self.gathered or not applied.streams()
            count = applied.count
            coverage = [(table, table.hits, dict(table.misses)) for table in applied.tables()]
            groups = applied.anywhere() if gathered else applied.groups()
            for group in groups:
                head = group.head
                own = wanted.pop((head[0], index_of(applied, head)), None)
                if own is not None:
                    found += self.late_product(number, group, own)
                if not wanted:
                    break
            applied.count = count
            for table, hits, misses in coverage:
                table.reset(hits, misses)
            if wanted:
                raise FeedbridgeError(
                    f"{len(wanted)} products that were turned away were not found again; nothing was written",
                    where=self.job.sources[number].name,
                    code="run.conservation",
                    mend="run again; if the source did not change meanwhile, please report it with the source file",
                )
        return found

    def late_product(self, number: int, group: Group, own: list[Late]) -> list[tuple[int, Finding]]:
        applied = self.applied[number]
        findings = []
        for late in own:
            name = self.job.platforms[late.platform]
            way = applied.ways[name]
            assembled = way.assembler.assemble(group)
            if assembled.product is None:
                continue
            findings.append(
                (
                    late.order,
                    finding_of(
                        Found(late.rule, where_is(late.problem, assembled.product)),
                        name,
                        assembled.product,
                        assembled,
                        group,
                        applied,
                    ),
                )
            )
        if not any(late.held for late in own):
            for held in held_records(group, [finding for _, finding in findings], applied):
                self.stitcher.hold(number, held, group.head[0], index_of(applied, group.head))
        return findings


def where_is(problem: Problem, product: Product) -> Problem:
    """The problem with a key at the field that holds it: a platform's keys may be the variants' alone."""
    for number, variant in enumerate(product.variants):
        if variant.sku == problem.value and product.sku != problem.value:
            return problem._replace(field=f"variants.{number}.sku")
    return problem._replace(field="sku") if product.sku == problem.value else problem


def state_of(source: Source) -> tuple[tuple[int, int, int], ...]:
    """What tells whether a source's files are still the ones that were opened."""
    states = []
    for path in source_paths(source):
        try:
            stat = path.stat()
        except OSError:
            states.append((0, 0, 0))
        else:
            states.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return tuple(states)


def keep_of(job: Job) -> dict[str, frozenset[str]]:
    """Platform -> the canonical fields it has a place for."""
    return {name: platform(name).placed | platform(name).dropped for name in job.platforms}


class CutInDoubt(Exception):
    """A range did not begin or end at a record (a damaged place in the file): read the source in one piece."""


@contextmanager
def workers(job: Job, number: int, decimals: dict[str, Decision]) -> Iterator[Callable[[Any], Future[bytes]]]:
    """Worker processes for one source. They are children by fork where the system has it, else fresh ones."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
    executor = ProcessPoolExecutor(
        job.workers, mp_context=context, initializer=_begin, initargs=(job, number, decimals)
    )
    try:
        yield lambda part: executor.submit(_work, part)
    except BrokenProcessPool as exc:
        raise FeedbridgeError(
            "a worker process was killed (out of memory?)", code="run.worker", mend="run again with --workers 1"
        ) from exc
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


_RANGE: EdgeRun | None = None


def _begin(job: Job, number: int, decimals: dict[str, Decision]) -> None:
    import signal

    global _RANGE
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    die_with_parent()
    applied = Applied(job.mappings[number], job.sources[number], keep_of(job), decimals)
    _RANGE = EdgeRun(Processor(job, number, applied), applied)


def _work(part: Any) -> bytes:
    assert _RANGE is not None
    with paused_collector():
        return msgspec.msgpack.encode(_RANGE.work(part))


def die_with_parent() -> None:
    """Ask the system to end this worker when the run is killed (Linux; elsewhere it ends when its pipe breaks)."""
    import ctypes
    import signal
    import sys

    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG; source: prctl(2)


@contextmanager
def paused_collector() -> Iterator[None]:
    """No cyclic garbage collection: light products have no cycles, and looking for them costs a third of the run."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()

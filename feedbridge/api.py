"""feedbridge from Python: ``read``, ``check``, ``convert``. The command line calls nothing else.

>>> import feedbridge
>>> result = feedbridge.convert("shop.csv", to=["flipsnack"], out="out", set={"currency": "EUR"})  # doctest: +SKIP
>>> result.counts["flipsnack"]["written"]  # doctest: +SKIP
120
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingABC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from feedbridge.errors import CommandError, SourceError
from feedbridge.findings import Finding, Severity
from feedbridge.images import ImageSettings
from feedbridge.mapping.apply import Applied
from feedbridge.platforms import platform_names
from feedbridge.product import Product, to_model
from feedbridge.run.engine import Done, Progress, keep_of, run
from feedbridge.run.folder import OutputFolder
from feedbridge.run.inputs import source_paths
from feedbridge.run.job import Job
from feedbridge.run.manifest import manifest_of, write_manifest
from feedbridge.run.page import write_report
from feedbridge.run.pictures import needs
from feedbridge.run.preparing import prepare
from feedbridge.sources.opening import open_source

if TYPE_CHECKING:
    import pandas

    from feedbridge.mapping.suggest import Draft
    from feedbridge.sync.syncing import Report, Sync

__all__ = ["Result", "apply_plan", "check", "convert", "explain", "plan_job", "read", "suggest", "sync_job"]

SourceLike = Any
"""A path, a glob, a pandas DataFrame, or a list of these."""

class Result:
    """What a run made: counts, findings, payloads, products. Shows itself as a table in a notebook."""

    def __init__(self, job: Job, done: Done, manifest: dict[str, Any], out: Path | None, keep: Any = None) -> None:
        self._job = job
        self._done = done
        self._keep = keep
        self.manifest = manifest
        self.out = out
        """The output folder; None after ``check``."""

    @property
    def counts(self) -> dict[str, dict[str, Any]]:
        """platform -> read, written, excluded (by kind), held_back, variants (the same again)."""
        return {name: about["counts"] for name, about in self.manifest["platforms"].items()}

    @property
    def exit_status(self) -> int:
        """0: everything was written; 1: products were held back, a platform got none at all, or something of a file
        that belongs to no product could not be used."""
        found = [self.first_findings, *(one.source.findings for one in self._done.applied)]
        found += [file.findings for one in self._done.applied for file in one.attached.values()]
        errors = any(finding.severity is Severity.ERROR for findings in found for finding in findings)
        lost = errors or self._done.findings.codes["run.nothing-written"]
        return 1 if self._done.stitcher.held_anywhere or lost else 0

    @property
    def findings(self) -> list[Finding]:
        """Every finding, in file order."""
        if self._done.findings.path is None or self.out is None:
            return self._done.findings.kept
        decode = msgspec.json.Decoder(Finding).decode
        with (self.out / "findings.jsonl").open("rb") as lines:
            return [decode(line) for line in lines]

    @property
    def finding_counts(self) -> dict[str, int]:
        """Number of findings by code; complete also where lists are cut for the screen."""
        return dict(self._done.findings.codes)

    @property
    def first_findings(self) -> list[Finding]:
        """The first few findings of each code, enough to show."""
        return [finding for examples in self._done.findings.first.values() for finding in examples]

    @property
    def products(self) -> Iterator[Product]:
        """The canonical products (pydantic), read anew from the sources; held-back ones are left out."""
        return _products(self._job)

    def payload(self, platform: str) -> list[Any]:
        """The platform's products as they were written: Flipsnack's and FlickRocket's objects, Magento's by id.

        Raises: CommandError after ``check``, which writes none.
        """
        if self.out is None or platform not in self.manifest["platforms"]:
            raise CommandError(
                f"there is no payload for {platform}",
                code="command.payload",
                mend=f"convert to it: there is {', '.join(self.manifest['platforms'])}"
                if self.out
                else "use convert instead of check",
            )
        found: list[Any] = []
        for file in self.manifest["platforms"][platform].get("files", ()):
            path = self.out / platform / file["path"]
            if path.suffix != ".json":
                continue
            document = json.loads(path.read_bytes())
            if isinstance(document, list):
                found += document
            elif platform == "magento":
                found += document["product"].values()
            else:
                found.append(document)
        return found

    def to_frame(self) -> pandas.DataFrame:
        """One row a product or variant: the canonical fields, money as Decimal, identifiers as text."""
        import pandas

        rows = []
        for product in self.products:
            own = product.model_dump(exclude={"variants"})
            for variant in product.variants or (None,):
                row = {**own, "variant_sku": None}
                if variant is not None:
                    over = {
                        k: v
                        for k, v in variant.model_dump(exclude={"sku", "status"}).items()
                        if v not in (None, (), {})
                    }
                    row |= over
                    row |= {"variant_sku": variant.sku, "variant_status": variant.status.value}
                for name in ("price", "sale_price", "cost"):
                    money = row.get(name)
                    row[name] = money["amount"] if money else None
                    if money:
                        row["currency"] = money["currency"]
                rows.append(row)
        return pandas.DataFrame(rows)

    def _repr_html_(self) -> str:
        from html import escape

        heads = ("platform", "read", "written", "excluded", "held back")
        body = "".join(
            "<tr>"
            + "".join(
                f"<td>{escape(str(cell))}</td>"
                for cell in (name, c["read"], c["written"], sum(c["excluded"].values()), c["held_back"])
            )
            + "</tr>"
            for name, c in self.counts.items()
        )
        found = "".join(
            f"<li><code>{escape(code)}</code> × {count}</li>" for code, count in sorted(self.finding_counts.items())
        )
        head = "".join(f"<th>{name}</th>" for name in heads)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><ul>{found}</ul>"

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}: read {c['read']}, written {c['written']}, excluded {sum(c['excluded'].values())}, held back {c['held_back']}"
            for name, c in self.counts.items()
        )
        return f"<feedbridge.Result {shown}>"


def convert(
    sources: SourceLike | Sequence[SourceLike],
    *,
    to: str | Sequence[str],
    out: str | os.PathLike[str] | None = None,
    mapping: str = "auto",
    set: MappingABC[str, str] | None = None,
    workers: int | None = None,
    strict: bool = False,
    limit: int | None = None,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
    allow_empty: bool = False,
    report: bool = True,
    check_images: bool | ImageSettings = False,
    image_progress: Progress | None = None,
) -> Result:
    """Convert sources for one or several platforms into an output folder.

    ``sources``  paths, globs, DataFrames      ``to``      platform names
    ``out``      folder to make or replace; a temporary one that lives as long as the result when None
    ``mapping``  preset name, mapping file, or auto       ``set``  what files cannot say: ``{"currency": "EUR"}``
    ``workers``  processes for large files (default: the cores)    ``limit``  stop after so many products
    ``strict``   check every product against the pydantic model, too
    ``names``    how findings show the sources
    ``report``   write report.html, one page to look at, too
    ``allow_empty``  accept a source without records (else SourceError: it must not empty what was written before)
    ``check_images``  look at every picture of the written products, too: True, or settings (docs/images.md);
                 ``image_progress`` is told how many are done

    Raises: FeedbridgeError (CommandError, MappingError, SourceError, OutputError). Nothing half-written is left.
    """
    job = prepare(sources, to, mapping, set, workers, strict, limit, names)
    job.allow_empty = allow_empty
    job.images = _image_settings(check_images)
    _needs_platform(job)
    keep = None
    if out is None:
        keep = tempfile.TemporaryDirectory(prefix="feedbridge-")
        out = Path(keep.name) / "out"
    inputs = [Path(path) for source in job.sources for path in source_paths(source)]
    with OutputFolder(Path(out), inputs=inputs) as folder:
        done = run(job, folder.working, progress, image_progress)
        manifest = manifest_of(job, done)
        write_manifest(folder.working, manifest)
        if report:
            write_report(folder.working, job, done, manifest, recognised=mapping == "auto")
        folder.commit()
    return Result(job, done, manifest, Path(out), keep)


def check(
    sources: SourceLike | Sequence[SourceLike],
    *,
    to: str | Sequence[str],
    mapping: str = "auto",
    set: MappingABC[str, str] | None = None,
    workers: int | None = None,
    strict: bool = False,
    limit: int | None = None,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
    allow_empty: bool = False,
    check_images: bool | ImageSettings = False,
    image_progress: Progress | None = None,
) -> Result:
    """The same as ``convert`` without writing anything."""
    job = prepare(sources, to, mapping, set, workers, strict, limit, names)
    job.allow_empty = allow_empty
    job.images = _image_settings(check_images)
    _needs_platform(job)
    done = run(job, None, progress, image_progress)
    return Result(job, done, manifest_of(job, done), None)


def read(
    sources: SourceLike | Sequence[SourceLike],
    *,
    mapping: str = "auto",
    set: MappingABC[str, str] | None = None,
    names: Sequence[str] | None = None,
) -> Iterator[Product]:
    """The canonical products of sources (pydantic objects), one after another; held-back ones are left out.

    Use ``check`` to see why.
    """
    return _products(prepare(sources, (), mapping, set, 1, False, None, names))


def explain(
    sources: SourceLike | Sequence[SourceLike],
    *,
    sku: str | None = None,
    line: int | None = None,
    to: str | Sequence[str] = (),
    mapping: str = "auto",
    set: MappingABC[str, str] | None = None,
    names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """One product from its source cells to what each platform gets: which cell, line and mapping layer made each field.

    ``sku``   a product's SKU, a variant's, or the key that groups its rows      ``line``  or a line of a source

    Shape:   docs/explain.md; the products of the answer are all that were found, never none.
    Raises:  FeedbridgeError; CommandError when there is no such product.
    """
    from feedbridge.run.explaining import explain

    if (sku is None) == (line is None):
        raise CommandError("which product is not said", code="command.unknown-sku", mend="give sku= or line=")
    return explain(prepare(sources, to, mapping, set, 1, False, None, names), sku=sku, line=line)


def suggest(
    source: SourceLike,
    *,
    out: str | os.PathLike[str] | None = None,
    to: str | Sequence[str] = ("flipsnack", "magento"),
    name: str | None = None,
    replace: bool = False,
) -> Draft:
    """A commented starting mapping for a file, tried on its first 1,000 products.

    ``out``      file to write; ``replace``: also when it is there       ``name``  how the source is shown
    ``to``       platforms it is tried for

    Shape:   ``text()`` is the mapping, ``checked`` what came out of the trial, ``exit_status`` 0, or 1 when the SKU or
             the title had to be guessed or the mapping does not convert yet.
    Raises:  SourceError when the source cannot be read, CommandError, OutputError when ``out`` cannot be written.
    """
    from feedbridge.run.inputs import named
    from feedbridge.run.suggesting import MOST_PRODUCTS, suggest, write_mapping

    things = list(named(source, [name] if name else None))
    if len(things) != 1:
        raise CommandError("suggest takes one source", code="command.source", mend="name one file")
    thing, called = things[0]
    shown = called or (str(thing) if isinstance(thing, str | os.PathLike) else "<DataFrame>")
    wanted = [to] if isinstance(to, str) else list(dict.fromkeys(to))

    def job_of(mapping: str, given: dict[str, str]) -> Job:
        job = prepare(thing, wanted, mapping, given, 1, False, MOST_PRODUCTS, [shown])
        job.allow_empty = True
        _needs_platform(job)
        return job

    draft = suggest(lambda **settings: open_source(thing, name=called, **settings), shown, wanted, job_of)
    if out is not None:
        write_mapping(draft, Path(out), replace=replace)
    return draft


def plan_job(
    job: str | None = None,
    *,
    jobs: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    resend: Sequence[str] | None = None,
    adopt: bool = False,
    release: bool = False,
    **watching: Any,
) -> Report:
    """What a sync of a job would do now; nothing is sent.

    ``job``     its name; None: the file's only one     ``jobs``  job file (default: ./feedbridge.yaml)
    ``out``     where the plan file goes, too           ``resend``, ``adopt``, ``release``  as of ``sync_job``

    Shape:   ``changes()`` gives every change, ``header`` the counts and what guards hold, ``status`` 0, 1 or 4.
    Raises:  FeedbridgeError.
    """
    from feedbridge.sync.syncing import Options

    with open_sync(job, jobs, **watching) as opened:
        options = Options(release=release, resend=None if resend is None else frozenset(resend), adopt=adopt)
        return opened.plan(Path(out) if out is not None else None, options)


def sync_job(
    job: str | None = None,
    *,
    jobs: str | os.PathLike[str] | None = None,
    release: bool = False,
    resend: Sequence[str] | None = None,
    adopt: bool = False,
    replay: Sequence[str | os.PathLike[str]] = (),
    mapping: str | None = None,
    **watching: Any,
) -> Report:
    """Bring a job's platforms to what its feed says (docs/sync.md).

    ``job``      its name; None: the file's only one     ``jobs``  job file (default: ./feedbridge.yaml)
    ``release``  go on although a guard holds            ``resend``  SKUs to send though unchanged; empty: all
    ``adopt``    the platform has products already that the ledger does not know: update them instead of creating
    ``replay``   mended quarantine files: only their products are sent; ``mapping`` when they need another one

    Shape:   ``status`` is the exit status (0, 1, 3, 4, 130); ``result()`` says what was done, target by target.
    Raises:  FeedbridgeError; what was done until then is in the ledger, and the next run goes on from there.
    """
    from feedbridge.sync.syncing import Options

    with open_sync(job, jobs, **watching) as opened:
        return opened.sync(Options(
            release=release, resend=None if resend is None else frozenset(resend), adopt=adopt,
            sources=tuple(os.fspath(path) for path in replay), mapping=mapping,
        ))


def apply_plan(
    plan: str | os.PathLike[str] | None = None,
    *,
    job: str | None = None,
    jobs: str | os.PathLike[str] | None = None,
    release: bool = False,
    **watching: Any,
) -> Report:
    """Carry out a plan: a file that ``plan_job`` wrote, or the last one of a job that a guard held.

    ``plan``  a file; a name that is no file is a job, as on the command line    ``job``  a job by its name

    Raises: PlanError, code ``plan.stale``, when source, mapping, job or ledger have moved since; FeedbridgeError.
    """
    if isinstance(plan, str) and job is None and os.sep not in plan and not os.path.exists(plan):
        plan, job = None, plan
    if plan is not None:
        from feedbridge.sync.planfile import read_plan

        header = read_plan(plan).header
        job, jobs = job or header.job, jobs or header.job_file
    with open_sync(job, jobs, **watching) as opened:
        return opened.apply(Path(plan) if plan is not None else None, release=release)


def open_sync(job: str | None, jobs: str | os.PathLike[str] | None, **watching: Any) -> Sync:
    """A job with its ledger, ready to be planned or run; close it, or use it in a ``with`` block. ``watching``: what
    Sync takes to be watched and stopped."""
    from feedbridge.sync.jobfile import load_jobs
    from feedbridge.sync.syncing import Sync

    environment = watching.pop("environment", os.environ)
    file = load_jobs(Path(jobs) if jobs is not None else None, environment=environment)
    return Sync(file.job(job) if job is not None else file.only(), environment=environment, **watching)


def _products(job: Job) -> Iterator[Product]:
    """Every product with all of its fields; one in which only a field is wrong that the job's platforms have no place
    for, and which was therefore written, with the fields they have."""
    for source, mapping in zip(job.sources, job.mappings, strict=True):
        kept = Applied(mapping, source, keep_of(job)) if job.platforms else None
        try:
            whole = Applied(mapping, source)
        except SourceError:  # a column that no platform needs cannot be decided
            if kept is None:
                raise
            whole = kept
        groups = whole.groups() if whole.streams() and whole.key is None else whole.anywhere()
        for group in groups:
            product, _ = whole.ways[None].product(group)
            if product is None and kept is not None:
                product, _ = kept.common.product(group)
            if product is not None:
                yield to_model(Product, product)


def _image_settings(wanted: bool | ImageSettings) -> ImageSettings | None:
    """Settings of the check of pictures; None when there is none. Raises CommandError when it cannot be done."""
    if wanted is False:
        return None
    settings = ImageSettings() if wanted is True else wanted
    needs(settings)
    return settings


def _needs_platform(job: Job) -> None:
    if not job.platforms:
        raise CommandError(
            "no platform was named",
            code="command.platform",
            mend=f"give to= one or several of {', '.join(platform_names())}",
        )
